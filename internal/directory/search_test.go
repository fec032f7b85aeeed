package directory_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/federation"
	"medbook/internal/id"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// entries returns what patients are searched by, by their ids.
func entries(t *testing.T, db *sqldb.DB) map[uuid.UUID]string {
	t.Helper()
	type entry struct {
		patient uuid.UUID
		name    string
	}
	all := map[uuid.UUID]string{}
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		list, err := sqldb.All(ctx, tx, func(r sqldb.Row) (e entry, err error) {
			err = r.Scan(&e.patient, &e.name)
			return e, err
		}, `SELECT patient_id, name FROM patient_search`)
		for _, e := range list {
			all[e.patient] = e.name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func expectEntries(t *testing.T, db *sqldb.DB, when string, want map[uuid.UUID]string) {
	t.Helper()
	if diff := cmp.Diff(want, entries(t, db)); diff != "" {
		t.Errorf("%s: entries (-want +got):\n%s", when, diff)
	}
}

func TestWhatPatientsAreSearchedByFollowsTheirNames(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.Passwords = &password.Hasher{}
		c.add("grey", auth.Practitioner)
		ann := c.create(directory.NewUser{Email: phi.Of("ann@example.com"), Name: phi.Of("Ann  STRASSE-Groß"), Role: auth.Patient})
		want := map[uuid.UUID]string{ann.ID: "ann strasse-gross"}
		expectEntries(t, db, "made", want)

		c.change(ann, directory.UserChange{Name: new(phi.Of("Anna Éa"))})
		want[ann.ID] = "anna éa"
		expectEntries(t, db, "renamed", want)
		c.change(ann, directory.UserChange{Phone: new(phi.Of("1"))})
		expectEntries(t, db, "changed otherwise", want)
		c.change(ann, directory.UserChange{Role: new(auth.Practitioner), Name: new(phi.Of("Dr. Ann"))})
		want[ann.ID] = "dr. ann"
		expectEntries(t, db, "a patient who became a practitioner", want)

		bob := c.add("bob", auth.Auditor)
		c.change(bob, directory.UserChange{Name: new(phi.Of("Bobby"))})
		expectEntries(t, db, "an auditor", want)
		c.change(bob, directory.UserChange{Role: new(auth.Patient)})
		want[bob.ID] = "bobby"
		expectEntries(t, db, "an auditor who became a patient", want)

		cleo, err := c.Register(t.Context(), auth.Actor{}, directory.NewUser{Email: phi.Of("cleo@example.com"), Name: phi.Of("Cleo")}, "seven quiet giraffes")
		if err != nil {
			t.Fatal(err)
		}
		want[cleo.ID] = "cleo"
		expectEntries(t, db, "registered", want)
		if _, err := c.Register(t.Context(), auth.Actor{}, directory.NewUser{Email: phi.Of("cleo@example.com"), Name: phi.Of("Again")}, "seven quiet giraffes"); err != nil {
			t.Fatal(err)
		}
		expectEntries(t, db, "registered again", want)

		var dan uuid.UUID
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			claims := federation.Claims{Email: phi.Of("dan@example.com"), EmailVerified: true, Name: phi.Of("Dan")}
			dan, err = c.Provision(ctx, auth.Actor{}, tx, claims, false)
			return err
		})
		want[dan] = "dan"
		expectEntries(t, db, "provisioned", want)
	})
}

