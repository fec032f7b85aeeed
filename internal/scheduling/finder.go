package scheduling

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

const (
	mostNearest = 50
	usualDays   = 10 // that a page shows without a wish for more
	mostDays    = 60
)

// Nearest returns the n bookable slots that begin closest to an instant, the
// closest first: those from which on so many consecutive ones (0 means 1) can be
// booked now. An empty practitioner means anyone, within 31 days; the slots say
// whose they are. n is from 1 to 50.
//
// It returns directory.ErrPractitionerNotFound or ErrInvalidRange.
func (s *Service) Nearest(ctx context.Context, _ auth.Actor, practitioner string, around time.Time, slots, n int) (found []Slot, err error) {
	defer errs.Wrap(&err, "find nearest slots")
	if n < 1 || n > mostNearest {
		return nil, ErrInvalidRange.Field("n", "must be from 1 to 50")
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		f, err := newFinder(ctx, tx, SlotQuery{Practitioner: practitioner}, slots)
		if err == nil {
			found, err = f.nearest(ctx, tx, around.UTC(), n)
		}
		return err
	})
	return found, err
}

// DaysQuery asks for dates on which something can be booked now. Dates are the
// practitioners' own, each in their zone.
type DaysQuery struct {
	Practitioner string        // empty: anyone
	Specialty    string        // of anyone; empty: any
	From         calendar.Date // the first date to look at; zero, or one that is over: the first that can be booked
	Before       calendar.Date // instead of From: the last dates before it
	N            int           // how many dates, up to 60; 0 means 10
	Slots        int           // how many consecutive slots; 0 means 1
}

// Day is a date on which something can be booked.
type Day struct {
	Date  calendar.Date
	Free  int  // from how many slots on it can be
	First Slot // the earliest of them, which says whose it is
}

// Days is a stretch of bookable dates, ascending.
type Days struct {
	Days []Day
	// Next is the From of the dates after these, Before the Before of those before
	// them; zero: there are none. Of anyone's, at most 31 days are looked at, so that
	// Next may be there with few or no dates.
	Next, Before calendar.Date
}

// Days lists the next dates, or the last ones before a date, on which a time can
// be booked now.
//
// It returns directory.ErrPractitionerNotFound or ErrInvalidRange.
func (s *Service) Days(ctx context.Context, _ auth.Actor, q DaysQuery) (d Days, err error) {
	defer errs.Wrap(&err, "find bookable days")
	if q.N < 0 || q.N > mostDays {
		return d, ErrInvalidRange.Field("n", "must be from 1 to 60")
	}
	if !q.From.IsZero() && !q.Before.IsZero() {
		return d, ErrInvalidRange.Field("before", "does not go with from")
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		f, err := newFinder(ctx, tx, SlotQuery{Practitioner: q.Practitioner, Specialty: q.Specialty}, q.Slots)
		if err == nil {
			d, err = f.days(ctx, tx, q)
		}
		return err
	})
	return d, err
}

// Times lists what can be booked on one date, q.From: the slots from which on so
// many consecutive ones can be, by start and then by practitioner. They say whose
// they are. Other fields than practitioner, specialty, From and Slots do not count.
//
// It returns directory.ErrPractitionerNotFound.
func (s *Service) Times(ctx context.Context, _ auth.Actor, q DaysQuery) (found []Slot, err error) {
	defer errs.Wrap(&err, "find bookable times")
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		f, err := newFinder(ctx, tx, SlotQuery{Practitioner: q.Practitioner, Specialty: q.Specialty}, q.Slots)
		if err == nil {
			found, err = f.in(ctx, tx, onDates(q.From, q.From))
		}
		return err
	})
	return found, err
}

// finder finds where so many consecutive slots of some practitioners can be booked
// now. Rules are read once, appointments as far as it looks.
type finder struct {
	agendas     []agenda
	slots       int
	anyone      bool
	now         time.Time
	open        calendar.Span // when something bookable begins, with anybody
	first, last calendar.Date // the dates of open
}

