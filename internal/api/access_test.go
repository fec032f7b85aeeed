package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

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
	other := "q"
	if good[20] == 'q' {
		other = "r"
	}
	tests := []struct {
		name string
		more []string
		want int
	}{
		{"none", nil, 401},
		{"a key", []string{"X-API-Key", good}, 200},
		{"an empty key", []string{"X-API-Key", ""}, 401},
		{"a key with a letter changed", []string{"X-API-Key", good[:20] + other + good[21:]}, 401},
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

// TestKeysNeedAScope lists what any key will do for. The matrix takes the policy's
// word for that; so this is said twice on purpose.
func TestKeysNeedAScope(t *testing.T) {
	var free []string
	for _, o := range table() {
		if !o.May.public() && o.May.scope == "" {
			free = append(free, o.ID)
		}
	}
	slices.Sort(free)
	if want := []string{"log-out", "read-me", "read-status"}; !slices.Equal(free, want) {
		t.Errorf("without a scope: %v, want %v", free, want)
	}
}

// TestRowsWithoutPolicyPanic shows that no route comes without a policy.
func TestRowsWithoutPolicyPanic(t *testing.T) {
	a := &surface{server: new(Server), mux: http.NewServeMux(), tag: "System"}
	for _, r := range []row{
		{ID: "x", Method: get, Path: "/x", Summary: "X", Status: 200},
		{ID: "x", Method: get, Path: "/x", May: readHealth, Status: 200},
		{ID: "x", Method: get, Path: "/x", Summary: "X", May: readHealth},
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
	queries := []string{
		"", "?" + marker + "=1", "?limit=" + marker, "?limit=5&status=" + marker, "?limit=5&cursor=" + marker + "&from=" + marker,
		"?limit=5&practitioner_id=" + marker, "?limit=5&" + marker + "[x]=1&date=" + marker, "?%zz" + marker, "?limit=5&count=" + marker,
	}
	headers := [][]string{
		{"If-Match", marker},
		{"Idempotency-Key", marker + " \x80"},
		{"X-Request-ID", marker},
		{"Traceparent", marker},
		{"User-Agent", marker},
		{"Content-Type", marker},
		{"If-None-Match", marker},
		{"Accept", marker},
		{"Content-Encoding", marker},
		{"X-API-Key", marker},
	}
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
		if roles := o.May.roles(); !o.May.public() {
			caller := map[auth.Role]string{auth.Patient: "ann", auth.Practitioner: "grey", auth.Admin: "admin", auth.Auditor: "admin"}
			req.Header.Set("X-API-Key", c.keys[caller[roles[len(roles)-1]]])
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
		path := strings.NewReplacer("{id}", marker, "{file}", marker, "{page}", marker, "{practitioner_id}", marker).Replace(o.Path)
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
