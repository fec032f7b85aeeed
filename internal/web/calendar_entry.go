package web

import (
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// book is a stretch of a practitioner's calendar as who asks may see it.
type book struct {
	of       scheduling.Practitioner
	zone     *time.Location
	entries  []entry // by start; live ones never overlap
	off      []calendar.Span
	now      time.Time
	revision string // at least as old as the rest
	others   bool   // it is not the calendar of who looks
}

// entry is a slot or an appointment on a calendar.
type entry struct {
	Span        calendar.Span
	State       state
	Href        string // where it is opened
	Slot        string // its id; empty: it is an appointment
	Appointment string
	ETag        string // of a slot
	Who         string // initials
	Reference   string
	Ahead       bool // it has not begun
}

// state is how a slot or an appointment stands. Its text is in the catalogue.
type state string

const (
	free      state = "free"
	unused    state = "unused" // was free
	held      state = "held"
	booked    state = "booked"
	completed state = "completed"
	noShow    state = "no-show"
	cancelled state = "cancelled"
	expired   state = "expired"
	blocked   state = "blocked"
	off       state = "off"
)

// looks are the class of a state's cell, and the kind of its tag.
var looks = map[state]struct{ cell, tag string }{
	free: {"free", "good"}, held: {"held", "warn"}, booked: {"booked", "act"}, completed: {"booked", "good"}, noShow: {"booked", "bad"},
	blocked: {"blocked", ""}, off: {"off", ""},
}

// Cell is the class of its cell.
func (s state) Cell() string { return looks[s].cell }

// Tag is the kind of its tag.
func (s state) Tag() string { return looks[s].tag }

// stateOf are the states of appointments.
var stateOf = map[scheduling.Status]state{
	scheduling.Held: held, scheduling.Confirmed: booked, scheduling.Completed: completed, scheduling.NoShow: noShow,
	scheduling.Expired: expired, scheduling.Cancelled: cancelled,
}

// Takes reports whether the time is somebody's.
func (s state) Takes() bool { return slices.Contains([]state{held, booked, completed, noShow}, s) }

// Movable reports whether it can be dragged elsewhere.
func (e entry) Movable() bool {
	return e.Ahead && (e.State == free || e.State == blocked || e.State == held || e.State == booked)
}

// whose returns the id of the practitioner whose calendar a page is about: the
// one that the address or the form names, or else who looks; empty: nobody.
func (c *call) whose() string {
	for _, named := range []string{c.query("practitioner"), c.field("practitioner")} {
		if named != "" {
			return named
		}
	}
	if c.by.Is(auth.Practitioner) {
		return c.by.PractitionerID.String()
	}
	return ""
}

// calendarPath leads to a page of the practitioner's calendar: pairs of names and
// values follow.
func (c *call) calendarPath(path string, practitioner uuid.UUID, pairs ...string) string {
	q := url.Values{}
	if c.by.PractitionerID != practitioner {
		q.Set("practitioner", practitioner.String())
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// practitioner reads whose calendar it is, and their zone.
func (c *call) practitioner(which string) (p scheduling.Practitioner, zone *time.Location, err error) {
	if p, err = c.server.Scheduling.Practitioner(c.context(), c.by, which); err != nil {
		return p, nil, err
	}
	zone, err = calendar.Zone(p.TimeZone)
	return p, zone, err
}

// open reads the days from first to last of a practitioner's calendar. past also
// reads what is not on it any more: cancelled appointments, and holds that ran out.
func (c *call) open(which string, first, last calendar.Date, past bool) (b book, err error) {
	b.now = c.server.Now()
	if b.of, b.zone, err = c.practitioner(which); err != nil {
		return b, err
	}
	if b.revision, err = c.server.Scheduling.Revision(c.context(), c.by, which); err != nil {
		return b, err
	}
	b.others = c.by.PractitionerID != b.of.ID
	window := calendar.Span{Start: calendar.Day(first, b.zone).Start, End: calendar.Day(last, b.zone).End}
	slots, err := c.slotsIn(which, window)
	if err != nil {
		return b, err
	}
	appointments, err := c.appointmentsIn(which, window)
	if err != nil {
		return b, err
	}
	if b.off, err = c.offIn(which, window); err != nil {
		return b, err
	}
	names, err := c.initials(appointments)
	if err != nil {
		return b, err
	}
	var taken []calendar.Span
	for _, a := range appointments {
		e := b.appointment(a, names)
		if e.State.Takes() {
			taken = append(taken, e.Span)
		}
		if e.State.Takes() || past {
			b.entries = append(b.entries, e)
		}
	}
	for _, s := range slots {
		span := calendar.Span{Start: s.Start, End: s.End}
		if !slices.ContainsFunc(taken, span.Overlaps) {
			b.entries = append(b.entries, b.slot(s))
		}
	}
	slices.SortStableFunc(b.entries, func(x, y entry) int { return x.Span.Start.Compare(y.Span.Start) })
	return b, nil
}

func (b book) appointment(a scheduling.Appointment, names map[uuid.UUID]string) entry {
	return entry{
		Span: calendar.Span{Start: a.Start, End: a.End}, State: stateOf[a.Status], Href: "/calendar/appointments/" + a.ID.String(),
		Appointment: a.ID.String(), Who: names[a.Patient], Reference: a.Reference, Ahead: a.Start.After(b.now),
	}
}

func (b book) slot(s scheduling.Slot) entry {
	e := entry{
		Span: calendar.Span{Start: s.Start, End: s.End}, State: free, Href: "/calendar/slots/" + s.ID(),
		Slot: s.ID(), ETag: s.ETag(), Ahead: s.Start.After(b.now),
	}
	switch {
	case s.Status == scheduling.SlotHeld:
		e.State = held
	case s.Status == scheduling.SlotBooked:
		e.State = booked
	case s.Status == scheduling.SlotBlocked && slices.ContainsFunc(b.off, e.Span.Overlaps):
		e.State = off
	case s.Status == scheduling.SlotBlocked:
		e.State = blocked
	case !e.Ahead:
		e.State = unused
	}
	return e
}

func (c *call) slotsIn(which string, w calendar.Span) ([]scheduling.Slot, error) {
	return every(func(req pages.Request) (pages.Of[scheduling.Slot], error) {
		return c.server.Scheduling.Slots(c.context(), c.by, scheduling.SlotQuery{Practitioner: which, From: w.Start, To: w.End, Status: "any"}, req)
	})
}

// longestAppointment is how long an appointment can be: one that began so long before a
// window may reach into it.
const longestAppointment = 24 * time.Hour

func (c *call) appointmentsIn(which string, w calendar.Span) ([]scheduling.Appointment, error) {
	f := scheduling.AppointmentFilter{Practitioner: which, From: w.Start.Add(-longestAppointment), To: w.End}
	all, err := every(func(req pages.Request) (pages.Of[scheduling.Appointment], error) {
		return c.server.Scheduling.Appointments(c.context(), c.by, f, req)
	})
	return slices.DeleteFunc(all, func(a scheduling.Appointment) bool { return !a.End.After(w.Start) }), err
}

func (c *call) offIn(which string, w calendar.Span) (spans []calendar.Span, err error) {
	all, err := every(func(req pages.Request) (pages.Of[scheduling.TimeOff], error) {
		return c.server.Scheduling.TimeOffs(c.context(), c.by, which, req)
	})
	for _, t := range all {
		if t.Bounds.Overlaps(w) {
			spans = append(spans, t.Bounds)
		}
	}
	return spans, err
}

// initials are those of the patients of appointments.
func (c *call) initials(of []scheduling.Appointment) (map[uuid.UUID]string, error) {
	var ids []uuid.UUID
	for _, a := range of {
		ids = append(ids, a.Patient)
	}
	return c.server.Directory.InitialsOf(c.context(), c.by, ids)
}

// on returns what begins on a day.
func (b book) on(d calendar.Date) (found []entry) {
	day := calendar.Day(d, b.zone)
	for _, e := range b.entries {
		if !e.Span.Start.Before(day.Start) && e.Span.Start.Before(day.End) {
			found = append(found, e)
		}
	}
	return found
}

// offOn reports whether some of a day is taken off.
func (b book) offOn(d calendar.Date) bool {
	return slices.ContainsFunc(b.off, calendar.Day(d, b.zone).Overlaps)
}

// day is the date that the address names, or else today.
func (c *call) day(name string, zone *time.Location) calendar.Date {
	if d, err := calendar.ParseDate(c.query(name)); err == nil {
		return d
	}
	return calendar.DateIn(c.server.Now(), zone)
}

// calendarTabs are the ways to look at a calendar.
func (c *call) calendarTabs(b book, d calendar.Date) []ui.Link {
	var links []ui.Link
	for _, t := range []struct{ path, name, key string }{
		{"/calendar", "week", "calendar.week"}, {"/calendar/list", "week", "calendar.list"}, {"/calendar/day", "date", "calendar.day"},
	} {
		links = append(links, ui.Link{Href: c.calendarPath(t.path, b.of.ID, t.name, d.String()), Text: c.say(t.key), Current: c.route.path == t.path})
	}
	return links
}

// abroad names the reader's zone where its clocks differ from the calendar's; ""
// where they do not, or the zone is not known.
func (c *call) abroad(t time.Time, zone *time.Location) string {
	if !elsewhere(c.words, t, zone) {
		return ""
	}
	return c.words.ZoneName(t, c.words.Zone)
}

// when writes the time of a visit in full in the calendar's zone, and in the
// reader's where that differs.
func (c *call) when(s calendar.Span, zone *time.Location) (here, there string) {
	here = c.stretch(s, zone)
	if c.abroad(s.Start, zone) != "" {
		there = c.stretch(s, c.words.Zone)
	}
	return here, there
}

// stretch writes a stretch of a day in full: "Monday 15 March 2027, 9:00 am to
// 9:30 am, New York time (UTC−4)".
func (c *call) stretch(s calendar.Span, zone *time.Location) string {
	return c.say("time.moment", "Date", c.words.DateIn(s.Start, zone), "Time", c.words.Times(s.Start, s.End, zone), "Zone", c.words.ZoneName(s.Start, zone))
}

// Kind tells a script what it drags.
func (e entry) Kind() string {
	if e.Slot != "" {
		return "slot"
	}
	return "appointment"
}
