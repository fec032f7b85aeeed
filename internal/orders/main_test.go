package orders_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// clinic is a service with those who order and those who are ordered for.
type clinic struct {
	*orders.Service
	t                     *testing.T
	admin, ann, bob, grey auth.Actor // two patients and a practitioner
	notify                *notify.Service
	run                   *jobs.Runner
}

func newClinic(t *testing.T, db *sqldb.DB, channels ...notify.Channel) *clinic {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	c := &clinic{
		Service: &orders.Service{DB: db, Seal: ring}, t: t,
		notify: &notify.Service{DB: db, Seal: ring, Channels: channels, Clinic: "Harbour Clinic"},
		run:    &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)},
	}
	c.notify.Work(c.run)
	c.admin, c.ann, c.bob, c.grey = c.user("Ruth", auth.Admin, ""), c.user("Ann Lee", auth.Patient, "+1 212 555 0111"), c.user("Bob", auth.Patient, ""), c.user("Grey", auth.Practitioner, "")
	c.work()
	return c
}

func (c *clinic) user(name string, role auth.Role, phone string) auth.Actor {
	c.t.Helper()
	n := directory.NewUser{Email: phi.Of(id.New().String() + "@mail.example"), Name: phi.Of(name), Role: role}
	if phone != "" {
		n.Phone = phi.Of(phone)
	}
	u, err := (&directory.Service{DB: c.DB}).CreateUser(c.t.Context(), auth.System, n)
	if err != nil {
		c.t.Fatal(err)
	}
	return auth.Actor{UserID: u.ID, Role: role, PractitionerID: u.PractitionerID}
}

// work does the jobs that are due.
func (c *clinic) work() {
	c.t.Helper()
	if _, err := c.run.RunDue(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

const street = "17 Quay Street"

// kit is an order that can be placed.
func kit(of auth.Actor) orders.NewOrder {
	return orders.NewOrder{User: of.UserID.String(), Kit: orders.Genotyping, Shipping: orders.Address{
		Name: phi.Of("Ann Lee"), Line1: phi.Of(street), City: phi.Of("New York"), PostalCode: phi.Of("10001"), Country: phi.Of("US"),
	}}
}

// placed orders a kit for a user.
func (c *clinic) placed(of auth.Actor) orders.Order {
	c.t.Helper()
	o, err := c.Place(c.t.Context(), c.admin, kit(of))
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// move is one of the ways of an order.
type move func(context.Context, auth.Actor, string) (orders.Order, error)

// moves are all of them, by the status that they lead to.
func (c *clinic) moves() map[orders.Status]move {
	return map[orders.Status]move{
		orders.Dispatched: c.Dispatch, orders.SampleReceived: c.Receive, orders.Completed: c.Complete, orders.Cancelled: c.Cancel,
	}
}

// standing places an order and takes it to a status.
func (c *clinic) standing(of auth.Actor, at orders.Status) orders.Order {
	c.t.Helper()
	o := c.placed(of)
	way := []orders.Status{orders.Dispatched, orders.SampleReceived, orders.Completed}
	way = way[:slices.Index(way, at)+1]
	if at == orders.Cancelled {
		way = []orders.Status{at}
	}
	for _, to := range way {
		var err error
		if o, err = c.moves()[to](c.t.Context(), c.admin, o.ID.String()); err != nil {
			c.t.Fatal(err)
		}
	}
	return o
}

func (c *clinic) update(fn func(ctx context.Context, tx *sqldb.Tx) error) {
	c.t.Helper()
	if err := c.DB.Update(c.t.Context(), fn); err != nil {
		c.t.Fatal(err)
	}
}

// erase ends what is kept of a patient here and in the directory.
func erase(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	if err := directory.LockPatient(ctx, tx, patient); err != nil {
		return err
	}
	if err := orders.Forget(ctx, tx, patient); err != nil {
		return err
	}
	return directory.Forget(ctx, tx, patient)
}

// sealed returns what is stored of where an order goes, nil for nothing.
func (c *clinic) sealed(o orders.Order) (b []byte) {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		b, err = sqldb.One(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
			err = r.Scan(&b)
			return b, err
		}, `SELECT shipping FROM orders WHERE user_id = $1 AND id = $2`, o.ID.Lead, o.ID.ID)
		return err
	})
	return b
}

// trail lists the records about orders, the oldest first.
func (c *clinic) trail() (events []audit.Event) {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, audit.Filter{ResourceType: "order"}, page.Request{Limit: 200})
		events = nil
		for _, e := range p.Items {
			events = append(events, e.Event)
		}
		slices.Reverse(events)
		return err
	})
	return events
}

// told lists the messages about orders, the newest first.
func (c *clinic) told() (list []notify.Notification) {
	c.t.Helper()
	c.work()
	p, err := c.notify.Notifications(c.t.Context(), c.admin, notify.Filter{}, page.Request{Limit: 200})
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(p.Items, func(n notify.Notification) bool { return n.Event.Kind != notify.OrderPlaced })
}

// channel is one that keeps what it was to send.
type channel struct {
	name string
	to   func(directory.User) phi.Value[string]
	sent []notify.Message
}

func byEmail() *channel {
	return &channel{name: "email", to: func(u directory.User) phi.Value[string] { return u.Email }}
}

// bySMS finds who has a number; a user without one has an empty text.
func bySMS() *channel {
	return &channel{name: "sms", to: func(u directory.User) phi.Value[string] {
		if strings.TrimSpace(u.Phone.Reveal()) == "" {
			return phi.Value[string]{}
		}
		return u.Phone
	}}
}

func (c *channel) Name() string { return c.name }
func (c *channel) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return c.to(u), nil
}
func (c *channel) Keeps() bool { return false }

func (c *channel) Send(_ context.Context, m notify.Message) error {
	c.sent = append(c.sent, m)
	return nil
}
