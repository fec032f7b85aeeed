package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// Event is that something happened. It holds ids and words of the program only: it
// lies in the table of jobs, and goes outside.
type Event struct {
	Kind         Kind
	About        string    // the id of the appointment, encounter, … that it is about
	Patient      uuid.UUID // whose data that is; zero: nobody's
	Practitioner uuid.UUID // who has to do with it; zero: nobody
}

// Emit has e sent to who wants to know, once tx commits. It waits for nobody, takes
// no lock, and does nothing but look if nobody wants to know.
//
// The look is at the few rows of subscriptions, in the transaction itself. Keeping
// what it sees for the next one would save a hundredth of what a booking costs, and
// lose the events of the moment after a subscription was made.
func Emit(ctx context.Context, tx *sqldb.Tx, e Event) (err error) {
	defer errs.Wrap(&err, "emit %s", e.Kind)
	all, err := enabledKinds(ctx, tx)
	if err != nil {
		return err
	}
	for _, list := range all {
		for _, k := range list {
			if k == e.Kind {
				return jobs.Enqueue(ctx, tx, time.Time{}, Emitted{ID: id.New(), Event: e, At: tx.Now()})
			}
		}
	}
	return nil
}

// Emitted is the job of finding out who wants to know of an event.
type Emitted struct {
	ID    uuid.UUID // the event's, so that a job that runs twice sends it once
	Event Event
	At    time.Time
}

// Kind names the job.
func (Emitted) Kind() string { return "webhooks.event" }

// Deliver is the job of sending one event to one webhook.
type Deliver struct{ ID, Webhook uuid.UUID }

// Kind names the job.
func (Deliver) Kind() string { return "webhooks.deliver" }

// fanOut makes a delivery for each webhook that wants the event, with a job of its
// own, so that one that hangs holds up no other.
func (s *Service) fanOut(ctx context.Context, job Emitted) error {
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		all, err := enabledWebhooks(ctx, tx)
		if err != nil {
			return err
		}
		for _, w := range all {
			if !w.wants(job.Event.Kind) {
				continue
			}
			if _, err := s.dispatch(ctx, tx, w, job); err != nil {
				return err
			}
		}
		return nil
	})
}

// dispatch makes the delivery of an event to a webhook, unless there is one, and
// has it sent.
func (s *Service) dispatch(ctx context.Context, tx *sqldb.Tx, w Webhook, job Emitted) (Delivery, error) {
	d := Delivery{
		ID: id.New(), Webhook: w.ID, Event: job.Event, EventID: job.ID, HappenedAt: job.At,
		Status: Pending, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
	}
	mine, err := insertDelivery(ctx, tx, d)
	if err != nil || !mine {
		return d, err
	}
	return d, s.enqueue(ctx, tx, time.Time{}, Deliver{ID: d.ID, Webhook: w.ID})
}

// enqueue makes an attempt due at an instant; when that is zero, as soon as tx is on
// disk.
func (s *Service) enqueue(ctx context.Context, tx *sqldb.Tx, at time.Time, job Deliver) error {
	if s.runner != nil && at.IsZero() {
		tx.AfterCommit(s.runner.Nudge)
	}
	return jobs.Enqueue(ctx, tx, at, job)
}
