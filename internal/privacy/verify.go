package privacy

import (
	"context"
	"strings"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrVerifying is what an auditor gets while the trail is being verified for
// somebody: it reads all of it, which is enough work for one server.
var ErrVerifying = errs.New(errs.Conflict, "trail-verification-running", "The audit trail is being verified already. Try again when that is done.")

// verifyFor is how long Verify reads at most: less than an answer may take.
const verifyFor = 20 * time.Second

// Verify compares the records with the checkpoints that the database keeps and the
// keys of this installation, for auditors, and puts on record that it was done. It
// reads a thousand records at a time, so that others' work goes on, and for at most
// 20 seconds: what was not reached then, the report says, is Incomplete.
//
// It can't know what who rules this machine has replaced whole, checkpoints and
// keys too. That shows only where a copy of them is: see medbook audit verify.
//
// It returns auth.ErrForbidden or ErrVerifying.
func (s *Service) Verify(ctx context.Context, by auth.Actor) (r audit.Report, err error) {
	defer errs.Wrap(&err, "verify audit trail")
	in := by.Intends("trail.verify", "trail", "")
	if !by.Is(auth.Auditor) {
		return r, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	if !s.verifying.TryLock() {
		return r, ErrVerifying
	}
	defer s.verifying.Unlock()
	checkpoints, err := audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) ([]byte, error) {
		seen.Row() // one look, at nobody's data
		return audit.Notes(ctx, tx)
	})
	if err != nil {
		return r, err
	}
	return s.verifyWithin(ctx, verifyFor, checkpoints)
}

// verifyWithin reads for so long at most.
func (s *Service) verifyWithin(ctx context.Context, limit time.Duration, checkpoints []byte) (audit.Report, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := audit.Verify(limited, s.DB, checkpoints, []byte(strings.Join(s.TrailKeys, "\n")))
	if limited.Err() != nil && ctx.Err() == nil {
		err = nil // the report says how far it came
	}
	return r, err
}
