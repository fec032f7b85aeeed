package scheduling

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// mayEdit reports whether by may change a practitioner's time and profile:
// the practitioner and staff.
func mayEdit(by auth.Actor, practitioner uuid.UUID) error {
	if by.Is(auth.Admin) || by.Is(auth.Practitioner) && by.PractitionerID == practitioner {
		return nil
	}
	return auth.ErrForbidden
}

// editable reads a practitioner's id from a path and judges mayEdit. Somebody
// else's calendar is as unknown to a practitioner as one that is not there;
// the practitioner's existence is public, so that is directory's error.
func editable(by auth.Actor, practitioner string) (uuid.UUID, error) {
	if !by.Is(auth.Admin, auth.Practitioner) {
		return uuid.Nil, auth.ErrForbidden
	}
	key, ok := id.Parse(practitioner)
	if !ok || mayEdit(by, key) != nil {
		return uuid.Nil, directory.ErrPractitionerNotFound
	}
	return key, nil
}

// editableRow does the same for the id of a row below a practitioner.
func editableRow(by auth.Actor, text string, unknown error) (id.Keyed, error) {
	if !by.Is(auth.Admin, auth.Practitioner) {
		return id.Keyed{}, auth.ErrForbidden
	}
	key, ok := id.ParseKeyed(text)
	if !ok || mayEdit(by, key.Lead) != nil {
		return id.Keyed{}, unknown
	}
	return key, nil
}

// asNotFound turns any not-found error into the one that fits what was asked for.
func asNotFound(err, as error) error {
	if errs.KindOf(err) == errs.NotFound {
		return as
	}
	return err
}

// settle records a refusal when err is one, in a transaction of its own since
// the refused one is rolled back, and returns err. resource must be an id that
// was parsed, or empty: a caller's text does not belong into the trail.
func (s *Service) settle(ctx context.Context, by auth.Actor, err error, action, resourceType, resource string) error {
	if e := errs.As(err); e != nil && e.Kind != errs.Internal && e.Kind != errs.Unavailable {
		s.DB.Instruments.SchedulingRefused(action, e.Code)
	}
	return audit.Refuse(ctx, s.DB, by.Intends(action, resourceType, resource), err)
}

// deed is what somebody does to an appointment, as it is recorded.
type deed struct {
	action string
	quiet  bool // staff chose that the patient is not told
}

// untold is added to the purpose of what a patient is not told of.
const untold = ", patient not told"

// record puts the deed on record, as part of tx.
func (d deed) record(ctx context.Context, tx *sqldb.Tx, by auth.Actor, a Appointment) error {
	e := by.Event(d.action, "appointment", a.ID.String(), a.Patient)
	if d.quiet {
		e.Purpose += untold
	}
	return audit.Record(ctx, tx, e)
}

// replayed returns what idempotency runs before it repeats an answer about the
// appointment: row scope and the audit record once more.
func replayed(by auth.Actor, d deed, key id.Keyed) func(context.Context, *sqldb.Tx) error {
	return func(ctx context.Context, tx *sqldb.Tx) error {
		a, err := appointmentByID(ctx, tx, by, key)
		if err != nil {
			return err
		}
		return d.record(ctx, tx, by, a)
	}
}

// recorded returns what idempotency runs before it repeats an answer that holds
// nothing of a patient: the audit record once more.
func recorded(by auth.Actor, action, resourceType, resource string, patients ...uuid.UUID) func(context.Context, *sqldb.Tx) error {
	return func(ctx context.Context, tx *sqldb.Tx) error {
		return audit.Record(ctx, tx, by.Event(action, resourceType, resource, patients...))
	}
}
