package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// show is all of a user that a test compares.
func show(u directory.User) string {
	return strings.Join([]string{
		u.Email.Reveal(), u.Name.Reveal(), u.Phone.Reveal(), u.Address.Reveal(), u.DateOfBirth.Reveal(), string(u.Role), u.TimeZone,
		u.CreatedAt.Format(time.RFC3339), u.UpdatedAt.Format(time.RFC3339), u.ETag(),
	}, "|")
}

func TestAUserIsKeptAsGiven(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		u := c.create(directory.NewUser{
			Email: phi.Of(" Ann@Example.COM "), Name: phi.Of(" Ann  Smith\t"), Phone: phi.Of("+1 (555) 0.1/2-3"),
			Address: phi.Of("1 Main St\nSpringfield\n"), DateOfBirth: phi.Of("1990-02-28"), Role: auth.Practitioner,
			TimeZone: "America/New_York", Specialty: " Physiotherapy ", Bio: "Hands.\n\nOn.",
		})
		want := "ann@example.com|Ann  Smith|+1 (555) 0.1/2-3|1 Main St\nSpringfield|1990-02-28|practitioner|America/New_York|2027-03-13T14:00:00Z|2027-03-13T14:00:00Z|\"1\""
		if got := show(u); got != want {
			t.Errorf("CreateUser = %s\nwant %s", got, want)
		}
		read, err := c.User(t.Context(), as(u), u.ID.String())
		if err != nil || show(read) != want || read.PractitionerID != u.PractitionerID {
			t.Errorf("User = %s, %v\nwant %s", show(read), err, want)
		}
		if want := []string{fmt.Sprint("enrol", u.PractitionerID, "America/New_York")}; u.PractitionerID == uuid.Nil || !slices.Equal(c.calls, want) {
			t.Errorf("calls = %q, want %q", c.calls, want)
		}
		plain := c.create(directory.NewUser{Email: phi.Of("bob@example.com"), Name: phi.Of("Bob"), Role: auth.Patient})
		if want := "bob@example.com|Bob||||patient|UTC|2027-03-13T14:00:00Z|2027-03-13T14:00:00Z|\"1\""; show(plain) != want {
			t.Errorf("CreateUser = %s\nwant %s", show(plain), want)
		}
		if plain.DateOfBirth.Present() || plain.PractitionerID != uuid.Nil {
			t.Errorf("a patient without date of birth has %v and practitioner id %v, want neither", plain.DateOfBirth.Present(), plain.PractitionerID)
		}
	})
}

