package scheduling

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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

// holdable lists, by way of Explain, the slots in which so many from a start on can be
// booked: what Hold says, found the long way.
func (c *clinic) holdable(t *testing.T, by auth.Actor, from, to time.Time, n int) (found []Slot) {
	t.Helper()
	for _, s := range c.slots(by, by.PractitionerID, "available", from, to) {
		e, err := c.Explain(t.Context(), c.ann, by.PractitionerID.String(), s.Start, n)
		if err != nil {
			t.Fatal(err)
		}
		if e.Available() {
			found = append(found, s)
		}
	}
	return found
}

func ids(slots []Slot) (ids []string) {
	for _, s := range slots {
		ids = append(ids, s.ID())
	}
	return ids
}

func TestNearestAreTheClosestThatCanBeBooked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.busy(t)
		c.publish(c.grey, hours("2027-04-20 08:00", "2027-04-20 09:00"))
		c.publish(c.brown, hours("2027-03-15 09:00", "2027-03-15 10:00"))
		grey := c.grey.PractitionerID.String()
		for _, n := range []int{1, 2, 3} {
			all := c.holdable(t, c.grey, time.Time{}, time.Time{}, n)
			if len(all) < 10 {
				t.Fatalf("%d times for %d slots: too few", len(all), n)
			}
			for _, around := range []time.Time{at("2027-03-15 08:30"), at("2027-03-15 23:00"), at("2027-04-01 00:00"), at("2020-01-01 00:00"), at("2030-01-01 00:00")} {
				slices.SortStableFunc(all, func(a, b Slot) int { return cmp.Compare(a.Start.Sub(around).Abs(), b.Start.Sub(around).Abs()) })
				for _, most := range []int{1, 5, 50} {
					got, err := c.Nearest(t.Context(), auth.Actor{}, grey, around, n, most)
					if want := ids(all[:min(most, len(all))]); err != nil || !slices.Equal(ids(got), want) {
						t.Errorf("the %d closest to %v for %d slots: %v, %v, want %v", most, around, n, got, err, want)
					}
				}
			}
		}
		anyone, err := c.Nearest(t.Context(), c.ann, "", at("2027-03-15 09:15"), 1, 3)
		if err != nil || len(anyone) != 3 || anyone[0].Practitioner != c.brown.PractitionerID || !anyone[0].Start.Equal(at("2027-03-15 09:15")) {
			t.Errorf("the closest with anyone: %v, %v, want Dr. Brown's at 09:15 first", anyone, err)
		}
		_, err = c.Nearest(t.Context(), c.ann, "x", at("2027-03-15 09:15"), 1, 3)
		want(t, "of nobody", err, directory.ErrPractitionerNotFound)
		_, err = c.Nearest(t.Context(), c.ann, grey, at("2027-03-15 09:15"), 1, 51)
		want(t, "too many", err, ErrInvalidRange)
		_, err = c.Nearest(t.Context(), c.ann, grey, at("2027-03-15 09:15"), 1, 0)
		want(t, "none", err, ErrInvalidRange)
	})
}

// said writes days as "03-15:4 03-16:2".
func said(days []Day) string {
	var words []string
	for _, d := range days {
		words = append(words, fmt.Sprintf("%02d-%02d:%d", d.Date.Month, d.Date.Day, d.Free))
	}
	return strings.Join(words, " ")
}

