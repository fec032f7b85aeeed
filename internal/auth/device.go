package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// knowDevices is for how long it is known that a user signed in from somewhere.
const knowDevices = 366 * 24 * time.Hour

// tellOfDevice tells a user that somebody signed in as them by a browser, or from a
// network, that they have not used within a year. Nobody is told of the first.
func tellOfDevice(ctx context.Context, tx *sqldb.Tx, from Actor, user uuid.UUID) error {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", user, from.Agent, network(from.Address)))
	others, fresh, err := noteDevice(ctx, tx, user, digest[:])
	if err != nil || !fresh || others == 0 {
		return err
	}
	return tell(ctx, tx, user, NoticeSignIn)
}
