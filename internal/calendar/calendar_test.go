package calendar

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// noon is where tests that need no zone count minutes from.
var noon = time.Date(2027, 8, 13, 12, 0, 0, 0, time.UTC)

// minutes is the span from one minute after noon to another.
func minutes(start, end int) Span {
	return Span{noon.Add(time.Duration(start) * time.Minute), noon.Add(time.Duration(end) * time.Minute)}
}

func TestSpanBoundsAreHalfOpen(t *testing.T) {
	tests := []struct {
		name             string
		a, b             Span
		overlaps, covers bool
	}{
		{"apart", minutes(0, 10), minutes(20, 30), false, false},
		{"back to back", minutes(0, 10), minutes(10, 20), false, false},
		{"one minute shared", minutes(0, 11), minutes(10, 20), true, false},
		{"the same", minutes(0, 10), minutes(0, 10), true, true},
		{"inside", minutes(0, 30), minutes(10, 20), true, true},
		{"inside, at the start", minutes(0, 30), minutes(0, 20), true, true},
		{"inside, at the end", minutes(0, 30), minutes(10, 30), true, true},
		{"around", minutes(10, 20), minutes(0, 30), true, false},
		{"nothing inside", minutes(0, 30), minutes(10, 10), false, true},
		{"turned around inside", minutes(0, 30), minutes(20, 10), false, true},
	}
	for _, tt := range tests {
		if got := tt.a.Overlaps(tt.b); got != tt.overlaps {
			t.Errorf("%s: a.Overlaps(b) = %v, want %v", tt.name, got, tt.overlaps)
		}
		if got := tt.b.Overlaps(tt.a); got != tt.overlaps {
			t.Errorf("%s: b.Overlaps(a) = %v, want %v", tt.name, got, tt.overlaps)
		}
		if got := tt.a.Covers(tt.b); got != tt.covers {
			t.Errorf("%s: a.Covers(b) = %v, want %v", tt.name, got, tt.covers)
		}
	}
}

func TestSpanLength(t *testing.T) {
	tests := []struct {
		span   Span
		length time.Duration
		empty  bool
	}{
		{minutes(0, 15), 15 * time.Minute, false},
		{minutes(5, 5), 0, true},
		{minutes(5, 0), 0, true},
		{Span{}, 0, true},
	}
	for _, tt := range tests {
		if got := tt.span.Length(); got != tt.length {
			t.Errorf("%v: length %v, want %v", tt.span, got, tt.length)
		}
		if got := tt.span.Empty(); got != tt.empty {
			t.Errorf("%v: empty %v, want %v", tt.span, got, tt.empty)
		}
	}
}

func TestMergeUnitesWhatTouches(t *testing.T) {
	tests := []struct {
		name     string
		in, want []Span
	}{
		{"none", nil, nil},
		{"apart stay apart, sorted", []Span{minutes(20, 30), minutes(0, 10)}, []Span{minutes(0, 10), minutes(20, 30)}},
		{"touching", []Span{minutes(10, 20), minutes(0, 10)}, []Span{minutes(0, 20)}},
		{"overlapping", []Span{minutes(0, 12), minutes(10, 20)}, []Span{minutes(0, 20)}},
		{"one inside another", []Span{minutes(0, 30), minutes(10, 20), minutes(30, 40)}, []Span{minutes(0, 40)}},
		{"repeated", []Span{minutes(0, 10), minutes(0, 10)}, []Span{minutes(0, 10)}},
		{"empty ones vanish", []Span{minutes(5, 5), minutes(0, 10), minutes(9, 3)}, []Span{minutes(0, 10)}},
		{"an empty one joins nothing", []Span{minutes(0, 10), minutes(12, 10), minutes(12, 20)}, []Span{minutes(0, 10), minutes(12, 20)}},
	}
	for _, tt := range tests {
		in := slices.Clone(tt.in)
		if got := Merge(in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Merge(%v) = %v, want %v", tt.name, tt.in, got, tt.want)
		}
		if !slices.Equal(in, tt.in) {
			t.Errorf("%s: Merge changed its argument to %v", tt.name, in)
		}
	}
}

func TestMergeKeepsTheTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Custom(func(t *rapid.T) Span {
			start := rapid.IntRange(0, 200).Draw(t, "start")
			return minutes(start, start+rapid.IntRange(-5, 40).Draw(t, "length"))
		})
		spans := rapid.SliceOfN(span, 0, 20).Draw(t, "spans")
		merged := Merge(spans)

		var covered [300]bool
		measure := time.Duration(0)
		for _, s := range spans {
			for m := s.Start; m.Before(s.End); m = m.Add(time.Minute) {
				if i := int(m.Sub(noon) / time.Minute); !covered[i] {
					covered[i] = true
					measure += time.Minute
				}
			}
		}
		for i, s := range merged {
			if s.Empty() || i > 0 && !merged[i-1].End.Before(s.Start) {
				t.Fatalf("Merge(%v) = %v: not ascending, apart and full", spans, merged)
			}
			for m := s.Start; m.Before(s.End); m = m.Add(time.Minute) {
				if !covered[int(m.Sub(noon)/time.Minute)] {
					t.Fatalf("Merge(%v) = %v: has %v", spans, merged, m)
				}
			}
			measure -= s.Length()
		}
		if measure != 0 {
			t.Fatalf("Merge(%v) = %v: %v lost", spans, merged, measure)
		}
		if again := Merge(merged); !slices.Equal(again, merged) {
			t.Fatalf("Merge(%v) = %v, want it unchanged", merged, again)
		}
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		order.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		if other := Merge(spans); !slices.Equal(other, merged) {
			t.Fatalf("Merge(%v) = %v in this order, %v in another", spans, other, merged)
		}
	})
}

func TestCells(t *testing.T) {
	at := func(sec, nsec int64) time.Time { return time.Unix(sec, nsec).UTC() }
	tests := []struct {
		name        string
		span        Span
		first, last int64
		aligned     bool
	}{
		{"one cell", Span{at(300, 0), at(600, 0)}, 1, 2, true},
		{"three cells", Span{at(600, 0), at(1500, 0)}, 2, 5, true},
		{"touched cells count", Span{at(599, 0), at(601, 0)}, 1, 3, false},
		{"part of a cell", Span{at(310, 0), at(320, 0)}, 1, 2, false},
		{"a nanosecond more", Span{at(300, 0), at(600, 1)}, 1, 3, false},
		{"a nanosecond late", Span{at(300, 1), at(600, 0)}, 1, 2, false},
		{"none", Span{at(310, 0), at(310, 0)}, 1, 1, false},
		{"turned around", Span{at(900, 0), at(300, 0)}, 3, 3, true},
		{"before 1970", Span{at(-301, 0), at(-1, 0)}, -2, 0, false},
		{"to 1970", Span{at(-300, 0), at(0, 0)}, -1, 0, true},
	}
	for _, tt := range tests {
		if first, last := Cells(tt.span); first != tt.first || last != tt.last {
			t.Errorf("%s: Cells = %d, %d, want %d, %d", tt.name, first, last, tt.first, tt.last)
		}
		if got := AlignedToCells(tt.span); got != tt.aligned {
			t.Errorf("%s: AlignedToCells = %v, want %v", tt.name, got, tt.aligned)
		}
	}
}
