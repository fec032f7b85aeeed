package scheduling

import (
	"context"

	"medbook/internal/sqldb"
)

// mostCounted is how far Standing counts: beyond it, more is all that anybody needs
// to know, and the look stays cheap.
const mostCounted = 10_000

// Standing is what has not come to its end.
type Standing struct {
	Holds   int // that live
	Over    int // holds that are over, of which nobody has written that down yet
	Waiting int // entries of the waiting list
}

// Stand tells, as part of tx, how much has not come to its end.
func Stand(ctx context.Context, tx *sqldb.Tx) (s Standing, err error) {
	holds, err := sqldb.One(ctx, tx, func(r sqldb.Row) (s Standing, err error) {
		err = r.Scan(&s.Holds, &s.Over)
		return s, err
	}, `SELECT COUNT(CASE WHEN hold_expires_at > $1 THEN 1 END), COUNT(CASE WHEN hold_expires_at <= $1 THEN 1 END)
		FROM (SELECT hold_expires_at FROM appointments WHERE status = 'held' LIMIT $2) held`, sqldb.Instant(tx.Now()), mostCounted)
	if err != nil {
		return s, err
	}
	holds.Waiting, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM (SELECT patient_id FROM waitlist LIMIT $1) waiting`, mostCounted)
	return holds, err
}