func newFinder(ctx context.Context, tx *sqldb.Tx, q SlotQuery, slots int) (f finder, err error) {
	schedules, err := schedulesFor(ctx, tx, q, false)
	if err != nil {
		return f, err
	}
	f = finder{slots: max(slots, 1), anyone: q.Practitioner == "", now: tx.Now()}
	for i, sch := range schedules {
		open := sch.Policy.open(f.now)
		first, last := calendar.DateIn(open.Start, sch.Location), calendar.DateIn(open.End, sch.Location)
		if i == 0 {
			f.open, f.first, f.last = open, first, last
			continue
		}
		f.open = union(f.open, open)
		if first.Before(f.first) {
			f.first = first
		}
		if f.last.Before(last) {
			f.last = last
		}
	}
	f.agendas, err = agendas(ctx, tx, schedules, f.whole(f.open))
	return f, err
}

// whole is a window with what follows a slot that begins in it.
func (f finder) whole(window calendar.Span) calendar.Span {
	if f.slots > 1 {
		window.End = window.End.Add(longestAppointment)
	}
	return window
}

// in returns the slots from which on a wish can be booked, and that begin in a
// window, which is each practitioner's own.
func (f finder) in(ctx context.Context, tx *sqldb.Tx, window func(g agenda) calendar.Span) (found []Slot, err error) {
	windows := make([]calendar.Span, len(f.agendas))
	all := calendar.Span{}
	for i, g := range f.agendas {
		windows[i] = clip(window(g), g.Policy.open(f.now))
		switch {
		case windows[i].Empty():
		case all.Empty():
			all = windows[i]
		default:
			all = union(all, windows[i])
		}
	}
	if all.Empty() {
		return nil, nil
	}
	if err := take(ctx, tx, f.agendas, f.whole(all)); err != nil {
		return nil, err
	}
	for i, g := range f.agendas {
		if !windows[i].Empty() {
			found = append(found, g.runs(windows[i], f.whole(windows[i]), f.slots)...)
		}
	}
	if len(f.agendas) > 1 {
		slices.SortFunc(found, bySlot)
	}
	return found, nil
}

// runs returns the free slots beginning in window that n-1 free ones of their
// length follow without a gap, in whole.
func (g agenda) runs(window, whole calendar.Span, n int) (found []Slot) {
	free := slices.DeleteFunc(g.slots(whole), func(s Slot) bool { return s.Status != SlotAvailable })
	for i, s := range free {
		length := s.End.Sub(s.Start)
		if !s.Start.Before(window.End) || time.Duration(n) > longestAppointment/length || i+n > len(free) {
			continue
		}
		whole := true
		for k, next := range free[i : i+n] {
			whole = whole && next.Start.Equal(s.Start.Add(time.Duration(k)*length)) && next.End.Sub(next.Start) == length
		}
		if whole {
			found = append(found, s)
		}
	}
	return found
}

