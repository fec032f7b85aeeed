package web

import (
	"slices"
	"strconv"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/web/ui"
)

// weekView is a week as a table of days and times.
type weekView struct {
	frame weekFrame
	days  []weekDay
	rows  []weekRow
}

// weekFrame is what stands around a week, whether it is shown as a table or as a
// list.
type weekFrame struct {
	Title          string // the week's days
	Name           string // the practitioner's, if they do not look themselves
	Zone, Abroad   string // of the times; of the reader, if it differs
	Practitioner   string // id, where it goes along; empty: one's own
	Path           string // of the page
	First          string // the first day
	Previous, Next string // weeks
	This           string
	Tabs           []ui.Link
	New            string // where a slot is added
	Live           string // the stream that tells of changes
	Part           string // where the week is read anew
	Empty          bool
}

type weekDay struct {
	Name, Date, Full, Href string
	Today, Off             bool
}

type weekRow struct {
	Name  string
	Cells []weekCell
}

// weekCell is a place of the table.
type weekCell struct {
	Absent   bool   // clocks skip this time on this day, or do not repeat it
	Entry    *entry // what is there; nil: nothing
	Span     int    // rows that it takes
	Row, Col int
	At       string // the instant
	Time     string // in full
	Length   string // how long it is
	Add      string // where a slot is made here; empty: nowhere, for it is past
}

// Cell is the cell's id.
func (c weekCell) Cell() string { return "at-" + strconv.Itoa(c.Row) + "-" + strconv.Itoa(c.Col) }

// weekPage shows a week: GET /calendar.
func (s *Server) weekPage(c *call) error {
	which := c.whose()
	if which == "" {
		return s.chooseCalendar(c)
	}
	v, err := c.week(which)
	if err != nil {
		return err
	}
	return c.show(v.frame.page(c), weekContent(v))
}

// weekPart is the week alone, for a script that puts it in the place of the one
// that is shown: GET /calendar/part.
func (s *Server) weekPart(c *call) error {
	v, err := c.week(c.whose())
	if err != nil {
		return err
	}
	return c.showPart(weekTable(v))
}

// page is the page of a week.
func (f weekFrame) page(c *call) page {
	return page{title: c.say("calendar.title", "Days", f.Title), scripts: []string{"live.js", "calendar.js"}}
}

// chooseCalendar asks whose calendar is meant.
func (s *Server) chooseCalendar(c *call) error {
	all, err := s.practitioners(c)
	if err != nil {
		return err
	}
	var links []ui.Link
	for _, p := range all {
		links = append(links, ui.Link{Href: c.calendarPath(c.route.path, p.ID), Text: p.Name})
	}
	return c.show(page{title: c.say("calendar.whose")}, chooseCalendarContent(links))
}

// days are the seven days of the week that a date is in.
func (c *call) days(d calendar.Date) (days []calendar.Date) {
	back := (int(d.Weekday()) - int(c.words.FirstDay()) + 7) % 7
	for i := range 7 {
		days = append(days, d.AddDays(i-back))
	}
	return days
}

// readWeek reads the week that the address names.
func (c *call) readWeek(which string, past bool) (b book, days []calendar.Date, err error) {
	_, zone, err := c.practitioner(which)
	if err != nil {
		return b, nil, err
	}
	days = c.days(c.day("week", zone))
	b, err = c.open(which, days[0], days[6], past)
	return b, days, err
}

// frame makes what stands around the week of b.
func (c *call) frame(b book, days []calendar.Date) weekFrame {
	start := calendar.Day(days[0], b.zone).Start
	to := func(path string, d calendar.Date) string { return c.calendarPath(path, b.of.ID, "week", d.String()) }
	f := weekFrame{
		Title: c.say("calendar.days", "From", c.words.DayAndMonth(days[0]), "To", c.words.ShortDate(days[6])),
		Zone:  c.words.ZoneName(start, b.zone), Abroad: c.abroad(start, b.zone), Path: c.route.path, First: days[0].String(),
		Previous: to(c.route.path, days[0].AddDays(-7)), Next: to(c.route.path, days[0].AddDays(7)), This: c.calendarPath(c.route.path, b.of.ID),
		Tabs: c.calendarTabs(b, days[0]), New: c.calendarPath("/calendar/new-slot", b.of.ID),
		Live: c.calendarPath("/calendar/live", b.of.ID, "since", b.revision), Part: to("/calendar/part", days[0]), Empty: len(b.entries) == 0,
	}
	if today := calendar.DateIn(b.now, b.zone); slices.Contains(days, today) {
		f.Tabs = c.calendarTabs(b, today)
	}
	if b.others {
		f.Name, f.Practitioner = b.of.Name, b.of.ID.String()
	}
	return f
}

