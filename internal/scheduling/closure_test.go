package scheduling

import (
	"context"
	"errors"
	"strings"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestAClosureIsTimeOffOfEverybody(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-16 12:00"))
		c.publish(c.brown, localDay(t, "2027-03-15", "08:00", "12:00"))
		booked := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:00")))
		day := CloseRequest{Hours: localDay(t, "2027-03-15", "00:00", "24:00"), Reason: phi.Of("works outing")}
		rows := func() int { return c.count(`SELECT count(*) FROM time_off`) }
		for name, tt := range map[string]struct {
			by     auth.Actor
			change func(r *CloseRequest)
			want   error
		}{
			"a patient":            {c.ann, func(*CloseRequest) {}, auth.ErrForbidden},
			"a practitioner":       {c.grey, func(*CloseRequest) {}, auth.ErrForbidden},
			"nobody":               {auth.Actor{}, func(*CloseRequest) {}, auth.ErrForbidden},
			"one who is not there": {c.staff, func(r *CloseRequest) { r.Practitioners = []string{c.grey.PractitionerID.String(), id.New().String()} }, directory.ErrPractitionerNotFound},
			"no id":                {c.staff, func(r *CloseRequest) { r.Practitioners = []string{"x"} }, directory.ErrPractitionerNotFound},
			"over everywhere":      {c.staff, func(r *CloseRequest) { r.Hours = localDay(t, "2027-03-01", "00:00", "24:00") }, ErrInvalidHours},
		} {
			req := day
			tt.change(&req)
			_, err := c.Close(t.Context(), tt.by, req)
			want(t, name, err, tt.want)
			if rows() != 0 {
				t.Fatalf("%s: the refusal left time off", name)
			}
		}

		off, err := c.Close(t.Context(), c.staff, day)
		if err != nil || len(off) != 2 || rows() != 2 {
			t.Fatalf("close: %v, %v, and %d rows, want two", off, err, rows())
		}
		for _, o := range off {
			hit := len(o.Conflicts) == 1 && o.Conflicts[0].ID == booked.ID
			if hit != (o.ID.Lead == c.grey.PractitionerID) || !hit && len(o.Conflicts) > 0 {
				t.Errorf("time off of %s hits %v, want Ann's appointment with Dr. Grey only", o.TimeZone, o.Conflicts)
			}
			if free := c.slots(c.staff, o.ID.Lead, "available", o.Bounds.Start, o.Bounds.End); len(free) != 0 {
				t.Errorf("in %s %d slots are still open", o.TimeZone, len(free))
			}
		}
		again, err := c.Close(t.Context(), c.staff, day)
		if err != nil || len(again) != 2 || again[0].ID != off[0].ID || len(again[0].Conflicts)+len(again[1].Conflicts) != 1 || rows() != 2 {
			t.Errorf("close again: %v, %v, and %d rows, want the same two", again, err, rows())
		}
		if a, err := c.Appointment(t.Context(), c.ann, booked.ID.String()); err != nil || a.Status != Confirmed {
			t.Errorf("Ann's appointment is %v, %v, want it untouched", a.Status, err)
		}
		// The afternoon of the 13th in New York is the 14th in Kathmandu.
		c.clock.Set(at("2027-03-13 15:00"))
		some, err := c.Close(t.Context(), c.staff, CloseRequest{Hours: localDay(t, "2027-03-13", "00:00", "24:00")})
		if err != nil || len(some) != 1 || some[0].ID.Lead != c.grey.PractitionerID {
			t.Errorf("a day that is over in Kathmandu: %v, %v, want Dr. Grey's only", some, err)
		}
		if n := c.count(`SELECT count(*) FROM audit_events e JOIN audit_patients p ON p.event_id = e.id WHERE e.action = 'time_off.close' AND p.patient_id = $1`, c.ann.UserID); n != 2 {
			t.Errorf("%d records say that Ann's appointment was seen, want 2", n)
		}
	})
}

