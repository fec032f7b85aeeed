package sqldb_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// held is a SQLite database whose writer is busy with one closure until release
// is called, so that what a test starts meanwhile ends up in its group.
type held struct {
	*sqldb.DB
	log
	t        *testing.T
	proceed  chan struct{}
	finished sync.WaitGroup
	results  sync.Map // of the calls that go started, by name
}

func hold(t *testing.T) *held {
	t.Helper()
	h := &held{DB: sqltest.Open(t, sqltest.SQLite(t)), t: t, proceed: make(chan struct{})}
	update(t, h.DB, "CREATE TABLE parents (id TEXT PRIMARY KEY)")
	update(t, h.DB, "CREATE TABLE children (id TEXT PRIMARY KEY, parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")
	update(t, h.DB, "CREATE TABLE blobs (data BYTEA)")
	if err := sqldb.OnWriter(h.DB, "PRAGMA max_page_count = 1000"); err != nil {
		t.Fatal(err)
	}
	h.Observe = h.observe
	inside := make(chan struct{}, 1)
	first := true
	h.finished.Go(func() {
		err := h.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if first {
				first = false
				inside <- struct{}{}
				<-h.proceed
			}
			return h.row(ctx, tx, "first")
		})
		h.results.Store("first", err)
	})
	<-inside
	return h
}

// row inserts a row with the given name.
func (h *held) row(ctx context.Context, tx *sqldb.Tx, name string) error {
	_, err := tx.Exec(ctx, "INSERT INTO patients (patient_id) VALUES ($1)", name)
	return err
}

// start calls Update, and returns when it is in the queue.
func (h *held) start(ctx context.Context, name string, fn func(context.Context, *sqldb.Tx) error) {
	h.t.Helper()
	queued := sqldb.Queued(h.DB)
	h.finished.Go(func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
			h.results.Store(name, err)
		}()
		err = h.Update(ctx, fn)
	})
	for sqldb.Queued(h.DB) == queued {
		runtime.Gosched()
	}
}

// good starts an Update that should succeed.
func (h *held) good(name string) {
	h.t.Helper()
	h.start(h.t.Context(), name, func(ctx context.Context, tx *sqldb.Tx) error { return h.row(ctx, tx, name) })
}

// release lets the group run and waits until all are answered.
func (h *held) release() {
	close(h.proceed)
	h.finished.Wait()
}

func (h *held) result(name string) error {
	v, _ := h.results.Load(name)
	err, _ := v.(error)
	return err
}

// want checks that exactly the Updates with these names and the first one are
// in the database, and were told so.
func (h *held) want(names ...string) {
	h.t.Helper()
	names = append([]string{"first"}, names...)
	for _, name := range names {
		if err := h.result(name); err != nil {
			h.t.Errorf("%s: %v, want success", name, err)
		}
	}
	var got []string
	err := h.View(h.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		got, err = sqldb.All(ctx, tx, value[string], "SELECT patient_id FROM patients ORDER BY patient_id")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		h.t.Errorf("in the database: %v, want %v", got, names)
	}
}

