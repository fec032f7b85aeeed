package web

import (
	"cmp"
	"slices"
	"time"

	"medbook/internal/calendar"
)

// reading is what the clock on the wall shows: minutes since midnight, and whether
// it shows them for the second time on that day.
type reading struct {
	minute int
	again  bool
}

// dial tells readings of one day from instants, and back. A reading that clocks
// skip on that day is not there; one that they repeat is there twice.
type dial struct {
	day calendar.Span
	at  map[reading]time.Time
	of  map[int64]reading // by Unix time
}

// step is what slots begin and end on, and what all zones' clocks change by a
// multiple of.
const step = 5 * time.Minute

func dialOf(d calendar.Date, loc *time.Location) dial {
	day := calendar.Day(d, loc)
	out := dial{day: day, at: map[reading]time.Time{}, of: map[int64]reading{}}
	for t := day.Start; t.Before(day.End); t = t.Add(step) {
		local := t.In(loc)
		r := reading{minute: 60*local.Hour() + local.Minute()}
		if _, seen := out.at[r]; seen {
			r.again = true
		}
		out.at[r], out.of[t.Unix()] = t, r
	}
	return out
}

// starts returns the reading at an instant of the day.
func (d dial) starts(t time.Time) reading { return d.of[t.Truncate(step).Unix()] }

// ends is the minute at which what ends at an instant ends: at most midnight.
func (d dial) ends(t time.Time) int {
	if !t.Before(d.day.End) {
		return 24 * 60
	}
	return d.of[t.Truncate(step).Unix()].minute
}

// rowsOf returns the readings at which rows of a week begin: the hours from the
// earliest to the latest of what there is, and where anything begins between them.
// They are in the order of the longest day, which has all of them.
func rowsOf(dials []dial, spans [][]calendar.Span) []reading {
	rows := map[reading]bool{}
	first, last := 24*60, 0
	for i, day := range spans {
		for _, s := range day {
			start := dials[i].starts(s.Start)
			rows[start] = true
			first = min(first, start.minute/60*60)
			last = max(last, start.minute/60*60+60, (dials[i].ends(s.End)+59)/60*60)
		}
	}
	longest := slices.MaxFunc(dials, func(a, b dial) int { return cmp.Compare(a.day.Length(), b.day.Length()) })
	for minute := first; minute < last; minute += 60 {
		for _, r := range []reading{{minute, false}, {minute, true}} {
			if _, ok := longest.at[r]; ok {
				rows[r] = true
			}
		}
	}
	var sorted []reading
	for r := range rows {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b reading) int { return longest.at[a].Compare(longest.at[b]) })
	return sorted
}
