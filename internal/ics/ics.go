// Package ics writes events as iCalendar text (RFC 5545), for calendar programs to
// take in: a file of one appointment, or a feed of many.
//
// It says what it is given and nothing else; no event has an alarm, an attendee or a
// description. Who calls it sees to it that a summary tells nothing of a person.
package ics

import (
	"strings"
	"time"
	"unicode"

	ical "github.com/arran4/golang-ical"
)

// Status is how sure an event is.
type Status string

// The statuses of events.
const (
	Tentative Status = "TENTATIVE"
	Confirmed Status = "CONFIRMED"
	Cancelled Status = "CANCELLED" // programs that know its UID take it out
)

// Event is one that happens once, during [Start, End), to the second.
//
// Calendar programs know it again by its UID, and take a version of it for newer by
// a greater Sequence, then by a later Stamp.
type Event struct {
	UID      string // the same for ever
	Sequence int64
	Stamp    time.Time // when it came to be as it is
	Start    time.Time
	End      time.Time
	Status   Status
	Summary  string // one line
	Location string // empty: not said
	URL      string // empty: none
}

// Type is the media type of what Calendar writes.
const Type = "text/calendar; charset=utf-8"

// Calendar writes a calendar of the events, in their order. The same events give the
// same bytes.
func Calendar(events ...Event) []byte {
	c := ical.NewCalendar()
	c.SetProductId("-//Medbook//Medbook//EN")
	c.SetCalscale("GREGORIAN")
	c.SetMethod(ical.MethodPublish)
	for _, e := range events {
		v := c.AddEvent(plain(e.UID))
		v.SetDtStampTime(e.Stamp)
		v.SetSequence(int(e.Sequence))
		v.SetStartAt(e.Start)
		v.SetEndAt(e.End)
		v.SetStatus(ical.ObjectStatus(e.Status))
		v.SetSummary(plain(e.Summary))
		if e.Location != "" {
			v.SetLocation(plain(e.Location))
		}
		if e.URL != "" {
			v.SetURL(plain(e.URL)) // which is not escaped: a line's end in it would begin another property
		}
	}
	return []byte(c.Serialize(ical.WithNewLineWindows))
}

// plain returns a text as one line of valid UTF-8. RFC 5545 has no way to write
// control characters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