func TestWaitingUpdatesShareACommit(t *testing.T) {
	h := hold(t)
	names := make([]string, 40)
	for i := range names {
		names[i] = fmt.Sprintf("good %02d", i)
		h.good(names[i])
	}
	h.release()
	h.want(names...)
	if n := h.count("COMMIT"); n != 1 {
		t.Errorf("%d COMMITs for %d Updates, want 1", n, len(names)+1)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	h := hold(t)
	names := make([]string, 99)
	for i := range names {
		names[i] = fmt.Sprintf("good %02d", i)
		h.good(names[i])
	}
	h.release()
	h.want(names...)
	if n := h.count("COMMIT"); n != 2 {
		t.Errorf("%d COMMITs for 100 Updates, want 2: 64 and 36", n)
	}
}

func TestNobodyInAGroupIsHurtByAnother(t *testing.T) {
	type closure = func(context.Context, *sqldb.Tx) error
	bad := map[string]struct {
		fn      func(h *held, caller context.Context, cancel func()) closure
		commits int // 1 of the group, or one for each who is run again
		want    func(error) bool
	}{
		"error": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error { return cmp.Or(h.row(ctx, tx, "bad"), errStop) }
		}, 1, func(err error) bool { return errors.Is(err, errStop) }},
		"failed statement": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				return cmp.Or(h.row(ctx, tx, "bad"), h.row(ctx, tx, "bad"))
			}
		}, 1, sqldb.IsUnique},
		"panic": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error { panic(cmp.Or(h.row(ctx, tx, "bad"), errStop)) }
		}, 1, func(err error) bool { return err.Error() == "panic: stop" }},
		"cancelled in the middle": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				err := h.row(caller, tx, "bad")
				cancel()
				return cmp.Or(err, ctx.Err(), h.row(caller, tx, "bad too"))
			}
		}, 1, func(err error) bool { return errors.Is(err, context.Canceled) }},
		"transaction undone": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "ROLLBACK") // as SQLite does after some errors
				return cmp.Or(err, errStop)
			}
		}, 3, func(err error) bool { return errors.Is(err, errStop) }},
		"undone in a savepoint": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				_ = tx.Savepoint(ctx, func() error {
					_, err := tx.Exec(ctx, "ROLLBACK")
					return cmp.Or(err, errStop)
				})
				return h.row(ctx, tx, "bad") // would be committed by itself
			}
		}, 3, func(err error) bool { return err != nil }},
		"commit refused": {func(h *held, caller context.Context, cancel func()) closure {
			return func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO children (id, parent) VALUES ('bad', 'nobody')")
				return err
			}
		}, 5, func(err error) bool { return err != nil && !errors.Is(err, sqldb.ErrOutcomeUnknown) }},
	}
	for name, tt := range bad {
		t.Run(name, func(t *testing.T) {
			h := hold(t)
			caller, cancel := context.WithCancel(t.Context())
			defer cancel()
			h.good("before")
			h.start(caller, "bad", tt.fn(h, caller, cancel))
			h.good("behind")
			h.release()
			h.want("before", "behind")
			if err := h.result("bad"); err == nil || !tt.want(err) {
				t.Errorf("the bad one got %v", err)
			}
			if n := h.count("COMMIT"); n != tt.commits {
				t.Errorf("%d COMMITs, want %d", n, tt.commits)
			}
		})
	}
}

func TestCancelledWhileWaitingNeverRuns(t *testing.T) {
	h := hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.good("before")
	done := make(chan error)
	go func() {
		done <- h.Update(ctx, func(context.Context, *sqldb.Tx) error {
			t.Error("the closure of a caller who had gone ran")
			return nil
		})
	}()
	for sqldb.Queued(h.DB) < 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) { // answered while the writer is held
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	h.good("behind")
	h.release()
	h.want("before", "behind")
}

func TestFullDiskHurtsOnlyWhoFillsIt(t *testing.T) {
	h := hold(t)
	h.good("before")
	h.start(t.Context(), "bad", func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO blobs (data) VALUES (zeroblob(10000000))")
		return err
	})
	h.good("behind")
	h.release()
	h.want("before", "behind")
	if err := h.result("bad"); !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("the bad one got %v, want ErrUnavailable", err)
	}
}

func TestFullQueueIsBusy(t *testing.T) {
	h := hold(t)
	for range sqldb.MaxQueue {
		h.finished.Go(func() { _ = h.Update(t.Context(), func(context.Context, *sqldb.Tx) error { return nil }) })
	}
	for sqldb.Queued(h.DB) < sqldb.MaxQueue {
		runtime.Gosched()
	}
	err := h.Update(t.Context(), func(context.Context, *sqldb.Tx) error { return nil })
	if !errors.Is(err, sqldb.ErrBusy) {
		t.Errorf("Update = %v, want ErrBusy", err)
	}
	h.release()
}

func TestWriterGetsAnotherConnection(t *testing.T) {
	for name, spoil := range map[string]func(*sqldb.DB) error{
		"stray transaction": func(db *sqldb.DB) error { return sqldb.OnWriter(db, "BEGIN") },
		"closed":            func(db *sqldb.DB) error { sqldb.CloseWriter(db); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			db := sqltest.Open(t, sqltest.SQLite(t))
			counter(t, db)
			if err := spoil(db); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := db.Update(t.Context(), increment); err != nil {
					t.Error(err)
				}
			}
			if n := get[int](t, db, "SELECT n FROM counters"); n != 2 {
				t.Errorf("n = %d, want 2", n)
			}
		})
	}
}
