package sqldb_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// A program that is frozen inside a transaction has others wait for its locks, but
// not for ever; when it goes on, it finds that it has to begin again.
func TestAFrozenTransactionGivesUpItsLocks(t *testing.T) {
	address := sqltest.Postgres(t)
	db := sqltest.Open(t, address)
	counter(t, db)
	frozen := sqltest.Open(t, address+"&idle_in_transaction_session_timeout=100")
	locked, thawed := make(chan struct{}), make(chan struct{})
	runs := 0
	result := make(chan error, 1)
	go func() {
		result <- frozen.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			runs++
			if _, err := tx.Exec(ctx, "UPDATE counters SET n = n + 1 WHERE id = 1"); err != nil {
				return err
			}
			if runs == 1 {
				close(locked)
				<-thawed
			}
			_, err := tx.Exec(ctx, "UPDATE counters SET n = n + 10 WHERE id = 1")
			return err
		})
	}()
	<-locked
	update(t, db, "UPDATE counters SET n = n + 100 WHERE id = 1") // waits for the lock
	close(thawed)
	if err := <-result; err != nil || runs != 2 {
		t.Errorf("the frozen Update: %v after %d runs, want nil after 2", err, runs)
	}
	if n := get[int](t, db, "SELECT n FROM counters"); n != 111 {
		t.Errorf("n = %d, want 111", n)
	}
}

func TestTransactionsMayNotRestForLong(t *testing.T) {
	for parameter, want := range map[string]string{"": "10s", "&idle_in_transaction_session_timeout=3000": "3s"} {
		db := sqltest.Open(t, sqltest.Postgres(t)+parameter)
		if got := get[string](t, db, "SHOW idle_in_transaction_session_timeout"); got != want {
			t.Errorf("with %q: %s, want %s", parameter, got, want)
		}
	}
}

func TestTheAddressSaysHowManyConnections(t *testing.T) {
	address := sqltest.Postgres(t)
	if n, want := sqldb.PoolSize(sqltest.Open(t, address)), max(8, 4*runtime.GOMAXPROCS(0)); n != want {
		t.Errorf("%d connections, want %d", n, want)
	}
	if n := sqldb.PoolSize(sqltest.Open(t, address+"&pool_max_conns=3")); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
	for _, wrong := range []string{"1", "many", "-3"} {
		if _, err := sqldb.Open(t.Context(), address+"&pool_max_conns="+wrong); err == nil || !strings.Contains(err.Error(), "pool_max_conns") {
			t.Errorf("pool_max_conns=%s: %v, want an error that names it", wrong, err)
		}
	}
}
