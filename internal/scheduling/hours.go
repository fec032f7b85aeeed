package scheduling

import (
	"time"

	"medbook/internal/calendar"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/phi"
)

// Kind says in which form hours were given.
type Kind string

// The kinds of availability. Time off is a KindSpan or a KindDay.
const (
	KindSpan      Kind = "span"      // one stretch between two instants
	KindDay       Kind = "day"       // one stretch of a local day
	KindWeekly    Kind = "weekly"    // a weekly rule in local time
	KindSlot      Kind = "slot"      // one slot made by hand, kept verbatim
	KindException Kind = "exception" // no slot of a longer stretch here
)

// Hours is time as somebody said it. Kind tells which of the other fields
// count. Local forms are kept local, so that a change of zone rules moves them.
type Hours struct {
	Kind     Kind
	Span     calendar.Span      // KindSpan, KindSlot, KindException; UTC
	Date     calendar.Date      // KindDay
	From, To calendar.TimeOfDay // KindDay; To of 00:00 or 24:00 is the end of the day
	Weekly   calendar.Weekly    // KindWeekly
}

// Availability is time in which a practitioner works.
type Availability struct {
	ID        id.Keyed // its lead is the practitioner
	Hours     Hours
	Blocked   bool // a KindSlot that is not offered
	TimeZone  string
	CreatedAt time.Time
	Version   int64
	// Bounds is the stretch that Hours of KindSpan, KindDay, KindSlot or
	// KindException make on the slot grid: start rounded up, end down.
	Bounds calendar.Span
}

// ETag is the version of the availability alone.
func (a Availability) ETag() string { return etag.Quote(versionText(a.Version)) }

// Published is an availability with what publishing it did within the horizon.
type Published struct {
	Availability
	SlotsCreated  int  // slots that were not there before
	SlotsExisting int  // slots of these hours that were there already
	Repeat        bool // it stood already, word for word
}

// Removed says what the end of an availability left behind.
type Removed struct {
	KeptSlots []Slot // held and booked slots that stay although nobody offers them any more
}

// HoursChange changes an availability; nil leaves a field. Only fields of the
// availability's own kind may be given.
type HoursChange struct {
	StartsAt, EndsAt *time.Time
	Date             *calendar.Date
	From, To         *calendar.TimeOfDay
	Weekdays         *calendar.Weekdays
	ValidFrom        *calendar.Date
	ValidUntil       *calendar.Date // the zero Date: no end
}

// TimeOff takes availability away again.
type TimeOff struct {
	ID        id.Keyed // its lead is the practitioner
	Hours     Hours    // KindSpan or KindDay
	Bounds    calendar.Span
	TimeZone  string
	Reason    phi.Value[string]
	CreatedAt time.Time
	Conflicts []Appointment // live appointments that it hits; set by TakeTimeOff only
}

// SlotStatus is what can be said of a slot at an instant.
type SlotStatus string

// The statuses of a slot. A free slot inside the minimum notice or beyond the
// horizon is available too, but is not listed as such.
const (
	SlotAvailable SlotStatus = "available"
	SlotHeld      SlotStatus = "held"
	SlotBooked    SlotStatus = "booked"
	SlotBlocked   SlotStatus = "blocked"
)

// Slot is a bookable piece [Start, End) of a practitioner's time, in UTC. It is
// computed, never stored.
type Slot struct {
	id.Slot
	TimeZone string // the practitioner's
	Status   SlotStatus

	claim   id.Keyed // the live appointment that takes it, if any
	version int64    // of the schedule it was computed from
}

// ID returns the slot's id.
func (s Slot) ID() string { return s.Slot.String() }

// ETag changes when the practitioner's time, the slot's status or who takes it changes.
func (s Slot) ETag() string {
	tag := versionText(s.version) + "-" + string(s.Status)
	if s.claim != (id.Keyed{}) {
		tag += "-" + s.claim.ID.String()
	}
	return etag.Quote(tag)
}

func (s Slot) span() calendar.Span { return calendar.Span{Start: s.Start, End: s.End} }

// SlotChange moves or blocks a slot; nil leaves a field.
type SlotChange struct {
	StartsAt, EndsAt *time.Time
	Blocked          *bool
}

// stretches returns the stretches of time that h makes and that overlap window,
// ascending and whole. Slots made by hand and exceptions are no stretches.
func (h Hours) stretches(loc *time.Location, window calendar.Span) []calendar.Span {
	switch h.Kind {
	case KindWeekly:
		return h.Weekly.Spans(loc, window)
	case KindSpan, KindDay:
		if s := h.span(loc); !s.Empty() && s.Overlaps(window) {
			return []calendar.Span{s}
		}
	}
	return nil
}

