package scheduling

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrLiveAppointments is for what can't be done while a patient has appointments
// to come.
var ErrLiveAppointments = errs.New(errs.Conflict, "appointments-to-come", "The patient has appointments that are not over: cancel them first.")

// Forget removes what a patient said about their appointments, and them from
// every waiting list. That the appointments were stays: the practitioner's
// calendar needs it. The caller has the patient's lock.
//
// It returns ErrLiveAppointments.
func Forget(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget appointments of %s", patient)
	n, err := liveOf(ctx, tx, patient)
	if err != nil {
		return err
	}
	if n > 0 {
		return ErrLiveAppointments
	}
	if err := deleteWaitsOf(ctx, tx, patient); err != nil {
		return err
	}
	return blankAppointments(ctx, tx, patient)
}

// OfPatient lists all appointments of a patient by their start, and what they
// wait for.
func OfPatient(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (as []Appointment, ws []Wait, err error) {
	defer errs.Wrap(&err, "list appointments of %s", patient)
	if as, err = appointmentsOf(ctx, tx, patient); err != nil {
		return nil, nil, err
	}
	ws, err = waitsOf(ctx, tx, patient)
	return as, ws, err
}
