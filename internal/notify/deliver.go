package notify

import (
	"cmp"
	"context"
	"errors"
	"time"

	"medbook/internal/errs"
	"medbook/internal/jobs"
	"medbook/internal/measure"
	"medbook/internal/sqldb"
	"medbook/internal/tracing"
)

// deliver makes one attempt to send a message, unless it was sent or has failed
// for good. An attempt is counted before it is made, so that one during which
// the program died counts too; what comes of it is written down only if no other
// attempt was begun meanwhile.
//
// While the channel's provider is down, and in the user's quiet hours, the message
// rests without an attempt.
func (s *Service) deliver(ctx context.Context, job Deliver) error {
	back, why := s.breakers.enter(job.Channel, s.DB.Now())
	failure := &Failure{} // of no attempt
	if back.IsZero() {
		defer func() { s.breakers.leave(job.Channel, s.DB.Now(), failure) }()
	}
	a, err := s.attempt(ctx, job, back, why)
	switch {
	case errors.Is(err, sqldb.ErrNoRows): // it was sent, or has failed, or is forgotten
		return nil
	case err != nil:
		return err
	case !a.back.IsZero():
		return jobs.Later{At: a.back}
	case a.n.Status == Failed:
		return nil
	}
	failure = s.send(ctx, a)
	return s.settle(ctx, a.n, failure)
}

// attempt is one that was begun, or was put off until back.
type attempt struct {
	n     Notification
	began time.Time
	back  time.Time
}

// attempt begins one if neither the provider, nor the hour, says to come back
// later. A message that is a day old then has failed.
func (s *Service) attempt(ctx context.Context, job Deliver, back time.Time, why Class) (a attempt, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := pending(ctx, tx, job.ID)
		if err != nil {
			return err
		}
		a = attempt{n: n, began: tx.Now(), back: back}
		why := why
		if back.IsZero() {
			why = QuietHours
			if a.back, err = quiet(ctx, tx, n); err != nil {
				return err
			}
		}
		switch {
		case a.back.IsZero():
			a.n, err = begin(ctx, tx, job.ID)
			return err
		case tx.Now().Before(n.UpdatedAt.Add(tryFor)):
			return nil
		}
		a.back, a.n.Status, a.n.LastError = time.Time{}, Failed, cmp.Or(n.LastError, why)
		return finish(ctx, tx, a.n)
	})
	return a, err
}

// settle writes down what came of an attempt. Its error has the job come back.
func (s *Service) settle(ctx context.Context, n Notification, failure *Failure) error {
	var back time.Time
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n.Status, n.LastError = Sent, ""
		if failure != nil {
			back = failure.retryAt(tx.Now())
			n.Status, n.LastError = Pending, failure.Class
			end := n.UpdatedAt.Add(tryFor)
			if failure.Final || !tx.Now().Before(end) || !back.Before(end) {
				n.Status = Failed
			}
		}
		return finish(ctx, tx, n)
	})
	if err == nil && n.Status == Pending {
		return jobs.Later{At: back, Tried: true} // later each time, and not before the provider said
	}
	return err
}

// send makes an attempt, counts it, and makes it a span. It returns nil when the
// message was sent.
func (s *Service) send(ctx context.Context, a attempt) *Failure {
	ctx, span := tracing.Start(ctx, "deliver message")
	failure := s.sendBy(ctx, a)
	outcome := measure.Sent
	if failure != nil {
		outcome = string(failure.Class)
		span.Fail(outcome)
	}
	span.Set(tracing.Channel, a.n.Channel)
	span.Set(tracing.Kind, string(a.n.Kind))
	span.Set(tracing.Outcome, outcome)
	span.End(nil)
	s.DB.Instruments.MessageTried(a.n.Channel, outcome)
	return failure
}

func (s *Service) sendBy(ctx context.Context, a attempt) *Failure {
	channel := s.named(a.n.Channel)
	if channel == nil {
		return &Failure{Class: NoChannel}
	}
	m, err := unseal(s.Seal, a.n)
	if err != nil {
		return &Failure{Class: Unreadable}
	}
	m.Tried = a.began
	err = channel.Send(ctx, m)
	if err == nil {
		return nil
	}
	var failure *Failure
	if !errors.As(err, &failure) {
		failure = &Failure{Class: Unreachable}
	}
	return failure
}

// prune erases what kept messages say after 30 days, and forgets messages after
// 90, in short transactions.
func (s *Service) prune(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "prune notifications")
	for {
		n := 0
		err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			erased, err := eraseBefore(ctx, tx, tx.Now().Add(-readable))
			if err != nil {
				return err
			}
			removed, err := removeBefore(ctx, tx, tx.Now().Add(-keep))
			n = max(erased, removed)
			return err
		})
		if err != nil || n < pruneRows {
			return err
		}
	}
}
