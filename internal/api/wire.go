package api

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/calendar"
)

// The forms in which times are written. Their years are those that the calendar
// knows.
const (
	instantPattern = `^2[01]\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`
	datePattern    = `^2[01]\d\d-\d\d-\d\d$`
	timePattern    = `^(([01]\d|2[0-3]):[0-5]\d|24:00)$`
)

var (
	isInstant  = regexp.MustCompile(instantPattern)
	errInstant = errors.New("not an instant")
)

// parseInstant reads RFC 3339 with an offset, in the years 2000 to 2199 of UTC.
// What is finer than a microsecond is cut off.
func parseInstant(s string) (time.Time, error) {
	if !isInstant.MatchString(s) {
		return time.Time{}, errInstant
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	t = t.UTC().Truncate(time.Microsecond)
	if err != nil || t.Year() < 2000 || t.Year() > 2199 {
		return time.Time{}, errInstant
	}
	return t, nil
}

// Instant is a point in time: with any offset in, in UTC out. Its fraction of a
// second is written only when there is one.
type Instant struct{ time time.Time }

// UnmarshalText reads what parseInstant does.
func (i *Instant) UnmarshalText(b []byte) (err error) {
	i.time, err = parseInstant(string(b))
	return err
}

// MarshalText writes the instant as RFC 3339 with Z.
func (i Instant) MarshalText() ([]byte, error) {
	return i.time.UTC().AppendFormat(nil, time.RFC3339Nano), nil
}

// Schema describes an instant.
func (Instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date-time", Pattern: instantPattern,
		PatternDescription: "an RFC 3339 date-time with offset, of the years 2000 to 2199",
		Examples:           []any{"2027-08-13T08:00:00Z"},
	}
}

// instantOrNull returns nil for the zero time.
func instantOrNull(t time.Time) *Instant {
	if t.IsZero() {
		return nil
	}
	return &Instant{t}
}

// timeOf returns what is in i, if there is one.
func timeOf(i *Instant) *time.Time {
	if i == nil {
		return nil
	}
	return &i.time
}

// Date is a civil date, YYYY-MM-DD.
type Date struct{ date calendar.Date }

// UnmarshalText reads what calendar.ParseDate does.
func (d *Date) UnmarshalText(b []byte) (err error) {
	d.date, err = calendar.ParseDate(string(b))
	return err
}

// MarshalText writes the date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.date.String()), nil }

// Schema describes a date.
func (Date) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date", Pattern: datePattern,
		PatternDescription: "a date as YYYY-MM-DD, of the years 2000 to 2199",
		Examples:           []any{"2027-08-13"},
	}
}

// TimeOfDay is a time on a local clock, HH:MM, 24:00 included.
type TimeOfDay struct{ time calendar.TimeOfDay }

// UnmarshalText reads what calendar.ParseTime does.
func (t *TimeOfDay) UnmarshalText(b []byte) (err error) {
	t.time, err = calendar.ParseTime(string(b))
	return err
}

// MarshalText writes the time.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.time.String()), nil }

// Schema describes a time of day.
func (TimeOfDay) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Pattern: timePattern,
		PatternDescription: "a time of day as HH:MM, 00:00 to 24:00",
		Examples:           []any{"08:00"},
	}
}

// Clearable is a field of a change that may also be null, which clears it.
type Clearable[T any] struct {
	Given bool // the field is there
	Value T    // zero when it is null
}

// UnmarshalJSON reads a T or null.
func (c *Clearable[T]) UnmarshalJSON(b []byte) error {
	c.Given = true
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, &c.Value)
}

// Schema describes a T or null.
func (c Clearable[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}