func TestAClosureThatFailsInTheMiddleCanBeRepeated(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		req := CloseRequest{Hours: hours("2027-03-15 08:00", "2027-03-17 12:00")}
		broken, n := errors.New("broken disk"), 0
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "INSERT INTO time_off") {
				if n++; n == 2 {
					return broken
				}
			}
			return nil
		}
		off, err := c.Close(t.Context(), c.staff, req)
		if !errors.Is(err, broken) || len(off) != 1 || c.count(`SELECT count(*) FROM time_off`) != 1 {
			t.Errorf("a failure in the middle: %v, %v, want the first one's time off and the error", off, err)
		}
		off, err = c.Close(t.Context(), c.staff, req)
		if err != nil || len(off) != 2 || c.count(`SELECT count(*) FROM time_off`) != 2 {
			t.Errorf("the repeat: %v, %v, want both, once", off, err)
		}
	})
}

func TestAReasonIsWrittenWhileItMatters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00"))
		a := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:00")))
		b := c.book(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		gone := c.book(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 10:00")))
		if _, err := c.Cancel(t.Context(), c.bob, gone.ID.String(), CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		last := ""
		set := func(name string, by auth.Actor, a Appointment, reason phi.Value[string], wrong error) Appointment {
			t.Helper()
			was, err := c.Appointment(t.Context(), c.staff, a.ID.String())
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.SetReason(t.Context(), by, a.ID.String(), reason)
			want(t, name, err, wrong)
			now, _ := c.Appointment(t.Context(), c.staff, a.ID.String())
			switch {
			case wrong != nil && now.ETag() != was.ETag():
				t.Errorf("%s: the refusal changed the appointment", name)
			case wrong == nil && (now.Reason.Reveal() != reason.Reveal() || got.Reason.Reveal() != reason.Reveal() || got.ETag() != now.ETag() || now.ETag() == was.ETag()):
				t.Errorf("%s: it says %q, answers %q, want %q and another version", name, now.Reason.Reveal(), got.Reason.Reveal(), reason.Reveal())
			case now.Status != was.Status || !now.HoldExpiresAt.Equal(was.HoldExpiresAt):
				t.Errorf("%s: %v until %v became %v until %v", name, was.Status, was.HoldExpiresAt, now.Status, now.HoldExpiresAt)
			}
			last = now.Reason.Reveal()
			return now
		}
		knee, back := phi.Of("knee"), phi.Of("back")
		set("the patient, of a hold", c.ann, a, knee, nil)
		set("another patient", c.bob, a, back, ErrAppointmentNotFound)
		set("another practitioner", c.brown, a, back, ErrAppointmentNotFound)
		set("nobody", auth.Actor{}, a, back, auth.ErrForbidden)
		set("an auditor", auth.Actor{UserID: id.New(), Role: auth.Auditor}, a, back, auth.ErrForbidden)
		set("the practitioner", c.grey, a, back, nil)
		set("of what is confirmed", c.bob, b, knee, nil)
		set("staff", c.staff, b, back, nil)
		set("of what is cancelled", c.bob, gone, knee, ErrTransition)
		// What happens later leaves it as it is.
		if _, err := c.Confirm(t.Context(), c.ann, a.ID.String()); err != nil {
			t.Fatal(err)
		}
		if a, err := c.Appointment(t.Context(), c.ann, a.ID.String()); err != nil || a.Reason.Reveal() != "back" {
			t.Errorf("after it was confirmed it says %q, %v, want what was written last", a.Reason.Reveal(), err)
		}
		set("none", c.ann, a, phi.Value[string]{}, nil)
		if last != "" {
			t.Errorf("a reason that was removed is %q", last)
		}
		over := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 11:00")))
		c.clock.Set(over.HoldExpiresAt)
		set("of a hold that is over", c.ann, over, knee, ErrHoldExpired)
		c.clock.Set(at("2027-03-15 09:00"))
		if _, err := c.Complete(t.Context(), c.grey, b.ID.String()); err != nil {
			t.Fatal(err)
		}
		set("of what is completed", c.bob, b, knee, ErrTransition)
		if n := c.count(`SELECT count(*) FROM audit_events WHERE action = 'appointment.set_reason' AND outcome = 'success'`); n != 5 {
			t.Errorf("%d reasons on record, want 5", n)
		}
	})
}
