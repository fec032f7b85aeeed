package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// search is a statement over the records that a Filter chooses.
type search struct {
	at, id string // the columns that tell a record's moment
	from   string
	where  []string
	args   []any
}

// arg adds an argument and returns its parameter.
func (s *search) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

// searchFor builds the search for f. A patient's records are walked along the
// patient's index, and each is looked up by its id to see whether the rest of f
// holds for it: the subquery keeps an engine from going another way, such as
// through all that an actor ever did.
func searchFor(f Filter) *search {
	s := &search{at: "e.at", id: "e.id", from: "audit_events e"}
	if f.Patient != uuid.Nil {
		s.at, s.id, s.from = "p.at", "p.event_id", "audit_patients p"
		s.where = append(s.where, "p.patient_id = "+s.arg(f.Patient))
	}
	if !f.From.IsZero() {
		s.where = append(s.where, s.at+" >= "+s.arg(sqldb.Instant(f.From)))
	}
	if !f.To.IsZero() {
		s.where = append(s.where, s.at+" < "+s.arg(sqldb.Instant(f.To)))
	}
	rest := s.rest(f)
	if f.Patient != uuid.Nil && len(rest) > 0 {
		rest = []string{"(SELECT CASE WHEN " + strings.Join(rest, " AND ") + " THEN 1 ELSE 0 END FROM audit_events e WHERE e.id = p.event_id) = 1"}
	}
	s.where = append(s.where, rest...)
	return s
}

// rest are the conditions on what stands in the event alone.
func (s *search) rest(f Filter) (rest []string) {
	if f.Actor != uuid.Nil {
		rest = append(rest, "e.actor_id = "+s.arg(f.Actor))
	}
	if f.NotActor != uuid.Nil {
		rest = append(rest, "(e.actor_id IS NULL OR e.actor_id <> "+s.arg(f.NotActor)+")")
	}
	for _, text := range []struct{ column, want string }{
		{"e.action", f.Action}, {"e.resource_type", f.ResourceType}, {"e.resource_id", f.ResourceID}, {"e.outcome", f.Outcome},
	} {
		if text.want != "" {
			rest = append(rest, text.column+" = "+s.arg(text.want))
		}
	}
	if f.Outcome != "" && f.Outcome != Success {
		rest = append(rest, "e.outcome <> 'success'") // tells an engine that the partial index will do
	}
	if f.ResourceID != "" {
		rest = append(rest, "e.resource_id <> ''") // and here
	}
	return rest
}

func (s *search) conditions() string {
	if len(s.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(s.where, " AND ")
}

// list returns the statement that lists the moments of the newest records, those
// after a moment only unless it is zero, and at most so many.
func (s *search) list(after moment, most int) (query string, args []any) {
	if after != (moment{}) {
		s.where = append(s.where, fmt.Sprintf("(%s, %s) < (%s, %s)", s.at, s.id, s.arg(sqldb.Instant(after.at)), s.arg(after.id)))
	}
	query = fmt.Sprintf("SELECT %[1]s, %[2]s FROM %[3]s%[4]s ORDER BY %[1]s DESC, %[2]s DESC LIMIT ", s.at, s.id, s.from, s.conditions()) + s.arg(most)
	return query, s.args
}

func moments(ctx context.Context, tx *sqldb.Tx, f Filter, after moment, most int) ([]moment, error) {
	query, args := searchFor(f).list(after, most)
	return sqldb.All(ctx, tx, func(r sqldb.Row) (m moment, err error) {
		err = r.Scan((*sqldb.Instant)(&m.at), &m.id)
		return m, err
	}, query, args...)
}

func countEvents(ctx context.Context, tx *sqldb.Tx, f Filter) (*int, error) {
	s := searchFor(f)
	n, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, "SELECT COUNT(*) FROM "+s.from+s.conditions(), s.args...)
	return &n, err
}

// placesOf tells where in the tree records stand that have a place.
func placesOf(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	places := make(map[uuid.UUID]int64, len(ids))
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (_ struct{}, err error) {
		var event uuid.UUID
		var seq int64
		err = r.Scan(&event, &seq)
		places[event] = seq
		return struct{}{}, err
	}, `SELECT event_id, seq FROM audit_leaves WHERE event_id IN (`+sqldb.In(1, len(ids))+`)`, anys(ids)...)
	return places, err
}

func latestNote(ctx context.Context, tx *sqldb.Tx) (string, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (note string, err error) {
		err = r.Scan(&note)
		return note, err
	}, `SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1`)
}

// newestNotes lists the signed notes of the newest checkpoints, at most so many.
func newestNotes(ctx context.Context, tx *sqldb.Tx, most int) ([]string, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (note string, err error) {
		err = r.Scan(&note)
		return note, err
	}, `SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT $1`, most)
}
