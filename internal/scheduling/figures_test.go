package scheduling

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func date(t testing.TB, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newBusy is a clinic whose practitioners work and have appointments of all kinds, at
// all hours, around a change of daylight-saving time.
func newBusy(t *testing.T, db *sqldb.DB) *clinic {
	t.Helper()
	c := newClinic(t, db)
	weekly := func(days []string, from, to string) Hours {
		h := Hours{Kind: KindWeekly, Weekly: calendar.Weekly{First: date(t, "2027-03-14")}}
		var err error
		if h.Weekly.Weekdays, err = calendar.ParseWeekdays(days); err != nil {
			t.Fatal(err)
		}
		parse(&h.Weekly.From, &from, calendar.ParseTime, &err)
		parse(&h.Weekly.To, &to, calendar.ParseTime, &err)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	c.publish(c.grey, weekly([]string{"mon", "wed", "sun"}, "00:00", "09:00"))
	c.publish(c.brown, weekly([]string{"tue", "wed", "sat"}, "20:00", "24:00"))
	if _, err := c.TakeTimeOff(t.Context(), c.grey, c.grey.PractitionerID.String(), hours("2027-03-17 06:00", "2027-03-17 08:00"), secret("Holiday")); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	statuses := []Status{Held, Confirmed, Completed, NoShow, Expired, Cancelled}
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for range 600 {
			who := []auth.Actor{c.grey, c.brown}[random.IntN(2)]
			start := time.Date(2027, 3, 8, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(21*24*4)) * 15 * time.Minute)
			lead := []time.Duration{0, day - time.Microsecond, day, 3*day - 1000, 3 * day, 7 * day, 14 * day, 28*day - 1000, 28 * day, 90 * day}[random.IntN(10)]
			a := Appointment{
				ID: id.Keyed{Lead: who.PractitionerID, ID: id.New()}, Patient: c.ann.UserID, Start: start, End: start.Add(time.Duration(1+random.IntN(8)) * 15 * time.Minute),
				Slots: 1, Status: statuses[random.IntN(len(statuses))], Reference: "R", CreatedAt: start.Add(-lead), Version: 1,
			}
			if a.Status == Held {
				a.HoldExpiresAt = start
			}
			if err := insertAppointment(ctx, tx, a, true); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const day = 24 * time.Hour

// plainly counts what figures should be, row by row.
func (c *clinic) plainly(whose []auth.Actor, first, last calendar.Date, every int) Figures {
	c.t.Helper()
	f := Figures{Total: FiguresRow{First: first, Last: last}}
	for d := first; !last.Before(d); {
		r := FiguresRow{First: d}
		for ; !last.Before(d) && (r.Last.IsZero() || every > 1 && d.Weekday() != time.Monday); d = d.AddDays(1) {
			r.Last = d
			for _, who := range whose {
				c.addPlainly(&r, who, d)
			}
		}
		f.Rows = append(f.Rows, r)
		f.Total.add(r)
	}
	return f
}

func (c *clinic) addPlainly(r *FiguresRow, who auth.Actor, d calendar.Date) {
	c.t.Helper()
	var all []Appointment
	var zone *time.Location
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := scheduleOf(ctx, tx, who.PractitionerID)
		if err != nil {
			return err
		}
		zone = sch.Location
		all, err = sqldb.All(ctx, tx, scanAppointment(tx.Now()), `SELECT `+appointmentColumns+`, 'UTC' FROM appointments a WHERE a.practitioner_id = $1`, who.PractitionerID)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	span := calendar.Day(d, zone)
	for _, s := range c.slots(c.staff, who.PractitionerID, anyStatus, span.Start, span.End) {
		if s.Status != SlotBlocked {
			r.Capacity += int(s.End.Sub(s.Start).Minutes())
		}
	}
	for _, a := range all {
		if a.Start.Before(span.Start) || !a.Start.Before(span.End) {
			continue
		}
		switch a.Status {
		case Cancelled:
			r.Cancelled++
			continue
		case Held, Expired:
			continue
		case NoShow:
			r.NoShows++
		case Completed:
			r.Completed++
		}
		r.Booked += int(a.End.Sub(a.Start).Minutes())
		switch days := a.Start.Sub(a.CreatedAt).Hours() / 24; {
		case days < 1:
			r.Notice[0]++
		case days < 3:
			r.Notice[1]++
		case days < 7:
			r.Notice[2]++
		case days < 14:
			r.Notice[3]++
		case days < 28:
			r.Notice[4]++
		default:
			r.Notice[5]++
		}
	}
}

func TestFiguresAreWhatTheRowsSay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusy(t, db)
		both := []auth.Actor{c.grey, c.brown}
		for _, tt := range []struct {
			by       auth.Actor
			whose    []auth.Actor
			id       string
			from, to string
			every    int
		}{
			{c.staff, both, "", "2027-03-08", "2027-03-28", 1},
			{c.staff, both, "", "2027-03-09", "2027-03-27", 7},
			{c.staff, both[:1], c.grey.PractitionerID.String(), "2027-03-13", "2027-03-17", 1},
			{c.grey, both[:1], c.grey.PractitionerID.String(), "2027-03-14", "2027-03-14", 1},
			{c.brown, both[1:], "", "2027-03-15", "2027-03-21", 7},
		} {
			q := FiguresQuery{Practitioner: tt.id, From: date(t, tt.from), To: date(t, tt.to), Weekly: tt.every > 1}
			got, err := c.Figures(t.Context(), tt.by, q)
			if err != nil {
				t.Fatal(err)
			}
			want := c.plainly(tt.whose, q.From, q.To, tt.every)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s, %+v (-rows +figures):\n%s", tt.by.Role, tt.id, q, diff)
			}
			if want.Total.Booked == 0 || want.Total.Capacity == 0 {
				t.Errorf("%+v: there is nothing to count: %+v", q, want.Total)
			}
		}
	})
}

