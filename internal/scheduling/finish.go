package scheduling

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
)

// Complete says that a confirmed appointment took place. Its practitioner says
// so, from the start on. Saying it twice changes nothing.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound or ErrTransition.
func (s *Service) Complete(ctx context.Context, by auth.Actor, appointment string) (Appointment, error) {
	return s.finish(ctx, by, "appointment.complete", appointment, Completed)
}

// MarkNoShow says that the patient of a confirmed appointment did not come. Its
// practitioner says so, from the start on. Saying it twice changes nothing.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound or ErrTransition.
func (s *Service) MarkNoShow(ctx context.Context, by auth.Actor, appointment string) (Appointment, error) {
	return s.finish(ctx, by, "appointment.no_show", appointment, NoShow)
}

func (s *Service) finish(ctx context.Context, by auth.Actor, action, appointment string, to Status) (Appointment, error) {
	return s.change(ctx, by, action, appointment, []auth.Role{auth.Practitioner},
		func(ctx context.Context, tx *sqldb.Tx, _ schedule, a *Appointment) error {
			switch {
			case a.Status == to:
				return nil
			case a.Status != Confirmed:
				return ErrTransition
			case tx.Now().Before(a.Start):
				return ErrTransition.With("The appointment has not begun yet.")
			}
			return transition(ctx, tx, a, to)
		})
}
