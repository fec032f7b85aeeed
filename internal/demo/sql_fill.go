package demo

import (
	"context"

	"medbook/internal/sqldb"
)

// widen gives SQLite's writer 256 MiB for pages, as long as this process runs: rows
// come in all over its indexes, and two megabytes have it read most pages anew.
func widen(ctx context.Context, db *sqldb.DB) error {
	if db.Engine() != sqldb.SQLite {
		return nil
	}
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `PRAGMA cache_size = -262144`)
		return err
	})
}
