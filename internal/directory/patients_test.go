package directory_test

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// A race between those who would have to wait is rarely lost, so this looks at
// how the rows are read.
func TestRowsThatDecideAreLocked(t *testing.T) {
	reading := regexp.MustCompile(`^SELECT \w+ FROM (\w+)\s+WHERE \w+ = \$1(.*)$`)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var mu sync.Mutex
		got := map[string]string{}
		db.Observe = func(_ context.Context, statement string) error {
			mu.Lock()
			defer mu.Unlock()
			if m := reading.FindStringSubmatch(statement); m != nil {
				got[m[1]] = m[2]
			}
			return nil
		}
		c := newClinic(t, db)
		ann, bob := c.add("ann", auth.Patient), c.add("bob", auth.Practitioner)
		c.change(ann, directory.UserChange{Name: new(phi.Of("Anna"))})
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
			if err := directory.LockPatient(ctx, tx, ann.ID); err != nil {
				return err
			}
			return directory.ChangePractitioner(ctx, tx, bob.PractitionerID, nil, nil)
		})
		want := map[string]string{
			"user_profiles": " FOR UPDATE", "practitioner_search": " FOR UPDATE", "patients": " FOR NO KEY UPDATE",
			"practitioners": "", // only to find the id
		}
		if db.Engine() == sqldb.SQLite { // whose one writer has all locks there are
			want = map[string]string{"user_profiles": "", "practitioner_search": "", "patients": "", "practitioners": ""}
		}
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("locks (-want +got):\n%s", diff)
		}
	})
}

func TestACareRelationBeginsOnceAndAgainOnlyWhenAssigned(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ann, bob := newClinic(t, db).add("ann", auth.Patient).ID, id.New()
		relation := func() (text string) {
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) (err error) {
				text, err = sqldb.One(ctx, tx, func(r sqldb.Row) (string, error) {
					var source string
					var since, ended time.Time
					err := r.Scan(&source, (*sqldb.Instant)(&since), (*sqldb.Instant)(&ended))
					return fmt.Sprint(source, " ", since.Sub(sqltest.Start), " ", ended.IsZero()), err
				}, `SELECT source, since, ended_at FROM care_relations WHERE patient_id = $1 AND practitioner_id = $2`, ann, bob)
				return err
			})
			return text
		}
		relate := func(source, want string) {
			t.Helper()
			sqltest.ClockOf(db).Advance(time.Hour)
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
				return directory.Relate(ctx, tx, ann, bob, source)
			})
			if got := relation(); got != want {
				t.Errorf("after a relation by %s: %s, want %s", source, got, want)
			}
		}
		end := func() {
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE care_relations SET ended_at = $1`, sqldb.Instant(tx.Now()))
				return err
			})
		}
		relate(directory.SourceAppointment, "appointment 1h0m0s true")
		relate(directory.SourceEncounter, "appointment 1h0m0s true")
		relate(directory.SourceAssigned, "appointment 1h0m0s true")
		end()
		relate(directory.SourceAppointment, "appointment 1h0m0s false")
		relate(directory.SourceEncounter, "appointment 1h0m0s false")
		relate(directory.SourceAssigned, "assigned 6h0m0s true")
	})
}
