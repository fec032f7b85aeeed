package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// onSQLite gives a clinic to tests of what no engine has a part in.
func onSQLite(t *testing.T) *clinic {
	t.Helper()
	return newClinic(t, sqltest.Open(t, sqltest.SQLite(t)))
}

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

// TestOrderOfAnswers makes requests that are wrong in more than one way.
func TestOrderOfAnswers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
		tests := []struct {
			wrong            string
			by, method, path string
			body             string
			more             []string
			status           int
			code             string
		}{
			{"no credential, bad role, bad JSON", "", post, "/v1/users", `{`, nil, 401, "unauthenticated"},
			{"bad credential on a public route with a bad query", "", get, "/v1/slots?nope=1", ``, []string{"X-API-Key", "mb_x"}, 401, "unauthenticated"},
			{"bad credential where there is no route", "", get, "/nowhere", ``, []string{"Authorization", "Bearer x"}, 401, "unauthenticated"},
			{"role before type and body", "ann", post, "/v1/users", `{`, []string{"Content-Type", "text/plain"}, 403, "forbidden"},
			{"role before an unknown thing", "auditor", post, "/v1/appointments/x/confirm", ``, nil, 403, "forbidden"},
			{"form before an unknown thing", "ann", post, "/v1/appointments/x/reschedule", `{}`, nil, 422, "invalid-request"},
			{"unknown before If-Match", "grey", patch, "/v1/slots/nope", `{"status":"blocked"}`, nil, 404, "slot-not-found"},
			{"If-Match before the rules", "grey", patch, "/v1/slots/" + slots[0], `{"starts_at":"2027-03-16T13:01:00Z"}`, nil, 428, "if-match-missing"},
			{"an old If-Match before the rules", "grey", patch, "/v1/slots/" + slots[0], `{"starts_at":"2027-03-16T13:01:00Z"}`, []string{"If-Match", `"x"`}, 412, "if-match-stale"},
			{"the rules at last", "grey", patch, "/v1/slots/" + slots[0], `{"starts_at":"2027-03-16T13:01:00Z"}`, []string{"If-Match", `*`}, 422, "invalid-slot"},
		}
		for _, tt := range tests {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			req := c.request(tt.by, tt.method, tt.path, body)
			for pair := range slices.Chunk(tt.more, 2) {
				req.Header.Set(pair[0], pair[1])
			}
			r := c.do(req)
			if r.StatusCode != tt.status || r.text(t, "code") != tt.code {
				t.Errorf("%s: %d %s, want %d %s", tt.wrong, r.StatusCode, r.body, tt.status, tt.code)
			}
		}
	})
}

func TestCredentials(t *testing.T) {
	c := onSQLite(t)
	good := c.keys["ann"]
	tests := []struct {
		name string
		more []string
		want int
	}{
		{"none", nil, 401},
		{"a key", []string{"X-API-Key", good}, 200},
		{"an empty key", []string{"X-API-Key", ""}, 401},
		{"a key with a letter changed", []string{"X-API-Key", good[:20] + "q" + good[21:]}, 401},
		{"two keys", []string{"X-API-Key", good, "X-API-Key", good}, 401},
		{"a key as a bearer", []string{"Authorization", "Bearer " + good}, 401},
		{"a key and a bearer", []string{"X-API-Key", good, "Authorization", "Bearer x"}, 401},
		{"a password", []string{"Authorization", "Basic eDp5"}, 401},
	}
	for _, tt := range tests {
		r := c.call("", get, "/status", nil, tt.more...)
		if r.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, r.StatusCode, tt.want)
		}
		if (r.Header.Get("WWW-Authenticate") != "") != (tt.want == 401) {
			t.Errorf("%s: WWW-Authenticate %q", tt.name, r.Header.Get("WWW-Authenticate"))
		}
		if len(tt.more) > 0 && tt.want == 401 {
			for _, path := range []string{"/healthz", "/docs", "/v1/slots?limit=1", "/nowhere"} {
				if r := c.call("", get, path, nil, tt.more...); r.StatusCode != 401 {
					t.Errorf("%s: %s = %d, want 401", tt.name, path, r.StatusCode)
				}
			}
		}
	}
	if got := c.must(200, "ann", get, "/status", nil); string(got.body) != "{\"status\":\"ok\"}\n" {
		t.Errorf("/status = %s", got.body)
	}
}

