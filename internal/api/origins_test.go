package api

import (
	"strings"
	"testing"
)

// TestCookiesDoNotServeOtherSites has a browser send Ann's cookie along with
// what a page of another site asks it to.
func TestCookiesDoNotServeOtherSites(t *testing.T) {
	c := onSQLite(t)
	c.withPassword("ann")
	in := c.must(200, "", post, "/v1/auth/login", map[string]any{"email": "ann@example.org", "password": passphrase, "session": "cookie"})
	cookie := in.Cookies()[0].Name + "=" + in.Cookies()[0].Value
	logOut := func(more ...string) reply {
		return c.call("", post, "/v1/auth/step-up", map[string]any{"password": passphrase}, append(more, "Cookie", cookie)...)
	}
	host := strings.TrimPrefix(c.remote.URL, "http://")
	for name, more := range map[string][]string{
		"another site":            {"Sec-Fetch-Site", "cross-site"},
		"another subdomain":       {"Sec-Fetch-Site", "same-site"},
		"an old browser":          {"Origin", "https://evil.example"},
		"an opaque origin":        {"Origin", "null"},
		"a host with this prefix": {"Origin", "http://" + host + ".evil.example"},
	} {
		r := logOut(more...)
		if r.StatusCode != 403 || r.text(t, "code") != "cross-origin" {
			t.Errorf("%s = %d %s, want 403 cross-origin", name, r.StatusCode, r.body)
		}
	}
	for name, more := range map[string][]string{
		"our own page": {"Sec-Fetch-Site", "same-origin", "Origin", c.remote.URL}, "typed by hand": {"Sec-Fetch-Site", "none"},
		"no browser": nil, "our own page in an old browser": {"Origin", c.remote.URL},
	} {
		if r := logOut(more...); r.StatusCode != 204 {
			t.Errorf("%s = %d %s, want 204", name, r.StatusCode, r.body)
		}
	}
	c.must(200, "", get, "/v1/me", nil, "Cookie", cookie, "Sec-Fetch-Site", "cross-site")                     // reading changes nothing
	c.must(204, "", post, "/v1/auth/logout", nil, "X-API-Key", c.keys["ann"], "Sec-Fetch-Site", "cross-site") // no browser sends a key by itself
}

func TestOtherOriginsAreLetInByName(t *testing.T) {
	c := onSQLite(t)
	preflight := func(origin string) map[string]string {
		w := ask(c.server.Handler(), "OPTIONS", "/v1/me", "", "", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "x-api-key")
		return map[string]string{
			"status": w.Result().Status[:3], "origin": w.Header().Get("Access-Control-Allow-Origin"),
			"credentials": w.Header().Get("Access-Control-Allow-Credentials"), "headers": w.Header().Get("Access-Control-Allow-Headers"),
		}
	}
	if got := preflight("https://app.example"); got["status"] != "405" || got["origin"] != "" {
		t.Errorf("without configuration: %v, want 405 and no origin", got)
	}
	c.server.Origins = []string{"https://app.example"}
	if got := preflight("https://app.example"); got["status"] != "204" || got["origin"] != "https://app.example" || got["credentials"] != "" || got["headers"] != "x-api-key" {
		t.Errorf("a named origin: %v", got)
	}
	for _, other := range []string{"https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:444", "null", "https://evilapp.example"} {
		if got := preflight(other); got["origin"] != "" || got["headers"] != "" {
			t.Errorf("%s: %v, want nothing allowed", other, got)
		}
	}
	public := ask(c.server.Handler(), get, "/v1/slots?limit=1", "", "", "Origin", "https://app.example")
	if vary := strings.Join(public.Header().Values("Vary"), ", "); vary != "Origin, X-API-Key, Authorization, Cookie" {
		t.Errorf("a public answer varies by %q", vary)
	}
	w := ask(c.server.Handler(), get, "/v1/me", "", "", "Origin", "https://app.example", "X-API-Key", c.keys["ann"])
	if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example" || !strings.Contains(strings.ToLower(w.Header().Get("Access-Control-Expose-Headers")), "etag") || !strings.Contains(w.Header().Get("Vary"), "Origin") {
		t.Errorf("answer %d with headers %v", w.Code, w.Header())
	}
}
