package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// health asks a server whether it is ready: for containers, which have no curl,
// and for whoever has just started one.
type health struct {
	listening
	TLSCert string        `name:"tls-cert" env:"MEDBOOK_TLS_CERT" placeholder:"FILE" help:"As for serve: with it, the server on this machine is asked over TLS."`
	URL     string        `name:"url" placeholder:"URL" help:"Server to ask, such as https://clinic.example. Default: the one on this machine."`
	Wait    time.Duration `placeholder:"DURATION" help:"For how long to go on asking one that is not ready. Default: not at all."`
}

// Help says what the summary has no room for.
func (health) Help() string {
	return `It asks /readyz and ends with 0 if the server is ready: it runs, its database answers and has the schema that the server needs. Else it ends with 1 and says why. Without --url it asks where --listen says that the server on this machine listens; port 0 can't be asked.

The certificate of a server on this machine is not looked at, for it names the clinic's address; that of --url is.`
}

// The pauses of health: for how long one answer is waited for, and how long
// until the next question.
const (
	healthPatience = 5 * time.Second
	healthPause    = 200 * time.Millisecond
)

// Run prints "ready", or returns why the server is not.
func (h health) Run(ctx context.Context, o output) error {
	address, err := h.question()
	if err != nil {
		return err
	}
	client := h.client()
	defer client.CloseIdleConnections()
	ask := func() (none struct{}, err error) { return none, ready(ctx, client, address) }
	if h.Wait <= 0 {
		_, err = ask()
	} else {
		_, err = backoff.Retry(ctx, ask, backoff.WithBackOff(backoff.NewConstantBackOff(healthPause)), backoff.WithMaxElapsedTime(h.Wait))
	}
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	_, err = fmt.Fprintln(o.stdout, "ready")
	return err
}

// question returns the URL to ask.
func (h health) question() (string, error) {
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return "", errors.New("--url takes an address such as https://clinic.example")
		}
		return u.JoinPath("readyz").String(), nil
	}
	host, port, err := net.SplitHostPort(h.address())
	if err != nil || port == "0" {
		return "", errors.New("--listen has no port that can be asked; say with --url where the server is")
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/readyz"}
	if h.TLSCert != "" {
		u.Scheme = "https"
	}
	return u.String(), nil
}

// client returns what asks.
func (h health) client() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if h.URL == "" {
		transport.Proxy = nil
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // this machine's own server, by another name than its certificate's; nothing secret is sent
	}
	return &http.Client{Transport: transport, Timeout: healthPatience}
}

// ready returns nil if the answer says so.
func ready(ctx context.Context, client *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
	}
	return nil
}
