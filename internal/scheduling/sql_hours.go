package scheduling

// The SQL that reads availability and time off, one, by page, or all that
// touches a range of time.

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

func availabilityByID(ctx context.Context, tx *sqldb.Tx, key id.Keyed) (Availability, error) {
	a, err := sqldb.One(ctx, tx, scanAvailability,
		`SELECT `+availabilityColumns+` FROM availability WHERE practitioner_id = $1 AND id = $2`, key.Lead, key.ID)
	if errors.Is(err, sqldb.ErrNoRows) {
		return a, ErrAvailabilityNotFound
	}
	return a, err
}

// handmadeAt returns the hand-made slot in the place of slot, or the zero
// Availability.
func handmadeAt(ctx context.Context, tx *sqldb.Tx, slot Slot) (Availability, error) {
	a, err := sqldb.One(ctx, tx, scanAvailability,
		`SELECT `+availabilityColumns+` FROM availability
		WHERE practitioner_id = $1 AND kind = 'slot' AND starts_at = $2 AND ends_at = $3`,
		slot.Practitioner, sqldb.Instant(slot.Start), sqldb.Instant(slot.End))
	if errors.Is(err, sqldb.ErrNoRows) {
		return Availability{}, nil
	}
	return a, err
}

func availabilityPage(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, req page.Request) (page.Of[Availability], error) {
	return keyedPage(ctx, tx, "availability", availabilityColumns, scanAvailability, practitioner, req,
		func(a Availability) id.Keyed { return a.ID })
}

func timeOffPage(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, req page.Request) (page.Of[TimeOff], error) {
	return keyedPage(ctx, tx, "time_off", timeOffColumns, scanTimeOff, practitioner, req,
		func(t TimeOff) id.Keyed { return t.ID })
}

// keyedPage reads a page of a practitioner's rows in the order of their ids,
// which is the order in which they were made.
func keyedPage[T any](ctx context.Context, tx *sqldb.Tx, table, columns string, scan func(sqldb.Row) (T, error),
	practitioner uuid.UUID, req page.Request, key func(T) id.Keyed,
) (p page.Of[T], err error) {
	var after uuid.UUID
	if req.After != "" {
		k, ok := id.ParseKeyed(req.After)
		if !ok || k.Lead != practitioner {
			return p, page.ErrCursor
		}
		after = k.ID
	}
	items, err := sqldb.All(ctx, tx, scan, `SELECT `+columns+` FROM `+table+`
		WHERE practitioner_id = $1 AND id > $2 ORDER BY id LIMIT $3`, practitioner, after, req.Limit+1)
	if err != nil {
		return p, err
	}
	p = page.Cut(items, req, func(t T) string { return key(t).String() })
	if req.Count {
		n, err := sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM `+table+` WHERE practitioner_id = $1`, practitioner)
		if err != nil {
			return p, err
		}
		p.Total = &n
	}
	return p, nil
}

func scanCount(r sqldb.Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// nearDays is how far around a window rows with local dates are read: zones
// differ from UTC by less than a day, and a day may be 25 hours long.
const nearDays = 2

// hoursNear reads the availability of some practitioners that can make or move
// a slot beginning in window. A zero start of the window means from ever.
func hoursNear(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID, window calendar.Span) ([]Availability, error) {
	return inChunks(ids, func(in string, args []any) ([]Availability, error) {
		return sqldb.All(ctx, tx, scanAvailability, `SELECT `+availabilityColumns+` FROM availability
			WHERE practitioner_id IN (`+in+`) AND (
				(starts_at IS NOT NULL AND ends_at >= $1 AND starts_at <= $2)
				OR (on_date IS NOT NULL AND on_date >= $3 AND on_date <= $4)
				OR (weekdays IS NOT NULL AND (valid_until IS NULL OR valid_until >= $3) AND valid_from <= $4))
			ORDER BY practitioner_id, id`, args...)
	}, near(window)...)
}

// timeOffNear reads the time off of some practitioners that can touch a slot
// beginning in window.
func timeOffNear(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID, window calendar.Span) ([]TimeOff, error) {
	return inChunks(ids, func(in string, args []any) ([]TimeOff, error) {
		return sqldb.All(ctx, tx, scanTimeOff, `SELECT `+timeOffColumns+` FROM time_off
			WHERE practitioner_id IN (`+in+`) AND (
				(starts_at IS NOT NULL AND ends_at >= $1 AND starts_at <= $2)
				OR (on_date IS NOT NULL AND on_date >= $3 AND on_date <= $4))
			ORDER BY practitioner_id, id`, args...)
	}, near(window)...)
}

// near returns a window's bounds, widened by nearDays, as instants and as dates.
func near(w calendar.Span) []any {
	first := sqldb.Instant(time.Unix(0, 0))
	firstDate := "0000-01-01"
	if !w.Start.IsZero() {
		start := w.Start.AddDate(0, 0, -nearDays)
		first, firstDate = sqldb.Instant(start), start.UTC().Format(time.DateOnly)
	}
	end := w.End.AddDate(0, 0, nearDays)
	return []any{first, sqldb.Instant(end), firstDate, end.UTC().Format(time.DateOnly)}
}

const timeOffColumns = `practitioner_id, id, starts_at, ends_at, on_date, from_time, to_time, reason, created_at`

func scanTimeOff(row sqldb.Row) (t TimeOff, err error) {
	var r hoursRow
	var reason string
	err = row.Scan(&t.ID.Lead, &t.ID.ID, &r.start, &r.end, &r.date, &r.from, &r.to, &reason, (*sqldb.Instant)(&t.CreatedAt))
	if err != nil {
		return t, err
	}
	t.Reason = secret(reason)
	kind := KindSpan
	if r.date != nil {
		kind = KindDay
	}
	t.Hours, err = r.hours(kind)
	return t, err
}

// secret keeps a column's text from being printed; an empty one is absent.
func secret(s string) phi.Value[string] {
	if s == "" {
		return phi.Value[string]{}
	}
	return phi.Of(s)
}

func insertTimeOff(ctx context.Context, tx *sqldb.Tx, t TimeOff) error {
	r := rowOf(t.Hours)
	_, err := tx.Exec(ctx, `INSERT INTO time_off (`+timeOffColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.ID.Lead, t.ID.ID, r.start, r.end, r.date, r.from, r.to, t.Reason.Reveal(), sqldb.Instant(t.CreatedAt))
	return err
}

func deleteTimeOff(ctx context.Context, tx *sqldb.Tx, key id.Keyed) error {
	n, err := tx.Exec(ctx, `DELETE FROM time_off WHERE practitioner_id = $1 AND id = $2`, key.Lead, key.ID)
	if err == nil && n == 0 {
		return ErrTimeOffNotFound
	}
	return err
}

// inChunks runs a query for a list of ids in chunks that fit the engines'
// limits on parameters. fixed are the query's first parameters; in are the
// placeholders of the ids behind them.
func inChunks[T any](ids []uuid.UUID, query func(in string, args []any) ([]T, error), fixed ...any) ([]T, error) {
	const most = 500
	var out []T
	for len(ids) > 0 {
		chunk := ids[:min(most, len(ids))]
		ids = ids[len(chunk):]
		args := append([]any{}, fixed...)
		for _, id := range chunk {
			args = append(args, id)
		}
		found, err := query(sqldb.In(len(fixed)+1, len(chunk)), args)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}
