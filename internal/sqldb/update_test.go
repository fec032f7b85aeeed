package sqldb_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

var errStop = errors.New("stop")

func TestUpdateIsAllOrNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if err := increment(ctx, tx); err != nil {
				return err
			}
			return errStop
		})
		if !errors.Is(err, errStop) {
			t.Errorf("Update = %v, want the closure's error", err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 0 {
			t.Errorf("n = %d after a failed Update, want 0", n)
		}
	})
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		const clients = 64
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				if err := db.Update(t.Context(), increment); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := get[int](t, db, "SELECT n FROM counters"); n != clients {
			t.Errorf("n = %d, want %d", n, clients)
		}
	})
}

func TestAnsweredIsVisibleToOthers(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		t.Run(name, func(t *testing.T) {
			address := url(t)
			db, other := sqltest.Open(t, address), sqltest.Open(t, address)
			counter(t, db)
			for want := 1; want <= 50; want++ {
				if err := db.Update(t.Context(), increment); err != nil {
					t.Fatal(err)
				}
				if n := get[int](t, other, "SELECT n FROM counters"); n != want {
					t.Fatalf("another connection reads %d, want %d", n, want)
				}
			}
		})
	}
}

func TestViewIsOneSnapshotAndReadOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for range 2 {
				n, err := sqldb.One(ctx, tx, value[int], "SELECT n FROM counters")
				if err != nil || n != 0 {
					t.Errorf("n = %d, %v, want 0", n, err)
				}
				if err := db.Update(t.Context(), increment); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 2 {
			t.Errorf("a later View reads %d, want 2", n)
		}
		err = db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE counters SET n = 7")
			return err
		})
		if err == nil {
			t.Error("a View may write, want an error")
		}
	})
}

func TestFailedStatementEndsTheTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var later error
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if err := increment(ctx, tx); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO counters (id, n) VALUES (1, 0)")
			if !sqldb.IsUnique(err) {
				t.Errorf("IsUnique(%v) = false, want true", err)
			}
			_, later = tx.Exec(ctx, "UPDATE counters SET n = 9")
			return nil
		})
		if !sqldb.IsUnique(err) {
			t.Errorf("Update = %v, want the statement's error though the closure forgot it", err)
		}
		if later == nil {
			t.Error("a statement ran after one had failed")
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 0 {
			t.Errorf("n = %d, want 0", n)
		}
	})
}

func TestSavepointUndoesWhatFailed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var ran []string
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			tx.AfterCommit(func() { ran = append(ran, "outer") })
			err := tx.Savepoint(ctx, func() error { return increment(ctx, tx) })
			if err != nil {
				return err
			}
			err = tx.Savepoint(ctx, func() error {
				tx.AfterCommit(func() { ran = append(ran, "undone") })
				if err := tx.Savepoint(ctx, func() error { return increment(ctx, tx) }); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "INSERT INTO counters (id, n) VALUES (1, 0)")
				return err
			})
			if !sqldb.IsUnique(err) {
				t.Errorf("Savepoint = %v, want a unique violation", err)
			}
			err = tx.Savepoint(ctx, func() error {
				if err := increment(ctx, tx); err != nil {
					return err
				}
				return errStop
			})
			if !errors.Is(err, errStop) {
				t.Errorf("Savepoint = %v, want fn's error", err)
			}
			return tx.Savepoint(ctx, func() error { return increment(ctx, tx) })
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 2 {
			t.Errorf("n = %d, want 2: the first and the last increment", n)
		}
		if len(ran) != 1 || ran[0] != "outer" {
			t.Errorf("AfterCommit ran %v, want [outer]", ran)
		}
	})
}

func TestSavepointFailsIfAStatementInItDid(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			err := tx.Savepoint(ctx, func() error {
				_, _ = tx.Exec(ctx, "INSERT INTO counters (id, n) VALUES (1, 0)")
				return nil
			})
			if !sqldb.IsUnique(err) {
				t.Errorf("Savepoint = %v, want the statement's error", err)
			}
			return increment(ctx, tx)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAfterCommitRunsAfterCommitOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var seen []int
		for _, want := range []error{nil, errStop} {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				tx.AfterCommit(func() { seen = append(seen, get[int](t, db, "SELECT n FROM counters")) })
				if err := increment(ctx, tx); err != nil {
					return err
				}
				return want
			})
			if !errors.Is(err, want) {
				t.Errorf("Update = %v, want %v", err, want)
			}
		}
		if len(seen) != 1 || seen[0] != 1 {
			t.Errorf("AfterCommit saw %v, want [1]", seen)
		}
	})
}

