package orders

import (
	"context"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/sqldb"
)

// step is a way from some statuses to another.
type step struct {
	action string
	from   []Status
	to     Status
}

var (
	dispatching = step{"order.dispatch", []Status{Placed}, Dispatched}
	receiving   = step{"order.receive", []Status{Dispatched}, SampleReceived}
	completing  = step{"order.complete", []Status{SampleReceived}, Completed}
	cancelling  = step{"order.cancel", []Status{Placed, Dispatched}, Cancelled}
)

// Dispatch says that a kit was sent. Like Receive, Complete and Cancel it is for
// admins, and does nothing to an order that stands there already.
//
// It returns auth.ErrForbidden, ErrNotFound or ErrTransition.
func (s *Service) Dispatch(ctx context.Context, by auth.Actor, order string) (Order, error) {
	return s.move(ctx, by, order, dispatching)
}

// Receive says that the sample has come back; see Dispatch.
func (s *Service) Receive(ctx context.Context, by auth.Actor, order string) (Order, error) {
	return s.move(ctx, by, order, receiving)
}

// Complete says that all is done; see Dispatch.
func (s *Service) Complete(ctx context.Context, by auth.Actor, order string) (Order, error) {
	return s.move(ctx, by, order, completing)
}

// Cancel ends an order of which no sample has come; see Dispatch.
func (s *Service) Cancel(ctx context.Context, by auth.Actor, order string) (Order, error) {
	return s.move(ctx, by, order, cancelling)
}

func (s *Service) move(ctx context.Context, by auth.Actor, order string, way step) (o Order, err error) {
	defer errs.Wrap(&err, "%s", way.action)
	in := by.Intends(way.action, "order", "")
	if !by.Is(auth.Admin) {
		return o, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	key, ok := id.ParseKeyed(order)
	if !ok {
		return o, audit.Refuse(ctx, s.DB, in, ErrNotFound)
	}
	in.ResourceID = key.String()
	record := func(ctx context.Context, tx *sqldb.Tx, o Order) error {
		event := in.Event
		event.Patients = o.patients()
		return audit.Record(ctx, tx, event)
	}
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		o, err := orderByID(ctx, tx, by, key)
		if err != nil {
			return err
		}
		if len(o.sealed) == 0 { // what was answered tells where somebody lived who is erased
			return ErrNotFound
		}
		return record(ctx, tx, o)
	}
	o, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Order, error) {
		o, err := lockOrder(ctx, tx, by, key)
		if err != nil {
			return Order{}, err
		}
		if o, err = moved(ctx, tx, o, way); err != nil {
			return Order{}, err
		}
		if err := s.open(&o); err != nil {
			return Order{}, err
		}
		return o, record(ctx, tx, o)
	})
	return o, audit.Refuse(ctx, s.DB, in, err)
}

// moved takes a locked order along a way, unless it stands at its end.
func moved(ctx context.Context, tx *sqldb.Tx, o Order, way step) (Order, error) {
	if o.Status == way.to {
		return o, nil
	}
	o.UpdatedAt = tx.Now()
	n, err := updateStatus(ctx, tx, o, way)
	if err != nil {
		return Order{}, err
	}
	if n == 0 {
		return Order{}, ErrTransition
	}
	o.Status = way.to
	o.Version++
	return o, nil
}
