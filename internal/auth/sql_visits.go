package auth

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// isPatient reports whether there is a patient of that id who was not erased.
func isPatient(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (bool, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (is bool, err error) {
		err = r.Scan(&is)
		return is, err
	}, `SELECT EXISTS (SELECT 1 FROM patients p JOIN users u ON u.id = p.patient_id
		WHERE p.patient_id = $1 AND p.erased_at IS NULL AND u.role = 'patient')`, user)
}
