// Package audit keeps the record of who did what to whose data.
//
// It is append-only: nothing here changes or removes a record. A write is
// recorded in its own transaction with Record, so that neither exists without
// the other. A read is recorded with RecordNow after it and before a byte of it
// is answered; so is a refusal. A person's look at their own data is not
// recorded.
package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// ErrUnrecorded is what a caller gets whose look or deed can't be put on record:
// it did not happen.
var ErrUnrecorded = errs.New(errs.Unavailable, "audit-unavailable", "This can't be put on record now, and so is not done. Try again later.")

// How what was tried came out.
const (
	Success = "success"
	Denied  = "denied" // refused to this caller
	Failed  = "failed" // allowed, but it did not work
)

// Event says who did what to whose data. It holds ids, never names or what the
// data said.
type Event struct {
	At            time.Time // UTC; set by Record
	Actor         uuid.UUID // the user; zero when nobody signed in
	ActorRole     string
	Credential    uuid.UUID // the key that was shown; zero when there was none
	Action        string    // "noun.verb": "appointment.hold"
	ResourceType  string    // "appointment"
	ResourceID    string    // empty for a list
	Outcome       string    // Success when empty
	Count         int       // how many times at once; 1 when zero
	Purpose       string
	RequestID     string
	ClientAddress string
	UserAgent     string
	Patients      []uuid.UUID // whose data it was, in any order; repeats count once
}

// Record appends e to the record, as part of tx and at tx's time. When it can't,
// the error is ErrUnrecorded.
func Record(ctx context.Context, tx *sqldb.Tx, e Event) (err error) {
	defer errs.Wrap(&err, "record %s", e.Action)
	e.At = tx.Now()
	if e.Outcome == "" {
		e.Outcome = Success
	}
	if e.Count == 0 {
		e.Count = 1
	}
	e.Patients = slices.Clone(e.Patients)
	slices.SortFunc(e.Patients, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	e.Patients = slices.Compact(e.Patients)
	e.ActorRole, e.ResourceID, e.Purpose, e.RequestID = plain(e.ActorRole), plain(e.ResourceID), plain(e.Purpose), plain(e.RequestID)
	e.ClientAddress, e.UserAgent = plain(e.ClientAddress), plain(e.UserAgent)
	if err := keep(ctx, tx, placed{id: id.New(), Event: e}); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return nil
}

// keep writes a record. SQLite's one writer gives it its place at once; on
// PostgreSQL that would let one transaction write at a time.
func keep(ctx context.Context, tx *sqldb.Tx, p placed) error {
	if err := insert(ctx, tx, p); err != nil {
		return err
	}
	if tx.Engine() == sqldb.SQLite {
		return place(ctx, tx, []placed{p})
	}
	return insertPending(ctx, tx, p.id)
}

// RecordNow appends e in a transaction of its own. When it returns nil, the
// record is on disk.
func RecordNow(ctx context.Context, db *sqldb.DB, e Event) error {
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return Record(ctx, tx, e)
	})
}

// plain returns what a caller sent in a form that both engines store: valid
// UTF-8 without NUL and of at most 512 bytes.
func plain(s string) string {
	const most = 512
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}
