package auth

import (
	"context"
	"time"

	"medbook/internal/sqldb"
)

// throttle is a row of throttles.
type throttle struct {
	failures  int
	updatedAt time.Time
}

// lockThrottle makes the subject's row if there is none, and locks it.
func lockThrottle(ctx context.Context, tx *sqldb.Tx, subject []byte) (throttle, error) {
	_, err := tx.Exec(ctx, `INSERT INTO throttles (subject, failures, updated_at) VALUES ($1, 0, $2)
		ON CONFLICT DO NOTHING`, subject, sqldb.Instant(tx.Now()))
	if err != nil {
		return throttle{}, err
	}
	return sqldb.One(ctx, tx, func(r sqldb.Row) (t throttle, err error) {
		err = r.Scan(&t.failures, (*sqldb.Instant)(&t.updatedAt))
		return t, err
	}, `SELECT failures, updated_at FROM throttles WHERE subject = $1`+tx.ForUpdate(), subject)
}

func setThrottle(ctx context.Context, tx *sqldb.Tx, subject []byte, failures int, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE throttles SET failures = $1, updated_at = $2 WHERE subject = $3`,
		failures, sqldb.Instant(now), subject)
	return err
}

func lowerThrottle(ctx context.Context, tx *sqldb.Tx, subject []byte) error {
	_, err := tx.Exec(ctx, `UPDATE throttles SET failures = failures - 1 WHERE subject = $1 AND failures > 0`, subject)
	return err
}

func removeThrottle(ctx context.Context, tx *sqldb.Tx, subject []byte) error {
	_, err := tx.Exec(ctx, `DELETE FROM throttles WHERE subject = $1`, subject)
	return err
}

// removeOld deletes what is of no use any more: links, sessions and
// challenges that are over, and failures that are forgotten.
func removeOld(ctx context.Context, tx *sqldb.Tx, now time.Time) error {
	for _, clean := range []struct {
		statement string
		before    time.Time
	}{
		{`DELETE FROM account_links WHERE expires_at <= $1`, now},
		{`DELETE FROM sessions WHERE expires_at <= $1`, now},
		{`DELETE FROM spent_challenges WHERE expires_at <= $1`, now},
		{`DELETE FROM known_devices WHERE seen_at <= $1`, now.Add(-knowDevices)},
		{`DELETE FROM throttles WHERE updated_at <= $1`, now.Add(-forgetAfter)},
	} {
		if _, err := tx.Exec(ctx, clean.statement, sqldb.Instant(clean.before)); err != nil {
			return err
		}
	}
	return nil
}
