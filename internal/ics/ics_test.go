package ics_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ical "github.com/arran4/golang-ical"

	"medbook/internal/ics"
)

func event() ics.Event {
	zone := time.FixedZone("east", 5*3600+45*60)
	start := time.Date(2027, 3, 14, 12, 45, 0, 0, zone)
	return ics.Event{
		UID: "06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4", Sequence: 3, Stamp: time.Date(2027, 3, 13, 9, 30, 1, 999, time.UTC),
		Start: start, End: start.Add(15 * time.Minute), Status: ics.Confirmed, Summary: "Appointment at Harbour Clinic",
	}
}

// TestTheTextOfAnEvent holds it to RFC 5545, byte for byte.
func TestTheTextOfAnEvent(t *testing.T) {
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Medbook//Medbook//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
BEGIN:VEVENT
UID:06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4
DTSTAMP:20270313T093001Z
SEQUENCE:3
DTSTART:20270314T070000Z
DTEND:20270314T071500Z
STATUS:CONFIRMED
SUMMARY:Appointment at Harbour Clinic
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	if got := string(ics.Calendar(event())); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// unfolded reads lines as RFC 5545 says, 3.1, and sees that none is too long, cut
// within a character, or ended otherwise.
func unfolded(t *testing.T, text []byte) (lines []string) {
	t.Helper()
	if !bytes.HasSuffix(text, []byte("\r\n")) || bytes.Count(text, []byte("\n")) != bytes.Count(text, []byte("\r\n")) || bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) {
		t.Errorf("a line does not end with CRLF: %q", text)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) {
			t.Errorf("%d octets, want at most 75, and whole characters: %q", len(line), line)
		}
		if rest, folded := strings.CutPrefix(line, " "); folded && len(lines) > 0 {
			lines[len(lines)-1] += rest
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

// TestTextsAreFoldedAndEscaped writes difficult texts, and reads them by hand and
// with the library.
func TestTextsAreFoldedAndEscaped(t *testing.T) {
	long := strings.Repeat("é", 100)
	for _, tt := range []struct{ name, text, line, read string }{
		{"plain", "Appointment", "Appointment", "Appointment"},
		{"with what has a meaning", `Lee, Grey; Sons \ Co: "x"`, `Lee\, Grey\; Sons \\ Co: "x"`, `Lee, Grey; Sons \ Co: "x"`},
		{"with a backslash before an n", `a\nb`, `a\\nb`, `a\nb`},
		{"long, of two octets each", long, long, long},
		{"long, of words", strings.Repeat("word ", 60) + "end", strings.Repeat("word ", 60) + "end", strings.Repeat("word ", 60) + "end"},
		{"long, of four octets each", strings.Repeat("🩺", 70), strings.Repeat("🩺", 70), strings.Repeat("🩺", 70)},
		{"with the end of a line", "a\r\nSTATUS:CANCELLED\nx", "a  STATUS:CANCELLED x", "a  STATUS:CANCELLED x"},
		{"with what can't be written", "a\x00b\x1bc\xff", "a b c\uFFFD", "a b c\uFFFD"},
	} {
		e := event()
		e.Summary, e.Location = tt.text, tt.text
		text := ics.Calendar(e)
		lines := unfolded(t, text)
		for _, want := range []string{"SUMMARY:" + tt.line, "LOCATION:" + tt.line} {
			if !slices.Contains(lines, want) {
				t.Errorf("%s: got %q, want the line %q", tt.name, lines, want)
			}
		}
		read, err := ical.ParseCalendar(bytes.NewReader(text))
		if err != nil || len(read.Events()) != 1 {
			t.Fatalf("%s: can't be read: %v", tt.name, err)
		}
		if got := read.Events()[0].GetProperty(ical.ComponentPropertySummary).Value; got != tt.read {
			t.Errorf("%s: read %q, want %q", tt.name, got, tt.read)
		}
	}
}

// TestAnAddressCanNotBeginAProperty is about a value that is not escaped.
func TestAnAddressCanNotBeginAProperty(t *testing.T) {
	e := event()
	e.URL = "https://clinic.example/visit?a=1,2;b\r\nATTENDEE:mailto:x@example.org"
	lines := unfolded(t, ics.Calendar(e))
	if !slices.Contains(lines, "URL:https://clinic.example/visit?a=1,2;b  ATTENDEE:mailto:x@example.org") {
		t.Errorf("got %q", lines)
	}
}

// TestACalendarOfMany is read back with the library: each event, in order.
func TestACalendarOfMany(t *testing.T) {
	var events []ics.Event
	for i, status := range []ics.Status{ics.Tentative, ics.Confirmed, ics.Cancelled} {
		e := event()
		e.UID += string(rune('a' + i))
		e.Sequence, e.Status, e.Start = int64(i), status, e.Start.AddDate(0, 0, i)
		events = append(events, e)
	}
	read, err := ical.ParseCalendar(bytes.NewReader(ics.Calendar(events...)))
	if err != nil || len(read.Events()) != len(events) {
		t.Fatalf("read %v, %v", read, err)
	}
	for i, got := range read.Events() {
		want := events[i]
		start, err := got.GetStartAt()
		if err != nil || !start.Equal(want.Start) || got.Id() != want.UID || got.GetProperty(ical.ComponentPropertyStatus).Value != string(want.Status) {
			t.Errorf("read %v at %v, want %v", got, start, want)
		}
	}
	if lines := unfolded(t, ics.Calendar()); len(lines) != 6 {
		t.Errorf("of none: %q", lines)
	}
}
