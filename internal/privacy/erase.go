package privacy

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/idempotency"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// Erased is that a patient's data is gone.
type Erased struct {
	Patient uuid.UUID
	At      time.Time
}

// Erase ends what is kept of a patient: the key of all that is clinical, and what
// tells who they are. That there was somebody with this id who had appointments
// stays, and so does the audit trail. There is no way back. Only admins do, with a
// fresh proof that it is them.
//
// It returns auth.ErrForbidden, auth.ErrStepUp, directory.ErrPatientNotFound, also
// for who is erased or works here, ErrLegalHold, ErrRetained or scheduling.ErrLiveAppointments.
func (s *Service) Erase(ctx context.Context, by auth.Actor, patient string) (e Erased, err error) {
	defer errs.Wrap(&err, "erase patient")
	in := by.Intends("patient.erase", "patient", "")
	if !by.Is(auth.Admin) {
		return e, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	if err := by.StepUp(auth.StepUpErase, s.DB.Now()); err != nil {
		return e, audit.Refuse(ctx, s.DB, in, err)
	}
	whose, err := patientID(patient)
	if err != nil {
		return e, audit.Refuse(ctx, s.DB, in, err)
	}
	in.ResourceID, in.Patients = whose.String(), []uuid.UUID{whose}
	again := func(ctx context.Context, tx *sqldb.Tx) error { return audit.Record(ctx, tx, in.Event) }
	e, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Erased, error) {
		if err := directory.LockPatient(ctx, tx, whose); err != nil {
			return Erased{}, err
		}
		if err := s.mayErase(ctx, tx, whose); err != nil {
			return Erased{}, err
		}
		if err := forget(ctx, tx, whose); err != nil {
			return Erased{}, err
		}
		if err := webhooks.Emit(ctx, tx, webhooks.Event{Kind: webhooks.PatientErased, About: whose.String(), Patient: whose}); err != nil {
			return Erased{}, err
		}
		return Erased{whose, tx.Now()}, audit.Record(ctx, tx, in.Event)
	})
	return e, audit.Refuse(ctx, s.DB, in, err)
}

// mayErase judges what may stand against it, under the patient's lock.
func (s *Service) mayErase(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	u, err := directory.Recipient(ctx, tx, patient)
	if err != nil {
		return err
	}
	if u.Role != auth.Patient { // somebody who works here now; their role ends first
		return directory.ErrPatientNotFound
	}
	held, err := heldOf(ctx, tx, []uuid.UUID{patient})
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return ErrLegalHold
	}
	last, err := encounters.Last(ctx, tx, patient)
	if err != nil || last.IsZero() || s.RetainRecords == 0 {
		return err
	}
	if today := calendar.DateIn(tx.Now(), time.UTC); !last.AddDays(s.RetainRecords).Before(today) {
		return ErrRetained
	}
	return nil
}

// forget has every package end what it keeps of a patient.
func forget(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	for _, end := range []func(context.Context, *sqldb.Tx, uuid.UUID) error{
		scheduling.Forget, encounters.Forget, orders.Forget, notify.Forget, auth.Forget, directory.Forget,
	} {
		if err := end(ctx, tx, patient); err != nil {
			return err
		}
	}
	return idempotency.Forget(ctx, tx, patient.String())
}
