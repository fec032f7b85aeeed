package scheduling

// The SQL of the waiting list.

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/auth"
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
	if err == nil && n == 0 {
		return ErrWaitNotFound
	}
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
	items, err := sqldb.All(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist
		WHERE `+scope+` AND id > $2 ORDER BY id LIMIT $3`, arg, after, req.Limit+1)
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
	_, err := tx.Exec(ctx, `DELETE FROM waitlist WHERE patient_id = $1`, patient)
	return err
}

func waitsOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) ([]Wait, error) {
	return sqldb.All(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE patient_id = $1 ORDER BY id`, patient)
}
