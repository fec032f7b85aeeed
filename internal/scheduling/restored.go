package scheduling

import (
	"context"
	"errors"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// settleRows is the most jobs that one transaction of SettleRestored takes away.
const settleRows = 25

// SettleRestored is for a database that was made from a backup: holds that ran out by
// an instant end without a word to anybody, and time that had become free by then is
// not offered, for all that may have been done since. It returns how many there were
// of both.
func SettleRestored(ctx context.Context, db *sqldb.DB, due time.Time) (holds, offers int, err error) {
	defer errs.Wrap(&err, "settle restored holds")
	for more := true; more; {
		var taken, ended int
		err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			taken, ended, err = settleHolds(ctx, tx, due)
			return err
		})
		if err != nil {
			return holds, offers, err
		}
		holds += ended
		more = taken > 0
	}
	for more := true; more; {
		var taken int
		err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			_, taken, err = jobs.Withdraw[Freed](ctx, tx, due, settleRows)
			return err
		})
		if err != nil {
			return holds, offers, err
		}
		offers += taken
		more = taken > 0
	}
	return holds, offers, nil
}

// settleHolds does what writeHoldEnd does, and tells nobody.
func settleHolds(ctx context.Context, tx *sqldb.Tx, due time.Time) (taken, ended int, err error) {
	list, taken, err := jobs.Withdraw[HoldEnds](ctx, tx, due, settleRows)
	if err != nil {
		return 0, 0, err
	}
	for _, j := range list {
		key, ok := id.ParseKeyed(j.Appointment)
		if !ok {
			continue
		}
		a, err := appointmentByID(ctx, tx, auth.System, key)
		switch {
		case errors.Is(err, ErrAppointmentNotFound):
			continue
		case err != nil:
			return 0, 0, err
		case a.Status != Expired:
			continue
		}
		if err := expire(ctx, tx, []id.Keyed{key}); err != nil {
			return 0, 0, err
		}
		if err := audit.Record(ctx, tx, auth.System.Event("appointment.expire", "appointment", key.String(), a.Patient)); err != nil {
			return 0, 0, err
		}
		ended++
	}
	return taken, ended, nil
}
