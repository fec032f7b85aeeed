package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medbook/internal/gate"
	"medbook/internal/origin"
	"medbook/internal/sqldb/sqltest"
)

// limitedClinic answers so many requests a minute. Its clock stands at the start
// of a minute.
func limitedClinic(t *testing.T, l gate.Limits) (*clinic, http.Handler) {
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

func TestTriesAtSecretsAreLimitedMore(t *testing.T) {
	_, h := limitedClinic(t, gate.Limits{Address: 100, Secrets: 2})
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
		if w.Code != 429 || !strings.Contains(w.Body.String(), "too-many-requests") || w.Header().Get("Retry-After") != "90" {
			t.Errorf("%s = %d %s, Retry-After %q, want 429 and 90", name, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
	}
	if w := ask(h, get, "/v1/slots?limit=1", "198.51.100.7", ""); w.Code != 200 {
		t.Errorf("what takes no secret = %d, want 200", w.Code)
	}
}
