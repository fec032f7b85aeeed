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

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func showClinic(c directory.Clinic) string {
	at := ""
	if !c.UpdatedAt.IsZero() {
		at = c.UpdatedAt.Format(time.TimeOnly)
	}
	return fmt.Sprintf("%s|%s|%v|%s|%s", c.Name, c.TimeZone, c.Fixed, at, c.ETag())
}

func TestAnAdminNamesTheClinic(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		clinic := func() directory.Clinic {
			t.Helper()
			got, err := c.Clinic(t.Context(), auth.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := showClinic(clinic()); got != `Medbook|UTC|false||"0"` {
			t.Errorf("before anything is set: %s", got)
		}
		before := len(trail(t, db, 0, nil))
		for _, tt := range []struct {
			by     auth.Actor
			match  etag.Match
			change directory.ClinicChange
			want   string
			err    error
		}{
			{auth.Actor{Role: auth.Practitioner}, "*", directory.ClinicChange{Name: new("Mine")}, "", auth.ErrForbidden},
			{c.admin, "", directory.ClinicChange{Name: new("Harbour Clinic")}, "", etag.ErrMissing},
			{c.admin, `"1"`, directory.ClinicChange{Name: new("Harbour Clinic")}, "", etag.ErrStale},
			{c.admin, "*", directory.ClinicChange{Name: new("  ")}, "", directory.ErrInvalidClinic},
			{c.admin, "*", directory.ClinicChange{Name: new("Harbour\r\nBcc: eve@example.com")}, "", directory.ErrInvalidClinic},
			{c.admin, "*", directory.ClinicChange{Name: new(strings.Repeat("x", 101))}, "", directory.ErrInvalidClinic},
			{c.admin, "*", directory.ClinicChange{TimeZone: new("Mars/Olympus")}, "", directory.ErrInvalidClinic},
			{c.admin, "*", directory.ClinicChange{TimeZone: new("")}, "", directory.ErrInvalidClinic},
			{c.admin, `"0"`, directory.ClinicChange{Name: new(" Harbour Clinic ")}, `Harbour Clinic|UTC|false|14:00:00|"1"`, nil},
			{c.admin, `"0"`, directory.ClinicChange{Name: new("Late")}, "", etag.ErrStale},
			{c.admin, `"1"`, directory.ClinicChange{TimeZone: new("Asia/Kathmandu")}, `Harbour Clinic|Asia/Kathmandu|false|14:00:00|"2"`, nil},
		} {
			was := clinic()
			got, err := c.ChangeClinic(t.Context(), tt.by, tt.match, tt.change)
			switch {
			case tt.err != nil:
				if !errors.Is(err, tt.err) || clinic() != was {
					t.Errorf("%s: got %v and %s, want %v and %s", tt.match, err, showClinic(clinic()), tt.err, showClinic(was))
				}
			case err != nil || showClinic(got) != tt.want || clinic() != got:
				t.Errorf("%s: got %s, %v, then %s, want %s", tt.match, showClinic(got), err, showClinic(clinic()), tt.want)
			}
		}
		want := []string{"practitioner clinic.change denied  []", "admin clinic.change success  []", "admin clinic.change success  []"}
		if got := trail(t, db, before, nil); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}

		c.ClinicName = "Configured"
		if got := showClinic(clinic()); got != `Configured|Asia/Kathmandu|true|14:00:00|"2"` {
			t.Errorf("with a configured name: %s", got)
		}
		for configured, want := range map[string]string{"Configured": "Configured", "": "Harbour Clinic"} {
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
				if got, err := directory.ClinicName(ctx, tx, configured); err != nil || got != want {
					t.Errorf("ClinicName(%q) = %q, %v, want %q", configured, got, err, want)
				}
				return nil
			})
		}
	})
}

// TestTheFirstNameIsGivenOnce shows that of many who name a clinic without a row at
// once, one does.
func TestTheFirstNameIsGivenOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var wg sync.WaitGroup
		var named, stale atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				switch _, err := c.ChangeClinic(t.Context(), c.admin, `"0"`, directory.ClinicChange{Name: new(fmt.Sprint("Clinic ", i))}); {
				case err == nil:
					named.Add(1)
				case errors.Is(err, etag.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if named.Load() != 1 || stale.Load() != 7 {
			t.Errorf("%d named it, %d came too late, want 1 and 7", named.Load(), stale.Load())
		}
	})
}

