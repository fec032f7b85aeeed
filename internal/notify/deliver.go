package notify

import (
	"context"
	"errors"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// deliver makes one attempt to send a message, unless it was sent or has failed
// for good. An attempt is counted before it is made, so that one during which
// the program died counts too; what comes of it is written down only if no other
// attempt was begun meanwhile.
func (s *Service) deliver(ctx context.Context, job Deliver) error {
	var n Notification
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = begin(ctx, tx, job.ID)
		return err
	})
	if errors.Is(err, sqldb.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	failure := s.send(ctx, n)
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n.Status, n.LastError = Sent, ""
		if failure != nil {
			n.Status, n.LastError = Pending, failure.Class
			if failure.Final || !tx.Now().Before(n.UpdatedAt.Add(tryFor)) {
				n.Status = Failed
			}
		}
		return finish(ctx, tx, n)
	})
	if err == nil && n.Status == Pending {
		return failure // so that the runner tries again, later each time
	}
	return err
}

// send makes an attempt. It returns nil when the message was sent.
func (s *Service) send(ctx context.Context, n Notification) *Failure {
	channel := s.named(n.Channel)
	if channel == nil {
		return &Failure{Class: NoChannel}
	}
	m, err := unseal(s.Seal, n)
	if err != nil {
		return &Failure{Class: Unreadable}
	}
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
