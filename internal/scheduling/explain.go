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
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Why says in one word why a time can be booked or not. It never says by whom it
// is taken, nor what for.
type Why string

// What can be said of a time.
const (
	WhyAvailable Why = "available"      // it stands alone
	WhyHeld      Why = "held"           // it may be free again soon
	WhyBooked    Why = "booked"         //
	WhyBlocked   Why = "blocked"        // a single slot that is not offered
	WhyTimeOff   Why = "time-off"       //
	WhyOutside   Why = "outside-hours"  // there is no slot then, also when too few follow
	WhyOffGrid   Why = "off-grid"       // a slot begins before and ends after
	WhyPast      Why = "past"           // it has begun
	WhyNotice    Why = "notice"         // too soon for patients, not for staff who override
	WhyHorizon   Why = "beyond-horizon" // too far ahead for patients, not for staff who override
)

// Explanation says whether a time can be booked as of now, and if not, why.
type Explanation struct {
	Time calendar.Span // from the start that was asked about; as long as its slots, or as the policy's where there are none
	Slot id.Slot       // the first slot, to be held; zero if none begins then
	Why  []Why         // in the order of the constants
	// Before and After are when the nearest slots begin, whether or not they can be
	// booked, within a day of a start at which none does; zero: there is none.
	Before, After time.Time
}

// Available reports whether Hold would succeed for a patient whom nothing of
// their own stands in the way of.
func (e Explanation) Available() bool { return slices.Equal(e.Why, []Why{WhyAvailable}) }

// Explain says why so many consecutive slots (0 means 1) from a start on can or
// can't be booked now, by the rules of Hold. Anybody may ask.
//
// It returns directory.ErrPractitionerNotFound or ErrTooLong.
func (s *Service) Explain(ctx context.Context, _ auth.Actor, practitioner string, start time.Time, slots int) (e Explanation, err error) {
	defer errs.Wrap(&err, "explain time")
	key, ok := id.Parse(practitioner)
	if !ok {
		return e, directory.ErrPractitionerNotFound
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := openScheduleOf(ctx, tx, key)
		if err != nil {
			return err
		}
		e, err = explain(ctx, tx, sch, start.UTC(), max(slots, 1))
		return err
	})
	if err != nil {
		return Explanation{}, err
	}
	return e, nil
}

// openScheduleOf is scheduleOf for who can be booked.
func openScheduleOf(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (schedule, error) {
	sch, err := scheduleOf(ctx, tx, practitioner)
	if err == nil && !sch.Open {
		err = directory.ErrPractitionerNotFound
	}
	return sch, err
}

func explain(ctx context.Context, tx *sqldb.Tx, sch schedule, start time.Time, slots int) (e Explanation, err error) {
	if slots > int(longestAppointment/calendar.CellLength) {
		return e, ErrTooLong
	}
	const day = 24 * time.Hour
	gs, err := agendas(ctx, tx, []schedule{sch}, calendar.Span{Start: start.Add(-day), End: start.Add(longestAppointment + day)})
	if err != nil {
		return e, err
	}
	g := gs[0]
	w := wish{first: id.Slot{Practitioner: sch.Practitioner, Start: start, End: start.Add(sch.Policy.slotLength())}, slots: slots}
	if first := g.grid(calendar.Span{Start: start, End: start.Add(time.Microsecond)}); len(first) > 0 {
		w.first, e.Slot = first[0].Slot, first[0].Slot
	}
	if e.Time = w.span(); e.Time.End.Sub(start) > longestAppointment {
		return e, ErrTooLong
	}
	taken, err := takenBy(ctx, tx, sch.Practitioner, e.Time)
	if err != nil {
		return e, err
	}
	e.Why = g.why(w, taken, tx.Now())
	if e.Slot == (id.Slot{}) {
		e.Before, e.After = g.nearest(start, day)
	}
	return e, nil
}

// why judges a wish by what checkOpen and claim judge it by.
func (g agenda) why(w wish, taken []taken, now time.Time) []Why {
	is := map[Why]bool{}
	for _, t := range taken {
		is[WhyBooked], is[WhyHeld] = is[WhyBooked] || t.Confirmed, is[WhyHeld] || !t.Confirmed
	}
	pieces, whole := g.pieces(w)
	off := g.timeOff(w.span())
	for _, s := range pieces {
		inOff := overlapsAny(off, s.span())
		is[WhyTimeOff] = is[WhyTimeOff] || inOff
		is[WhyBlocked] = is[WhyBlocked] || s.Status == SlotBlocked && (!inOff || g.blocked(s))
	}
	if !whole {
		missing := w.first.Start.Add(time.Duration(len(pieces)) * w.first.End.Sub(w.first.Start))
		is[WhyOffGrid] = g.inside(missing)
		is[WhyOutside] = !is[WhyOffGrid]
	}
	err := g.Policy.bookable(w.first.Start, now)
	is[WhyPast], is[WhyNotice], is[WhyHorizon] = errors.Is(err, ErrSlotPast), errors.Is(err, ErrTooLate), errors.Is(err, ErrBeyondHorizon)

	var why []Why
	for _, y := range []Why{WhyHeld, WhyBooked, WhyBlocked, WhyTimeOff, WhyOutside, WhyOffGrid, WhyPast, WhyNotice, WhyHorizon} {
		if is[y] {
			why = append(why, y)
		}
	}
	if len(why) == 0 {
		return []Why{WhyAvailable}
	}
	return why
}

// blocked reports whether a slot was blocked by itself.
func (g agenda) blocked(s Slot) bool {
	return slices.ContainsFunc(g.hours, func(a Availability) bool {
		return a.Blocked && a.Hours.same(Hours{Kind: KindSlot, Span: s.span()})
	})
}

// inside reports whether a slot begins at or before an instant and ends after.
func (g agenda) inside(at time.Time) bool {
	g.taken = nil
	return len(g.overlapping(calendar.Span{Start: at, End: at.Add(time.Microsecond)})) > 0
}

// nearest returns when the last slot before an instant and the first after it
// begin by the rules alone, at most so far away; zero where there is none.
func (g agenda) nearest(at time.Time, far time.Duration) (before, after time.Time) {
	if s := g.grid(calendar.Span{Start: at.Add(-far), End: at}); len(s) > 0 {
		before = s[len(s)-1].Start
	}
	if s := g.grid(calendar.Span{Start: at.Add(time.Microsecond), End: at.Add(far)}); len(s) > 0 {
		after = s[0].Start
	}
	return before, after
}
