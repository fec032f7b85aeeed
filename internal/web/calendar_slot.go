package web

import (
	"strconv"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// slotView is a slot that nobody has taken, and what can be done with it.
type slotView struct {
	ID, ETag     string
	Name, Back   string
	State        state
	Here, There  string // when it is, in the calendar's zone and the reader's
	Length       string
	Changeable   bool // it has not begun
	Date, Time   string
	Again        bool // the time of the form comes twice on its day
	Form         ui.Form
	Unblock      bool
	Off          bool // time off takes it, which ends elsewhere
	HoursPath    string
	Moving       bool // the page is that to move it
	Practitioner string
}

// slotPage shows a slot, or leads to the appointment that takes it:
// GET /calendar/slots/{id}.
func (s *Server) slotPage(c *call) error { return s.showSlot(c, ui.Form{}, false) }

// slotMovePage shows the form to move a slot: GET /calendar/slots/{id}/move.
func (s *Server) slotMovePage(c *call) error { return s.showSlot(c, ui.Form{}, true) }

func (s *Server) showSlot(c *call, form ui.Form, moving bool) error {
	slot, err := s.Scheduling.Slot(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	which := slot.Practitioner.String()
	p, zone, err := c.practitioner(which)
	if err != nil {
		return err
	}
	span := calendar.Span{Start: slot.Start, End: slot.End}
	if slot.Status == scheduling.SlotHeld || slot.Status == scheduling.SlotBooked {
		return s.showTaken(c, slot, span)
	}
	b := book{of: p, zone: zone, now: s.Now()}
	if slot.Status == scheduling.SlotBlocked {
		if b.off, err = c.offIn(which, span); err != nil {
			return err
		}
	}
	e := b.slot(slot)
	v := slotView{
		ID: slot.ID(), ETag: slot.ETag(), State: e.State, Length: c.words.Duration(span.Length()), Changeable: e.Ahead, Form: form, Moving: moving,
		Back: c.calendarPath("/calendar", p.ID, "week", calendar.DateIn(span.Start, zone).String()), Unblock: e.State == blocked, Off: e.State == off,
		Date: calendar.DateIn(span.Start, zone).String(), Time: span.Start.In(zone).Format("15:04"), HoursPath: c.calendarPath("/hours", p.ID),
	}
	v.Here, v.There = c.when(span, zone)
	v.Again = form.Wrong["again"] != "" || form.Values.Get("again") != ""
	if c.by.PractitionerID != p.ID {
		v.Name = p.Name
	}
	key := "calendar.slot-title"
	if moving {
		key = "calendar.slot-move-title"
	}
	return c.show(page{title: c.say(key), form: form}, slotContent(v))
}

// showTaken leads to the appointment that takes a slot.
func (s *Server) showTaken(c *call, slot scheduling.Slot, span calendar.Span) error {
	found, err := c.appointmentsIn(slot.Practitioner.String(), span)
	if err != nil {
		return err
	}
	for _, a := range found {
		if stateOf[a.Status].Takes() {
			return c.see("/calendar/appointments/" + a.ID.String())
		}
	}
	return scheduling.ErrSlotInUse // it was free again a moment ago
}

// refuseSlot shows a slot's page again, with what is wrong.
func (s *Server) refuseSlot(c *call, err error, moving bool) error {
	form, err := c.refusedCalendar(err)
	if err != nil {
		return err
	}
	renameWrong(form, "starts_at", "time")
	renameWrong(form, "ends_at", "minutes")
	return s.showSlot(c, form, moving)
}

// refusedCalendar is refused, in words for who runs the calendar where those for
// patients do not fit.
func (c *call) refusedCalendar(err error) (ui.Form, error) {
	form, failed := c.refused(err)
	if e := errs.As(err); failed == nil && e != nil {
		form.Problem = c.words.Or("calendar.problem."+e.Code, form.Problem)
	}
	return form, failed
}

// renameWrong gives what is wrong with a field of a service to the field of a form.
func renameWrong(f ui.Form, from, to string) {
	if text, ok := f.Wrong[from]; ok {
		delete(f.Wrong, from)
		f.Wrong[to] = text
	}
}

// weekOf leads to the week of a slot.
func (c *call) weekOf(slot scheduling.Slot) string {
	zone, err := calendar.Zone(slot.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return c.calendarPath("/calendar", slot.Practitioner, "week", calendar.DateIn(slot.Start, zone).String())
}

// blockSlot takes a slot off the list of what can be booked:
// POST /calendar/slots/{id}/block.
func (s *Server) blockSlot(c *call) error { return s.setBlocked(c, true, "done.calendar-slot-blocked") }

// unblockSlot offers it again: POST /calendar/slots/{id}/unblock.
func (s *Server) unblockSlot(c *call) error {
	return s.setBlocked(c, false, "done.calendar-slot-unblocked")
}

func (s *Server) setBlocked(c *call, blocked bool, done string) error {
	slot, err := s.Scheduling.ChangeSlot(c.context(), c.by, c.id("id"), c.match(), scheduling.SlotChange{Blocked: &blocked})
	if err != nil {
		return s.refuseSlot(c, err, false)
	}
	return c.done(c.weekOf(slot), done)
}

// match is the version that a form was made from.
func (c *call) match() etag.Match { return etag.Match(c.field("etag")) }

// moveSlot moves a free slot: POST /calendar/slots/{id}/move. What is dragged sends
// an instant, the page's form the time on the practitioner's clock.
func (s *Server) moveSlot(c *call) error {
	key, ok := id.ParseSlot(c.id("id"))
	if !ok {
		return scheduling.ErrSlotNotFound
	}
	_, zone, err := c.practitioner(key.Practitioner.String())
	if err != nil {
		return err
	}
	to, err := c.instant(zone)
	if err != nil {
		return s.refuseSlot(c, err, true)
	}
	slot, err := s.Scheduling.ChangeSlot(c.context(), c.by, c.id("id"), c.match(), scheduling.SlotChange{StartsAt: &to})
	if err != nil {
		return s.refuseSlot(c, err, true)
	}
	return c.done(c.weekOf(slot), "done.calendar-slot-moved")
}

// instant reads when something is to begin: the instant of the field to, or date
// and time as clocks in zone show them, and of a time that they show twice the one
// that again names.
func (c *call) instant(zone *time.Location) (time.Time, error) {
	if to := c.field("to"); to != "" {
		t, err := time.Parse(time.RFC3339, to)
		if err != nil {
			return t, errForm
		}
		return t.UTC(), nil
	}
	wrong := scheduling.ErrInvalidSlot
	d, err := calendar.ParseDate(c.field("date"))
	if err != nil {
		return time.Time{}, wrong.Field("date", "names no date")
	}
	of, err := calendar.ParseTime(c.field("time"))
	if err != nil {
		return time.Time{}, wrong.Field("time", "names no time of day")
	}
	day := dialOf(d, zone)
	first, ok := day.at[reading{int(of), false}]
	second, twice := day.at[reading{int(of), true}]
	switch {
	case !ok && int(of)%int(step.Minutes()) != 0:
		return first, wrong.Field("time", "must be on multiples of five minutes, like ends_at")
	case !ok:
		return first, wrong.Field("time", "is skipped by clocks on that day")
	case twice && c.field("again") == "":
		return first, wrong.Field("again", "is there twice on that day")
	case twice && c.field("again") == "second":
		return second, nil
	}
	return first, nil
}

// removeSlot deletes a free slot: POST /calendar/slots/{id}/delete.
func (s *Server) removeSlot(c *call) error {
	key, ok := id.ParseSlot(c.id("id"))
	if !ok {
		return scheduling.ErrSlotNotFound
	}
	if err := s.Scheduling.RemoveSlot(c.context(), c.by, c.id("id"), c.match()); err != nil {
		return s.refuseSlot(c, err, false)
	}
	_, zone, err := c.practitioner(key.Practitioner.String())
	if err != nil {
		return err
	}
	return c.done(c.calendarPath("/calendar", key.Practitioner, "week", calendar.DateIn(key.Start, zone).String()), "done.calendar-slot-removed")
}

// newSlotView is the form to add a single slot.
type newSlotView struct {
	Form                ui.Form
	Practitioner, Name  string
	Back, Zone          string
	Date, Time, Minutes string
	Again               bool
}

// newSlotPage asks when there is to be a slot: GET /calendar/new-slot.
func (s *Server) newSlotPage(c *call) error {
	which := c.whose()
	if which == "" {
		return s.chooseCalendar(c)
	}
	return s.showNewSlot(c, which, ui.Form{})
}

func (s *Server) showNewSlot(c *call, which string, form ui.Form) error {
	p, zone, err := c.practitioner(which)
	if err != nil {
		return err
	}
	v := newSlotView{Form: form, Back: c.calendarPath("/calendar", p.ID), Minutes: strconv.Itoa(p.Policy.SlotMinutes)}
	at := s.Now().Add(24 * time.Hour).In(zone).Truncate(time.Hour)
	if asked, err := time.Parse(time.RFC3339, c.query("at")); err == nil {
		at = asked.In(zone)
		v.Again = dialOf(calendar.DateIn(at, zone), zone).at[reading{60*at.Hour() + at.Minute(), true}] != time.Time{}
		v.Back = c.calendarPath("/calendar", p.ID, "week", calendar.DateIn(at, zone).String())
	}
	v.Date, v.Time, v.Zone = calendar.DateIn(at, zone).String(), at.Format("15:04"), c.words.ZoneName(at, zone)
	v.Again = v.Again || form.Wrong["again"] != "" || form.Values.Get("again") != ""
	if c.by.PractitionerID != p.ID {
		v.Practitioner, v.Name = p.ID.String(), p.Name
	}
	return c.show(page{title: c.say("calendar.add"), form: form}, newSlotContent(v))
}

// addSlot adds a single slot: POST /calendar/new-slot.
func (s *Server) addSlot(c *call) error {
	which := c.whose()
	_, zone, err := c.practitioner(which)
	if err != nil {
		return err
	}
	start, err := c.instant(zone)
	minutes, wrong := strconv.Atoi(c.field("minutes"))
	if err == nil && (wrong != nil || minutes < 1 || minutes > 24*60) {
		err = scheduling.ErrInvalidSlot.Field("minutes", "names no number of minutes")
	}
	if err == nil {
		at := func(result any) string {
			slot, _ := result.(scheduling.Slot)
			return c.weekOf(slot)
		}
		var slot scheduling.Slot
		slot, err = s.Scheduling.AddSlot(c.once(at), c.by, which, start, start.Add(time.Duration(minutes)*time.Minute))
		if c.again(err) {
			return nil
		}
		if err == nil {
			return c.done(c.weekOf(slot), "done.calendar-slot-added")
		}
	}
	form, err := c.refusedCalendar(err)
	if err != nil {
		return err
	}
	renameWrong(form, "starts_at", "time")
	renameWrong(form, "ends_at", "minutes")
	return s.showNewSlot(c, which, form)
}
