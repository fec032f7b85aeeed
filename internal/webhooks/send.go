package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"code.dny.dev/ssrf"
	"github.com/google/uuid"

	"medbook/internal/tracing"
)

const (
	timeout    = 10 * time.Second // for all of an attempt
	mostAnswer = 64 << 10         // bytes of an answer that are read, and dropped
	agent      = "medbook-webhooks"
	prefix     = "whsec_" // of secrets, as Standard Webhooks has it
)

// poster is how events go outside. Its zero value is ready for use.
type poster struct {
	once   sync.Once
	client *http.Client
}

// guard judges addresses. Ports are free: programs listen where they do.
var guard = ssrf.New(ssrf.WithAnyPort())

// get makes the client when it is first needed.
func (p *poster) get(allowPrivate bool) *http.Client {
	p.once.Do(func() {
		p.client = &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     tracing.Outgoing(newTransport(allowPrivate), "webhook"),
		}
	})
	return p.client
}

func newTransport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout}
	if !allowPrivate {
		// It is called with each address that a name was looked up to, so
		// that no answer of a name server gets past it.
		dialer.Control = guard.Safe
	}
	return &http.Transport{ // with no Proxy, which would dial in our place
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: timeout, IdleConnTimeout: timeout, MaxIdleConnsPerHost: 1, MaxResponseHeaderBytes: mostAnswer,
	}
}

// checkURL returns what is wrong with an address, "" if nothing is. Where a name
// leads is judged when it is dialled.
func (s *Service) checkURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case len(text) > longestURL:
		return "is longer than 2000 bytes"
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "is not an address such as https://example.org/hooks"
	case u.User != nil || u.Fragment != "":
		return "must hold no user, password or fragment"
	case u.Scheme == "http" && s.AllowPrivate && loopback(u.Hostname()):
		return ""
	case u.Scheme != "https":
		return "must begin with https://"
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !s.AllowPrivate && guard.SafeAddr(ip) != nil {
		return "leads to where nothing may be sent"
	}
	return ""
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// payload is what is sent.
type payload struct {
	Type      Kind   `json:"type"`
	Timestamp string `json:"timestamp"` // when it happened
	Data      data   `json:"data"`
}

type data struct {
	ID           string     `json:"id"`
	Patient      *uuid.UUID `json:"patient_id,omitempty"`
	Practitioner *uuid.UUID `json:"practitioner_id,omitempty"`
}

// body returns what is sent of a delivery: the same bytes with each attempt.
func (d Delivery) body() ([]byte, error) {
	return json.Marshal(payload{
		Type: d.Event.Kind, Timestamp: d.HappenedAt.UTC().Format(time.RFC3339Nano),
		Data: data{d.Event.About, given(d.Event.Patient), given(d.Event.Practitioner)},
	})
}

func given(u uuid.UUID) *uuid.UUID {
	if u == uuid.Nil {
		return nil
	}
	return &u
}

// send makes an attempt. What it returns says nothing of what was answered but the
// status.
func (s *Service) send(ctx context.Context, w Webhook, d Delivery, now time.Time) outcome {
	if s.checkURL(w.URL) != "" { // what was allowed when it was made may not be any more
		return outcome{class: Refused}
	}
	keys, err := s.secrets(w, now)
	if err != nil {
		return outcome{class: Unreadable}
	}
	body, err := d.body()
	if err != nil {
		return outcome{class: Unreadable}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{class: Refused}
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": agent,
		"webhook-id": d.EventID.String(), "webhook-timestamp": strconv.FormatInt(now.Unix(), 10),
		"webhook-signature": sign(keys, d.EventID.String(), now, body),
	} {
		req.Header.Set(name, value)
	}
	resp, err := s.post.get(s.AllowPrivate).Do(req)
	if err != nil {
		return outcome{class: classOf(err)}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, mostAnswer) // so that the connection can be used again
	switch {
	case resp.StatusCode/100 == 2:
		return outcome{status: resp.StatusCode}
	case resp.StatusCode == http.StatusGone:
		return outcome{Gone, resp.StatusCode}
	}
	return outcome{Answered, resp.StatusCode}
}

// classOf says why there was no answer.
func classOf(err error) Class {
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return Refused
	case errors.As(err, &network) && network.Timeout():
		return Timeout
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return TLS
	}
	return Unreachable
}

// sign returns the signatures of a message, one with each key, as Standard Webhooks
// 1.0 says.
func sign(keys [][]byte, id string, at time.Time, body []byte) string {
	list := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body) // a hash takes all
		list[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(list, " ")
}

// newSecret makes a secret for a webhook: its text, and as it is kept.
func (s *Service) newSecret(webhook uuid.UUID) (text string, sealed []byte, err error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	sealed, err = s.Seal.Seal(key, secretUse(webhook))
	return prefix + base64.StdEncoding.EncodeToString(key), sealed, err
}

// secretUse says what was sealed, and for which row.
func secretUse(webhook uuid.UUID) []byte { return fmt.Appendf(nil, "webhook secret %s", webhook) }

// secrets returns the keys that sign at an instant, the newest first.
func (s *Service) secrets(w Webhook, now time.Time) (keys [][]byte, err error) {
	all := [][]byte{w.secret}
	if len(w.old) > 0 && now.Before(w.OldUntil) {
		all = append(all, w.old)
	}
	for _, sealed := range all {
		key, err := s.Seal.Unseal(sealed, secretUse(w.ID))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
