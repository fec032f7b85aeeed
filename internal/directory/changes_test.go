package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestAUserChangesWhatTheyGive(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.create(directory.NewUser{
			Email: phi.Of("ann@example.com"), Name: phi.Of("Ann"), Phone: phi.Of("1"), Address: phi.Of("Here"),
			DateOfBirth: phi.Of("1990-01-01"), Role: auth.Patient, TimeZone: "Asia/Kathmandu",
		})
		before := len(trail(t, db, 0, nil))
		sqltest.ClockOf(db).Advance(time.Hour)
		for _, tt := range []struct {
			change directory.UserChange
			want   string
		}{
			{directory.UserChange{Name: new(phi.Of(" Anna "))}, `Anna|1|Here|1990-01-01|patient|Asia/Kathmandu|2027-03-13T14:00:00Z|2027-03-13T15:00:00Z|"2"`},
			{directory.UserChange{Phone: new(phi.Of("")), Address: new(phi.Of("There"))}, `Anna||There|1990-01-01|patient|Asia/Kathmandu|2027-03-13T14:00:00Z|2027-03-13T15:00:00Z|"3"`},
			{directory.UserChange{DateOfBirth: new(phi.Value[string]{}), TimeZone: new("UTC")}, `Anna||There||patient|UTC|2027-03-13T14:00:00Z|2027-03-13T15:00:00Z|"4"`},
			{directory.UserChange{DateOfBirth: new(phi.Of("2000-02-29"))}, `Anna||There|2000-02-29|patient|UTC|2027-03-13T14:00:00Z|2027-03-13T15:00:00Z|"5"`},
		} {
			got, err := c.ChangeUser(t.Context(), as(ann), ann.ID.String(), etag.Match(ann.ETag()), tt.change)
			if err != nil || show(got) != "ann@example.com|"+tt.want {
				t.Errorf("ChangeUser = %s, %v\nwant %s", show(got), err, tt.want)
			}
			ann = got
		}
		want := slices.Repeat([]string{"patient user.change success ann [ann]"}, 4)
		if got := trail(t, db, before, map[uuid.UUID]string{ann.ID: "ann"}); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestAChangeIsJudgedInOrder(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, bob := c.add("ann", auth.Patient), c.add("bob", auth.Practitioner)
		names := map[uuid.UUID]string{ann.ID: "ann"}
		bad, role := new(phi.Of("")), new(auth.Admin)
		for _, tt := range []struct {
			name   string
			by     auth.Actor
			id     string
			match  etag.Match
			change directory.UserChange
			want   error
			told   []string
		}{
			{"without a credential", auth.Actor{}, ann.ID.String(), "", directory.UserChange{Role: role}, auth.ErrUnauthenticated, nil},
			{"a role, by oneself", as(ann), ann.ID.String(), "", directory.UserChange{Role: role}, auth.ErrForbidden, []string{"patient user.change denied ann []"}},
			{"no id", as(ann), "x", "", directory.UserChange{Name: bad}, directory.ErrUserNotFound, nil},
			{"another's", as(bob), ann.ID.String(), "", directory.UserChange{Name: bad}, directory.ErrUserNotFound, []string{"practitioner user.change denied ann []"}},
			{"nobody's, by an admin", c.admin, id.New().String(), "", directory.UserChange{Name: bad}, directory.ErrUserNotFound, []string{"admin user.change denied  []"}},
			{"without a version", as(ann), ann.ID.String(), "", directory.UserChange{Name: bad}, etag.ErrMissing, nil},
			{"of another version", as(ann), ann.ID.String(), `"2"`, directory.UserChange{Name: bad}, etag.ErrStale, nil},
			{"against a rule", as(ann), ann.ID.String(), `"1"`, directory.UserChange{Name: bad}, directory.ErrInvalidUser, nil},
			{"to no role", c.admin, ann.ID.String(), `"1"`, directory.UserChange{Role: new(auth.Role("x"))}, directory.ErrInvalidUser, nil},
		} {
			before := len(trail(t, db, 0, nil))
			u, err := c.ChangeUser(t.Context(), tt.by, tt.id, tt.match, tt.change)
			if !errors.Is(err, tt.want) || u != (directory.User{}) {
				t.Errorf("%s: ChangeUser = %v, %v, want error %v", tt.name, u, err, tt.want)
			}
			if got := trail(t, db, before, names); !slices.Equal(got, tt.told) {
				t.Errorf("%s: audit trail = %q, want %q", tt.name, got, tt.told)
			}
		}
		got, err := c.User(t.Context(), as(ann), ann.ID.String())
		if err != nil || show(got) != show(ann) {
			t.Errorf("after all that: %s, %v, want %s", show(got), err, show(ann))
		}
	})
}

