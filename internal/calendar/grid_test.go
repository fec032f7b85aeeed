package calendar

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// starts are the local times at which slots start.
func starts(slots []Span, loc *time.Location) string {
	var b strings.Builder
	for _, s := range slots {
		b.WriteString(s.Start.In(loc).Format(" 15:04"))
	}
	return strings.TrimPrefix(b.String(), " ")
}

func TestGrid(t *testing.T) {
	tests := []struct {
		name, zone, stretch string
		minutes, count      int
		starts              string // not checked when empty and count is not 0
	}{
		{"a working day", "America/New_York", "2027-08-13 08:00-15:00", 15, 28, ""},
		{"rounded to the grid", "America/New_York", "2027-08-13 08:07-10:20", 15, 8, "08:15 08:30 08:45 09:00 09:15 09:30 09:45 10:00"},
		{"just one", "America/New_York", "2027-08-13 08:00-08:15", 15, 1, "08:00"},
		{"none fits on the grid", "America/New_York", "2027-08-13 08:01-08:29", 15, 0, ""},
		{"too short", "America/New_York", "2027-08-13 08:00-08:14", 15, 0, ""},
		{"skipped hour", "America/New_York", "2027-03-14 01:00-04:00", 15, 8, "01:00 01:15 01:30 01:45 03:00 03:15 03:30 03:45"},
		{"repeated hour", "America/New_York", "2027-11-07 00:00-03:00", 15, 16, "00:00 00:15 00:30 00:45 01:00 01:15 01:30 01:45 01:00 01:15 01:30 01:45 02:00 02:15 02:30 02:45"},
		{"local quarter hours", "Asia/Kathmandu", "2027-08-13 08:07-09:10", 15, 3, "08:15 08:30 08:45"},
		{"local hours, +05:45", "Asia/Kathmandu", "2027-08-13 08:07-11:10", 60, 2, "09:00 10:00"},
		{"half an hour skipped, quarters", "Australia/Lord_Howe", "2027-10-03 01:30-03:00", 15, 4, "01:30 01:45 02:30 02:45"},
		{"half an hour skipped, hours", "Australia/Lord_Howe", "2027-10-03 00:00-04:00", 60, 3, "00:00 01:00 03:00"},
		{"half an hour skipped, 20 min", "Australia/Lord_Howe", "2027-10-03 01:00-03:20", 20, 5, "01:00 01:20 01:40 02:40 03:00"},
		{"half an hour repeated, quarters", "Australia/Lord_Howe", "2027-04-04 01:30-02:15", 15, 5, "01:30 01:45 01:30 01:45 02:00"},
		{"half an hour repeated, hours", "Australia/Lord_Howe", "2027-04-04 00:00-04:00", 60, 4, "00:00 01:00 02:00 03:00"},
		{"change in the middle of a local hour", "Pacific/Chatham", "2027-09-26 01:00-06:00", 60, 4, "01:00 02:00 04:00 05:00"},
		{"repeated across the line of the hour", "Pacific/Chatham", "2027-04-04 01:00-05:00", 60, 5, "01:00 02:00 03:00 03:00 04:00"},
		{"half an hour skipped in the middle of a local hour", "America/Caracas", "2016-05-01 01:00-05:00", 60, 3, "01:00 03:00 04:00"},
		{"a day without midnight", "America/Sao_Paulo", "2018-11-04 00:00-02:00", 30, 2, "01:00 01:30"},
		{"a day that was skipped", "Pacific/Apia", "2011-12-30 08:00-15:00", 15, 0, ""},
		{"25 min step from the start", "America/New_York", "2027-08-13 08:05-10:00", 25, 4, "08:05 08:30 08:55 09:20"},
		{"25 min, start rounded up to a cell", "America/New_York", "2027-08-13 08:07-10:00", 25, 4, "08:10 08:35 09:00 09:25"},
		{"45 min over a skipped hour", "America/New_York", "2027-03-14 01:00-04:00", 45, 2, "01:00 01:45"},
		{"90 min over a repeated hour", "America/New_York", "2027-11-07 00:00-03:00", 90, 2, "00:00 01:30"},
		{"two hours", "Asia/Kathmandu", "2027-08-13 08:10-14:10", 120, 3, "08:10 10:10 12:10"},
	}
	for _, tt := range tests {
		loc := mustZone(t, tt.zone)
		slots := Grid(mustLocal(t, tt.stretch, loc), tt.minutes, loc)
		if got := starts(slots, loc); len(slots) != tt.count || tt.starts != "" && got != tt.starts {
			t.Errorf("%s: %s in %s by %d min: %d slots %q, want %d %q", tt.name, tt.stretch, tt.zone, tt.minutes, len(slots), got, tt.count, tt.starts)
		}
		if err := faults(slots); err != "" {
			t.Errorf("%s: %s", tt.name, err)
		}
	}
}

