package calendar

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestZoneTakesIANANamesOnly(t *testing.T) {
	for _, name := range []string{
		"UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Argentina/ComodRivadavia", "America/Port-au-Prince",
		"Etc/GMT+5", "EST5EDT", "GMT-0", "W-SU", "Africa/Abidjan", "Zulu",
	} {
		for range 2 { // loaded, remembered
			if loc, err := Zone(name); err != nil || loc.String() != name {
				t.Errorf("Zone(%q) = %v, %v", name, loc, err)
			}
		}
	}
	for _, name := range []string{
		"", " ", "\n", "Local", "local", "localtime", "posixrules", "utc", "america/new_york", "AMERICA/NEW_YORK", "America/new_york",
		"America/New York", " UTC", "UTC ", "UTC\n", "UTC\x00", "Africa/Abidjan\nAfrica/Accra", "America", "America/", "/America/New_York", "//UTC",
		"/usr/share/zoneinfo/UTC", "./UTC", "../UTC", "America/../UTC", "America/./New_York", "America//New_York", `America\New_York`, "C:\\UTC",
		"posix/America/New_York", "right/America/New_York", "zone.tab", "tzdata.zi", "+05:45", "UTC+1", "EST5EDT,M3.2.0,M11.1.0", "Nowhere/Land",
	} {
		if loc, err := Zone(name); !errors.Is(err, ErrZone) || loc != nil {
			t.Errorf("Zone(%q) = %v, %v, want %v", name, loc, err, ErrZone)
		}
	}
}

func TestEveryListedZoneLoads(t *testing.T) {
	if !slices.IsSorted(allZones) || len(allZones) < 590 {
		t.Fatalf("zones.txt has %d names, sorted %v; go generate makes it", len(allZones), slices.IsSorted(allZones))
	}
	for _, name := range allZones {
		if loc := mustZone(t, name); loc.String() != name {
			t.Errorf("Zone(%q) is %v", name, loc)
		}
	}
}

func FuzzZone(f *testing.F) {
	for _, s := range []string{"UTC", "America/New_York", "Local", "", "../UTC", "/UTC", "posix/UTC", "America/./New_York", "utc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		loc, err := Zone(s)
		if (err == nil) != slices.Contains(allZones, s) {
			t.Errorf("Zone(%q) = %v, %v", s, loc, err)
		}
		if err == nil && loc.String() != s {
			t.Errorf("Zone(%q) is %v", s, loc)
		}
	})
}

// Claims are taken in cells of UTC: a zone whose clocks do not show a multiple
// of five minutes at their edges would put slots between them.
func TestEveryOffsetIsWholeCells(t *testing.T) {
	for _, name := range allZones {
		loc := mustZone(t, name)
		for day := (Date{2000, 1, 1}).midnight(); day < (Date{2060, 1, 1}).midnight(); day += 10 * daySeconds {
			if _, offset := time.Unix(day, 0).In(loc).Zone(); int64(offset)%cellSeconds != 0 {
				t.Errorf("%s: offset %d s at %v", name, offset, time.Unix(day, 0).UTC())
				break
			}
		}
	}
}

