package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// ward is a clinic with patients and two practitioners: ann and bob are in grey's
// care, bob in brown's too, and cleo's with grey is over.
type ward struct {
	*clinic
	db                    *sqldb.DB
	ann, bob, cleo        directory.User
	grey, brown           directory.User
	names                 map[uuid.UUID]string
	asGrey, asBrown, asDr auth.Actor // asDr has the role, and no practitioner's row
}

func newWard(t *testing.T, db *sqldb.DB) *ward {
	t.Helper()
	w := &ward{clinic: newClinic(t, db), db: db}
	person := func(name, email, birth string, role auth.Role) directory.User {
		n := directory.NewUser{Email: phi.Of(email), Name: phi.Of(name), Role: role, TimeZone: "America/New_York"}
		if birth != "" {
			n.DateOfBirth = phi.Of(birth)
		}
		return w.create(n)
	}
	w.ann = person("Ann Marie Lee", "ann@example.com", "1984-02-29", auth.Patient)
	w.bob = person("Bob Groß", "bob@mail.example", "", auth.Patient)
	w.cleo = person("Cléo 100%_Lee", "cleo@example.com", "1984-02-29", auth.Patient)
	w.grey, w.brown = person("Grey Lee", "grey@example.com", "", auth.Practitioner), person("Brown", "brown@example.com", "", auth.Practitioner)
	w.asGrey, w.asBrown, w.asDr = as(w.grey), as(w.brown), auth.Actor{UserID: id.New(), Role: auth.Practitioner}
	w.names = map[uuid.UUID]string{w.ann.ID: "ann", w.bob.ID: "bob", w.cleo.ID: "cleo", w.grey.PractitionerID: "grey", w.brown.PractitionerID: "brown"}
	update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, pair := range [][2]uuid.UUID{
			{w.ann.ID, w.grey.PractitionerID}, {w.bob.ID, w.grey.PractitionerID}, {w.bob.ID, w.brown.PractitionerID}, {w.cleo.ID, w.grey.PractitionerID},
		} {
			if err := directory.Relate(ctx, tx, pair[0], pair[1], directory.SourceAppointment); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE care_relations SET ended_at = $1 WHERE patient_id = $2`, sqldb.Instant(tx.Now()), w.cleo.ID)
		return err
	})
	return w
}

func (w *ward) called(list []directory.Patient) []string {
	all := []string{}
	for _, p := range list {
		all = append(all, w.names[p.ID])
	}
	return all
}

// relation is where a relation came from, when, and whether it goes on.
func (w *ward) relation(patient, practitioner string) (text string) {
	w.t.Helper()
	p, _ := id.Parse(patient)
	d, _ := id.Parse(practitioner)
	update(w.t, w.db, func(ctx context.Context, tx *sqldb.Tx) error {
		all, err := sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
			var source string
			var since, ended time.Time
			err := r.Scan(&source, (*sqldb.Instant)(&since), (*sqldb.Instant)(&ended))
			return fmt.Sprint(source, " ", since.Sub(sqltest.Start), " ", ended.IsZero()), err
		}, `SELECT source, since, ended_at FROM care_relations WHERE patient_id = $1 AND practitioner_id = $2`, p, d)
		text = strings.Join(append(all, "none")[:1], "")
		return err
	})
	return text
}

func TestWhosePatientsAreListed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		tests := []struct {
			name string
			by   auth.Actor
			want []string
			told string
		}{
			{"a practitioner", w.asGrey, []string{"ann", "bob"}, "practitioner patient.list success  [ann bob]"},
			{"another", w.asBrown, []string{"bob"}, "practitioner patient.list success  [bob]"},
			{"one without a row", w.asDr, []string{}, "practitioner patient.list success  []"},
			{"an admin", w.admin, []string{"ann", "bob", "cleo"}, "admin patient.list success  [ann bob cleo]"},
		}
		for _, tt := range tests {
			before := len(trail(t, db, 0, nil))
			p, err := w.Patients(t.Context(), tt.by, page.Request{Limit: 10, Count: true})
			if err != nil || !slices.Equal(w.called(p.Items), tt.want) || *p.Total != len(tt.want) || p.Next != "" {
				t.Errorf("%s: %v of %v, %v, want %v", tt.name, w.called(p.Items), p.Total, err, tt.want)
			}
			for _, one := range p.Items {
				if (one.Since == sqltest.Start) != (tt.by.Role == auth.Practitioner) || one.TimeZone != "America/New_York" || one.Name.Reveal() == "" {
					t.Errorf("%s: %s, in care since %v, in %s", tt.name, one.Name.Reveal(), one.Since, one.TimeZone)
				}
			}
			if got := trail(t, db, before, w.names); !slices.Equal(got, []string{tt.told}) {
				t.Errorf("%s: audit trail = %q, want %q", tt.name, got, tt.told)
			}
		}
		p, err := w.Patients(t.Context(), w.asGrey, page.Request{Limit: 1})
		if err != nil || len(p.Items) != 1 || p.Items[0].DateOfBirth.Reveal() != "1984-02-29" || p.Total != nil {
			t.Fatalf("the first page: %v, %v", p.Items, err)
		}
		p, err = w.Patients(t.Context(), w.asGrey, page.Request{Limit: 1, After: p.Next})
		if err != nil || !slices.Equal(w.called(p.Items), []string{"bob"}) || p.Next != "" || p.Items[0].DateOfBirth.Present() {
			t.Errorf("the second page: %v, %q, %v, want bob and no more", w.called(p.Items), p.Next, err)
		}
		if _, err := w.Patients(t.Context(), w.asGrey, page.Request{Limit: 1, After: "x"}); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a made-up position: %v, want %v", err, page.ErrCursor)
		}
	})
}

func TestPatientsAreShownToStaffOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		for _, role := range []auth.Role{"", auth.Patient, auth.Auditor} {
			by := auth.Actor{UserID: w.ann.ID, Role: role}
			before := len(trail(t, db, 0, nil))
			p, err := w.Patients(t.Context(), by, page.Request{Limit: 10})
			found, failed := w.FindPatients(t.Context(), by, directory.PatientSearch{Query: phi.Of("ann")})
			if !errors.Is(err, auth.ErrForbidden) || !errors.Is(failed, auth.ErrForbidden) || len(p.Items)+len(found) > 0 {
				t.Errorf("%q: %v and %v, errors %v and %v, want %v", role, p.Items, found, err, failed, auth.ErrForbidden)
			}
			want := []string{string(role) + " patient.list denied  []", string(role) + " patient.search denied  []"}
			if got := trail(t, db, before, w.names); !slices.Equal(got, want) {
				t.Errorf("%q: audit trail = %q, want %q", role, got, want)
			}
		}
	})
}

func TestWhoASearchFinds(t *testing.T) {
	tests := []struct {
		query string
		grey  []string // of those in grey's care
		admin []string // of all
	}{
		{"ann", []string{"ann"}, []string{"ann"}},
		{"ANN", []string{"ann"}, []string{"ann"}},
		{"  lee\tANN ", []string{"ann"}, []string{"ann"}},
		{"rie nn", []string{"ann"}, []string{"ann"}},
		{"lee", []string{"ann"}, []string{"ann", "cleo"}}, // and not grey, who is no patient
		{"ann bob", nil, nil},
		{"GROSS", []string{"bob"}, []string{"bob"}},
		{"groß", []string{"bob"}, []string{"bob"}},
		{"CLE\u0301O", nil, []string{"cleo"}}, // two characters that make one
		{"cleo", nil, nil},
		{"0%", nil, []string{"cleo"}},
		{"%_", nil, []string{"cleo"}},
		{"__", nil, nil},
		{`l\ee`, nil, nil},
		{"ann@example.com", []string{"ann"}, []string{"ann"}},
		{" Bob@MAIL.example ", []string{"bob"}, []string{"bob"}},
		{"cleo@example.com", nil, []string{"cleo"}},
		{"ann@example", nil, nil},
		{"grey@example.com", nil, nil},
		{"1984-02-29", []string{"ann"}, []string{"ann", "cleo"}},
		{"1984-02", nil, nil},
		{"nobody", nil, nil},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		for _, tt := range tests {
			for _, side := range []struct {
				by   auth.Actor
				want []string
			}{{w.asGrey, tt.grey}, {w.admin, tt.admin}, {w.asDr, nil}} {
				before := len(trail(t, db, 0, nil))
				found, err := w.FindPatients(t.Context(), side.by, directory.PatientSearch{Query: phi.Of(tt.query)})
				if err != nil || !slices.Equal(w.called(found), side.want) {
					t.Errorf("%q by %s: %q, %v, want %q", tt.query, side.by.Role, w.called(found), err, side.want)
				}
				told := []string{string(side.by.Role) + " patient.search success  [" + strings.Join(side.want, " ") + "]"}
				if diff := cmp.Diff(told, trail(t, db, before, w.names)); diff != "" {
					t.Errorf("%q by %s: audit trail (-want +got):\n%s", tt.query, side.by.Role, diff)
				}
			}
		}
		// Whose entry is not there yet is found by what needs none.
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM patient_search`)
			return err
		})
		for query, want := range map[string][]string{"ann": {}, "ann@example.com": {"ann"}, "1984-02-29": {"ann", "cleo"}} {
			found, err := w.FindPatients(t.Context(), w.admin, directory.PatientSearch{Query: phi.Of(query)})
			if err != nil || !slices.Equal(w.called(found), want) {
				t.Errorf("%q without entries: %q, %v, want %q", query, w.called(found), err, want)
			}
		}
	})
}

