package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"medbook/internal/calendar"
)

// format is how a language writes dates and times.
type format struct {
	weekdays, short [7]string // from Sunday
	months          [12]string
	date            func(f format, y int, m time.Month, d int) string
	day             func(f format, m time.Month, d int) string // without the year
	hours12         bool
	first           time.Weekday // of the week
	thousands       string
	decimal         string
}

// formats by language. Regions differ in of.
var formats = map[string]format{
	"en": {
		weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		short:    [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
		months:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		date: func(f format, y int, m time.Month, d int) string {
			return fmt.Sprintf("%d %s %d", d, f.months[m-1], y)
		},
		day:     func(f format, m time.Month, d int) string { return fmt.Sprintf("%d %s", d, f.months[m-1]) },
		hours12: true, first: time.Monday, thousands: ",", decimal: ".",
	},
	"de": {
		weekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		short:    [7]string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
		months:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		date: func(f format, y int, m time.Month, d int) string {
			return fmt.Sprintf("%d. %s %d", d, f.months[m-1], y)
		},
		day:   func(f format, m time.Month, d int) string { return fmt.Sprintf("%d. %s", d, f.months[m-1]) },
		first: time.Monday, thousands: ".", decimal: ",",
	},
}

// of is the format as a region writes it.
func (f format) of(tag language.Tag) format {
	region, sure := tag.Region()
	if sure < language.Exact {
		return f
	}
	switch region.String() {
	case "US":
		f.first = time.Sunday
		f.date = func(f format, y int, m time.Month, d int) string {
			return fmt.Sprintf("%s %d, %d", f.months[m-1], d, y)
		}
		f.day = func(f format, m time.Month, d int) string { return fmt.Sprintf("%s %d", f.months[m-1], d) }
	case "GB", "IE":
		f.hours12 = false
	}
	return f
}

// FirstDay is the weekday that a week begins with.
func (w *Words) FirstDay() time.Weekday { return w.format.first }

// Weekday is the name of a day of the week.
func (w *Words) Weekday(d time.Weekday) string { return w.mark(w.format.weekdays[d]) }

// ShortWeekday is its abbreviation, to stand where the whole name is near.
func (w *Words) ShortWeekday(d time.Weekday) string { return w.mark(w.format.short[d]) }

// Month is the name of a month.
func (w *Words) Month(m time.Month) string { return w.mark(w.format.months[m-1]) }

// mark puts what is not of the catalogue into the languages for tests.
func (w *Words) mark(text string) string {
	if w.pseudo != nil {
		return w.pseudo(text)
	}
	return text
}

// Date writes a day in full: "Monday 2 January 2027".
func (w *Words) Date(d calendar.Date) string {
	weekday := w.format.weekdays[d.Weekday()]
	if w.Language == "de" || w.format.first == time.Sunday {
		weekday += ","
	}
	return w.mark(weekday + " " + w.format.date(w.format, d.Year, d.Month, d.Day))
}

// ShortDate writes a day without its weekday: "2 January 2027".
func (w *Words) ShortDate(d calendar.Date) string {
	return w.mark(w.format.date(w.format, d.Year, d.Month, d.Day))
}

// DayAndMonth writes a day without weekday and year: "2 January".
func (w *Words) DayAndMonth(d calendar.Date) string {
	return w.mark(w.format.day(w.format, d.Month, d.Day))
}

// DateIn writes the day of an instant where loc is.
func (w *Words) DateIn(t time.Time, loc *time.Location) string {
	return w.Date(calendar.DateIn(t, loc))
}

// Time writes the time of day of an instant where loc is: "3:30 pm", "15:30". Of
// an hour that comes twice when clocks go back it says which one is meant.
func (w *Words) Time(t time.Time, loc *time.Location) string {
	text := w.clock(t.In(loc))
	switch repeated(t, loc) {
	case 1:
		return w.Say("time.first", "Time", text)
	case 2:
		return w.Say("time.second", "Time", text)
	}
	return text
}

func (w *Words) clock(local time.Time) string {
	if w.format.hours12 {
		return strings.ToLower(local.Format("3:04 PM"))
	}
	return local.Format("15:04")
}

// repeated is 1 for an instant whose local time comes once more, 2 for one whose
// local time was there before, 0 for all others.
func repeated(t time.Time, loc *time.Location) int {
	local := t.In(loc).Format("2006-01-02T15:04")
	for _, shift := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		switch local {
		case t.Add(shift).In(loc).Format("2006-01-02T15:04"):
			return 1
		case t.Add(-shift).In(loc).Format("2006-01-02T15:04"):
			return 2
		}
	}
	return 0
}

// Times writes a stretch of a day: "3:30 pm to 3:45 pm".
func (w *Words) Times(from, to time.Time, loc *time.Location) string {
	return w.Say("time.stretch", "From", w.Time(from, loc), "To", w.Time(to, loc))
}

// Moment writes an instant in full, with the zone in words: "Monday 2 January 2027,
// 3:30 pm, New York time".
func (w *Words) Moment(t time.Time, loc *time.Location) string {
	return w.Say("time.moment", "Date", w.DateIn(t, loc), "Time", w.Time(t, loc), "Zone", w.ZoneName(t, loc))
}

// Stamp writes an instant short and exact, for tables: "2 January 2027, 15:30:05".
func (w *Words) Stamp(t time.Time, loc *time.Location) string {
	return w.ShortDate(calendar.DateIn(t, loc)) + ", " + t.In(loc).Format("15:04:05")
}

// ZoneName writes a zone: "New York time (UTC-5)".
func (w *Words) ZoneName(t time.Time, loc *time.Location) string {
	name := loc.String()
	if name == "UTC" || name == "Etc/UTC" {
		return "UTC"
	}
	city := strings.ReplaceAll(name[strings.LastIndex(name, "/")+1:], "_", " ")
	return w.Say("time.zone", "City", city, "Offset", offset(t.In(loc)))
}

func offset(local time.Time) string {
	_, seconds := local.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	text := sign + strconv.Itoa(seconds/3600)
	if m := seconds / 60 % 60; m != 0 {
		text += fmt.Sprintf(":%02d", m)
	}
	return text
}

// Duration writes a length of time in the two largest units that it has.
func (w *Words) Duration(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	var parts []string
	for _, p := range []struct {
		n   int
		key string
	}{{days, "time.days"}, {hours, "time.hours"}, {minutes, "time.minutes"}} {
		if p.n > 0 {
			parts = append(parts, w.Count(p.key, p.n))
		}
	}
	switch len(parts) {
	case 0:
		return w.Count("time.minutes", 0)
	case 1:
		return parts[0]
	}
	return w.Say("time.both", "A", parts[0], "B", parts[1])
}

// Number writes a whole number.
func (w *Words) Number(n int) string {
	digits, sign := strconv.Itoa(n), ""
	if n < 0 {
		digits, sign = digits[1:], "−"
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + w.format.thousands + digits[i:]
	}
	return sign + digits
}

// Percent writes a share of 1 to whole percents.
func (w *Words) Percent(share float64) string {
	text := strconv.Itoa(int(share*100 + .5))
	if w.Language == "de" {
		return text + " %" // a narrow space, that does not break
	}
	return text + "%"
}
