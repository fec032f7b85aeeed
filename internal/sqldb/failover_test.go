package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// sayings are what a server says that ends a session or takes none.
var sayings = []string{
	"57P01", // an administrator ends it
	"57P02", // another session crashed
	"57P03", // the server starts up, or shuts down
	"57P05", // it was idle for too long
	"08006", // the connection failed
	"08004", // it was rejected
	"53300", // there are too many
}

// TestServerThatEndsASessionAtAnyMoment shows that what happens before COMMIT is
// run again, and what happens at COMMIT never is.
func TestServerThatEndsASessionAtAnyMoment(t *testing.T) {
	p := sqltest.NewProxy(t)
	db := sqltest.Open(t, p.URL)
	counter(t, db)
	n := 0
	for _, state := range sayings {
		for _, moment := range []string{"application_name\x00", "BEGIN", "SELECT n", "UPDATE counters", "COMMIT\x00"} {
			sqldb.Reconnect(db)
			cuts := p.Cuts()
			p.Refuse(moment, state)
			err := db.Update(t.Context(), increment)
			if moment == "COMMIT\x00" {
				if !errors.Is(err, sqldb.ErrOutcomeUnknown) {
					t.Errorf("%s at COMMIT: Update = %v, want ErrOutcomeUnknown", state, err)
				}
			} else if n++; err != nil {
				t.Errorf("%s at %q: Update = %v, want that it is run again", state, moment, err)
			}
			if p.Cuts() != cuts+1 {
				t.Errorf("%s at %q: the session was not ended", state, moment)
			}
		}
	}
	if got := get[int](t, db, "SELECT n FROM counters"); got != n {
		t.Errorf("n = %d, want %d", got, n)
	}
}

// TestServerThatHasBecomeAStandby shows that an Update goes to look for another
// one, and a View that writes is a mistake.
func TestServerThatHasBecomeAStandby(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	var sessions []int
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		pid, err := sqldb.One(ctx, tx, value[int], "SELECT pg_backend_pid()")
		if err != nil {
			return err
		}
		if sessions = append(sessions, pid); len(sessions) == 1 {
			if _, err := tx.Exec(ctx, "SET TRANSACTION READ ONLY"); err != nil {
				return err
			}
		}
		// A closure that hides the failure does not hide that it must run again.
		return tx.Savepoint(ctx, func() error {
			if increment(ctx, tx) != nil {
				return errStop
			}
			return nil
		})
	})
	if err != nil || len(sessions) != 2 || sessions[0] == sessions[1] {
		t.Errorf("Update = %v in sessions %v, want success in the second of two", err, sessions)
	}
	runs := 0
	err = db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		runs++
		_, err := tx.Exec(ctx, "UPDATE counters SET n = 7")
		return err
	})
	if err == nil || errors.Is(err, sqldb.ErrUnavailable) || runs != 1 {
		t.Errorf("View that writes = %v after %d runs, want the server's error after 1", err, runs)
	}
}

// TestFrozenServerIsLeft has the first of two servers say nothing from some moment on.
func TestFrozenServerIsLeft(t *testing.T) {
	for _, moment := range []string{"BEGIN", "SELECT n", "UPDATE counters", "COMMIT\x00"} {
		t.Run(strings.TrimSuffix(moment, "\x00"), func(t *testing.T) {
			t.Parallel()
			p := sqltest.NewProxy(t)
			_, both := p.Beside(t)
			db := sqltest.Open(t, both+"&idle_in_transaction_session_timeout=500") // behind both is one server, which must not wait for us
			counter(t, db)
			fill(t, db)
			const limit = 3 * time.Second // which a busy machine keeps, where nothing is frozen
			sqldb.StatementFor(db, limit)
			sqldb.AnswerFor(db, limit)
			came := p.Came()
			p.Freeze(moment)
			err := db.Update(t.Context(), increment)
			want := 1
			if moment == "COMMIT\x00" {
				if !errors.Is(err, sqldb.ErrOutcomeUnknown) {
					t.Errorf("Update = %v, want ErrOutcomeUnknown", err)
				}
				want = 0
			} else if err != nil {
				t.Errorf("Update = %v, want that it is run again", err)
			}
			// Whoever used one of the other connections now would wait for an hour.
			sqldb.StatementFor(db, time.Hour)
			fill(t, db)
			if got := get[int](t, db, "SELECT n FROM counters"); got != want {
				t.Errorf("n = %d, want %d", got, want)
			}
			if tries := p.Came() - came; tries > 0 {
				t.Errorf("it was tried %d times again, before the other", tries)
			}
		})
	}
}

