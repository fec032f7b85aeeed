package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a server over a fresh database with a user of each role, two of
// them patients and two practitioners. Callers go by their names; "" is nobody.
type clinic struct {
	t       testing.TB
	db      *sqldb.DB
	server  *Server
	handler http.Handler
	remote  *httptest.Server
	log     *lockedBuffer
	users   map[string]directory.User
	keys    map[string]string
	loose   bool // answers are not compared with the document
	made    int  // sets of users, by benchmarks
}

// callers are the names of the clinic's users.
var callers = []struct {
	name string
	role auth.Role
	zone string
}{
	{"ann", auth.Patient, "America/New_York"},
	{"bob", auth.Patient, "America/New_York"},
	{"grey", auth.Practitioner, "America/New_York"},
	{"brown", auth.Practitioner, "Asia/Kathmandu"},
	{"admin", auth.Admin, "UTC"},
	{"auditor", auth.Auditor, "UTC"},
}

// ring and passwords are shared by all clinics, as by a server's parts.
var (
	ring = sync.OnceValue(func() *keyring.Ring {
		r, err := keyring.New()
		if err != nil {
			panic(err)
		}
		return r
	})
	passwords = &password.Hasher{}
)

func emptyClinic(t testing.TB, db *sqldb.DB) *clinic {
	t.Helper()
	c := &clinic{t: t, db: db, log: &lockedBuffer{}, users: map[string]directory.User{}, keys: map[string]string{}}
	c.server = &Server{
		Auth:       &auth.Service{DB: db, Keys: ring(), Passwords: passwords},
		Directory:  &directory.Service{DB: db, Passwords: passwords, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		Notify:     &notify.Service{DB: db, Seal: ring()},
		Webhooks:   &webhooks.Service{DB: db, Seal: ring()},
		Scheduling: &scheduling.Service{DB: db},
		Encounters: &encounters.Service{DB: db, Masters: []keyring.Master{keyring.NewLive(ring(), "")}, Seal: ring()},
		Orders:     &orders.Service{DB: db, Seal: ring()},
		Checks: func(ctx context.Context) []Check {
			if err := db.Ready(ctx); err != nil {
				return []Check{{Name: "database", Code: "database-unavailable", Fatal: true}}
			}
			return []Check{{Name: "database", Fatal: true}}
		},
		Log: slog.New(slog.NewJSONHandler(c.log, nil)),
		Now: db.Now,
	}
	push, err := notify.NewPush(notify.Pushing{Contact: "it@example.org", Private: phi.Of(strings.Repeat("YQ", 21) + "E")}) // any will do
	if err != nil {
		t.Fatal(err)
	}
	push.DB, push.Seal = db, ring()
	c.server.Notify.Channels = []notify.Channel{notify.Outbox{}, push}
	c.server.Privacy = &privacy.Service{DB: db, Encounters: c.server.Encounters, Orders: c.server.Orders, Seal: ring()}
	c.handler = c.server.Handler()
	c.remote = httptest.NewServer(c.handler)
	t.Cleanup(c.remote.Close)
	return c
}

// newClinic is an emptyClinic with its callers.
func newClinic(t testing.TB, db *sqldb.DB) *clinic {
	t.Helper()
	c := emptyClinic(t, db)
	for _, who := range callers {
		n := directory.NewUser{Email: phi.Of(who.name + "@example.org"), Name: phi.Of(who.name), Role: who.role, TimeZone: who.zone}
		if who.role == auth.Practitioner {
			n.Specialty = "physiotherapy"
		}
		u, err := c.server.Directory.CreateUser(t.Context(), auth.System, n)
		if err != nil {
			t.Fatalf("create user: %v", err)
		}
		c.users[who.name], c.keys[who.name] = u, c.newKey(u)
	}
	return c
}

// newKey makes a key for a user that can do all that the user may.
func (c *clinic) newKey(u directory.User) string {
	c.t.Helper()
	_, key, err := c.server.Auth.CreateKey(c.t.Context(), auth.System, auth.NewKey{Email: u.Email.Reveal(), Scopes: auth.Scopes()})
	if err != nil {
		c.t.Fatalf("create key: %v", err)
	}
	return key
}

// reply is an answer that was read.
type reply struct {
	*http.Response
	body []byte
}

// json returns the body as an object.
func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(r.body, &m); err != nil {
		t.Fatalf("%s: not a JSON object: %v", r.body, err)
	}
	return m
}