// before makes patients as a server that knows of no search would.
func before(t *testing.T, db *sqldb.DB, n int) map[uuid.UUID]string {
	t.Helper()
	want := map[uuid.UUID]string{}
	var users, profiles, patients [][]any
	for i := range n {
		who := id.New()
		want[who] = fmt.Sprintf("ann %d", i)
		users = append(users, []any{who, fmt.Sprintf("old%d@example.com", i), fmt.Sprintf("ANN %d", i), "patient", 0})
		profiles = append(profiles, []any{who, "", "", "UTC", 0, 1})
		patients = append(patients, []any{who})
	}
	update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
		for insert, rows := range map[string][][]any{
			`INSERT INTO user_profiles (user_id, phone, address, time_zone, updated_at, version) VALUES `: profiles,
			`INSERT INTO patients (patient_id) VALUES `:                                                   patients,
		} {
			groups, args := sqldb.Values(users...)
			if _, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, role, created_at) VALUES `+groups+` ON CONFLICT DO NOTHING`, args...); err != nil {
				return err
			}
			groups, args = sqldb.Values(rows...)
			if _, err := tx.Exec(ctx, insert+groups, args...); err != nil {
				return err
			}
		}
		return nil
	})
	return want
}

func TestPatientsFromBeforeTheSearchAreIndexed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		want := before(t, db, 501)
		for who := range want { // an older server renamed one of whom it knew nothing
			update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES ($1, 'old name')`, who)
				return err
			})
			break
		}
		var mu sync.Mutex
		writes, locked := 0, false
		db.Observe = func(_ context.Context, statement string) error {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(statement, "INSERT INTO patient_search") {
				writes++
			}
			switch {
			case strings.HasPrefix(statement, "BEGIN"):
				locked = false
			case strings.HasPrefix(statement, "SELECT user_id FROM user_profiles"):
				locked = true
			case strings.HasPrefix(statement, "SELECT name FROM users") && !locked:
				t.Error("the name is read before the user is locked")
			}
			return nil
		}
		index := func(most int) {
			t.Helper()
			if err := directory.IndexPatients(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if writes > most {
				t.Errorf("wrote %d times, want at most %d", writes, most)
			}
			writes = 0
			expectEntries(t, db, "indexed", want)
		}
		index(3) // two batches, and the one that was stale
		index(0)
	})
}

// TestAnIndexDoesNotUndoARename renames patients after the index has read their
// names, and before it writes.
func TestAnIndexDoesNotUndoARename(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		want := before(t, db, 2)
		stale := true // of the two: one has a row that is old, the other none
		for who := range want {
			if stale {
				update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
					_, err := tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES ($1, 'old name')`, who)
					return err
				})
			}
			stale = false
		}
		var read, renamed bool
		db.Observe = func(_ context.Context, statement string) error {
			switch {
			case strings.Contains(statement, "LEFT JOIN patient_search"):
				read = true
			case read && !renamed:
				renamed = true
				for who := range want {
					if _, err := c.ChangeUser(t.Context(), c.admin, who.String(), "*", directory.UserChange{Name: new(phi.Of("New"))}); err != nil {
						t.Error(err)
					}
					want[who] = "new"
				}
			}
			return nil
		}
		if err := directory.IndexPatients(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if !renamed {
			t.Fatal("nobody was renamed meanwhile")
		}
		db.Observe = nil
		expectEntries(t, db, "renamed meanwhile", want)
	})
}

// TestAnIndexDoesNotUndoAnErasure erases patients after the index has read their
// names, and before it writes.
func TestAnIndexDoesNotUndoAnErasure(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		want := before(t, db, 3)
		var old uuid.UUID // has a row that is old; the others have none
		for old = range want {
			break
		}
		update(t, db, func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES ($1, 'old name')`, old)
			return err
		})
		var read, erased bool
		spared := uuid.Nil
		db.Observe = func(_ context.Context, statement string) error {
			switch {
			case strings.Contains(statement, "LEFT JOIN patient_search"):
				read = true
			case read && !erased:
				erased = true
				for who := range want {
					if who != old && spared == uuid.Nil {
						spared = who
						continue
					}
					update(t, db, func(ctx context.Context, tx *sqldb.Tx) error { return directory.Forget(ctx, tx, who) })
					delete(want, who)
				}
			}
			return nil
		}
		for range 2 { // the second time, nobody is missing
			if err := directory.IndexPatients(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
		if len(want) != 1 {
			t.Fatalf("%d patients are left, want one", len(want))
		}
		db.Observe = nil
		expectEntries(t, db, "erased meanwhile", want)
	})
}
