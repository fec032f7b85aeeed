package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a small clinic on a fresh database: Dr. Grey, who has care of Ann,
// Dr. Brown, who has care of nobody, and Bob.
type clinic struct {
	*privacy.Service
	t          *testing.T
	clock      *sqltest.Clock
	directory  *directory.Service
	scheduling *scheduling.Service
	notify     *notify.Service
	run        *jobs.Runner

	grey, brown, ann, bob, auditor auth.Actor
	admin                          auth.Actor // with a key that may erase

	names map[string]string // by id
}

func newClinic(t *testing.T, db *sqldb.DB) *clinic {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	records := &encounters.Service{DB: db, Masters: []keyring.Master{keyring.NewLive(ring, "")}, Seal: ring}
	c := &clinic{
		t: t, clock: sqltest.ClockOf(db), names: map[string]string{},
		Service:    &privacy.Service{DB: db, Encounters: records, Seal: ring},
		directory:  &directory.Service{DB: db, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		scheduling: &scheduling.Service{DB: db},
		notify:     &notify.Service{DB: db, Seal: ring, Clinic: "Harbour Clinic"},
		run:        &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)},
	}
	c.notify.Work(c.run)
	c.grey, c.brown = c.user("grey", auth.Practitioner), c.user("brown", auth.Practitioner)
	c.ann, c.bob = c.user("ann", auth.Patient), c.user("bob", auth.Patient)
	c.admin, c.auditor = c.user("admin", auth.Admin), c.user("auditor", auth.Auditor)
	c.admin.Via, c.admin.Scopes = auth.ViaKey, auth.ScopesOf(auth.Scopes()...)
	c.assign(c.ann, c.grey)
	return c
}

func (c *clinic) user(name string, role auth.Role) auth.Actor {
	c.t.Helper()
	return c.create(name, directory.NewUser{Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: role})
}

func (c *clinic) create(name string, n directory.NewUser) auth.Actor {
	c.t.Helper()
	u, err := c.directory.CreateUser(c.t.Context(), auth.System, n)
	if err != nil {
		c.t.Fatal(err)
	}
	c.names[u.ID.String()] = name
	return auth.Actor{UserID: u.ID, Role: n.Role, PractitionerID: u.PractitionerID}
}

func (c *clinic) nameOf(id string) string {
	if name, ok := c.names[id]; ok || id == "" {
		return name
	}
	return "?"
}

func (c *clinic) assign(patient, practitioner auth.Actor) {
	c.t.Helper()
	if err := c.directory.Assign(c.t.Context(), auth.System, patient.UserID.String(), practitioner.PractitionerID.String()); err != nil {
		c.t.Fatal(err)
	}
}

// document documents a visit of today, whose encounter is called name.
func (c *clinic) document(name string, by, patient auth.Actor, data string, shared bool) encounters.Encounter {
	c.t.Helper()
	e, err := c.Encounters.Create(c.t.Context(), by, encounters.NewEncounter{
		Patient: patient.UserID.String(), Date: calendar.DateIn(c.clock.Now(), time.UTC), Type: encounters.FollowUp, ClinicalData: phi.Of(data), Shared: shared,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.names[e.ID.String()] = name
	return e
}

// slot is a slot of a practitioner's that begins a number of quarters of an hour
// after the clock was started.
func slot(practitioner auth.Actor, quarters int) string {
	start := sqltest.Start.Add(time.Duration(quarters) * 15 * time.Minute)
	return id.Slot{Practitioner: practitioner.PractitionerID, Start: start, End: start.Add(15 * time.Minute)}.String()
}

// publish gives a practitioner the slots 1 to 40.
func (c *clinic) publish(practitioner auth.Actor) {
	c.t.Helper()
	span := calendar.Span{Start: sqltest.Start.Add(15 * time.Minute), End: sqltest.Start.Add(10*time.Hour + 15*time.Minute)}
	_, err := c.scheduling.Publish(c.t.Context(), practitioner, practitioner.PractitionerID.String(), scheduling.Hours{Kind: scheduling.KindSpan, Span: span})
	if err != nil {
		c.t.Fatal(err)
	}
}

// hold is a request of staff for a slot.
func hold(patient auth.Actor, slot string, confirm bool) scheduling.HoldRequest {
	return scheduling.HoldRequest{Slot: slot, Patient: patient.UserID.String(), Confirm: confirm, Override: phi.Of("test"), Reason: phi.Of("a sore knee")}
}

func (c *clinic) hold(patient auth.Actor, slot string, confirm bool) scheduling.Appointment {
	c.t.Helper()
	a, err := c.scheduling.Hold(c.t.Context(), c.admin, hold(patient, slot, confirm))
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *clinic) erase(patient auth.Actor) error {
	_, err := c.Erase(c.t.Context(), c.admin, patient.UserID.String())
	return err
}

// trail returns the audit trail from the given place on, each record as
// "role action outcome purpose resource xcount [patients]".
func (c *clinic) trail(from int) (all []string) {
	c.t.Helper()
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, audit.Filter{}, page.Request{Limit: 10000})
		all = nil
		for _, e := range slices.Backward(p.Items) {
			all = append(all, c.line(e))
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all[from:]
}

func (c *clinic) line(e audit.Entry) string {
	var patients []string
	for _, u := range e.Patients {
		patients = append(patients, c.nameOf(u.String()))
	}
	slices.Sort(patients)
	return fmt.Sprintf("%s %s %s %s %s x%d %v", e.ActorRole, e.Action, e.Outcome, e.Purpose, c.nameOf(e.ResourceID), e.Count, patients)
}

// mark is where the trail ends now.
func (c *clinic) mark() int { return len(c.trail(0)) }

// told checks what was put on record since a mark; "" stands for nothing.
func (c *clinic) told(what string, from int, want ...string) {
	c.t.Helper()
	got, all := strings.Join(c.trail(from), "\n\t"), strings.Join(want, "\n\t")
	if got != all {
		c.t.Errorf("%s: on record:\n\t%s\nwant:\n\t%s", what, got, all)
	}
}

// count returns the number that a query answers.
func (c *clinic) count(query string, args ...any) (n int) {
	c.t.Helper()
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// exec runs a statement behind the services' backs.
func (c *clinic) exec(query string, args ...any) {
	c.t.Helper()
	err := c.DB.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}
