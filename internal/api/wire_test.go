package api

import (
	"encoding/json"
	"testing"
	"time"
)

func TestInstants(t *testing.T) {
	for text, want := range map[string]string{
		"2027-03-14T02:30:00Z":            "2027-03-14T02:30:00Z",
		"2027-03-14T02:30:00+05:45":       "2027-03-13T20:45:00Z",
		"2027-03-14T02:30:00-00:00":       "2027-03-14T02:30:00Z",
		"2027-03-14T02:30:00.5Z":          "2027-03-14T02:30:00.5Z",
		"2027-03-14T02:30:00.123456Z":     "2027-03-14T02:30:00.123456Z",
		"2027-03-14T02:30:00.123456999Z":  "2027-03-14T02:30:00.123456Z",
		"2000-01-01T00:00:00Z":            "2000-01-01T00:00:00Z",
		"2199-12-31T23:59:59.999999Z":     "2199-12-31T23:59:59.999999Z",
		"2000-01-01T00:59:59+01:00":       "", // 1999 in UTC
		"2199-12-31T23:30:00-01:00":       "", // 2200 in UTC
		"1999-12-31T23:59:59Z":            "",
		"2200-01-01T00:00:00Z":            "",
		"2027-03-14T02:30:00":             "",
		"2027-03-14 02:30:00Z":            "",
		"2027-03-14T02:30Z":               "",
		"2027-03-14t02:30:00z":            "",
		"2027-03-14T02:30:00,5Z":          "",
		"2027-03-14T02:30:00.1234567890Z": "",
		"2027-03-14T24:00:00Z":            "",
		"2027-03-14T23:59:60Z":            "",
		"2027-02-29T00:00:00Z":            "",
		"2027-03-14T02:30:00+24:00":       "",
		"2027-03-14T02:30:00+0100":        "",
		"2027-3-14T02:30:00Z":             "",
		" 2027-03-14T02:30:00Z":           "",
		"２０２７-03-14T02:30:00Z":            "",
		"1803650400":                      "",
		"":                                "",
	} {
		var i Instant
		err := i.UnmarshalText([]byte(text))
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for %v", text, i.time)
			}
			continue
		}
		got, _ := json.Marshal(i)
		if err != nil || string(got) != `"`+want+`"` {
			t.Errorf("%q = %s, error %v, want %s", text, got, err, want)
		}
	}
}

func FuzzInstant(f *testing.F) {
	f.Add("2027-03-14T02:30:00Z")
	f.Add("2027-03-14T02:30:00.123456-12:45")
	f.Add("2199-12-31T23:59:59.999999999+23:59")
	f.Add("2027-02-29T24:61:60,1z")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseInstant(text)
		if err != nil {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || !got.Equal(want.Truncate(time.Microsecond)) || got.Location() != time.UTC || got.Year() < 2000 || got.Year() > 2199 {
			t.Fatalf("parseInstant(%q) = %v; time.Parse = %v, %v", text, got, want, err)
		}
		b, err := Instant{got}.MarshalText()
		if again, err2 := parseInstant(string(b)); err != nil || err2 != nil || !again.Equal(got) {
			t.Fatalf("%q is written as %q, which is read as %v (%v, %v)", text, b, again, err, err2)
		}
	})
}

func FuzzDateAndTimeOfDay(f *testing.F) {
	f.Add("2027-03-14")
	f.Add("24:00")
	f.Add("08:60")
	f.Add("2027-02-29")
	f.Fuzz(func(t *testing.T, text string) {
		var d Date
		if d.UnmarshalText([]byte(text)) == nil {
			if b, _ := d.MarshalText(); string(b) != text {
				t.Errorf("date %q is written as %q", text, b)
			}
		}
		var at TimeOfDay
		if at.UnmarshalText([]byte(text)) == nil {
			if b, _ := at.MarshalText(); string(b) != text {
				t.Errorf("time %q is written as %q", text, b)
			}
		}
	})
}

// TestTextForms shows that the patterns of the document and the parsers agree
// on what a date and a time of day are.
func TestTextForms(t *testing.T) {
	for _, tt := range []struct {
		text       string
		date, time bool
	}{
		{"2027-03-14", true, false},
		{"2000-01-01", true, false},
		{"2199-12-31", true, false},
		{"1999-12-31", false, false},
		{"2200-01-01", false, false},
		{"2027-02-29", false, false},
		{"2027-3-14", false, false},
		{"00:00", false, true},
		{"23:59", false, true},
		{"24:00", false, true},
		{"24:01", false, false},
		{"8:00", false, false},
		{"08:00:00", false, false},
	} {
		var d Date
		var at TimeOfDay
		if got := d.UnmarshalText([]byte(tt.text)) == nil; got != tt.date {
			t.Errorf("%q is a date: %v, want %v", tt.text, got, tt.date)
		}
		if got := at.UnmarshalText([]byte(tt.text)) == nil; got != tt.time {
			t.Errorf("%q is a time of day: %v, want %v", tt.text, got, tt.time)
		}
	}
}
