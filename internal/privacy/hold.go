package privacy

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// LegalHold keeps a patient's data from being erased, and what is on record about
// it from being pruned, until it is lifted.
type LegalHold struct {
	Patient  uuid.UUID
	Reason   phi.Value[string]
	Since    time.Time
	PlacedBy uuid.UUID // a user

	sealed []byte
}

func holdUse(patient uuid.UUID) []byte { return fmt.Appendf(nil, "legal hold %s", patient) }

// PlaceHold puts a legal hold on a patient's data, or gives the one that is there
// another reason. Only admins do.
//
// It returns auth.ErrForbidden, directory.ErrPatientNotFound or ErrInvalidHold.
func (s *Service) PlaceHold(ctx context.Context, by auth.Actor, patient string, reason phi.Value[string]) (h LegalHold, err error) {
	defer errs.Wrap(&err, "place legal hold")
	in, whose, err := holdIntent(by, "legal_hold.place", patient, directory.ErrPatientNotFound, auth.Admin)
	if err != nil {
		return h, audit.Refuse(ctx, s.DB, in, err)
	}
	if reason.IsZero() {
		return h, ErrInvalidHold.Field("reason", "is required")
	}
	sealed, err := s.Seal.Seal([]byte(reason.Reveal()), holdUse(whose))
	if err != nil {
		return h, err
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := directory.LockPatient(ctx, tx, whose); err != nil {
			return err
		}
		if h, err = putHold(ctx, tx, LegalHold{Patient: whose, Since: tx.Now(), PlacedBy: by.UserID, sealed: sealed}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, in.Event)
	})
	if err != nil {
		return LegalHold{}, audit.Refuse(ctx, s.DB, in, err)
	}
	h.Reason = reason
	return h, nil
}

// holdIntent judges who has to do with holds, and reads the id of a patient; text
// that is none is what is unknown.
func holdIntent(by auth.Actor, action, patient string, unknown error, roles ...auth.Role) (in audit.Intent, whose uuid.UUID, err error) {
	in = by.Intends(action, "legal_hold", "")
	if !by.Is(roles...) {
		return in, whose, auth.ErrForbidden
	}
	whose, ok := id.Parse(patient)
	if !ok {
		return in, whose, unknown
	}
	in.ResourceID, in.Patients = whose.String(), []uuid.UUID{whose}
	return in, whose, nil
}

// Hold returns the hold on a patient's data to admins and auditors. It returns
// auth.ErrForbidden or ErrHoldNotFound.
func (s *Service) Hold(ctx context.Context, by auth.Actor, patient string) (h LegalHold, err error) {
	defer errs.Wrap(&err, "read legal hold")
	in, whose, err := holdIntent(by, "legal_hold.read", patient, ErrHoldNotFound, auth.Admin, auth.Auditor)
	if err != nil {
		return h, audit.Refuse(ctx, s.DB, in, err)
	}
	h, err = audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (LegalHold, error) {
		h, err := holdOn(ctx, tx, whose)
		seen.Row(whose)
		return h, err
	})
	if err != nil {
		return h, err
	}
	text, err := s.Seal.Unseal(h.sealed, holdUse(whose))
	h.Reason = phi.Of(string(text))
	return h, err
}

// LiftHold ends the hold on a patient's data. Only admins do. It returns
// auth.ErrForbidden or ErrHoldNotFound.
func (s *Service) LiftHold(ctx context.Context, by auth.Actor, patient string) (err error) {
	defer errs.Wrap(&err, "lift legal hold")
	in, whose, err := holdIntent(by, "legal_hold.lift", patient, ErrHoldNotFound, auth.Admin)
	if err != nil {
		return audit.Refuse(ctx, s.DB, in, err)
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := deleteHold(ctx, tx, whose)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrHoldNotFound
		}
		return audit.Record(ctx, tx, in.Event)
	})
	return audit.Refuse(ctx, s.DB, in, err)
}

// Held returns those of the patients on whose data there is a hold.
func Held(ctx context.Context, tx *sqldb.Tx, patients []uuid.UUID) (held []uuid.UUID, err error) {
	defer errs.Wrap(&err, "read legal holds")
	return heldOf(ctx, tx, patients)
}