// week reads a week and lays it out.
func (c *call) week(which string) (v weekView, err error) {
	b, days, err := c.readWeek(which, false)
	if err != nil {
		return v, err
	}
	v.frame = c.frame(b, days)
	if c.route.path == "/calendar/part" { // whose links lead to the page
		v.frame = c.as("/calendar").frame(b, days)
	}
	dials, entries, spans := make([]dial, 7), make([][]entry, 7), make([][]calendar.Span, 7)
	for i, d := range days {
		dials[i], entries[i] = dialOf(d, b.zone), b.on(d)
		for _, e := range entries[i] {
			spans[i] = append(spans[i], e.Span)
		}
		v.days = append(v.days, c.weekDay(b, d))
	}
	rows := rowsOf(dials, spans)
	v.rows = make([]weekRow, len(rows))
	for i, r := range rows {
		v.rows[i].Name = c.rowName(r, dials, b.zone)
	}
	for col := range days {
		c.column(b, v.rows, col, rows, dials[col], entries[col])
	}
	return v, nil
}

// as is the call as if it were for another page.
func (c *call) as(path string) *call {
	other := *c
	other.route.path = path
	return &other
}

func (c *call) weekDay(b book, d calendar.Date) weekDay {
	return weekDay{
		Name: c.words.ShortWeekday(d.Weekday()), Date: c.words.DayAndMonth(d), Full: c.words.Date(d),
		Href:  c.calendarPath("/calendar/day", b.of.ID, "date", d.String()),
		Today: d == calendar.DateIn(b.now, b.zone), Off: b.offOn(d),
	}
}

// rowName writes the time of a row, with which of two it is where clocks repeat it
// on one of the days.
func (c *call) rowName(r reading, dials []dial, zone *time.Location) string {
	twice := reading{r.minute, true}
	named := slices.IndexFunc(dials, func(d dial) bool { _, ok := d.at[twice]; return ok })
	if named < 0 {
		named = slices.IndexFunc(dials, func(d dial) bool { _, ok := d.at[r]; return ok })
	}
	return c.words.Time(dials[named].at[r], zone)
}

// column fills a day's cells.
func (c *call) column(b book, rows []weekRow, col int, readings []reading, d dial, entries []entry) {
	for i := 0; i < len(readings); i++ {
		at, ok := d.at[readings[i]]
		cell := weekCell{Absent: !ok, Span: 1, Row: i, Col: col}
		if ok {
			cell.At, cell.Time = at.UTC().Format(time.RFC3339), c.words.Moment(at, b.zone)
			if at.After(b.now) {
				cell.Add = c.calendarPath("/calendar/new-slot", b.of.ID, "at", cell.At)
			}
		}
		if len(entries) > 0 && ok && entries[0].Span.Start.Equal(at) {
			cell.Entry, entries = &entries[0], entries[1:]
			cell.Time, cell.Length = c.stretch(cell.Entry.Span, b.zone), strconv.Itoa(int(cell.Entry.Span.Length().Minutes()))
			cell.Span = reaches(readings[i:], d, cell.Entry.Span.End)
		}
		rows[i].Cells = append(rows[i].Cells, cell)
		i += cell.Span - 1
	}
}

// reaches returns over how many rows something goes that begins with the first and
// ends at an instant.
func reaches(rows []reading, d dial, end time.Time) int {
	n := 1
	for i, r := range rows {
		if at, ok := d.at[r]; ok && at.Before(end) {
			n = i + 1
		} else if ok {
			break
		}
	}
	return n
}
