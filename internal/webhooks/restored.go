package webhooks

import (
	"context"
	"time"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// settleRows is the most jobs that one transaction of SettleRestored takes away.
const settleRows = 100

// SettleRestored is for a database that was made from a backup: events that were to
// be sent by an instant may have been sent since, and so are not sent. Their
// deliveries have failed, as Restored, and admins can have them made again. It
// returns how many there are. An attempt that is due later is made.
func SettleRestored(ctx context.Context, db *sqldb.DB, due time.Time) (total int, err error) {
	defer errs.Wrap(&err, "settle restored deliveries")
	for _, some := range []func(context.Context, *sqldb.Tx, time.Time) (taken, failed int, err error){settleEvents, settleDeliveries} {
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

// settleEvents makes deliveries of events that nobody was found for yet. Those that
// were made are there already.
func settleEvents(ctx context.Context, tx *sqldb.Tx, due time.Time) (taken, failed int, err error) {
	list, taken, err := jobs.Withdraw[Emitted](ctx, tx, due, settleRows/10)
	if err != nil || len(list) == 0 {
		return taken, 0, err
	}
	all, err := enabledWebhooks(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	for _, j := range list {
		for _, w := range all {
			if !w.wants(j.Event.Kind) {
				continue
			}
			d := Delivery{
				ID: id.New(), Webhook: w.ID, Event: j.Event, EventID: j.ID, HappenedAt: j.At,
				Status: Pending, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
			}
			mine, err := insertDelivery(ctx, tx, d)
			if err != nil {
				return 0, 0, err
			}
			if !mine {
				continue
			}
			n, err := failRestored(ctx, tx, d.ID)
			if err != nil {
				return 0, 0, err
			}
			failed += n
		}
	}
	return taken, failed, nil
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