// text returns a field of the body.
func (r reply) text(t testing.TB, field string) string {
	t.Helper()
	s, _ := r.json(t)[field].(string)
	return s
}

// request makes a request by a caller. body is JSON text, or a value to be
// encoded; more are headers, name and value in turn.
func (c *clinic) request(by, method, path string, body any, more ...string) *http.Request {
	c.t.Helper()
	var content []byte
	switch b := body.(type) {
	case nil:
	case string:
		content = []byte(b)
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			c.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, c.remote.URL+path, bytes.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if by != "" {
		req.Header.Set("X-API-Key", c.keys[by])
	}
	for pair := range slices.Chunk(more, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	return req
}

// call sends a request over the network and checks the answer against the document.
func (c *clinic) call(by, method, path string, body any, more ...string) reply {
	c.t.Helper()
	return c.do(c.request(by, method, path, body, more...))
}

func (c *clinic) do(req *http.Request) reply {
	c.t.Helper()
	resp, err := c.remote.Client().Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if !c.loose {
		resp.Body = io.NopCloser(bytes.NewReader(body))
		checkAnswer(c.t, req, resp)
	}
	return reply{resp, body}
}

// must is call for answers that only prepare a test.
func (c *clinic) must(status int, by, method, path string, body any, more ...string) reply {
	c.t.Helper()
	r := c.call(by, method, path, body, more...)
	if r.StatusCode != status {
		c.t.Fatalf("%s %s by %q = %d %s, want %d", method, path, by, r.StatusCode, r.body, status)
	}
	return r
}

// care puts a patient into a practitioner's care.
func (c *clinic) care(practitioner, patient string) {
	c.t.Helper()
	c.must(204, "admin", put, "/v1/patients/"+c.users[patient].ID.String()+"/practitioners/"+c.practitioner(practitioner), nil)
}

// encounter documents a visit of yesterday by a practitioner, in whose care the
// patient is from then on, and returns its id.
func (c *clinic) encounter(practitioner, patient string, data map[string]any, more ...any) string {
	c.t.Helper()
	c.care(practitioner, patient)
	body := map[string]any{
		"patient_id": c.users[patient].ID.String(), "encounter_date": c.db.Now().AddDate(0, 0, -1).Format(time.DateOnly),
		"encounter_type": "follow_up", "clinical_data": data,
	}
	for pair := range slices.Chunk(more, 2) {
		body[pair[0].(string)] = pair[1]
	}
	return c.must(201, practitioner, post, "/v1/encounters", body).text(c.t, "id")
}

// sign has the audit trail's head signed, as a server does when it stops.
func (c *clinic) sign() {
	c.t.Helper()
	signer, err := audit.NewSigner(ring().Derive("test", nil))
	if err != nil {
		c.t.Fatal(err)
	}
	stopped, stop := context.WithCancel(c.t.Context())
	stop()
	if err := (&audit.Keeper{DB: c.db, Log: c.server.Log, Signer: signer}).Run(stopped); err != nil {
		c.t.Fatal(err)
	}
}

// refused fails the test unless r is the problem with that status and code.
func (c *clinic) refused(r reply, status int, code string) {
	c.t.Helper()
	if r.StatusCode != status || r.text(c.t, "code") != code {
		c.t.Errorf("%s %s = %d %s, want %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body, status, code)
	}
}

// practitioner returns the id of a practitioner's calendar.
func (c *clinic) practitioner(name string) string { return c.users[name].PractitionerID.String() }

// open publishes a stretch of a practitioner's time, days ahead of the start of
// the test, and returns the ids of its slots.
func (c *clinic) open(name, from, to string) []string {
	c.t.Helper()
	c.must(http.StatusCreated, name, post, "/v1/practitioners/"+c.practitioner(name)+"/availability", map[string]any{"starts_at": from, "ends_at": to})
	r := c.must(http.StatusOK, "", get, "/v1/slots?limit=200&practitioner_id="+c.practitioner(name)+"&from="+from+"&to="+to, nil)
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(r.body, &page); err != nil {
		c.t.Fatal(err)
	}
	var ids []string
	for _, item := range page.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// document is the OpenAPI document as an independent validator reads it.
var document = sync.OnceValue(func() validator.Validator {
	asJSON, _ := OpenAPI()
	doc, err := libopenapi.NewDocument(asJSON)
	if err != nil {
		panic(err)
	}
	v, errs := validator.NewValidator(doc, config.WithFormatAssertions(), config.WithStrictMode(), config.WithStrictIgnorePaths("$.body.public_key.**", "$.body.credential.**", "$.body.**.clinical_data.**", "$.body.clinical_data.**", "$.body.channels.**"), config.WithStrictIgnoredHeadersExtra(
		"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options",
	))
	if len(errs) > 0 {
		panic(errs)
	}
	return v
})

// checkAnswer fails the test when the document does not allow the answer.
func checkAnswer(t testing.TB, req *http.Request, resp *http.Response) {
	t.Helper()
	if operationOf(req) == nil {
		if resp.StatusCode < 400 || resp.Header.Get("Content-Type") != problemContent {
			t.Errorf("%s %s, which is no operation, = %d %s", req.Method, req.URL.Path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		return
	}
	if req.Method == http.MethodHead {
		return
	}
	if resp.StatusCode >= 400 {
		checkCode(t, req, resp)
	}
	valid, wrong := document().GetResponseBodyValidator().ValidateResponseBody(req, resp)
	if !valid {
		for _, e := range wrong {
			t.Errorf("%s %s = %d is not as the document says: %v", req.Method, req.URL.Path, resp.StatusCode, e)
		}
	}
}

// checkCode fails the test when the operation does not list the problem.
func checkCode(t testing.TB, req *http.Request, resp *http.Response) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var p problem
	if err != nil || json.Unmarshal(body, &p) != nil {
		t.Errorf("%s %s = %d %s, error %v, want a problem", req.Method, req.URL.Path, resp.StatusCode, body, err)
		return
	}
	o := operationOf(req)
	if !slices.ContainsFunc(o.refusals(), func(e *errs.Error) bool { return e.Code == p.Code && statusOf(e) == resp.StatusCode }) {
		t.Errorf("%s answers %d %s, which its row does not list", o.ID, resp.StatusCode, p.Code)
	}
}

// operationOf returns the operation of a request, nil if there is none.
func operationOf(req *http.Request) *operation {
	path := strings.Split(req.URL.Path, "/")
	i := slices.IndexFunc(table(), func(o *operation) bool {
		pattern := strings.Split(o.Path, "/")
		return (o.Method == req.Method || req.Method == http.MethodHead && o.Method == get) && slices.EqualFunc(pattern, path, func(p, s string) bool {
			return p == s || strings.HasPrefix(p, "{") && s != "" && s != "." && s != ".."
		})
	})
	if i < 0 {
		return nil
	}
	return table()[i]
}

// table is the table of routes.
var table = sync.OnceValue(func() []*operation { return new(Server).surface().operations })

// lockedBuffer is a log that requests write to at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// onSQLite gives a clinic to tests of what no engine has a part in.
func onSQLite(t *testing.T) *clinic {
	t.Helper()
	return newClinic(t, sqltest.Open(t, sqltest.SQLite(t)))
}
