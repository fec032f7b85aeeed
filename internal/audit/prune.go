package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Records are removed here and nowhere else. What is removed leaves its hash in
// the tree, so that all that is kept can still be verified, and a record that says
// below which place records may be missing: a stretch of the trail that nobody
// admits to have removed is still tampering. So is one that is admitted to before
// a signed checkpoint that covers it is a year old, by which nobody who gets at
// the database removes what they have just done.

// LeastKept is for how long records are kept at the least: 365 days.
const LeastKept = 365 * 24 * time.Hour

const (
	pruneRows  = 200       // records that one transaction of Prune removes
	pruneSlack = time.Hour // by which a checkpoint is older than it must be: other servers' may be a little newer, and their clocks differ

	pruneAction   = "trail.prune"
	pruneResource = "audit_event"
	pruneRole     = "system"
)

var errKeep = errors.New("audit: records are kept for 365 days at least")

// Held returns those of patients whose records may not be removed now, such as
// for a dispute at law. It is asked in the transaction that would remove them.
type Held = func(ctx context.Context, tx *sqldb.Tx, patients []uuid.UUID) ([]uuid.UUID, error)

// Prune removes records that are older than keep and that a checkpoint as old as
// that covers, but none that names a patient whom held returns, and tells how
// many. Their hashes stay. Each transaction that removes some puts on record how
// many, and below which place. When ctx ends, what was removed stays removed, and
// the next Prune goes on.
//
// Keep is at least LeastKept; nil for held means that nobody is.
func Prune(ctx context.Context, db *sqldb.DB, keep time.Duration, held Held) (total int, err error) {
	defer errs.Wrap(&err, "prune audit trail")
	if keep < LeastKept {
		return 0, errKeep
	}
	p := pruning{held: held}
	err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p.before = tx.Now().Add(-keep)
		p.boundary, err = coveredAt(ctx, tx, p.before.Add(-pruneSlack))
		return err
	})
	for more := true; more && err == nil && p.boundary > 0; {
		var n int
		var next moment
		err = db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			n, next, err = p.some(ctx, tx)
			return err
		})
		if err == nil {
			total += n
			p.after, more = next, next != moment{}
		}
	}
	return total, err
}

// pruning is what one Prune removes: records from before an instant and below a
// place.
type pruning struct {
	before   time.Time
	boundary int64
	after    moment // of the last record that was looked at
	held     Held
}

// some removes the next records, and tells how many and which it looked at last,
// which is the zero moment after the last of all.
func (p pruning) some(ctx context.Context, tx *sqldb.Tx) (n int, last moment, err error) {
	old, err := prunable(ctx, tx, p)
	if err != nil || len(old) == 0 {
		return 0, last, err
	}
	ids := make([]uuid.UUID, len(old))
	for i, m := range old {
		ids[i] = m.id
	}
	kept, err := p.onHold(ctx, tx, ids)
	if err != nil {
		return 0, last, err
	}
	gone := ids[:0]
	for _, one := range ids {
		if !kept[one] {
			gone = append(gone, one)
		}
	}
	if len(old) == pruneRows {
		last = old[len(old)-1]
	}
	if len(gone) == 0 {
		return 0, last, nil
	}
	if n, err = removeEvents(ctx, tx, gone); err != nil || n == 0 {
		return 0, last, err
	}
	return n, last, Record(ctx, tx, Event{
		ActorRole: pruneRole, Action: pruneAction, ResourceType: pruneResource, ResourceID: strconv.FormatInt(p.boundary, 10),
		Count: n, Purpose: "retention",
	})
}

// onHold tells which records name a patient who is on hold.
func (p pruning) onHold(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	kept := map[uuid.UUID]bool{}
	if p.held == nil {
		return kept, nil
	}
	about, err := eventsOfPatients(ctx, tx, ids)
	if err != nil || len(about) == 0 {
		return kept, err
	}
	patients := make([]uuid.UUID, 0, len(about))
	for patient := range about {
		patients = append(patients, patient)
	}
	held, err := p.held(ctx, tx, patients)
	for _, patient := range held {
		for _, event := range about[patient] {
			kept[event] = true
		}
	}
	return kept, err
}

// pruneOf reads a record that says below which place records may be missing, and
// when that was. It reports false for any other record.
func pruneOf(text []byte) (boundary int64, at time.Time, ok bool) {
	if !bytes.Contains(text, []byte(`"action":"`+pruneAction+`"`)) {
		return 0, at, false
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return 0, at, false
	}
	boundary, err := strconv.ParseInt(l.ResourceID, 10, 64)
	at, wrong := time.Parse(lineTime, l.At)
	ok = err == nil && wrong == nil && l.Action == pruneAction && l.ResourceType == pruneResource &&
		l.ActorRole == pruneRole && l.Actor == nil && l.Outcome == Success
	return boundary, at, ok
}

// gone is what a verifier knows of records that are not there.
type gone struct {
	spans   []span // where, ascending
	total   int64
	allowed int64 // below this place records may be missing
	doubted int64 // so may they below this one, by a record that no checkpoint covers yet
}

// span is the places from first to last, both inclusive.
type span struct{ first, last int64 }

// add notes that nothing stands at a place.
func (g *gone) add(seq int64) {
	g.total++
	if n := len(g.spans); n > 0 && g.spans[n-1].last == seq-1 {
		g.spans[n-1].last = seq
		return
	}
	g.spans = append(g.spans, span{seq, seq})
}

// from returns the first place from seq on at which nothing stands.
func (g *gone) from(seq int64) (int64, bool) {
	for _, s := range g.spans {
		if s.last >= seq {
			return max(s.first, seq), true
		}
	}
	return 0, false
}

// admit judges what the record at a place says about missing ones. It counts as
// made when it says, or when it was signed for if that was before: a time in the
// future makes no checkpoint old.
func (v *verifier) admit(seq int64, text []byte) {
	boundary, at, ok := pruneOf(text)
	if !ok || boundary > seq {
		return
	}
	limit := &v.gone.doubted
	if v.next < len(v.checkpoints) { // which is the first that covers the record
		limit = &v.gone.allowed
		if signed := v.checkpoints[v.next].At; signed.Before(at) {
			at = signed
		}
	}
	for _, c := range v.checkpoints {
		if c.Size >= boundary && !c.At.After(at.Add(-LeastKept)) {
			*limit = max(*limit, boundary)
			return
		}
	}
}
