package scheduling

import (
	"testing"
	"time"

	"medbook/internal/ics"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestCalendarProgramsFollowAnAppointment sees that one UID stays, that each change
// has a greater sequence than what was before, and that nothing personal is in it.
func TestCalendarProgramsFollowAnAppointment(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, ctx := newClinic(t, db), t.Context()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		a, err := c.Hold(ctx, c.ann, HoldRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")), Reason: phi.Of("a sore knee")})
		want(t, "hold", err, nil)
		read := func(id string) ics.Event {
			t.Helper()
			a, err := c.Appointment(ctx, c.ann, id)
			want(t, "read", err, nil)
			return a.Entry("Harbour Clinic")
		}
		last, id := read(a.ID.String()), a.ID.String()
		first := ics.Event{
			UID: id, Stamp: a.CreatedAt, Start: at("2027-03-15 09:00"), End: at("2027-03-15 09:15"),
			Status: ics.Tentative, Summary: "Appointment at Harbour Clinic",
		}
		if last != first {
			t.Errorf("a hold is %+v, want %+v", last, first)
		}
		for _, step := range []struct {
			name   string
			do     func() (Appointment, error)
			status ics.Status
			start  time.Time
		}{
			{"confirm", func() (Appointment, error) { return c.Confirm(ctx, c.ann, id) }, ics.Confirmed, a.Start},
			{"move", func() (Appointment, error) {
				return c.Reschedule(ctx, c.ann, id, RescheduleRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-15 10:00"))})
			}, ics.Confirmed, at("2027-03-15 10:00")},
			{"cancel", func() (Appointment, error) { return c.Cancel(ctx, c.ann, id, CancelRequest{Reason: phi.Of("ill")}) }, ics.Cancelled, at("2027-03-15 10:00")},
		} {
			c.clock.Advance(time.Second)
			changed, err := step.do()
			want(t, step.name, err, nil)
			got := read(id)
			if got != changed.Entry("Harbour Clinic") {
				t.Errorf("%s: answered %+v, read %+v", step.name, changed.Entry("Harbour Clinic"), got)
			}
			if got.UID != last.UID || got.Sequence <= last.Sequence || !got.Stamp.After(last.Stamp) || got.Status != step.status || !got.Start.Equal(step.start) || got.Summary != last.Summary {
				t.Errorf("%s: got %+v after %+v", step.name, got, last)
			}
			last = got
		}
		if again, err := c.Cancel(ctx, c.ann, id, CancelRequest{}); err != nil || again.Entry("Harbour Clinic") != last {
			t.Errorf("cancelled twice: %+v, want what was", again.Entry("Harbour Clinic"))
		}

		b := c.hold(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 11:00")))
		held := b.Entry("")
		c.clock.Advance(b.HoldExpiresAt.Sub(c.clock.Now()))
		over, err := c.Appointment(ctx, c.bob, b.ID.String())
		want(t, "read", err, nil)
		unwritten := over.Entry("")
		if unwritten.Status != ics.Cancelled || unwritten.Sequence <= held.Sequence || unwritten.Summary != "Appointment at Medbook" {
			t.Errorf("a hold that is over is %+v after %+v", unwritten, held)
		}
		want(t, "write its end", c.writeHoldEnd(ctx, HoldEnds{Appointment: b.ID.String()}), nil)
		over, err = c.Appointment(ctx, c.bob, b.ID.String())
		want(t, "read", err, nil)
		if written := over.Entry(""); written != unwritten {
			t.Errorf("once that was written it is %+v, want %+v", written, unwritten)
		}
	})
}
