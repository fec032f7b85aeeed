package directory_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
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
	reading := regexp.MustCompile(`^SELECT \w+ FROM (\w+)\s+WHERE (?:erased_at IS NULL AND )?\w+ = \$1(.*)$`)
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

func TestAdminsAssignAndEndCare(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		ann, cleo := w.ann.ID.String(), w.cleo.ID.String()
		grey, brown := w.grey.PractitionerID.String(), w.brown.PractitionerID.String()
		former := w.add("former", auth.Practitioner)
		retired := former.PractitionerID.String()
		w.change(former, directory.UserChange{Role: new(auth.Auditor)})
		assign, end := w.Assign, w.EndCare
		tests := []struct {
			name                  string
			do                    func(context.Context, auth.Actor, string, string) error
			by                    auth.Actor
			patient, practitioner string
			want                  error
			told                  string // "" for what is not on record
			since                 string // of the relation after that, and whether it goes on
		}{
			{"a patient", assign, as(w.ann), ann, brown, auth.ErrForbidden, "patient care_relation.assign denied  []", "none"},
			{"the practitioner", assign, w.asBrown, ann, brown, auth.ErrForbidden, "practitioner care_relation.assign denied  []", "none"},
			{"the practitioner ends", end, w.asGrey, ann, grey, auth.ErrForbidden, "practitioner care_relation.end denied  []", "appointment 0s true"},
			{"nobody's id", assign, w.admin, id.New().String(), brown, directory.ErrPatientNotFound, "admin care_relation.assign denied  []", "none"},
			{"no id", assign, w.admin, "x", brown, directory.ErrPatientNotFound, "admin care_relation.assign denied  []", "none"},
			{"no patient", assign, w.admin, w.grey.ID.String(), brown, directory.ErrPatientNotFound, "admin care_relation.assign denied  []", "none"},
			{"no practitioner", assign, w.admin, ann, ann, directory.ErrPractitionerNotFound, "admin care_relation.assign denied  []", "none"},
			{"no practitioner's id", assign, w.admin, ann, "x", directory.ErrPractitionerNotFound, "admin care_relation.assign denied  []", "none"},
			{"a practitioner no longer", assign, w.admin, ann, retired, directory.ErrPractitionerNotFound, "admin care_relation.assign denied  []", "none"},
			{"ends what is not", end, w.admin, ann, brown, directory.ErrCareRelationNotFound, "admin care_relation.end denied  []", "none"},
			{"ends nobody's", end, w.admin, "x", brown, directory.ErrCareRelationNotFound, "admin care_relation.end denied  []", "none"},
			{"ends what is over", end, w.admin, cleo, grey, directory.ErrCareRelationNotFound, "admin care_relation.end denied  []", "appointment 0s false"},
			{"assigns", assign, w.admin, ann, brown, nil, "admin care_relation.assign success brown [ann]", "assigned 13h0m0s true"},
			{"assigns again", assign, w.admin, ann, brown, nil, "admin care_relation.assign success brown [ann]", "assigned 13h0m0s true"},
			{"assigns who has booked", assign, w.admin, ann, grey, nil, "admin care_relation.assign success grey [ann]", "appointment 0s true"},
			{"begins anew", assign, w.admin, cleo, grey, nil, "admin care_relation.assign success grey [cleo]", "assigned 16h0m0s true"},
			{"ends", end, w.admin, ann, grey, nil, "admin care_relation.end success grey [ann]", "appointment 0s false"},
			{"ends what was assigned", end, w.admin, ann, brown, nil, "admin care_relation.end success brown [ann]", "assigned 13h0m0s false"},
		}
		for _, tt := range tests {
			sqltest.ClockOf(db).Advance(time.Hour)
			before := len(trail(t, db, 0, nil))
			if err := tt.do(t.Context(), tt.by, tt.patient, tt.practitioner); !errors.Is(err, tt.want) {
				t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
			}
			if got := strings.Join(trail(t, db, before, w.names), "; "); got != tt.told {
				t.Errorf("%s: audit trail = %q, want %q", tt.name, got, tt.told)
			}
			if got := w.relation(tt.patient, tt.practitioner); got != tt.since {
				t.Errorf("%s: the relation is %q, want %q", tt.name, got, tt.since)
			}
		}
	})
}
