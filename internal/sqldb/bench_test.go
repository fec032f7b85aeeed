package sqldb_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/measure"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// BenchmarkUpdate inserts two rows in each Update, as 1 and as 32 callers.
func BenchmarkUpdate(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		for _, callers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/%d", name, callers), func(b *testing.B) {
				db := sqltest.Open(b, url(b))
				calls := make(chan struct{})
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for range calls {
							if err := db.Update(b.Context(), insertTwo); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.ReportAllocs()
				for b.Loop() {
					calls <- struct{}{}
				}
				close(calls)
				wg.Wait()
			})
		}
	}
}

func insertTwo(ctx context.Context, tx *sqldb.Tx) error {
	id := uuid.New()
	if _, err := tx.Exec(ctx, "INSERT INTO patients (patient_id) VALUES ($1)", id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO care_relations (patient_id, practitioner_id, source, since) VALUES ($1, $2, 'assigned', $3)",
		id, uuid.New(), sqldb.Instant(tx.Now()))
	return err
}

// BenchmarkView reads one row in each View.
func BenchmarkView(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := sqltest.Open(b, url(b))
			counter(b, db)
			b.ReportAllocs()
			for b.Loop() {
				get[int](b, db, "SELECT n FROM counters WHERE id = $1", 1)
			}
		})
	}
}

// BenchmarkViewWatched measures a View of one statement, which no disk takes part in,
// while nothing is measured and while it is.
func BenchmarkViewWatched(b *testing.B) {
	for name, instruments := range map[string]*measure.Instruments{"off": nil, "measured": measure.New("v0")} {
		b.Run(name, func(b *testing.B) {
			db := sqltest.Open(b, sqltest.SQLite(b))
			db.Instruments = instruments
			for b.Loop() {
				err := db.View(b.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
					_, err := sqldb.One(ctx, tx, value[int], "SELECT 1")
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
