package federation

import (
	"errors"
	"net/http"

	"medbook/internal/tracing"
)

// careful returns a client that reaches issuers over base's transport, but does
// not wait for long, read much, keep cookies or follow to other hosts.
func careful(base *http.Client) *http.Client {
	c := http.Client{Timeout: fetchTimeout, CheckRedirect: sameHost}
	next := http.DefaultTransport
	if base != nil && base.Transport != nil {
		next = base.Transport
	}
	c.Transport = limited{tracing.Outgoing(next, "identity-provider")}
	return &c
}

func sameHost(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 4 {
		return errors.New("redirected elsewhere")
	}
	return nil
}

// limited fails the reading of bodies beyond maxResponse.
type limited struct{ next http.RoundTripper }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxResponse)
	return resp, nil
}
