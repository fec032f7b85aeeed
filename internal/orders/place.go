package orders

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// NewOrder is what an order is made of.
type NewOrder struct {
	User     string
	Kit      Kit
	Shipping Address
	Channel  string // by which the user is told: email, sms or push; empty: as goes with the kit
}

// Place orders a kit for a user, who is told. Only admins do.
//
// It returns auth.ErrForbidden, directory.ErrUserNotFound, also for who is erased,
// or ErrInvalidOrder.
func (s *Service) Place(ctx context.Context, by auth.Actor, n NewOrder) (o Order, err error) {
	defer errs.Wrap(&err, "place order")
	in := by.Intends("order.place", "order", "")
	if !by.Is(auth.Admin) {
		return o, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	user, ok := id.Parse(n.User)
	if !ok {
		return o, audit.Refuse(ctx, s.DB, in, directory.ErrUserNotFound)
	}
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		patient, err := lockUser(ctx, tx, user)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event("order.place", "order", "", Order{ID: id.Keyed{Lead: user}, patient: patient}.patients()...))
	}
	o, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Order, error) {
		return s.place(ctx, tx, by, user, n)
	})
	return o, audit.Refuse(ctx, s.DB, in, err)
}

// place writes the order, and has its user told.
func (s *Service) place(ctx context.Context, tx *sqldb.Tx, by auth.Actor, user uuid.UUID, n NewOrder) (o Order, err error) {
	o = Order{ID: id.NewKeyed(user), Kit: n.Kit, Status: Placed, CreatedBy: by.UserID, Version: 1}
	if o.patient, err = lockUser(ctx, tx, user); err != nil {
		return Order{}, err
	}
	where, channel, err := n.checked()
	if err != nil {
		return Order{}, err
	}
	o.Shipping = where.address()
	if o.sealed, err = s.seal(o.ID, where); err != nil {
		return Order{}, err
	}
	o.CreatedAt, o.UpdatedAt = tx.Now(), tx.Now()
	if err := insertOrder(ctx, tx, o); err != nil {
		return Order{}, err
	}
	told := notify.Event{Kind: notify.OrderPlaced, About: o.ID.String(), By: string(by.Role)}
	if err := notify.Notify(ctx, tx, user, told, channel); err != nil {
		return Order{}, err
	}
	event := webhooks.Event{Kind: webhooks.OrderPlaced, About: o.ID.String()}
	if o.patient {
		event.Patient = user
	}
	if err := webhooks.Emit(ctx, tx, event); err != nil {
		return Order{}, err
	}
	return o, audit.Record(ctx, tx, by.Event("order.place", "order", o.ID.String(), o.patients()...))
}

// checked returns where the kit goes, in the form in which it is kept, and by which
// channel its user is told, or ErrInvalidOrder.
func (n NewOrder) checked() (where record, channel string, err error) {
	if err := checkKit(n.Kit); err != nil {
		return where, "", err
	}
	if channel, err = channelFor(n.Kit, n.Channel); err != nil {
		return where, "", err
	}
	where, err = recordOf(n.Shipping).checked()
	return where, channel, err
}

// Check judges an order as Place does, and returns by which channel its user would
// be told. Nothing is kept of it. Only admins do.
//
// It returns auth.ErrForbidden or ErrInvalidOrder.
func (s *Service) Check(ctx context.Context, by auth.Actor, n NewOrder) (channel string, err error) {
	defer errs.Wrap(&err, "check order")
	if !by.Is(auth.Admin) {
		return "", audit.Refuse(ctx, s.DB, by.Intends("order.place", "order", ""), auth.ErrForbidden)
	}
	_, channel, err = n.checked()
	return channel, err
}

// lockUser keeps a user from being erased until the transaction ends, and reports
// whether they are a patient. It returns directory.ErrUserNotFound for who is not
// there, or not any more.
func lockUser(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (patient bool, err error) {
	if err := directory.LockFormer(ctx, tx, user); err != nil && errs.KindOf(err) != errs.NotFound { // who never was a patient can't be erased
		return false, err
	}
	return isPatient(ctx, tx, user)
}
