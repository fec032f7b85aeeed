package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// barrier lets n goroutines pass, at first, when all of them are there.
type barrier struct {
	there sync.WaitGroup
	n     atomic.Int32
}

func newBarrier(n int) *barrier {
	b := &barrier{}
	b.there.Add(n)
	b.n.Store(int32(n))
	return b
}

func (b *barrier) wait() {
	if b.n.Add(-1) >= 0 {
		b.there.Done()
		b.there.Wait()
	}
}

// At REPEATABLE READ a transaction that waited for a row lock would go on to read
// as of before the wait, and so look past what the lock is for.
func TestUpdateReadsAfterItsLocks(t *testing.T) {
	for server, want := range map[string]string{
		"read committed": "read committed", "repeatable read": "read committed",
		"read uncommitted": "read committed", "serializable": "serializable",
	} {
		db := sqltest.Open(t, sqltest.Postgres(t)+"&default_transaction_isolation="+strings.ReplaceAll(server, " ", "%20"))
		got := ""
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			got, err = sqldb.One(ctx, tx, value[string], "SHOW transaction_isolation")
			return err
		})
		if err != nil || got != want {
			t.Errorf("on a server whose default is %s, Update is %s, %v, want %s", server, got, err, want)
		}
	}
}

// Each of the two reads both counters and adds their sum to its own. One after
// the other they make 1, 1 into 2, 3 or 3, 2; side by side, 2 and 2.
func TestSerializationFailureIsRunAgain(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	update(t, db, "CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
	update(t, db, "INSERT INTO counters (id, n) VALUES (1, 1), (2, 1)")
	read, wrote := newBarrier(2), newBarrier(2)
	var runs, complete atomic.Int32
	var wg sync.WaitGroup
	for id := 1; id <= 2; id++ {
		wg.Go(func() {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
					return err
				}
				sum, err := sqldb.One(ctx, tx, value[int], "SELECT CAST(SUM(n) AS BIGINT) FROM counters")
				if err != nil {
					return err
				}
				read.wait()
				if _, err := tx.Exec(ctx, "UPDATE counters SET n = $1 WHERE id = $2", sum, id); err != nil {
					return err
				}
				wrote.wait()
				complete.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := get[int](t, db, "SELECT CAST(SUM(n) AS BIGINT) FROM counters"); n != 5 {
		t.Errorf("sum = %d, want 5", n)
	}
	if runs.Load() != 3 || complete.Load() != 3 {
		t.Errorf("%d runs, %d of them to the end, want 3 and 3: COMMIT reported the failure", runs.Load(), complete.Load())
	}
}

func TestDeadlockIsRunAgain(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	update(t, db, "CREATE TABLE counters (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
	update(t, db, "INSERT INTO counters (id, n) VALUES (1, 0), (2, 0)")
	both := newBarrier(2)
	var runs atomic.Int32
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				runs.Add(1)
				if _, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", 1+i); err != nil {
					return err
				}
				both.wait()
				// A savepoint must not take the failure for one that it can undo.
				_ = tx.Savepoint(ctx, func() error {
					_, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = $1", 2-i)
					return err
				})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := get[int](t, db, "SELECT CAST(SUM(n) AS BIGINT) FROM counters"); n != 4 {
		t.Errorf("sum = %d, want 4", n)
	}
	if runs.Load() < 3 {
		t.Errorf("%d runs, want at least 3", runs.Load())
	}
}

func TestWhatIsRunAgain(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	for state, again := range map[string]bool{
		"40001": true,  // serialization failure
		"40P01": true,  // deadlock
		"57P01": true,  // the server ends the session
		"57P02": true,  // another session crashed
		"57P03": true,  // the server starts up
		"08006": true,  // the connection broke
		"53300": true,  // too many connections
		"57014": false, // the statement was cancelled
		"23505": false, // unique violation
		"42601": false, // syntax error
	} {
		for _, at := range []string{"BEGIN", "UPDATE", "COMMIT"} {
			failed := false
			db.Observe = func(_ context.Context, statement string) error {
				if failed || !strings.HasPrefix(statement, at) {
					return nil
				}
				failed = true
				return &pgconn.PgError{Code: state}
			}
			err := db.Update(t.Context(), increment)
			if (err == nil) != again || !failed {
				t.Errorf("%s at %s: Update = %v, want that it is run again: %v", state, at, err, again)
			}
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	db.Observe = func(_ context.Context, statement string) error {
		if strings.HasPrefix(statement, "UPDATE") {
			return &pgconn.PgError{Code: "40001"}
		}
		return nil
	}
	t.Run("with the caller", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			if runs++; runs == 3 {
				cancel()
			}
			return increment(ctx, tx)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Update = %v, want context.Canceled", err)
		}
	})
	t.Run("after a time", func(t *testing.T) {
		sqldb.RetryFor(db, 50*time.Millisecond)
		runs := 0
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			runs++
			return increment(ctx, tx)
		})
		if !errors.Is(err, sqldb.ErrBusy) || runs < 2 {
			t.Errorf("Update = %v after %d runs, want ErrBusy after several", err, runs)
		}
	})
}

func TestLostAnswerToCommit(t *testing.T) {
	for name, tt := range map[string]struct {
		lose func(p *sqltest.Proxy, text string)
		n    int
	}{"lost answer": {(*sqltest.Proxy).LoseAnswer, 1}, "lost question": {(*sqltest.Proxy).LoseQuestion, 0}} {
		t.Run(name, func(t *testing.T) {
			p := sqltest.NewProxy(t)
			db := sqltest.Open(t, p.URL)
			counter(t, db)
			tt.lose(p, "COMMIT\x00") // the whole of the message, not BEGIN ISOLATION LEVEL READ COMMITTED
			runs := 0
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				tx.AfterCommit(func() { t.Error("AfterCommit ran") })
				runs++
				return increment(ctx, tx)
			})
			if !errors.Is(err, sqldb.ErrOutcomeUnknown) || runs != 1 {
				t.Errorf("Update = %v after %d runs, want ErrOutcomeUnknown after 1", err, runs)
			}
			if n := get[int](t, db, "SELECT n FROM counters"); n != tt.n {
				t.Errorf("n = %d, want %d", n, tt.n)
			}
		})
	}
}

