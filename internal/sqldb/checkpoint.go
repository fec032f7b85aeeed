package sqldb

import "context"

const (
	tidyAfter = 16   // groups
	tidyPages = 1000 // pages in the log, about 4 MB
)

// tidy moves the log's pages into the database file while nobody waits. Under
// load, when somebody always does, SQLite does so itself after several times as
// many pages (wal_autocheckpoint), at the cost of the caller who commits then.
func (w *writer) tidy() {
	if w.untidy < tidyAfter {
		return
	}
	w.untidy = 0
	var busy, logged, moved int
	ctx := context.Background()
	err := w.on.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &logged, &moved)
	if err == nil && logged-moved >= tidyPages {
		// What fails here is made up for by the next one.
		_, _ = w.on.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	}
}
