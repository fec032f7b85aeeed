package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// How many requests the fuzzer sends.
const (
	fuzzSQLite   = 20_000
	fuzzPostgres = 3_000
)

// TestBadInputNeverGivesA5xx sends requests that are made from the document and
// bent at random, and checks that each answer is one that the document has.
// MEDBOOK_FUZZ_SEED chooses other requests; a failure names the seed.
func TestBadInputNeverGivesA5xx(t *testing.T) {
	seed := uint64(1)
	if text := os.Getenv("MEDBOOK_FUZZ_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		requests := fuzzSQLite
		if db.Engine() == sqldb.Postgres {
			requests = fuzzPostgres
		}
		f := newFuzzer(newClinic(t, db), seed)
		for i := range requests {
			o := pick(f, table()...)
			if o.described.Tags[0] == "System" && f.chance(0.7) {
				o = pick(f, table()...)
			}
			req, body := f.request(o)
			rec := httptest.NewRecorder()
			f.handler.ServeHTTP(rec, req)
			if !f.check(o, req, rec) {
				t.Fatalf("seed %d, request %d: %s %s %v\n%.2000q\n= %d %v\n%s", seed, i, req.Method, req.URL, req.Header, body, rec.Code, rec.Header(), rec.Body)
			}
			if o.ID == "revoke-api-key" && rec.Code == http.StatusNoContent || o.ID == "erase-patient" && rec.Code == http.StatusOK {
				f.renewKeys()
			}
		}
		t.Logf("seed %d: %v, successes %v", seed, f.statuses, f.reached)
		var unreached []string
		for _, o := range table() {
			if f.reached[o.ID] == 0 && !o.secret() { // nobody guesses a password or a link
				unreached = append(unreached, o.ID)
			}
		}
		// Some need luck; but without it for several, the fuzzer tests only the door.
		if requests == fuzzSQLite && len(unreached) > 3 {
			t.Errorf("no request to %v succeeded", unreached)
		}
	})
}

// fuzzer makes requests at random, and learns ids from the answers.
type fuzzer struct {
	*clinic
	*rand.Rand
	clock    *sqltest.Clock
	schemas  huma.Registry
	known    map[string][]string // ids by the name of the field they were in, ETags, cursors
	statuses map[int]int
	sent     map[string]int // by operation
	reached  map[string]int // successes by operation
	born     int            // patients who came in the place of erased ones
	bent     float64        // how likely any part of the request at hand is bent
}

func newFuzzer(c *clinic, seed uint64) *fuzzer {
	f := &fuzzer{
		clinic: c, Rand: rand.New(rand.NewPCG(seed, 2)), clock: sqltest.ClockOf(c.db),
		schemas: new(Server).surface().api.OpenAPI().Components.Schemas,
		known:   map[string][]string{}, statuses: map[int]int{}, sent: map[string]int{}, reached: map[string]int{},
	}
	for name, u := range c.users {
		f.learn("user", u.ID.String())
		if u.Role == auth.Patient {
			f.learn("patient_id", u.ID.String())
		}
		if u.Role == auth.Practitioner {
			f.learn("practitioner_id", c.practitioner(name))
		}
	}
	for _, ids := range f.known { // maps have no order, and the seed should be all
		slices.Sort(ids)
	}
	c.sign()
	for _, patient := range []string{"ann", "bob"} {
		c.care("brown", patient)
		f.learn("encounter", c.encounter("grey", patient, map[string]any{"finding": "x"}))
	}
	for range 20 {
		w := c.must(201, "admin", post, "/v1/webhooks", map[string]any{"url": "https://hooks.example", "kinds": []any{"order.placed"}}).text(c.t, "id")
		f.learn("webhook", w)
		f.learn("delivery", c.must(202, "admin", post, "/v1/webhooks/"+w+"/test", nil).text(c.t, "id"))
	}
	for i, slot := range c.open("grey", "2027-03-14T15:00:00Z", "2027-03-18T13:00:00Z") {
		f.learn("slot_id", slot)
		if i >= 50 {
			continue
		}
		f.learn("soon", c.must(201, "admin", post, "/v1/appointments", map[string]any{
			"slot_id": slot, "patient_id": c.users["bob"].ID.String(), "confirm": true,
		}).text(c.t, "id"))
	}
	return f
}

