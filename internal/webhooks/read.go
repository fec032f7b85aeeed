package webhooks

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Webhooks lists subscriptions, the newest first. Only admins see them.
func (s *Service) Webhooks(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Webhook], err error) {
	defer errs.Wrap(&err, "list webhooks")
	in := by.Intends("webhook.list", "webhook", "")
	if !by.Is(auth.Admin) {
		return p, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Webhook], error) {
		p, err := webhooksPage(ctx, tx, req)
		for range p.Items {
			seen.Row()
		}
		return p, err
	})
}

// Webhook returns a subscription to admins. It returns auth.ErrForbidden or
// ErrNotFound.
func (s *Service) Webhook(ctx context.Context, by auth.Actor, webhook string) (w Webhook, err error) {
	defer errs.Wrap(&err, "read webhook")
	in, which, err := about(by, "webhook.read", webhook, nil)
	if err != nil {
		return w, audit.Refuse(ctx, s.DB, in, err)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Webhook, error) {
		w, err := webhookByID(ctx, tx, which, "")
		seen.Row()
		return w, found(err, ErrNotFound)
	})
}

// Deliveries lists what was, or is to be, sent to a webhook, the newest first; with
// a status only that which has come so far. Only admins see it.
//
// It returns auth.ErrForbidden, ErrNotFound or page.ErrCursor.
func (s *Service) Deliveries(ctx context.Context, by auth.Actor, webhook string, status Status, req page.Request) (p page.Of[Delivery], err error) {
	defer errs.Wrap(&err, "list webhook deliveries")
	in, which, err := about(by, "webhook_delivery.list", webhook, nil)
	if err != nil {
		return p, audit.Refuse(ctx, s.DB, in, err)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (p page.Of[Delivery], err error) {
		if _, err := webhookByID(ctx, tx, which, ""); err != nil {
			return p, found(err, ErrNotFound)
		}
		p, err = deliveriesPage(ctx, tx, which, status, req)
		for _, d := range p.Items {
			seen.Row(d.patients()...)
		}
		return p, err
	})
}

// Test has an event of the kind "webhook.test" sent, also to a webhook that is
// disabled. Only admins do. It returns auth.ErrForbidden or ErrNotFound.
func (s *Service) Test(ctx context.Context, by auth.Actor, webhook string) (d Delivery, err error) {
	defer errs.Wrap(&err, "test webhook")
	in, which, err := about(by, "webhook.test", webhook, nil)
	if err != nil {
		return d, audit.Refuse(ctx, s.DB, in, err)
	}
	again := func(ctx context.Context, tx *sqldb.Tx) error { return audit.Record(ctx, tx, in.Event) }
	event := id.New()
	d, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Delivery, error) {
		w, err := webhookByID(ctx, tx, which, tx.ForKeyShare())
		if err != nil {
			return Delivery{}, found(err, ErrNotFound)
		}
		d, err := s.dispatch(ctx, tx, w, Emitted{ID: event, Event: Event{Kind: test, About: which.String()}, At: tx.Now()})
		if err != nil {
			return Delivery{}, err
		}
		return d, audit.Record(ctx, tx, in.Event)
	})
	return d, audit.Refuse(ctx, s.DB, in, err)
}

// Resend has a delivery that failed tried for a day more. One that is still pending
// stays as it is. Only admins do.
//
// It returns auth.ErrForbidden, ErrDeliveryNotFound, ErrDelivered or ErrDisabled.
func (s *Service) Resend(ctx context.Context, by auth.Actor, delivery string) (d Delivery, err error) {
	defer errs.Wrap(&err, "resend webhook delivery")
	in := by.Intends("webhook_delivery.resend", "webhook_delivery", "")
	if !by.Is(auth.Admin) {
		return d, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	which, ok := id.Parse(delivery)
	if !ok {
		return d, audit.Refuse(ctx, s.DB, in, ErrDeliveryNotFound)
	}
	in.ResourceID = which.String()
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		d, err := deliveryByID(ctx, tx, which, "")
		if err != nil {
			return nil //nolint:nilerr // the answer was a refusal, or the delivery is forgotten since
		}
		return recorded(ctx, tx, in, d)
	}
	d, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Delivery, error) {
		d, err := s.retry(ctx, tx, which)
		if err != nil {
			return Delivery{}, err
		}
		return d, recorded(ctx, tx, in, d)
	})
	return d, audit.Refuse(ctx, s.DB, in, err)
}

// recorded records a deed to a delivery.
func recorded(ctx context.Context, tx *sqldb.Tx, in audit.Intent, d Delivery) error {
	e := in.Event
	e.Patients = d.patients()
	return audit.Record(ctx, tx, e)
}

// retry makes a delivery that failed pending, as if it were new.
func (s *Service) retry(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) (d Delivery, err error) {
	d, err = deliveryByID(ctx, tx, which, tx.ForUpdate())
	if err != nil {
		return d, found(err, ErrDeliveryNotFound)
	}
	w, err := webhookByID(ctx, tx, d.Webhook, "")
	switch {
	case err != nil:
		return d, found(err, ErrDeliveryNotFound)
	case d.Status == Sent:
		return d, ErrDelivered
	case d.Status == Pending:
		return d, nil
	case !w.Enabled && d.Event.Kind != test:
		return d, ErrDisabled
	}
	d.Status, d.UpdatedAt = Pending, tx.Now()
	if err := makePending(ctx, tx, d); err != nil {
		return d, err
	}
	return d, s.enqueue(ctx, tx, tx.Now(), Deliver{ID: d.ID, Webhook: d.Webhook})
}
