package web

import (
	"errors"
	"net/url"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// moveView is a step of moving an appointment: dates, then the times of one, then the
// old and the new time side by side.
type moveView struct {
	ownVisit
	form          ui.Form
	days          []moveDay
	sooner, later string // addresses of the dates before and after these
	day           string // of which times are shown
	parts         []movePart
	nearest       []moveTime // where the time that was chosen is somebody else's now
	next          ownVisit   // what was chosen
	slot          string
	again         string // the address of the times of that day
	dates         string // the address of the dates
}

// moveDay is a date on which the visit could be.
type moveDay struct{ href, text, free string }

// movePart is a part of a day with its times.
type movePart struct {
	title string
	times []moveTime
}

// moveTime is a time to choose: what one sees of it, and its name in full.
type moveTime struct {
	href, text, yours, full string
}

// timesNearby is how many are offered in the place of one that is lost.
const timesNearby = 6

// movePage asks for another time: GET /visit/move and /my/visits/{id}/move. The
// address has what was chosen so far: a date, then a slot.
func (s *Server) movePage(c *call, d door, a scheduling.Appointment) error {
	v, err := s.ownVisitOf(c, d, a)
	switch {
	case err != nil:
		return err
	case !v.can || v.practitioner == "":
		return c.see(d.page) // which says why not
	}
	m := moveView{ownVisit: v, dates: d.base + "/move"}
	date, wrong := calendar.ParseDate(c.query("date"))
	switch {
	case c.query("slot") != "":
		return s.showMoveCheck(c, a, m, c.query("slot"))
	case c.query("date") != "" && wrong == nil:
		return s.showMoveTimes(c, a, m, date)
	}
	return s.showMoveDays(c, a, m)
}

func moveQuery(m moveView, name, value string) string {
	return m.base + "/move?" + url.Values{name: {value}}.Encode()
}

// asksFor is what services are asked for another time of an appointment.
func asksFor(a scheduling.Appointment) scheduling.DaysQuery {
	return scheduling.DaysQuery{Practitioner: a.Practitioner().String(), Slots: a.Slots}
}

func (s *Server) showMoveDays(c *call, a scheduling.Appointment, m moveView) error {
	q := asksFor(a)
	q.From, _ = calendar.ParseDate(c.query("from"))
	if q.From.IsZero() {
		q.Before, _ = calendar.ParseDate(c.query("before"))
	}
	found, err := s.Scheduling.Days(c.context(), m.by, q)
	if err != nil {
		return err
	}
	for _, day := range found.Days {
		m.days = append(m.days, moveDay{
			href: moveQuery(m, "date", day.Date.String()), text: c.words.Date(day.Date), free: c.words.Count("visit.free", day.Free),
		})
	}
	if len(found.Days) > 0 {
		m.zone = c.words.ZoneName(found.Days[0].First.Start, zoneOf(a))
	}
	if !found.Before.IsZero() {
		m.sooner = moveQuery(m, "before", found.Before.String())
	}
	if !found.Next.IsZero() {
		m.later = moveQuery(m, "from", found.Next.String())
	}
	return c.show(page{title: c.say("visit.move-title"), form: m.form}, moveDaysContent(m))
}

func (s *Server) showMoveTimes(c *call, a scheduling.Appointment, m moveView, date calendar.Date) error {
	q := asksFor(a)
	q.From = date
	found, err := s.Scheduling.Times(c.context(), m.by, q)
	if err != nil {
		return err
	}
	m.day = c.words.Date(date)
	parts := []movePart{{title: c.say("visit.morning")}, {title: c.say("visit.afternoon")}, {title: c.say("visit.evening")}}
	for _, slot := range found {
		i := 0
		switch hour := slot.Start.In(zoneOf(a)).Hour(); {
		case hour >= 17:
			i = 2
		case hour >= 12:
			i = 1
		}
		parts[i].times = append(parts[i].times, m.timeOf(c.words, a, slot, false))
	}
	if len(found) > 0 {
		m.zone = c.words.ZoneName(found[0].Start, zoneOf(a))
	}
	for _, p := range parts {
		if len(p.times) > 0 {
			m.parts = append(m.parts, p)
		}
	}
	return c.show(page{title: c.say("visit.times-title", "Date", m.day)}, moveTimesContent(m))
}

// timeOf is a slot to choose, with its date where that is not the page's.
func (m moveView) timeOf(w *words.Words, a scheduling.Appointment, slot scheduling.Slot, dated bool) moveTime {
	loc := zoneOf(a)
	t := moveTime{href: moveQuery(m, "slot", slot.ID()), text: w.Time(slot.Start, loc)}
	t.full = w.Say("visit.slot", "Moment", w.Moment(slot.Start, loc), "Name", m.name)
	if also := alsoFor(w, slot.Start, loc); also != "" {
		t.full += " " + also
		t.yours = w.Say("visit.yours-short", "Time", w.Time(slot.Start, w.Zone))
		if there := calendar.DateIn(slot.Start, w.Zone); there != calendar.DateIn(slot.Start, loc) {
			t.yours = w.Say("visit.yours-short", "Time", w.DayAndMonth(there)+", "+w.Time(slot.Start, w.Zone))
		}
	}
	if dated {
		day := calendar.DateIn(slot.Start, loc)
		t.text = w.ShortWeekday(day.Weekday()) + ", " + w.DayAndMonth(day) + ", " + t.text
	}
	return t
}

// showMoveCheck shows the old and the new time before the move is final. A slot that
// is free no more leads to the nearest ones.
func (s *Server) showMoveCheck(c *call, a scheduling.Appointment, m moveView, slotID string) error {
	slot, err := s.Scheduling.Slot(c.context(), m.by, slotID)
	if err == nil && slot.Practitioner != a.Practitioner() {
		err = scheduling.ErrOtherCalendar
	}
	if err != nil {
		return s.showMoveLost(c, a, m, slotID, err)
	}
	to := a
	to.Start, to.End = slot.Start, slot.Start.Add(a.End.Sub(a.Start))
	m.slot, m.next = slotID, ownVisitTimes(c.words, to)
	m.again = moveQuery(m, "date", calendar.DateIn(slot.Start, zoneOf(a)).String())
	return c.show(page{title: c.say("visit.check-title")}, moveCheckContent(m))
}

// showMoveLost says why a time can't be had, and offers those that are nearest to it.
func (s *Server) showMoveLost(c *call, a scheduling.Appointment, m moveView, slotID string, why error) (err error) {
	if m.form, err = c.sayRefused(why); err != nil {
		return err
	}
	around := a.Start
	if lost, ok := id.ParseSlot(slotID); ok && lost.Practitioner == a.Practitioner() {
		around = lost.Start
	}
	found, err := s.Scheduling.Nearest(c.context(), m.by, a.Practitioner().String(), around, a.Slots, timesNearby)
	if err != nil {
		return err
	}
	for _, slot := range found {
		m.nearest = append(m.nearest, m.timeOf(c.words, a, slot, true))
	}
	return s.showMoveDays(c, a, m)
}

// moveVisit moves an appointment: POST /visit/move and /my/visits/{id}/move.
func (s *Server) moveVisit(c *call, d door, a scheduling.Appointment) error {
	slotID := c.field("slot")
	_, err := s.Scheduling.Reschedule(c.context(), d.by, d.appointment, scheduling.RescheduleRequest{Slot: slotID})
	if err == nil {
		return c.done(d.page, "done.visit-moved")
	}
	for _, over := range []error{scheduling.ErrHoldExpired, scheduling.ErrTransition, scheduling.ErrWindowClosed} {
		if errors.Is(err, over) { // no other time helps
			form, err := c.sayRefused(err)
			if err != nil {
				return err
			}
			return s.showOwnVisit(c, d, a, form)
		}
	}
	if errs.KindOf(err) == errs.NotFound && !errors.Is(err, scheduling.ErrSlotNotFound) {
		return err
	}
	v, wrong := s.ownVisitOf(c, d, a)
	if wrong != nil {
		return wrong
	}
	return s.showMoveLost(c, a, moveView{ownVisit: v, dates: d.base + "/move"}, slotID, err)
}
