package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	stdlog "log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// empty is an address of a database of each engine that has no schema.
func empty(t *testing.T) map[string]string {
	t.Helper()
	address := sqltest.Postgres(t)
	db := sqltest.Open(t, address)
	update(t, db, "DROP SCHEMA public CASCADE")
	update(t, db, "CREATE SCHEMA public")
	return map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "new", "folder", "medbook.db"),
		"postgres": address,
	}
}

// migrate has four processes, as it were, migrate the database at address, all
// of which come to the lock before one gets it.
func migrate(t *testing.T, address string) {
	t.Helper()
	there := newBarrier(4)
	var wg sync.WaitGroup
	for range 4 {
		db := sqltest.Open(t, address)
		if err := db.Ready(t.Context()); err == nil {
			t.Error("Ready before Migrate = nil, want an error")
		}
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "BEGIN IMMEDIATE") || strings.HasPrefix(statement, "SELECT pg_advisory_lock") {
				there.wait()
			}
			return nil
		}
		wg.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestMigrationsRaceWell(t *testing.T) {
	var output bytes.Buffer
	stdlog.SetOutput(&output)
	defer stdlog.SetOutput(os.Stderr)
	for name, address := range empty(t) {
		t.Run(name, func(t *testing.T) {
			migrate(t, address)
			db := sqltest.Open(t, address)
			if n := get[int](t, db, "SELECT COUNT(*) FROM goose_db_version WHERE version_id = 1"); n != 1 {
				t.Errorf("the first step is recorded %d times, want once", n)
			}
			if err := db.Migrate(t.Context()); err != nil {
				t.Errorf("Migrate again = %v, want nil", err)
			}
		})
	}
	if output.Len() > 0 {
		t.Errorf("migrating wrote to the log: %s", output.String())
	}
}

// With the table of versions there, goose reads it before it writes.
func TestLaterMigrationsRaceWell(t *testing.T) {
	address := empty(t)["sqlite"]
	db := sqltest.Open(t, address)
	update(t, db, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`)
	update(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)")
	migrate(t, address)
}

// While somebody holds the name of the first table, all four get as far as they
// can, which but for one must be the lock.
func TestMigrationsWaitForEachOther(t *testing.T) {
	address := empty(t)["postgres"]
	db := sqltest.Open(t, address)
	held := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if _, err := tx.Exec(ctx, "CREATE TABLE users (id BIGINT)"); err != nil {
				return err
			}
			close(held)
			for waiting := 0; waiting < 4; {
				waiting = get[int](t, db, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			}
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Error(err)
		}
	})
	<-held
	migrate(t, address)
	wg.Wait()
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if err := db.CheckVersion(t.Context()); err != nil {
			t.Errorf("CheckVersion = %v, want nil", err)
		}
		update(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
		for name, check := range map[string]func(context.Context) error{"Migrate": db.Migrate, "Ready": db.Ready, "CheckVersion": db.CheckVersion} {
			if err := check(t.Context()); !errors.Is(err, sqldb.ErrNewer) {
				t.Errorf("%s = %v, want ErrNewer", name, err)
			}
		}
	})
}

func TestOlderDatabaseIsNotReady(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		update(t, db, "DELETE FROM goose_db_version WHERE version_id > 0")
		if err := db.Ready(t.Context()); err == nil || errors.Is(err, sqldb.ErrNewer) {
			t.Errorf("Ready = %v, want that it is not migrated", err)
		}
		if err := db.CheckVersion(t.Context()); err != nil {
			t.Errorf("CheckVersion = %v, want nil", err)
		}
		// The step's tables are there, so the step fails: nothing of it may stay.
		if err := db.Migrate(t.Context()); err == nil {
			t.Error("Migrate = nil, want the step's error")
		}
		if err := db.Update(t.Context(), func(context.Context, *sqldb.Tx) error { return nil }); err != nil {
			t.Errorf("Update after a failed Migrate = %v, want nil", err)
		}
	})
}