// TestBodies sends bodies that are no JSON object that the operation takes.
func TestBodies(t *testing.T) {
	c := onSQLite(t)
	user := func(field string) string {
		return `{"email":"x@example.org","name":"X","role":"patient",` + field + `}`
	}
	tests := []struct {
		name, contentType, body string
		status                  int
		location, message       string
	}{
		{"empty", "application/json", ``, 400, "body", "is not JSON"},
		{"cut off", "application/json", `{"email":`, 400, "body", "is not JSON"},
		{"two values", "application/json", `{} {}`, 400, "body", "is not JSON"},
		{"invalid UTF-8", "application/json", user("\"phone\":\"\xff\""), 400, "body", "is not UTF-8"},
		{"deep beyond all measure", "application/json", strings.Repeat("[", 100_000), 400, "body", "is not JSON"},
		{"deep", "application/json", strings.Repeat("[", 40) + strings.Repeat("]", 40), 422, "body", "is nested too deeply"},
		{"no object", "application/json", `[]`, 422, "body", "expected object"},
		{"null", "application/json", `null`, 422, "body", "expected object"},
		{"NUL", "application/json", user(`"phone":"\u0000"`), 422, "body", "holds a NUL character"},
		{"NUL in a name", "application/json", user(`"ph\u0000":1`), 422, "body", "holds a NUL character"},
		{"field twice", "application/json", user(`"phone":"1","phone":"2"`), 422, "body", "has a field twice"},
		{"field twice, one escaped", "application/json", user(`"phone":"1","ph\u006fne":"2"`), 422, "body", "has a field twice"},
		{"unknown field", "application/json", user(`"nick":"x"`), 422, "body", "has an unknown field"},
		{"unknown field with a path in it", "application/json", user(`"email.x[3]":"x"`), 422, "body", "has an unknown field"},
		{"field in another case", "application/json", user(`"Phone":"x"`), 422, "body", "has an unknown field"},
		{"missing field", "application/json", `{"email":"x@example.org","name":"X"}`, 422, "body.role", "is required"},
		{"wrong type", "application/json", user(`"phone":7`), 422, "body.phone", "expected string"},
		{"not in the list", "application/json", `{"email":"x@example.org","name":"X","role":"king"}`, 422, "body.role", `expected value to be one of "patient, practitioner, admin, auditor"`},
		{"wrong format", "application/json", `{"email":"x","name":"X","role":"patient"}`, 422, "body.email", "expected string to be RFC 5322 email"},
		{"too long", "application/json", user(`"phone":"` + strings.Repeat("1", 41) + `"`), 422, "body.phone", "expected length <= 40"},
		{"a form", "application/x-www-form-urlencoded", `email=x`, 415, "", ""},
		{"another encoding", "application/json; charset=latin1", user(`"phone":"1"`), 415, "", ""},
		{"no type that can be read", "application", user(`"phone":"1"`), 415, "", ""},
		{"too large", "application/json", user(`"bio":"` + strings.Repeat("x", 1<<20) + `"`), 413, "", ""},
	}
	for _, tt := range tests {
		req := c.request("admin", post, "/v1/users", tt.body)
		req.Header.Set("Content-Type", tt.contentType)
		r := c.do(req)
		var p problem
		if err := json.Unmarshal(r.body, &p); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		want := []fieldError(nil)
		if tt.location != "" {
			want = []fieldError{{tt.location, tt.message}}
		}
		if diff := cmp.Diff(want, p.Errors); r.StatusCode != tt.status || diff != "" {
			t.Errorf("%s: %d, want %d; errors (-want +got):\n%s", tt.name, r.StatusCode, tt.status, diff)
		}
	}
}

