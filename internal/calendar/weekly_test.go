package calendar

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustWeekdays(t rapid.TB, names ...string) Weekdays {
	t.Helper()
	w, err := ParseWeekdays(names)
	if err != nil {
		t.Fatalf("ParseWeekdays(%q): %v", names, err)
	}
	return w
}

func TestWeeklySpans(t *testing.T) {
	rule := func(from, to, first, last string, days ...string) Weekly {
		w := Weekly{Weekdays: mustWeekdays(t, days...), From: mustTime(t, from), To: mustTime(t, to), First: mustDate(t, first)}
		if last != "" {
			w.Last = mustDate(t, last)
		}
		return w
	}
	daily := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	tests := []struct {
		name, zone  string
		rule        Weekly
		first, last string // the window is these days, both included
		want        []string
	}{
		{
			"two days a week", "America/New_York", rule("08:00", "15:00", "2027-01-01", "", "mon", "thu"), "2027-08-09", "2027-08-22",
			[]string{"2027-08-09 08:00-15:00", "2027-08-12 08:00-15:00", "2027-08-16 08:00-15:00", "2027-08-19 08:00-15:00"},
		},
		{
			"first and last date are included", "America/New_York", rule("08:00", "15:00", "2027-08-12", "2027-08-16", "mon", "thu"), "2027-08-01", "2027-08-31",
			[]string{"2027-08-12 08:00-15:00", "2027-08-16 08:00-15:00"},
		},
		{"over before the window", "America/New_York", rule("08:00", "15:00", "2027-01-01", "2027-08-08", daily...), "2027-08-09", "2027-08-22", nil},
		{"begins after the window", "America/New_York", rule("08:00", "15:00", "2027-08-23", "", daily...), "2027-08-09", "2027-08-22", nil},
		{"other weekday", "America/New_York", rule("08:00", "15:00", "2027-01-01", "", "sat"), "2027-08-09", "2027-08-13", nil},
		{
			"same local time on both sides of a change", "America/New_York", rule("08:00", "10:00", "2027-01-01", "", "sat", "sun"), "2027-03-13", "2027-03-14",
			[]string{"2027-03-13 08:00-10:00", "2027-03-14 08:00-10:00"},
		},
		{
			"to midnight over days without one", "Asia/Beirut", rule("22:00", "24:00", "2027-01-01", "", daily...), "2027-03-27", "2027-03-28",
			[]string{"2027-03-27 22:00-24:00", "2027-03-28 22:00-24:00"},
		},
		{
			"no stretch in a gap", "America/New_York", rule("02:10", "02:50", "2027-01-01", "", daily...), "2027-03-13", "2027-03-15",
			[]string{"2027-03-13 02:10-02:50", "2027-03-15 02:10-02:50"},
		},
		{
			"no stretch on a day that was skipped", "Pacific/Apia", rule("08:00", "15:00", "2011-01-01", "", daily...), "2011-12-29", "2011-12-31",
			[]string{"2011-12-29 08:00-15:00", "2011-12-31 08:00-15:00"},
		},
	}
	for _, tt := range tests {
		loc := mustZone(t, tt.zone)
		window := Span{Day(mustDate(t, tt.first), loc).Start, Day(mustDate(t, tt.last), loc).End}
		var want []Span
		for _, text := range tt.want {
			want = append(want, mustLocal(t, text, loc))
		}
		if got := tt.rule.Spans(loc, window); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, want)
		}
	}
}

