package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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

// TestOwnsEveryRoute shows that the API is asked for all that it has, and not for
// what only begins alike.
func TestOwnsEveryRoute(t *testing.T) {
	for _, o := range table() {
		if !Owns(o.Path) {
			t.Errorf("%s is not the API's", o.Path)
		}
	}
	for path, want := range map[string]bool{
		"/v1/nowhere": true, "/v1/x/../..": true, "/docs/": true,
		"/": false, "": false, "*": false, "/v1": false, "/v10/x": false, "/documents": false, "/status/x": false, "/account": false, "/account/verify": false, "//v1/slots": false,
	} {
		if Owns(path) != want {
			t.Errorf("Owns(%q) = %v, want %v", path, !want, want)
		}
	}
}