// TestBodySize shows that exactly 1 MiB is not too large, whether or not the
// size is told beforehand.
func TestBodySize(t *testing.T) {
	c := onSQLite(t)
	for _, tt := range []struct{ size, want int }{{1 << 20, 422}, {1<<20 + 1, 413}} {
		body := `{"nick":"` + strings.Repeat("x", tt.size-11) + `"}`
		for _, told := range []bool{true, false} {
			req := c.request("admin", post, "/v1/users", body)
			if !told {
				req.ContentLength, req.Body = -1, io.NopCloser(strings.NewReader(body))
			}
			if r := c.do(req); r.StatusCode != tt.want {
				t.Errorf("%d bytes, size told %v: %d, want %d", tt.size, told, r.StatusCode, tt.want)
			}
		}
	}
}

// TestCompressedBodies are refused: what they grow to is anybody's guess.
func TestCompressedBodies(t *testing.T) {
	c := onSQLite(t)
	if r := c.call("admin", post, "/v1/users", `{}`, "Content-Encoding", "gzip"); r.StatusCode != 415 {
		t.Errorf("gzip: %d, want 415", r.StatusCode)
	}
}

// TestRoutesWithoutBody take none, or an empty object, as some clients send.
func TestRoutesWithoutBody(t *testing.T) {
	c := onSQLite(t)
	for _, tt := range []struct {
		body any
		want int
	}{{nil, 404}, {`{}`, 404}, {" {}\n", 404}, {`{"a":1}`, 422}, {`x`, 422}} {
		if r := c.call("ann", post, "/v1/appointments/x/confirm", tt.body); r.StatusCode != tt.want {
			t.Errorf("%v: %d, want %d", tt.body, r.StatusCode, tt.want)
		}
	}
	// A reason for cancelling may be given; so the body may be left out.
	for _, tt := range []struct {
		body any
		want int
	}{{nil, 404}, {`{}`, 404}, {`{"reason":null}`, 404}, {`null`, 422}, {`{"a":1}`, 422}} {
		if r := c.call("ann", post, "/v1/appointments/x/cancel", tt.body); r.StatusCode != tt.want {
			t.Errorf("cancel %v: %d, want %d", tt.body, r.StatusCode, tt.want)
		}
	}
}

// TestNullIsAbsent sends null for what may be left out.
func TestNullIsAbsent(t *testing.T) {
	c := onSQLite(t)
	path := "/v1/practitioners/" + c.practitioner("grey") + "/availability"
	c.must(201, "grey", post, path, `{"starts_at":"2027-03-16T13:00:00Z","ends_at":"2027-03-16T15:00:00Z","date":null,"weekdays":null,"valid_until":null}`)
	c.must(201, "admin", post, "/v1/users", `{"email":"x@example.org","name":"X","role":"patient","phone":null,"date_of_birth":null}`)
}

// TestNullClears shows the fields of a change that null clears.
func TestNullClears(t *testing.T) {
	c := onSQLite(t)
	me := "/v1/users/" + c.users["ann"].ID.String()
	given := c.must(200, "ann", patch, me, `{"phone":"+1 212 555 0100","address":"Main St","date_of_birth":"1984-02-29"}`, "If-Match", "*")
	if m := given.json(t); m["phone"] != "+1 212 555 0100" || m["date_of_birth"] != "1984-02-29" {
		t.Errorf("given: %v", m)
	}
	kept := c.must(200, "ann", patch, me, `{"name":"Ann B"}`, "If-Match", "*")
	if m := kept.json(t); m["phone"] != "+1 212 555 0100" || m["address"] != "Main St" {
		t.Errorf("kept: %v", m)
	}
	cleared := c.must(200, "ann", patch, me, `{"phone":null,"date_of_birth":null,"name":null}`, "If-Match", "*").json(t)
	if _, there := cleared["phone"]; there || cleared["date_of_birth"] != nil || cleared["address"] != "Main St" || cleared["name"] != "Ann B" {
		t.Errorf("cleared: %v", cleared)
	}
}