// renewKeys gives those a key who have just lost theirs.
func (f *fuzzer) renewKeys() {
	for name, u := range f.users {
		if _, err := f.server.Auth.Authenticate(f.t.Context(), auth.Shown{Key: f.keys[name]}, auth.Actor{}); err == nil {
			continue
		}
		if f.erased(u) {
			u = f.successor(u)
			f.users[name] = u
		}
		f.keys[name] = f.newKey(u)
	}
}

// erased reports whether a user's address is nobody's any more.
func (f *fuzzer) erased(u directory.User) bool {
	found, err := f.server.Directory.User(f.t.Context(), auth.System, u.ID.String())
	if err != nil {
		f.t.Fatal(err)
	}
	return found.Email.Reveal() != u.Email.Reveal()
}

// successor makes a user in the place of a patient who was erased.
func (f *fuzzer) successor(u directory.User) directory.User {
	f.born++
	n := directory.NewUser{Email: phi.Of(fmt.Sprintf("successor%d@example.org", f.born)), Name: u.Name, Role: auth.Patient}
	u, err := f.server.Directory.CreateUser(f.t.Context(), auth.System, n)
	if err != nil {
		f.t.Fatal(err)
	}
	f.learn("patient_id", u.ID.String())
	return u
}

// learn keeps the newest values of each kind.
func (f *fuzzer) learn(kind, value string) {
	f.known[kind] = append(f.known[kind], value)
	f.known[kind] = f.known[kind][max(0, len(f.known[kind])-50):]
}

func (f *fuzzer) chance(p float64) bool { return f.Float64() < p }

func pick[T any](f *fuzzer, from ...T) T { return from[f.IntN(len(from))] }

// idOf returns an id of the kind, or of another kind, if there is one.
func (f *fuzzer) idOf(kind string) string {
	ids := f.known[kind]
	if len(ids) == 0 || f.chance(f.bent) {
		kinds := []string{"user", "patient_id", "practitioner_id", "slot_id", "appointment", "availability", "time_off", "wait", "encounter", "order"}
		ids = f.known[pick(f, kinds...)]
	}
	if len(ids) == 0 || f.chance(f.bent) {
		return f.text()
	}
	return pick(f, ids...)
}

// madeBy names what the answers of a path hold.
func madeBy(path string) string {
	for suffix, kind := range map[string]string{"/availability": "availability", "/time-off": "time_off", "/slots": "slot_id", "/deliveries": "delivery"} {
		if strings.HasSuffix(path, suffix) {
			return kind
		}
	}
	return kindOf(path)
}

// kindOf names what the id in a path is of.
func kindOf(path string) string {
	for prefix, kind := range map[string]string{
		"/v1/users": "user", "/v1/patients": "patient_id", "/v1/practitioners": "practitioner_id", "/v1/availability": "availability", "/v1/time-off": "time_off",
		"/v1/slots": "slot_id", "/v1/appointments": "appointment", "/v1/waitlist": "wait", "/v1/encounters": "encounter", "/v1/orders": "order",
		"/v1/webhooks": "webhook", "/v1/webhook-deliveries": "delivery",
	} {
		if strings.HasPrefix(path, prefix) {
			return kind
		}
	}
	return "user"
}