// faults says what is wrong with the order of slots, or nothing.
func faults(slots []Span) string {
	for i, s := range slots {
		if s.Empty() || !AlignedToCells(s) {
			return "slot is not of whole cells: " + s.Start.String()
		}
		if i > 0 && s.Start.Before(slots[i-1].End) {
			return "slot overlaps the one before: " + s.Start.String()
		}
	}
	return ""
}

func TestSlotOfALateEveningIsOnItsLocalDay(t *testing.T) {
	loc := mustZone(t, "America/New_York")
	day := Day(mustDate(t, "2027-08-13"), loc)
	slots := Grid(mustLocal(t, "2027-08-13 23:30-24:00", loc), 15, loc)
	if got := starts(slots, loc); got != "23:30 23:45" {
		t.Fatalf("slots start at %q, want 23:30 23:45", got)
	}
	for _, s := range slots {
		if got := DateIn(s.Start, loc).String(); got != "2027-08-13" || !day.Covers(s) {
			t.Errorf("%v is on %s, in the day %v", s, got, day.Covers(s))
		}
	}
}

// Bounds with fractions of a second or of a minute move no slot.
func TestGridOfUnevenStretches(t *testing.T) {
	eight := time.Date(2027, 8, 13, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		start, end time.Duration
		count      int
	}{
		{0, time.Hour, 4},
		{1, time.Hour, 3},
		{-1, time.Hour, 4},
		{0, time.Hour - 1, 3},
		{0, time.Hour + 1, 4},
		{time.Second, time.Hour, 3},
		{time.Hour, 0, 0},
	} {
		stretch := Span{eight.Add(tt.start), eight.Add(tt.end)}
		if got := Grid(stretch, 15, time.UTC); len(got) != tt.count || faults(got) != "" {
			t.Errorf("%v: %d slots %v, want %d", stretch, len(got), got, tt.count)
		}
	}
}

// A list of slots is on the path of every search: nothing is allocated but the answer.
func TestGridAllocatesTheAnswerOnly(t *testing.T) {
	loc := mustZone(t, "America/New_York")
	for _, text := range []string{"2027-08-13 08:00-15:00", "2027-03-14 00:00-24:00", "2027-11-07 00:00-24:00"} {
		stretch := mustLocal(t, text, loc)
		for _, minutes := range minutesPerSlot {
			if n := testing.AllocsPerRun(10, func() { Grid(stretch, minutes, loc) }); n != 1 {
				t.Errorf("Grid of %s by %d min: %v allocations, want 1", text, minutes, n)
			}
		}
	}
}

// minutesPerSlot are lengths on the grid of the hour and off it.
var minutesPerSlot = []int{5, 10, 15, 20, 30, 60, 25, 45, 120, 240}

// checkGrid compares Grid with the clock on the wall, which was watched over the
// stretch, and GridIn with Grid over a partition of the time line.
func checkGrid(t rapid.TB, loc *time.Location, w wall, stretch Span, minutes int, cuts []time.Time) {
	t.Helper()
	got := Grid(stretch, minutes, loc)
	want := w.slots(stretch, minutes)
	if 60%minutes != 0 {
		want = steps(stretch, minutes)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%v: %v by %d min: %v, want %v", loc, stretch, minutes, got, want)
	}
	for _, s := range got {
		local := s.Start.In(loc)
		if s.Length() != time.Duration(minutes)*time.Minute || !stretch.Covers(s) || 60%minutes == 0 && (local.Minute()%minutes != 0 || local.Second() != 0) {
			t.Fatalf("%v: %v by %d min: slot %v, local start %v", loc, stretch, minutes, s, local)
		}
	}
	if fault := faults(got); fault != "" {
		t.Fatalf("%v: %v by %d min: %s", loc, stretch, minutes, fault)
	}
	var parts []Span
	from := stretch.Start.Add(-time.Hour)
	for _, cut := range append(cuts, stretch.End.Add(time.Hour)) {
		part := GridIn(stretch, minutes, loc, Span{from, cut})
		for _, s := range part {
			if s.Start.Before(from) || !s.Start.Before(cut) {
				t.Fatalf("%v: %v by %d min, window %v to %v: has %v", loc, stretch, minutes, from, cut, s)
			}
		}
		parts = append(parts, part...)
		from = cut
	}
	if !slices.Equal(parts, got) {
		t.Fatalf("%v: %v by %d min cut at %v: %v, want %v", loc, stretch, minutes, cuts, parts, got)
	}
}