func TestQueries(t *testing.T) {
	c := onSQLite(t)
	tests := []struct {
		query             string
		status            int
		location, message string
	}{
		{"", 422, "query.limit", "is required"},
		{"limit=0", 422, "query.limit", "expected number >= 1"},
		{"limit=201", 422, "query.limit", "expected number <= 200"},
		{"limit=ten", 422, "query.limit", "is not valid"},
		{"limit=99999999999999999999", 422, "query.limit", "is not valid"},
		{"limit=", 422, "query.limit", "is empty"},
		{"limit", 422, "query.limit", "is empty"},
		{"limit=5&limit=5", 422, "query.limit", "comes more than once"},
		{"limit=5&%6cimit=5", 422, "query.limit", "comes more than once"},
		{"limit=5&Limit=5", 422, "query", "has an unknown parameter"},
		{"limit=5&x=1&y=2", 422, "query", "has an unknown parameter"},
		{"limit=5&status=", 422, "query.status", "is empty"},
		{"limit=5&status=gone", 422, "query.status", `expected value to be one of "available, held, booked, blocked, any"`},
		{"limit=5&count=maybe", 422, "query.count", "is not valid"},
		{"limit=5&specialty=%00", 422, "query.specialty", "is not text"},
		{"limit=5&specialty=%ff", 422, "query.specialty", "is not text"},
		{"limit=5&specialty=%zz", 400, "query", "is not encoded as a query is"},
		{"limit=5;count=true", 400, "query", "is not encoded as a query is"},
		{"limit=5&date=2027-02-29", 422, "query.date", "is not valid"},
		{"limit=5&from=2027-03-14", 422, "query.from", "is not valid"},
		{"limit=5&from=2027-03-14T00:00:00", 422, "query.from", "is not valid"},
		{"limit=5&from=1999-12-31T23:59:59Z", 422, "query.from", "is not valid"},
		{"limit=5&cursor=x", 422, "query.cursor", "is not from this list"},
	}
	for _, tt := range tests {
		r := c.call("", get, "/v1/slots?"+tt.query, nil)
		var p problem
		if err := json.Unmarshal(r.body, &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]fieldError{{tt.location, tt.message}}, p.Errors); r.StatusCode != tt.status || diff != "" {
			t.Errorf("%s: %d, want %d; errors (-want +got):\n%s", tt.query, r.StatusCode, tt.status, diff)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	c := onSQLite(t)
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{get, "/nowhere", 404, ""},
		{get, "/", 404, ""},
		{get, "/v1/users/", 404, ""},
		{get, "//v1/slots", 404, ""},
		{get, "/v1//slots", 404, ""},
		{get, "/v1/./slots", 404, ""},
		{get, "/v1/x/../slots", 404, ""},
		{get, "/v1/slots/%2e%2e", 404, ""},
		{get, "/docs/nothing", 404, ""},
		{get, "/docs/docs.html", 404, ""},
		{remove, "/v1/slots", 405, "GET, HEAD"},
		{http.MethodOptions, "/v1/users", 405, "GET, HEAD, POST"},
		{"FROBNICATE", "/v1/users", 405, "GET, HEAD, POST"},
		{get, "/v1/appointments/x/confirm", 405, "POST, PUT"},
		{http.MethodTrace, "/status", 405, "GET, HEAD"},
	}
	for _, tt := range tests {
		r := c.call("", tt.method, tt.path, nil)
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow || r.Header.Get("Content-Type") != problemContent {
			t.Errorf("%s %s = %d, Allow %q, %s, want %d, %q, a problem", tt.method, tt.path,
				r.StatusCode, r.Header.Get("Allow"), r.Header.Get("Content-Type"), tt.status, tt.allow)
		}
		if location := r.Header.Get("Location"); location != "" {
			t.Errorf("%s %s leads to %s", tt.method, tt.path, location)
		}
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
		if !isRequestID.MatchString(got) || (got == tt.sent) != tt.kept {
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

func TestTraceparent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	for _, tt := range []struct {
		sent string
		kept bool
	}{
		{good, true},
		{"", false},
		{strings.ToUpper(good), false},
		{good + "-x", false}, // version 00 ends there
		{"ff" + good[2:], false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
	} {
		parent, trace := traceparent(tt.sent)
		if !valid.MatchString(parent) || (parent == tt.sent) != tt.kept || trace != parent[3:35] {
			t.Errorf("traceparent(%q) = %q, %q, kept should be %v", tt.sent, parent, trace, tt.kept)
		}
	}
	if parent, _ := traceparent("01" + good[2:] + "-later"); parent != "01"+good[2:] {
		t.Errorf("of a later version: %q", parent)
	}
	c := onSQLite(t)
	if r := c.call("", get, "/healthz", nil, "Traceparent", good); r.Header.Get("Traceparent") != good {
		t.Errorf("answered %q, want %q", r.Header.Get("Traceparent"), good)
	}
}

func TestAgentFamily(t *testing.T) {
	for header, want := range map[string]string{
		"curl/8.5.0":             "curl",
		"Go-http-client/1.1":     "Go-http-client",
		"":                       "other",
		"ann@example.org's shoe": "other",
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                    "Firefox",
		"Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36":                 "Chrome",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0": "Edge",
		"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1":     "Safari",
	} {
		if got := agent(header); got != want {
			t.Errorf("agent(%q) = %q, want %q", header, got, want)
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
	c.server.Ready = func(context.Context) error { return errors.New("migrating") }
	r := c.call("", get, "/readyz", nil)
	c.refused(r, 503, "not-ready")
	if r.Header.Get("Retry-After") != "1" || strings.Contains(string(r.body), "migrating") {
		t.Errorf("Retry-After %q, %s", r.Header.Get("Retry-After"), r.body)
	}
	c.must(200, "", get, "/healthz", nil)
}

// TestPanics shows that a defect is one 500, whose cause is in the log and not
// in the answer, and that the server goes on.
func TestPanics(t *testing.T) {
	c := onSQLite(t)
	c.server.Ready = func(context.Context) error { panic("marker-in-a-panic") }
	r := c.call("", get, "/readyz", nil)
	c.refused(r, 500, "internal")
	if strings.Contains(c.log.String(), "marker-in-a-panic") || !strings.Contains(c.log.String(), "TestPanics") {
		t.Errorf("the log should have the stack and not the value: %s", c.log)
	}
	c.server.Ready = func(context.Context) error { var s []int; _ = s[len(c.keys)]; return nil }
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

// TestRefusalsByRoleAreRecorded counts audit events of a refused role.
func TestRefusalsByRoleAreRecorded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.refused(c.call("ann", post, "/v1/users", `{`), 403, "forbidden")
		var n int
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) { return n, r.Scan(&n) },
				`SELECT count(*) FROM audit_events WHERE action = 'user.create' AND outcome = 'denied' AND actor_id = $1`, c.users["ann"].ID)
			return err
		})
		if err != nil || n != 1 {
			t.Errorf("%d records, error %v, want 1", n, err)
		}
	})
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

