package etag

import (
	"errors"
	"testing"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		header Match
		check  error
		holds  bool
	}{
		{``, ErrMissing, false},
		{`*`, nil, true},
		{`"3"`, nil, true},
		{`"2"`, ErrStale, false},
		{`"2" , "3"`, nil, true},
		{`W/"3"`, ErrStale, true}, // a weak tag is good enough for a 304, not for a write
		{`3`, ErrStale, false},
		{`"33"`, ErrStale, false},
	}
	for _, tt := range tests {
		if err := tt.header.Check(Quote("3")); !errors.Is(err, tt.check) {
			t.Errorf("Match(%s).Check: error %v, want %v", tt.header, err, tt.check)
		}
		if got := tt.header.Holds(Quote("3")); got != tt.holds {
			t.Errorf("Match(%s).Holds = %v, want %v", tt.header, got, tt.holds)
		}
	}
}
