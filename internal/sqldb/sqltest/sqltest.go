// Package sqltest gives tests a fresh, migrated database of each engine.
//
// The first test that needs PostgreSQL starts a cluster for the process, from
// the server binaries it finds, listening on a socket in a folder of its own.
// Its time zone is America/St_Johns, so that a mistake about zones shows.
// MEDBOOK_TEST_ISOLATION=serializable makes that its default isolation.
//
// MEDBOOK_TEST_DSN names another server to use: PostgreSQL, or an engine that speaks
// its protocol. The user must be allowed to make databases there, or schemas in the
// database that is named; the tests take away what they have made.
package sqltest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"medbook/internal/sqldb"
)

// Start is what the clock of a fresh database says: hours before New York's
// daylight-saving change.
var Start = time.Date(2027, time.March, 13, 14, 0, 0, 0, time.UTC)

// Main runs a package's tests and then stops the cluster they may have started.
// It is all that TestMain does.
func Main(m *testing.M) {
	defer shared.stop()
	m.Run()
}

// Each runs test once per engine, as subtests "sqlite" and "postgres", each with
// a fresh, migrated database whose clock is a Clock that says Start.
func Each(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{
		{"sqlite", SQLite},
		{"postgres", Postgres},
	} {
		t.Run(engine.name, func(t *testing.T) { test(t, Open(t, engine.url(t))) })
	}
}

// Open opens the database at url until the test ends, with a Clock that says Start.
func Open(t testing.TB, url string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	clock := &Clock{now: Start}
	db.Clock = clock.Now
	clocks.Store(db, clock)
	t.Cleanup(func() {
		clocks.Delete(db)
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// SQLite returns the address of a fresh, migrated SQLite database.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	file, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "medbook.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// Postgres returns the address of a fresh, migrated PostgreSQL database, which
// is dropped when the test ends.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	return shared.database(t, true)
}

// EmptyPostgres returns the address of a PostgreSQL database without any tables,
// which is dropped when the test ends.
func EmptyPostgres(t testing.TB) (url string) {
	t.Helper()
	return shared.database(t, false)
}

// sqliteTemplate returns the content of a migrated database file.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "medbook")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "template.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