func TestConnectionLostBeforeCommit(t *testing.T) {
	for _, statement := range []string{"BEGIN", "SELECT n", "UPDATE counters"} {
		for name, lose := range map[string]func(p *sqltest.Proxy, text string){"answer": (*sqltest.Proxy).LoseAnswer, "question": (*sqltest.Proxy).LoseQuestion} {
			t.Run(statement+" "+name, func(t *testing.T) {
				p := sqltest.NewProxy(t)
				db := sqltest.Open(t, p.URL)
				counter(t, db)
				lose(p, statement)
				if err := db.Update(t.Context(), increment); err != nil {
					t.Error(err)
				}
				if n := get[int](t, db, "SELECT n FROM counters"); n != 1 {
					t.Errorf("n = %d, want 1", n)
				}
				if n := p.Cuts(); n != 1 {
					t.Errorf("%d connections were cut, want 1", n)
				}
			})
		}
	}
}

func TestServerThatEndsASession(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	runs := 0
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		if runs++; runs == 1 {
			pid, err := sqldb.One(ctx, tx, value[int], "SELECT pg_backend_pid()")
			if err != nil {
				return err
			}
			get[bool](t, db, "SELECT pg_terminate_backend($1, 10000)", pid)
		}
		// A closure that hides the failure does not hide that it must run again.
		return tx.Savepoint(ctx, func() error {
			if increment(ctx, tx) != nil {
				return errStop
			}
			return nil
		})
	})
	if err != nil || runs != 2 {
		t.Errorf("Update = %v after %d runs, want success after 2", err, runs)
	}
}

func TestFailedUpdateKeepsItsConnection(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	var pids [2]int
	for i := range pids {
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			if pids[i], err = sqldb.One(ctx, tx, value[int], "SELECT pg_backend_pid()"); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO counters (id, n) VALUES (1, 1)")
			return err
		})
		if !sqldb.IsUnique(err) {
			t.Errorf("Update = %v, want a unique violation", err)
		}
	}
	if pids[0] != pids[1] {
		t.Errorf("sessions %v, want the same one twice", pids)
	}
}

func TestUnreachableServer(t *testing.T) {
	p := sqltest.NewProxy(t)
	db := sqltest.Open(t, p.URL)
	counter(t, db)
	sqldb.RetryFor(db, 20*time.Millisecond)
	p.GoDown()
	for name, run := range map[string]func(context.Context, func(context.Context, *sqldb.Tx) error) error{"View": db.View, "Update": db.Update} {
		err := run(t.Context(), increment)
		if !errors.Is(err, sqldb.ErrUnavailable) {
			t.Errorf("%s = %v, want ErrUnavailable", name, err)
		}
	}
	if err := db.Ready(t.Context()); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("Ready = %v, want ErrUnavailable", err)
	}
}

func TestCallerWhoLeavesDuringCommitHearsTheOutcome(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	db.Observe = func(_ context.Context, statement string) error {
		if statement == "COMMIT" {
			cancel()
		}
		return nil
	}
	if err := db.Update(ctx, increment); err != nil {
		t.Errorf("Update = %v, want success", err)
	}
	if n := get[int](t, db, "SELECT n FROM counters"); n != 1 {
		t.Errorf("n = %d, want 1", n)
	}
}
