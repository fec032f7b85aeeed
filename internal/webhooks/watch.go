package webhooks

import (
	"context"
	"time"

	"medbook/internal/sqldb"
)

// Waiting is how many deliveries are not done yet.
type Waiting struct {
	N     int       // at most 10,000 are counted
	Since time.Time // when the oldest was made, or was to be sent again; zero: there is none
}

// Backlog tells, as part of tx, what waits to be sent.
func Backlog(ctx context.Context, tx *sqldb.Tx) (Waiting, error) { return backlog(ctx, tx) }
