package calendar

import (
	"testing"
	"time"
)

func BenchmarkGridDay(b *testing.B) {
	for _, bench := range []struct {
		name, stretch string
		minutes       int
	}{
		{"Quarters", "2027-08-13 08:00-15:00", 15},
		{"WholeDay", "2027-08-13 00:00-24:00", 15},
		{"ClocksChange", "2027-11-07 00:00-24:00", 15},
		{"Steps", "2027-08-13 08:00-15:00", 25},
	} {
		b.Run(bench.name, func(b *testing.B) {
			loc := mustZone(b, "America/New_York")
			stretch := mustLocal(b, bench.stretch, loc)
			b.ReportAllocs()
			for b.Loop() {
				if len(Grid(stretch, bench.minutes, loc)) == 0 {
					b.Fatal("no slots")
				}
			}
		})
	}
}

func BenchmarkWeeklySpans(b *testing.B) {
	for _, bench := range []struct {
		name string
		days int
	}{{"Day", 1}, {"Week", 7}, {"Horizon", 180}} {
		b.Run(bench.name, func(b *testing.B) {
			loc := mustZone(b, "America/New_York")
			rule := Weekly{Weekdays: mustWeekdays(b, "mon", "tue", "wed", "thu", "fri"), From: 8 * 60, To: 15 * 60, First: mustDate(b, "2000-01-01")}
			start := Day(mustDate(b, "2027-08-13"), loc).Start
			window := Span{start, start.Add(time.Duration(bench.days) * 24 * time.Hour)}
			b.ReportAllocs()
			for b.Loop() {
				if len(rule.Spans(loc, window)) == 0 {
					b.Fatal("no spans")
				}
			}
		})
	}
}
