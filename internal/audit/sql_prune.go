package audit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// coveredAt returns how many records the last checkpoint of an instant covers, 0
// if there is none.
func coveredAt(ctx context.Context, tx *sqldb.Tx, at time.Time) (int64, error) {
	size, err := sqldb.One(ctx, tx, func(r sqldb.Row) (size int64, err error) {
		err = r.Scan(&size)
		return size, err
	}, `SELECT size FROM audit_checkpoints WHERE at <= $1 ORDER BY size DESC LIMIT 1`, sqldb.Instant(at))
	if errors.Is(err, sqldb.ErrNoRows) {
		return 0, nil
	}
	return size, err
}

// prunable lists the next records that p may remove, the oldest first. It goes
// by what is there, not by places: those of what was removed long ago would be
// walked each time.
func prunable(ctx context.Context, tx *sqldb.Tx, p pruning) ([]moment, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (m moment, err error) {
		err = r.Scan((*sqldb.Instant)(&m.at), &m.id)
		return m, err
	}, `SELECT e.at, e.id FROM audit_events e JOIN audit_leaves l ON l.event_id = e.id
		WHERE e.at < $1 AND (e.at, e.id) > ($2, $3) AND l.seq < $4
		ORDER BY e.at, e.id LIMIT $5`,
		sqldb.Instant(p.before), p.after.at.UnixMicro(), p.after.id, p.boundary, pruneRows)
}

// eventsOfPatients tells whom records name, and in which.
func eventsOfPatients(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) (map[uuid.UUID][]uuid.UUID, error) {
	about := map[uuid.UUID][]uuid.UUID{}
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (_ struct{}, err error) {
		var patient, event uuid.UUID
		err = r.Scan(&patient, &event)
		about[patient] = append(about[patient], event)
		return struct{}{}, err
	}, `SELECT patient_id, event_id FROM audit_patients WHERE event_id IN (`+sqldb.In(1, len(ids))+`)`, anys(ids)...)
	return about, err
}

// removeEvents removes records, but not their hashes, and tells how many there were.
func removeEvents(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) (int, error) {
	in, args := sqldb.In(1, len(ids)), anys(ids)
	if _, err := tx.Exec(ctx, `DELETE FROM audit_patients WHERE event_id IN (`+in+`)`, args...); err != nil {
		return 0, err
	}
	return tx.Exec(ctx, `DELETE FROM audit_events WHERE id IN (`+in+`)`, args...)
}
