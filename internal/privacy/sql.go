package privacy

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// putHold writes a hold, or gives the one that is there another reason, and
// returns it as it stands.
func putHold(ctx context.Context, tx *sqldb.Tx, h LegalHold) (LegalHold, error) {
	_, err := tx.Exec(ctx, `INSERT INTO legal_holds (patient_id, reason, since, placed_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (patient_id) DO UPDATE SET reason = excluded.reason`, h.Patient, h.sealed, sqldb.Instant(h.Since), h.PlacedBy)
	if err != nil {
		return h, err
	}
	return holdOn(ctx, tx, h.Patient)
}

// holdOn returns the hold on a patient's data, or ErrHoldNotFound.
func holdOn(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (LegalHold, error) {
	h, err := sqldb.One(ctx, tx, func(r sqldb.Row) (h LegalHold, err error) {
		h.Patient = patient
		err = r.Scan(&h.sealed, (*sqldb.Instant)(&h.Since), &h.PlacedBy)
		return h, err
	}, `SELECT reason, since, placed_by FROM legal_holds WHERE patient_id = $1`, patient)
	if errors.Is(err, sqldb.ErrNoRows) {
		return h, ErrHoldNotFound
	}
	return h, err
}

func deleteHold(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (int, error) {
	return tx.Exec(ctx, `DELETE FROM legal_holds WHERE patient_id = $1`, patient)
}

// heldOf returns those of the patients who have a hold.
func heldOf(ctx context.Context, tx *sqldb.Tx, patients []uuid.UUID) ([]uuid.UUID, error) {
	args := make([]any, len(patients))
	for i, p := range patients {
		args[i] = p
	}
	return sqldb.All(ctx, tx, scanID, `SELECT patient_id FROM legal_holds WHERE patient_id IN (`+sqldb.In(1, len(args))+`)`, args...)
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

// isPatient reports whether there is a patient with this id who is not erased.
func isPatient(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (bool, error) {
	_, err := sqldb.One(ctx, tx, scanID, `SELECT patient_id FROM patients WHERE patient_id = $1 AND erased_at IS NULL`, patient)
	if errors.Is(err, sqldb.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// practitionersBy returns which practitioners the users are, or were.
func practitionersBy(ctx context.Context, tx *sqldb.Tx, users []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	args := make([]any, len(users))
	for i, u := range users {
		args[i] = u
	}
	of := map[uuid.UUID]uuid.UUID{}
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (_ struct{}, err error) {
		var user, practitioner uuid.UUID
		err = r.Scan(&user, &practitioner)
		of[user] = practitioner
		return struct{}{}, err
	}, `SELECT user_id, id FROM practitioners WHERE user_id IN (`+sqldb.In(1, len(args))+`)`, args...)
	return of, err
}