func TestDayIsAsLongAsItIs(t *testing.T) {
	tests := []struct {
		zone, date, start string
		length            time.Duration
	}{
		{"UTC", "2027-08-13", "2027-08-13T00:00:00Z", 24 * time.Hour},
		{"America/New_York", "2027-08-13", "2027-08-13T04:00:00Z", 24 * time.Hour},
		{"America/New_York", "2027-03-14", "2027-03-14T05:00:00Z", 23 * time.Hour},
		{"America/New_York", "2027-11-07", "2027-11-07T04:00:00Z", 25 * time.Hour},
		{"Asia/Kathmandu", "2027-08-13", "2027-08-12T18:15:00Z", 24 * time.Hour},
		{"Australia/Lord_Howe", "2027-04-04", "2027-04-03T13:00:00Z", 24*time.Hour + 30*time.Minute},
		{"Australia/Lord_Howe", "2027-10-03", "2027-10-02T13:30:00Z", 23*time.Hour + 30*time.Minute},
		{"Antarctica/Troll", "2027-03-28", "2027-03-28T00:00:00Z", 22 * time.Hour},
		{"America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00:00Z", 24 * time.Hour},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23 * time.Hour}, // begins at 01:00
		{"Asia/Beirut", "2027-03-28", "2027-03-27T22:00:00Z", 23 * time.Hour},       // begins at 01:00
		{"Asia/Beirut", "2027-10-30", "2027-10-29T21:00:00Z", 25 * time.Hour},       // its last hour comes twice
		{"Africa/Cairo", "2027-04-30", "2027-04-29T22:00:00Z", 23 * time.Hour},
		{"Africa/Cairo", "2027-10-28", "2027-10-27T21:00:00Z", 25 * time.Hour},
		{"America/Havana", "2027-11-07", "2027-11-07T04:00:00Z", 25 * time.Hour}, // its first hour comes twice
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24 * time.Hour},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0}, // there was no such day
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24 * time.Hour},
		// 00:01 on the 7th was followed by 23:01 on the 6th: that hour is counted to the day that had begun.
		{"America/St_Johns", "2010-11-06", "2010-11-06T02:30:00Z", 24 * time.Hour},
		{"America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", 25 * time.Hour},
	}
	for _, tt := range tests {
		s := Day(mustDate(t, tt.date), mustZone(t, tt.zone))
		if got := s.Start.Format(time.RFC3339); got != tt.start || s.Length() != tt.length {
			t.Errorf("%s in %s: %v from %s, want %v from %s", tt.date, tt.zone, s.Length(), got, tt.length, tt.start)
		}
	}
}

// 2040 lies beyond the tables of the database, where the rule in a zone's footer holds, and is a leap year.
func TestDaysOfEveryZoneFollowEachOther(t *testing.T) {
	for _, name := range allZones {
		loc := mustZone(t, name)
		for _, year := range []int{2027, 2040} {
			date := Date{year - 1, time.December, 30}
			for end := Day(date, loc).Start; date.Year <= year; date = date.AddDays(1) {
				s := Day(date, loc)
				if s.Start != end || s.Length() < 20*time.Hour || s.Length() > 28*time.Hour {
					t.Fatalf("%s: %v is %v, the day before ends at %v", name, date, s, end)
				}
				if first, last := DateIn(s.Start, loc), DateIn(s.End.Add(-1), loc); first != date || last != date {
					t.Fatalf("%s: %v is %v, clocks show %v to %v", name, date, s, first, last)
				}
				end = s.End
			}
		}
	}
}

