package notify

import (
	"testing"
	"time"

	"medbook/internal/calendar"
)

// In New York clocks went forward at 02:00 on 14 March 2027, and go back at 02:00
// on 7 November.
func TestQuietHoursEndOnTheUsersClock(t *testing.T) {
	tests := []struct {
		name          string
		from, to, now string
		want          string // empty: not quiet
	}{
		{"before they begin", "21:00", "08:00", "2027-03-13T20:59:59-05:00", ""},
		{"as they begin, over a night of eleven hours less one", "21:00", "08:00", "2027-03-13T21:00:00-05:00", "2027-03-14T08:00:00-04:00"},
		{"in the morning of that night", "21:00", "08:00", "2027-03-14T07:59:59-04:00", "2027-03-14T08:00:00-04:00"},
		{"as they end", "21:00", "08:00", "2027-03-14T08:00:00-04:00", ""},
		{"over a night with an hour more", "21:00", "08:00", "2027-11-06T23:00:00-04:00", "2027-11-07T08:00:00-05:00"},
		{"an end that clocks skip", "22:00", "02:30", "2027-03-14T01:59:00-05:00", "2027-03-14T03:00:00-04:00"},
		{"an end that comes twice", "22:00", "01:30", "2027-11-07T01:45:00-04:00", "2027-11-07T01:30:00-05:00"},
		{"a beginning that comes twice", "01:30", "08:00", "2027-11-07T01:30:00-04:00", "2027-11-07T08:00:00-05:00"},
		{"a beginning that clocks skip", "02:30", "08:00", "2027-03-14T03:00:00-04:00", "2027-03-14T08:00:00-04:00"},
		{"at noon", "12:00", "14:00", "2027-08-02T13:00:00-04:00", "2027-08-02T14:00:00-04:00"},
		{"until midnight", "21:00", "00:00", "2027-08-02T23:59:59-04:00", "2027-08-03T00:00:00-04:00"},
		{"until midnight, written otherwise", "21:00", "24:00", "2027-08-02T23:59:59-04:00", "2027-08-03T00:00:00-04:00"},
		{"after midnight", "21:00", "24:00", "2027-08-03T00:00:00-04:00", ""},
		{"from midnight", "24:00", "08:00", "2027-08-03T00:00:00-04:00", "2027-08-03T08:00:00-04:00"},
		{"all day", "00:00", "24:00", "2027-08-03T12:00:00-04:00", "2027-08-04T00:00:00-04:00"},
		{"never", "08:00", "08:00", "2027-08-03T08:00:00-04:00", ""},
		{"never, written otherwise", "24:00", "00:00", "2027-08-03T08:00:00-04:00", ""},
	}
	loc, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		from, err := calendar.ParseTime(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := calendar.ParseTime(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if until := quietUntil(now.UTC(), from, to, loc); !until.IsZero() {
			got = until.In(loc).Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s: from %s to %s, at %s: until %q, want %q", tt.name, tt.from, tt.to, tt.now, got, tt.want)
		}
	}
}
