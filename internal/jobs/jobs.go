// Package jobs keeps work that is enqueued in a transaction and done after it.
//
// A job is at least once: its handler may run again after a crash, and must do
// no harm then. A runner takes a job by lease, with a conditional update; who
// lost the lease can't finish the job any more, and whoever dies is replaced
// within a minute. A job that fails is tried again later and later, without an
// end, and does not hold up the others. One that hangs holds up only its lane. A
// schedule is a single row that is leased like any other, so that one runner at a
// time does it.
package jobs

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Job is a small struct that marshals to JSON. It carries ids only, never
// tokens or personal data. Kind names its type, and is that of the zero value
// too: "appointment.expire".
//
// A job with a method Lane() string is for the workers of that lane, where there
// are such. Of jobs with a method Once() uuid.UUID there is one of a kind for each
// id: it takes the place of the one before, be that waiting or at work. What is at
// work then can't be finished any more, so that all is done that was enqueued.
type Job interface {
	Kind() string
}

// Single is a job of which there is one.
type Single interface {
	Job
	Once() uuid.UUID
}

// idOf returns the id of the one row.
func idOf(j Single) uuid.UUID { return uuid.NewSHA1(j.Once(), []byte(j.Kind())) }

// Missing returns those of a list of which there is no row: neither waiting nor at
// work.
func Missing[J Single](ctx context.Context, tx *sqldb.Tx, list []J) (missing []J, err error) {
	defer errs.Wrap(&err, "look for %d jobs", len(list))
	ids := make([]uuid.UUID, len(list))
	for i, j := range list {
		ids[i] = idOf(j)
	}
	found, err := there(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for i, j := range list {
		if !slices.Contains(found, ids[i]) {
			missing = append(missing, j)
		}
	}
	return missing, nil
}

// Later is the error of a handler whose job is to rest until At, at least for a
// second. It counts as no attempt, unless the job was Tried: then the job rests at
// least as long as after any other failure.
type Later struct {
	At    time.Time
	Tried bool
}

// Error says no more than that.
func (Later) Error() string { return "jobs: later" }

// Enqueue makes j due at the given instant, or now when that is zero, if tx
// commits.
func Enqueue(ctx context.Context, tx *sqldb.Tx, at time.Time, j Job) (err error) {
	defer errs.Wrap(&err, "enqueue %s", j.Kind())
	payload, err := json.Marshal(j)
	if err != nil {
		return err
	}
	row := job{ID: id.New(), Kind: j.Kind(), Payload: string(payload)}
	if l, ok := j.(interface{ Lane() string }); ok {
		row.Lane = l.Lane()
	}
	if o, ok := j.(Single); ok {
		row.ID = idOf(o)
	}
	if at.IsZero() {
		at = tx.Now()
	}
	return insert(ctx, tx, row, at, true)
}
