package webhooks

import (
	"context"
	"errors"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/measure"
	"medbook/internal/sqldb"
	"medbook/internal/tracing"
)

// outcome is what an attempt has come to.
type outcome struct {
	class  Class // empty: it was sent
	status int   // of HTTP; zero: no answer
}

// deliver makes one attempt, unless the webhook is at one already or rests; then it
// comes again. Like a message's, an attempt is counted before it is made, and what
// comes of it is written down only if no other was begun meanwhile.
func (s *Service) deliver(ctx context.Context, job Deliver) error {
	if rest := s.gate.enter(job.Webhook, s.DB.Now()); rest > 0 {
		return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			return s.enqueue(ctx, tx, tx.Now().Add(rest), job)
		})
	}
	w, d, o, err := s.attempt(ctx, job)
	if errors.Is(err, sqldb.ErrNoRows) || err == nil && d.Status != Pending {
		return nil
	}
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return s.settle(ctx, tx, w, d, o) })
}

// attempt makes an attempt for who has entered the gate, and leaves it: what is
// written down of it holds up nobody. It returns ErrNoRows, or what is not pending,
// when there was nothing to send.
func (s *Service) attempt(ctx context.Context, job Deliver) (w Webhook, d Delivery, o outcome, err error) {
	defer func() { s.gate.leave(job.Webhook, o.class != "", s.DB.Now()) }()
	var now time.Time
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		w, d, err = begin(ctx, tx, job)
		now = tx.Now()
		return err
	})
	if err == nil && d.Status == Pending {
		o = s.try(ctx, w, d, now)
	}
	return w, d, o, err
}

// try is send, counted and as a span.
func (s *Service) try(ctx context.Context, w Webhook, d Delivery, now time.Time) outcome {
	ctx, span := tracing.Start(ctx, "deliver event")
	o := s.send(ctx, w, d, now)
	word := measure.Sent
	if o.class != "" {
		word = string(o.class)
		span.Fail(word)
	}
	span.Set(tracing.Kind, string(d.Event.Kind))
	span.Set(tracing.Outcome, word)
	span.End(nil)
	s.DB.Instruments.EventTried(word)
	return o
}

// begin counts an attempt and returns what is to be sent, and to whom. It returns
// ErrNoRows for what is not to be sent. What a disabled webhook did not get has
// failed, but for a test.
func begin(ctx context.Context, tx *sqldb.Tx, job Deliver) (w Webhook, d Delivery, err error) {
	if w, err = webhookByID(ctx, tx, job.Webhook, ""); err != nil {
		return w, d, err
	}
	if d, err = countAttempt(ctx, tx, job.ID); err != nil {
		return w, d, err
	}
	if !w.Enabled && d.Event.Kind != test {
		d.Status, d.LastError = Failed, Disabled
		tx.AfterCommit(func() { tx.Instruments().EventSettled(string(Failed)) })
		_, err = writeOutcome(ctx, tx, d)
	}
	return w, d, err
}

// settle writes down what an attempt has come to, and has another made later.
func (s *Service) settle(ctx context.Context, tx *sqldb.Tx, w Webhook, d Delivery, o outcome) error {
	d.LastStatus, d.LastError = o.status, o.class
	now := tx.Now()
	switch {
	case o.class == "":
		d.Status = Sent
	case o.class == Gone, !now.Before(d.UpdatedAt.Add(tryFor)):
		d.Status = Failed
	}
	mine, err := writeOutcome(ctx, tx, d)
	if err != nil || !mine {
		return err
	}
	if d.Status != Pending {
		tx.AfterCommit(func() { tx.Instruments().EventSettled(string(d.Status)) })
	}
	if o.class == Gone {
		return disable(ctx, tx, w)
	}
	if d.Status == Pending {
		return s.enqueue(ctx, tx, now.Add(wait(d.Attempts)), Deliver{ID: d.ID, Webhook: d.Webhook})
	}
	return nil
}

// disable disables a webhook whose receiver said that it is gone for good, unless it
// leads elsewhere by now.
func disable(ctx context.Context, tx *sqldb.Tx, w Webhook) error {
	n, err := disableAt(ctx, tx, w)
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, auth.System.Event("webhook.disable", "webhook", w.ID.String()))
}

// prune forgets deliveries 30 days after they got their status, and at once those
// whose webhook is gone, in short transactions.
func (s *Service) prune(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "prune webhook deliveries")
	for {
		n := 0
		err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			old, err := removeBefore(ctx, tx, tx.Now().Add(-keep))
			if err != nil {
				return err
			}
			orphans, err := removeOrphans(ctx, tx)
			n = max(old, orphans)
			return err
		})
		if err != nil || n < pruneRows {
			return err
		}
	}
}
