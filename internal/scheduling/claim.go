package scheduling

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// longestAppointment bounds an appointment, and so the cells that it claims.
const longestAppointment = 24 * time.Hour

// wish is time that somebody wants to book: n consecutive slots from first on.
type wish struct {
	first    id.Slot
	slots    int
	override bool // staff lift notice, horizon and cap
	own      bool // the patient books, not staff for them
}

// span returns the stretch from the start of the first slot to the end of the
// last, for slots of the first one's length.
func (w wish) span() calendar.Span {
	length := w.first.End.Sub(w.first.Start)
	return calendar.Span{Start: w.first.Start, End: w.first.Start.Add(time.Duration(w.slots) * length)}
}

// lockForBooking takes the two row locks of every booking in their order, the
// schedule shared and the patient alone, and returns the schedule. The
// transaction's instant is read after it.
func lockForBooking(ctx context.Context, tx *sqldb.Tx, practitioner, patient uuid.UUID) (schedule, error) {
	sch, err := shareSchedule(ctx, tx, practitioner)
	if err != nil {
		return sch, asNotFound(err, ErrSlotNotFound) // no practitioner, no slot
	}
	return sch, directory.LockPatient(ctx, tx, patient)
}

// lockForChange is lockForBooking for an appointment that there is, whose patient
// may be erased since.
func lockForChange(ctx context.Context, tx *sqldb.Tx, practitioner, patient uuid.UUID) (schedule, error) {
	sch, err := shareSchedule(ctx, tx, practitioner)
	if err != nil {
		return sch, asNotFound(err, ErrSlotNotFound)
	}
	return sch, directory.LockFormer(ctx, tx, patient)
}

// checkOpen judges a wish against the rules as they stand under the shared lock
// on the schedule: the slots exist, are not blocked, and may be booked now.
// Whether they are free is for the key of claims to say.
//
// It returns ErrSlotNotFound, ErrTooLong, ErrSlotPast, ErrTooLate,
// ErrBeyondHorizon or ErrSlotBlocked.
func checkOpen(ctx context.Context, tx *sqldb.Tx, sch schedule, w wish) error {
	span := w.span()
	if !sch.Open {
		return ErrSlotNotFound
	}
	if span.End.Sub(span.Start) > longestAppointment {
		return ErrTooLong
	}
	gs, err := agendas(ctx, tx, []schedule{sch}, span)
	if err != nil {
		return err
	}
	pieces, whole := gs[0].pieces(w)
	if !whole {
		return ErrSlotNotFound
	}
	switch err := sch.Policy.bookable(span.Start, tx.Now()); {
	case errors.Is(err, ErrSlotPast), err != nil && !w.override:
		return err
	case slices.ContainsFunc(pieces, func(s Slot) bool { return s.Status == SlotBlocked }):
		return ErrSlotBlocked
	}
	return nil
}

// pieces returns the slots of a wish by the rules alone, whoever has booked them,
// and whether all of them are there; if not, those before the first that is not.
func (g agenda) pieces(w wish) (found []Slot, whole bool) {
	g.taken = nil
	length := w.first.End.Sub(w.first.Start)
	for at := w.first.Start; len(found) < w.slots; at = at.Add(length) {
		slot, ok := g.find(calendar.Span{Start: at, End: at.Add(length)})
		if !ok {
			return found, false
		}
		found = append(found, slot)
	}
	return found, true
}

// claim takes the cells of the appointment that are not its own already. The
// key of claims, not a read before it, is what stops two callers from both
// winning. Cells of holds that are over are taken from them, and those holds
// written down as expired. It returns ErrSlotTaken.
func claim(ctx context.Context, tx *sqldb.Tx, a Appointment, own calendar.Span) error {
	span := calendar.Span{Start: a.Start, End: a.End}
	dead, err := deleteDeadClaims(ctx, tx, a.Practitioner(), span)
	if err != nil {
		return err
	}
	if err := expire(ctx, tx, dead); err != nil {
		return err
	}
	var cells []int64
	first, last := calendar.Cells(span)
	ownFirst, ownLast := calendar.Cells(own)
	for cell := first; cell < last; cell++ {
		if cell < ownFirst || cell >= ownLast {
			cells = append(cells, cell)
		}
	}
	if len(cells) == 0 {
		return nil
	}
	n, err := insertClaims(ctx, tx, a, cells)
	if err == nil && n < len(cells) {
		return ErrSlotTaken
	}
	return err
}

// checkPatient sees that the appointment is the patient's only one at its time.
// It counts on the lock on the patient's row, and writes down as expired the
// patient's overlapping holds that it treats as dead. It returns ErrPatientBusy.
func checkPatient(ctx context.Context, tx *sqldb.Tx, a Appointment) error {
	others, err := overlappingOf(ctx, tx, a)
	if err != nil {
		return err
	}
	var dead []id.Keyed
	for _, o := range others {
		if o.Status != Held || o.HoldExpiresAt.After(tx.Now()) {
			return ErrPatientBusy
		}
		dead = append(dead, o.ID)
	}
	return expire(ctx, tx, dead)
}

// expire frees what holds that are over still claim, and writes their end into
// the history on both calendars.
func expire(ctx context.Context, tx *sqldb.Tx, dead []id.Keyed) error {
	for _, d := range dead {
		if err := deleteClaimsOf(ctx, tx, d); err != nil {
			return err
		}
		patient, err := markExpired(ctx, tx, d)
		if errors.Is(err, sqldb.ErrNoRows) {
			continue // somebody wrote it down before
		}
		if err != nil {
			return err
		}
		if err := expirePatientSide(ctx, tx, patient, d); err != nil {
			return err
		}
	}
	return nil
}

// overridden reports whether staff override the policy, which nobody else may.
func overridden(by auth.Actor, reason phi.Value[string]) (bool, error) {
	if reason.IsZero() {
		return false, nil
	}
	if !by.Is(auth.Admin) {
		return false, auth.ErrForbidden
	}
	return true, nil
}
