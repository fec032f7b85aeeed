package scheduling

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// agenda is what one practitioner's slots are computed from: the rules that
// touch a range of time, and the live appointments in it.
type agenda struct {
	schedule
	hours []Availability
	off   []Hours
	taken []taken
}

// taken is a live appointment as its claims tell it.
type taken struct {
	ID        id.Keyed
	Span      calendar.Span
	Slots     int
	Confirmed bool
}

// pieces returns the slots that the appointment takes.
func (t taken) pieces(zone string, version int64) []Slot {
	status := SlotHeld
	if t.Confirmed {
		status = SlotBooked
	}
	length := t.Span.End.Sub(t.Span.Start) / time.Duration(t.Slots)
	out := make([]Slot, t.Slots)
	for i := range out {
		start := t.Span.Start.Add(time.Duration(i) * length)
		out[i] = Slot{
			Slot:     id.Slot{Practitioner: t.ID.Lead, Start: start, End: start.Add(length)},
			TimeZone: zone, Status: status, claim: t.ID, version: version,
		}
	}
	return out
}

// longest is the length of the longest slot that a policy allows: no slot that
// begins in a window reaches further beyond it.
const longest = 240 * time.Minute

// slots returns the practitioner's slots that begin in window, ascending and
// never overlapping. Where two could, what was promised first stays: a live
// appointment's slots, then slots made by hand, then the grid.
func (g agenda) slots(window calendar.Span) []Slot {
	wide := calendar.Span{Start: window.Start.Add(-longest), End: window.End.Add(longest)}
	zone := g.Location.String()

	var fixed []Slot // what is there whatever the grid says
	var cut []calendar.Span
	for _, t := range g.taken {
		fixed = append(fixed, t.pieces(zone, g.Version)...)
		cut = append(cut, t.Span)
	}
	live := calendar.Merge(cut)
	off := g.timeOff(wide)
	for _, h := range g.hours {
		if (h.Hours.Kind != KindSlot && h.Hours.Kind != KindException) || !h.Hours.Span.Overlaps(wide) {
			continue
		}
		cut = append(cut, h.Hours.Span)
		if h.Hours.Kind == KindSlot && !overlapsAny(live, h.Hours.Span) {
			fixed = append(fixed, g.slot(h.Hours.Span, h.Blocked || overlapsAny(off, h.Hours.Span)))
		}
	}
	cut = calendar.Merge(cut)

	out := slices.DeleteFunc(fixed, func(s Slot) bool {
		return s.Start.Before(window.Start) || !s.Start.Before(window.End)
	})
	for _, stretch := range g.stretches(window) {
		for _, s := range calendar.GridIn(stretch, g.Policy.SlotMinutes, g.Location, window) {
			if !overlapsAny(cut, s) {
				out = append(out, g.slot(s, overlapsAny(off, s)))
			}
		}
	}
	slices.SortFunc(out, func(a, b Slot) int { return a.Start.Compare(b.Start) })
	return out
}

// grid returns the slots that begin in window by the rules alone, as if nobody
// had booked anything.
func (g agenda) grid(window calendar.Span) []Slot {
	g.taken = nil
	return g.slots(window)
}

// find returns the slot [start, end).
func (g agenda) find(span calendar.Span) (Slot, bool) {
	for _, s := range g.slots(calendar.Span{Start: span.Start, End: span.End}) {
		if s.Start.Equal(span.Start) && s.End.Equal(span.End) {
			return s, true
		}
	}
	return Slot{}, false
}

// overlapping returns the slots that share an instant with span.
func (g agenda) overlapping(span calendar.Span) []Slot {
	near := g.slots(calendar.Span{Start: span.Start.Add(-longest), End: span.End})
	return slices.DeleteFunc(near, func(s Slot) bool { return !s.span().Overlaps(span) })
}

func (g agenda) slot(s calendar.Span, blocked bool) Slot {
	status := SlotAvailable
	if blocked {
		status = SlotBlocked
	}
	return Slot{
		Slot:     id.Slot{Practitioner: g.Practitioner, Start: s.Start, End: s.End},
		TimeZone: g.Location.String(), Status: status, version: g.Version,
	}
}

