package archive

import (
	"context"
	"time"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// Settled says what was done so that a clinic that was restored does not do again
// what it did, or may have done, after the backup.
type Settled struct {
	Messages   int // that are marked failed, "restored", where staff can send them
	Deliveries int // of events to programs, likewise
	Holds      int // that ran out meanwhile, ended without a word
	Offers     int // of time that had become free, not made
	Sessions   int // ended
	Links      int // that were mailed and not used, void
	Keys       int // API keys that are good, those among them that were revoked since
}

// settle does so, and returns the instant of it: what was due by then is not done.
// Whatever lies ahead stays, such as reminders. A clock that is behind the one that
// the backup was made by does not count.
func settle(ctx context.Context, db *sqldb.DB, backup time.Time) (at time.Time, s Settled, err error) {
	err = db.Update(ctx, func(_ context.Context, tx *sqldb.Tx) error {
		at = tx.Now()
		return nil
	})
	due := at
	if due.Before(backup) {
		due = backup
	}
	if err == nil {
		s.Sessions, s.Links, s.Keys, err = auth.SettleRestored(ctx, db)
	}
	if err == nil {
		s.Messages, err = notify.SettleRestored(ctx, db, due)
	}
	if err == nil {
		s.Deliveries, err = webhooks.SettleRestored(ctx, db, due)
	}
	if err == nil {
		s.Holds, s.Offers, err = scheduling.SettleRestored(ctx, db, due)
	}
	return at, s, err
}
