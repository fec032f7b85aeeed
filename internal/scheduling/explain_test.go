package scheduling

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// busy fills two days of Dr. Grey's, 2027-03-15 and 16, with all that can stand in
// the way of a booking, and returns when the one hold is over.
func (c *clinic) busy(t *testing.T) (holdEnds time.Time) {
	t.Helper()
	grey := c.grey.PractitionerID.String()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00"))
	c.publish(c.grey, hours("2027-03-16 08:07", "2027-03-16 12:00"))
	_, err := c.AddSlot(t.Context(), c.grey, grey, at("2027-03-15 13:05"), at("2027-03-15 13:25"))
	must(err)
	ten := c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 10:00"), at("2027-03-15 10:45"))
	_, err = c.ChangeSlot(t.Context(), c.grey, ten[0].ID(), match(ten[0]), SlotChange{Blocked: new(true)})
	must(err)
	gone := c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 10:30"), at("2027-03-15 10:45"))
	must(c.RemoveSlot(t.Context(), c.grey, gone[0].ID(), match(gone[0])))
	_, err = c.TakeTimeOff(t.Context(), c.grey, grey, hours("2027-03-15 11:10", "2027-03-15 11:20"), phi.Of("dentist"))
	must(err)
	_, err = c.Hold(t.Context(), c.bob, HoldRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-15 08:30")), Slots: 2, Confirm: true})
	must(err)
	held := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:15")))
	return held.HoldExpiresAt
}

func TestExplainSaysWhy(t *testing.T) {
	tests := []struct {
		name          string
		start         string
		slots         int
		want          []Why
		before, after string
	}{
		{name: "free", start: "2027-03-15 08:00", want: []Why{WhyAvailable}},
		{name: "free, two", start: "2027-03-15 08:00", slots: 2, want: []Why{WhyAvailable}},
		{name: "booked", start: "2027-03-15 08:30", want: []Why{WhyBooked}},
		{name: "the second of two", start: "2027-03-15 08:45", want: []Why{WhyBooked}},
		{name: "runs into a booking and a hold", start: "2027-03-15 08:15", slots: 5, want: []Why{WhyHeld, WhyBooked}},
		{name: "held", start: "2027-03-15 09:15", want: []Why{WhyHeld}},
		{name: "blocked", start: "2027-03-15 10:00", want: []Why{WhyBlocked}},
		{name: "deleted", start: "2027-03-15 10:30", want: []Why{WhyOutside}, before: "2027-03-15 10:15", after: "2027-03-15 10:45"},
		{name: "time off in part", start: "2027-03-15 11:15", want: []Why{WhyTimeOff}},
		{name: "by hand", start: "2027-03-15 13:05", want: []Why{WhyAvailable}},
		{name: "inside one by hand", start: "2027-03-15 13:10", want: []Why{WhyOffGrid}, before: "2027-03-15 13:05", after: "2027-03-16 08:15"},
		{name: "off the grid", start: "2027-03-15 08:05", want: []Why{WhyOffGrid}, before: "2027-03-15 08:00", after: "2027-03-15 08:15"},
		{name: "off the grid in a booking", start: "2027-03-15 08:50", want: []Why{WhyBooked, WhyOffGrid}, before: "2027-03-15 08:45", after: "2027-03-15 09:00"},
		{name: "outside hours", start: "2027-03-15 12:00", want: []Why{WhyOutside}, before: "2027-03-15 11:45", after: "2027-03-15 13:05"},
		{name: "runs past the end of work", start: "2027-03-15 11:45", slots: 2, want: []Why{WhyOutside}},
		{name: "nobody works for days", start: "2027-03-20 08:00", want: []Why{WhyOutside}},
		{name: "inside the notice and outside hours", start: "2027-03-14 09:00", want: []Why{WhyOutside, WhyNotice}, after: "2027-03-15 08:00"},
		{name: "begins now", start: "2027-03-13 09:00", want: []Why{WhyOutside, WhyPast}},
		{name: "beyond the horizon", start: "2027-09-10 08:00", want: []Why{WhyHorizon}},
		{name: "exactly at the horizon", start: "2027-09-09 10:00", want: []Why{WhyAvailable}},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.busy(t)
		c.publish(c.grey, hours("2027-09-09 08:00", "2027-09-10 12:00"))
		grey := c.grey.PractitionerID.String()
		for _, tt := range tests {
			for who, by := range map[string]auth.Actor{"nobody": {}, "bob": c.bob, "grey": c.grey} {
				e, err := c.Explain(t.Context(), by, grey, at(tt.start), tt.slots)
				if err != nil || !slices.Equal(e.Why, tt.want) || e.Available() != slices.Contains(tt.want, WhyAvailable) {
					t.Errorf("%s, %s asks: %v, %v, want %v", tt.name, who, e.Why, err, tt.want)
				}
				for _, near := range []struct {
					what, want string
					got        time.Time
				}{{"before", tt.before, e.Before}, {"after", tt.after, e.After}} {
					if near.want == "" && !near.got.IsZero() || near.want != "" && !near.got.Equal(at(near.want)) {
						t.Errorf("%s: the nearest slot %s begins %v, want %q", tt.name, near.what, near.got, near.want)
					}
				}
			}
		}
		_, err := c.Explain(t.Context(), c.ann, "x", at("2027-03-15 08:00"), 1)
		want(t, "of nobody", err, directory.ErrPractitionerNotFound)
		_, err = c.Explain(t.Context(), c.ann, grey, at("2027-03-15 08:00"), 97)
		want(t, "more than a day", err, ErrTooLong)
		_, err = c.Explain(t.Context(), c.ann, grey, at("2027-03-15 08:00"), 1<<40)
		want(t, "far too many", err, ErrTooLong)
	})
}

