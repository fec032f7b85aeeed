package audit

import (
	"context"
	"errors"

	"medbook/internal/check"
	"medbook/internal/sqldb"
)

// Question asks what Verify does. Without checkpoints the trail is compared with
// nothing but its own head, and who replaced both is not found.
func Question(checkpoints, keys []byte) check.Question {
	return check.Question{Name: "trail", Says: "the audit trail is what was recorded", Ask: func(ctx context.Context, db *sqldb.DB, a *check.Answer) error {
		r, err := Verify(ctx, db, checkpoints, keys)
		a.Judged = int(r.Records)
		switch {
		case err != nil:
			return err
		case r.Verdict == Tampered:
			a.Find(check.Finding{Says: r.Why})
		case len(checkpoints) == 0:
			a.Note = "no checkpoints were given, so it was compared with its own head only"
		case r.Verdict == Incomplete:
			return errors.New(r.Why)
		}
		return nil
	}}
}
