package directory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestInitialsAreOfWhomOneMaySee(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		everybody := []uuid.UUID{w.ann.ID, w.bob.ID, w.cleo.ID, w.grey.ID, id.New(), w.ann.ID}
		was := len(trail(t, db, 0, w.names))
		for _, tt := range []struct {
			who  string
			by   auth.Actor
			want map[string]string
		}{
			{"admin", w.admin, map[string]string{"ann": "A. L.", "bob": "B. G.", "cleo": "C. L."}},
			{"grey", w.asGrey, map[string]string{"ann": "A. L.", "bob": "B. G."}},
			{"brown", w.asBrown, map[string]string{"bob": "B. G."}},
			{"doctor", w.asDr, map[string]string{}},
		} {
			found, err := w.InitialsOf(t.Context(), tt.by, everybody)
			got := map[string]string{}
			for patient, initials := range found {
				got[w.names[patient]] = initials
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", tt.who, err, diff)
			}
		}
		for _, role := range []auth.Role{auth.Patient, auth.Auditor, ""} {
			if found, err := w.InitialsOf(t.Context(), auth.Actor{UserID: w.ann.ID, Role: role}, everybody); !errors.Is(err, auth.ErrForbidden) || found != nil {
				t.Errorf("%q: %v, %v, want ErrForbidden", role, found, err)
			}
		}
		if found, err := w.InitialsOf(t.Context(), w.admin, nil); err != nil || len(found) > 0 {
			t.Errorf("of nobody: %v, %v", found, err)
		}
		want := []string{
			"admin patient.list success  [ann bob cleo]", "practitioner patient.list success  [ann bob]",
			"practitioner patient.list success  [bob]", "practitioner patient.list success  []",
			"patient patient.list denied  []", "auditor patient.list denied  []", " patient.list denied  []",
		}
		if got := trail(t, db, was, w.names); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}

		// Who has an appointment with somebody is in their lists, whatever became of the care.
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO patient_calendar (patient_id, appointment_id, practitioner_id, starts_at, ends_at, status)
				VALUES ($1, $2, $3, 0, 1, 'completed')`, w.cleo.ID, id.New(), w.grey.PractitionerID)
			return err
		})
		if found, err := w.InitialsOf(t.Context(), w.asGrey, everybody); err != nil || found[w.cleo.ID] != "C. L." {
			t.Errorf("with an appointment: %v, %v, want cleo's too", found, err)
		}
		if found, err := w.InitialsOf(t.Context(), w.asBrown, everybody); err != nil || found[w.cleo.ID] != "" {
			t.Errorf("with another's appointment: %v, %v, want none of cleo's", found, err)
		}
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error { return directory.Forget(ctx, tx, w.ann.ID) })
		if found, err := w.InitialsOf(t.Context(), w.admin, everybody); err != nil || len(found) != 2 || found[w.ann.ID] != "" {
			t.Errorf("after ann was erased: %v, %v", found, err)
		}
	})
}

func TestInitialsOfAnyScript(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	c := newClinic(t, db)
	var ids []uuid.UUID
	want := map[uuid.UUID]string{}
	for name, initials := range map[string]string{
		"Ann Lee": "A. L.", "Ann Marie  Lee": "A. L.", "李小龍": "李.", "ann": "A.", "E\u0301lodie d'Arc": "É. D.",
		"Любовь Орлова": "Л. О.", "किरण बेदी": "कि. बे.", "Jean-Luc (Jr.)": "J. J.", "Ann 3": "A.", "42": "?", "ǆ ǆ": "ǅ. ǅ.", "محمد علي": "م. ع.",
	} {
		u := c.create(directory.NewUser{Email: phi.Of(id.New().String() + "@example.com"), Name: phi.Of(name), Role: auth.Patient})
		ids, want[u.ID] = append(ids, u.ID), initials
	}
	for range 600 { // more than one statement asks for
		ids = append(ids, id.New())
	}
	ids = append(ids, ids[0])
	got, err := c.InitialsOf(t.Context(), c.admin, ids)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