func TestLocalTimesInGapsAndRepeatedHours(t *testing.T) {
	tests := []struct {
		name, zone, stretch, start string
		length                     time.Duration
	}{
		{"ordinary", "America/New_York", "2027-08-13 08:00-15:00", "2027-08-13T12:00:00Z", 7 * time.Hour},
		{"over a gap", "America/New_York", "2027-03-14 01:00-04:00", "2027-03-14T06:00:00Z", 2 * time.Hour},
		{"from inside a gap", "America/New_York", "2027-03-14 02:20-03:30", "2027-03-14T07:00:00Z", 30 * time.Minute},
		{"to inside a gap", "America/New_York", "2027-03-14 01:00-02:20", "2027-03-14T06:00:00Z", time.Hour},
		{"wholly inside a gap", "America/New_York", "2027-03-14 02:10-02:50", "2027-03-14T07:00:00Z", 0},
		{"the gap itself", "America/New_York", "2027-03-14 02:00-03:00", "2027-03-14T07:00:00Z", 0},
		{"over a repeated hour", "America/New_York", "2027-11-07 00:00-03:00", "2027-11-07T04:00:00Z", 4 * time.Hour},
		{"inside a repeated hour", "America/New_York", "2027-11-07 01:15-01:45", "2027-11-07T05:15:00Z", 90 * time.Minute},
		{"to the start of a repeated hour", "America/New_York", "2027-11-07 00:00-01:00", "2027-11-07T04:00:00Z", 2 * time.Hour},
		{"from after a repeated hour", "America/New_York", "2027-11-07 02:00-03:00", "2027-11-07T07:00:00Z", time.Hour},
		{"half an hour skipped", "Australia/Lord_Howe", "2027-10-03 01:30-02:45", "2027-10-02T15:00:00Z", 45 * time.Minute},
		{"half an hour repeated", "Australia/Lord_Howe", "2027-04-04 01:00-02:00", "2027-04-03T14:00:00Z", 90 * time.Minute},
		{"a day without midnight", "America/Sao_Paulo", "2018-11-04 00:00-02:00", "2018-11-04T03:00:00Z", time.Hour},
		{"to 24:00 before a day without midnight", "America/Sao_Paulo", "2018-11-03 20:00-24:00", "2018-11-03T23:00:00Z", 4 * time.Hour},
		{"to 24:00 of a short day", "America/New_York", "2027-03-14 00:00-24:00", "2027-03-14T05:00:00Z", 23 * time.Hour},
		{"to 00:00 is to 24:00", "America/New_York", "2027-03-14 00:00-00:00", "2027-03-14T05:00:00Z", 23 * time.Hour},
		{"to 24:00 of a long day", "America/New_York", "2027-11-07 22:00-24:00", "2027-11-08T03:00:00Z", 2 * time.Hour},
		{"to 24:00 after a last hour that comes twice", "Asia/Beirut", "2027-10-30 22:00-24:00", "2027-10-30T19:00:00Z", 3 * time.Hour},
		{"to 24:00 before a first hour that comes twice", "America/Havana", "2027-11-06 22:00-24:00", "2027-11-07T02:00:00Z", 2 * time.Hour},
		{"a day that was skipped", "Pacific/Apia", "2011-12-30 08:00-15:00", "2011-12-30T10:00:00Z", 0},
		{"the end of a day that was skipped", "Pacific/Apia", "2011-12-30 08:00-24:00", "2011-12-30T10:00:00Z", 0},
		{"after a day that was skipped", "Pacific/Apia", "2011-12-31 08:00-15:00", "2011-12-30T18:00:00Z", 7 * time.Hour},
	}
	for _, tt := range tests {
		s := mustLocal(t, tt.stretch, mustZone(t, tt.zone))
		if got := s.Start.Format(time.RFC3339); got != tt.start || s.Length() != tt.length {
			t.Errorf("%s: %s in %s: %v from %s, want %v from %s", tt.name, tt.stretch, tt.zone, s.Length(), got, tt.length, tt.start)
		}
		if (tt.length == 0) != s.Empty() || s.End.Before(s.Start) {
			t.Errorf("%s: %v: empty %v, want %v", tt.name, s, s.Empty(), tt.length == 0)
		}
	}
}

func TestLocalRefusesTimesThatAreNoStretch(t *testing.T) {
	for _, tt := range []struct{ from, to TimeOfDay }{{480, 480}, {480, 479}, {1439, 1}, {1440, 1440}, {1440, 0}, {-1, 10}, {5, -1}, {0, 1441}, {1500, 1600}} {
		if s, ok := Local(Date{2027, time.August, 13}, tt.from, tt.to, time.UTC); ok || s != (Span{}) {
			t.Errorf("Local from %d to %d = %v, %v, want none", tt.from, tt.to, s, ok)
		}
	}
}

// Each quarter of an hour of the days on which clocks change, in every zone, is
// where the clock on the wall says.
func TestLocalInEveryZone(t *testing.T) {
	for _, name := range allZones {
		loc := mustZone(t, name)
		for _, change := range changes(loc, 2027) {
			w := watch(loc, around(change, 40))
			date := DateIn(change.Add(-1), loc)
			midnight := date.midnight() / 60
			for from := TimeOfDay(0); from < EndOfDay; from += 15 {
				to := min(from+75, EndOfDay)
				want := Span{w.firstFrom(midnight + int64(from)), w.last(midnight + int64(to))}
				if to == EndOfDay {
					want.End = w.firstFrom(midnight + int64(EndOfDay))
				}
				if got, ok := Local(date, from, to, loc); !ok || got != want {
					t.Errorf("%s: %v %v-%v = %v, %v, want %v", name, date, from, to, got, ok, want)
				}
			}
		}
	}
}

func TestEveryZoneToChooseIsThere(t *testing.T) {
	names := Zones()
	if len(names) < 300 || names[0] != "UTC" || !slices.Contains(names, "Europe/Berlin") || slices.Contains(names, "US/Eastern") {
		t.Errorf("%d names, the first is %s", len(names), names[0])
	}
	for _, name := range names {
		if _, err := Zone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
