package audit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/measure"
	"medbook/internal/sqldb"
)

const (
	sealRows  = 200                    // records that one transaction of Seal places
	sealEvery = 500 * time.Millisecond // how often a server looks for records without a place
)

// place gives records the next places of the tree, in the order given. Whoever
// places holds the tree's row, so that there is one at a time.
func place(ctx context.Context, tx *sqldb.Tx, events []placed) error {
	t, err := lockTree(ctx, tx)
	if err != nil {
		return err
	}
	rows := make([][]any, len(events))
	for i := range events {
		events[i].seq = t.size
		hash, err := events[i].hash()
		if err != nil {
			return err
		}
		t.add(hash)
		rows[i] = []any{events[i].seq, events[i].id, hash[:]}
	}
	if err := insertLeaves(ctx, tx, rows); err != nil {
		return err
	}
	return updateTree(ctx, tx, t)
}

// Seal gives every record that waits for it its place in the tree, the oldest
// first. On PostgreSQL that is where places come from; on SQLite, which has one
// writer anyway, Record gives them, and only records from before the tree wait.
func Seal(ctx context.Context, db *sqldb.DB) (total int, err error) {
	defer errs.Wrap(&err, "seal audit records")
	for {
		var waiting []uuid.UUID
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			waiting, err = pending(ctx, tx, 1)
			return err
		})
		if err != nil || len(waiting) == 0 {
			return total, err
		}
		var n int
		err = db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			n, err = sealSome(ctx, tx)
			return err
		})
		total += n
		if err != nil {
			return total, err
		}
	}
}

// sealSome places the oldest records that wait, and tells how many. The tree's
// row is locked before they are read: another server may be placing them.
func sealSome(ctx context.Context, tx *sqldb.Tx) (int, error) {
	if _, err := lockTree(ctx, tx); err != nil {
		return 0, err
	}
	ids, err := pending(ctx, tx, sealRows)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	events, err := eventsByID(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	if err := place(ctx, tx, events); err != nil {
		return 0, err
	}
	return len(ids), removePending(ctx, tx, ids)
}

// adoptFor is how far back Adopt looks.
const adoptFor = 2 * time.Hour

// Adopt puts records without a place among those that wait for one: a server of
// a version from before the tree may still be writing such. It looks at the last
// two hours.
func Adopt(ctx context.Context, db *sqldb.DB) (err error) {
	defer errs.Wrap(&err, "adopt audit records")
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return insertOrphans(ctx, tx, tx.Now().Add(-adoptFor))
	})
}

// Keeper places records and signs checkpoints for as long as a server runs.
type Keeper struct {
	DB     *sqldb.DB
	Log    *slog.Logger
	Signer *Signer // nil: no checkpoints
	File   string  // where checkpoints are written beside the database; empty: only into it

	Webhook *Webhook // where else they are sent; nil: nowhere

	last  Checkpoint // that this server signed
	pulse atomic.Pointer[measure.Stopwatch]
}

// Quiet returns for how long no turn of Run has succeeded: records could not be
// sealed, or a checkpoint not be written. It is zero before Run.
func (k *Keeper) Quiet() time.Duration {
	if last := k.pulse.Load(); last != nil {
		return last.Elapsed()
	}
	return 0
}

func (k *Keeper) beat() {
	now := measure.StartStopwatch()
	k.pulse.Store(&now)
}

// Run does so until ctx ends, and then once more for what is left.
func (k *Keeper) Run(ctx context.Context) error {
	k.beat()
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return k.turn(context.WithoutCancel(ctx), true)
		case <-tick.C:
			if err := k.turn(ctx, false); err != nil && ctx.Err() == nil {
				k.Log.WarnContext(ctx, "the audit trail can't be sealed yet", "error", err)
			}
		}
	}
}

func (k *Keeper) turn(ctx context.Context, last bool) error {
	_, err := Seal(ctx, k.DB)
	if err == nil {
		err = k.checkpoint(ctx, last)
	}
	if err != nil {
		k.DB.Instruments.KeeperFailed()
	} else {
		k.beat()
	}
	if k.Webhook != nil { // whatever failed here may not be what was signed before
		k.Webhook.turn(ctx, last)
	}
	return err
}
