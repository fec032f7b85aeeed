package sqldb_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestValuesAndIn(t *testing.T) {
	groups, args := sqldb.Values([]any{"a", 1}, []any{"b", 2})
	if want := "($1,$2),($3,$4)"; groups != want {
		t.Errorf("groups = %q, want %q", groups, want)
	}
	if want := []any{"a", 1, "b", 2}; !slices.Equal(args, want) {
		t.Errorf("args = %v, want %v", args, want)
	}
	for _, tt := range []struct {
		from, n int
		want    string
	}{{1, 1, "$1"}, {3, 3, "$3,$4,$5"}, {9, 2, "$9,$10"}, {1, 0, "NULL"}} {
		if got := sqldb.In(tt.from, tt.n); got != tt.want {
			t.Errorf("In(%d, %d) = %q, want %q", tt.from, tt.n, got, tt.want)
		}
	}
}

func TestAllAndOne(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		update(t, db, "CREATE TABLE letters (id BIGINT PRIMARY KEY, letter TEXT NOT NULL)")
		groups, args := sqldb.Values([]any{1, "a"}, []any{2, "b"}, []any{3, "c"})
		update(t, db, "INSERT INTO letters (id, letter) VALUES "+groups, args...)
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			all, err := sqldb.All(ctx, tx, value[string], "SELECT letter FROM letters WHERE id IN ("+sqldb.In(1, 2)+") ORDER BY id", 1, 3)
			if err != nil || !slices.Equal(all, []string{"a", "c"}) {
				t.Errorf("All = %v, %v, want [a c]", all, err)
			}
			none, err := sqldb.All(ctx, tx, value[string], "SELECT letter FROM letters WHERE id IN ("+sqldb.In(1, 0)+")")
			if err != nil || none == nil || len(none) != 0 {
				t.Errorf("All = %#v, %v, want an empty slice that is not nil", none, err)
			}
			one, err := sqldb.One(ctx, tx, value[string], "SELECT letter FROM letters ORDER BY id DESC")
			if err != nil || one != "c" {
				t.Errorf("One of several = %q, %v, want the first, c", one, err)
			}
			_, err = sqldb.One(ctx, tx, value[string], "SELECT letter FROM letters WHERE id = 9")
			if !errors.Is(err, sqldb.ErrNoRows) {
				t.Errorf("One of none: %v, want ErrNoRows", err)
			}
			// Neither is a failed statement, so the transaction goes on.
			_, err = sqldb.All(ctx, tx, func(sqldb.Row) (int, error) { return 0, errStop }, "SELECT letter FROM letters")
			if !errors.Is(err, errStop) {
				t.Errorf("All = %v, want scan's error", err)
			}
			n, err := tx.Exec(ctx, "DELETE FROM letters WHERE id < 3")
			if err != nil || n != 2 {
				t.Errorf("Exec = %d, %v, want 2 rows", n, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestNoStatementWhileRowsAreScanned(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := sqldb.All(ctx, tx, func(sqldb.Row) (int, error) {
				return sqldb.One(ctx, tx, value[int], "SELECT COUNT(*) FROM counters")
			}, "SELECT n FROM counters")
			return err
		})
		if err == nil {
			t.Error("a statement ran inside a scan, want an error")
		}
	})
}