// nearest looks ever farther around an instant, and nowhere twice.
func (f finder) nearest(ctx context.Context, tx *sqldb.Tx, around time.Time, n int) (found []Slot, err error) {
	if len(f.agendas) == 0 {
		return nil, nil
	}
	// From outside of what is open all of it lies on one side.
	if around.Before(f.open.Start) {
		around = f.open.Start
	}
	if around.After(f.open.End) {
		around = f.open.End
	}
	look := f.open
	if f.anyone {
		look = clip(look, calendar.Span{Start: around.Add(-longestSearch), End: around.Add(longestSearch)})
	}
	seen := calendar.Span{Start: around, End: around}
	for step := 24 * time.Hour; len(found) < n && (seen.Start.After(look.Start) || seen.End.Before(look.End)); step = min(2*step, longestSearch) {
		wider := calendar.Span{Start: seen.Start.Add(-step), End: seen.End.Add(step)}
		for _, w := range []calendar.Span{{Start: wider.Start, End: seen.Start}, {Start: seen.End, End: wider.End}} {
			more, err := f.in(ctx, tx, func(agenda) calendar.Span { return clip(w, look) })
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
		seen = wider
	}
	slices.SortFunc(found, func(a, b Slot) int {
		return cmp.Or(cmp.Compare(a.Start.Sub(around).Abs(), b.Start.Sub(around).Abs()), bySlot(a, b))
	})
	return found[:min(n, len(found))], nil
}

// days answers a query: its dates, and whether there are more on either side.
func (f finder) days(ctx context.Context, tx *sqldb.Tx, q DaysQuery) (d Days, err error) {
	n := cmp.Or(q.N, usualDays)
	if len(f.agendas) == 0 {
		return d, nil
	}
	if !q.Before.IsZero() {
		if d.Days, d.Before, err = f.walk(ctx, tx, q.Before.AddDays(-1), -1, n); err != nil {
			return d, err
		}
		_, d.Next, err = f.walk(ctx, tx, q.Before, 1, 0)
		return d, err
	}
	if d.Days, d.Next, err = f.walk(ctx, tx, q.From, 1, n); err != nil || q.From.IsZero() {
		return d, err
	}
	_, d.Before, err = f.walk(ctx, tx, q.From.AddDays(-1), -1, 0)
	return d, err
}

// walk collects n bookable dates from a date on, forward (step 1) or back (step
// -1), and returns them ascending; and where to walk on, as Days says it: zero if
// it saw no more up to the end. It looks in chunks that grow.
func (f finder) walk(ctx context.Context, tx *sqldb.Tx, at calendar.Date, step, n int) (days []Day, on calendar.Date, err error) {
	if step > 0 && at.Before(f.first) {
		at = f.first
	}
	if step < 0 && f.last.Before(at) {
		at = f.last
	}
	left := math.MaxInt
	if f.anyone {
		left = int(longestSearch / (24 * time.Hour))
	}
	for chunk := 8; !at.Before(f.first) && !f.last.Before(at); chunk = min(2*chunk, 32) {
		if left <= 0 { // there may be more
			on = edge(at, step)
			break
		}
		chunk = min(chunk, left)
		end := at.AddDays(step * (chunk - 1))
		found, err := f.in(ctx, tx, onDates(at, end))
		if err != nil {
			return nil, on, err
		}
		days = append(days, f.byDate(found, step)...)
		if len(days) > n {
			days, on = days[:n], edge(days[n].Date, step)
			break
		}
		left, at = left-chunk, end.AddDays(step)
	}
	if step < 0 {
		slices.Reverse(days)
	}
	return days, on, nil
}

// edge says from where a walk goes on at a date: From includes it, Before does not.
func edge(at calendar.Date, step int) calendar.Date {
	if step < 0 {
		return at.AddDays(1)
	}
	return at
}

// onDates is the window from the first to the last of two dates, in either order.
func onDates(a, b calendar.Date) func(g agenda) calendar.Span {
	if b.Before(a) {
		a, b = b, a
	}
	return func(g agenda) calendar.Span {
		return calendar.Span{Start: calendar.Day(a, g.Location).Start, End: calendar.Day(b, g.Location).End}
	}
}

// byDate gathers slots, which are ascending, by their practitioners' dates, in the
// order of a walk.
func (f finder) byDate(found []Slot, step int) (days []Day) {
	zones := make(map[uuid.UUID]*time.Location, len(f.agendas))
	for _, g := range f.agendas {
		zones[g.Practitioner] = g.Location
	}
	at := map[calendar.Date]int{}
	for _, s := range found {
		date := calendar.DateIn(s.Start, zones[s.Practitioner])
		i, ok := at[date]
		if !ok {
			i, at[date] = len(days), len(days)
			days = append(days, Day{Date: date, First: s})
		}
		days[i].Free++
	}
	slices.SortFunc(days, func(a, b Day) int { return step * a.Date.Compare(b.Date) })
	return days
}
