package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"medbook/internal/sqldb"
)

// kept is a row of the table that another request has written.
type kept struct {
	BodyHash  [32]byte
	Answer    Answer
	CreatedAt time.Time
}

// insert writes the key's row without an answer and reports whether there was none.
func insert(ctx context.Context, tx *sqldb.Tx, r Request) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (caller, route, key, body_hash)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, r.Caller, r.Route, r.Key, r.BodyHash[:])
	return n > 0, err
}

// lock reads the key's row and locks it. With synchronous replication a commit
// can be seen before it is safe; the lock makes our own commit wait for it.
func lock(ctx context.Context, tx *sqldb.Tx, r Request) (kept, error) {
	return sqldb.One(ctx, tx, scanKept, `SELECT body_hash, status, header, body, created_at FROM idempotency_keys
		WHERE caller = $1 AND route = $2 AND key = $3`+tx.ForUpdate(), r.Caller, r.Route, r.Key)
}

// scanKept fails on a row without an answer: none is ever committed.
func scanKept(row sqldb.Row) (k kept, err error) {
	var hash []byte
	var header string
	if err := row.Scan(&hash, &k.Answer.Status, &header, &k.Answer.Body, (*sqldb.Instant)(&k.CreatedAt)); err != nil {
		return k, err
	}
	copy(k.BodyHash[:], hash)
	err = json.Unmarshal([]byte(header), &k.Answer.Header)
	return k, err
}

// reset makes an old row like one just inserted.
func reset(ctx context.Context, tx *sqldb.Tx, r Request) error {
	_, err := tx.Exec(ctx, `UPDATE idempotency_keys
		SET body_hash = $1, status = NULL, header = NULL, body = NULL, created_at = NULL
		WHERE caller = $2 AND route = $3 AND key = $4`, r.BodyHash[:], r.Caller, r.Route, r.Key)
	return err
}

// store writes the answer into the row that insert or reset made.
func store(ctx context.Context, tx *sqldb.Tx, r Request, a Answer, now time.Time) error {
	header, err := json.Marshal(a.Header)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE idempotency_keys SET status = $1, header = $2, body = $3, created_at = $4
		WHERE caller = $5 AND route = $6 AND key = $7 AND status IS NULL`,
		a.Status, string(header), a.Body, sqldb.Instant(now), r.Caller, r.Route, r.Key)
	if err == nil && n != 1 {
		return errors.New("the row of an idempotency key is gone")
	}
	return err
}

// removeBefore deletes at most limit rows that were completed at or before the
// given instant. The condition stands twice, because a row that a repeat has
// renewed meanwhile must stay.
func removeBefore(ctx context.Context, tx *sqldb.Tx, before time.Time, limit int) (int, error) {
	return tx.Exec(ctx, `DELETE FROM idempotency_keys WHERE created_at <= $1 AND (caller, route, key) IN (
		SELECT caller, route, key FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2)`,
		sqldb.Instant(before), limit)
}

func removeOf(ctx context.Context, tx *sqldb.Tx, caller string) error {
	_, err := tx.Exec(ctx, `DELETE FROM idempotency_keys WHERE caller = $1`, caller)
	return err
}
