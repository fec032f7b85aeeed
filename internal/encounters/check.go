package encounters

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/check"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
)

const (
	openAll   = 1000 // of so many patients the latest encounter is opened
	openSome  = 100  // and then of each such one
	checkKeys = 200  // that are read at a time
)

// CheckKeys answers whether the masters open every patient's key, and whether the
// keys open what they sealed: the latest encounter of the first thousand patients,
// and of every hundredth after them. What it opens goes nowhere. Only the command
// line asks.
func (s *Service) CheckKeys(ctx context.Context, by auth.Actor, a *check.Answer) (err error) {
	defer errs.Wrap(&err, "check patients' keys")
	if by.UserID != uuid.Nil || !by.Is(auth.Admin) {
		return auth.ErrForbidden
	}
	opened := 0
	for after, more := uuid.Nil, true; more; {
		var batch []keptKey
		err := s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			batch, err = keysFrom(ctx, tx, after, checkKeys)
			return err
		})
		if err != nil {
			return err
		}
		for _, k := range batch {
			sample := k.encounter != id.Keyed{} && (a.Judged < openAll || a.Judged%openSome == 0)
			a.Judged++
			if s.tryKey(ctx, k, sample, a) && sample {
				opened++
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if more = len(batch) == checkKeys; more {
			after = batch[len(batch)-1].patient
		}
	}
	a.Note = fmt.Sprintf("%d encounters were opened with them", opened)
	return nil
}

// tryKey opens a key and, if it is to, what it sealed, and reports whether all went well.
func (s *Service) tryKey(ctx context.Context, k keptKey, sample bool, a *check.Answer) bool {
	key, err := keyring.OpenDataKey(ctx, s.masterOf(k.by), k.wrapped, keyUse(k.patient))
	if err != nil {
		a.Find(check.Finding{Table: "patient_keys", Key: []check.Part{{Column: "patient_id", Value: k.patient.String()}}, Says: "can't be opened with the keys that were given"})
		return false
	}
	if !sample {
		return true
	}
	if _, err := key.Unseal(k.sealed, dataUse(k.encounter, k.version)); err != nil {
		a.Find(check.Finding{Table: "encounters", Key: []check.Part{
			{Column: "patient_id", Value: k.patient.String()}, {Column: "id", Value: k.encounter.ID.String()},
		}, Says: "can't be opened with its patient's key"})
		return false
	}
	return true
}