func TestWeeklySpansAreWhole(t *testing.T) {
	loc := mustZone(t, "America/New_York")
	w := Weekly{Weekdays: mustWeekdays(t, "fri"), From: mustTime(t, "08:00"), To: mustTime(t, "15:00"), First: mustDate(t, "2027-01-01")}
	whole := mustLocal(t, "2027-08-13 08:00-15:00", loc)
	tests := []struct {
		name   string
		window Span
		want   []Span
	}{
		{"an instant inside", Span{whole.Start.Add(time.Hour), whole.Start.Add(time.Hour + 1)}, []Span{whole}},
		{"its first instant", Span{whole.Start.Add(-time.Hour), whole.Start.Add(1)}, []Span{whole}},
		{"its last instant", Span{whole.End.Add(-1), whole.End.Add(time.Hour)}, []Span{whole}},
		{"up to its start", Span{whole.Start.Add(-time.Hour), whole.Start}, nil},
		{"from its end", Span{whole.End, whole.End.Add(time.Hour)}, nil},
		{"no time at all", Span{whole.Start.Add(time.Hour), whole.Start.Add(time.Hour)}, nil},
	}
	for _, tt := range tests {
		if got := w.Spans(loc, tt.window); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// In St. John's of 2010 the first minute of the 7th was followed by the last
// hour of the 6th once more, so that stretches of both days mingle.
func TestWeeklySpansWhereADayReturns(t *testing.T) {
	loc := mustZone(t, "America/St_Johns")
	evening := Weekly{Weekdays: mustWeekdays(t, "sat"), From: mustTime(t, "20:00"), To: mustTime(t, "23:30"), First: mustDate(t, "2010-01-01")}
	night := Weekly{Weekdays: mustWeekdays(t, "sun"), From: 0, To: mustTime(t, "01:00"), First: mustDate(t, "2010-01-01")}
	inFirstMinute := time.Date(2010, 11, 7, 2, 30, 30, 0, time.UTC)
	inSecondHour := inFirstMinute.Add(10 * time.Minute)
	for at, w := range map[time.Time]Weekly{inFirstMinute: evening, inSecondHour: night} {
		got := w.Spans(loc, Span{at, at.Add(time.Second)})
		if len(got) != 1 || !got[0].Covers(Span{at, at}) {
			t.Errorf("at %v: %v, want the one stretch around it", at.In(loc), got)
		}
	}
}

func TestWeeklySpansAllocateTheAnswerOnly(t *testing.T) {
	loc := mustZone(t, "America/New_York")
	start := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	for _, names := range [][]string{{"mon"}, {"mon", "wed", "sun"}, {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}} {
		w := Weekly{Weekdays: mustWeekdays(t, names...), From: 480, To: 900, First: mustDate(t, "2000-01-01")}
		for days := 1; days < 50; days++ {
			window := Span{start, start.AddDate(0, 0, days)}
			if n := testing.AllocsPerRun(1, func() { w.Spans(loc, window) }); n != 1 {
				t.Errorf("Spans of %q over %d days: %v allocations, want 1", names, days, n)
			}
		}
	}
}

func TestWeeklySpansOfAnyWindowInEveryZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Weekly{
			Weekdays: Weekdays(rapid.IntRange(1, 127).Draw(t, "weekdays")),
			From:     TimeOfDay(rapid.IntRange(0, 1438).Draw(t, "from")),
			First:    Date{2027, time.January, 1}.AddDays(rapid.IntRange(0, 300).Draw(t, "first")),
		}
		w.To = TimeOfDay(rapid.IntRange(int(w.From)+1, 1440).Draw(t, "to"))
		if rapid.Bool().Draw(t, "ends") {
			w.Last = w.First.AddDays(rapid.IntRange(0, 60).Draw(t, "last"))
		}
		start := time.Unix(w.First.midnight(), 0).UTC().Add(time.Duration(rapid.IntRange(-9*24*3600, 60*24*3600).Draw(t, "start")) * time.Second)
		middle := start.Add(time.Duration(rapid.IntRange(1, 6*24*3600).Draw(t, "middle")) * time.Second)
		end := middle.Add(time.Duration(rapid.IntRange(1, 6*24*3600).Draw(t, "end")) * time.Second)
		for _, name := range allZones {
			loc := mustZone(t, name)
			window := Span{start, end}
			got := w.Spans(loc, window)
			var want []Span
			for date := DateIn(start, loc).AddDays(-3); date.Before(DateIn(end, loc).AddDays(3)); date = date.AddDays(1) {
				if date.Before(w.First) || !w.Last.IsZero() && w.Last.Before(date) || !w.Weekdays.Has(date.Weekday()) {
					continue
				}
				if s, ok := Local(date, w.From, w.To, loc); ok && s.Overlaps(window) {
					want = append(want, s)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %+v in %v: %v, want %v", name, w, window, got, want)
			}
			parts := append(w.Spans(loc, Span{start, middle}), w.Spans(loc, Span{middle, end})...)
			if parts = slices.Compact(parts); !slices.Equal(parts, got) {
				t.Fatalf("%s: %+v in %v cut at %v: %v, want %v", name, w, window, middle, parts, got)
			}
		}
	})
}
