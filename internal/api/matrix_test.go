package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestAuthorizationMatrix calls each operation as nobody, as each role, and with
// keys that are too narrow, over or revoked; for what is the caller's own, what is
// another's, and what does not exist. The line of the policy says what must come
// of it: what is another's must be answered, to the byte, like what is not there.
//
// An operation without a probe fails the test.
func TestAuthorizationMatrix(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		m := newMatrix(t, db)
		all := probes()
		for _, o := range table() {
			if len(all[o.ID]) == 0 {
				t.Errorf("%s has no probe in matrix_probes_test.go", o.ID)
			}
			for _, p := range all[o.ID] {
				if strings.Contains(o.Path, "{id}") && p.id == nil {
					t.Errorf("%s has a probe without an id", o.ID)
					continue
				}
				p.operation, p.may = o, o.May
				if p.but != nil {
					p.may = *p.but
				}
				m.nobody(p)
				for _, by := range []string{"ann", "grey", "admin", "auditor"} {
					m.role(p, by)
					m.narrowKeys(p, by)
				}
				m.deadKeys(p)
			}
			delete(all, o.ID)
		}
		for name := range all {
			t.Errorf("there is a probe for %s, which is no operation", name)
		}
	})
}

// matrix is a clinic in which things are made as the probes need them.
type matrix struct {
	*clinic
	runner *jobs.Runner
	hours  int // that were given out
}

// side is whose things are: the caller's own, or another's.
type side struct {
	name                        string
	user, patient, practitioner string
}

func mine(by string) side { return side{"one's own", by, "ann", "grey"} }

func theirs() side { return side{"another's", "bob", "bob", "brown"} }

func newMatrix(t *testing.T, db *sqldb.DB) *matrix {
	t.Helper()
	c := newClinic(t, db)
	m := &matrix{clinic: c, runner: &jobs.Runner{DB: db, Log: c.server.Log}}
	c.server.Notify.Work(m.runner)
	c.noMail()
	for _, name := range []string{"grey", "brown"} { // what they may book and when is not the matter here
		c.must(200, name, patch, "/v1/practitioners/"+c.practitioner(name), map[string]any{
			"policy": map[string]any{"notice_seconds": 0, "cancellation_window_seconds": 0, "max_open_holds": 1000},
		}, "If-Match", "*")
	}
	for _, name := range []string{"ann", "grey", "admin", "auditor", "bob"} {
		c.withPassword(name)
		for key, scopes := range map[string][]auth.Scope{
			"/slots": {auth.SlotsRead}, "/waitlist": {auth.WaitlistRead}, "/all": {auth.All},
		} {
			c.keys[name+key] = m.key(name, scopes, time.Time{})
		}
	}
	spare, err := c.server.Directory.CreateUser(t.Context(), auth.System, directory.NewUser{Email: phi.Of("spare@example.org"), Name: phi.Of("Spare"), Role: auth.Patient})
	if err != nil {
		t.Fatal(err)
	}
	c.users["spare"] = spare // who calls nothing
	c.withPassword("spare")
	c.keys["over"] = m.key("ann", auth.Scopes(), db.Now().Add(time.Minute))
	sqltest.ClockOf(db).Advance(time.Minute)
	c.keys["revoked"] = m.key("ann", auth.Scopes(), time.Time{})
	items, _ := c.items("ann", "/v1/api-keys?limit=200")
	c.must(204, "ann", remove, "/v1/api-keys/"+items[len(items)-1]["id"].(string), nil)
	c.must(401, "", get, "/status", nil, "X-API-Key", c.keys["revoked"])
	return m
}

// key makes a key for a caller.
func (m *matrix) key(name string, scopes []auth.Scope, ends time.Time) string {
	m.t.Helper()
	_, key, err := m.server.Auth.CreateKey(m.t.Context(), auth.System, auth.NewKey{Email: name + "@example.org", Scopes: scopes, ExpiresAt: ends})
	if err != nil {
		m.t.Fatal(err)
	}
	return key
}

// hour gives out the start of an hour in the days after tomorrow; each once.
func (m *matrix) hour() time.Time {
	m.hours++
	return m.db.Now().Truncate(time.Hour).Add(time.Duration(48+m.hours) * time.Hour)
}

// send calls the operation of a probe about an id.
func (m *matrix) send(p probe, by string, s side, id string) reply {
	m.t.Helper()
	path := strings.NewReplacer("{id}", id, "{file}", "problems", "{page}", "verify", "{practitioner_id}", m.practitioner(s.practitioner)).Replace(p.Path)
	query := strings.ReplaceAll(p.query, "{id}", id)
	if p.paged() {
		query = strings.TrimSuffix("limit=200&"+query, "&")
	}
	if query != "" {
		path += "?" + query
	}
	var body any
	if p.body != nil {
		content := p.body(m, s)
		for name, value := range content {
			if value == "{id}" {
				content[name] = id
			}
		}
		body = content
	}
	more := []string{}
	if slices.Contains([]string{patch, remove}, p.Method) {
		more = append(more, "If-Match", "*")
	}
	return m.call(by, p.Method, path, body, more...)
}