func TestASearchIsInOrderAndHasAnEnd(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var want []string
		for range 2 { // of one name, the older first
			u := c.create(directory.NewUser{Email: phi.Of(id.New().String() + "@example.com"), Name: phi.Of("lee b"), Role: auth.Patient})
			want = append(want, u.ID.String())
		}
		u := c.create(directory.NewUser{Email: phi.Of("a@example.com"), Name: phi.Of("Lee A"), Role: auth.Patient})
		want = append([]string{u.ID.String()}, want...)
		for limit, n := range map[int]int{0: 3, 2: 2, 3: 3, 1000: 3} {
			found, err := c.FindPatients(t.Context(), c.admin, directory.PatientSearch{Query: phi.Of("lee"), Limit: limit})
			var got []string
			for _, p := range found {
				got = append(got, p.ID.String())
			}
			if err != nil || !slices.Equal(got, want[:n]) {
				t.Errorf("limit %d: %q, %v, want %q", limit, got, err, want[:n])
			}
		}
		before(t, db, directory.MostFound+1)
		if err := directory.IndexPatients(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{0, directory.MostFound + 1} {
			found, err := c.FindPatients(t.Context(), c.admin, directory.PatientSearch{Query: phi.Of("ann"), Limit: limit})
			if err != nil || len(found) != directory.MostFound {
				t.Errorf("limit %d: found %d, %v, want %d", limit, len(found), err, directory.MostFound)
			}
		}
	})
}

func TestWhatCanNotBeSearchedFor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWard(t, db)
		for _, query := range []string{"", "a", "   ", " a ", "\u0001\u0002\u0003", strings.Repeat("é", 101)} {
			found, err := w.FindPatients(t.Context(), w.admin, directory.PatientSearch{Query: phi.Of(query)})
			if !errors.Is(err, directory.ErrInvalidSearch) || len(found) > 0 {
				t.Errorf("%q: %v, %v, want %v", query, found, err, directory.ErrInvalidSearch)
			}
		}
		for _, query := range []string{"é ü", strings.Repeat("a ", 50)} { // the shortest, and the most words
			if _, err := w.FindPatients(t.Context(), w.admin, directory.PatientSearch{Query: phi.Of(query)}); err != nil {
				t.Errorf("%q: %v, want none", query, err)
			}
		}
	})
}
