package notify

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// settleRows is the most that one transaction of SettleRestored changes.
const settleRows = 100

// SettleRestored is for a database that was made from a backup: what was to be
// written or sent by an instant may have been sent since, and so is not sent. Such
// messages have failed, as Restored, and staff can send them again. It returns how
// many there are. What is due later stays.
func SettleRestored(ctx context.Context, db *sqldb.DB, due time.Time) (total int, err error) {
	defer errs.Wrap(&err, "settle restored messages")
	for _, some := range []func(context.Context, *sqldb.Tx, time.Time) (taken, failed int, err error){settleMail, settleEvents, settleDeliveries} {
		for more := true; more; {
			var taken, failed int
			err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
				taken, failed, err = some(ctx, tx, due)
				return err
			})
			if err != nil {
				return total, err
			}
			total += failed
			more = taken > 0
		}
	}
	return total, nil
}

func settleMail(ctx context.Context, tx *sqldb.Tx, due time.Time) (taken, failed int, err error) {
	list, taken, err := jobs.Withdraw[auth.Mail](ctx, tx, due, settleRows)
	for _, j := range list {
		n, err := unwritten(ctx, tx, Notification{ID: j.ID, User: j.User, Event: Event{Kind: j.Subject}, Channel: ByEmail})
		if err != nil {
			return 0, 0, err
		}
		failed += n
	}
	return taken, failed, err
}

func settleEvents(ctx context.Context, tx *sqldb.Tx, due time.Time) (taken, failed int, err error) {
	list, taken, err := jobs.Withdraw[Write](ctx, tx, due, settleRows)
	for _, j := range list {
		n, err := unwritten(ctx, tx, Notification{ID: j.ID, User: j.User, Event: j.Event, Channel: j.Channel})
		if err != nil {
			return 0, 0, err
		}
		failed += n
	}
	return taken, failed, err
}

func settleDeliveries(ctx context.Context, tx *sqldb.Tx, due time.Time) (taken, failed int, err error) {
	list, taken, err := jobs.Withdraw[Deliver](ctx, tx, due, settleRows)
	for _, j := range list {
		n, err := failRestored(ctx, tx, j.ID)
		if err != nil {
			return 0, 0, err
		}
		failed += n
	}
	return taken, failed, err
}

// unwritten keeps a message that was not written as one that failed, and returns 1;
// or 0 where it would be to nobody, is not wanted, or is there.
func unwritten(ctx context.Context, tx *sqldb.Tx, n Notification) (int, error) {
	if n.User == uuid.Nil {
		return 0, nil
	}
	u, err := directory.Recipient(ctx, tx, n.User)
	if errors.Is(err, directory.ErrUserNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	wishes, err := preferencesOf(ctx, tx, u.ID)
	if err != nil {
		return 0, err
	}
	n.Channel = cmp.Or(n.Channel, wishes.Channels[n.Event.Kind], ByEmail)
	if n.Channel == ByNone {
		return 0, nil
	}
	n.Status, n.LastError, n.CreatedAt, n.UpdatedAt = Failed, Restored, tx.Now(), tx.Now()
	mine, err := insert(ctx, tx, n)
	if err != nil || !mine {
		return 0, err
	}
	return 1, nil
}
