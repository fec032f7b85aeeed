// Package jobs keeps work that is enqueued in a transaction and done after it.
//
// A job is at least once: its handler may run again after a crash, and must do
// no harm then. A runner takes a job by lease, with a conditional update; who
// lost the lease can't finish the job any more. A job that fails is tried again
// later and later, without an end, and does not hold up the others.
package jobs

import (
	"context"
	"encoding/json"
	"time"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Job is a small struct that marshals to JSON. It carries ids only, never
// tokens or personal data. Kind names its type, and is that of the zero value
// too: "appointment.expire".
type Job interface {
	Kind() string
}

// Enqueue makes j due at the given instant, or now when that is zero, if tx
// commits.
func Enqueue(ctx context.Context, tx *sqldb.Tx, at time.Time, j Job) (err error) {
	defer errs.Wrap(&err, "enqueue %s", j.Kind())
	payload, err := json.Marshal(j)
	if err != nil {
		return err
	}
	now := tx.Now()
	if at.IsZero() {
		at = now
	}
	return insert(ctx, tx, job{ID: id.New(), Kind: j.Kind(), Payload: string(payload)}, at, now)
}