// TestBookedTimeIsCapacity shows that what is booked counts as could be, and that
// what is taken off does not.
func TestBookedTimeIsCapacity(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-18 09:00", "2027-03-18 11:00"))
		q := FiguresQuery{From: date(t, "2027-03-18"), To: date(t, "2027-03-18")}
		check := func(what string, capacity, booked int, use float64) {
			t.Helper()
			f, err := c.Figures(t.Context(), c.grey, q)
			if err != nil || f.Total.Capacity != capacity || f.Total.Booked != booked || f.Total.Use() != use {
				t.Errorf("%s: %+v with a use of %v, %v, want %d, %d, %v", what, f.Total, f.Total.Use(), err, capacity, booked, use)
			}
		}
		check("free", 120, 0, 0)
		a := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-18 09:00")))
		check("held", 120, 0, 0)
		if _, err := c.Confirm(t.Context(), c.ann, a.ID.String()); err != nil {
			t.Fatal(err)
		}
		check("confirmed", 120, 15, 0.125)
		if _, err := c.TakeTimeOff(t.Context(), c.grey, c.grey.PractitionerID.String(), hours("2027-03-18 09:00", "2027-03-18 10:00"), secret("Holiday")); err != nil {
			t.Fatal(err)
		}
		check("with an hour off", 75, 15, 0.2)
		if _, err := c.directory.ChangeUser(t.Context(), withStepUp(c.staff), c.grey.UserID.String(), "*", directory.UserChange{Role: new(auth.Patient)}); err != nil {
			t.Fatal(err)
		}
		f, err := c.Figures(t.Context(), c.staff, q)
		if err != nil || f.Total.Capacity != 15 || f.Total.Booked != 15 {
			t.Errorf("after grey left: %+v, %v, want only what is booked", f.Total, err)
		}
	})
}

func withStepUp(by auth.Actor) auth.Actor {
	by.Via, by.Scopes = auth.ViaKey, auth.ScopesOf(auth.Scopes()...)
	return by
}

func TestFiguresAreForWhoRunsThings(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		from := date(t, "2027-03-01")
		grey := c.grey.PractitionerID.String()
		for _, tt := range []struct {
			by    auth.Actor
			whose string
			to    calendar.Date
			err   error
		}{
			{c.ann, "", from, auth.ErrForbidden},
			{c.ann, grey, from, auth.ErrForbidden},
			{auth.Actor{UserID: id.New(), Role: auth.Auditor}, "", from, auth.ErrForbidden},
			{auth.Actor{}, grey, from, auth.ErrForbidden},
			{c.brown, grey, from, directory.ErrPractitionerNotFound},
			{c.staff, "nobody", from, directory.ErrPractitionerNotFound},
			{c.staff, uuid.NewString(), from, directory.ErrPractitionerNotFound},
			{c.staff, "", from.AddDays(-1), ErrInvalidRange},
			{c.staff, "", calendar.Date{}, ErrInvalidRange},
			{c.staff, "", from.AddDays(366), ErrInvalidRange},
			{c.staff, "", from.AddDays(365), nil},
			{c.grey, grey, from, nil},
			{c.grey, "", from, nil},
		} {
			if _, err := c.Figures(t.Context(), tt.by, FiguresQuery{Practitioner: tt.whose, From: from, To: tt.to}); !errors.Is(err, tt.err) {
				t.Errorf("%s of %q until %s: got %v, want %v", tt.by.Role, tt.whose, tt.to, err, tt.err)
			}
		}
		var trail []string
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			trail, err = sqldb.All(ctx, tx, func(r sqldb.Row) (s string, err error) {
				var n, patients int
				var whose string
				err = r.Scan(&s, &whose, &n, &patients)
				if whose == grey {
					whose = "grey"
				}
				return fmt.Sprintf("%s %s %d of %d", s, whose, n, patients), err
			}, `SELECT e.actor_role || ' ' || e.outcome, e.resource_id, e.count, (SELECT COUNT(*) FROM audit_patients p WHERE p.event_id = e.id)
				FROM audit_events e WHERE e.action = 'figures.read' ORDER BY e.id`)
			return err
		})
		want := []string{
			"patient denied  1 of 0", "patient denied  1 of 0", "auditor denied  1 of 0", " denied  1 of 0",
			"practitioner denied  1 of 0", "admin denied  1 of 0", "admin denied PRACTITIONER 1 of 0",
			"admin success  1 of 0", "practitioner success grey 1 of 0", "practitioner success grey 1 of 0",
		}
		if len(trail) == len(want) {
			trail[6] = want[6] // an id that was made up
		}
		if diff := cmp.Diff(want, trail); err != nil || diff != "" {
			t.Errorf("audit trail, %v (-want +got):\n%s", err, diff)
		}
	})
}
