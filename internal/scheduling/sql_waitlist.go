package scheduling

// The SQL of the waiting list.

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

const waitColumns = `patient_id, id, practitioner_id, starts_at, ends_at, created_at`

func insertWait(ctx context.Context, tx *sqldb.Tx, w Wait) error {
	_, err := tx.Exec(ctx, `INSERT INTO waitlist (`+waitColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		w.ID.Lead, w.ID.ID, w.Practitioner, sqldb.Instant(w.From), sqldb.Instant(w.To), sqldb.Instant(w.CreatedAt))
	return err
}

func scanWait(r sqldb.Row) (w Wait, err error) {
	err = r.Scan(&w.ID.Lead, &w.ID.ID, &w.Practitioner, (*sqldb.Instant)(&w.From), (*sqldb.Instant)(&w.To), (*sqldb.Instant)(&w.CreatedAt))
	return w, err
}

func deleteWait(ctx context.Context, tx *sqldb.Tx, key id.Keyed) error {
	n, err := tx.Exec(ctx, `DELETE FROM waitlist WHERE patient_id = $1 AND id = $2`, key.Lead, key.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrWaitNotFound
	}
	_, err = tx.Exec(ctx, `DELETE FROM waitlist_offers WHERE patient_id = $1 AND wait_id = $2`, key.Lead, key.ID)
	return err
}

// waitPage reads entries within the caller's row scope, oldest first.
func waitPage(ctx context.Context, tx *sqldb.Tx, by auth.Actor, req page.Request) (p page.Of[Wait], err error) {
	after, ok := uuid.Nil, true
	if req.After != "" {
		after, ok = id.Parse(req.After)
	}
	if !ok {
		return p, page.ErrCursor
	}
	scope, arg := `patient_id = $1`, by.UserID
	switch {
	case by.Is(auth.Practitioner):
		scope, arg = `practitioner_id = $1`, by.PractitionerID
	case by.Is(auth.Admin):
		scope, arg = `patient_id <> $1`, uuid.Nil
	}
	items, err := sqldb.All(ctx, tx, func(r sqldb.Row) (w Wait, err error) {
		err = r.Scan(&w.ID.Lead, &w.ID.ID, &w.Practitioner, (*sqldb.Instant)(&w.From), (*sqldb.Instant)(&w.To), (*sqldb.Instant)(&w.CreatedAt), (*sqldb.Instant)(&w.OfferedUntil))
		return w, err
	}, `SELECT `+waitColumns+`, (SELECT MAX(p.hold_expires_at) FROM waitlist_offers o
			JOIN patient_calendar p ON p.patient_id = o.patient_id AND p.appointment_id = o.appointment_id
			WHERE o.patient_id = waitlist.patient_id AND o.wait_id = waitlist.id AND p.status = 'held' AND p.hold_expires_at > $4)
		FROM waitlist WHERE `+scope+` AND id > $2 ORDER BY id LIMIT $3`, arg, after, req.Limit+1, sqldb.Instant(tx.Now()))
	if err != nil {
		return p, err
	}
	p = page.Cut(items, req, func(w Wait) string { return w.ID.ID.String() })
	if req.Count {
		n, err := sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM waitlist WHERE `+scope, arg)
		if err != nil {
			return p, err
		}
		p.Total = &n
	}
	return p, nil
}

func deleteWaitsOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM waitlist_offers WHERE patient_id = $1`, patient); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM waitlist WHERE patient_id = $1`, patient)
	return err
}

func waitsOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) ([]Wait, error) {
	return sqldb.All(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE patient_id = $1 ORDER BY id`, patient)
}

// anybodyWaits reports whether an entry of the waiting list is for what begins in span.
func anybodyWaits(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, span calendar.Span) (bool, error) {
	n, err := sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM waitlist
		WHERE practitioner_id = $1 AND starts_at < $2 AND ends_at > $3`, practitioner, sqldb.Instant(span.End), sqldb.Instant(span.Start))
	return n > 0, err
}

// waitingFor lists who waits for something like a slot, the first to come first:
// not those who were offered it before, nor those who are thinking about another.
func waitingFor(ctx context.Context, tx *sqldb.Tx, slot id.Slot) ([]Wait, error) {
	return sqldb.All(ctx, tx, scanWait, `SELECT w.patient_id, w.id, w.practitioner_id, w.starts_at, w.ends_at, w.created_at FROM waitlist w
		WHERE w.practitioner_id = $1 AND w.starts_at <= $2 AND w.ends_at > $2
			AND NOT EXISTS (SELECT 1 FROM waitlist_offers o WHERE o.patient_id = w.patient_id AND o.wait_id = w.id AND o.starts_at = $2)
			AND NOT EXISTS (SELECT 1 FROM waitlist_offers o JOIN patient_calendar p ON p.patient_id = o.patient_id AND p.appointment_id = o.appointment_id
				WHERE o.patient_id = w.patient_id AND o.wait_id = w.id AND p.status = 'held' AND p.hold_expires_at > $3)
		ORDER BY w.created_at, w.id LIMIT 100`, slot.Practitioner, sqldb.Instant(slot.Start), sqldb.Instant(tx.Now()))
}

// insertOffer writes down that an entry was offered a start, and returns the number
// of rows: 0 if the entry is gone or was offered it before.
func insertOffer(ctx context.Context, tx *sqldb.Tx, w Wait, a Appointment) (int, error) {
	if _, err := sqldb.One(ctx, tx, scanID, `SELECT id FROM waitlist WHERE patient_id = $1 AND id = $2`, w.ID.Lead, w.ID.ID); err != nil {
		if errors.Is(err, sqldb.ErrNoRows) {
			return 0, nil
		}
		return 0, err
	}
	return tx.Exec(ctx, `INSERT INTO waitlist_offers (patient_id, wait_id, starts_at, practitioner_id, appointment_id, offered_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		w.ID.Lead, w.ID.ID, sqldb.Instant(a.Start), w.Practitioner, a.ID.ID, sqldb.Instant(tx.Now()))
}

// offersTo returns the entry of a patient that each appointment was offered for.
func offersTo(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (map[id.Keyed]id.Keyed, error) {
	of := map[id.Keyed]id.Keyed{}
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (offered id.Keyed, err error) {
		entry := id.Keyed{Lead: patient}
		err = r.Scan(&entry.ID, &offered.Lead, &offered.ID)
		of[offered] = entry
		return offered, err
	}, `SELECT wait_id, practitioner_id, appointment_id FROM waitlist_offers WHERE patient_id = $1`, patient)
	return of, err
}

// deleteFulfilled takes a patient off the list of what they have booked, and
// forgets what they were offered.
func deleteFulfilled(ctx context.Context, tx *sqldb.Tx, a Appointment) error {
	const these = `patient_id = $1 AND practitioner_id = $2 AND starts_at <= $3 AND ends_at > $3`
	args := []any{a.Patient, a.Practitioner(), sqldb.Instant(a.Start)}
	_, err := tx.Exec(ctx, `DELETE FROM waitlist_offers WHERE patient_id = $1 AND wait_id IN (SELECT id FROM waitlist WHERE `+these+`)`, args...)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM waitlist WHERE `+these, args...)
	return err
}
