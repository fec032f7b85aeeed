package audit

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// webhookTimeout is how long a webhook may take to answer.
const webhookTimeout = 10 * time.Second

var errWebhook = errors.New("the address of the audit webhook is https://…, or http://… on this machine")

// Webhook takes each signed checkpoint to a server that keeps it where nobody
// who can change the database can change it. It sends the newest only, in the
// background, again and again until the server says 2xx: an older one says
// nothing that a newer one does not.
//
// One goroutine uses it.
type Webhook struct {
	url    string
	log    *slog.Logger
	client http.Client

	note   string       // the newest that was not taken; empty: none
	sent   string       // what is under way
	answer <-chan error // to sent; nil: nothing is under way
	failed string       // the last that was logged as not taken
}

// NewWebhook returns a webhook at an address, which may hold a secret: it is in
// no error and in no log.
func NewWebhook(address string, log *slog.Logger) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errWebhook
	}
	return &Webhook{url: address, log: log, client: http.Client{
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // not 2xx, so not taken
	}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// turn looks whether what is under way was taken, and sends what was not. It
// does not wait, but for the last turn, which ends what ctx's end has not.
func (w *Webhook) turn(ctx context.Context, last bool) {
	w.settle(ctx, last)
	if w.answer != nil || w.note == "" {
		return
	}
	answer := make(chan error, 1)
	w.sent, w.answer = w.note, answer
	go func(note string) { answer <- w.post(ctx, note) }(w.note)
	w.settle(ctx, last)
}

// settle takes the answer to what is under way, if it is there or wait says so.
func (w *Webhook) settle(ctx context.Context, wait bool) {
	if w.answer == nil {
		return
	}
	var err error
	if wait {
		err = <-w.answer
	} else {
		select {
		case err = <-w.answer:
		default:
			return
		}
	}
	w.answer = nil
	switch {
	case err == nil && w.note == w.sent:
		w.note = ""
	case err != nil && w.failed != w.sent: // once for each
		w.failed = w.sent
		w.log.WarnContext(ctx, "the audit webhook has not taken a checkpoint yet", "error", err)
	}
}

// post sends a note once. Its errors say nothing of where to.
func (w *Webhook) post(ctx context.Context, note string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, strings.NewReader(note))
	if err != nil {
		return errWebhook
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	req.Header.Set("User-Agent", "medbook")
	resp, err := w.client.Do(req)
	if err != nil {
		var network net.Error
		if errors.As(err, &network) && network.Timeout() {
			return errors.New("it did not answer in time")
		}
		return errors.New("it can't be reached")
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return errors.New("it answered " + strconv.Itoa(resp.StatusCode))
	}
	return nil
}