// fill has as many Views at once as there are connections.
func fill(t *testing.T, db *sqldb.DB) {
	t.Helper()
	n := sqldb.PoolSize(db)
	all := newBarrier(n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := sqldb.One(ctx, tx, value[int], "SELECT 1")
				all.wait()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestSlowStatement shows that a statement has a limit, and that it can be lifted.
func TestSlowStatement(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	sqldb.StatementFor(db, 50*time.Millisecond)
	sqldb.RetryFor(db, 200*time.Millisecond)
	sleep := func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_sleep(0.2)")
		return err
	}
	for name, run := range map[string]func(context.Context, func(context.Context, *sqldb.Tx) error) error{"View": db.View, "Update": db.Update} {
		if err := run(t.Context(), sleep); !errors.Is(err, sqldb.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s = %v, want ErrUnavailable and not the caller's deadline", name, err)
		}
		sqldb.StatementFor(db, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := run(ctx, sleep); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s = %v, want the caller's deadline", name, err)
		}
		cancel()
		sqldb.StatementFor(db, 50*time.Millisecond)
		err := run(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error { return sleep(sqldb.Unhurried(ctx), tx) })
		if err != nil {
			t.Errorf("%s, unhurried = %v, want nil", name, err)
		}
	}
}

// TestNoConnectionIsFree shows that nobody waits for one without an end.
func TestNoConnectionIsFree(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	n := sqldb.PoolSize(db)
	there := newBarrier(n + 1)
	release := make(chan struct{})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			_ = db.View(t.Context(), func(context.Context, *sqldb.Tx) error {
				there.wait()
				<-release
				return nil
			})
		})
	}
	there.wait()
	sqldb.RetryFor(db, 50*time.Millisecond)
	if err := db.Update(t.Context(), increment); !errors.Is(err, sqldb.ErrBusy) {
		t.Errorf("Update = %v, want ErrBusy", err)
	}
	close(release)
	wg.Wait()
}

// TestManyWhoWaitMakeFewTries has many callers wait for a server that is gone.
func TestManyWhoWaitMakeFewTries(t *testing.T) {
	p := sqltest.NewProxy(t)
	db := sqltest.Open(t, p.URL)
	counter(t, db)
	sqldb.RetryFor(db, 500*time.Millisecond)
	p.GoDown()
	sqldb.Reconnect(db)
	before, began := p.Came(), time.Now()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if err := db.Update(t.Context(), increment); !errors.Is(err, sqldb.ErrUnavailable) {
				t.Errorf("Update = %v, want ErrUnavailable", err)
			}
		})
	}
	wg.Wait()
	rounds := int(time.Since(began)/(100*time.Millisecond)) + 2
	if tries, most := p.Came()-before, rounds*sqldb.PoolSize(db); tries > most {
		t.Errorf("200 callers made %d tries, want at most %d", tries, most)
	}
}

// TestMigrationsGoOnAfterALoss cuts the connection on which they work.
func TestMigrationsGoOnAfterALoss(t *testing.T) {
	for name, lose := range map[string]func(p *sqltest.Proxy, text string){"answer": (*sqltest.Proxy).LoseAnswer, "question": (*sqltest.Proxy).LoseQuestion} {
		for _, moment := range []string{"pg_advisory_xact_lock", "CREATE TABLE webhooks", "INSERT INTO goose_db_version", "COMMIT"} {
			p := sqltest.NewProxy(t)
			db := sqltest.Open(t, p.URL)
			update(t, db, "DROP SCHEMA public CASCADE")
			update(t, db, "CREATE SCHEMA public")
			lose(p, moment)
			if err := db.Migrate(t.Context()); err != nil {
				t.Errorf("%s lost at %q: Migrate = %v", name, moment, err)
			}
			if p.Cuts() != 1 {
				t.Errorf("%q: no connection was cut", moment)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestOpenSaysWhatIsWrongWithEachServer opens a database on several.
func TestOpenSaysWhatIsWrongWithEachServer(t *testing.T) {
	p := sqltest.NewProxy(t)
	_, both := p.Beside(t)
	readOnly := both + "&default_transaction_read_only=on"
	if _, err := sqldb.Open(t.Context(), readOnly); !errors.Is(err, sqldb.ErrUnavailable) || strings.Count(err.Error(), ": takes no writes") != 2 || strings.Contains(err.Error(), "\n") {
		t.Errorf("Open = %v, want one line that says of both servers that they take no writes", err)
	}
	p.Refuse("application_name\x00", "57P03")
	sqltest.Open(t, both) // the other one does
	for hidden, want := range map[string]string{"error": "warning", "notice": "notice"} {
		db := sqltest.Open(t, both+"&client_min_messages="+hidden)
		if got := get[string](t, db, "SHOW client_min_messages"); got != want {
			t.Errorf("where %s is the least, warnings come from %s on, want %s", hidden, got, want)
		}
	}
}
