package audit

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// ErrNoCheckpoint says that nothing vouches for the trail yet.
var ErrNoCheckpoint = errs.New(errs.NotFound, "checkpoint-not-found", "There is no signed checkpoint yet.")

// Filter chooses among records. Its fields AND together; zero fields do not filter.
type Filter struct {
	From, To       time.Time // From <= at < To, UTC
	Actor, Patient uuid.UUID
	NotActor       uuid.UUID // leaves out what this user did, not what nobody did who signed in

	ResourceType, ResourceID, Action, Outcome string
}

// Entry is a record as it stands in the trail.
type Entry struct {
	ID  uuid.UUID
	Seq int64 // its place; -1 while it has none
	Event
}

// moment is where a record stands in a list of the trail, which is in the order
// of time. The zero moment is none.
type moment struct {
	at time.Time
	id uuid.UUID
}

func (m moment) String() string { return strconv.FormatInt(m.at.UnixMicro(), 10) + "." + m.id.String() }

// parseMoment reads the text that String made, and reports false for any other.
func parseMoment(s string) (m moment, ok bool) {
	at, rest, _ := strings.Cut(s, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	m.at = time.UnixMicro(micros).UTC()
	m.id, ok = id.Parse(rest)
	return m, ok && err == nil && m.String() == s
}

// Events lists the records that f chooses, the newest first, with their patients
// in the order of their ids. Those of a patient are found by the patient, however
// many others there are. It returns page.ErrCursor for a position that is none.
//
// The total that req may ask for is counted one by one.
func Events(ctx context.Context, tx *sqldb.Tx, f Filter, req page.Request) (p page.Of[Entry], err error) {
	defer errs.Wrap(&err, "list audit records")
	var after moment
	if req.After != "" {
		var ok bool
		if after, ok = parseMoment(req.After); !ok {
			return p, page.ErrCursor
		}
	}
	keys, err := moments(ctx, tx, f, after, req.Limit+1)
	if err != nil {
		return p, err
	}
	cut := page.Cut(keys, req, moment.String)
	if p.Items, err = entriesAt(ctx, tx, cut.Items); err != nil {
		return p, err
	}
	p.Next = cut.Next
	if req.Count {
		p.Total, err = countEvents(ctx, tx, f)
	}
	return p, err
}

// entriesAt reads the records at these moments, in their order.
func entriesAt(ctx context.Context, tx *sqldb.Tx, keys []moment) ([]Entry, error) {
	all := make([]Entry, 0, len(keys))
	if len(keys) == 0 {
		return all, nil
	}
	ids := make([]uuid.UUID, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	events, err := eventsByID(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	places, err := placesOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]Event, len(events))
	for _, e := range events {
		byID[e.id] = e.Event
	}
	for _, one := range ids {
		if e, ok := byID[one]; ok {
			seq, has := places[one]
			if !has {
				seq = -1
			}
			all = append(all, Entry{ID: one, Seq: seq, Event: e})
		}
	}
	return all, nil
}

// Latest returns the checkpoint that covers most, with the note that was signed,
// or ErrNoCheckpoint. What the note says is as it was kept; whether it was signed,
// only Verify judges.
func Latest(ctx context.Context, tx *sqldb.Tx) (c Checkpoint, signed string, err error) {
	defer errs.Wrap(&err, "read latest audit checkpoint")
	signed, err = latestNote(ctx, tx)
	if errors.Is(err, sqldb.ErrNoRows) {
		return c, "", ErrNoCheckpoint
	}
	if err != nil {
		return c, "", err
	}
	text, _, _ := strings.Cut(signed, "\n\n")
	c, err = parseCheckpoint(text + "\n")
	return c, signed, err
}

// keptNotes is how many checkpoints Notes returns at most: those of a working day,
// or more. The newest vouches for all before it.
const keptNotes = 1000

// Notes returns the newest checkpoints that the database keeps, as Verify takes
// them. Whoever can change the database can remove the newest, so a copy from
// elsewhere proves more.
func Notes(ctx context.Context, tx *sqldb.Tx) (checkpoints []byte, err error) {
	defer errs.Wrap(&err, "read audit checkpoints")
	notes, err := newestNotes(ctx, tx, keptNotes)
	for _, n := range notes {
		checkpoints = append(append(checkpoints, n...), '\n')
	}
	return checkpoints, err
}
