package calendar

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What the parsers answer to text that is not theirs. None of them repeats it.
var (
	ErrDate     = errors.New("calendar: not a date between 2000-01-01 and 2199-12-31 as YYYY-MM-DD")
	ErrTime     = errors.New("calendar: not a time of day between 00:00 and 24:00 as HH:MM")
	ErrWeekdays = errors.New("calendar: not a list of mon, tue, wed, thu, fri, sat, sun")
	ErrZone     = errors.New("calendar: not a time zone of the IANA database")
)

// Date is a day of the Gregorian calendar, in no zone. The zero Date is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads "2027-08-13", and nothing that is written otherwise. It
// returns ErrDate for other text and for years outside 2000 to 2199.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 2000 || t.Year() > 2199 {
		return Date{}, ErrDate
	}
	return dateOf(t), nil
}

// DateIn returns the day that a calendar on the wall in loc shows at t.
func DateIn(t time.Time, loc *time.Location) Date { return dateOf(t.In(loc)) }

func dateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// String returns the date as YYYY-MM-DD.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// IsZero reports whether d is the zero Date, which stands for none.
func (d Date) IsZero() bool { return d == Date{} }

// AddDays returns the date n days after d, or before it when n is negative.
func (d Date) AddDays(n int) Date {
	return dateOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC))
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return weekday(d.midnight()) }

// Before reports whether d is earlier than o.
func (d Date) Before(o Date) bool { return d.Compare(o) < 0 }

// Compare returns -1 when d is before o, 0 when they are the same, 1 when it is after.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

// midnight is 00:00 of d as a reading of local clocks: the Unix seconds at which
// clocks in UTC show it.
func (d Date) midnight() int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix()
}

func weekday(midnight int64) time.Weekday { return time.Unix(midnight, 0).UTC().Weekday() }

// TimeOfDay is what a clock shows, in minutes after midnight: 0 to EndOfDay.
type TimeOfDay int

// EndOfDay is 24:00.
const EndOfDay TimeOfDay = 24 * 60

// ParseTime reads "00:00" to "24:00", always two digits and two. It returns
// ErrTime for other text.
func ParseTime(s string) (TimeOfDay, error) {
	if len(s) != len("HH:MM") || s[2] != ':' {
		return 0, ErrTime
	}
	for _, i := range [...]int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, ErrTime
		}
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	t := TimeOfDay(hour*60 + minute)
	if minute > 59 || t > EndOfDay {
		return 0, ErrTime
	}
	return t, nil
}

// String returns the time as HH:MM.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t/60, t%60) }

// Weekdays is a set of days of the week. The zero value has none.
type Weekdays uint8

// week has the names of the days in the order of the week, which begins on Monday.
var week = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseWeekdays reads names of days as "mon"; one that comes twice counts once. It
// returns ErrWeekdays for any other name and for no names at all.
func ParseWeekdays(names []string) (Weekdays, error) {
	var w Weekdays
	for _, name := range names {
		i := slices.Index(week[:], name)
		if i < 0 {
			return 0, ErrWeekdays
		}
		w |= 1 << i
	}
	if w == 0 {
		return 0, ErrWeekdays
	}
	return w, nil
}

// Strings returns the names of the days, Monday first.
func (w Weekdays) Strings() []string {
	names := make([]string, 0, len(week))
	for i, name := range week {
		if w&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether day is in the set.
func (w Weekdays) Has(day time.Weekday) bool {
	return w&(1<<((day+6)%7)) != 0 // a time.Weekday begins on Sunday
}
