package calendar

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDateReadsOneSpelling(t *testing.T) {
	for text, want := range map[string]Date{
		"2027-08-13": {2027, time.August, 13},
		"2000-01-01": {2000, time.January, 1},
		"2199-12-31": {2199, time.December, 31},
		"2028-02-29": {2028, time.February, 29},
	} {
		got, err := ParseDate(text)
		if err != nil || got != want {
			t.Errorf("ParseDate(%q) = %v, %v, want %v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("ParseDate(%q).String() = %q", text, got)
		}
	}
	for _, text := range []string{
		"", "2027", "2027-8-13", "2027-08-1", "27-08-13", "02027-08-13", "2027-08-13 ", " 2027-08-13", "2027/08/13", "20270813",
		"2027-08-32", "2027-13-01", "2027-00-10", "2027-01-00", "2027-02-29", "1999-12-31", "2200-01-01", "0000-01-01", "+027-08-13",
		"2027-08-13T00:00:00Z", "2027-08-13.5", "２０２７-08-13", "-2027-08-13",
	} {
		if got, err := ParseDate(text); !errors.Is(err, ErrDate) || got != (Date{}) {
			t.Errorf("ParseDate(%q) = %v, %v, want %v", text, got, err, ErrDate)
		}
	}
}

func TestParseTimeReadsOneSpelling(t *testing.T) {
	for text, want := range map[string]TimeOfDay{"00:00": 0, "00:01": 1, "08:07": 487, "09:59": 599, "23:59": 1439, "24:00": EndOfDay} {
		got, err := ParseTime(text)
		if err != nil || got != want {
			t.Errorf("ParseTime(%q) = %d, %v, want %d", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("ParseTime(%q).String() = %q", text, got)
		}
	}
	for _, text := range []string{
		"", "8:00", "08:0", "08:000", "0800", "08.00", "24:01", "25:00", "08:60", "99:99", "-1:00", "+8:00", "08:-1", " 8:00", "08:00 ", "08:00:00", "ab:cd", "08:0０",
	} {
		if got, err := ParseTime(text); !errors.Is(err, ErrTime) || got != 0 {
			t.Errorf("ParseTime(%q) = %d, %v, want %v", text, got, err, ErrTime)
		}
	}
}

func TestWeekdaysAreASetInWeekOrder(t *testing.T) {
	tests := []struct {
		names, want []string
		days        []time.Weekday
	}{
		{[]string{"mon"}, []string{"mon"}, []time.Weekday{time.Monday}},
		{[]string{"sun"}, []string{"sun"}, []time.Weekday{time.Sunday}},
		{[]string{"sun", "wed", "mon", "wed"}, []string{"mon", "wed", "sun"}, []time.Weekday{time.Sunday, time.Monday, time.Wednesday}},
		{[]string{"sat", "fri", "thu", "tue"}, []string{"tue", "thu", "fri", "sat"}, []time.Weekday{time.Tuesday, time.Thursday, time.Friday, time.Saturday}},
	}
	for _, tt := range tests {
		w, err := ParseWeekdays(tt.names)
		if err != nil || !slices.Equal(w.Strings(), tt.want) {
			t.Errorf("ParseWeekdays(%q) = %q, %v, want %q", tt.names, w.Strings(), err, tt.want)
		}
		for day := time.Sunday; day <= time.Saturday; day++ {
			if got, want := w.Has(day), slices.Contains(tt.days, day); got != want {
				t.Errorf("%q: Has(%v) = %v, want %v", tt.names, day, got, want)
			}
		}
	}
	for _, names := range [][]string{nil, {}, {""}, {"Mon"}, {"monday"}, {"mon", "noday"}, {"mon "}, {"mon,tue"}} {
		if w, err := ParseWeekdays(names); !errors.Is(err, ErrWeekdays) || w != 0 {
			t.Errorf("ParseWeekdays(%q) = %v, %v, want %v", names, w, err, ErrWeekdays)
		}
	}
	if got := Weekdays(0).Strings(); got == nil || len(got) != 0 {
		t.Errorf("no days: Strings() = %#v, want an empty list", got)
	}
}

func TestErrorsDoNotRepeatTheText(t *testing.T) {
	const secret = "Ann-Marker"
	_, date := ParseDate(secret)
	_, tod := ParseTime(secret)
	_, days := ParseWeekdays([]string{secret})
	_, zone := Zone(secret)
	for _, err := range []error{date, tod, days, zone} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error %v, want one that does not name the text", err)
		}
	}
}

