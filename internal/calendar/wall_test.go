package calendar

import (
	"strings"
	"time"

	"pgregory.net/rapid"
)

// allZones has the name of each zone of the database.
var allZones = strings.Fields(zoneNames)

func mustZone(t rapid.TB, name string) *time.Location {
	t.Helper()
	loc, err := Zone(name)
	if err != nil {
		t.Fatalf("Zone(%q): %v", name, err)
	}
	return loc
}

func mustDate(t rapid.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatalf("ParseDate(%q): %v", s, err)
	}
	return d
}

func mustTime(t rapid.TB, s string) TimeOfDay {
	t.Helper()
	tod, err := ParseTime(s)
	if err != nil {
		t.Fatalf("ParseTime(%q): %v", s, err)
	}
	return tod
}

// mustLocal is the stretch of a day written as "2027-03-14 01:00-04:00".
func mustLocal(t rapid.TB, text string, loc *time.Location) Span {
	t.Helper()
	s, ok := Local(mustDate(t, text[:10]), mustTime(t, text[11:16]), mustTime(t, text[17:]), loc)
	if !ok {
		t.Fatalf("Local(%s) in %v: no stretch", text, loc)
	}
	return s
}

// wall is the slow and simple truth that the package is compared with: what a
// clock on a wall showed in each minute of a span, asked for minute by minute.
type wall struct {
	start time.Time
	shown []int64 // minutes from 1970-01-01 00:00 to what the clock showed
}

func watch(loc *time.Location, s Span) wall {
	w := wall{start: s.Start.Truncate(time.Minute)}
	for at := w.start; !at.After(s.End); at = at.Add(time.Minute) {
		_, offset := at.In(loc).Zone()
		w.shown = append(w.shown, (at.Unix()+int64(offset))/60)
	}
	return w
}

func (w wall) at(i int) time.Time { return w.start.Add(time.Duration(i) * time.Minute) }

// firstFrom is the first minute at which the clock showed that or more.
func (w wall) firstFrom(shown int64) time.Time {
	for i, s := range w.shown {
		if s >= shown {
			return w.at(i)
		}
	}
	return time.Time{}
}

// last is the last minute at which the clock showed that, or when it skipped that.
func (w wall) last(shown int64) time.Time {
	for i := len(w.shown) - 1; i >= 0; i-- {
		if w.shown[i] == shown {
			return w.at(i)
		}
	}
	return w.firstFrom(shown)
}

// slots are the steps from one line of the grid to the next that took as long as
// the clock said. The wall must have been watched from the stretch's start to its end.
func (w wall) slots(stretch Span, minutes int) []Span {
	onGrid := func(shown int64) bool { return shown%int64(minutes) == 0 }
	var slots []Span
	var line time.Time
	for i, shown := range w.shown {
		at := w.at(i)
		if at.Before(stretch.Start) || at.After(stretch.End) {
			continue
		}
		ends := onGrid(shown) || i > 0 && onGrid(w.shown[i-1]+1) // also where the clock is about to be set
		if ends && at.Sub(line) == time.Duration(minutes)*time.Minute {
			slots = append(slots, Span{line, at})
		}
		if onGrid(shown) {
			line = at
		}
	}
	return slots
}

// changes are the instants in a year at which the offset of loc changes, and
// when New York's does if it does not.
func changes(loc *time.Location, year int) []time.Time {
	offset := func(sec int64) int { _, o := time.Unix(sec, 0).In(loc).Zone(); return o }
	var found []time.Time
	end := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); day < end; day += daySeconds {
		before, after := day, day+daySeconds
		if offset(before) == offset(after) {
			continue
		}
		for after-before > 1 {
			if mid := (before + after) / 2; offset(mid) == offset(day) {
				before = mid
			} else {
				after = mid
			}
		}
		found = append(found, time.Unix(after, 0).UTC())
	}
	if found == nil {
		found = []time.Time{time.Date(year, 3, 14, 7, 0, 0, 0, time.UTC), time.Date(year, 11, 7, 6, 0, 0, 0, time.UTC)}
	}
	return found
}

// around is the span that many hours before and after an instant.
func around(at time.Time, hours int) Span {
	d := time.Duration(hours) * time.Hour
	return Span{at.Add(-d), at.Add(d)}
}