// TestExplainAgreesWithHold asks about many instants, before and after a hold is
// over and the grid has changed, and tries to hold each.
func TestExplainAgreesWithHold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ends := c.busy(t)
		cyd := c.user("cyd", auth.Patient, "America/New_York")
		seen := map[bool]int{}
		random := rand.New(rand.NewPCG(1, 2))
		try := func(start time.Time, n int) {
			t.Helper()
			e, err := c.Explain(t.Context(), auth.Actor{}, c.grey.PractitionerID.String(), start, n)
			if err != nil {
				t.Fatal(err)
			}
			slot := e.Slot
			if slot == (id.Slot{}) {
				slot = id.Slot{Practitioner: c.grey.PractitionerID, Start: start, End: start.Add(15 * time.Minute)}
			}
			a, err := c.Hold(t.Context(), cyd, HoldRequest{Slot: slot.String(), Slots: n})
			if (err == nil) != e.Available() {
				t.Errorf("%d slots from %v: Hold says %v, Explain %v", n, start, err, e.Why)
			}
			if seen[err == nil]++; err != nil {
				return
			}
			if !a.Start.Equal(e.Time.Start) || !a.End.Equal(e.Time.End) {
				t.Errorf("Hold takes %v to %v, Explain told of %v", a.Start, a.End, e.Time)
			}
			if _, err := c.Cancel(t.Context(), cyd, a.ID.String(), CancelRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		some := func() {
			t.Helper()
			for range 60 {
				day := at("2027-03-15 07:30").Add(time.Duration(random.IntN(2)) * 24 * time.Hour)
				try(day.Add(time.Duration(random.IntN(6*12))*calendar.CellLength), 1+random.IntN(3))
			}
			for start := at("2027-03-15 07:45"); start.Before(at("2027-03-15 12:30")); start = start.Add(15 * time.Minute) {
				try(start, 1)
			}
		}
		some()
		c.clock.Set(ends.Add(-time.Microsecond))
		try(at("2027-03-15 09:15"), 1)
		c.clock.Set(ends)
		try(at("2027-03-15 09:15"), 1)
		change := PractitionerChange{Policy: PolicyChange{SlotMinutes: new(20), NoticeSeconds: new(0)}}
		if _, err := c.ChangePractitioner(t.Context(), c.grey, c.grey.PractitionerID.String(), "*", change); err != nil {
			t.Fatal(err)
		}
		some()
		c.clock.Set(at("2027-03-15 09:20"))
		some()
		if seen[true] < 25 || seen[false] < 100 {
			t.Errorf("%d times could be held and %d not: too few to show anything", seen[true], seen[false])
		}
	})
}