// steps are slots one after another from the first cell of the stretch.
func steps(stretch Span, minutes int) []Span {
	start := stretch.Start.Truncate(CellLength)
	if start.Before(stretch.Start) {
		start = start.Add(CellLength)
	}
	var slots []Span
	for {
		s := Span{start, start.Add(time.Duration(minutes) * time.Minute)}
		if s.End.After(stretch.End) {
			return slots
		}
		slots = append(slots, s)
		start = s.End
	}
}

func TestGridWhenClocksChangeInEveryZone(t *testing.T) {
	for _, name := range allZones {
		loc := mustZone(t, name)
		for _, change := range changes(loc, 2027) {
			w := watch(loc, around(change, 5))
			for _, stretch := range []Span{
				{change.Add(-187 * time.Minute), change.Add(251*time.Minute + 13*time.Second)},
				{change.Add(-11 * time.Minute), change.Add(16 * time.Minute)},
				{change, change.Add(3 * time.Hour)},
				{change.Add(1), change.Add(3*time.Hour - 1)},
				{change.Add(-3 * time.Hour), change},
			} {
				cuts := []time.Time{change.Add(-2 * time.Hour), change, change.Add(1), change.Add(7 * time.Minute)}
				for _, minutes := range minutesPerSlot {
					checkGrid(t, loc, w, stretch, minutes, cuts)
				}
			}
		}
	}
}

// See clock.seek for what is special about the last day of a leap year.
func TestGridAtTheEndOfALeapYearInEveryZone(t *testing.T) {
	newYear := time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC)
	stretch := around(newYear, 26)
	for _, name := range allZones {
		loc := mustZone(t, name)
		checkGrid(t, loc, watch(loc, stretch), stretch, 20, []time.Time{newYear.AddDate(0, 0, -1), newYear})
	}
}

func TestGridOfRandomStretchesInEveryZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
		day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(draw("years", 60), draw("months", 11), draw("days", 30))
		// Part by part, since rapid prefers small numbers.
		duration := func(name string, hours int) time.Duration {
			return time.Duration(draw(name+" hours", hours))*time.Hour + time.Duration(draw("minutes", 59))*time.Minute + time.Duration(draw("seconds", 59))*time.Second
		}
		stretch := Span{Start: day.Add(duration("start", 23))}
		stretch.End = stretch.Start.Add(duration("length", 3))
		minutes := rapid.OneOf(rapid.SampledFrom(minutesPerSlot), rapid.Map(rapid.IntRange(1, 48), func(n int) int { return 5 * n })).Draw(t, "minutes")
		cuts := rapid.Map(rapid.SliceOfN(rapid.IntRange(-600, 5*3600), 0, 4), func(offsets []int) []time.Time {
			slices.Sort(offsets)
			var at []time.Time
			for _, s := range offsets {
				at = append(at, stretch.Start.Add(time.Duration(s)*time.Second))
			}
			return at
		}).Draw(t, "cuts")
		apart := 24*time.Hour*time.Duration(draw("days apart", 31)) + duration("apart", 23)
		for _, name := range allZones {
			loc := mustZone(t, name)
			checkGrid(t, loc, watch(loc, stretch), stretch, minutes, cuts)
			stretch = Span{stretch.Start.Add(apart), stretch.End.Add(apart)} // another day for each zone
			for i := range cuts {
				cuts[i] = cuts[i].Add(apart)
			}
		}
	})
}
