package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestNowIsOneInstantUntilRowsAreLocked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		clock := sqltest.ClockOf(db)
		clock.Set(sqltest.Start.Add(1500 * time.Nanosecond))
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			first := tx.Now()
			if want := sqltest.Start.Add(time.Microsecond); first != want {
				t.Errorf("Now = %v, want %v: UTC, whole microseconds", first, want)
			}
			clock.Advance(time.Minute)
			if _, err := sqldb.One(ctx, tx, value[int], "SELECT n FROM counters"); err != nil {
				return err
			}
			if got := tx.Now(); got != first {
				t.Errorf("Now = %v after a read, want the same %v", got, first)
			}
			for _, lock := range []func() string{tx.ForUpdate, tx.ForNoKeyUpdate, tx.ForKeyShare} {
				// The argument reads the clock after the lock was asked for and before it is had.
				_, err := sqldb.One(ctx, tx, value[int], "SELECT n FROM counters WHERE n < $1"+lock(), tx.Now().Year())
				if err != nil {
					return err
				}
				if got := tx.Now(); got != clock.Now().Truncate(time.Microsecond) {
					t.Errorf("Now = %v after a lock, want %v", got, clock.Now())
				}
				clock.Advance(time.Minute)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestNowIsTheServersOnPostgres(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	db.Clock = nil
	var l log
	db.Observe = l.observe
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		before, err := sqldb.One(ctx, tx, value[int64], "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")
		if err != nil {
			return err
		}
		now := tx.Now()
		if now != tx.Now() || now.UnixMicro() < before || now.Location() != time.UTC {
			t.Errorf("Now = %v, want one instant, in UTC, not before %d", now, before)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := l.count("SELECT clock_timestamp()"); n != 1 {
		t.Errorf("the clock was read %d times, want 1", n)
	}
}

func TestReadingTheClockIsNotTheLock(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	db.Clock = nil
	var l log
	db.Observe = l.observe
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		query := "SELECT n FROM counters WHERE n < $1" + tx.ForUpdate()
		if _, err := sqldb.One(ctx, tx, value[int], query, tx.Now().Year()); err != nil {
			return err
		}
		tx.Now()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := l.count("SELECT clock_timestamp()"); n != 2 {
		t.Errorf("the clock was read %d times, want 2: before the lock and after it", n)
	}
}

func TestUnreadableClockFailsTheTransaction(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	counter(t, db)
	db.Clock = nil
	db.Observe = func(_ context.Context, statement string) error {
		if strings.Contains(statement, "clock_timestamp") {
			return errStop
		}
		return nil
	}
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_ = tx.Savepoint(ctx, func() error {
			if now := tx.Now(); !now.IsZero() {
				t.Errorf("Now = %v, want the zero time", now)
			}
			return errors.New("which undoes the savepoint, but not that the clock was unreadable")
		})
		return nil
	})
	if !errors.Is(err, errStop) {
		t.Errorf("Update = %v, want the clock's error", err)
	}
}

func TestNowWithoutAClockIsTheProcesss(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	db.Clock = nil
	before := time.Now().Truncate(time.Microsecond)
	if now := db.Now(); now.Before(before) || now.After(time.Now()) || now.Location() != time.UTC {
		t.Errorf("Now = %v, want now in UTC", now)
	}
}

func TestInstantRoundTrip(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		update(t, db, "CREATE TABLE times (id BIGINT PRIMARY KEY, at BIGINT)")
		newYork, err := time.LoadLocation("America/New_York")
		if err != nil {
			t.Fatal(err)
		}
		for i, in := range []time.Time{
			{},
			time.UnixMicro(0).UTC(),
			time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			time.Date(2027, 3, 14, 3, 0, 0, 123_456_789, newYork),
		} {
			update(t, db, "INSERT INTO times (id, at) VALUES ($1, $2)", i, sqldb.Instant(in))
			out := time.Time(get[sqldb.Instant](t, db, "SELECT at FROM times WHERE id = $1", i))
			if want := in.Truncate(time.Microsecond); !out.Equal(want) || out.Location() != time.UTC {
				t.Errorf("%v came back as %v", in, out)
			}
		}
		if n := get[int](t, db, "SELECT COUNT(*) FROM times WHERE at IS NULL"); n != 1 {
			t.Errorf("%d NULLs, want 1: the zero time", n)
		}
	})
}

func TestTimesAreBoundAsInstants(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := sqldb.One(ctx, tx, value[int64], "SELECT CAST($1 AS BIGINT)", sqltest.Start)
			return err
		})
		if err == nil {
			t.Error("a time.Time was bound, want an error")
		}
	})
}