// TestAuthorizationMatrix calls each operation as nobody and as each role.
func TestAuthorizationMatrix(t *testing.T) {
	c := onSQLite(t)
	for _, o := range table() {
		path := strings.NewReplacer("{id}", "nope", "{file}", "problems").Replace(o.Path)
		for _, by := range append([]string{""}, "ann", "grey", "admin", "auditor") {
			var role auth.Role
			if by != "" {
				role = c.users[by].Role
			}
			r := c.call(by, o.Method, path, nil)
			switch {
			case o.Who.anonymous || slices.Contains(o.Who.roles, role):
				if r.StatusCode == 401 || r.StatusCode == 403 {
					t.Errorf("%s by %q = %d %s, want it let in", o.ID, by, r.StatusCode, r.body)
				}
			case by == "":
				c.refused(r, 401, "unauthenticated")
			default:
				c.refused(r, 403, "forbidden")
			}
		}
	}
}

// TestRowsWithoutPolicyPanic shows that no route comes without a policy.
func TestRowsWithoutPolicyPanic(t *testing.T) {
	a := &surface{server: new(Server), mux: http.NewServeMux(), tag: "System"}
	for _, r := range []row{
		{ID: "x", Method: get, Path: "/x", Summary: "X", Status: ok},
		{ID: "x", Method: get, Path: "/x", Who: everybody, Status: ok},
		{ID: "x", Method: get, Path: "/x", Summary: "X", Who: everybody},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v can be registered", r)
				}
			}()
			route(a, r, a.server.status, presentHealth)
		}()
	}
}