func TestNestingIsAnError(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nothing := func(context.Context, *sqldb.Tx) error { return nil }
		for name, outer := range map[string]func(context.Context, func(context.Context, *sqldb.Tx) error) error{"View": db.View, "Update": db.Update} {
			err := outer(t.Context(), func(ctx context.Context, _ *sqldb.Tx) error {
				if err := db.View(ctx, nothing); !errors.Is(err, sqldb.ErrNested) {
					t.Errorf("View in %s = %v, want ErrNested", name, err)
				}
				if err := db.Update(ctx, nothing); !errors.Is(err, sqldb.ErrNested) {
					t.Errorf("Update in %s = %v, want ErrNested", name, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// A connection lost by each of these would leave none for the last Update.
func TestNoWayOutOfAClosureLosesAConnection(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		fail := func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, "SELECT no_such_column FROM counters")
			return err
		}
		ways := map[string]func(context.Context, *sqldb.Tx) error{
			"error": func(context.Context, *sqldb.Tx) error { return errStop },
			"fail":  fail,
			"panic": func(ctx context.Context, tx *sqldb.Tx) error {
				_, _ = tx.Exec(ctx, "UPDATE counters SET n = 9")
				panic("stop")
			},
			"panic in a savepoint": func(ctx context.Context, tx *sqldb.Tx) error {
				return tx.Savepoint(ctx, func() error { panic("stop") })
			},
			"panic in a scan": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := sqldb.All(ctx, tx, func(sqldb.Row) (int, error) { panic("stop") }, "SELECT n FROM counters")
				return err
			},
			"exit": func(context.Context, *sqldb.Tx) error { runtime.Goexit(); return nil },
		}
		for name, fn := range ways {
			for range 12 {
				var wg sync.WaitGroup
				for _, run := range []func(context.Context, func(context.Context, *sqldb.Tx) error) error{db.View, db.Update} {
					wg.Add(1)
					go func() { // not wg.Go, which does not forgive a panic
						defer wg.Done()
						defer func() { _ = recover() }()
						if err := run(t.Context(), fn); err == nil {
							t.Errorf("%s: no error", name)
						}
					}()
				}
				wg.Wait()
			}
		}
		if err := db.Update(t.Context(), increment); err != nil {
			t.Error(err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 1 {
			t.Errorf("n = %d, want 1", n)
		}
	})
}

func TestPanicReachesTheCaller(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		defer func() {
			if got, _ := recover().(error); !errors.Is(got, errStop) {
				t.Errorf("recovered %v, want the closure's panic", got)
			}
		}()
		_ = db.Update(t.Context(), func(context.Context, *sqldb.Tx) error { panic(errStop) })
		t.Error("Update returned, want a panic")
	})
}

func TestEndedTransactionIsOfNoUse(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var kept *sqldb.Tx
		err := db.Update(t.Context(), func(_ context.Context, tx *sqldb.Tx) error {
			kept = tx
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Exec(t.Context(), "UPDATE counters SET n = 9"); err == nil {
			t.Error("a statement ran after its transaction")
		}
	})
}

func TestCancelledCaller(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, run := range map[string]func(context.Context, func(context.Context, *sqldb.Tx) error) error{"View": db.View, "Update": db.Update} {
			err := run(ctx, func(context.Context, *sqldb.Tx) error {
				t.Errorf("%s ran for a caller who had gone", name)
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v, want context.Canceled", name, err)
			}
		}
	})
}

func TestCancellationEndsAView(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		one := "1"
		if db.Engine() == sqldb.SQLite {
			one = "test_stepping()" // which calls what stepping holds
		}
		endless := `WITH RECURSIVE c (n) AS (SELECT ` + one + ` UNION ALL SELECT 3 - n FROM c) SELECT COUNT(*) FROM c`
		for range 10 { // more often than there are readers
			ctx, cancel := context.WithCancel(t.Context())
			stepping.Store(&cancel)
			db.Observe = func(_ context.Context, statement string) error {
				if db.Engine() == sqldb.Postgres && statement == endless {
					go cancel()
				}
				return nil
			}
			err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := sqldb.One(ctx, tx, value[int], endless)
				return err
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("View = %v, want context.Canceled", err)
			}
			cancel()
		}
		db.Observe = nil
		if got := get[int](t, db, "SELECT CAST(7 AS BIGINT)"); got != 7 {
			t.Errorf("a later View reads %d, want 7", got)
		}
	})
}

