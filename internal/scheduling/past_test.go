package scheduling

import (
	"slices"
	"testing"
	"time"

	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestPastIsWhatIsNotUpcoming divides a patient's appointments in two, and reads the
// past ones backwards, one at a time.
func TestPastIsWhatIsNotUpcoming(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 13:00"))
		slot := func(time string) string { return c.slot(c.grey.PractitionerID, at("2027-03-15 "+time)) }
		over := c.book(c.ann, slot("09:00"))
		cancelled := c.book(c.ann, slot("12:00"))
		if _, err := c.Cancel(t.Context(), c.ann, cancelled.ID.String(), CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		ahead := c.book(c.ann, slot("11:00"))
		lapsed := c.hold(c.ann, slot("10:00"))
		c.book(c.bob, slot("10:30"))
		c.clock.Set(at("2027-03-15 09:01"))

		read := func(f AppointmentFilter) (found []string) {
			for req := (page.Request{Limit: 1, Count: true}); ; {
				p, err := c.Appointments(t.Context(), c.ann, f, req)
				if err != nil || len(p.Items) > 1 {
					t.Fatalf("%d on a page of one, %v", len(p.Items), err)
				}
				for _, a := range p.Items {
					found = append(found, a.ID.String())
				}
				if p.Next == "" {
					if *p.Total != len(found) {
						t.Errorf("%+v: %d are counted, %d listed", f, *p.Total, len(found))
					}
					return found
				}
				req.After = p.Next
			}
		}
		if got, want := read(AppointmentFilter{Past: true}), []string{cancelled.ID.String(), lapsed.ID.String(), over.ID.String()}; !slices.Equal(got, want) {
			t.Errorf("past: got %v, want %v", got, want)
		}
		if got, want := read(AppointmentFilter{Upcoming: true}), []string{ahead.ID.String()}; !slices.Equal(got, want) {
			t.Errorf("upcoming: got %v, want %v", got, want)
		}
	})
}

// TestChangeableUntilIsTheWindowsEnd shows that the instant that patients are told is
// the last one at which they may cancel.
func TestChangeableUntilIsTheWindowsEnd(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 10:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		until := DefaultPolicy.ChangeableUntil(a.Start)
		c.clock.Set(until.Add(time.Microsecond))
		_, err := c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{})
		want(t, "after it", err, ErrWindowClosed)
		c.clock.Set(until)
		_, err = c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{})
		want(t, "at it", err, nil)
	})
}
