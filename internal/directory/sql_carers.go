package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// carersOf lists whose care a patient is in, by when that began.
func carersOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) ([]Carer, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (c Carer, err error) {
		err = r.Scan(&c.Practitioner, &c.Name, &c.Source, (*sqldb.Instant)(&c.Since))
		return c, err
	}, `SELECT r.practitioner_id, u.name, r.source, r.since FROM care_relations r
		JOIN practitioners p ON p.id = r.practitioner_id
		JOIN users u ON u.id = p.user_id
		WHERE r.patient_id = $1 AND r.ended_at IS NULL ORDER BY r.since, r.practitioner_id`, patient)
}
