// Package calendar computes with practitioners' time: civil dates and times in
// a zone, weekly rules, and the grid of slots in a stretch of time. It is pure:
// no database, no clock, no state but the time zones already read.
//
// Instants are UTC; a civil date or time means nothing without its zone. No
// local time is guessed. A time that clocks skip is the instant the gap ends; of
// a time that they show twice, a stretch begins at the first and ends at the
// second. Offsets are looked up for each instant, never carried from one day to
// the next.
package calendar

import (
	"slices"
	"time"
	_ "time/tzdata" // zones work on machines that have no tz database
)

// CellLength is the unit in which time is taken. Cells are aligned to 1970 UTC,
// so that every slot of every zone consists of whole ones.
const CellLength = 5 * time.Minute

// Span is the time from Start, inclusive, to End, exclusive; both are UTC.
type Span struct{ Start, End time.Time }

// Empty reports whether s holds no instant.
func (s Span) Empty() bool { return !s.Start.Before(s.End) }

// Length is the time that elapses in s; 0 when s is empty.
func (s Span) Length() time.Duration { return max(0, s.End.Sub(s.Start)) }

// Overlaps reports whether s and o share an instant.
func (s Span) Overlaps(o Span) bool {
	return s.Start.Before(o.End) && o.Start.Before(s.End) && !s.Empty() && !o.Empty()
}

// Covers reports whether o lies wholly inside s; its bounds may be those of s.
func (s Span) Covers(o Span) bool { return !o.Start.Before(s.Start) && !o.End.After(s.End) }

// Merge returns the same time as spans in ascending order, with those that
// overlap or touch united and empty ones left out. It leaves spans as they are.
func Merge(spans []Span) []Span {
	sorted := slices.DeleteFunc(slices.Clone(spans), Span.Empty)
	slices.SortFunc(sorted, func(a, b Span) int { return a.Start.Compare(b.Start) })
	merged := sorted[:0]
	for _, s := range sorted {
		last := len(merged) - 1
		switch {
		case last < 0 || merged[last].End.Before(s.Start):
			merged = append(merged, s)
		case merged[last].End.Before(s.End):
			merged[last].End = s.End
		}
	}
	return merged
}

// Cells returns the cells that s shares time with, from first up to but not
// including last. A cell is numbered by Unix time / 300 s.
func Cells(s Span) (first, last int64) {
	first = floor(s.Start.Unix(), cellSeconds) / cellSeconds
	if s.Empty() {
		return first, first
	}
	return first, ceil(ceilSecond(s.End), cellSeconds) / cellSeconds
}

// AlignedToCells reports whether s begins and ends where cells do.
func AlignedToCells(s Span) bool {
	aligned := func(t time.Time) bool { return t.Nanosecond() == 0 && t.Unix()%cellSeconds == 0 }
	return aligned(s.Start) && aligned(s.End)
}

// Inside the package, time is Unix seconds.
const (
	cellSeconds = int64(CellLength / time.Second)
	daySeconds  = 24 * 60 * 60
)

func spanOf(start, end int64) Span {
	return Span{time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC()}
}

// ceilSecond is the first whole second that is not before t.
func ceilSecond(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// floor is the greatest multiple of step that is not above x; ceil the least not below.
func floor(x, step int64) int64 {
	r := x % step
	if r < 0 {
		r += step
	}
	return x - r
}

func ceil(x, step int64) int64 { return -floor(-x, step) }