// TestNothingIsEchoed sends a marker in every place of a request that a caller
// controls, and looks for it in every answer and in the log.
func TestNothingIsEchoed(t *testing.T) {
	c := onSQLite(t)
	const marker = "zq7marker"
	bodies := []string{
		marker, `"` + marker + `"`, `{"` + marker + `":1}`, `{"email":"` + marker + `"}`, `{"slots":"` + marker + `"}`,
		`{"slot_id":"` + marker + `","slots":1,"` + marker + `.x[1]":2}`, `{"weekdays":["` + marker + `"]}`,
		`{"policy":{"` + marker + `":1,"slot_minutes":"` + marker + `"}}`, `{"starts_at":"` + marker + `","date":"` + marker + `","from":"` + marker + `"}`,
		`{"override":{"reason":"` + marker + `","` + marker + `":{}}}`, `{"role":"` + marker + `","time_zone":"` + marker + `"}`,
		`{"practitioner_id":"` + marker + `","from":"2027-03-16T13:00:00Z","to":"2027-03-17T13:00:00Z"}`,
		`{"email":"` + marker + `@@","name":"` + marker + `","role":"patient","phone":"` + marker + `","date_of_birth":"` + marker + `"}`,
	}
	queries := []string{"", "?" + marker + "=1", "?limit=" + marker, "?limit=5&status=" + marker, "?limit=5&cursor=" + marker + "&from=" + marker,
		"?limit=5&practitioner_id=" + marker, "?limit=5&" + marker + "[x]=1&date=" + marker, "?%zz" + marker, "?limit=5&count=" + marker}
	headers := [][]string{{"If-Match", marker}, {"Idempotency-Key", marker + " \x80"}, {"X-Request-ID", marker}, {"Traceparent", marker},
		{"User-Agent", marker}, {"Content-Type", marker}, {"If-None-Match", marker}, {"Accept", marker}, {"Content-Encoding", marker}, {"X-API-Key", marker}}
	look := func(what string, rec *httptest.ResponseRecorder) {
		t.Helper()
		var all bytes.Buffer
		_ = rec.Result().Header.Write(&all)
		all.Write(rec.Body.Bytes())
		if strings.Contains(strings.ToLower(all.String()), marker) {
			t.Errorf("%s: the answer repeats the marker: %d %s", what, rec.Code, all.String())
		}
	}
	send := func(o *operation, path, body string, more []string) {
		req := httptest.NewRequest(o.Method, path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if len(o.Who.roles) > 0 {
			req.Header.Set("X-API-Key", c.keys[map[auth.Role]string{auth.Patient: "ann", auth.Practitioner: "grey", auth.Admin: "admin"}[o.Who.roles[len(o.Who.roles)-1]]])
		}
		if o.Who.roles != nil && slices.Contains(o.Who.roles, auth.Auditor) {
			req.Header.Set("X-API-Key", c.keys["admin"])
		}
		for pair := range slices.Chunk(more, 2) {
			req.Header.Set(pair[0], pair[1])
		}
		rec := httptest.NewRecorder()
		c.handler.ServeHTTP(rec, req)
		if rec.Code >= 400 { // a success shows what is kept, and may well show it
			look(o.ID+" "+path+" "+body, rec)
		}
	}
	for _, o := range table() {
		path := strings.NewReplacer("{id}", marker, "{file}", marker).Replace(o.Path)
		for _, body := range bodies {
			send(o, path, body, nil)
		}
		for _, query := range queries {
			send(o, path+query, "", nil)
		}
		for _, header := range headers {
			send(o, path, "", header)
		}
	}
	for _, path := range []string{"/" + marker, "/v1/" + marker + "/../x", "//" + marker} {
		rec := httptest.NewRecorder()
		c.handler.ServeHTTP(rec, httptest.NewRequest(strings.ToUpper(marker), path, nil))
		look(path, rec)
	}
	if strings.Contains(strings.ToLower(c.log.String()), marker) {
		t.Error("the log repeats the marker")
	}
}
