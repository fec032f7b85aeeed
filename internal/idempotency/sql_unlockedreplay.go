//go:build unlockedreplay

package idempotency

import (
	"context"
	"errors"

	"medbook/internal/sqldb"
)

// glance answers from what can be seen, which a failover can still lose. It is a
// defect on purpose: only a test builds this, to show that it notices.
func glance(ctx context.Context, db *sqldb.DB, r Request) (*Answer, error) {
	var k kept
	err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		k, err = sqldb.One(ctx, tx, scanKept, `SELECT body_hash, status, header, body, created_at FROM idempotency_keys
			WHERE caller = $1 AND route = $2 AND key = $3 /* unlocked replay */`, r.Caller, r.Route, r.Key)
		return err
	})
	switch {
	case errors.Is(err, sqldb.ErrNoRows):
		return nil, nil
	case err == nil && !r.same(k.BodyHash):
		return nil, ErrMismatch
	case err == nil:
		k.Answer.Body, err = unseal(r, k.Answer.Body)
	}
	return &k.Answer, err
}
