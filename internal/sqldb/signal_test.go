package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// pending reports whether a watcher was woken up, and takes it in.
func pending(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestASignalComesAfterItsCommitOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		watched, cancel := db.Watch("a")
		defer cancel()
		other, cancelOther := db.Watch("b")
		defer cancelOther()
		gone := errors.New("gone")
		update := func(topics ...string) {
			t.Helper()
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				for _, topic := range topics {
					tx.Signal(topic)
				}
				if pending(watched) {
					t.Error("woken up before the commit")
				}
				return tx.Savepoint(ctx, func() error { return nil })
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		update("a", "a")
		if !pending(watched) || pending(watched) || pending(other) {
			t.Error("want one signal for who watches a, however many came, and none for who watches b")
		}
		for name, undone := range map[string]func(ctx context.Context, tx *sqldb.Tx) error{
			"an update that fails": func(_ context.Context, tx *sqldb.Tx) error {
				tx.Signal("a")
				return gone
			},
			"a savepoint that fails": func(ctx context.Context, tx *sqldb.Tx) error {
				err := tx.Savepoint(ctx, func() error {
					tx.Signal("a")
					return gone
				})
				if !errors.Is(err, gone) {
					return err
				}
				return nil
			},
		} {
			if err := db.Update(t.Context(), undone); err != nil && !errors.Is(err, gone) {
				t.Fatal(err)
			}
			if pending(watched) {
				t.Errorf("%s woke somebody up", name)
			}
		}
		cancel()
		cancel()
		update("a", "b")
		if pending(watched) || !pending(other) {
			t.Error("want no signal after cancel, and still one for who watches b")
		}
	})
}

// TestWatchersComeAndGoWhileOthersCommit has many do all at once. Nobody reads, and
// no commit waits for that.
func TestWatchersComeAndGoWhileOthersCommit(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		stays, cancel := db.Watch("t1")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 20 {
					_, cancel := db.Watch(fmt.Sprint("t", i%2))
					defer cancel()
				}
			})
			wg.Go(func() {
				for range 10 {
					err := db.Update(t.Context(), func(_ context.Context, tx *sqldb.Tx) error {
						tx.Signal(fmt.Sprint("t", i%2))
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if !pending(stays) {
			t.Error("who stayed was not woken up")
		}
		cancel()
		if n := sqldb.Watched(db); n != 0 {
			t.Errorf("%d topics are kept after the last watcher left, want 0", n)
		}
	})
}
