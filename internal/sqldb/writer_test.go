package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestCallersContextDoesNotReachStatements(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	counter(t, db)
	caller, cancel := context.WithCancel(context.WithValue(t.Context(), name("key"), "value"))
	db.Observe = func(_ context.Context, statement string) error {
		if statement == "UPDATE counters SET n = 1" {
			cancel()
		}
		return nil
	}
	err := db.Update(caller, func(ctx context.Context, tx *sqldb.Tx) error {
		if got := ctx.Value(name("key")); got != "value" {
			t.Errorf("the closure's context says %v, want the caller's value", got)
		}
		// With the wrong context, and a cancellation after the statement has begun.
		if _, err := tx.Exec(caller, "UPDATE counters SET n = 1"); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		t.Errorf("Update = %v, want success: what has begun is finished", err)
	}
}

type name string

func TestClosureThatTakesTooLong(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	counter(t, db)
	sqldb.TurnFor(db, time.Millisecond)
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		<-ctx.Done()
		return increment(ctx, tx)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Update = %v, want context.DeadlineExceeded", err)
	}
}

// What a closure refused may have been written by one whose COMMIT failed.
func TestRefusalWaitsForTheCommit(t *testing.T) {
	h := hold(t)
	h.good("before")
	h.start(t.Context(), "refused", func(context.Context, *sqldb.Tx) error { return errStop })
	errCommit := errors.New("no commit")
	h.Observe = func(_ context.Context, statement string) error {
		if statement == "COMMIT" {
			return errCommit
		}
		return nil
	}
	h.release()
	for _, name := range []string{"first", "before", "refused"} {
		if err := h.result(name); !errors.Is(err, errCommit) {
			t.Errorf("%s got %v, want the COMMIT's error", name, err)
		}
	}
}

func TestLockedFileIsBusy(t *testing.T) {
	address := sqltest.SQLite(t)
	db, other := sqltest.Open(t, address), sqltest.Open(t, address)
	counter(t, db)
	if err := sqldb.OnWriter(db, "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	err := other.Update(t.Context(), func(context.Context, *sqldb.Tx) error {
		if err := db.Update(t.Context(), increment); !errors.Is(err, sqldb.ErrBusy) {
			t.Errorf("Update of a locked file = %v, want ErrBusy", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := db.Update(t.Context(), increment); err != nil {
		t.Errorf("Update after the lock is gone = %v, want success", err)
	}
}

func TestOutcomeOfAFailedCommit(t *testing.T) {
	for _, tt := range []struct {
		code   int
		undone bool
	}{
		{787, true},   // SQLITE_CONSTRAINT_FOREIGNKEY
		{5, true},     // SQLITE_BUSY
		{517, true},   // SQLITE_BUSY_SNAPSHOT
		{10, false},   // SQLITE_IOERR
		{1034, false}, // SQLITE_IOERR_FSYNC
		{13, false},   // SQLITE_FULL
		{0, false},    // not SQLite's word
		{1, false},    // SQLITE_ERROR
	} {
		if got := sqldb.SurelyUndone(tt.code); got != tt.undone {
			t.Errorf("SurelyUndone(%d) = %v, want %v", tt.code, got, tt.undone)
		}
	}
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for range 2 {
			for i := range sqldb.MaxStatements + 50 {
				got, err := sqldb.One(ctx, tx, value[int], fmt.Sprintf("SELECT %d", i))
				if err != nil || got != i {
					t.Fatalf("SELECT %d = %d, %v", i, got, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := sqldb.Prepared(db); n > sqldb.MaxStatements {
		t.Errorf("%d statements are kept, want at most %d", n, sqldb.MaxStatements)
	}
}

func TestPreparedStatementsSurviveAChangeOfSchema(t *testing.T) {
	address := sqltest.SQLite(t)
	db, other := sqltest.Open(t, address), sqltest.Open(t, address)
	counter(t, db)
	for i := range 3 {
		if err := db.Update(t.Context(), increment); err != nil {
			t.Error(err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != i+1 {
			t.Errorf("n = %d, want %d", n, i+1)
		}
		update(t, other, fmt.Sprintf("ALTER TABLE counters ADD COLUMN extra%d TEXT", i))
	}
}

func TestIdleWriterMovesTheLog(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	update(t, db, "CREATE TABLE blobs (data BYTEA)")
	for range 40 {
		update(t, db, "INSERT INTO blobs (data) VALUES (zeroblob(400000))") // 100 pages
	}
	logged, moved, err := sqldb.Log(db)
	if err != nil {
		t.Fatal(err)
	}
	if logged-moved > 3000 {
		t.Errorf("%d of %d pages of the log are still to be moved", logged-moved, logged)
	}
}