func TestWhatAUserMayBe(t *testing.T) {
	text := strings.Repeat
	tests := []struct {
		name  string
		field string // that is wrong; none if empty
		edit  func(n *directory.NewUser)
	}{
		{"nothing wrong", "", func(*directory.NewUser) {}},
		{"no e-mail", "email", func(n *directory.NewUser) { n.Email = phi.Value[string]{} }},
		{"no domain", "email", func(n *directory.NewUser) { n.Email = phi.Of("secret") }},
		{"with a name", "email", func(n *directory.NewUser) { n.Email = phi.Of("secret <x@example.com>") }},
		{"in brackets", "email", func(n *directory.NewUser) { n.Email = phi.Of("<secret@example.com>") }},
		{"with a comment", "email", func(n *directory.NewUser) { n.Email = phi.Of("x@example.com (secret)") }},
		{"two addresses", "email", func(n *directory.NewUser) { n.Email = phi.Of("x@example.com,secret@example.com") }},
		{"with a quoted space", "email", func(n *directory.NewUser) { n.Email = phi.Of(`"se cret"@example.com`) }},
		{"longest e-mail", "", func(n *directory.NewUser) { n.Email = phi.Of(text("x", 242) + "@example.com") }},
		{"longer e-mail", "email", func(n *directory.NewUser) { n.Email = phi.Of(text("x", 243) + "@example.com") }},
		{"no name", "name", func(n *directory.NewUser) { n.Name = phi.Of(" \t") }},
		{"longest name", "", func(n *directory.NewUser) { n.Name = phi.Of(text("é", 200)) }},
		{"longer name", "name", func(n *directory.NewUser) { n.Name = phi.Of(text("é", 201)) }},
		{"name of two lines", "name", func(n *directory.NewUser) { n.Name = phi.Of("secret\nname") }},
		{"name with NUL", "name", func(n *directory.NewUser) { n.Name = phi.Of("secret\x00") }},
		{"name that is no text", "name", func(n *directory.NewUser) { n.Name = phi.Of("secret\xff") }},
		{"longest phone", "", func(n *directory.NewUser) { n.Phone = phi.Of(text("1", 40)) }},
		{"longer phone", "phone", func(n *directory.NewUser) { n.Phone = phi.Of(text("1", 41)) }},
		{"phone with letters", "phone", func(n *directory.NewUser) { n.Phone = phi.Of("+1 secret") }},
		{"longest address", "", func(n *directory.NewUser) { n.Address = phi.Of(text("é", 498) + "\nx") }},
		{"longer address", "address", func(n *directory.NewUser) { n.Address = phi.Of(text("é", 501)) }},
		{"address with NUL", "address", func(n *directory.NewUser) { n.Address = phi.Of("secret\x00") }},
		{"longest specialty", "", func(n *directory.NewUser) { n.Role, n.Specialty = auth.Practitioner, text("é", 100) }},
		{"longer specialty", "specialty", func(n *directory.NewUser) { n.Role, n.Specialty = auth.Practitioner, text("é", 101) }},
		{"specialty of a patient", "specialty", func(n *directory.NewUser) { n.Specialty = "secret" }},
		{"longest bio", "", func(n *directory.NewUser) { n.Role, n.Bio = auth.Practitioner, text("é", 4000) }},
		{"longer bio", "bio", func(n *directory.NewUser) { n.Role, n.Bio = auth.Practitioner, text("é", 4001) }},
		{"bio of a patient", "bio", func(n *directory.NewUser) { n.Bio = "secret" }},
		{"no role", "role", func(n *directory.NewUser) { n.Role = "" }},
		{"the command line's role", "role", func(n *directory.NewUser) { n.Role = "system" }},
		{"no zone of the world", "time_zone", func(n *directory.NewUser) { n.TimeZone = "Mars/Secret" }},
		{"the machine's zone", "time_zone", func(n *directory.NewUser) { n.TimeZone = "Local" }},
		{"no date", "date_of_birth", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("secret") }},
		{"no day", "date_of_birth", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("2027-02-29") }},
		{"date of one digit", "date_of_birth", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("2000-1-1") }},
		{"first date", "", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("1900-01-01") }},
		{"earlier date", "date_of_birth", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("1899-12-31") }},
		{"born today", "", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("2027-03-13") }},
		{"born tomorrow", "date_of_birth", func(n *directory.NewUser) { n.DateOfBirth = phi.Of("2027-03-14") }},
		{"born today, where it is tomorrow", "", func(n *directory.NewUser) {
			n.DateOfBirth, n.TimeZone = phi.Of("2027-03-14"), "Pacific/Auckland"
		}},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for i, tt := range tests {
			n := directory.NewUser{Email: phi.Of(fmt.Sprintf("x%d@example.com", i)), Name: phi.Of("Ann"), Role: auth.Patient}
			tt.edit(&n)
			_, err := c.CreateUser(t.Context(), c.admin, n)
			if tt.field == "" {
				if err != nil {
					t.Errorf("%s: error %v, want none", tt.name, err)
				}
				continue
			}
			e := errs.As(err)
			if !errors.Is(err, directory.ErrInvalidUser) || len(e.Fields) != 1 || e.Fields[tt.field] == "" {
				t.Errorf("%s: error %#v, want %v about %s only", tt.name, e, directory.ErrInvalidUser, tt.field)
				continue
			}
			if said := strings.ToLower(err.Error() + fmt.Sprint(e.Fields)); strings.Contains(said, "secret") {
				t.Errorf("%s: the error tells the value: %s", tt.name, said)
			}
		}
	})
}

