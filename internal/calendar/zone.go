package calendar

import (
	_ "embed"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// zoneNames has the name of every zone and link of the tz database, one a line.
// What time.LoadLocation accepts is more, and not the same on every machine: it
// opens files, so that it also finds "Local", "posix/Europe/Berlin",
// "./Europe/Berlin" and, on some disks, "europe/berlin".
//
//go:generate sh -c "unzip -Z1 $(go env GOROOT)/lib/time/zoneinfo.zip | grep -v '/$' | LC_ALL=C sort > zones.txt"
//go:embed zones.txt
var zoneNames string

// zones keeps each zone that was asked for, by name: to load one reads a file.
var zones sync.Map

// Zone returns the zone with that name in the IANA database, spelled exactly so.
// It returns ErrZone for any other text, "" and "Local" included.
func Zone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if !knownZone(name) {
		return nil, ErrZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrZone
	}
	zones.Store(name, loc)
	return loc, nil
}

// regions are the first parts of the names of zones in which people live.
var regions = []string{"Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"}

// Zones lists the names of zones to choose from: those of places, and UTC. Zone
// knows more, which are older names or no places.
func Zones() []string {
	names := []string{"UTC"}
	for line := range strings.Lines(zoneNames) {
		name := strings.TrimSuffix(line, "\n")
		if slices.ContainsFunc(regions, func(r string) bool { return strings.HasPrefix(name, r) }) {
			names = append(names, name)
		}
	}
	return names
}

func knownZone(name string) bool {
	for line := range strings.Lines(zoneNames) {
		if strings.TrimSuffix(line, "\n") == name {
			return true
		}
	}
	return false
}

// Day returns the instants of a civil day: from the first at which clocks in loc
// show d or a later date to the first at which they show a date after d. That is
// 23, 24 or 25 hours, or another length; a day that a zone skipped is empty. The
// days of a zone follow each other without gap or overlap.
func Day(d Date, loc *time.Location) Span {
	c := clock{loc: loc}
	return c.day(d.midnight())
}

// Local returns the stretch of day d from one time of clocks in loc to another.
//
// A time in a gap is the instant the gap ends. Of a time that clocks show twice,
// from is the first and to the second. A to of 00:00 or 24:00 is the end of the
// day; with any other to that is not after from, there is no stretch: false. A
// stretch that lies in a gap is empty.
func Local(d Date, from, to TimeOfDay, loc *time.Location) (Span, bool) {
	c := clock{loc: loc}
	return c.local(d.midnight(), from, to)
}

// clock reads local clocks in loc. It remembers the stretch of constant offset
// that it last looked at, since the next question is mostly about the same.
//
// Below, a reading is what clocks show, as the Unix time at which clocks in UTC
// show it: a reading is an instant plus the offset.
type clock struct {
	loc        *time.Location
	start, end int64 // instants; the offset holds from start up to but not including end
	offset     int64 // seconds east of UTC
}

// reach is more than any offset from UTC, so that a reading r occurs, if it
// does, between the instants r-reach and r+reach.
const reach = 24 * 60 * 60

// seek makes c hold the offset at an instant. The stretch may end before the
// offset really changes, never after.
func (c *clock) seek(at int64) {
	if c.start <= at && at < c.end {
		return
	}
	t := time.Unix(at, 0).In(c.loc)
	_, offset := t.Zone()
	_, end := t.ZoneBounds()
	c.start, c.end, c.offset = at, math.MaxInt64, int64(offset)
	if !end.IsZero() {
		c.end = end.Unix()
	}
	if c.end <= at {
		// Beyond the table of a zone, ZoneBounds ends each year after 365 days,
		// so that the bound lies behind us on the last day of a leap year.
		c.end = floor(at, daySeconds) + daySeconds
	}
}

// first returns the first instant at which clocks show the reading or a later one.
func (c *clock) first(reading int64) int64 {
	for c.seek(reading - reach); ; c.seek(c.end) {
		if at := reading - c.offset; at < c.end {
			return max(at, c.start)
		}
	}
}

// last returns the last instant at which clocks show the reading; if they skip
// it, the instant at which they do.
func (c *clock) last(reading int64) (last int64) {
	for c.seek(reading - reach); ; c.seek(c.end) {
		if at := reading - c.offset; at >= c.start {
			last = min(at, c.end)
		}
		if c.end > reading+reach {
			return last
		}
	}
}

func (c *clock) day(midnight int64) Span {
	return spanOf(c.first(midnight), c.first(midnight+daySeconds))
}

func (c *clock) local(midnight int64, from, to TimeOfDay) (Span, bool) {
	if from < 0 || from >= EndOfDay || to > EndOfDay || to != 0 && to <= from {
		return Span{}, false
	}
	start := c.first(midnight + int64(from)*60)
	if to == 0 || to == EndOfDay {
		return spanOf(start, c.first(midnight+daySeconds)), true
	}
	return spanOf(start, c.last(midnight+int64(to)*60)), true
}
