package orders

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Filter narrows a list of orders. Its zero value matches all.
type Filter struct {
	User   string // an unknown one has no orders
	Status Status
}

// Order returns an order to its user or to an admin. To anybody else, and for an
// unknown id, it returns ErrNotFound.
func (s *Service) Order(ctx context.Context, by auth.Actor, order string) (o Order, err error) {
	defer errs.Wrap(&err, "read order")
	if by.Anonymous() {
		return o, auth.ErrUnauthenticated
	}
	in := by.Intends("order.read", "order", "")
	key, ok := id.ParseKeyed(order)
	if !ok {
		return o, audit.Refuse(ctx, s.DB, in, ErrNotFound)
	}
	in.ResourceID = key.String()
	o, err = audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Order, error) {
		o, err := orderByID(ctx, tx, by, key)
		if err == nil {
			see(seen, by, o)
		}
		return o, err
	})
	if err != nil {
		return Order{}, err
	}
	return o, s.open(&o)
}

// see puts on record that orders are shown, but for one's own.
func see(seen *audit.Seen, by auth.Actor, shown ...Order) {
	for _, o := range shown {
		if o.User() != by.UserID {
			seen.Row(o.patients()...)
		}
	}
}

// Orders lists orders, the newest first: all to admins, their own to anybody else.
// It returns page.ErrCursor for a position that is not one of its own.
func (s *Service) Orders(ctx context.Context, by auth.Actor, f Filter, req page.Request) (p page.Of[Order], err error) {
	defer errs.Wrap(&err, "list orders")
	if by.Anonymous() {
		return p, auth.ErrUnauthenticated
	}
	p, err = audit.Read(ctx, s.DB, by.Intends("order.list", "order", ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Order], error) {
		p, err := ordersIn(ctx, tx, by, f, req)
		see(seen, by, p.Items...)
		return p, err
	})
	if err != nil {
		return p, err
	}
	return p, s.Open(ctx, by, p.Items)
}

// OfUsers returns all orders of those of the users whom by may see, the newest
// first, without where they go. It asks the database once, however many they are.
func (s *Service) OfUsers(ctx context.Context, by auth.Actor, users []uuid.UUID) (of map[uuid.UUID][]Order, err error) {
	defer errs.Wrap(&err, "list orders of users")
	if by.Anonymous() {
		return nil, auth.ErrUnauthenticated
	}
	if len(users) == 0 {
		return nil, nil
	}
	all, err := audit.Read(ctx, s.DB, by.Intends("order.list", "order", ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) ([]Order, error) {
		all, err := ordersOf(ctx, tx, by, users)
		see(seen, by, all...)
		return all, err
	})
	of = map[uuid.UUID][]Order{}
	for _, o := range all {
		of[o.User()] = append(of[o.User()], o)
	}
	return of, err
}

// OfUser lists all orders of a user as they are stored, the newest first: Open
// reads where they go.
func OfUser(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (all []Order, err error) {
	defer errs.Wrap(&err, "list orders of %s", user)
	return ordersOf(ctx, tx, auth.System, []uuid.UUID{user})
}

// Open reads where orders go.
func (s *Service) Open(_ context.Context, _ auth.Actor, orders []Order) (err error) {
	defer errs.Wrap(&err, "open orders")
	for i := range orders {
		if err := s.open(&orders[i]); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes where a user's kits went. That they were ordered stays. The
// caller has the patient's lock.
func Forget(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget orders of %s", user)
	return blankOrders(ctx, tx, user)
}