// span returns the one stretch of hours that are not weekly, empty when the
// clock skips it.
func (h Hours) span(loc *time.Location) calendar.Span {
	if h.Kind != KindDay {
		return h.Span
	}
	s, _ := calendar.Local(h.Date, h.From, h.To, loc)
	return s
}

// same reports whether two hours were said in the same words.
func (h Hours) same(other Hours) bool {
	a, b := h, other
	a.Span, b.Span = calendar.Span{}, calendar.Span{}
	return a == b && h.Span.Start.Equal(other.Span.Start) && h.Span.End.Equal(other.Span.End)
}

// onGrid returns what the practitioner's slot grid makes of the hours' one
// stretch: start rounded up, end down. It is empty when not one slot fits.
func (h Hours) onGrid(p Policy, loc *time.Location) calendar.Span {
	if h.Kind == KindSlot || h.Kind == KindException {
		return h.Span
	}
	s := h.span(loc)
	if h.Kind == KindWeekly || s.Empty() {
		return calendar.Span{}
	}
	head := calendar.GridIn(s, p.SlotMinutes, loc, calendar.Span{Start: s.Start, End: s.Start.Add(24 * time.Hour)})
	tail := calendar.GridIn(s, p.SlotMinutes, loc, calendar.Span{Start: s.End.Add(-24 * time.Hour), End: s.End})
	if len(head) == 0 || len(tail) == 0 {
		return calendar.Span{}
	}
	return calendar.Span{Start: head[0].Start, End: tail[len(tail)-1].End}
}

// longestStretch bounds one stretch of availability or time off.
const longestStretch = 3660 * 24 * time.Hour

// checkStretch judges hours of KindSpan and KindDay against now.
func (h Hours) checkStretch(loc *time.Location, now time.Time) error {
	if h.Kind == KindDay {
		if _, ok := calendar.Local(h.Date, h.From, h.To, loc); !ok {
			return ErrInvalidHours.Field("to", "must be after from")
		}
	}
	s := h.span(loc)
	switch {
	case h.Kind == KindSpan && !s.Start.Before(s.End):
		return ErrInvalidHours.Field("ends_at", "must be after starts_at")
	case s.Empty():
		return ErrInvalidHours.With("The clock skips these hours on that day.")
	case s.End.Sub(s.Start) > longestStretch:
		return ErrInvalidHours.Field("ends_at", "must be within ten years of the start")
	case !s.End.After(now):
		return ErrInvalidHours.With("These hours are over.")
	}
	return nil
}

// checkWork judges hours that somebody wants to work: they must make sense, lie
// ahead at least in part, and hold at least one slot.
func (h Hours) checkWork(p Policy, loc *time.Location, now time.Time) error {
	if h.Kind == KindWeekly {
		return h.checkWeekly(p, loc, now)
	}
	if err := h.checkStretch(loc, now); err != nil {
		return err
	}
	if h.onGrid(p, loc).Empty() {
		return ErrInvalidHours.With("These hours are shorter than one slot.")
	}
	return nil
}

func (h Hours) checkWeekly(p Policy, loc *time.Location, now time.Time) error {
	w := h.Weekly
	if w.Weekdays == 0 {
		return ErrInvalidHours.Field("weekdays", "must name a day")
	}
	if w.Last != (calendar.Date{}) && w.Last.Before(w.First) {
		return ErrInvalidHours.Field("valid_until", "must not be before valid_from")
	}
	if w.Last != (calendar.Date{}) && w.Last.Before(calendar.DateIn(now, loc)) {
		return ErrInvalidHours.With("These hours are over.")
	}
	// A day without a change of clocks shows whether a slot fits.
	day, ok := calendar.Local(calendar.Date{Year: 2027, Month: time.January, Day: 4}, w.From, w.To, time.UTC)
	if !ok {
		return ErrInvalidHours.Field("to", "must be after from")
	}
	if len(calendar.Grid(day, p.SlotMinutes, time.UTC)) == 0 {
		return ErrInvalidHours.With("These hours are shorter than one slot.")
	}
	for d, n := w.First, 0; n < 7 && (w.Last == (calendar.Date{}) || !w.Last.Before(d)); d, n = d.AddDays(1), n+1 {
		if w.Weekdays.Has(d.Weekday()) {
			return nil
		}
	}
	return ErrInvalidHours.Field("weekdays", "has no day between valid_from and valid_until")
}
