package directory_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestAdminsSeeWhoHasCareOfAPatient(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, bob := c.add("ann", auth.Patient), c.add("bob", auth.Patient)
		grey, brown := c.add("grey", auth.Practitioner), c.add("brown", auth.Practitioner)
		for _, p := range []directory.User{grey, brown} {
			if err := c.Assign(t.Context(), c.admin, ann.ID.String(), p.PractitionerID.String()); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Assign(t.Context(), c.admin, bob.ID.String(), brown.PractitionerID.String()); err != nil {
			t.Fatal(err)
		}
		if err := c.EndCare(t.Context(), c.admin, ann.ID.String(), brown.PractitionerID.String()); err != nil {
			t.Fatal(err)
		}
		names := map[uuid.UUID]string{ann.ID: "ann"}
		before := len(trail(t, db, 0, names))
		got, err := c.CarersOf(t.Context(), c.admin, ann.ID.String())
		if err != nil || len(got) != 1 || got[0].Practitioner != grey.PractitionerID || got[0].Name != "grey" ||
			got[0].Source != directory.SourceAssigned || got[0].Since.IsZero() {
			t.Errorf("care of ann is %+v, %v; want grey's alone", got, err)
		}
		for _, nobody := range []string{"nope", id.New().String(), grey.ID.String()} {
			if got, err := c.CarersOf(t.Context(), c.admin, nobody); err != nil || len(got) != 0 {
				t.Errorf("care of %s is %v, %v; want nobody's", nobody, got, err)
			}
		}
		for _, by := range []auth.Actor{{}, as(ann), as(grey)} {
			if _, err := c.CarersOf(t.Context(), by, ann.ID.String()); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("%q gets %v, want forbidden", by.Role, err)
			}
		}
		want := []string{
			"admin care_relation.list success  [ann]",
			" care_relation.list denied  []", "patient care_relation.list denied  []", "practitioner care_relation.list denied  []",
		}
		if got := trail(t, db, before, names); !slices.Equal(got, want) {
			t.Errorf("on record is %q, want %q", got, want)
		}
	})
}
