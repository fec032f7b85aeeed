package scheduling

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Revision returns an opaque text that changes with everything on a practitioner's
// calendar: appointments that are made, held, moved or ended, holds that run out,
// hours, time off and policy. It is the same on all instances over one database,
// and costs a few reads by index. It tells nothing of anybody, so that a look is
// not recorded. The practitioner and staff may ask.
//
// It returns auth.ErrForbidden or directory.ErrPractitionerNotFound.
func (s *Service) Revision(ctx context.Context, by auth.Actor, practitioner string) (revision string, err error) {
	defer errs.Wrap(&err, "read revision of calendar")
	const action = "calendar.watch"
	key, err := editable(by, practitioner)
	if err != nil {
		return "", s.settle(ctx, by, err, action, "practitioner", "")
	}
	return audit.Read(ctx, s.DB, by.Intends(action, "practitioner", key.String()), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (string, error) {
		sch, err := scheduleOf(ctx, tx, key)
		if err != nil {
			return "", err
		}
		changed, err := changedLast(ctx, tx, key)
		if err != nil {
			return "", err
		}
		holds, err := liveHolds(ctx, tx, key)
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %q", sch.Version, holds, changed))
		return hex.EncodeToString(sum[:16]), err
	})
}

// Changes returns a channel that receives when something on a practitioner's
// calendar may have changed by this process, once it is on disk. It is a hint to
// ask for the Revision at once: other processes' changes, and holds that run out,
// are seen by asking now and then. Several changes may come as one. cancel ends
// it; the channel is not closed.
func (s *Service) Changes(practitioner uuid.UUID) (changed <-chan struct{}, cancel func()) {
	return s.DB.Watch(calendarOf(practitioner))
}

// calendarOf names a practitioner's calendar to those who watch it.
func calendarOf(practitioner uuid.UUID) string { return "calendar " + practitioner.String() }
