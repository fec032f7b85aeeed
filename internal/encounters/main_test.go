package encounters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a small clinic on a fresh database: Dr. Grey in New York, who has
// care of Ann and had care of Cleo; Dr. Brown in Kathmandu, who has care of Bob;
// and Eve, who was erased.
type clinic struct {
	*encounters.Service
	t          *testing.T
	clock      *sqltest.Clock
	ring       *keyring.Ring
	directory  *directory.Service
	scheduling *scheduling.Service

	grey, brown                  auth.Actor
	ann, bob, cleo, eve, auditor auth.Actor
	admin                        auth.Actor

	mu    sync.Mutex
	names map[string]string // by id
}

func newClinic(t *testing.T, db *sqldb.DB) *clinic {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	c := &clinic{
		t: t, clock: sqltest.ClockOf(db), ring: ring, names: map[string]string{},
		Service:    &encounters.Service{DB: db, Masters: []keyring.Master{keyring.NewLive(ring, "")}, Seal: ring},
		directory:  &directory.Service{DB: db, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		scheduling: &scheduling.Service{DB: db},
	}
	c.grey = c.user("grey", auth.Practitioner, "America/New_York")
	c.brown = c.user("brown", auth.Practitioner, "Asia/Kathmandu")
	c.ann, c.bob = c.user("ann", auth.Patient, "UTC"), c.user("bob", auth.Patient, "UTC")
	c.cleo, c.eve = c.user("cleo", auth.Patient, "UTC"), c.user("eve", auth.Patient, "UTC")
	c.admin, c.auditor = c.user("admin", auth.Admin, "UTC"), c.user("auditor", auth.Auditor, "UTC")
	c.assign(c.ann, c.grey)
	c.assign(c.bob, c.brown)
	c.assign(c.cleo, c.grey)
	c.endCare(c.cleo, c.grey)
	c.assign(c.eve, c.grey)
	c.erase(c.eve)
	return c
}

// server is another server on the clinic's database.
func (c *clinic) server(masters ...keyring.Master) *encounters.Service {
	return &encounters.Service{DB: c.DB, Masters: masters, Seal: c.ring}
}

func (c *clinic) user(name string, role auth.Role, zone string) auth.Actor {
	c.t.Helper()
	u, err := c.directory.CreateUser(c.t.Context(), auth.System, directory.NewUser{
		Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: role, TimeZone: zone,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.name(u.ID.String(), name)
	return auth.Actor{UserID: u.ID, Role: role, PractitionerID: u.PractitionerID}
}

// name gives the thing with this id a name for audit trails.
func (c *clinic) name(id, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[id] = name
}

func (c *clinic) nameOf(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
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

func (c *clinic) endCare(patient, practitioner auth.Actor) {
	c.t.Helper()
	if err := c.directory.EndCare(c.t.Context(), auth.System, patient.UserID.String(), practitioner.PractitionerID.String()); err != nil {
		c.t.Fatal(err)
	}
}

// erase does what erasing a patient does in the packages below this one, and here.
func (c *clinic) erase(patient auth.Actor) {
	c.t.Helper()
	if err := c.eraseIn(c.t.Context(), patient); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) eraseIn(ctx context.Context, patient auth.Actor) error {
	return c.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := directory.LockPatient(ctx, tx, patient.UserID); err != nil {
			return err
		}
		if err := encounters.Forget(ctx, tx, patient.UserID); err != nil {
			return err
		}
		return directory.Forget(ctx, tx, patient.UserID)
	})
}

// open has a practitioner open a patient's record in an emergency.
func (c *clinic) open(by, patient auth.Actor) encounters.Emergency {
	c.t.Helper()
	e, err := c.OpenInEmergency(c.t.Context(), by, patient.UserID.String(), phi.Of("found unconscious"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.name(e.ID.String(), "opening")
	return e
}

// visit is a new encounter of today.
func (c *clinic) visit(patient auth.Actor, data string) encounters.NewEncounter {
	return encounters.NewEncounter{
		Patient: patient.UserID.String(), Date: calendar.DateIn(c.clock.Now(), time.UTC), Type: encounters.FollowUp, ClinicalData: phi.Of(data),
	}
}

// document documents a visit whose encounter is called name.
func (c *clinic) document(by auth.Actor, name string, n encounters.NewEncounter) encounters.Encounter {
	c.t.Helper()
	e, err := c.Create(c.t.Context(), by, n)
	if err != nil {
		c.t.Fatal(err)
	}
	c.name(e.ID.String(), name)
	return e
}

// book returns a confirmed appointment that begins a number of quarters of an
// hour after the clock was started, and is called name.
func (c *clinic) book(name string, practitioner, patient auth.Actor, quarters int) scheduling.Appointment {
	c.t.Helper()
	span := calendar.Span{Start: sqltest.Start.Add(15 * time.Minute), End: sqltest.Start.Add(6 * time.Hour)}
	_, err := c.scheduling.Publish(c.t.Context(), practitioner, practitioner.PractitionerID.String(), scheduling.Hours{Kind: scheduling.KindSpan, Span: span})
	if err != nil {
		c.t.Fatal(err)
	}
	start := sqltest.Start.Add(time.Duration(quarters) * 15 * time.Minute)
	slots, err := c.scheduling.Slots(c.t.Context(), c.admin, scheduling.SlotQuery{
		Practitioner: practitioner.PractitionerID.String(), From: start, To: start.Add(time.Minute), Status: "any",
	}, page.Request{Limit: 1})
	if err != nil || len(slots.Items) != 1 {
		c.t.Fatalf("slots: %v, %v", slots.Items, err)
	}
	a, err := c.scheduling.Hold(c.t.Context(), c.admin, scheduling.HoldRequest{
		Slot: slots.Items[0].ID(), Patient: patient.UserID.String(), Confirm: true, Override: phi.Of("test"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.name(a.ID.String(), name)
	return a
}

// trail returns the audit trail from the given place on, each record as
// "role action outcome purpose resource xcount [patients]".
func (c *clinic) trail(from int) (all []string) {
	c.t.Helper()
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, audit.Filter{}, page.Request{Limit: 10000})
		all = nil
		for _, e := range slices.Backward(p.Items) {
			var patients []string
			for _, u := range e.Patients {
				patients = append(patients, c.nameOf(u.String()))
			}
			slices.Sort(patients)
			all = append(all, fmt.Sprintf("%s %s %s %s %s x%d %v", e.ActorRole, e.Action, e.Outcome, e.Purpose, c.nameOf(e.ResourceID), e.Count, patients))
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all[from:]
}

// mark is where the trail ends now.
func (c *clinic) mark() int { return len(c.trail(0)) }

// told checks what was put on record since a mark, in any order of one instant.
func (c *clinic) told(what string, from int, want ...string) {
	c.t.Helper()
	got := c.trail(from)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.t.Errorf("%s: on record:\n\t%s\nwant:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
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

// date reads a day.
func date(t *testing.T, text string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

// careOf describes the relation of a patient with a practitioner.
func (c *clinic) careOf(patient, practitioner auth.Actor) (text string) {
	c.t.Helper()
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		all, err := sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
			var source string
			var ended time.Time
			err := r.Scan(&source, (*sqldb.Instant)(&ended))
			if !ended.IsZero() {
				source += " ended"
			}
			return source, err
		}, `SELECT source, ended_at FROM care_relations WHERE patient_id = $1 AND practitioner_id = $2`, patient.UserID, practitioner.PractitionerID)
		text = strings.Join(all, ", ")
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

var nobody = auth.Actor{UserID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), Role: auth.Patient}
