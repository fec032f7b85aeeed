package sqldb_test

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// stepping is called by SQLite when a statement calls test_stepping(), so that a
// test knows that the statement is running.
var stepping atomic.Pointer[context.CancelFunc]

func TestMain(m *testing.M) {
	if helper() || doomed() {
		return
	}
	sqlite.MustRegisterScalarFunction("test_stepping", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		(*stepping.Load())()
		return int64(1), nil
	})
	sqltest.Main(m)
}

// counter makes a table of numbered counters, with counter 1 at zero.
func counter(t testing.TB, db *sqldb.DB) {
	t.Helper()
	update(t, db, "CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
	update(t, db, "INSERT INTO counters (id, n) VALUES (1, 0)")
}

// update runs one statement in an Update.
func update(t testing.TB, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// get returns the one value that query selects in a View.
func get[T any](t testing.TB, db *sqldb.DB, query string, args ...any) (v T) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		v, err = sqldb.One(ctx, tx, value[T], query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func value[T any](r sqldb.Row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// increment adds one to counter 1 by reading and writing it, which loses
// updates unless they are kept apart.
func increment(ctx context.Context, tx *sqldb.Tx) error {
	n, err := sqldb.One(ctx, tx, value[int], "SELECT n FROM counters WHERE id = 1"+tx.ForUpdate())
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE counters SET n = $1 WHERE id = 1", n+1)
	return err
}

// log collects the statements that a database runs.
type log struct {
	mu         sync.Mutex
	statements []string
}

func (l *log) observe(_ context.Context, statement string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statements = append(l.statements, statement)
	return nil
}

// count returns how many statements began with prefix.
func (l *log) count(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.statements {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
