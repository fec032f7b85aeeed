package sqltest_test

import (
	"context"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

func TestEachGivesAFreshMigratedDatabase(t *testing.T) {
	for range 2 {
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			if err := db.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			sqltest.ClockOf(db).Advance(time.Hour)
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				if got, want := tx.Now(), sqltest.Start.Add(time.Hour); got != want {
					t.Errorf("Now = %v, want %v", got, want)
				}
				n, err := tx.Exec(ctx, "INSERT INTO patients (patient_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057')")
				if n != 1 {
					t.Errorf("rows = %d, want 1", n)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
