package notify

import (
	"context"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Count is how many messages of a kind have a status on a channel.
type Count struct {
	Kind    Kind
	Channel string
	Status  Status
	N       int
}

// Counts counts the messages whose status is of the time from from, inclusive, to
// to: a pending one's since it was written. They are in the order of kind, channel and
// status, those that there are none of left out. Only admins see them. It returns
// auth.ErrForbidden.
func (s *Service) Counts(ctx context.Context, by auth.Actor, from, to time.Time) (counts []Count, err error) {
	defer errs.Wrap(&err, "count messages")
	in := by.Intends("notification.count", "notification", "")
	if !by.Is(auth.Admin) {
		return nil, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) ([]Count, error) {
		seen.Row() // one look, at nobody's data
		return countsIn(ctx, tx, from, to)
	})
}
