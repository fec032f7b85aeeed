package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	stdlog "log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/migrations"
	"medbook/internal/sqldb/sqltest"
)

// empty is an address of a database of each engine that has no schema.
func empty(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "new", "folder", "medbook.db"),
		"postgres": sqltest.EmptyPostgres(t),
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
			if strings.HasPrefix(statement, "BEGIN IMMEDIATE") || strings.HasPrefix(statement, "SELECT pg_advisory_xact_lock") {
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
				waiting = get[int](t, db, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = current_setting('application_name') AND wait_event_type = 'Lock'")
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

// A program does not start over what a newer one has made, unless it is told to and
// the schema says that it may; but one that runs goes on if the schema says so.
func TestNewerDatabaseIsRefused(t *testing.T) {
	const ours = 16 // the newest step that the program is made to know
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		db.Steps = stepsUpTo(t, ours)
		update(t, db, "DELETE FROM goose_db_version WHERE version_id > 16")
		if err := db.CheckVersion(t.Context()); err != nil {
			t.Errorf("CheckVersion = %v, want nil", err)
		}
		update(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
		for _, tt := range []struct {
			oldest        int
			allow         bool
			starts, ready bool
		}{
			{oldest: ours, ready: true},
			{oldest: ours, allow: true, starts: true, ready: true},
			{oldest: ours + 1},
			{oldest: ours + 1, allow: true},
		} {
			update(t, db, "UPDATE schema_compatibility SET oldest_program = $1", tt.oldest)
			db.AllowNewer = tt.allow
			for name, check := range map[string]func(context.Context) error{"Migrate": db.Migrate, "Ready": db.Ready, "CheckVersion": db.CheckVersion} {
				want := tt.starts
				if name == "Ready" {
					want = tt.ready
				}
				err := check(t.Context())
				if want && err != nil || !want && (!errors.Is(err, sqldb.ErrNewer) || !strings.Contains(err.Error(), "step 99999, and this program knows 16")) {
					t.Errorf("%+v: %s = %v, want nil: %v, else ErrNewer with both numbers", tt, name, err, want)
				}
			}
		}
	})
}

// stepsUpTo returns the steps of the program as it was when it knew step last.
func stepsUpTo(t testing.TB, last int64) fs.FS {
	t.Helper()
	steps, err := knownSteps(last)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

func knownSteps(last int64) (fs.FS, error) {
	entries, err := migrations.Files.ReadDir(".")
	known := fstest.MapFS{}
	for _, e := range entries {
		if version, err := goose.NumericComponent(e.Name()); err != nil || version > last {
			continue
		}
		text, err := migrations.Files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		known[e.Name()] = &fstest.MapFile{Data: text}
	}
	return known, err
}

func TestTheSchemaTellsWhatIsMissing(t *testing.T) {
	for name, address := range empty(t) {
		t.Run(name, func(t *testing.T) {
			db := sqltest.Open(t, address)
			db.Steps = stepsUpTo(t, 14)
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			db = sqltest.Open(t, address)
			db.Steps = stepsUpTo(t, 16)
			s, err := db.Schema(t.Context())
			want := sqldb.Schema{Have: 14, Want: 16, Missing: []sqldb.Step{{Version: 15, Name: "live_calendar"}, {Version: 16, Name: "compatibility"}}}
			if diff := cmp.Diff(want, s); err != nil || diff != "" {
				t.Errorf("Schema: %v, (-want +got)\n%s", err, diff)
			}
		})
	}
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