func TestCancellationEndsRows(t *testing.T) {
	const rows = `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c`
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := sqldb.All(ctx, tx, func(sqldb.Row) (int, error) { cancel(); return 0, nil }, rows)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("View = %v, want context.Canceled", err)
		}
	})
}

func TestCloseWaitsAndThenRefuses(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		inside, proceed := make(chan struct{}, 2), make(chan struct{})
		var wg sync.WaitGroup
		wait := func(ctx context.Context, tx *sqldb.Tx) error {
			inside <- struct{}{}
			<-proceed
			_, err := sqldb.One(ctx, tx, value[int], "SELECT n FROM counters")
			return err
		}
		for _, run := range []func(context.Context, func(context.Context, *sqldb.Tx) error) error{db.View, db.Update} {
			wg.Go(func() {
				if err := run(t.Context(), wait); err != nil {
					t.Errorf("one who was there before Close: %v", err)
				}
			})
		}
		<-inside
		<-inside
		wg.Go(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		for !sqldb.Closing(db) {
			runtime.Gosched()
		}
		close(proceed)
		wg.Wait()
		if err := db.Update(t.Context(), increment); !errors.Is(err, sqldb.ErrUnavailable) {
			t.Errorf("Update after Close = %v, want ErrUnavailable", err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("second Close = %v, want nil", err)
		}
	})
}

func TestObserverFailsAStatement(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		for _, at := range []string{"BEGIN", "UPDATE counters", "COMMIT"} {
			db.Observe = func(_ context.Context, statement string) error {
				if len(statement) >= len(at) && statement[:len(at)] == at {
					return errStop
				}
				return nil
			}
			if err := db.Update(t.Context(), increment); !errors.Is(err, errStop) {
				t.Errorf("%s: Update = %v, want the observer's error", at, err)
			}
		}
		db.Observe = nil
		if err := db.Update(t.Context(), increment); err != nil {
			t.Error(err)
		}
		if n := get[int](t, db, "SELECT n FROM counters"); n != 1 {
			t.Errorf("n = %d, want 1", n)
		}
	})
}

func TestErrorsHoldNoValues(t *testing.T) {
	const secret = "ann@example.org"
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		update(t, db, "CREATE TABLE people (email TEXT PRIMARY KEY, age BIGINT CHECK (age > 0))")
		update(t, db, "INSERT INTO people (email, age) VALUES ($1, 7)", secret)
		tests := map[string]func(context.Context, *sqldb.Tx) error{
			"unique": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO people (email, age) VALUES ($1, 7)", secret)
				return err
			},
			"check": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE people SET age = -1")
				return err
			},
			"scan": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := sqldb.One(ctx, tx, value[int], "SELECT email FROM people")
				return err
			},
			"binding": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE people SET email = $1", []string{secret})
				return err
			},
			"text": func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE people SET email = $1", secret+"\x00")
				return err
			},
		}
		if db.Engine() == sqldb.Postgres {
			tests["cast"] = func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE people SET age = CAST(email AS BIGINT)")
				return err
			}
			tests["type"] = func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE people SET age = $1", secret)
				return err
			}
		}
		for name, fn := range tests {
			err := db.Update(t.Context(), fn)
			if err == nil {
				t.Errorf("%s: no error", name)
			} else if containsAny(err.Error(), secret, "ann") {
				t.Errorf("%s: the error holds a value: %v", name, err)
			}
		}
	})
}

func TestTextIsCheckedInGo(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		type name string
		for _, bad := range []any{"a\x00b", "a\xffb", name("\x00"), new("\xff")} {
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := sqldb.One(ctx, tx, value[string], "SELECT CAST($1 AS TEXT)", bad)
				return err
			})
			if !errors.Is(err, sqldb.ErrInvalidText) || errs.KindOf(err) != errs.Invalid {
				t.Errorf("%q: %v, want ErrInvalidText", bad, err)
			}
		}
		if got := get[string](t, db, "SELECT CAST($1 AS TEXT)", name("Zoë 🦷")); got != "Zoë 🦷" {
			t.Errorf("read %q, want what was bound", got)
		}
	})
}
