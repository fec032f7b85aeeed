package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/tracing/tracingtest"
)

// canaries are what a clinic must not let out: one for each field that is
// personal, and each of a form by which a filter might know it, or might not.
var canaries = map[string]string{
	"name": "Zephyrine Quillfeather", "other name": "Ömer O'Nightjar", "email": "a.b@x.co.uk", "new email": "zephyrine+q@nightjar.example",
	"phone": "(555) 123-4567", "mobile": "+447451277972", "address": "17 Larkspur Mews, Netherbury", "date of birth": "1931-07-04",
	"social security": "078-05-1120", "reason": "bunion of the left hallux", "cancelled": "eloped to Gretna Green", "override": "begged on the telephone",
	"time off": "cataract of my own", "clinical": "quillwort allergy", "amended": "kestrel \"tendinopathy\" <b>", "emergency": "lost consciousness in the lift",
	"hold": "docket of the bramble court", "password": "nine tall cassowaries", "key": "tablet of the night nurse",
}

// cage is a clinic with canaries, and people who have to do with them.
type cage struct {
	*clinic
	finder                 *finder
	keys                   map[string]string // by role
	patient                string            // Zephyrine's id
	appointment, encounter string
	practitioner           string
	reached                map[string]bool // canaries that were in an answer that may hold them
	sent                   int
	traces                 *tracingtest.Collector
}

// TestNothingPersonalGetsOut sends canaries everywhere, in requests that are right
// and in such that are wrong in every place, and looks for them wherever people
// look who may not know them.
func TestNothingPersonalGetsOut(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		k := &cage{clinic: c, finder: newFinder(slices.Collect(maps.Values(canaries))...), keys: map[string]string{}, reached: map[string]bool{}}
		uttered.add(slices.Collect(maps.Values(canaries))...) // and so no log may hold one
		k.traces = tracingtest.New(t)
		c.restartWith("--metrics-listen=127.0.0.1:0", "--otlp-endpoint="+k.traces.URL)
		k.keepJobs()
		k.live()
		k.err()
		for what, text := range canaries {
			if !k.reached[text] && what != "password" {
				t.Errorf("the canary %q has reached nothing: it was not kept, or nobody has read it", what)
			}
		}
		k.listen()
		k.watch()
		t.Logf("%d wrong requests", k.sent)
	})
}