// request makes a request to o, which may be bent anywhere.
func (f *fuzzer) request(o *operation) (*http.Request, []byte) {
	f.bent = pick(f, 0, 0, 0.02, 0.1, 0.5)
	if f.chance(0.02) {
		f.clock.Advance(time.Duration(f.IntN(3600)) * time.Second)
	}
	path := strings.NewReplacer("{file}", pick(f, "problems", "docs.js", "x"), "{page}", pick(f, "verify", "account.js", "x")).Replace(o.Path)
	kind := kindOf(o.Path)
	if slices.Contains([]string{"complete-appointment", "mark-no-show", "reschedule-appointment"}, o.ID) && f.chance(0.5) {
		kind = "soon" // few others are confirmed
	}
	id := f.idOf(kind)
	second := f.idOf("practitioner_id")
	u := &url.URL{Scheme: "http", Host: "clinic.example", Path: strings.NewReplacer("{id}", id, "{practitioner_id}", second).Replace(path)}
	u.RawPath = strings.NewReplacer("{id}", url.PathEscape(id), "{practitioner_id}", url.PathEscape(second)).Replace(path)
	u.RawQuery = f.query(o)
	method := o.Method
	if f.chance(f.bent / 20) {
		method = pick(f, "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "BREW")
	}
	var body []byte
	if o.takesBody {
		body = f.body(o)
	} else if f.chance(f.bent / 5) {
		body = []byte(pick(f, `{}`, `{"a":1}`, `x`, "\xff"))
	}
	req, err := http.NewRequest(method, "http://clinic.example/", bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.URL, req.RemoteAddr = u, "192.0.2.1:1234"
	f.headers(o, req)
	return req, body
}

func (f *fuzzer) headers(o *operation, req *http.Request) {
	set := func(name string, likely float64, values ...string) {
		if f.chance(likely) {
			req.Header.Set(name, pick(f, values...))
		}
	}
	by := pick(f, "", "ann", "bob", "grey", "brown", "admin", "auditor")
	if !o.May.public() && f.chance(0.9) {
		by = pick(f, slices.DeleteFunc([]string{"ann", "bob", "grey", "brown", "admin", "auditor"}, func(name string) bool {
			return !slices.Contains(o.May.roles(), f.users[name].Role)
		})...)
	}
	if by != "" {
		req.Header.Set("X-API-Key", f.keys[by])
	}
	set("Content-Type", 1, "application/json")
	set("Content-Type", f.bent/5, "application/json; charset=UTF-8", "application/json; charset=x", "text/plain", "", "application/json+x;+", "multipart/form-data; boundary=x")
	set("If-Match", 0.9, append(slices.Clone(f.known["etag"]), "*", "*", "*", "*", "*")...)
	set("If-Match", f.bent, "", `"`, "x", "W/*", ",,,", strings.Repeat(`"1",`, 1000))
	set("If-None-Match", 0.1, append(slices.Clone(f.known["etag"]), "*", `"x"`)...)
	set("Idempotency-Key", 0.3, "k"+strconv.Itoa(f.IntN(500)))
	set("Idempotency-Key", f.bent/3, "", " ", "é", strings.Repeat("k", 256), "\x01")
	set("X-Request-ID", f.bent, "x", "", strings.Repeat("a", 5000))
	set("Traceparent", f.bent, "x", "00-", strings.Repeat("0", 55))
	set("Accept", f.bent, "text/html", "*/*;q=0", ";;;", "application/cbor")
	set("X-API-Key", f.bent/20, "", "x", "mb_", "mb_"+strings.Repeat("0", 26)+"_"+strings.Repeat("0", 59))
	set("Authorization", f.bent/20, "Bearer x", "", "Basic")
	set("Content-Encoding", f.bent/20, "gzip", "identity")
	if f.chance(f.bent / 5) {
		req.Header.Add("If-Match", `"2"`)
		req.Header.Add("Idempotency-Key", "k")
	}
}

func (f *fuzzer) query(o *operation) string {
	var parts []string
	for _, p := range o.described.Parameters {
		if p.In != "query" || !p.Required && f.chance(0.7) || f.chance(f.bent/5) {
			continue
		}
		value := f.text()
		if !f.chance(f.bent) {
			value = f.param(p)
		}
		part := url.QueryEscape(p.Name) + "=" + url.QueryEscape(value)
		parts = append(parts, part)
		if f.chance(f.bent / 5) {
			parts = append(parts, part)
		}
	}
	if f.chance(f.bent / 5) {
		parts = append(parts, pick(f, "x=1", "limit", "%zz", "a[b]=c", ";", "=", "&&", "limit=%ff"))
	}
	return strings.Join(parts, "&")
}

func (f *fuzzer) param(p *huma.Param) string {
	switch {
	case p.Name == "cursor":
		if len(f.known["cursor"]) > 0 {
			return pick(f, f.known["cursor"]...)
		}
		return "x"
	case p.Schema.Type == huma.TypeInteger, p.Schema.Type == huma.TypeBoolean:
		return f.scalar(p.Schema)
	}
	var s string
	if err := json.Unmarshal([]byte(f.value(p.Name, p.Schema)), &s); err != nil {
		return f.text()
	}
	return s
}

// body makes the body of a request from its schema.
func (f *fuzzer) body(o *operation) []byte {
	media := o.described.RequestBody.Content[jsonContent]
	text := f.value("body", media.Schema)
	for _, e := range media.Examples { // forms that the schema alone hardly ever meets
		if f.chance(0.15) {
			b, _ := json.Marshal(e.Value)
			text = f.fresh(string(b))
		}
	}
	body := []byte(text)
	if !f.chance(f.bent/3) || len(body) == 0 {
		return body
	}
	at := f.IntN(len(body))
	switch f.IntN(6) {
	case 0:
		return body[:at]
	case 1:
		body[at] = byte(f.IntN(256))
		return body
	case 2:
		return append(body, body...)
	case 3:
		return nil
	case 4:
		return []byte(strings.Repeat(pick(f, "[", `{"a":`), pick(f, 31, 33, 9_999, 200_000)))
	default:
		return []byte(`{"x":"` + strings.Repeat("y", pick(f, 1000, maxBody-8, maxBody)) + `"}`)
	}
}

// fresh puts times near the test's clock, and ids that exist, into an example.
func (f *fuzzer) fresh(text string) string {
	text = strings.ReplaceAll(text, "2027-08-13", "2027-03-"+strconv.Itoa(15+f.IntN(14)))
	text = strings.ReplaceAll(text, "06am9n17rcy3n7w09hej8zw7wc-00fgsyq00000f", pick(f, f.known["slot_id"]...))
	return strings.ReplaceAll(text, exampleID, pick(f, f.known["patient_id"]...))
}

// value makes JSON text for a field, bent now and then.
func (f *fuzzer) value(name string, s *huma.Schema) string {
	if f.chance(f.bent / 4) {
		return f.garbage()
	}
	for s.Ref != "" {
		s = f.schemas.SchemaFromRef(s.Ref)
	}
	switch s.Type {
	case huma.TypeObject:
		return f.object(s)
	case huma.TypeArray:
		var items []string
		for range 1 + f.IntN(3) {
			items = append(items, f.value(name, s.Items))
		}
		return "[" + strings.Join(items, ",") + "]"
	case huma.TypeString:
		b, _ := json.Marshal(f.field(name, s))
		return string(b)
	}
	return f.scalar(s)
}

func (f *fuzzer) object(s *huma.Schema) string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	only := ""
	if len(names) > 0 && f.chance(0.3) { // fields of a change often do not go together
		only = pick(f, names...)
	}
	var fields []string
	for _, name := range names {
		left := f.chance(0.7)
		if only != "" {
			left = name != only
		}
		if left && !slices.Contains(s.Required, name) || f.chance(f.bent/10) {
			continue
		}
		field := strconv.Quote(name) + ":" + f.value(name, s.Properties[name])
		fields = append(fields, field)
		if f.chance(f.bent / 20) {
			fields = append(fields, field)
		}
	}
	if f.chance(f.bent / 10) {
		fields = append(fields, pick(f, `"x":1`, `"a.b[0]":null`, `"":{}`, `"\u0000":1`, `"Name":"x"`, `"__proto__":{}`))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// field makes a text that a field of that name may hold.
func (f *fuzzer) field(name string, s *huma.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return fmt.Sprint(pick(f, s.Enum...))
	case s.Format == "date-time":
		return f.instant()
	case s.Format == "date":
		return f.date()
	case s.Pattern == timePattern:
		return pick(f, "00:00", "08:00", "12:30", "15:00", "23:59", "24:00", "02:30")
	case name == "email":
		return pick(f, "new", "x", "long") + strconv.Itoa(f.IntN(1000)) + "@example.org"
	case name == "endpoint":
		return "https://push.example/" + strconv.Itoa(f.IntN(1000))
	case name == "p256dh":
		return "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	case name == "auth":
		return "BTBZMqHH6r4Tts7J_aSIgg"
	case name == "time_zone":
		return pick(f, "America/New_York", "Asia/Kathmandu", "UTC", "Pacific/Apia", "Antarctica/Troll", "Nowhere/City", "")
	case name == "specialty":
		return pick(f, "physiotherapy", "PHYSIOTHERAPY", "ﬁne art", "x")
	case name == "country":
		return pick(f, "US", "DE", "NP", "XX")
	case name == "user_id":
		return f.idOf("user")
	case strings.HasSuffix(name, "_id"):
		return f.idOf(name)
	}
	return pick(f, "Back pain", "x", "Ünïcödé 😀", "two\nlines", "1234", "%_\\", "'; --")
}

func (f *fuzzer) instant() string {
	t := f.clock.Now().Add(time.Duration(f.IntN(40*24*12)-12) * 5 * time.Minute).Truncate(5 * time.Minute)
	return pick(f, t, t, t, t, t, t.Add(time.Duration(f.IntN(1e9)))).In(pick(f, time.UTC, time.FixedZone("", -4*3600), time.FixedZone("", 20700))).Format(time.RFC3339Nano)
}

func (f *fuzzer) date() string {
	return pick(f, f.clock.Now().AddDate(0, 0, f.IntN(40)-2), f.clock.Now().AddDate(f.IntN(40)-30, 0, 0)).Format(time.DateOnly)
}

// scalar makes a number or a boolean.
func (f *fuzzer) scalar(s *huma.Schema) string {
	if s.Type == huma.TypeBoolean {
		return pick(f, "true", "false")
	}
	low, high := 0.0, 300.0
	if s.Minimum != nil {
		low = *s.Minimum
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	near := int64(low) + int64(f.IntN(4))
	n := pick(f, int64(low), near, near, near, near, near, int64(low)+f.Int64N(int64(high-low)+1), int64(high))
	if s.MultipleOf != nil {
		n -= n % int64(*s.MultipleOf)
	}
	return strconv.FormatInt(n, 10)
}

// garbage is JSON text that no field is waiting for.
func (f *fuzzer) garbage() string {
	if f.chance(0.4) {
		b, _ := json.Marshal(f.text())
		return string(b)
	}
	return pick(f, "null", "true", "0", "-1", "1.5", "1.0", "1e2", "1e400", "-0", "9223372036854775807", "9223372036854775808", "1e30", "2147483648",
		"[]", "{}", "[[]]", `[null]`, `{"a":{"a":{}}}`, `"\u0000"`, `"\ud800"`, "\"\xff\"", `"é"`)
}

// text is text that hardly any place is waiting for.
func (f *fuzzer) text() string {
	return pick(f, "", " ", "x", "0", "-1", "null", "true", "é", "日本", "\x00", "a\x00b", "\xff\xfe", "\u202e", "😀", "..", "a/b", "a%2fb", "%00", "' OR 1=1 --", "*",
		strings.Repeat("x", 64), strings.Repeat("9", 40), strings.Repeat("x", 3000), "00000000-0000-0000-0000-000000000000",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2000-01-01T00:00:00+23:59", "2027-03-14T02:30:00",
		"2000-01-01", "2199-12-31", "2200-01-01", "0000-00-00", "2027-02-29", "24:00", "24:01", "00:00", "8:00")
}

// check reports whether an answer is as it should be, and learns from it.
func (f *fuzzer) check(o *operation, req *http.Request, rec *httptest.ResponseRecorder) bool {
	resp, body := rec.Result(), rec.Body.Bytes()
	f.statuses[rec.Code]++
	f.sent[o.ID]++
	if rec.Code >= 500 {
		return false
	}
	if rec.Code >= 400 {
		var p problem
		err := json.Unmarshal(body, &p)
		if err != nil || p.Status != rec.Code || p.Code == "" || p.Title == "" || p.Detail == "" || p.Type == "" || p.RequestID == "" ||
			resp.Header.Get("Content-Type") != problemContent {
			return false
		}
	}
	if rec.Code < 300 && req.Method == o.Method {
		f.reached[o.ID]++
		f.harvest(madeBy(o.Path), body)
		if tag := rec.Header().Get("ETag"); tag != "" && len(tag) < 60 {
			f.learn("etag", tag)
		}
	}
	before := f.t.Failed()
	checkAnswer(f.t, req, resp)
	return before || !f.t.Failed()
}

// harvest learns the ids in an answer.
func (f *fuzzer) harvest(kind string, body []byte) {
	var one struct {
		ID         string
		NextCursor string `json:"next_cursor"`
		Items      []struct{ ID string }
		Role       string
	}
	if json.Unmarshal(body, &one) != nil {
		return
	}
	for _, item := range one.Items {
		if f.chance(0.2) {
			f.learn(kind, item.ID)
		}
	}
	for _, found := range [][2]string{{kind, one.ID}, {"cursor", one.NextCursor}} {
		if found[1] != "" {
			f.learn(found[0], found[1])
		}
	}
	f.keepRole(one.ID, auth.Role(one.Role))
}

// keepRole gives a caller back the role that an admin has just changed.
func (f *fuzzer) keepRole(id string, role auth.Role) {
	for _, u := range f.users {
		if u.ID.String() == id && role != "" && role != u.Role {
			if _, err := f.server.Directory.ChangeUser(f.t.Context(), auth.System, id, "*", directory.UserChange{Role: &u.Role}); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}