// stretches returns the merged stretches of work that reach window. A grid that
// steps from the start of its stretch needs the true start, so the look back
// widens until a gap is seen.
func (g agenda) stretches(window calendar.Span) []calendar.Span {
	look := calendar.Span{Start: window.Start.Add(-24 * time.Hour), End: window.End.Add(24 * time.Hour)}
	for back := 48 * time.Hour; ; back *= 2 {
		var spans []calendar.Span
		for _, h := range g.hours {
			spans = append(spans, h.Hours.stretches(g.Location, look)...)
		}
		spans = calendar.Merge(spans)
		if len(spans) == 0 || g.Policy.gridIsLocal() || spans[0].Start.After(look.Start) {
			return spans
		}
		look.Start = look.Start.Add(-back)
	}
}

// timeOff returns the merged stretches taken off that reach window.
func (g agenda) timeOff(window calendar.Span) []calendar.Span {
	var spans []calendar.Span
	for _, h := range g.off {
		spans = append(spans, h.stretches(g.Location, window)...)
	}
	return calendar.Merge(spans)
}

// gridIsLocal reports whether slots start on multiples of their length of the
// local hour, and not in steps from the start of their stretch.
func (p Policy) gridIsLocal() bool { return 60%p.SlotMinutes == 0 }

// overlapsAny reports whether s overlaps one of spans, which are merged.
func overlapsAny(spans []calendar.Span, s calendar.Span) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].End.After(s.Start) })
	return i < len(spans) && spans[i].Overlaps(s)
}

// agendas reads what the slots of some practitioners in window are computed
// from, without their appointments. The order is that of the schedules.
func agendas(ctx context.Context, tx *sqldb.Tx, schedules []schedule, window calendar.Span) ([]agenda, error) {
	out := make([]agenda, len(schedules))
	at := make(map[uuid.UUID]*agenda, len(schedules))
	ids := make([]uuid.UUID, len(schedules))
	for i, s := range schedules {
		out[i].schedule = s
		ids[i], at[s.Practitioner] = s.Practitioner, &out[i]
		if !s.Policy.gridIsLocal() {
			window.Start = time.Time{} // the start of a stretch may lie anywhere
		}
	}
	hours, err := hoursNear(ctx, tx, ids, window)
	if err != nil {
		return nil, err
	}
	for _, h := range hours {
		g := at[h.ID.Lead]
		g.hours = append(g.hours, h)
	}
	off, err := timeOffNear(ctx, tx, ids, window)
	if err != nil {
		return nil, err
	}
	for _, t := range off {
		g := at[t.ID.Lead]
		g.off = append(g.off, t.Hours)
	}
	return out, nil
}

// take reads the live appointments that can touch slots beginning in window
// into the agendas.
func take(ctx context.Context, tx *sqldb.Tx, gs []agenda, window calendar.Span) error {
	at := make(map[uuid.UUID]*agenda, len(gs))
	ids := make([]uuid.UUID, len(gs))
	for i := range gs {
		gs[i].taken = nil
		ids[i], at[gs[i].Practitioner] = gs[i].Practitioner, &gs[i]
	}
	window.Start, window.End = window.Start.Add(-longest), window.End.Add(longest)
	all, err := takenIn(ctx, tx, ids, window)
	if err != nil {
		return err
	}
	for _, t := range all {
		g := at[t.ID.Lead]
		g.taken = append(g.taken, t)
	}
	return nil
}

// agendaOf reads one practitioner's agenda with appointments. The schedule may
// be locked or not, as the caller needs.
func agendaOf(ctx context.Context, tx *sqldb.Tx, sch schedule, window calendar.Span) (agenda, error) {
	gs, err := agendas(ctx, tx, []schedule{sch}, window)
	if err != nil {
		return agenda{}, err
	}
	if err := take(ctx, tx, gs, window); err != nil {
		return agenda{}, err
	}
	return gs[0], nil
}
