package directory_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a directory with an admin, whose calls of Enrol and Retire are noted.
type clinic struct {
	*directory.Service
	t     *testing.T
	admin auth.Actor

	mu    sync.Mutex
	calls []string
}

func newClinic(t *testing.T, db *sqldb.DB) *clinic {
	c := &clinic{t: t, admin: auth.Actor{UserID: id.New(), Role: auth.Admin, Via: auth.ViaKey, Scopes: auth.ScopesOf(auth.Scopes()...)}}
	c.Service = &directory.Service{
		DB: db,
		Enrol: func(_ context.Context, _ *sqldb.Tx, practitioner uuid.UUID, timeZone string) error {
			c.note("enrol", practitioner, timeZone)
			return nil
		},
		Retire: func(_ context.Context, _ *sqldb.Tx, practitioner uuid.UUID) error {
			c.note("retire", practitioner)
			return nil
		},
	}
	return c
}

func (c *clinic) note(call ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprint(call...))
}

// add makes a user who is called name.
func (c *clinic) add(name string, role auth.Role) directory.User {
	c.t.Helper()
	return c.create(directory.NewUser{Email: phi.Of(name + "@example.com"), Name: phi.Of(name), Role: role})
}

func (c *clinic) create(n directory.NewUser) directory.User {
	c.t.Helper()
	u, err := c.CreateUser(c.t.Context(), c.admin, n)
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

func (c *clinic) change(u directory.User, change directory.UserChange) directory.User {
	c.t.Helper()
	u, err := c.ChangeUser(c.t.Context(), c.admin, u.ID.String(), "*", change)
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

// as is the actor that u is.
func as(u directory.User) auth.Actor {
	return auth.Actor{UserID: u.ID, Role: u.Role, PractitionerID: u.PractitionerID}
}

func update(t *testing.T, db *sqldb.DB, fn func(ctx context.Context, tx *sqldb.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// trail returns the audit trail from the given place on, each record as
// "role action outcome", what it was done to, and whose data it was.
func trail(t *testing.T, db *sqldb.DB, from int, names map[uuid.UUID]string) (all []string) {
	t.Helper()
	type event struct {
		id   uuid.UUID
		text string
	}
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		all = nil
		events, err := sqldb.All(ctx, tx, func(r sqldb.Row) (e event, err error) {
			var role, action, outcome, resource string
			err = r.Scan(&e.id, &role, &action, &outcome, &resource)
			if u, ok := id.Parse(resource); ok {
				resource = names[u]
			}
			e.text = fmt.Sprintf("%s %s %s %s", role, action, outcome, resource)
			return e, err
		}, `SELECT id, actor_role, action, outcome, resource_id FROM audit_events ORDER BY id`)
		if err != nil {
			return err
		}
		for _, e := range events {
			patients, err := sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
				var u uuid.UUID
				err := r.Scan(&u)
				return names[u], err
			}, `SELECT patient_id FROM audit_patients WHERE event_id = $1`, e.id)
			if err != nil {
				return err
			}
			slices.Sort(patients)
			all = append(all, fmt.Sprintf("%s %v", e.text, patients))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all[from:]
}
