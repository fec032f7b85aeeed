package gate

import (
	"net/http"
	"testing"
)

// TestAnotherSitesPagesAreKeptOut has a browser send what a page of another site
// asks it to, with a credential and without.
func TestAnotherSitesPagesAreKeptOut(t *testing.T) {
	house := newHouse(t)
	house.Origins = []string{"https://app.example"}
	h, ann := house.Handler(), house.cookie("ann")
	foreign := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example"}
	for _, tt := range []struct {
		name, method, path string
		more               []string
		want               int
	}{
		{"a cookie", http.MethodPost, "/api/x", []string{"Cookie", ann}, 403},
		{"a cookie, for pages", http.MethodPost, "/x", []string{"Cookie", ann}, 403},
		{"nothing", http.MethodPost, "/api/x", nil, 200},
		{"nothing, for pages", http.MethodPost, "/x", nil, 403}, // signing somebody in as another, for one
		{"a dead cookie, for pages", http.MethodPost, "/x", []string{"Cookie", SessionCookie("x", 0).String()}, 403},
		{"a key", http.MethodPost, "/api/x", []string{"X-API-Key", house.keys["ann"]}, 200},
		{"a key, for pages", http.MethodPost, "/x", []string{"X-API-Key", house.keys["ann"]}, 403},
		{"a cookie, to read", http.MethodGet, "/api/x", []string{"Cookie", ann}, 200},
		{"a cookie, to read pages", http.MethodGet, "/x", []string{"Cookie", ann}, 200},
	} {
		w := ask(h, tt.method, tt.path, "198.51.100.7", append(tt.more, foreign...)...)
		if w.Code != tt.want {
			t.Errorf("%s = %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
	for name, more := range map[string][]string{
		"our own page": {"Sec-Fetch-Site", "same-origin"}, "in an old browser": {"Origin", "http://example.com"}, "no browser": nil,
	} {
		if w := ask(h, http.MethodPost, "/x", "198.51.100.7", append(more, "Cookie", ann)...); w.Code != 200 || w.Body.String() != house.users["ann"].ID.String() {
			t.Errorf("%s = %d %s, want 200 and Ann", name, w.Code, w.Body)
		}
	}
}

// TestPagesAreNotForOtherOrigins shows that a named origin is let in to the
// faces that are for it alone.
func TestPagesAreNotForOtherOrigins(t *testing.T) {
	house := newHouse(t)
	house.Origins = []string{"https://app.example"}
	for path, want := range map[string]string{"/api/x": "https://app.example", "/x": ""} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			w := ask(house.Handler(), method, path, "", "Origin", "https://app.example", "Access-Control-Request-Method", "GET")
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s %s: allowed %q, want %q", method, path, got, want)
			}
		}
	}
}

func TestBrowsersAreToldToComeByTLS(t *testing.T) {
	h := newHouse(t).Handler()
	if w := ask(h, http.MethodGet, "/x", "198.51.100.7"); w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("told over plain HTTP, where it counts nothing")
	}
	w := ask(h, http.MethodGet, "/x", "198.51.100.7", "X-Forwarded-Proto", "https")
	for name, want := range map[string]string{
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "Cross-Origin-Opener-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
