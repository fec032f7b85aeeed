package calendar

import (
	"math/bits"
	"time"
)

// Weekly is a rule: on these days of the week, from one time of local clocks to
// another, from the first date to the last one, both included. From and To mean
// what they mean to Local. A zero Last is no end.
type Weekly struct {
	Weekdays    Weekdays
	From, To    TimeOfDay
	First, Last Date
}

// Spans returns the rule's stretches in loc that share time with the window,
// ascending and whole, that is not cut off where the window ends. Its work grows
// with the days of the window, whenever the rule began.
func (w Weekly) Spans(loc *time.Location, window Span) []Span {
	// Where clocks are set back across midnight, a stretch of a date reaches into its neighbours.
	first, last := DateIn(window.Start, loc).AddDays(-1), DateIn(window.End, loc).AddDays(1)
	if first.Before(w.First) {
		first = w.First
	}
	if !w.Last.IsZero() && w.Last.Before(last) {
		last = w.Last
	}
	if last.Before(first) {
		return nil
	}
	from, to := first.midnight(), last.midnight()
	weeks := int((to-from)/(7*daySeconds)) + 1
	spans := make([]Span, 0, weeks*bits.OnesCount8(uint8(w.Weekdays)))
	c := clock{loc: loc}
	for midnight := from; midnight <= to; midnight += daySeconds {
		if !w.Weekdays.Has(weekday(midnight)) {
			continue
		}
		if s, ok := c.local(midnight, w.From, w.To); ok && s.Overlaps(window) {
			spans = append(spans, s)
		}
	}
	return spans
}
