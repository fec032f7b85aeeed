package auth

import (
	"context"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// SettleRestored is for a database that was made from a backup: all sessions end,
// for some of them may have ended since, and all links that were mailed are void. It
// returns how many there were of each, and how many API keys are good: those that
// were revoked since the backup are among them, and only people know which.
func SettleRestored(ctx context.Context, db *sqldb.DB) (sessions, links, keys int, err error) {
	defer errs.Wrap(&err, "end the sessions of a restored database")
	for _, end := range []struct {
		some func(context.Context, *sqldb.Tx) (int, error)
		n    *int
	}{{removeAnySessions, &sessions}, {removeAnyLinks, &links}} {
		for more := true; more; {
			var n int
			err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
				n, err = end.some(ctx, tx)
				return err
			})
			if err != nil {
				return 0, 0, 0, err
			}
			*end.n += n
			more = n > 0
		}
	}
	err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		keys, err = goodKeys(ctx, tx)
		return err
	})
	return sessions, links, keys, err
}
