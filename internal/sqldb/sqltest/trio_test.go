//go:build unix

package sqltest_test

import (
	"context"
	"testing"

	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestATrioKeepsWhatWasCommitted kills and freezes one primary after the other.
func TestATrioKeepsWhatWasCommitted(t *testing.T) {
	r := sqltest.NewTrio(t, true)
	db := sqltest.Open(t, r.URL())
	put := func() {
		t.Helper()
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO patients (patient_id) VALUES ($1)", id.New())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	primaries := map[string]bool{r.Primary(): true}
	for n, strike := range []func(){r.Kill, r.Freeze} {
		strike()
		r.FailOver()
		primaries[r.Primary()] = true
		put()
		count := 0
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			count, err = sqldb.One(ctx, tx, number, "SELECT COUNT(*) FROM patients")
			return err
		})
		if err != nil || count != n+2 {
			t.Errorf("%d rows, %v, want %d", count, err, n+2)
		}
		r.Rejoin()
	}
	if len(primaries) < 2 {
		t.Errorf("the primaries were %v, want that another took over", primaries)
	}
}

func number(r sqldb.Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}
