package web

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"medbook/internal/calendar"
)

// TestRowsFollowTheClock lays out days on which clocks change: the repeated hour has
// rows of its own, in order, and the hour that is skipped is there for other days
// only.
func TestRowsFollowTheClock(t *testing.T) {
	newYork, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string, length time.Duration) calendar.Span {
		start, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return calendar.Span{Start: start, End: start.Add(length)}
	}
	for _, tt := range []struct {
		name  string
		first calendar.Date
		spans map[int][]calendar.Span // by day
		want  []string                // rows
		lacks map[int][]string        // rows that a day has not
	}{
		{
			"clocks go back",
			calendar.Date{Year: 2027, Month: 11, Day: 7},
			map[int][]calendar.Span{0: {at("2027-11-07T01:30:00-04:00", 30*time.Minute), at("2027-11-07T01:30:00-05:00", 30*time.Minute)}, 1: {at("2027-11-08T00:00:00-05:00", 3*time.Hour)}},
			[]string{"0:00", "1:00", "1:30", "1:00'", "1:30'", "2:00"},
			map[int][]string{1: {"1:00'", "1:30'"}},
		},
		{
			"clocks go forward",
			calendar.Date{Year: 2027, Month: 3, Day: 14},
			map[int][]calendar.Span{0: {at("2027-03-14T01:30:00-05:00", 30*time.Minute)}, 1: {at("2027-03-15T02:30:00-04:00", 45*time.Minute)}},
			[]string{"1:00", "1:30", "2:00", "2:30", "3:00"},
			map[int][]string{0: {"2:00", "2:30"}},
		},
		{
			"off the hour, and over midnight",
			calendar.Date{Year: 2027, Month: 6, Day: 7},
			map[int][]calendar.Span{0: {at("2027-06-07T22:40:00-04:00", 2*time.Hour)}},
			[]string{"22:00", "22:40", "23:00"},
			nil,
		},
	} {
		var dials []dial
		spans := make([][]calendar.Span, 7)
		for i := range 7 {
			dials = append(dials, dialOf(tt.first.AddDays(i), newYork))
			spans[i] = tt.spans[i]
		}
		name := func(r reading) string {
			return fmt.Sprintf("%d:%02d%s", r.minute/60, r.minute%60, map[bool]string{true: "'"}[r.again])
		}
		rows := rowsOf(dials, spans)
		var got []string
		for _, r := range rows {
			got = append(got, name(r))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: rows %v, want %v", tt.name, got, tt.want)
		}
		for day, d := range dials {
			var lacks []string
			for _, r := range rows {
				if _, ok := d.at[r]; !ok {
					lacks = append(lacks, name(r))
				}
			}
			if want := tt.lacks[day]; day < 2 && !slices.Equal(lacks, want) {
				t.Errorf("%s: day %d lacks %v, want %v", tt.name, day, lacks, want)
			}
		}
	}
}

// What is longer than a row reaches over those that begin before its end, and over
// those that its day lacks between them.
func TestLongThingsReachOverRows(t *testing.T) {
	newYork, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	rows := []reading{{60, false}, {90, false}, {60, true}, {90, true}, {120, false}, {180, false}}
	d := dialOf(calendar.Date{Year: 2027, Month: 11, Day: 8}, newYork)
	start := d.at[rows[0]]
	for minutes, want := range map[int]int{15: 1, 30: 1, 35: 2, 60: 2, 65: 5, 120: 5, 600: 6} {
		if got := reaches(rows, d, start.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("%d minutes reach over %d rows, want %d", minutes, got, want)
		}
	}
}
