package scheduling

import (
	"context"
	"errors"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// CancelRequest says why an appointment is cancelled, and whether its patient is
// told.
type CancelRequest struct {
	Reason phi.Value[string] // staff give one for what is confirmed
	Quiet  bool              // staff only: the patient is not told; programs of the clinic are
}

// Cancel ends an appointment and frees its time at once; the history stays. A
// hold may be released at any time. A patient cancels a confirmed appointment
// until the cancellation window before its start, exactly then included, also by a
// pass; the practitioner and staff until it starts, with a reason. Cancelling what is
// cancelled or expired changes nothing.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound, ErrTransition,
// ErrWindowClosed or ErrNoReason.
func (s *Service) Cancel(ctx context.Context, by auth.Actor, appointment string, req CancelRequest) (Appointment, error) {
	by = by.Visiting(appointment)
	d := deed{"appointment.cancel", req.Quiet}
	if err := maySilence(by, d); err != nil {
		return Appointment{}, s.settle(ctx, by, err, d.action, "appointment", "")
	}
	return s.change(ctx, by, d, appointment, []auth.Role{auth.Patient, auth.Practitioner, auth.Admin},
		func(ctx context.Context, tx *sqldb.Tx, sch schedule, a *Appointment) error {
			switch a.Status {
			case Cancelled, Expired:
				return nil
			case Completed, NoShow:
				return ErrTransition
			case Confirmed:
				if err := mayUndo(by, sch, *a, tx); err != nil {
					return err
				}
				if !by.Is(auth.Patient) && req.Reason.IsZero() {
					return ErrNoReason
				}
			}
			a.CancelReason = req.Reason
			// By the appointment's id, never by its cells: they may be somebody
			// else's by now.
			if err := deleteClaimsOf(ctx, tx, a.ID); err != nil {
				return err
			}
			err := transition(ctx, tx, a, Cancelled)
			if errors.Is(err, ErrHoldExpired) {
				// Another patient's hold has just written its end; so it stands.
				a.Status, a.CancelReason = Expired, phi.Value[string]{}
				return nil
			}
			if err != nil {
				return err
			}
			if err := freed(ctx, tx, a.Practitioner(), a.span()); err != nil {
				return err
			}
			return d.inform(ctx, tx, by, notify.AppointmentCancelled, *a)
		})
}

// maySilence judges whether by may leave a patient untold of a deed: staff may, of
// what they do. It returns auth.ErrForbidden.
func maySilence(by auth.Actor, d deed) error {
	if d.quiet && !by.Is(auth.Practitioner, auth.Admin) {
		return auth.ErrForbidden
	}
	return nil
}

// mayUndo judges whether by may still cancel or move a confirmed appointment
// away from its time. It returns ErrWindowClosed.
func mayUndo(by auth.Actor, sch schedule, a Appointment, tx *sqldb.Tx) error {
	now := tx.Now()
	if !by.Is(auth.Patient) && now.Before(a.Start) {
		return nil
	}
	if by.Is(auth.Patient) && now.Before(a.Start) && !now.After(sch.Policy.ChangeableUntil(a.Start)) {
		return nil
	}
	return ErrWindowClosed
}
