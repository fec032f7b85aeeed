package scheduling

// The SQL that tells whether a calendar has changed, from a few rows of indexes.

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// lastChanged is how many appointments a revision is made of: those that changed
// last, and not only the very last, for of two that commit at the same time the
// one with the earlier instant may come second.
const lastChanged = 50

// changedLast returns those appointments of a practitioner that changed last, as
// texts that differ with each change.
func changedLast(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) ([]string, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
		var key uuid.UUID
		var version int64
		err := r.Scan(&key, &version)
		return fmt.Sprintf("%s %d", key, version), err
	}, `SELECT id, version FROM appointments WHERE practitioner_id = $1
		ORDER BY updated_at DESC, id DESC LIMIT $2`, practitioner, lastChanged)
}

// liveHolds counts a practitioner's holds that live. They end without a write.
func liveHolds(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (int, error) {
	return sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM appointments
		WHERE practitioner_id = $1 AND status = 'held' AND hold_expires_at > $2`, practitioner, sqldb.Instant(tx.Now()))
}