// TestAClinicIsSetUpAsAWhole begins with what can't be kept, after which nothing is
// there and the link is good, and then makes all of it.
func TestAClinicIsSetUpAsAWhole(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.Passwords = &password.Hasher{}
		if needs, err := c.NeedsSetUp(t.Context(), auth.Actor{}); err != nil || !needs {
			t.Errorf("NeedsSetUp = %v, %v, want true", needs, err)
		}
		token, err := c.SetUpLink(t.Context(), auth.System)
		if err != nil {
			t.Fatal(err)
		}
		first := func(change func(f *directory.FirstRun)) directory.FirstRun {
			f := directory.FirstRun{
				Clinic:   directory.ClinicChange{Name: new("Harbour Clinic"), TimeZone: new("Europe/Berlin")},
				Admin:    directory.NewUser{Email: phi.Of("ruth@clinic.example"), Name: phi.Of("Ruth")},
				Password: "correct horse battery",
				Practitioner: &directory.NewUser{
					Email: phi.Of("grey@clinic.example"), Name: phi.Of("Grey"), Specialty: "nutrition", Role: auth.Admin, TimeZone: "Asia/Kathmandu",
				},
			}
			change(&f)
			return f
		}
		set := func(token string, f directory.FirstRun) (directory.User, error) {
			return c.SetUp(t.Context(), auth.Actor{}, auth.Secret(token), f)
		}
		for _, tt := range []struct {
			field  string
			err    error
			change func(f *directory.FirstRun)
		}{
			{"clinic.name", directory.ErrInvalidClinic, func(f *directory.FirstRun) { f.Clinic.Name = new("") }},
			{"clinic.time_zone", directory.ErrInvalidClinic, func(f *directory.FirstRun) { f.Clinic.TimeZone = new("Mars") }},
			{"email", directory.ErrInvalidUser, func(f *directory.FirstRun) { f.Admin.Email = phi.Of("ruth") }},
			{"practitioner.email", directory.ErrInvalidUser, func(f *directory.FirstRun) { f.Practitioner.Email = phi.Of("grey") }},
			{"password", auth.ErrWeakPassword, func(f *directory.FirstRun) { f.Password = "short" }},
			{"", directory.ErrEmailTaken, func(f *directory.FirstRun) { f.Practitioner.Email = f.Admin.Email }},
		} {
			_, err := set(token, first(tt.change))
			e := errs.As(err)
			if !errors.Is(err, tt.err) || tt.field != "" && e.Fields[tt.field] == "" {
				t.Errorf("%s: got %v with %v, want %v", tt.field, err, e, tt.err)
			}
		}
		if needs, _ := c.NeedsSetUp(t.Context(), auth.Actor{}); !needs || len(c.calls) > 1 {
			t.Errorf("after what was refused: NeedsSetUp %v, calls %q; want that nothing is there", needs, c.calls)
		}
		if got, _ := c.Clinic(t.Context(), auth.Actor{}); got.Version != 0 {
			t.Errorf("after what was refused the clinic is %+v", got)
		}
		c.calls = nil // of the transaction that was undone
		before := len(trail(t, db, 0, nil))
		ruth, err := set(token, first(func(*directory.FirstRun) {}))
		if err != nil || ruth.Role != auth.Admin || ruth.TimeZone != "Europe/Berlin" {
			t.Fatalf("SetUp = %+v, %v", ruth, err)
		}
		if got, _ := c.Clinic(t.Context(), auth.Actor{}); got.Name != "Harbour Clinic" || got.TimeZone != "Europe/Berlin" || got.Version != 1 {
			t.Errorf("the clinic is %+v", got)
		}
		var made string
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			made, err = sqldb.One(ctx, tx, text, `SELECT p.role || ' ' || f.time_zone || ' ' || d.specialty
				FROM users p JOIN user_profiles f ON f.user_id = p.id JOIN practitioners d ON d.user_id = p.id WHERE p.email = 'grey@clinic.example'`)
			return err
		})
		if made != "practitioner Asia/Kathmandu nutrition" || len(c.calls) != 1 || !strings.Contains(c.calls[0], "Kathmandu") {
			t.Errorf("the practitioner is %q, enrolled by %q", made, c.calls)
		}
		var told string
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			told, err = sqldb.One(ctx, tx, text, `SELECT payload FROM jobs WHERE kind = 'auth.mail'`)
			return err
		})
		if !strings.Contains(told, `"password-reset"`) || strings.Contains(told, ruth.ID.String()) {
			t.Errorf("the one message is %s, want a link for the practitioner", told)
		}
		want := []string{" user.create success  []", " clinic.set_up success  []"}
		if got := trail(t, db, before, nil); !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
		if needs, err := c.NeedsSetUp(t.Context(), auth.Actor{}); err != nil || needs {
			t.Errorf("NeedsSetUp = %v, %v, want false", needs, err)
		}
		if _, err := set(token, first(func(*directory.FirstRun) {})); !errors.Is(err, auth.ErrLink) {
			t.Errorf("the second time: %v, want ErrLink", err)
		}
	})
}

func text(r sqldb.Row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}
