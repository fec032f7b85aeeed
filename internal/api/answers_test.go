package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestProblemDocument(t *testing.T) {
	c := onSQLite(t)
	r := c.call("ann", get, "/v1/appointments/nobody", nil, "X-Request-ID", "0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21")
	want := `{"type":"/docs/problems#appointment-not-found","title":"Appointment not found","status":404,` +
		`"detail":"There is no such appointment, or it is not yours.","code":"appointment-not-found",` +
		`"request_id":"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"}` + "\n"
	if string(r.body) != want || r.StatusCode != 404 || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s\n%s\nwant\n%s", r.StatusCode, r.Header.Get("Content-Type"), r.body, want)
	}
}

// TestHead shows that HEAD answers like GET, without the body.
func TestHead(t *testing.T) {
	c := onSQLite(t)
	c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
	for _, path := range []string{"/v1/me", "/v1/practitioners?limit=5", "/v1/slots?limit=2", "/v1/appointments/x", "/openapi.json", "/healthz"} {
		g, h := c.call("ann", get, path, nil), c.call("ann", http.MethodHead, path, nil)
		if g.StatusCode != h.StatusCode || len(h.body) != 0 || len(g.body) == 0 {
			t.Errorf("%s: GET %d, %d bytes; HEAD %d, %d bytes", path, g.StatusCode, len(g.body), h.StatusCode, len(h.body))
		}
		for _, name := range []string{"Content-Type", "Content-Length", "ETag", "Link", "Cache-Control"} {
			if g.Header.Get(name) != h.Header.Get(name) {
				t.Errorf("%s: GET has %s %q, HEAD %q", path, name, g.Header.Get(name), h.Header.Get(name))
			}
		}
	}
}

func TestRequestIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9A-Fa-f-]{32,36}$`)
	c := onSQLite(t)
	for _, tt := range []struct {
		sent string
		kept bool
	}{
		{"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21", true},
		{"0195A9D42F7C7A3E9D4E5B1F0C8A7E21", true},
		{"", false},
		{"request-1", false},
		{"urn:uuid:0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21", false},
		{"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21 ann@example.org", false},
		{"0195a9d4-2f7c7a3e-9d4e-5b1f-0c8a7e21", false},
	} {
		r := c.call("", get, "/nowhere", nil, "X-Request-ID", tt.sent)
		got := r.Header.Get("X-Request-ID")
		if !form.MatchString(got) || (got == tt.sent) != tt.kept {
			t.Errorf("%q: answered %q, kept should be %v", tt.sent, got, tt.kept)
		}
		if r.text(t, "request_id") != got {
			t.Errorf("%q: request_id %q differs from the header %q", tt.sent, r.text(t, "request_id"), got)
		}
		if !strings.Contains(c.log.String(), `"request_id":"`+got+`"`) {
			t.Errorf("%q is not in the log", got)
		}
	}
}

// TestHeaders shows what every answer has, whatever it is.
func TestHeaders(t *testing.T) {
	c := onSQLite(t)
	for _, path := range []string{"/status", "/v1/me", "/nowhere", "/v1/users", "/docs"} {
		h := c.call("ann", get, path, nil).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"X-Frame-Options":        "DENY",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s %q, want %q", path, name, h.Get(name), want)
			}
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy %q", path, h.Get("Content-Security-Policy"))
		}
	}
}

// TestCaching shows what may be kept by caches: what everybody may see, and
// only if it is revalidated.
func TestCaching(t *testing.T) {
	c := onSQLite(t)
	slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
	grey := c.practitioner("grey")
	for _, tt := range []struct {
		by, path string
		public   bool
	}{
		{"", "/v1/practitioners?limit=5", true},
		{"", "/v1/practitioners/" + grey, true},
		{"", "/v1/slots?limit=5", true},
		{"", "/v1/slots?limit=5&status=available", true},
		{"ann", "/v1/slots?limit=5", true},
		{"", "/v1/practitioners/" + grey + "/slots?limit=5", true},
		{"", "/v1/slots/" + slots[0], true},
		{"", "/openapi.json", true},
		{"grey", "/v1/slots?limit=5&status=any&practitioner_id=" + grey, false},
		{"ann", "/v1/me", false},
		{"ann", "/v1/appointments?limit=5", false},
		{"", "/v1/slots/nope", false},
		{"grey", "/v1/practitioners/" + grey + "/availability?limit=5", false},
	} {
		r := c.call(tt.by, get, tt.path, nil)
		want := "no-store"
		if tt.public {
			want = "no-cache"
			if r.Header.Get("ETag") == "" || r.Header.Get("Vary") == "" {
				t.Errorf("%s: ETag %q, Vary %q", tt.path, r.Header.Get("ETag"), r.Header.Get("Vary"))
			}
			again := c.call(tt.by, get, tt.path, nil, "If-None-Match", r.Header.Get("ETag"))
			if again.StatusCode != 304 || len(again.body) != 0 || again.Header.Get("ETag") != r.Header.Get("ETag") || again.Header.Get("Cache-Control") != want {
				t.Errorf("%s again: %d %v", tt.path, again.StatusCode, again.Header)
			}
		}
		if got := r.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s by %q: Cache-Control %q, want %q", tt.path, tt.by, got, want)
		}
	}
}

// TestVersions reads each kind of single resource again with its ETag, and
// changes it with and without.
func TestVersions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
		weekly := c.must(201, "grey", post, "/v1/practitioners/"+c.practitioner("grey")+"/availability",
			`{"weekdays":["mon"],"from":"08:00","to":"10:00","valid_from":"2027-04-05"}`).Header.Get("Location")
		held := c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}).Header.Get("Location")
		for _, tt := range []struct {
			by, path, change string
			unchanged        int
		}{
			{"ann", "/v1/me", "", 304},
			{"ann", "/v1/users/" + c.users["ann"].ID.String(), `{"name":"Ann B"}`, 200}, // embeds orders
			{"grey", "/v1/practitioners/" + c.practitioner("grey"), `{"bio":"Old hand"}`, 304},
			{"grey", weekly, `{"valid_until":"2027-05-31"}`, 304},
			{"grey", "/v1/slots/" + slots[1], `{"status":"blocked"}`, 304},
			{"ann", held, "", 304},
		} {
			tag := c.must(200, tt.by, get, tt.path, nil).Header.Get("ETag")
			if tag == "" {
				t.Errorf("%s has no ETag", tt.path)
				continue
			}
			for header, want := range map[string]int{
				tag: tt.unchanged, "W/" + tag: tt.unchanged, `"x", ` + tag: tt.unchanged, "*": tt.unchanged, `"x"`: 200,
			} {
				if r := c.call(tt.by, get, tt.path, nil, "If-None-Match", header); r.StatusCode != want {
					t.Errorf("%s with If-None-Match %s: %d, want %d", tt.path, header, r.StatusCode, want)
				}
			}
			if tt.change == "" {
				continue
			}
			c.refused(c.call(tt.by, patch, tt.path, tt.change), 428, "if-match-missing")
			c.refused(c.call(tt.by, patch, tt.path, tt.change, "If-Match", `"x"`), 412, "if-match-stale")
			c.refused(c.call(tt.by, patch, tt.path, tt.change, "If-Match", "W/"+tag), 412, "if-match-stale")
			changed := c.must(200, tt.by, patch, tt.path, tt.change, "If-Match", tag)
			if got := changed.Header.Get("ETag"); got == tag || got == "" {
				t.Errorf("%s: ETag %q after the change of %q", tt.path, got, tag)
			}
			c.refused(c.call(tt.by, patch, tt.path, tt.change, "If-Match", tag), 412, "if-match-stale")
		}
	})
}

func TestHealth(t *testing.T) {
	c := onSQLite(t)
	c.must(200, "", get, "/healthz", nil)
	c.must(200, "", get, "/readyz", nil)
	minor := Check{Name: "disk", Code: "disk-nearly-full", Detail: "marker of a sentence"}
	c.server.Checks = func(context.Context) []Check { return []Check{{Name: "schema", Fatal: true}, minor} }
	r := c.must(200, "", get, "/readyz", nil)
	want := `{"status":"degraded","checks":[{"name":"schema","status":"ok"},{"name":"disk","status":"failing","code":"disk-nearly-full"}]}`
	if got := strings.TrimSpace(string(r.body)); got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	c.server.Checks = func(context.Context) []Check {
		return []Check{{Name: "schema", Code: "database-not-migrated", Detail: "marker of a sentence", Fatal: true}, minor}
	}
	r = c.call("", get, "/readyz", nil)
	c.refused(r, 503, "not-ready")
	if r.Header.Get("Retry-After") != "1" || strings.Contains(string(r.body), "marker") ||
		!strings.Contains(string(r.body), `"errors":[{"location":"schema","message":"database-not-migrated"}]`) {
		t.Errorf("Retry-After %q, %s", r.Header.Get("Retry-After"), r.body)
	}
	c.must(200, "", get, "/healthz", nil)
}

// TestPanics shows that a defect is one 500, whose cause is in the log and not
// in the answer, and that the server goes on.
func TestPanics(t *testing.T) {
	c := onSQLite(t)
	c.server.Checks = func(context.Context) []Check { panic("marker-in-a-panic") }
	r := c.call("", get, "/readyz", nil)
	c.refused(r, 500, "internal")
	if strings.Contains(c.log.String(), "marker-in-a-panic") || !strings.Contains(c.log.String(), "TestPanics") {
		t.Errorf("the log should have the stack and not the value: %s", c.log)
	}
	c.server.Checks = func(context.Context) []Check { s := []int{}; _ = s[len(c.keys)]; return nil }
	c.refused(c.call("", get, "/readyz", nil), 500, "internal")
	if !strings.Contains(c.log.String(), "index out of range") {
		t.Errorf("a runtime error should be in the log: %s", c.log)
	}
	c.must(200, "", get, "/healthz", nil)
}

// TestInternalErrors shows that an error that is not for callers stays inside.
func TestInternalErrors(t *testing.T) {
	c := onSQLite(t)
	key := c.keys["ann"]
	c.db.Observe = func(context.Context, string) error { return errors.New("marker of the database") }
	req := c.request("", get, "/v1/practitioners?limit=1", nil)
	r := c.do(req)
	if r.StatusCode < 500 || strings.Contains(string(r.body), "marker") || !strings.Contains(c.log.String(), "marker of the database") {
		t.Errorf("%d %s; log %s", r.StatusCode, r.body, c.log)
	}
	r = c.call("", get, "/status", nil, "X-API-Key", key)
	if r.StatusCode < 500 {
		t.Errorf("a key that can't be checked: %d %s", r.StatusCode, r.body)
	}
}

// TestAccessLog shows one line for a request, with the pattern of its route and
// nothing of its URL.
func TestAccessLog(t *testing.T) {
	c := onSQLite(t)
	c.call("ann", get, "/v1/appointments/marker?limit=marker", nil, "X-Request-ID", "0195a9d42f7c7a3e9d4e5b1f0c8a7e21")
	c.call("ann", "MARKER", "/marker", nil)
	lines := strings.Split(strings.TrimSpace(c.log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), c.log)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"msg": "request", "route": "/v1/appointments/{id}", "method": "GET", "status": 422.0, "code": "invalid-request",
		"request_id": "0195a9d42f7c7a3e9d4e5b1f0c8a7e21", "actor_id": c.users["ann"].ID.String(),
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if _, ok := line["duration_ms"].(float64); !ok || line["trace_id"] == "" {
		t.Errorf("no duration or trace: %v", line)
	}
	if strings.Contains(strings.ToLower(c.log.String()), "marker") {
		t.Errorf("the log repeats the URL or the method: %s", c.log)
	}
}

func TestDocs(t *testing.T) {
	c := onSQLite(t)
	page := c.must(200, "", get, "/docs", nil)
	if csp := page.Header.Get("Content-Security-Policy"); csp != docsPolicy || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page.body), -1)
	if len(links) < 4 {
		t.Errorf("links %v", links)
	}
	for _, m := range links {
		r := c.must(200, "", get, m[1], nil)
		if len(r.body) == 0 || !strings.HasPrefix(m[1], "/") {
			t.Errorf("%s: %d bytes", m[1], len(r.body))
		}
	}
	if inline := regexp.MustCompile(`<script>|<style|style=|https?://`).FindString(string(page.body)); inline != "" {
		t.Errorf("the page has %s, which its policy forbids or which is not offline", inline)
	}
	problems := string(c.must(200, "", get, "/docs/problems", nil).body)
	for _, code := range []string{"slot-taken", "invalid-request", "not-found", "if-match-missing"} {
		if !strings.Contains(problems, `<tr id="`+code+`">`) {
			t.Errorf("the page of problems lacks %s", code)
		}
	}
}
