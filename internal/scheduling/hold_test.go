package scheduling

import (
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// The fixture's now is 2027-03-13 09:00 in New York.

func TestHoldObeysTheRules(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-13 08:00", "2027-03-13 12:00"))
		c.publish(c.grey, hours("2027-03-14 08:00", "2027-03-16 12:00"))
		c.publish(c.grey, hours("2027-09-01 08:00", "2027-10-01 12:00"))
		c.publish(c.brown, hours("2027-03-15 08:00", "2027-03-15 12:00"))
		if _, err := c.TakeTimeOff(t.Context(), c.grey, c.grey.PractitionerID.String(), hours("2027-03-15 11:00", "2027-03-15 12:00"), phi.Value[string]{}); err != nil {
			t.Fatal(err)
		}
		slot := func(start string) string {
			return id.Slot{Practitioner: c.grey.PractitionerID, Start: at(start), End: at(start).Add(15 * time.Minute)}.String()
		}
		c.book(c.ann, c.slot(c.brown.PractitionerID, at("2027-03-15 09:00")))

		tests := []struct {
			name string
			by   auth.Actor
			req  HoldRequest
			want error
		}{
			{"no slot", c.ann, HoldRequest{Slot: "x"}, ErrSlotNotFound},
			{"nobody works then", c.ann, HoldRequest{Slot: slot("2027-03-20 08:00")}, ErrSlotNotFound},
			{"off the grid", c.ann, HoldRequest{Slot: slot("2027-03-15 08:05")}, ErrSlotNotFound},
			{"begins now", c.ann, HoldRequest{Slot: slot("2027-03-13 09:00")}, ErrSlotPast},
			{"begun, with override", c.staff, HoldRequest{Slot: slot("2027-03-13 08:45"), Patient: c.ann.UserID.String(), Override: phi.Of("urgent")}, ErrSlotPast},
			{"inside the notice", c.ann, HoldRequest{Slot: slot("2027-03-14 09:45")}, ErrTooLate},
			{"beyond the horizon", c.ann, HoldRequest{Slot: slot("2027-09-09 10:15")}, ErrBeyondHorizon},
			{"time off", c.ann, HoldRequest{Slot: slot("2027-03-15 11:00")}, ErrSlotBlocked},
			{"overlaps her own elsewhere", c.ann, HoldRequest{Slot: slot("2027-03-15 09:00")}, ErrPatientBusy},
			{"in another's name", c.ann, HoldRequest{Slot: slot("2027-03-15 10:00"), Patient: c.bob.UserID.String()}, auth.ErrForbidden},
			{"override by a patient", c.ann, HoldRequest{Slot: slot("2027-03-15 10:00"), Override: phi.Of("x")}, auth.ErrForbidden},
			{"a practitioner in a patient's name", c.grey, HoldRequest{Slot: slot("2027-03-15 10:00"), Patient: c.bob.UserID.String()}, auth.ErrForbidden},
			{"nobody", auth.Actor{}, HoldRequest{Slot: slot("2027-03-15 10:00")}, auth.ErrForbidden},
			{"staff for nobody", c.staff, HoldRequest{Slot: slot("2027-03-15 10:00")}, ErrNoPatient},
			{"staff for an unknown patient", c.staff, HoldRequest{Slot: slot("2027-03-15 10:00"), Patient: id.New().String()}, directory.ErrPatientNotFound},
			{"staff for no patient", c.staff, HoldRequest{Slot: slot("2027-03-15 10:00"), Patient: c.grey.UserID.String()}, directory.ErrPatientNotFound},
			{"more than a day", c.ann, HoldRequest{Slot: slot("2027-03-15 08:00"), Slots: 97}, ErrTooLong},
			{"runs into time off", c.ann, HoldRequest{Slot: slot("2027-03-15 10:30"), Slots: 3}, ErrSlotBlocked},
			{"runs past the end of work", c.ann, HoldRequest{Slot: slot("2027-03-16 11:45"), Slots: 2}, ErrSlotNotFound},
			// Notice is elapsed time: the clocks go forward in between, so 10:00
			// tomorrow is 24 hours from 09:00 today.
			{"exactly at the notice", c.ann, HoldRequest{Slot: slot("2027-03-14 10:00")}, nil},
			{"exactly at the horizon", c.ann, HoldRequest{Slot: slot("2027-09-09 10:00")}, nil},
			{"back to back", c.ann, HoldRequest{Slot: slot("2027-03-14 10:15")}, nil},
			{"one too many", c.ann, HoldRequest{Slot: slot("2027-03-14 10:30")}, ErrTooManyHolds},
			{"her own again", c.ann, HoldRequest{Slot: slot("2027-03-14 10:15")}, ErrSlotTaken},
			{"somebody else's", c.bob, HoldRequest{Slot: slot("2027-03-14 10:15")}, ErrSlotTaken},
			{"staff override cap and notice", c.staff, HoldRequest{Slot: slot("2027-03-14 08:00"), Patient: c.ann.UserID.String(), Override: phi.Of("urgent")}, nil},
			{"staff override no rule 1", c.staff, HoldRequest{Slot: slot("2027-03-14 08:00"), Patient: c.bob.UserID.String(), Override: phi.Of("urgent")}, ErrSlotTaken},
			{"three at once", c.bob, HoldRequest{Slot: slot("2027-03-15 10:00"), Slots: 3}, nil},
			{"the second of three", c.staff, HoldRequest{Slot: slot("2027-03-15 10:15"), Patient: c.ann.UserID.String()}, ErrSlotTaken},
		}
		for _, tt := range tests {
			_, err := c.Hold(t.Context(), tt.by, tt.req)
			want(t, tt.name, err, tt.want)
		}
		if n := c.count(`SELECT count(*) FROM claims`); n != (1+3+1+3)*3 {
			t.Errorf("%d cells are claimed, want %d: a refusal must leave nothing", n, (1+3+1+3)*3)
		}
	})
}

