package jobs

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// job is a row of the table. Owner is new with every lease, so that whoever
// lost one can't be taken for whoever has it.
type job struct {
	ID, Owner           uuid.UUID
	Kind, Payload, Lane string
	Attempts            int // begun, this one included
}

// insert writes a job. A row that is there already stays, or is replaced, and then
// whoever has its lease loses it.
func insert(ctx context.Context, tx *sqldb.Tx, j job, at time.Time, replace bool) error {
	_, err := tx.Exec(ctx, `INSERT INTO jobs (id, kind, payload, lane, run_at, attempts, lease_until, created_at)
		VALUES ($1, $2, $3, $4, $5, 0, 0, $6) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, lane = excluded.lane,
		run_at = excluded.run_at, attempts = 0, owner = NULL, lease_until = 0 WHERE CAST($7 AS BOOLEAN)`,
		j.ID, j.Kind, j.Payload, j.Lane, sqldb.Instant(at), sqldb.Instant(tx.Now()), replace)
	return err
}

// dueJobs finds jobs whose lane is IN, or NOT IN, a list; any, if that is empty.
func dueJobs(ctx context.Context, tx *sqldb.Tx, kinds []string, is string, lanes []string) ([]uuid.UUID, error) {
	args := []any{sqldb.Instant(tx.Now())}
	where := sqldb.Among(&args, "kind IN", kinds) + sqldb.Among(&args, "lane "+is, lanes)
	return sqldb.All(ctx, tx, scan[uuid.UUID], `SELECT id FROM jobs WHERE run_at <= $1 AND lease_until <= $1`+where+` ORDER BY run_at, id LIMIT 8`, args...)
}

func unknownKinds(ctx context.Context, tx *sqldb.Tx, kinds []string) ([]string, error) {
	args := []any{sqldb.Instant(tx.Now())}
	where := sqldb.Among(&args, "kind NOT IN", kinds)
	return sqldb.All(ctx, tx, scan[string], `SELECT DISTINCT kind FROM jobs WHERE run_at <= $1`+where, args...)
}

// leaseJob gives the job to owner. It returns ErrNoRows when somebody has it:
// the conditions here, not the look before, are what keeps a job from two.
func leaseJob(ctx context.Context, tx *sqldb.Tx, which, owner uuid.UUID, now time.Time) (job, error) {
	return sqldb.One(ctx, tx, scanJob, `UPDATE jobs SET owner = $1, lease_until = $2, attempts = attempts + 1
		WHERE id = $3 AND run_at <= $4 AND lease_until <= $4
		RETURNING id, kind, payload, owner, attempts`,
		owner, sqldb.Instant(now.Add(lease)), which, sqldb.Instant(now))
}

// putOff gives the job back until at, and reports whether it still was j's.
func putOff(ctx context.Context, tx *sqldb.Tx, j job, at time.Time, attempts int) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE jobs SET run_at = $1, attempts = $2, owner = NULL, lease_until = 0
		WHERE id = $3 AND owner = $4`, sqldb.Instant(at), attempts, j.ID, j.Owner)
	return n > 0, err
}

// remove ends a job that is done, and reports whether it still was j's.
func remove(ctx context.Context, tx *sqldb.Tx, j job) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM jobs WHERE id = $1 AND owner = $2`, j.ID, j.Owner)
	return n > 0, err
}

func scanJob(r sqldb.Row) (j job, err error) {
	err = r.Scan(&j.ID, &j.Kind, &j.Payload, &j.Owner, &j.Attempts)
	return j, err
}

func scan[T any](r sqldb.Row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// mostCounted is how far a backlog is counted: beyond it, more is all that anybody
// needs to know, and the look stays cheap.
const mostCounted = 10_000

// Waiting is what is due of a kind and a lane, and not taken yet.
type Waiting struct {
	Lane, Kind string
	N          int       // at most 10,000 of all kinds are counted, the oldest
	Since      time.Time // when the oldest was due
}

// Backlog tells, as part of tx, what waits to be done.
func Backlog(ctx context.Context, tx *sqldb.Tx) ([]Waiting, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (w Waiting, err error) {
		err = r.Scan(&w.Lane, &w.Kind, &w.N, (*sqldb.Instant)(&w.Since))
		return w, err
	}, `SELECT lane, kind, COUNT(*), MIN(run_at) FROM (SELECT lane, kind, run_at FROM jobs
		WHERE run_at <= $1 AND lease_until <= $1 ORDER BY run_at, id LIMIT $2) due GROUP BY lane, kind ORDER BY lane, kind`,
		sqldb.Instant(tx.Now()), mostCounted)
}
