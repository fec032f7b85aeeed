package scheduling

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a small clinic on a fresh database: Dr. Grey in New York and
// Dr. Brown in Kathmandu, two patients, and staff.
type clinic struct {
	*Service
	t           testing.TB
	clock       *sqltest.Clock
	directory   *directory.Service
	grey, brown auth.Actor
	ann, bob    auth.Actor
	staff       auth.Actor
}

func newClinic(t testing.TB, db *sqldb.DB) *clinic {
	t.Helper()
	c := &clinic{Service: &Service{DB: db}, t: t, clock: sqltest.ClockOf(db), directory: &directory.Service{DB: db, Enrol: OpenSchedule, Retire: CloseSchedule}}
	c.grey = c.user("grey", auth.Practitioner, "America/New_York")
	c.brown = c.user("brown", auth.Practitioner, "Asia/Kathmandu")
	c.ann = c.user("ann", auth.Patient, "America/New_York")
	c.bob = c.user("bob", auth.Patient, "America/New_York")
	c.staff = c.user("staff", auth.Admin, "UTC")
	return c
}

func (c *clinic) user(name string, role auth.Role, zone string) auth.Actor {
	c.t.Helper()
	n := directory.NewUser{Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: role, TimeZone: zone}
	if role == auth.Practitioner {
		n.Specialty = "physiotherapy"
	}
	u, err := c.directory.CreateUser(context.Background(), auth.System, n)
	if err != nil {
		c.t.Fatalf("create user %s: %v", name, err)
	}
	return auth.Actor{UserID: u.ID, Role: role, PractitionerID: u.PractitionerID}
}

// at returns an instant of the fixture's New York wall clock.
func at(text string) time.Time {
	loc, err := calendar.Zone("America/New_York")
	if err != nil {
		panic(err)
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func hours(from, to string) Hours {
	return Hours{Kind: KindSpan, Span: calendar.Span{Start: at(from), End: at(to)}}
}

func localDay(t testing.TB, date, from, to string) Hours {
	t.Helper()
	h := Hours{Kind: KindDay}
	var err error
	parse(&h.Date, &date, calendar.ParseDate, &err)
	parse(&h.From, &from, calendar.ParseTime, &err)
	parse(&h.To, &to, calendar.ParseTime, &err)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (c *clinic) publish(by auth.Actor, h Hours) Published {
	c.t.Helper()
	p, err := c.Publish(context.Background(), by, by.PractitionerID.String(), h)
	if err != nil {
		c.t.Fatalf("publish: %v", err)
	}
	return p
}

// slots lists all slots of a practitioner with a status, between two instants
// or, when they are zero, from now to the horizon.
func (c *clinic) slots(by auth.Actor, practitioner uuid.UUID, status string, from, to time.Time) []Slot {
	c.t.Helper()
	var all []Slot
	for req := (page.Request{Limit: 50}); ; {
		p, err := c.Slots(context.Background(), by, SlotQuery{Practitioner: practitioner.String(), Status: status, From: from, To: to}, req)
		if err != nil {
			c.t.Fatalf("list slots: %v", err)
		}
		if all = append(all, p.Items...); p.Next == "" {
			return all
		}
		req.After = p.Next
	}
}

// slot returns the id of the available slot that begins at an instant.
func (c *clinic) slot(practitioner uuid.UUID, start time.Time) string {
	c.t.Helper()
	found := c.slots(c.ann, practitioner, "", start, start.Add(time.Minute))
	if len(found) != 1 {
		c.t.Fatalf("%d available slots at %v, want 1", len(found), start)
	}
	return found[0].ID()
}

func (c *clinic) hold(by auth.Actor, slot string) Appointment {
	c.t.Helper()
	a, err := c.Hold(context.Background(), by, HoldRequest{Slot: slot})
	if err != nil {
		c.t.Fatalf("hold: %v", err)
	}
	return a
}

func (c *clinic) book(by auth.Actor, slot string) Appointment {
	c.t.Helper()
	a, err := c.Hold(context.Background(), by, HoldRequest{Slot: slot, Confirm: true})
	if err != nil {
		c.t.Fatalf("book: %v", err)
	}
	return a
}

func want(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func startsIn(slots []Slot, zone string) string {
	loc, _ := calendar.Zone(zone)
	out := ""
	for _, s := range slots {
		out += s.Start.In(loc).Format(" 15:04")
	}
	return out
}

// count returns what a SELECT count(*) finds.
func (c *clinic) count(query string, args ...any) int {
	c.t.Helper()
	n := 0
	err := c.DB.View(context.Background(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, scanCount, query, args...)
		return err
	})
	if err != nil {
		c.t.Fatalf("count: %v", err)
	}
	return n
}

func etagOf(p Published) etag.Match { return etag.Match(p.ETag()) }

func match(s Slot) etag.Match { return etag.Match(s.ETag()) }