func TestAnAddressHasOneUser(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				address := []string{"ann@example.com", "ANN@example.com", " Ann@Example.com"}[i%3]
				_, err := c.CreateUser(t.Context(), c.admin, directory.NewUser{Email: phi.Of(address), Name: phi.Of("Ann"), Role: auth.Practitioner})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, directory.ErrEmailTaken):
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

func TestOnlyAdminsMakeUsers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		n := directory.NewUser{Email: phi.Of("x@example.com"), Name: phi.Of("X"), Role: auth.Patient}
		for _, role := range []auth.Role{"", auth.Patient, auth.Practitioner, auth.Auditor} {
			if _, err := c.CreateUser(t.Context(), auth.Actor{UserID: id.New(), Role: role}, n); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("role %q: error %v, want %v", role, err, auth.ErrForbidden)
			}
		}
		u, err := c.CreateUser(t.Context(), auth.System, n)
		if err != nil {
			t.Errorf("the command line: error %v, want none", err)
		}
		want := []string{
			" user.create denied  []", "patient user.create denied  []", "practitioner user.create denied  []",
			"auditor user.create denied  []", "system user.create success x [x]",
		}
		if got := trail(t, db, 0, map[uuid.UUID]string{u.ID: "x"}); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

// sealer makes keys to keep answers with.
func sealer(t *testing.T) *keyring.Ring {
	t.Helper()
	r, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARepeatedCreationIsALook(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := idempotency.With(t.Context(), idempotency.Request{
			Caller: "admin", Route: "users", Key: "k", Seal: sealer(t),
			Encode: func(result any, err error) (idempotency.Answer, error) {
				return idempotency.Answer{Status: 201, Body: []byte(result.(directory.User).ID.String())}, err
			},
		})
		n := directory.NewUser{Email: phi.Of("Ann@example.com"), Name: phi.Of("Ann"), Role: auth.Patient}
		u, err := c.CreateUser(ctx, c.admin, n)
		if err != nil {
			t.Fatal(err)
		}
		var replay *idempotency.Replay
		if _, err := c.CreateUser(ctx, c.admin, n); !errors.As(err, &replay) || string(replay.Answer.Body) != u.ID.String() {
			t.Errorf("repeat: error %v, want a Replay of %s", err, u.ID)
		}
		bob := as(c.add("bob", auth.Patient))
		if _, err := c.CreateUser(ctx, bob, n); !errors.Is(err, auth.ErrForbidden) {
			t.Errorf("repeat by somebody else: error %v, want %v", err, auth.ErrForbidden)
		}
		names := map[uuid.UUID]string{u.ID: "ann", bob.UserID: "bob"}
		want := []string{
			"admin user.create success ann [ann]", "admin user.read success ann [ann]", "admin user.create success bob [bob]",
			"patient user.create denied  []",
		}
		if got := trail(t, db, 0, names); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestARepeatedRefusalShowsNobody(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := idempotency.With(t.Context(), idempotency.Request{
			Caller: "admin", Route: "users", Key: "k", Seal: sealer(t),
			Encode: func(any, error) (idempotency.Answer, error) { return idempotency.Answer{Status: 422}, nil },
		})
		n := directory.NewUser{Email: phi.Of("nobody"), Name: phi.Of("Ann"), Role: auth.Patient}
		if _, err := c.CreateUser(ctx, c.admin, n); !errors.Is(err, directory.ErrInvalidUser) {
			t.Errorf("error %v, want %v", err, directory.ErrInvalidUser)
		}
		var replay *idempotency.Replay
		if _, err := c.CreateUser(ctx, c.admin, n); !errors.As(err, &replay) || replay.Answer.Status != 422 {
			t.Errorf("repeat: error %v, want a Replay", err)
		}
		if got := trail(t, db, 0, nil); len(got) != 0 {
			t.Errorf("audit trail = %q, want none", got)
		}
	})
}

