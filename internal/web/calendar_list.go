package web

import (
	"medbook/internal/calendar"
	"medbook/internal/web/ui"
)

// listView is a week as a list, a table for each day.
type listView struct {
	frame weekFrame
	days  []listDay
}

type listDay struct {
	Name, Href string
	Off        bool
	Lines      []listLine
}

// listLine is an entry as a line of a list.
type listLine struct {
	entry
	Times, Full, Length string
	Moves, Cancels      bool // there is a page for that
	Blocks, Unblocks    bool
}

// weekList shows a week as a list: GET /calendar/list.
func (s *Server) weekList(c *call) error {
	which := c.whose()
	if which == "" {
		return s.chooseCalendar(c)
	}
	b, days, err := c.readWeek(which, true)
	if err != nil {
		return err
	}
	v := listView{frame: c.frame(b, days)}
	for _, d := range days {
		v.days = append(v.days, listDay{Name: c.words.Date(d), Href: c.calendarPath("/calendar/day", b.of.ID, "date", d.String()), Off: b.offOn(d), Lines: c.lines(b, d)})
	}
	p := v.frame.page(c)
	p.scripts = nil
	return c.show(p, listContent(v))
}

// lines are what there is on a day.
func (c *call) lines(b book, d calendar.Date) (lines []listLine) {
	for _, e := range b.on(d) {
		slot := e.Slot != "" && e.Ahead
		lines = append(lines, listLine{
			entry: e, Times: c.words.Times(e.Span.Start, e.Span.End, b.zone), Full: c.stretch(e.Span, b.zone), Length: c.words.Duration(e.Span.Length()),
			Moves: e.Movable(), Cancels: e.Appointment != "" && e.Movable(),
			Blocks: slot && e.State == free, Unblocks: slot && e.State == blocked,
		})
	}
	return lines
}

// dayView is a day to print.
type dayView struct {
	Date, Name, Zone, Abroad string
	Value, Practitioner      string
	Previous, Next, Today    string
	Tabs                     []ui.Link
	Off                      bool
	Lines                    []listLine
	Printed                  string // when it was made
}

// dayPage shows a day as a list to print: GET /calendar/day.
func (s *Server) dayPage(c *call) error {
	which := c.whose()
	if which == "" {
		return s.chooseCalendar(c)
	}
	_, zone, err := c.practitioner(which)
	if err != nil {
		return err
	}
	d := c.day("date", zone)
	b, err := c.open(which, d, d, false)
	if err != nil {
		return err
	}
	start := calendar.Day(d, zone).Start
	to := func(d calendar.Date) string { return c.calendarPath("/calendar/day", b.of.ID, "date", d.String()) }
	v := dayView{
		Date: c.words.Date(d), Name: b.of.Name, Zone: c.words.ZoneName(start, zone), Abroad: c.abroad(start, zone), Value: d.String(),
		Previous: to(d.AddDays(-1)), Next: to(d.AddDays(1)), Today: c.calendarPath("/calendar/day", b.of.ID),
		Tabs: c.calendarTabs(b, d), Off: b.offOn(d), Lines: c.lines(b, d), Printed: c.words.Moment(b.now, zone),
	}
	if b.others {
		v.Practitioner = b.of.ID.String()
	}
	return c.show(page{title: c.say("calendar.day-title", "Day", v.Date), scripts: []string{"calendar.js"}}, dayContent(v))
}
