package e2e

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a balancer is told, as HAProxy or nginx would be.
const (
	checkEvery = 50 * time.Millisecond // how often a server is asked whether it is ready
	checkFor   = time.Second           // how long it may take to say so
	answerFor  = 3 * time.Second       // how long a request may take before it is repeated elsewhere
)

// balancer stands before several servers. It sends requests to those that are
// ready, in turns, and repeats elsewhere what was not answered, if that is safe:
// reads, what has an Idempotency-Key, and what was never sent.
type balancer struct {
	*httptest.Server

	t         *testing.T
	mu        sync.Mutex
	servers   []*behind
	turn      int
	streaming string // the server of the latest stream
	again     int    // requests that were sent once more
	failed    []string
}

// behind is a server behind a balancer.
type behind struct {
	url       *url.URL
	transport *http.Transport
	ready     bool
}

func newBalancer(t *testing.T, servers ...*process) *balancer {
	t.Helper()
	b := &balancer{t: t}
	b.Server = httptest.NewServer(b)
	t.Cleanup(func() {
		b.CloseClientConnections()
		b.Close()
		for _, s := range b.servers {
			s.transport.CloseIdleConnections()
		}
	})
	for _, p := range servers {
		b.add(p)
	}
	return b
}

// add puts a server behind the balancer, which asks it from then on whether it is
// ready, until the process is gone.
func (b *balancer) add(p *process) {
	b.t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		b.t.Fatal(err)
	}
	s := &behind{url: u, transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.mu.Lock()
	b.servers = append(b.servers, s)
	b.mu.Unlock()
	go func() {
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			ready := b.check(s)
			b.mu.Lock()
			s.ready = ready
			b.mu.Unlock()
			select {
			case <-tick.C:
			case <-p.ended:
				b.remove(s)
				return
			}
		}
	}()
	eventually(b.t, "the balancer sees that a server is ready", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return s.ready
	})
}

func (b *balancer) remove(s *behind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = slices.DeleteFunc(b.servers, func(other *behind) bool { return other == s })
	s.transport.CloseIdleConnections()
}

func (b *balancer) check(s *behind) bool {
	ctx, cancel := context.WithTimeout(b.t.Context(), checkFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String()+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// readiness returns which servers are ready, by their addresses.
func (b *balancer) readiness() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ready := map[string]bool{}
	for _, s := range b.servers {
		ready[s.url.String()] = s.ready
	}
	return ready
}

// next returns the server whose turn it is, one that was not tried if there is such.
func (b *balancer) next(tried map[*behind]bool) *behind {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fresh := range []bool{true, false} {
		for range b.servers {
			b.turn++
			if s := b.servers[b.turn%len(b.servers)]; s.ready && (!fresh || !tried[s]) {
				return s
			}
		}
	}
	return nil
}

// ServeHTTP sends a request to a server, and to others until one answers.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/live") {
		b.stream(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	tried := map[*behind]bool{}
	for began := time.Now(); time.Since(began) < patience && r.Context().Err() == nil; {
		s := b.next(tried)
		if s == nil {
			continue // nobody is ready: who asks waits
		}
		answered, sent := b.try(w, r, s, body)
		if answered {
			return
		}
		if sent && !repeatable(r) {
			break
		}
		b.mu.Lock()
		b.again++
		b.mu.Unlock()
		tried[s] = true
	}
	b.mu.Lock()
	b.failed = append(b.failed, r.Method+" "+r.URL.Path)
	b.mu.Unlock()
	w.WriteHeader(http.StatusBadGateway)
}

// repeatable reports whether a request may be sent again that was perhaps done.
func repeatable(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Header.Get("Idempotency-Key") != ""
}

// try sends the request to one server. It reports whether the answer was passed on,
// and whether the server may have got the request.
func (b *balancer) try(w http.ResponseWriter, r *http.Request, s *behind, body []byte) (answered, sent bool) {
	ctx, cancel := context.WithTimeout(r.Context(), answerFor)
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.RequestURI = s.url.Scheme, s.url.Host, ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := s.transport.RoundTrip(out)
	if err != nil {
		return false, !strings.Contains(err.Error(), "connection refused")
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return false, true
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
	return true, true
}

// stream passes on an answer that does not end.
func (b *balancer) stream(w http.ResponseWriter, r *http.Request) {
	s := b.next(nil)
	if s == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	b.mu.Lock()
	b.streaming = s.url.String()
	b.mu.Unlock()
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(s.url) },
		Transport:     s.transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	defer func() { _ = recover() }() // how the proxy ends an answer whose server is gone
	proxy.ServeHTTP(w, r)
}
