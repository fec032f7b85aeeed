package directory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// list returns the names of the practitioners that match, and how many a count finds.
func list(t *testing.T, db *sqldb.DB, f directory.PractitionerFilter) (names []string, total int) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := directory.PractitionersIn(ctx, tx, f, page.Request{Limit: 200, Count: true})
		if err != nil {
			return err
		}
		names, total = nil, *p.Total
		for _, one := range p.Items {
			names = append(names, one.Name)
		}
		return nil
	})
	return names, total
}

// expectListed compares who is in the public directory, by each way of asking.
func expectListed(t *testing.T, db *sqldb.DB, when string, want ...uuid.UUID) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
		of, err := directory.PractitionersOf(ctx, tx, "")
		if err != nil {
			return err
		}
		p, err := directory.PractitionersIn(ctx, tx, directory.PractitionerFilter{}, page.Request{Limit: 200})
		if err != nil {
			return err
		}
		var in []uuid.UUID
		for _, one := range p.Items {
			in = append(in, one.ID)
			if _, err := directory.PractitionerByID(ctx, tx, one.ID); err != nil {
				return err
			}
		}
		if !slices.Equal(of, want) || !slices.Equal(in, want) {
			t.Errorf("%s: listed %v and %v, want %v", when, of, in, want)
		}
		return nil
	})
}

func practitioner(t *testing.T, db *sqldb.DB, which uuid.UUID) (p directory.Practitioner) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = directory.PractitionerByID(ctx, tx, which)
		return err
	})
	return p
}

func TestSearchFindsWhatAPersonWouldType(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, n := range []directory.NewUser{
			{Email: phi.Of("a@example.com"), Name: phi.Of("Émile Straße"), Specialty: "Physiotherapy", Bio: "Backs\nand knees, 100%"},
			{Email: phi.Of("b@example.com"), Name: phi.Of("Bea E\u0301mond"), Specialty: "PHYSIOTHERAPY", Bio: `C:\x and a_b`},
			{Email: phi.Of("c@example.com"), Name: phi.Of("Çelik İnci"), Specialty: "Nutrition", Bio: "1000 plates"},
		} {
			n.Role = auth.Practitioner
			c.create(n)
		}
		c.add("Émilie", auth.Patient)
		emile, bea, celik := "Émile Straße", "Bea E\u0301mond", "Çelik İnci"
		for _, tt := range []struct {
			filter directory.PractitionerFilter
			want   []string
		}{
			{directory.PractitionerFilter{}, []string{emile, bea, celik}},
			{directory.PractitionerFilter{Query: "ÉM"}, []string{emile, bea}},
			{directory.PractitionerFilter{Query: "strasse"}, []string{emile}},
			{directory.PractitionerFilter{Query: "  BACKS   and\n"}, []string{emile}},
			{directory.PractitionerFilter{Query: "0%"}, []string{emile}},
			{directory.PractitionerFilter{Query: "%"}, []string{emile}},
			{directory.PractitionerFilter{Query: "_"}, []string{bea}},
			{directory.PractitionerFilter{Query: `:\X`}, []string{bea}},
			{directory.PractitionerFilter{Query: "çELIK"}, []string{celik}},
			{directory.PractitionerFilter{Query: "celik"}, nil},
			{directory.PractitionerFilter{Query: "knees\x00\xff"}, nil},
			{directory.PractitionerFilter{Specialty: "physioTherapy"}, []string{emile, bea}},
			{directory.PractitionerFilter{Specialty: "physio"}, nil},
			{directory.PractitionerFilter{Specialty: "Physiotherapy", Query: "bea"}, []string{bea}},
			{directory.PractitionerFilter{Query: "nutrition"}, []string{celik}},
		} {
			if got, total := list(t, db, tt.filter); !slices.Equal(got, tt.want) || total != len(tt.want) {
				t.Errorf("PractitionersIn(%+q) = %q of %d, want %q", tt.filter, got, total, tt.want)
			}
		}
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
			found, err := directory.PractitionersOf(ctx, tx, " Physiotherapy")
			if len(found) != 2 || !slices.IsSortedFunc(found, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) }) {
				t.Errorf("PractitionersOf = %v, want two, ascending", found)
			}
			return err
		})
	})
}

func TestPractitionersAreListedInPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var want, got []string
		for _, name := range strings.Split("abcde", "") {
			c.add(name, auth.Practitioner)
			want = append(want, name)
		}
		req := page.Request{Limit: 2}
		for range 3 {
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
				p, err := directory.PractitionersIn(ctx, tx, directory.PractitionerFilter{}, req)
				for _, one := range p.Items {
					got = append(got, one.Name)
				}
				req.After = p.Next
				return err
			})
		}
		if !slices.Equal(got, want) || req.After != "" {
			t.Errorf("listed %q, then %q, want %q and an end", got, req.After, want)
		}
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := directory.PractitionersIn(ctx, tx, directory.PractitionerFilter{}, page.Request{Limit: 2, After: "x"})
			return err
		})
		if !errors.Is(err, page.ErrCursor) {
			t.Errorf("from nowhere: error %v, want %v", err, page.ErrCursor)
		}
	})
}

func TestAPractitionerIsPublicAsKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		u := c.create(directory.NewUser{
			Email: phi.Of("a@example.com"), Name: phi.Of("Ann"), Specialty: "Therapy", Bio: "Listens.", Role: auth.Practitioner,
		})
		want := directory.Practitioner{
			ID: u.PractitionerID, UserID: u.ID, Name: "Ann", Specialty: "Therapy", Bio: "Listens.", CreatedAt: sqltest.Start, Version: 1,
		}
		if got := practitioner(t, db, u.PractitionerID); got != want {
			t.Errorf("PractitionerByID = %+v, want %+v", got, want)
		}
		c.change(u, directory.UserChange{Phone: new(phi.Of("1"))}) // not public
		if got := practitioner(t, db, u.PractitionerID); got != want {
			t.Errorf("after a change of phone: %+v, want %+v", got, want)
		}
		c.change(u, directory.UserChange{Name: new(phi.Of("ANN"))})
		want.Name, want.Version = "ANN", 2
		if got := practitioner(t, db, u.PractitionerID); got != want {
			t.Errorf("after a change of name: %+v, want %+v", got, want)
		}
	})
}

func TestAPractitionerChanges(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		u := c.create(directory.NewUser{
			Email: phi.Of("a@example.com"), Name: phi.Of("Ann"), Specialty: "Therapy", Bio: "Listens.", Role: auth.Practitioner,
		})
		gone := c.add("gone", auth.Practitioner)
		c.change(gone, directory.UserChange{Role: new(auth.Admin)})
		for _, tt := range []struct {
			name           string
			who            uuid.UUID
			specialty, bio *string
			want           error
			field          string
			after          string // specialty, bio
			version        int64
		}{
			{"nothing", u.PractitionerID, nil, nil, nil, "", "Therapy, Listens.", 1},
			{"specialty", u.PractitionerID, new(" Surgery "), nil, nil, "", "Surgery, Listens.", 2},
			{"bio", u.PractitionerID, nil, new(""), nil, "", "Surgery, ", 3},
			{"long specialty", u.PractitionerID, new(strings.Repeat("x", 101)), new("x"), directory.ErrInvalidPractitioner, "specialty", "Surgery, ", 3},
			{"bio with NUL", u.PractitionerID, nil, new("\x00"), directory.ErrInvalidPractitioner, "bio", "Surgery, ", 3},
			{"of nobody", id.New(), nil, new("x"), directory.ErrPractitionerNotFound, "", "Surgery, ", 3},
			{"of one no longer", gone.PractitionerID, nil, new("x"), directory.ErrPractitionerNotFound, "", "Surgery, ", 3},
		} {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				return directory.ChangePractitioner(ctx, tx, tt.who, tt.specialty, tt.bio)
			})
			if !errors.Is(err, tt.want) || tt.field != "" && errs.As(err).Fields[tt.field] == "" {
				t.Errorf("%s: ChangePractitioner: error %v, want %v about %q", tt.name, err, tt.want, tt.field)
			}
			if p := practitioner(t, db, u.PractitionerID); p.Specialty+", "+p.Bio != tt.after || p.Version != tt.version {
				t.Errorf("%s: %q, %q of version %d, want %q of %d", tt.name, p.Specialty, p.Bio, p.Version, tt.after, tt.version)
			}
		}
		for query, want := range map[string]int{"listens": 0, "surgery": 1, "therapy": 0, "ann": 1} {
			if got, _ := list(t, db, directory.PractitionerFilter{Query: query}); len(got) != want {
				t.Errorf("search for %q finds %q, want %d", query, got, want)
			}
		}
	})
}

// Somebody changes the name while somebody else changes the specialty: the
// search knows both afterwards.
func TestChangesAtOnceAreAllSearched(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, name := range strings.Split("abcdef", "") {
			u := c.add(name, auth.Practitioner)
			var wg sync.WaitGroup
			wg.Go(func() { c.change(u, directory.UserChange{Name: new(phi.Of("Renamed"))}) })
			wg.Go(func() {
				update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
					return directory.ChangePractitioner(ctx, tx, u.PractitionerID, new("Respecialised"), nil)
				})
			})
			wg.Wait()
		}
		if got, _ := list(t, db, directory.PractitionerFilter{Query: "renamed respecialised"}); len(got) != 6 {
			t.Errorf("%d are found under both new names, want 6", len(got))
		}
	})
}
