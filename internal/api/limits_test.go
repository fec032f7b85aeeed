package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medbook/internal/origin"
	"medbook/internal/sqldb/sqltest"
)

// limitedClinic answers so many requests a minute. Its clock stands at the start
// of a minute.
func limitedClinic(t *testing.T, l Limits) (*clinic, http.Handler) {
	t.Helper()
	c := onSQLite(t)
	c.withPassword("ann")
	c.server.Limits = l
	c.server.Proxies, _ = origin.ParseProxies("192.0.2.1") // what httptest's requests come from
	clock := sqltest.ClockOf(c.db)
	clock.Advance(c.db.Now().Truncate(time.Minute).Add(time.Minute).Sub(c.db.Now()))
	return c, c.server.Handler()
}

// ask sends a request from an address.
func ask(h http.Handler, method, path, from, body string, more ...string) *httptest.ResponseRecorder {
	req, w := httptest.NewRequest(method, path, strings.NewReader(body)), httptest.NewRecorder()
	req.Header.Set("X-Forwarded-For", from)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	h.ServeHTTP(w, req)
	return w
}

func TestRequestsOfAnAddressAreLimited(t *testing.T) {
	c, h := limitedClinic(t, Limits{Address: 4})
	clock := sqltest.ClockOf(c.db)
	for i := range 4 {
		w := ask(h, get, "/v1/slots?limit=1", "198.51.100.7", "")
		if w.Code != 200 || w.Header().Get("RateLimit") != fmt.Sprintf(`"address";r=%d;t=60`, 3-i) || w.Header().Get("RateLimit-Policy") != `"address";q=4;w=60` {
			t.Errorf("request %d = %d with RateLimit %q and policy %q", i, w.Code, w.Header().Get("RateLimit"), w.Header().Get("RateLimit-Policy"))
		}
	}
	w := ask(h, get, "/v1/slots?limit=1", "198.51.100.7", "")
	if w.Code != 429 || !strings.Contains(w.Body.String(), "too-many-requests") || w.Header().Get("Retry-After") != "75" || w.Header().Get("RateLimit") != `"address";r=0;t=60` {
		t.Errorf("one too many = %d %s, Retry-After %q, RateLimit %q", w.Code, w.Body, w.Header().Get("Retry-After"), w.Header().Get("RateLimit"))
	}
	for _, path := range []string{"/nowhere", "/docs", "/v1/me"} { // whatever is asked, and by whom
		if w := ask(h, get, path, "198.51.100.7", "", "X-API-Key", "mb_x"); w.Code != 429 {
			t.Errorf("%s = %d, want 429", path, w.Code)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := ask(h, get, path, "198.51.100.7", ""); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Errorf("%s = %d, want 200 without a limit", path, w.Code)
		}
	}
	if w := ask(h, get, "/docs", "198.51.100.8", ""); w.Code != 200 {
		t.Errorf("another address = %d, want 200", w.Code)
	}
	clock.Advance(75*time.Second - time.Millisecond)
	if w := ask(h, get, "/docs", "198.51.100.7", ""); w.Code != 429 {
		t.Errorf("before Retry-After is over = %d, want 429", w.Code)
	}
	clock.Advance(time.Millisecond)
	if w := ask(h, get, "/docs", "198.51.100.7", ""); w.Code != 200 {
		t.Errorf("once Retry-After is over = %d, want 200", w.Code)
	}
	if w := ask(h, get, "/docs", "198.51.100.7", ""); w.Code != 429 || w.Header().Get("Retry-After") != "15" {
		t.Errorf("at once again = %d, Retry-After %s, want 429 and 15", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestAnAddressIsItsNetworkInIPv6(t *testing.T) {
	_, h := limitedClinic(t, Limits{Address: 1})
	for i, tt := range []struct {
		from string
		want int
	}{{"2001:db8::1", 200}, {"2001:db8::2", 429}, {"2001:db8:0:1::1", 200}, {"::ffff:198.51.100.7", 200}, {"198.51.100.7", 429}} {
		if w := ask(h, get, "/docs", tt.from, ""); w.Code != tt.want {
			t.Errorf("%d: from %s = %d, want %d", i, tt.from, w.Code, tt.want)
		}
	}
}

func TestTriesAtSecretsAreLimitedMore(t *testing.T) {
	_, h := limitedClinic(t, Limits{Address: 100, Secrets: 2})
	reset := func() *httptest.ResponseRecorder {
		return ask(h, post, "/v1/auth/password-reset", "198.51.100.7", `{"email":"x@example.org"}`)
	}
	for range 2 {
		if w := reset(); w.Code != 202 {
			t.Fatalf("reset = %d %s", w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"reset": reset(), "set-up": ask(h, post, "/v1/setup", "198.51.100.7", `{}`), "log-in": ask(h, post, "/v1/auth/login", "198.51.100.7", `{}`),
	} {
		if w.Code != 429 {
			t.Errorf("%s = %d, want 429", name, w.Code)
		}
	}
	if w := ask(h, get, "/v1/slots?limit=1", "198.51.100.7", ""); w.Code != 200 {
		t.Errorf("what takes no secret = %d, want 200", w.Code)
	}
}

// TestRequestsOfACredentialAreLimited asks from ever new addresses.
func TestRequestsOfACredentialAreLimited(t *testing.T) {
	c, h := limitedClinic(t, Limits{Address: 1000, Credential: 3})
	me := func(from int, key string) *httptest.ResponseRecorder {
		return ask(h, get, "/v1/me", fmt.Sprintf("198.51.100.%d", from), "", "X-API-Key", key)
	}
	for i := range 3 {
		if w := me(i, c.keys["ann"]); w.Code != 200 || len(w.Header().Values("RateLimit")) != 2 {
			t.Errorf("request %d = %d with %q", i, w.Code, w.Header().Values("RateLimit"))
		}
	}
	if w := me(9, c.keys["ann"]); w.Code != 429 {
		t.Errorf("one too many = %d, want 429", w.Code)
	}
	if w := me(9, c.keys["bob"]); w.Code != 200 {
		t.Errorf("another's key = %d, want 200", w.Code)
	}
}

func TestWithoutLimitsNothingIsSaid(t *testing.T) {
	_, h := limitedClinic(t, Limits{})
	for range 50 {
		if w := ask(h, get, "/docs", "198.51.100.7", ""); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Fatalf("%d with RateLimit %q", w.Code, w.Header().Get("RateLimit"))
		}
	}
}
