package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// reads has somebody read a table in a transaction that goes on until done is called.
func reads(t *testing.T, db *sqldb.DB, table string) (done func()) {
	t.Helper()
	reading, over, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := sqldb.One(ctx, tx, value[int], "SELECT COUNT(*) FROM "+table)
			close(reading)
			<-over
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-reading
	return func() {
		close(over)
		<-ended
	}
}

// changing is a program with one more step, which needs a lock on users.
func changing(t *testing.T, address string) *sqldb.DB {
	t.Helper()
	db := sqltest.Open(t, address)
	steps := stepsUpTo(t, 99999).(fstest.MapFS)
	steps["99999_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE users ADD COLUMN more TEXT;\n")}
	db.Steps = steps
	return db
}

// A step that waits for a lock has everybody wait who comes after it. So it gives up
// after a short while, lets them through, and tries again.
func TestAStepLetsOthersPass(t *testing.T) {
	address := sqltest.Postgres(t)
	db, newer := sqltest.Open(t, address), changing(t, address)
	sqldb.StepsWait(newer, 100*time.Millisecond, time.Hour)
	tries := make(chan struct{}, 1000)
	newer.Observe = func(_ context.Context, statement string) error {
		if strings.HasPrefix(statement, "\nALTER TABLE users") || strings.HasPrefix(statement, "ALTER TABLE users") {
			tries <- struct{}{}
		}
		return nil
	}
	done := reads(t, db, "users")
	migrated := make(chan error, 1)
	go func() { migrated <- newer.Migrate(t.Context()) }()
	<-tries
	for waiting := 0; waiting == 0; { // the step waits for who reads
		waiting = get[int](t, db, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = current_setting('application_name') AND wait_event_type = 'Lock'")
	}
	get[int](t, db, "SELECT COUNT(*) FROM users") // which waits behind the step
	<-tries
	done()
	if err := <-migrated; err != nil {
		t.Errorf("Migrate = %v, want nil once nobody reads", err)
	}
	if err := newer.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAStepThatGetsNoLockSaysSo(t *testing.T) {
	address := sqltest.Postgres(t)
	db, newer := sqltest.Open(t, address), changing(t, address)
	sqldb.StepsWait(newer, 10*time.Millisecond, 50*time.Millisecond)
	done := reads(t, db, "users")
	if err := newer.Migrate(t.Context()); !errors.Is(err, sqldb.ErrBusy) || !strings.Contains(err.Error(), "version:99999") {
		t.Errorf("Migrate = %v, want ErrBusy and the step", err)
	}
	done()
	if err := newer.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate again = %v, want nil", err)
	}
}