// make makes what a probe is about, and returns its id.
func (p probe) make(m *matrix, s side) string {
	if p.id == nil {
		return ""
	}
	return p.id.make(m, s)
}

func (m *matrix) nobody(p probe) {
	m.t.Helper()
	for _, s := range []side{mine("ann"), theirs()} {
		r := m.send(p, "", s, p.make(m, s))
		if p.may.public() {
			m.let(p, "nobody", s, r)
		} else {
			m.refused(r, 401, "unauthenticated")
		}
	}
}

// role calls a probe in a role, by what the policy says of it.
func (m *matrix) role(p probe, by string) {
	m.t.Helper()
	own, other := mine(by), theirs()
	relation := p.may.of(m.users[by].Role)
	if p.id == nil {
		shown := m.listed(p, own, other)
		r := m.send(p, by, own, "")
		if relation == never {
			m.refused(r, 403, "forbidden")
			return
		}
		m.let(p, by, own, r)
		m.shows(p, by, r, shown[0], true)
		m.shows(p, by, r, shown[1], relation == anyones || relation == public)
		return
	}
	absent := p.id.absent(m, other)
	first := m.send(p, by, other, absent[0])
	answers := map[string]reply{}
	for i, id := range absent[1:] {
		answers[fmt.Sprintf("absent, form %d", i+1)] = m.send(p, by, other, id)
	}
	othersAnswer := m.send(p, by, other, p.id.make(m, other))
	if relation == anyones || relation == public {
		m.let(p, by, other, othersAnswer)
	} else {
		answers["another's"] = othersAnswer
	}
	for what, r := range answers {
		if diff := cmp.Diff(masked(first), masked(r)); diff != "" {
			m.t.Errorf("%s by %s: %s is answered otherwise than what is not there (-absent +this):\n%s", p.ID, by, what, diff)
		}
	}
	r := m.send(p, by, own, p.id.make(m, own))
	if relation != never {
		m.let(p, by, own, r)
		return
	}
	m.refused(first, 403, "forbidden")
	m.refused(r, 403, "forbidden")
}

// let fails the test unless the answer is that to a caller who may.
func (m *matrix) let(p probe, by string, s side, r reply) {
	m.t.Helper()
	want := p.Status
	if p.status != 0 {
		want = p.status
	}
	if r.StatusCode != want {
		m.t.Errorf("%s by %s of what is %s = %d %s, want %d", p.ID, by, s.name, r.StatusCode, r.body, want)
	}
}

// listed makes what a list should show of both sides.
func (m *matrix) listed(p probe, sides ...side) []string {
	ids := make([]string, len(sides))
	for i, s := range sides {
		if p.lists != nil {
			ids[i] = p.lists.make(m, s)
		}
	}
	return ids
}

// shows fails the test unless a list has the id, or has not.
func (m *matrix) shows(p probe, by string, r reply, id string, want bool) {
	m.t.Helper()
	if got := strings.Contains(string(r.body), `"`+id+`"`); id != "" && got != want {
		m.t.Errorf("%s by %s: shows %s is %v, want %v: %s", p.ID, by, id, got, want, r.body)
	}
}

// narrowKeys calls with keys whose scopes do not do for the operation.
func (m *matrix) narrowKeys(p probe, by string) {
	m.t.Helper()
	if p.may.of(m.users[by].Role) == never || p.may.public() {
		return
	}
	key := by + "/slots"
	if p.may.scope == auth.SlotsRead {
		key = by + "/waitlist"
	}
	s := mine(by)
	id := p.make(m, s)
	r := m.send(p, key, s, id)
	if p.may.scope == "" {
		m.let(p, key, s, r)
	} else {
		m.refused(r, 403, "scope-missing")
	}
	if p.may.stepUp != "" {
		m.refused(m.send(p, by+"/all", s, id), 403, "step-up-required")
	}
}

// deadKeys calls with keys that were good once.
func (m *matrix) deadKeys(p probe) {
	m.t.Helper()
	for _, key := range []string{"over", "revoked"} {
		m.refused(m.send(p, key, mine("ann"), p.make(m, mine("ann"))), 401, "unauthenticated")
	}
}

// masked is an answer without what differs from one request to the next.
func masked(r reply) map[string]any {
	h := maps.Clone(r.Header)
	for _, name := range []string{"Date", "X-Request-Id", "Traceparent"} {
		delete(h, name)
	}
	body := strings.ReplaceAll(string(r.body), r.Header.Get("X-Request-ID"), "")
	return map[string]any{"status": r.StatusCode, "header": h, "body": body}
}
