package gate

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestRequestsOfAnAddressAreLimited(t *testing.T) {
	house := newHouse(t)
	house.Limits = Limits{Address: 4}
	h := house.Handler()
	for i := range 4 {
		w := ask(h, http.MethodGet, "/api/x", "198.51.100.7")
		if w.Code != 200 || w.Header().Get("RateLimit") != fmt.Sprintf(`"address";r=%d;t=60`, 3-i) || w.Header().Get("RateLimit-Policy") != `"address";q=4;w=60` {
			t.Errorf("request %d = %d with RateLimit %q and policy %q", i, w.Code, w.Header().Get("RateLimit"), w.Header().Get("RateLimit-Policy"))
		}
	}
	for path, want := range map[string]string{"/api/x": "api: too-many-requests, wait 1m15s", "/x": "pages: too-many-requests, wait 1m15s"} { // of whichever face
		w := ask(h, http.MethodGet, path, "198.51.100.7", "X-API-Key", "mb_x")
		if w.Code != 429 || w.Body.String() != want || w.Header().Get("RateLimit") != `"address";r=0;t=60` {
			t.Errorf("one too many = %d %s, RateLimit %q, want 429 %s", w.Code, w.Body, w.Header().Get("RateLimit"), want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := ask(h, http.MethodGet, path, "198.51.100.7"); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Errorf("%s = %d, want 200 without a limit", path, w.Code)
		}
	}
	if w := ask(h, http.MethodGet, "/x", "198.51.100.8"); w.Code != 200 {
		t.Errorf("another address = %d, want 200", w.Code)
	}
	house.clock.Advance(75*time.Second - time.Millisecond)
	if w := ask(h, http.MethodGet, "/x", "198.51.100.7"); w.Code != 429 {
		t.Errorf("before the wait is over = %d, want 429", w.Code)
	}
	house.clock.Advance(time.Millisecond)
	if w := ask(h, http.MethodGet, "/x", "198.51.100.7"); w.Code != 200 {
		t.Errorf("once the wait is over = %d, want 200", w.Code)
	}
	if w := ask(h, http.MethodGet, "/x", "198.51.100.7"); w.Code != 429 || w.Body.String() != "pages: too-many-requests, wait 15s" {
		t.Errorf("at once again = %d %s, want 429 and 15s", w.Code, w.Body)
	}
}

func TestAnAddressIsItsNetworkInIPv6(t *testing.T) {
	house := newHouse(t)
	house.Limits = Limits{Address: 1}
	h := house.Handler()
	for i, tt := range []struct {
		from string
		want int
	}{{"2001:db8::1", 200}, {"2001:db8::2", 429}, {"2001:db8:0:1::1", 200}, {"::ffff:198.51.100.7", 200}, {"198.51.100.7", 429}} {
		if w := ask(h, http.MethodGet, "/x", tt.from); w.Code != tt.want {
			t.Errorf("%d: from %s = %d, want %d", i, tt.from, w.Code, tt.want)
		}
	}
}

// TestAFaceSaysWhatTriesASecret shows that it is counted for all faces together.
func TestAFaceSaysWhatTriesASecret(t *testing.T) {
	house := newHouse(t)
	house.Limits = Limits{Address: 100, Secrets: 2}
	h := house.Handler()
	for i, tt := range []struct {
		path string
		want int
	}{{"/api/secret", 200}, {"/secret", 200}, {"/api/secret", 429}, {"/secret", 429}, {"/api/x", 200}, {"/x", 200}} {
		if w := ask(h, http.MethodPost, tt.path, "198.51.100.7"); w.Code != tt.want {
			t.Errorf("%d: %s = %d, want %d", i, tt.path, w.Code, tt.want)
		}
	}
}

// TestRequestsOfACredentialAreLimited asks from ever new addresses.
func TestRequestsOfACredentialAreLimited(t *testing.T) {
	house := newHouse(t)
	house.Limits = Limits{Address: 1000, Credential: 3}
	h := house.Handler()
	me := func(from int, key string) (int, []string) {
		w := ask(h, http.MethodGet, "/api/x", fmt.Sprintf("198.51.100.%d", from), "X-API-Key", key)
		return w.Code, w.Header().Values("RateLimit")
	}
	for i := range 3 {
		if code, limits := me(i, house.keys["ann"]); code != 200 || len(limits) != 2 {
			t.Errorf("request %d = %d with %q", i, code, limits)
		}
	}
	if code, _ := me(9, house.keys["ann"]); code != 429 {
		t.Errorf("one too many = %d, want 429", code)
	}
	if code, _ := me(9, house.keys["bob"]); code != 200 {
		t.Errorf("another's key = %d, want 200", code)
	}
}

func TestWithoutLimitsNothingIsSaid(t *testing.T) {
	h := newHouse(t).Handler()
	for range 50 {
		if w := ask(h, http.MethodGet, "/x", "198.51.100.7"); w.Code != 200 || w.Header().Get("RateLimit") != "" {
			t.Fatalf("%d with RateLimit %q", w.Code, w.Header().Get("RateLimit"))
		}
	}
}
