package scheduling

import (
	"context"
	"slices"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// mostAtOnce is how many rows a statement writes of what comes in numbers.
const mostAtOnce = 200

// Enter writes appointments as they stand, many at once, as part of tx: both
// calendars, the claims of what takes time, and the jobs that end holds. It is how
// a past is made up. Of the rules only the key of claims judges them; a patient's
// must not overlap. Who calls it puts them on record.
//
// It returns ErrSlotTaken.
func Enter(ctx context.Context, tx *sqldb.Tx, list []Appointment) (err error) {
	defer errs.Wrap(&err, "enter %d appointments", len(list))
	var claims []claimed
	for some := range slices.Chunk(list, mostAtOnce) {
		if err := insertAppointments(ctx, tx, some); err != nil {
			return err
		}
	}
	for _, a := range list {
		if !a.takesTime() {
			continue
		}
		first, last := calendar.Cells(a.span())
		for cell := first; cell < last; cell++ {
			claims = append(claims, claimed{a.ID, cell, a.HoldExpiresAt})
		}
		if a.Status == Held {
			if err := jobs.Enqueue(ctx, tx, a.HoldExpiresAt, HoldEnds{Appointment: a.ID.String()}); err != nil {
				return err
			}
		}
	}
	for some := range slices.Chunk(claims, mostAtOnce) {
		n, err := enterClaims(ctx, tx, some)
		if err != nil {
			return err
		}
		if n < len(some) {
			return ErrSlotTaken
		}
	}
	return nil
}

// takesTime reports whether the appointment has claims, unless it is a hold that
// is over.
func (a Appointment) takesTime() bool { return a.Status != Cancelled && a.Status != Expired }