func TestDaysListsWhatCanBeBooked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := DaysQuery{Practitioner: c.grey.PractitionerID.String()}
		date := func(month time.Month, day int) calendar.Date {
			return calendar.Date{Year: 2027, Month: month, Day: day}
		}
		for day := 13; day <= 28; day++ {
			c.publish(c.grey, localDay(t, fmt.Sprintf("2027-03-%02d", day), "23:30", "24:00"))
		}
		c.publish(c.grey, localDay(t, "2027-07-01", "08:00", "08:15"))
		c.publish(c.grey, localDay(t, "2027-12-01", "08:00", "08:15"))  // beyond the horizon
		c.publish(c.brown, localDay(t, "2027-03-16", "00:00", "01:00")) // still the 15th in New York
		c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-16 23:30")))
		c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-17 23:30")))
		c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-17 23:45")))
		if _, err := c.TakeTimeOff(t.Context(), c.grey, grey.Practitioner, localDay(t, "2027-03-18", "00:00", "24:00"), phi.Value[string]{}); err != nil {
			t.Fatal(err)
		}
		march := "03-14:2 03-15:2 03-16:1 03-19:2 03-20:2 03-21:2 03-22:2 03-23:2 03-24:2 03-25:2"
		tests := []struct {
			name         string
			change       func(q *DaysQuery)
			want         string
			next, before calendar.Date
		}{
			{"the first ten", func(*DaysQuery) {}, march, date(3, 26), calendar.Date{}},
			{"from a date that is over", func(q *DaysQuery) { q.From = date(1, 1) }, march, date(3, 26), calendar.Date{}},
			{"three", func(q *DaysQuery) { q.From, q.N = date(3, 16), 3 }, "03-16:1 03-19:2 03-20:2", date(3, 21), date(3, 16)},
			{"the last", func(q *DaysQuery) { q.From = date(3, 26) }, "03-26:2 03-27:2 03-28:2 07-01:1", calendar.Date{}, date(3, 26)},
			{"after a gap", func(q *DaysQuery) { q.From = date(5, 1) }, "07-01:1", calendar.Date{}, date(3, 29)},
			{"back", func(q *DaysQuery) { q.Before, q.N = date(3, 26), 3 }, "03-23:2 03-24:2 03-25:2", date(3, 26), date(3, 23)},
			{"back over a gap", func(q *DaysQuery) { q.Before, q.N = date(8, 1), 2 }, "03-28:2 07-01:1", calendar.Date{}, date(3, 28)},
			{"back to the beginning", func(q *DaysQuery) { q.Before = date(3, 16) }, "03-14:2 03-15:2", date(3, 16), calendar.Date{}},
			{"before all", func(q *DaysQuery) { q.Before = date(3, 1) }, "", date(3, 14), calendar.Date{}},
			{"after all", func(q *DaysQuery) { q.From = date(8, 1) }, "", calendar.Date{}, date(7, 2)},
			{"two at once", func(q *DaysQuery) { q.Slots, q.N = 2, 4 }, "03-14:1 03-15:1 03-19:1 03-20:1", date(3, 21), calendar.Date{}},
			{"more than anybody has", func(q *DaysQuery) { q.Slots = 3 }, "", calendar.Date{}, calendar.Date{}},
			{"anyone", func(q *DaysQuery) { q.Practitioner, q.N = "", 3 }, "03-14:2 03-15:2 03-16:5", date(3, 19), calendar.Date{}},
			{"anyone looks 31 days ahead", func(q *DaysQuery) { q.Practitioner, q.From, q.N = "", date(3, 28), 3 }, "03-28:2", date(4, 28), date(3, 28)},
			{"anyone of another specialty", func(q *DaysQuery) { q.Practitioner, q.Specialty = "", "dentistry" }, "", calendar.Date{}, calendar.Date{}},
		}
		for _, tt := range tests {
			q := grey
			tt.change(&q)
			d, err := c.Days(t.Context(), auth.Actor{}, q)
			if err != nil || said(d.Days) != tt.want || d.Next != tt.next || d.Before != tt.before {
				t.Errorf("%s: %q, on from %v, back before %v, %v, want %q, %v, %v", tt.name, said(d.Days), d.Next, d.Before, err, tt.want, tt.next, tt.before)
			}
			for _, day := range d.Days {
				q.From, q.Before = day.Date, calendar.Date{}
				times, err := c.Times(t.Context(), auth.Actor{}, q)
				if err != nil || len(times) != day.Free || times[0].Slot != day.First.Slot {
					t.Errorf("%s: %v has the times %v, %v, want %d from %v on", tt.name, day.Date, times, err, day.Free, day.First.Start)
				}
			}
		}
		wrong := grey
		wrong.From, wrong.Before = date(3, 16), date(3, 17)
		_, err := c.Days(t.Context(), c.ann, wrong)
		want(t, "from and before", err, ErrInvalidRange)
		_, err = c.Days(t.Context(), c.ann, DaysQuery{N: 61})
		want(t, "too many", err, ErrInvalidRange)
		_, err = c.Days(t.Context(), c.ann, DaysQuery{Practitioner: id.New().String()})
		want(t, "of nobody", err, directory.ErrPractitionerNotFound)
	})
}

// TestDaysAsksLittle shows that the work does not grow with the days looked at one
// by one.
func TestDaysAsksLittle(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, localDay(t, "2027-09-01", "08:00", "09:00"))
		statements := 0
		db.Observe = func(context.Context, string) error {
			statements++
			return nil
		}
		d, err := c.Days(t.Context(), c.ann, DaysQuery{Practitioner: c.grey.PractitionerID.String()})
		db.Observe = nil
		if err != nil || len(d.Days) != 1 || statements > 20 {
			t.Errorf("found %v, %v with %d statements, want one date half a year on, and at most 20", d.Days, err, statements)
		}
	})
}