func TestWhoSeesAUser(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, bob, eve := c.add("ann", auth.Patient), c.add("bob", auth.Practitioner), c.add("eve", auth.Admin)
		names := map[uuid.UUID]string{ann.ID: "ann", bob.ID: "bob", eve.ID: "eve"}
		absent := id.New().String()
		for _, tt := range []struct {
			name string
			by   auth.Actor
			id   string
			want error
			told []string // what the audit trail learns
		}{
			{"oneself", as(ann), ann.ID.String(), nil, nil},
			{"another", as(bob), ann.ID.String(), directory.ErrUserNotFound, []string{"practitioner user.read denied ann []"}},
			{"nobody", as(ann), absent, directory.ErrUserNotFound, []string{"patient user.read denied  []"}},
			{"no id", as(ann), "ann@example.com", directory.ErrUserNotFound, nil},
			{"another spelling", as(ann), strings.ToUpper(ann.ID.String()), directory.ErrUserNotFound, nil},
			{"a patient, by an admin", as(eve), ann.ID.String(), nil, []string{"admin user.read success ann [ann]"}},
			{"a practitioner, by an admin", as(eve), bob.ID.String(), nil, []string{"admin user.read success bob []"}},
			{"an admin, by themself", as(eve), eve.ID.String(), nil, nil},
			{"nobody, by an admin", as(eve), absent, directory.ErrUserNotFound, []string{"admin user.read denied  []"}},
			{"a patient, by an auditor", auth.Actor{UserID: id.New(), Role: auth.Auditor}, ann.ID.String(), directory.ErrUserNotFound, []string{"auditor user.read denied ann []"}},
			{"a patient, by the command line", auth.System, ann.ID.String(), nil, []string{"system user.read success ann [ann]"}},
			{"a patient, without a credential", auth.Actor{}, ann.ID.String(), auth.ErrUnauthenticated, nil},
		} {
			before := len(trail(t, db, 0, nil))
			u, err := c.User(t.Context(), tt.by, tt.id)
			if !errors.Is(err, tt.want) || (err == nil) != (u.ID.String() == tt.id) {
				t.Errorf("%s: User = %v, %v, want error %v", tt.name, u.ID, err, tt.want)
			}
			if got := trail(t, db, before, names); !slices.Equal(got, tt.told) {
				t.Errorf("%s: audit trail = %q, want %q", tt.name, got, tt.told)
			}
		}
	})
}

func TestALookThatCanNotBeRecordedIsRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		broken := errors.New("broken disk")
		var fail atomic.Bool
		db.Observe = func(_ context.Context, statement string) error {
			if fail.Load() && strings.HasPrefix(statement, "INSERT INTO audit_events") {
				return broken
			}
			return nil
		}
		c := newClinic(t, db)
		ann := c.add("ann", auth.Patient)
		fail.Store(true)
		if u, err := c.User(t.Context(), c.admin, ann.ID.String()); !errors.Is(err, broken) || u != (directory.User{}) {
			t.Errorf("User = %v, %v, want none, %v", u, err, broken)
		}
		if p, err := c.Users(t.Context(), c.admin, directory.UserFilter{}, page.Request{Limit: 9}); !errors.Is(err, broken) || len(p.Items) != 0 {
			t.Errorf("Users = %v, %v, want none, %v", p, err, broken)
		}
		if u, err := c.ChangeUser(t.Context(), as(ann), ann.ID.String(), "*", directory.UserChange{Name: new(phi.Of("Anna"))}); !errors.Is(err, broken) || u != (directory.User{}) {
			t.Errorf("ChangeUser = %v, %v, want none, %v", u, err, broken)
		}
		if _, err := c.CreateUser(t.Context(), c.admin, directory.NewUser{Email: phi.Of("bob@example.com"), Name: phi.Of("Bob"), Role: auth.Patient}); !errors.Is(err, broken) {
			t.Errorf("CreateUser: error %v, want %v", err, broken)
		}
		if _, err := c.User(t.Context(), auth.Actor{UserID: id.New(), Role: auth.Patient}, ann.ID.String()); !errors.Is(err, broken) {
			t.Errorf("a refused User: error %v, want %v", err, broken)
		}
		fail.Store(false)
		p, err := c.Users(t.Context(), c.admin, directory.UserFilter{}, page.Request{Limit: 9})
		if err != nil || len(p.Items) != 1 || show(p.Items[0]) != show(ann) {
			t.Errorf("Users = %v, %v, want ann as she was, alone", p, err)
		}
	})
}

func TestUsersAreListedInPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		names := map[uuid.UUID]string{}
		var patients []string
		for i := range 7 {
			role := auth.Patient
			if i%3 == 0 {
				role = auth.Auditor
			}
			u := c.add(fmt.Sprint("u", i), role)
			names[u.ID] = fmt.Sprint("u", i)
			if role == auth.Patient {
				patients = append(patients, names[u.ID])
			}
		}
		before := len(trail(t, db, 0, nil))
		var got []string
		req := page.Request{Limit: 3, Count: true}
		for pages := 1; ; pages++ {
			p, err := c.Users(t.Context(), c.admin, directory.UserFilter{Role: "patient"}, req)
			if err != nil {
				t.Fatal(err)
			}
			if *p.Total != len(patients) {
				t.Errorf("total %d, want %d", *p.Total, len(patients))
			}
			for _, u := range p.Items {
				got = append(got, u.Name.Reveal())
			}
			if req.After = p.Next; p.Next == "" {
				if pages != 2 {
					t.Errorf("%d pages, want 2", pages)
				}
				break
			}
		}
		if !slices.Equal(got, patients) {
			t.Errorf("listed %q, want %q", got, patients)
		}
		want := []string{"admin user.list success  [u1 u2 u4]", "admin user.list success  [u5]"}
		if got := trail(t, db, before, names); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestWhoListsUsers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, bob := c.add("ann", auth.Patient), c.add("bob", auth.Auditor)
		before := len(trail(t, db, 0, nil))
		for _, tt := range []struct {
			name   string
			by     auth.Actor
			filter directory.UserFilter
			req    page.Request
			want   []uuid.UUID
			err    error
		}{
			{"only oneself", as(ann), directory.UserFilter{}, page.Request{Limit: 1, Count: true}, []uuid.UUID{ann.ID}, nil},
			{"only oneself, whatever the role", as(bob), directory.UserFilter{}, page.Request{Limit: 1, Count: true}, []uuid.UUID{bob.ID}, nil},
			{"and not in another role", as(ann), directory.UserFilter{Role: "auditor"}, page.Request{Limit: 1, Count: true}, nil, nil},
			{"without a credential", auth.Actor{}, directory.UserFilter{}, page.Request{Limit: 1}, nil, auth.ErrUnauthenticated},
			{"from nowhere", as(ann), directory.UserFilter{}, page.Request{Limit: 1, After: "x"}, nil, page.ErrCursor},
		} {
			p, err := c.Users(t.Context(), tt.by, tt.filter, tt.req)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
			}
			var got []uuid.UUID
			for _, u := range p.Items {
				got = append(got, u.ID)
			}
			if !slices.Equal(got, tt.want) || p.Next != "" || p.Total != nil && *p.Total != len(tt.want) {
				t.Errorf("%s: Users = %v, next %q, want %v", tt.name, got, p.Next, tt.want)
			}
		}
		if got := trail(t, db, before, nil); len(got) != 0 {
			t.Errorf("audit trail = %q, want none: everybody saw themself only", got)
		}
	})
}

func TestAnEmptyListOfUsersIsAList(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		p, err := c.Users(t.Context(), c.admin, directory.UserFilter{}, page.Request{Limit: 1})
		if err != nil || p.Items == nil || len(p.Items) != 0 || p.Total != nil {
			t.Errorf("Users = %+v, %v, want [] and no total", p, err)
		}
	})
}
