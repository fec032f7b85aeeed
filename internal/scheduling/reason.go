package scheduling

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// SetReason writes what a visit is about, or writes it anew; an absent reason
// removes it. The patient does so of their own appointments, practitioners of
// theirs, staff of any, while they are held or confirmed.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound, ErrHoldExpired or
// ErrTransition.
func (s *Service) SetReason(ctx context.Context, by auth.Actor, appointment string, reason phi.Value[string]) (Appointment, error) {
	by = by.Visiting(appointment)
	return s.change(ctx, by, deed{action: "appointment.set_reason"}, appointment, []auth.Role{auth.Patient, auth.Practitioner, auth.Admin},
		func(ctx context.Context, tx *sqldb.Tx, _ schedule, a *Appointment) error {
			switch a.Status {
			case Held, Confirmed:
			case Expired:
				return ErrHoldExpired
			default:
				return ErrTransition
			}
			a.Reason = reason
			return transition(ctx, tx, a, a.Status)
		})
}
