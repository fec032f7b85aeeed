package scheduling

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
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
	return s.change(ctx, by, deed{action: action}, appointment, []auth.Role{auth.Practitioner},
		func(ctx context.Context, tx *sqldb.Tx, _ schedule, a *Appointment) error {
			return finished(ctx, tx, a, to)
		})
}

// Attend completes an appointment that its practitioner documents, as part of tx,
// unless it is complete, and takes the locks of a booking. It returns its id.
//
// It returns ErrAppointmentNotFound for what is not the caller's with that
// patient, or ErrTransition.
func Attend(ctx context.Context, tx *sqldb.Tx, by auth.Actor, appointment string, patient uuid.UUID) (key id.Keyed, err error) {
	defer errs.Wrap(&err, "attend appointment")
	key, ok := id.ParseKeyed(appointment)
	if !ok || !by.Is(auth.Practitioner) {
		return key, ErrAppointmentNotFound
	}
	whose, err := patientOf(ctx, tx, by, key)
	if err == nil && whose != patient {
		err = ErrAppointmentNotFound
	}
	if err != nil {
		return key, err
	}
	if _, err := lockForBooking(ctx, tx, key.Lead, patient); err != nil {
		return key, err
	}
	a, err := appointmentByID(ctx, tx, by, key)
	if err != nil {
		return key, err
	}
	if err := finished(ctx, tx, &a, Completed); err != nil {
		return key, err
	}
	return key, audit.Record(ctx, tx, by.Event("appointment.complete", "appointment", key.String(), patient))
}

// finished moves an appointment that was confirmed and has begun to its end.
func finished(ctx context.Context, tx *sqldb.Tx, a *Appointment, to Status) error {
	switch {
	case a.Status == to:
		return nil
	case a.Status != Confirmed:
		return ErrTransition
	case tx.Now().Before(a.Start):
		return ErrTransition.With("The appointment has not begun yet.")
	}
	if err := transition(ctx, tx, a, to); err != nil {
		return err
	}
	if to == NoShow {
		return emit(ctx, tx, webhooks.AppointmentNoShow, *a)
	}
	return emit(ctx, tx, webhooks.AppointmentCompleted, *a)
}
