package directory

import (
	"context"
	"errors"

	"medbook/internal/sqldb"
)

const selectClinic = `SELECT name, time_zone, version, updated_at FROM clinic WHERE id = 1`

func scanClinic(r sqldb.Row) (c Clinic, err error) {
	err = r.Scan(&c.Name, &c.TimeZone, &c.Version, (*sqldb.Instant)(&c.UpdatedAt))
	return c, err
}

func clinicOf(ctx context.Context, tx *sqldb.Tx) (Clinic, error) {
	c, err := sqldb.One(ctx, tx, scanClinic, selectClinic)
	if errors.Is(err, sqldb.ErrNoRows) {
		return unset(), nil
	}
	return c, err
}

// lockClinic locks the one row, which it makes if there is none: two that set it
// for the first time wait for each other too. The caller writes a version above
// zero, or fails.
func lockClinic(ctx context.Context, tx *sqldb.Tx) (Clinic, error) {
	c := unset()
	_, err := tx.Exec(ctx, `INSERT INTO clinic (id, name, time_zone, version, updated_at)
		VALUES (1, $1, $2, 0, $3) ON CONFLICT DO NOTHING`, c.Name, c.TimeZone, sqldb.Instant(tx.Now()))
	if err != nil {
		return c, err
	}
	return sqldb.One(ctx, tx, scanClinic, selectClinic+tx.ForUpdate())
}

func updateClinic(ctx context.Context, tx *sqldb.Tx, c Clinic) error {
	_, err := tx.Exec(ctx, `UPDATE clinic SET name = $1, time_zone = $2, version = $3, updated_at = $4 WHERE id = 1`,
		c.Name, c.TimeZone, c.Version, sqldb.Instant(c.UpdatedAt))
	return err
}