func TestOfChangesToOneVersionOneIsMade(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.add("ann", auth.Patient)
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				change := directory.UserChange{Phone: new(phi.Of(fmt.Sprint(i)))}
				switch _, err := c.ChangeUser(t.Context(), as(ann), ann.ID.String(), etag.Match(ann.ETag()), change); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, etag.ErrStale):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Errorf("won %d, lost %d, want 1 and 7", won.Load(), lost.Load())
		}
	})
}

func TestARoleBringsItsRows(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.add("ann", auth.Auditor)
		locked := func() (err error) {
			return db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				return directory.LockPatient(ctx, tx, ann.ID)
			})
		}
		if err := locked(); !errors.Is(err, directory.ErrPatientNotFound) {
			t.Errorf("an auditor is booked for: error %v, want %v", err, directory.ErrPatientNotFound)
		}
		ann = c.change(ann, directory.UserChange{Role: new(auth.Patient)})
		if err := locked(); err != nil || ann.PractitionerID != uuid.Nil {
			t.Errorf("a patient with practitioner id %v: error %v, want no id and none", ann.PractitionerID, err)
		}
		ann = c.change(ann, directory.UserChange{Role: new(auth.Practitioner), TimeZone: new("Asia/Tokyo")})
		first := ann.PractitionerID
		expectListed(t, db, "a new practitioner", first)
		ann = c.change(ann, directory.UserChange{Role: new(auth.Patient)})
		if ann.PractitionerID != uuid.Nil {
			t.Errorf("a patient has practitioner id %v, want none", ann.PractitionerID)
		}
		expectListed(t, db, "a practitioner no longer")
		c.change(ann, directory.UserChange{Name: new(phi.Of("Anna"))})
		expectListed(t, db, "a practitioner no longer, renamed")
		ann = c.change(ann, directory.UserChange{Role: new(auth.Practitioner)})
		if ann.PractitionerID != first {
			t.Errorf("a returning practitioner has id %v, want %v again", ann.PractitionerID, first)
		}
		expectListed(t, db, "a returning practitioner", first)
		if err := locked(); err != nil {
			t.Errorf("who was a patient can't be booked for: %v", err)
		}
		want := []string{fmt.Sprint("enrol", first, "Asia/Tokyo"), fmt.Sprint("retire", first), fmt.Sprint("enrol", first, "Asia/Tokyo")}
		if !slices.Equal(c.calls, want) {
			t.Errorf("calls = %q, want %q", c.calls, want)
		}
	})
}

func TestAUserIsNotMadeWithoutTheirSchedule(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		broken := errors.New("no schedule")
		c.Enrol = func(context.Context, *sqldb.Tx, uuid.UUID, string) error { return broken }
		_, err := c.CreateUser(t.Context(), c.admin, directory.NewUser{Email: phi.Of("x@example.com"), Name: phi.Of("X"), Role: auth.Practitioner})
		if !errors.Is(err, broken) {
			t.Errorf("CreateUser: error %v, want %v", err, broken)
		}
		expectListed(t, db, "without a schedule")
		c.Service = &directory.Service{DB: db}
		u := c.add("x", auth.Practitioner)
		expectListed(t, db, "in a directory without schedules", u.PractitionerID)
		c.change(u, directory.UserChange{Role: new(auth.Admin)})
		expectListed(t, db, "no longer")
	})
}
