// Package audit keeps the record of who did what to whose data.
//
// It is append-only: nothing changes a record, and nothing but Prune removes one,
// long after. A write is recorded in its own transaction with Record, so that
// neither exists without the other. What is of a person is read with Read, which
// wants to know who looks and what for, and puts on record what they saw before
// it hands it out; so it does with a refusal. A person's look at their own data
// is not recorded.
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
	Credential    uuid.UUID // the key or session that was shown, or the appointment that a pass is for; zero when there was none
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

// Record appends events to the record, as part of tx and at tx's time. When it
// can't, the error is ErrUnrecorded.
func Record(ctx context.Context, tx *sqldb.Tx, events ...Event) (err error) {
	if len(events) == 0 {
		return nil
	}
	defer errs.Wrap(&err, "record %s", events[0].Action)
	list := make([]placed, len(events))
	for i, e := range events {
		list[i] = placed{id: id.New(), Event: e.kept(tx.Now())}
	}
	if err := keep(ctx, tx, list); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return nil
}

// kept returns e in the form in which it is recorded.
func (e Event) kept(at time.Time) Event {
	e.At = at
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
	return e
}

// keep writes records. SQLite's one writer gives them their places at once; on
// PostgreSQL that would let one transaction write at a time.
func keep(ctx context.Context, tx *sqldb.Tx, list []placed) error {
	if err := insert(ctx, tx, list); err != nil {
		return err
	}
	if tx.Engine() == sqldb.SQLite {
		return place(ctx, tx, list)
	}
	return insertPending(ctx, tx, list)
}

// RecordNow appends events in a transaction of its own. When it returns nil, they
// are on disk.
func RecordNow(ctx context.Context, db *sqldb.DB, events ...Event) error {
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return Record(ctx, tx, events...)
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
