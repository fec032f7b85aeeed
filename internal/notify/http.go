package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/tracing"
)

// API says which HTTP service takes messages of a channel. The zero API is none.
type API struct {
	Channel   string // BySMS, ByEmail, or another name
	URL       string // https, or http to this machine; it may hold a secret
	Token     phi.Value[string]
	Recipient string         // the JSON field of whom it goes to; "recipient" when empty
	Text      string         // of the text; "message" when empty
	Subject   string         // of the subject line, which is not sent when empty
	Region    string         // whose numbers those without a country's code are: ISO 3166, such as "US"; empty: nobody's
	Roots     *x509.CertPool // who may vouch for the service; nil: whom the system trusts
	Timeout   time.Duration  // of one message; 10 s when zero
}

// HTTP sends messages by a service's HTTP API. Make it with NewHTTP.
type HTTP struct {
	api API
	provider
}

// NewHTTP returns a channel that sends as a says. The error says what of a can't
// be; the service is not asked.
func NewHTTP(a API) (*HTTP, error) {
	a.Recipient, a.Text = cmp.Or(a.Recipient, "recipient"), cmp.Or(a.Text, "message")
	token := a.Token.Reveal()
	switch {
	case a.Channel == "":
		return nil, errors.New("a delivery service has no channel")
	case token == "" || !ascii(token) || !oneLine(token):
		return nil, errors.New("a delivery service needs a token, of one line")
	case a.Recipient == a.Text || a.Subject == a.Recipient || a.Subject == a.Text:
		return nil, errors.New("the fields of a delivery service have different names")
	case a.Region != "" && !phonenumbers.GetSupportedRegions()[a.Region]:
		return nil, errors.New("the region of telephone numbers is one such as US")
	}
	p, err := newProvider(a.URL, a.Roots, a.Timeout)
	return &HTTP{api: a, provider: p}, err
}

// Name returns the channel's name.
func (h *HTTP) Name() string { return h.api.Channel }

// Keeps returns false.
func (*HTTP) Keeps() bool { return false }

// Address returns the user's telephone number in its international form for SMS,
// absent if what they gave is none, and their e-mail address for other channels.
func (h *HTTP) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (to phi.Value[string], err error) {
	if h.api.Channel != BySMS {
		return u.Email, nil
	}
	number, err := phonenumbers.Parse(u.Phone.Reveal(), h.api.Region)
	if err != nil || !phonenumbers.IsPossibleNumber(number) || number.GetExtension() != "" {
		return to, nil //nolint:nilerr // whose number is none is not found; the error would quote it
	}
	return phi.Of(phonenumbers.Format(number, phonenumbers.E164)), nil
}

// Send hands the message to the service, which knows a repeat by its key.
func (h *HTTP) Send(ctx context.Context, m Message) error {
	fields := map[string]string{h.api.Recipient: m.To.Reveal(), h.api.Text: m.Text.Reveal()}
	if h.api.Subject != "" {
		fields[h.api.Subject] = m.Subject
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return &Failure{Class: Unsendable, Final: true}
	}
	return h.post(ctx, body, map[string]string{"Authorization": "Bearer " + h.api.Token.Reveal(), "Idempotency-Key": m.Key})
}

// provider is somebody whom messages are posted to.
type provider struct {
	url     string
	client  *http.Client
	timeout time.Duration
}

func newProvider(address string, roots *x509.CertPool, timeout time.Duration) (p provider, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return p, errors.New("messages are posted to https://…, or to http://… on this machine") // not the address: it may hold a secret
	}
	return provider{url: address, client: newClient(newTransport(roots), "delivery-service"), timeout: cmp.Or(timeout, 10*time.Second)}, nil
}

func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:    10, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 32 << 10,
	}
}

// newClient returns a client that follows no redirects: who takes messages
// elsewhere has not been chosen by the operator. recipient is its name in traces.
func newClient(over *http.Transport, recipient string) *http.Client {
	return &http.Client{
		Transport:     tracing.Outgoing(over, recipient),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post posts JSON once. Its error is a *Failure.
func (p provider) post(ctx context.Context, body []byte, header map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return &Failure{Class: Unsendable}
	}
	req.GetBody = nil // the transport would try again by itself what has an Idempotency-Key
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "medbook")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again; what it says is of no interest
	if f := answered(resp); f != nil {
		return f
	}
	return nil
}

// answered classifies an answer; nil: the provider has the message.
func answered(resp *http.Response) *Failure {
	f := &Failure{Class: ServerError}
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		f.Class = Login
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		f.Class = Deferred
	case code == http.StatusTooManyRequests:
		f.Class = Throttled
	case code/100 == 4:
		return &Failure{Class: Rejected, Final: true}
	}
	if f.Class == Throttled || resp.StatusCode == http.StatusServiceUnavailable {
		f.After, f.At = retryAfter(resp.Header.Get("Retry-After"))
	}
	return f
}

// retryAfter reads the header, which has seconds or a date. What is neither says nothing.
func retryAfter(text string) (after time.Duration, at time.Time) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, 1<<31)) * time.Second, at
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, time.Time{}
	}
	return 0, at
}
