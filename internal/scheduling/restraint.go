package scheduling

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Errors of patients who hold more than they take. They say when to try again.
var (
	ErrTooManyToday = errs.New(errs.Limited, "too-many-holds-today", "You have held very many slots within a day. Wait, or call the clinic.")
	ErrHoldCooldown = errs.New(errs.Limited, "hold-cooldown", "Several of your holds ran out without a confirmation. Wait a while, or call the clinic.")
)

const (
	restraintWindow = 24 * time.Hour
	tolerated       = 3 // holds that run out within the window before the cooldown
)

// Restraint keeps patients from holding what they do not take, so that nobody
// can empty a calendar by holding all of it again and again. What staff book for
// a patient does not count. The zero Restraint restrains nobody.
type Restraint struct {
	HoldsPerDay int           // holds and bookings within 24 hours; 0: any number
	Cooldown    time.Duration // after the third hold that ran out within 24 hours; 0: none
}

// check returns ErrTooManyToday or ErrHoldCooldown if the patient, whom the
// caller has locked, must wait.
func (r Restraint) check(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	if r == (Restraint{}) {
		return nil
	}
	now := tx.Now()
	h, err := holdsSince(ctx, tx, patient, now.Add(-restraintWindow))
	if err != nil {
		return err
	}
	if r.HoldsPerDay > 0 && h.made >= r.HoldsPerDay {
		return ErrTooManyToday.After(h.first.Add(restraintWindow).Sub(now))
	}
	if until := h.lastExpiry.Add(r.Cooldown); h.expired >= tolerated && now.Before(until) {
		return ErrHoldCooldown.After(until.Sub(now))
	}
	return nil
}