// keepJobs has the database keep what is written into jobs, which are deleted when
// they are done.
func (k *cage) keepJobs() {
	k.t.Helper()
	statements := []string{
		`CREATE TABLE jobs_seen (payload TEXT)`,
		`CREATE TRIGGER jobs_seen AFTER INSERT ON jobs BEGIN INSERT INTO jobs_seen VALUES (NEW.payload); END`,
	}
	if strings.HasPrefix(k.database, "postgres") {
		statements = []string{
			statements[0],
			`CREATE FUNCTION keep_job() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO jobs_seen VALUES (NEW.payload); RETURN NEW; END'`,
			`CREATE TRIGGER jobs_seen AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION keep_job()`,
		}
	}
	err := sqltest.Open(k.t, k.database).Update(k.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// live does all that people do with what is personal, and does it right.
func (k *cage) live() {
	k.t.Helper()
	t, ctx := k.t, k.t.Context()
	admin, auditor, helper := k.user("admin", newYork), k.user("auditor", newYork), k.user("practitioner", newYork)
	k.keys["admin"], k.keys["auditor"] = admin.Key, auditor.Key
	made := must(admin.CreateUser(ctx, client.NewUser{
		Email: canaries["email"], Name: canaries["name"], Role: "patient", Phone: canaries["phone"], Address: canaries["address"], DateOfBirth: canaries["date of birth"],
	}, client.IdempotencyKey("one")))(t)
	k.patient = made.ID
	key := k.command("key", "create", canaries["email"], "--name", canaries["key"])
	k.keys["patient"] = key
	zephyrine := k.as(key)
	k.enrols(admin)
	v := k.visit(zephyrine)
	k.practitioner = v.id
	k.keys["practitioner"] = v.practitioner.Key
	slots := all(t, v.practitioner.Slots(client.SlotQuery{PractitionerID: v.id, Status: "any"}).All(ctx))
	free := slots[slices.IndexFunc(slots, func(s client.Slot) bool { return s.StartsAt.After(v.now.Add(time.Hour)) && s.Status == "available" })]
	booked := must(admin.Hold(ctx, client.NewAppointment{
		SlotID: free.ID, PatientID: made.ID, Reason: canaries["reason"] + ", " + canaries["social security"], Override: &client.Override{Reason: canaries["override"]},
	}, client.IdempotencyKey("two")))(t)
	k.appointment = booked.ID
	must(admin.Cancel(ctx, booked.ID, canaries["cancelled"]))(t)
	must(v.practitioner.TakeTimeOff(ctx, v.id, client.Hours{Date: "2027-03-20"}, canaries["time off"]))(t)
	data, err := json.Marshal(map[string]any{"complaint": canaries["clinical"], canaries["social security"]: true})
	if err != nil {
		t.Fatal(err)
	}
	e := must(v.practitioner.Document(ctx, v.note(string(data)), client.IdempotencyKey("three")))(t)
	if data, err = json.Marshal(map[string]string{"complaint": canaries["amended"]}); err != nil {
		t.Fatal(err)
	}
	must(v.practitioner.Amend(ctx, e.ID, e.ETag, client.EncounterChange{ClinicalData: data, Shared: new(true)}))(t)
	must(helper.OpenInEmergency(ctx, made.ID, canaries["emergency"]))(t)
	must(helper.Encounter(ctx, e.ID))(t)
	must(admin.PlaceLegalHold(ctx, made.ID, canaries["hold"]))(t)
	me := must(zephyrine.Me(ctx))(t)
	must(zephyrine.ChangeUser(ctx, me.ID, me.ETag, client.UserChange{Phone: new(canaries["mobile"])}))(t)
	for _, q := range []string{canaries["name"], canaries["email"], canaries["date of birth"]} {
		must(admin.FindPatients(ctx, client.PatientSearch{Query: q}))(t)
	}
	k.encounter = e.ID
	for role, paths := range map[string][]string{
		"patient":      {"/v1/me", "/v1/appointments?limit=1", "/v1/appointments/" + booked.ID, "/v1/encounters?limit=1", "/v1/api-keys?limit=9", "/v1/patients/" + made.ID + "/export", "/v1/patients/" + made.ID + "/export/page"},
		"practitioner": {"/v1/patients?limit=1", "/v1/practitioners/" + v.id + "/time-off?limit=9", "/v1/encounters/" + e.ID + "/versions?limit=9"},
		"admin":        {"/v1/users?limit=1", "/v1/users?limit=99", "/v1/patients/" + made.ID + "/legal-hold", "/v1/outbox?limit=1"},
		"auditor":      {"/v1/emergency-access?limit=1", "/v1/patients/" + made.ID + "/disclosures?limit=1", "/v1/audit/checkpoint", "/v1/audit/events?limit=1"},
	} {
		for _, path := range paths {
			k.send(role, http.MethodGet, path, "", nil)
		}
	}
}

// enrols has somebody sign up, in, change the address and forget the password.
func (k *cage) enrols(admin person) {
	k.t.Helper()
	t, ctx, public := k.t, k.t.Context(), k.with()
	made := must(public.Register(ctx, client.NewPatient{Email: "omer@nightjar.example", Name: canaries["other name"], Password: canaries["password"]}))(t)
	if err := public.VerifyAddress(ctx, k.mailed(admin.Client, made.ID, "verify-address", "verify"), canaries["password"]); err != nil {
		t.Fatal(err)
	}
	omer := k.signIn("omer@nightjar.example", canaries["password"])
	if err := omer.ChangeEmail(ctx, canaries["new email"]); err != nil {
		t.Fatal(err)
	}
	if err := public.ConfirmEmail(ctx, k.mailed(admin.Client, made.ID, "email-change", "email")); err != nil {
		t.Fatal(err)
	}
	_, err := public.LogIn(ctx, canaries["new email"], canaries["name"])
	code(t, err, 401, "sign-in-failed")
	if err := public.RequestPasswordReset(ctx, canaries["new email"]); err != nil {
		t.Fatal(err)
	}
	k.mailed(admin.Client, made.ID, "password-reset", "reset")
}

// send sends a request past the client, and looks into the answer: its header may
// hold no canary, nor may its body, if it is a refusal.
func (k *cage) send(role, method, path, body string, header map[string]string) {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.t.Context(), method, k.server.url+path, strings.NewReader(body))
	if err != nil {
		k.t.Fatalf("%s %s: %v", method, path, err)
	}
	if k.keys[role] != "" {
		req.Header.Set("X-API-Key", k.keys[role])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("If-Match", "*")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	var head bytes.Buffer
	_ = resp.Header.Write(&head)
	found := k.finder.in(head.String())
	if resp.StatusCode >= 400 {
		found = append(found, k.finder.in(string(answer))...)
	} else {
		k.reach(answer)
	}
	for _, f := range found {
		k.t.Errorf("%s %s %s -> %d repeats %s\n%s%s", role, method, path, resp.StatusCode, f, head.String(), answer)
	}
	if resp.StatusCode >= 500 {
		k.t.Errorf("%s %s %s -> %d %s", role, method, path, resp.StatusCode, answer)
	}
}

// reach notes the canaries in an answer that may hold them.
func (k *cage) reach(answer []byte) {
	var v any
	text := string(answer)
	if json.Unmarshal(answer, &v) == nil {
		text = fmt.Sprint(v)
	}
	for _, canary := range canaries {
		if strings.Contains(text, canary) {
			k.reached[canary] = true
		}
	}
}

// operation is what is read of one in the OpenAPI document.
type operation struct {
	Description string
	Parameters  []struct{ Name, In string }
	RequestBody struct {
		Content map[string]struct {
			Example  json.RawMessage
			Examples map[string]struct{ Value json.RawMessage }
		}
	}
}

var isFor = regexp.MustCompile("For: `(\\w+)`")

// err sends canaries in all places of all operations where they do not belong.
func (k *cage) err() {
	k.t.Helper()
	var document struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(must(k.as("").OpenAPI(k.t.Context()))(k.t), &document); err != nil {
		k.t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for method, o := range document.Paths[path] {
			role := ""
			if m := isFor.FindStringSubmatch(o.Description); m != nil {
				role = m[1]
			}
			k.errsIn(role, strings.ToUpper(method), path, o)
		}
	}
	if k.sent < 1000 {
		k.t.Errorf("only %d wrong requests were made from the document", k.sent)
	}
}

// errsIn sends canaries in all places of one operation.
func (k *cage) errsIn(role, method, path string, o operation) {
	wrong := func(role, path, body string, header map[string]string) {
		k.sent++
		k.send(role, method, path, body, header)
	}
	hidden := inPath.ReplaceAllLiteralString(path, url.PathEscape(k.next()))
	wrong(role, hidden, "", nil)
	wrong("", hidden, "", nil)
	for _, other := range []string{"patient", "practitioner", "admin", "auditor"} {
		wrong(other, hidden, `{"name":"`+canaries["name"]+`"}`, nil)
	}
	wrong(role, hidden+"?limit=5&"+url.QueryEscape(k.next())+"="+url.QueryEscape(k.all()), "", nil)
	for _, p := range o.Parameters {
		if p.In == "query" {
			wrong(role, k.real(path)+"?"+url.QueryEscape(p.Name)+"="+url.QueryEscape(k.next()), "", nil)
			wrong(role, k.real(path)+"?limit=5&"+url.QueryEscape(p.Name)+"="+url.QueryEscape(k.all()), "", nil)
		}
	}
	for _, name := range []string{"Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID", "User-Agent", "Traceparent", "Accept", "Content-Type", "X-API-Key", "Origin", "X-Forwarded-For"} {
		wrong(role, hidden, "{}", map[string]string{name: k.next()})
	}
	for _, media := range o.RequestBody.Content {
		examples := []json.RawMessage{media.Example}
		for _, e := range media.Examples {
			examples = append(examples, e.Value)
		}
		for _, example := range examples {
			for _, body := range k.bent(example) {
				wrong(role, k.real(path), body, nil)
			}
		}
	}
}

var inPath = regexp.MustCompile(`\{\w+\}`)

// real fills a path with ids that are there.
func (k *cage) real(path string) string {
	id := k.patient
	switch {
	case strings.HasPrefix(path, "/v1/practitioners"):
		id = k.practitioner
	case strings.HasPrefix(path, "/v1/appointments"):
		id = k.appointment
	case strings.HasPrefix(path, "/v1/encounters"):
		id = k.encounter
	}
	return inPath.ReplaceAllString(strings.ReplaceAll(path, "{practitioner_id}", k.practitioner), id)
}

var inTurn = slices.Sorted(maps.Values(canaries))

// next returns the canaries in turn, and all returns them together.
func (k *cage) next() string { return inTurn[k.sent%len(inTurn)] }
func (*cage) all() string    { return strings.Join(inTurn, " ") }

// bent returns bodies made of one that is right: each field in turn holds
// canaries, in some forms; there is an unknown one; and what is no JSON.
func (k *cage) bent(example json.RawMessage) (bodies []string) {
	quote := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	whole := map[string]any{}
	_ = json.Unmarshal(example, &whole)
	for name := range whole {
		for i, value := range []any{k.all(), map[string]any{k.all(): k.all()}, inTurn[(k.sent+len(bodies))%len(inTurn)], []string{canaries["name"]}} {
			if i == 2 && (name == "role" || name == "email") {
				continue
			}
			changed := maps.Clone(whole)
			changed[name] = value
			bodies = append(bodies, quote(changed))
		}
	}
	whole[canaries["name"]] = k.all()
	return append(bodies, quote(whole), k.all(), quote(k.all()), `{"name":"`+canaries["name"], `{"email":"`+canaries["email"]+`",,}`, `["`+canaries["mobile"]+`"`)
}

// listen looks for canaries where people look who may not know them. The log is
// looked at when the server has ended.
func (k *cage) listen() {
	k.t.Helper()
	t, ctx := k.t, k.t.Context()
	admin, auditor := k.as(k.keys["admin"]), k.as(k.keys["auditor"])
	quiet := func(what, text string) {
		t.Helper()
		if found := k.finder.in(text); len(found) > 0 {
			t.Errorf("%s holds %s", what, strings.Join(found, ", "))
		}
	}
	eventually(t, "all messages are written", func() bool {
		return len(all(t, admin.Notifications(client.NotificationQuery{Status: "pending"}).All(ctx))) == 0
	})
	subjects := map[string]bool{}
	for _, m := range all(t, admin.Outbox().All(ctx)) {
		subjects[must(admin.Message(ctx, m.ID))(t).Subject] = true
	}
	for subject := range subjects {
		quiet("the subject of a message", subject)
	}
	for _, format := range []string{client.NDJSON, client.CSV} {
		export := must(auditor.ExportAuditEvents(ctx, client.AuditQuery{}, format))(t)
		trail := string(must(io.ReadAll(export))(t))
		export.Close()
		if quiet("the audit trail", trail); strings.Count(trail, "\n") < 50 || !strings.Contains(trail, k.patient) {
			t.Errorf("the trail has only %d lines", strings.Count(trail, "\n"))
		}
	}
	quiet("medbook audit export", run(t, t.TempDir(), k.env(), "audit", "export").stdout)
	jobs := k.column("SELECT payload FROM jobs_seen")
	if quiet("a job", strings.Join(jobs, "\n")); len(jobs) < 5 || len(subjects) < 5 {
		t.Errorf("%d jobs and %d subjects were seen, want more", len(jobs), len(subjects))
	}
}

// watch looks for canaries in what operators see: all metrics, and all spans.
func (k *cage) watch() {
	k.t.Helper()
	_, metrics := fetch(k.t, watchedAt(k.t, k.server, "metrics")+"/metrics")
	if found := k.finder.in(metrics); len(found) > 0 || strings.Count(metrics, "medbook_http_requests_total{") < 100 {
		k.t.Errorf("the metrics hold %s, and are %d bytes", strings.Join(found, ", "), len(metrics))
	}
	k.server.signal(k.t, syscall.SIGTERM) // which sends what is left
	if status := k.server.wait(k.t); status != 0 {
		k.t.Errorf("the server ended with %d", status)
	}
	text := k.traces.Text()
	if found := k.finder.in(text); len(found) > 0 || len(k.traces.All()) < 1000 {
		k.t.Errorf("of %d spans some hold %s", len(k.traces.All()), strings.Join(found, ", "))
	}
}

// column returns what a query for one text answers.
func (k *cage) column(query string) (all []string) {
	k.t.Helper()
	err := sqltest.Open(k.t, k.database).View(k.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		all, err = sqldb.All(ctx, tx, func(r sqldb.Row) (s string, err error) {
			err = r.Scan(&s)
			return s, err
		}, query)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}