func TestAHoldIsDeadAtItsInstant(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		slot := c.slot(c.grey.PractitionerID, at("2027-03-15 08:00"))
		first := c.hold(c.ann, slot)
		if want := sqltest.Start.Add(30 * time.Minute); !first.HoldExpiresAt.Equal(want) {
			t.Fatalf("hold expires at %v, want %v", first.HoldExpiresAt, want)
		}

		c.clock.Set(first.HoldExpiresAt.Add(-time.Microsecond))
		_, err := c.Hold(t.Context(), c.bob, HoldRequest{Slot: slot})
		want(t, "hold a microsecond before the end", err, ErrSlotTaken)
		if n := len(c.slots(c.grey, c.grey.PractitionerID, "held", time.Time{}, time.Time{})); n != 1 {
			t.Errorf("%d held slots before the end, want 1", n)
		}

		c.clock.Set(first.HoldExpiresAt)
		if n := len(c.slots(c.grey, c.grey.PractitionerID, "held", time.Time{}, time.Time{})); n != 0 {
			t.Errorf("%d held slots at the end, want 0", n)
		}
		if a, err := c.Appointment(t.Context(), c.ann, first.ID.String()); err != nil || a.Status != Expired || a.ETag() == first.ETag() {
			t.Errorf("at its end the hold reads %v, %v, ETag %s, want expired and another ETag", a.Status, err, a.ETag())
		}
		_, err = c.Confirm(t.Context(), c.ann, first.ID.String())
		want(t, "confirm at the end", err, ErrHoldExpired)

		second := c.hold(c.bob, slot)
		_, err = c.Confirm(t.Context(), c.ann, first.ID.String())
		want(t, "confirm after another's hold", err, ErrHoldExpired)
		if a, err := c.Cancel(t.Context(), c.ann, first.ID.String(), CancelRequest{}); err != nil || a.Status != Expired {
			t.Errorf("cancel of an expired hold: %v, %v, want it unchanged", a.Status, err)
		}
		if a, err := c.Confirm(t.Context(), c.bob, second.ID.String()); err != nil || a.Status != Confirmed {
			t.Errorf("confirm of the second hold: %v, %v", a.Status, err)
		}
		if n := c.count(`SELECT count(*) FROM appointments WHERE status = 'expired'`); n != 1 {
			t.Errorf("%d appointments are written down as expired, want 1", n)
		}
	})
}

