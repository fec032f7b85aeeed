package scheduling

import (
	"context"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
)

// Confirm turns a patient's hold into a booking, while it lives. Confirming a
// confirmed appointment changes nothing. Patients confirm their own, also by a pass,
// staff any.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound, ErrHoldExpired or
// ErrTransition.
func (s *Service) Confirm(ctx context.Context, by auth.Actor, appointment string) (Appointment, error) {
	by = by.Visiting(appointment)
	return s.change(ctx, by, deed{action: "appointment.confirm"}, appointment, []auth.Role{auth.Patient, auth.Admin},
		func(ctx context.Context, tx *sqldb.Tx, _ schedule, a *Appointment) error {
			switch a.Status {
			case Confirmed:
				return nil
			case Expired:
				return ErrHoldExpired
			case Held:
			default:
				return ErrTransition
			}
			// Another patient's hold may take cells of a hold that is over
			// without this patient's lock, so the claims have the last word.
			first, last := calendar.Cells(calendar.Span{Start: a.Start, End: a.End})
			n, err := confirmClaims(ctx, tx, a.ID)
			if err != nil {
				return err
			}
			if int64(n) != last-first {
				return ErrHoldExpired
			}
			if err := directory.Relate(ctx, tx, a.Patient, a.Practitioner(), directory.SourceAppointment); err != nil {
				return err
			}
			if err := transition(ctx, tx, a, Confirmed); err != nil {
				return err
			}
			if err := deleteFulfilled(ctx, tx, *a); err != nil {
				return err
			}
			return inform(ctx, tx, by, notify.AppointmentConfirmed, *a)
		})
}

// change runs step on an appointment that by may see, under the locks of every
// booking, in one transaction with its audit record. step sees the appointment
// as it stands at the transaction's instant, and changes it in place.
func (s *Service) change(ctx context.Context, by auth.Actor, d deed, appointment string, roles []auth.Role,
	step func(ctx context.Context, tx *sqldb.Tx, sch schedule, a *Appointment) error,
) (a Appointment, err error) {
	action := d.action
	defer errs.Wrap(&err, "%s", action)
	if !by.Is(roles...) {
		return a, s.settle(ctx, by, auth.ErrForbidden, action, "appointment", "")
	}
	key, ok := id.ParseKeyed(appointment)
	if !ok {
		return a, s.settle(ctx, by, ErrAppointmentNotFound, action, "appointment", "")
	}
	a, err = idempotency.Do(ctx, s.DB, replayed(by, d, key), func(ctx context.Context, tx *sqldb.Tx) (a Appointment, err error) {
		patient, err := patientOf(ctx, tx, by, key) // whose row to lock
		if err != nil {
			return a, err
		}
		sch, err := lockForChange(ctx, tx, key.Lead, patient)
		if err != nil {
			return a, err
		}
		if a, err = appointmentByID(ctx, tx, by, key); err != nil {
			return a, err
		}
		if err := step(ctx, tx, sch, &a); err != nil {
			return a, err
		}
		return a, d.record(ctx, tx, by, a)
	})
	return a, s.settle(ctx, by, err, action, "appointment", key.String())
}

// transition moves an appointment from the status that was read to another, on
// both calendars. The condition on the version, not the read before it, is what
// keeps two changes from both counting.
func transition(ctx context.Context, tx *sqldb.Tx, a *Appointment, to Status) error {
	was := a.Status
	a.Status, a.UpdatedAt = to, tx.Now()
	if to != Held {
		a.HoldExpiresAt = time.Time{}
	}
	n, err := updateAppointment(ctx, tx, *a)
	if err != nil {
		return err
	}
	if n == 0 && was == Held {
		return ErrHoldExpired // another patient's hold has just written its end
	}
	if n == 0 {
		return errChangedMeanwhile
	}
	a.Version++
	return updatePatientCalendar(ctx, tx, *a)
}