func TestDateArithmetic(t *testing.T) {
	d := Date{2027, time.August, 13}
	if got := d.Weekday(); got != time.Friday {
		t.Errorf("%v: weekday %v, want Friday", d, got)
	}
	if got, want := (Date{2027, time.December, 31}).AddDays(1), (Date{2028, time.January, 1}); got != want {
		t.Errorf("day after New Year's Eve: %v, want %v", got, want)
	}
	if !(Date{}).IsZero() || d.IsZero() {
		t.Errorf("IsZero: zero %v, %v %v", Date{}.IsZero(), d, d.IsZero())
	}
	rapid.Check(t, func(t *rapid.T) {
		from := Date{2000, time.January, 1}
		a := from.AddDays(rapid.IntRange(0, 73048).Draw(t, "a"))
		n := rapid.IntRange(-1000, 1000).Draw(t, "n")
		b := a.AddDays(n)
		if back := b.AddDays(-n); back != a {
			t.Fatalf("%v + %d - %d days = %v", a, n, n, back)
		}
		if want := sign(n); b.Compare(a) != want || a.Compare(b) != -want || b.Before(a) != (n < 0) {
			t.Fatalf("%v, %d days after %v: Compare %d, Before %v", b, n, a, b.Compare(a), b.Before(a))
		}
		if got, want := int(b.Weekday()), ((int(a.Weekday())+n)%7+7)%7; got != want {
			t.Fatalf("%v: weekday %d, want %d", b, got, want)
		}
		if got, err := ParseDate(a.String()); err != nil || got != a {
			t.Fatalf("ParseDate(%q) = %v, %v", a, got, err)
		}
	})
}

func sign(n int) int { return max(-1, min(1, n)) }

// A date is the one of the wall calendar, not that of UTC.
func TestDateInIsTheLocalDay(t *testing.T) {
	late := time.Date(2027, 8, 14, 3, 30, 0, 0, time.UTC) // 23:30 in New York
	for zone, want := range map[string]string{"America/New_York": "2027-08-13", "UTC": "2027-08-14", "Asia/Kathmandu": "2027-08-14"} {
		if got := DateIn(late, mustZone(t, zone)).String(); got != want {
			t.Errorf("%v in %s is on %s, want %s", late, zone, got, want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2027-08-13", "2028-02-29", "2027-02-29", "1999-12-31", "2200-01-01", "2027-8-13", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err == nil && (d.String() != s || d.Year < 2000 || d.Year > 2199) {
			t.Errorf("ParseDate(%q) = %v", s, d)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"00:00", "08:07", "23:59", "24:00", "24:01", "8:00", "08:60", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tod, err := ParseTime(s)
		if err == nil && (tod.String() != s || tod < 0 || tod > EndOfDay) {
			t.Errorf("ParseTime(%q) = %d", s, tod)
		}
	})
}

func FuzzParseWeekdays(f *testing.F) {
	for _, s := range []string{"mon", "sun,mon", "mon,mon", "Mon", "mon,", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names := strings.Split(s, ",")
		w, err := ParseWeekdays(names)
		if err != nil {
			return
		}
		again, err := ParseWeekdays(w.Strings())
		if err != nil || again != w {
			t.Errorf("ParseWeekdays(%q) = %q, read again %q, %v", names, w.Strings(), again.Strings(), err)
		}
		for _, name := range names {
			if !slices.Contains(w.Strings(), name) {
				t.Errorf("ParseWeekdays(%q) = %q: lacks %q", names, w.Strings(), name)
			}
		}
	})
}