func TestConfirmAndCancel(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00"))
		start := at("2027-03-15 08:00")
		a := c.hold(c.ann, c.slot(c.grey.PractitionerID, start))

		_, err := c.Confirm(t.Context(), c.bob, a.ID.String())
		want(t, "confirm another's", err, ErrAppointmentNotFound)
		_, err = c.Confirm(t.Context(), c.grey, a.ID.String())
		want(t, "confirm by the practitioner", err, auth.ErrForbidden)
		b, err := c.Confirm(t.Context(), c.ann, a.ID.String())
		want(t, "confirm", err, nil)
		again, err := c.Confirm(t.Context(), c.ann, a.ID.String())
		want(t, "confirm again", err, nil)
		if b.Status != Confirmed || again.ETag() != b.ETag() || !b.HoldExpiresAt.IsZero() {
			t.Errorf("confirmed twice: %v %s, then %s", b.Status, b.ETag(), again.ETag())
		}
		if n := c.count(`SELECT count(*) FROM care_relations WHERE patient_id = $1 AND practitioner_id = $2`, c.ann.UserID, c.grey.PractitionerID); n != 1 {
			t.Errorf("%d care relations, want 1", n)
		}
		c.clock.Advance(time.Hour) // far beyond the hold time
		if n := len(c.slots(c.grey, c.grey.PractitionerID, "booked", time.Time{}, time.Time{})); n != 1 {
			t.Errorf("%d booked slots, want 1", n)
		}

		c.clock.Set(start.Add(-24*time.Hour + time.Microsecond))
		_, err = c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{})
		want(t, "cancel inside the window", err, ErrWindowClosed)
		_, err = c.Cancel(t.Context(), c.bob, a.ID.String(), CancelRequest{})
		want(t, "cancel another's", err, ErrAppointmentNotFound)
		_, err = c.Cancel(t.Context(), c.brown, a.ID.String(), CancelRequest{Reason: phi.Of("ill")})
		want(t, "cancel by another practitioner", err, ErrAppointmentNotFound)
		_, err = c.Cancel(t.Context(), c.staff, a.ID.String(), CancelRequest{})
		want(t, "cancel by staff without a reason", err, ErrNoReason)
		c.clock.Set(start.Add(-24 * time.Hour))
		_, err = c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{})
		want(t, "cancel exactly at the window", err, nil)

		// The slot is free at once, and cancelling again frees nobody else's.
		c.clock.Set(start.Add(-25 * time.Hour))
		b = c.book(c.bob, c.slot(c.grey.PractitionerID, start))
		if x, err := c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{}); err != nil || x.Status != Cancelled {
			t.Errorf("cancel again: %v, %v, want it unchanged", x.Status, err)
		}
		_, err = c.Hold(t.Context(), c.ann, HoldRequest{Slot: b.SlotID()})
		want(t, "hold after a second cancel of the first", err, ErrSlotTaken)
		_, err = c.Confirm(t.Context(), c.ann, a.ID.String())
		want(t, "confirm what is cancelled", err, ErrTransition)

		_, err = c.Complete(t.Context(), c.grey, b.ID.String())
		want(t, "complete before the start", err, ErrTransition)
		c.clock.Set(start)
		_, err = c.Cancel(t.Context(), c.grey, b.ID.String(), CancelRequest{Reason: phi.Of("ill")})
		want(t, "cancel by the practitioner at the start", err, ErrWindowClosed)
		_, err = c.Complete(t.Context(), c.brown, b.ID.String())
		want(t, "complete by another practitioner", err, ErrAppointmentNotFound)
		_, err = c.Complete(t.Context(), c.grey, b.ID.String())
		want(t, "complete", err, nil)
		_, err = c.MarkNoShow(t.Context(), c.grey, b.ID.String())
		want(t, "no-show of what is completed", err, ErrTransition)
		_, err = c.Cancel(t.Context(), c.grey, b.ID.String(), CancelRequest{Reason: phi.Of("ill")})
		want(t, "cancel what is completed", err, ErrTransition)
	})
}

