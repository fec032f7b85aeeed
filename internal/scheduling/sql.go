package scheduling

// The SQL of schedules, availability and time off. That of appointments and
// claims is in sql_appointments.go.

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

const scheduleColumns = `practitioner_id, time_zone, slot_minutes, notice_seconds, hold_seconds,
	cancellation_window_seconds, horizon_days, max_open_holds, open, version`

func scanSchedule(r sqldb.Row) (s schedule, err error) {
	var zone string
	p := &s.Policy
	err = r.Scan(&s.Practitioner, &zone, &p.SlotMinutes, &p.NoticeSeconds, &p.HoldSeconds,
		&p.CancellationWindowSeconds, &p.HorizonDays, &p.MaxOpenHolds, &s.Open, &s.Version)
	if err != nil {
		return s, err
	}
	s.Location, err = calendar.Zone(zone)
	return s, err
}

func insertSchedule(ctx context.Context, tx *sqldb.Tx, s schedule) error {
	tx.Signal(calendarOf(s.Practitioner))
	p := s.Policy
	_, err := tx.Exec(ctx, `INSERT INTO schedules (`+scheduleColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, TRUE, $9)
		ON CONFLICT (practitioner_id) DO UPDATE SET open = TRUE, version = schedules.version + 1`,
		s.Practitioner, s.Location.String(), p.SlotMinutes, p.NoticeSeconds, p.HoldSeconds,
		p.CancellationWindowSeconds, p.HorizonDays, p.MaxOpenHolds, s.Version)
	return err
}

func closeSchedule(ctx context.Context, tx *sqldb.Tx, s schedule) error {
	tx.Signal(calendarOf(s.Practitioner))
	_, err := tx.Exec(ctx, `UPDATE schedules SET open = FALSE, version = version + 1 WHERE practitioner_id = $1`, s.Practitioner)
	return err
}

// scheduleOf reads a schedule without a lock, as of the transaction's snapshot.
func scheduleOf(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (schedule, error) {
	return oneSchedule(ctx, tx, practitioner, "")
}

// shareSchedule locks a schedule against editors, not against other bookings.
func shareSchedule(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (schedule, error) {
	return oneSchedule(ctx, tx, practitioner, tx.ForKeyShare())
}

// lockSchedule locks a schedule for an editor, against bookings too: an UPDATE
// alone would not conflict with their shared lock.
func lockSchedule(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (schedule, error) {
	return oneSchedule(ctx, tx, practitioner, tx.ForUpdate())
}

func oneSchedule(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, lock string) (schedule, error) {
	s, err := sqldb.One(ctx, tx, scanSchedule,
		`SELECT `+scheduleColumns+` FROM schedules WHERE practitioner_id = $1`+lock, practitioner)
	if errors.Is(err, sqldb.ErrNoRows) {
		return s, directory.ErrPractitionerNotFound
	}
	return s, err
}

// schedulesOf reads the schedules of some practitioners, in chunks that fit the
// engines' limits on parameters.
func schedulesOf(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) ([]schedule, error) {
	return inChunks(ids, func(in string, args []any) ([]schedule, error) {
		return sqldb.All(ctx, tx, scanSchedule,
			`SELECT `+scheduleColumns+` FROM schedules WHERE practitioner_id IN (`+in+`) ORDER BY practitioner_id`, args...)
	})
}

// touchSchedule raises the version of a schedule that the caller has locked
// alone: rules that were read under an older version count no longer.
func touchSchedule(ctx context.Context, tx *sqldb.Tx, s schedule) error {
	tx.Signal(calendarOf(s.Practitioner))
	_, err := tx.Exec(ctx, `UPDATE schedules SET version = version + 1 WHERE practitioner_id = $1`, s.Practitioner)
	return err
}

func updateSchedule(ctx context.Context, tx *sqldb.Tx, s schedule) error {
	tx.Signal(calendarOf(s.Practitioner))
	p := s.Policy
	_, err := tx.Exec(ctx, `UPDATE schedules SET time_zone = $2, slot_minutes = $3, notice_seconds = $4, hold_seconds = $5,
		cancellation_window_seconds = $6, horizon_days = $7, max_open_holds = $8, version = version + 1
		WHERE practitioner_id = $1`,
		s.Practitioner, s.Location.String(), p.SlotMinutes, p.NoticeSeconds, p.HoldSeconds,
		p.CancellationWindowSeconds, p.HorizonDays, p.MaxOpenHolds)
	return err
}

const availabilityColumns = `practitioner_id, id, kind, starts_at, ends_at, on_date, from_time, to_time,
	weekdays, valid_from, valid_until, blocked, created_at, version`

// hoursRow is how hours lie in a row: local dates and times as text, and NULL
// for what the kind does not use.
type hoursRow struct {
	start, end                         sqldb.Instant
	date, from, to, days, first, until *string
}

func rowOf(h Hours) (r hoursRow) {
	from, to := h.From, h.To
	switch h.Kind {
	case KindSpan, KindSlot, KindException:
		return hoursRow{start: sqldb.Instant(h.Span.Start), end: sqldb.Instant(h.Span.End)}
	case KindDay:
		r.date = text(h.Date.String())
	case KindWeekly:
		from, to = h.Weekly.From, h.Weekly.To
		r.days, r.first = text(strings.Join(h.Weekly.Weekdays.Strings(), " ")), text(h.Weekly.First.String())
		if h.Weekly.Last != (calendar.Date{}) {
			r.until = text(h.Weekly.Last.String())
		}
	}
	r.from, r.to = text(from.String()), text(to.String())
	return r
}

func text(s string) *string { return &s }

func (r hoursRow) hours(kind Kind) (h Hours, err error) {
	h.Kind = kind
	h.Span = calendar.Span{Start: time.Time(r.start), End: time.Time(r.end)}
	if kind != KindDay && kind != KindWeekly {
		return h, nil
	}
	parse(&h.From, r.from, calendar.ParseTime, &err)
	parse(&h.To, r.to, calendar.ParseTime, &err)
	if kind == KindDay {
		parse(&h.Date, r.date, calendar.ParseDate, &err)
		return h, err
	}
	h.Weekly.From, h.Weekly.To, h.From, h.To = h.From, h.To, 0, 0
	parse(&h.Weekly.First, r.first, calendar.ParseDate, &err)
	parse(&h.Weekly.Last, r.until, calendar.ParseDate, &err)
	if r.days != nil && err == nil {
		h.Weekly.Weekdays, err = calendar.ParseWeekdays(strings.Fields(*r.days))
	}
	return h, err
}

// parse sets dst from a column that may be NULL, unless *err is set already.
func parse[T any](dst *T, column *string, read func(string) (T, error), err *error) {
	if column != nil && *err == nil {
		*dst, *err = read(*column)
	}
}

func scanAvailability(row sqldb.Row) (a Availability, err error) {
	var r hoursRow
	var kind Kind
	err = row.Scan(&a.ID.Lead, &a.ID.ID, &kind, &r.start, &r.end, &r.date, &r.from, &r.to,
		&r.days, &r.first, &r.until, &a.Blocked, (*sqldb.Instant)(&a.CreatedAt), &a.Version)
	if err == nil {
		a.Hours, err = r.hours(kind)
	}
	return a, err
}

func insertAvailability(ctx context.Context, tx *sqldb.Tx, a Availability) error {
	r := rowOf(a.Hours)
	_, err := tx.Exec(ctx, `INSERT INTO availability (`+availabilityColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		a.ID.Lead, a.ID.ID, string(a.Hours.Kind), r.start, r.end, r.date, r.from, r.to,
		r.days, r.first, r.until, a.Blocked, sqldb.Instant(a.CreatedAt), a.Version)
	return err
}

func updateAvailability(ctx context.Context, tx *sqldb.Tx, a Availability) error {
	r := rowOf(a.Hours)
	_, err := tx.Exec(ctx, `UPDATE availability SET starts_at = $3, ends_at = $4, on_date = $5, from_time = $6, to_time = $7,
			weekdays = $8, valid_from = $9, valid_until = $10, blocked = $11, version = $12
		WHERE practitioner_id = $1 AND id = $2`,
		a.ID.Lead, a.ID.ID, r.start, r.end, r.date, r.from, r.to,
		r.days, r.first, r.until, a.Blocked, a.Version)
	return err
}

func deleteAvailability(ctx context.Context, tx *sqldb.Tx, key id.Keyed) error {
	_, err := tx.Exec(ctx, `DELETE FROM availability WHERE practitioner_id = $1 AND id = $2`, key.Lead, key.ID)
	return err
}