func TestReschedule(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00"))
		c.publish(c.brown, hours("2027-03-15 08:00", "2027-03-15 12:00"))
		slot := func(start string) string { return c.slot(c.grey.PractitionerID, at(start)) }
		two, err := c.Hold(t.Context(), c.ann, HoldRequest{Slot: slot("2027-03-15 08:00"), Slots: 2})
		want(t, "hold two", err, nil)
		eight, half, nine := slot("2027-03-15 08:30"), slot("2027-03-15 08:45"), slot("2027-03-15 09:00")
		other := c.slot(c.brown.PractitionerID, at("2027-03-15 10:00"))
		c.book(c.bob, nine)
		elsewhere := c.book(c.ann, other)

		move := func(by auth.Actor, a Appointment, slot string) error {
			_, err := c.Reschedule(t.Context(), by, a.ID.String(), RescheduleRequest{Slot: slot})
			return err
		}
		want(t, "to another practitioner", move(c.ann, two, c.slot(c.brown.PractitionerID, at("2027-03-15 08:00"))), ErrOtherCalendar)
		want(t, "onto another's", move(c.ann, two, half), ErrSlotTaken)
		want(t, "another's", move(c.bob, two, eight), ErrAppointmentNotFound)
		want(t, "onto her own elsewhere", move(c.ann, two, slot("2027-03-15 09:45")), ErrPatientBusy)
		if n := c.count(`SELECT count(*) FROM claims WHERE appointment_id = $1`, two.ID.ID); n != 6 {
			t.Fatalf("after refused moves %d cells are claimed, want 6", n)
		}
		// A move that overlaps itself keeps the cells it has.
		want(t, "by one slot", move(c.ann, two, id.Slot{Practitioner: c.grey.PractitionerID, Start: at("2027-03-15 08:15"), End: at("2027-03-15 08:30")}.String()), nil)
		a, err := c.Appointment(t.Context(), c.ann, two.ID.String())
		if err != nil || !a.Start.Equal(at("2027-03-15 08:15")) || a.Slots != 2 || !a.HoldExpiresAt.Equal(two.HoldExpiresAt) || a.Status != Held {
			t.Errorf("after the move: %+v, %v, want two held slots from 08:15 and the same end of the hold", a, err)
		}
		slot("2027-03-15 08:00") // given back
		if n := c.count(`SELECT count(*) FROM claims WHERE appointment_id = $1`, two.ID.ID); n != 6 {
			t.Errorf("%d cells are claimed, want 6", n)
		}

		c.clock.Set(at("2027-03-14 10:01"))
		want(t, "a hold that is over", move(c.ann, two, slot("2027-03-15 11:00")), ErrHoldExpired)
		want(t, "confirmed, inside the window of the old start", move(c.ann, elsewhere, other), ErrWindowClosed)
	})
}

func TestExpiredHoldsOfTheSamePatientAreWrittenDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		c.publish(c.brown, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		first := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:00")))
		c.clock.Set(first.HoldExpiresAt)
		c.hold(c.ann, c.slot(c.brown.PractitionerID, at("2027-03-15 08:00")))
		if n := c.count(`SELECT count(*) FROM appointments WHERE id = $1 AND status = 'expired'`, first.ID.ID); n != 1 {
			t.Error("the dead hold at the same time is not written down as expired")
		}
		if n := c.count(`SELECT count(*) FROM claims WHERE appointment_id = $1`, first.ID.ID); n != 0 {
			t.Errorf("the dead hold still has %d claims", n)
		}
	})
}

func TestTheJobOnlyWritesWhatIsSo(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		a := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:00")))
		job := HoldEnds{Appointment: a.ID.String()}
		want(t, "early", c.writeHoldEnd(t.Context(), job), nil)
		if _, err := c.Confirm(t.Context(), c.ann, a.ID.String()); err != nil {
			t.Fatalf("confirm after an early job: %v", err)
		}
		c.clock.Advance(time.Hour)
		want(t, "confirmed meanwhile", c.writeHoldEnd(t.Context(), job), nil)
		if n := len(c.slots(c.grey, c.grey.PractitionerID, "booked", time.Time{}, time.Time{})); n != 1 {
			t.Errorf("the job ended a booking")
		}
		b := c.hold(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 08:30")))
		c.clock.Set(b.HoldExpiresAt)
		want(t, "at the end", c.writeHoldEnd(t.Context(), HoldEnds{Appointment: b.ID.String()}), nil)
		if n := c.count(`SELECT count(*) FROM claims WHERE appointment_id = $1`, b.ID.ID); n != 0 {
			t.Errorf("the ended hold still has %d claims", n)
		}
		if n := c.count(`SELECT count(*) FROM patient_calendar WHERE appointment_id = $1 AND status = 'expired'`, b.ID.ID); n != 1 {
			t.Error("the patient's side does not say expired")
		}
	})
}
