package web

import (
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// letterView is the message that a patient would get, and the question whether they do.
type letterView struct {
	There         bool // there is one
	Unsent        bool // the patient wishes none
	Subject, Text string
}

// letter previews what a patient would be told of an appointment; start is when it
// would begin, if that is what changes.
func (c *call) letter(kind notify.Kind, a scheduling.Appointment, start time.Time) (letterView, error) {
	d, err := c.server.Notify.Preview(c.context(), c.by, a.Patient.String(), notify.Event{Kind: kind, About: a.ID.String(), Start: start})
	if errors.Is(err, notify.ErrNotFound) {
		return letterView{}, nil
	}
	return letterOf(d), err
}

// letterOf makes the view of a message for who may preview it.
func letterOf(d notify.Draft) letterView {
	return letterView{There: true, Unsent: d.Channel == notify.ByNone, Subject: d.Subject, Text: d.Text.Reveal()}
}

// quiet reports whether a form chose that the patient is not told.
func (c *call) quiet() bool { return c.field("tell") == "no" }

// longestReason is how many characters a reason has, as the API says, too.
const longestReason = 1000

// reason wraps what a form gives as a reason. Line ends count as browsers count
// them.
func (c *call) reason(name string) (r phi.Value[string], err error) {
	text := strings.ReplaceAll(c.field(name), "\r\n", "\n")
	if utf8.RuneCountInString(text) > longestReason {
		return r, errForm
	}
	if text != "" {
		r = phi.Of(text)
	}
	return r, nil
}

// cancelAppointmentView asks whether an appointment is to be cancelled, why, and who is told.
type cancelAppointmentView struct {
	appointmentHead
	Form   ui.Form
	Letter letterView
	Held   bool // no reason is needed
}

// cancelAppointmentPage asks about a cancellation: GET /calendar/appointments/{id}/cancel.
func (s *Server) cancelAppointmentPage(c *call) error { return s.showCancelAppointment(c, ui.Form{}) }

func (s *Server) showCancelAppointment(c *call, form ui.Form) error {
	a, head, _, err := c.appointment()
	if err != nil {
		return err
	}
	if !a.Live() {
		return c.see("/calendar/appointments/" + head.ID)
	}
	v := cancelAppointmentView{appointmentHead: head, Form: form, Held: a.Status == scheduling.Held}
	if v.Letter, err = c.letter(notify.AppointmentCancelled, a, time.Time{}); err != nil {
		return err
	}
	return c.show(page{title: c.say("calendar.cancel-title"), form: form}, cancelAppointmentContent(v))
}

// cancelAppointment cancels an appointment: POST /calendar/appointments/{id}/cancel.
func (s *Server) cancelAppointment(c *call) error {
	reason, err := c.reason("reason")
	if err != nil {
		return err
	}
	a, err := s.Scheduling.Cancel(c.context(), c.by, c.id("id"), scheduling.CancelRequest{Reason: reason, Quiet: c.quiet()})
	if err == nil {
		return c.done("/calendar/appointments/"+a.ID.String(), toldOrNot(c, "done.calendar-cancelled-told", "done.calendar-cancelled"))
	}
	form, err := c.refusedCalendar(err)
	if err != nil {
		return err
	}
	return s.showCancelAppointment(c, form)
}

// toldOrNot chooses between two texts.
func toldOrNot(c *call, told, not string) string {
	if c.quiet() {
		return not
	}
	return told
}

// moveAppointmentView lets one choose another time for an appointment: the date, the time, and
// who is told of it.
type moveAppointmentView struct {
	appointmentHead
	Form           ui.Form
	Dates          []ui.Link
	Earlier, Later string
	Date           string // that was chosen
	Times          []timeLink
	To             string // the slot that was chosen
	New, NewThere  string // its time
	Letter         letterView
	Overrides      bool // who looks may lift notice and horizon, with a reason
}

// timeLink is a time that can be chosen.
type timeLink struct{ Href, Time, Full string }

// moveAppointmentPage asks where an appointment is to move to: GET /calendar/appointments/{id}/move,
// without more for a date, with date for a time, with to for whether to tell.
func (s *Server) moveAppointmentPage(c *call) error {
	return s.showMoveAppointment(c, ui.Form{}, c.query("to"))
}

func (s *Server) showMoveAppointment(c *call, form ui.Form, to string) error {
	a, head, zone, err := c.appointment()
	if err != nil {
		return err
	}
	if !a.Live() {
		return c.see("/calendar/appointments/" + head.ID)
	}
	v := moveAppointmentView{appointmentHead: head, Form: form, Overrides: c.by.Is(auth.Admin)}
	switch d, wrong := calendar.ParseDate(c.query("date")); {
	case to != "":
		err = c.moveTo(&v, a, to, zone)
	case wrong == nil:
		err = c.moveTimes(&v, a, d, zone)
	default:
		err = c.moveDates(&v, a)
	}
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("calendar.move-title"), form: form}, moveAppointmentContent(v))
}

// moveDates offers the dates to which an appointment can move.
func (c *call) moveDates(v *moveAppointmentView, a scheduling.Appointment) error {
	q := scheduling.DaysQuery{Practitioner: a.Practitioner().String(), Slots: a.Slots}
	q.From, _ = calendar.ParseDate(c.query("from"))
	if before, err := calendar.ParseDate(c.query("before")); err == nil {
		q.From, q.Before = calendar.Date{}, before
	}
	days, err := c.server.Scheduling.Days(c.context(), c.by, q)
	if err != nil {
		return err
	}
	for _, d := range days.Days {
		v.Dates = append(v.Dates, ui.Link{Href: v.movePath("date", d.Date.String()), Text: c.words.Date(d.Date)})
	}
	if !days.Next.IsZero() {
		v.Later = v.movePath("from", days.Next.String())
	}
	if !days.Before.IsZero() {
		v.Earlier = v.movePath("before", days.Before.String())
	}
	return nil
}

func (v moveAppointmentView) movePath(name, value string) string {
	return "/calendar/appointments/" + v.ID + "/move?" + url.Values{name: {value}}.Encode()
}

// moveTimes offers the times of a date.
func (c *call) moveTimes(v *moveAppointmentView, a scheduling.Appointment, d calendar.Date, zone *time.Location) error {
	times, err := c.server.Scheduling.Times(c.context(), c.by, scheduling.DaysQuery{Practitioner: a.Practitioner().String(), From: d, Slots: a.Slots})
	if err != nil {
		return err
	}
	v.Date = c.words.Date(d)
	for _, t := range times {
		v.Times = append(v.Times, timeLink{Href: v.movePath("to", t.ID()), Time: c.words.Time(t.Start, zone), Full: c.words.Moment(t.Start, zone)})
	}
	return nil
}

// moveTo shows what the move to a slot comes to.
func (c *call) moveTo(v *moveAppointmentView, a scheduling.Appointment, to string, zone *time.Location) (err error) {
	slot, ok := id.ParseSlot(to)
	if !ok {
		return scheduling.ErrSlotNotFound
	}
	v.To = to
	v.New, v.NewThere = c.when(calendar.Span{Start: slot.Start, End: slot.Start.Add(a.End.Sub(a.Start))}, zone)
	v.Letter, err = c.letter(notify.AppointmentMoved, a, slot.Start)
	return err
}

// moveAppointment moves an appointment: POST /calendar/appointments/{id}/move.
func (s *Server) moveAppointment(c *call) error {
	override, err := c.reason("override")
	if err != nil {
		return err
	}
	req := scheduling.RescheduleRequest{Slot: c.field("to"), Override: override, Quiet: c.quiet()}
	a, err := s.Scheduling.Reschedule(c.context(), c.by, c.id("id"), req)
	if err == nil {
		return c.done("/calendar/appointments/"+a.ID.String(), toldOrNot(c, "done.calendar-moved-told", "done.calendar-moved"))
	}
	if errors.Is(err, scheduling.ErrSlotNotFound) { // it was there when it was chosen
		err = scheduling.ErrSlotTaken
	}
	form, err := c.refusedCalendar(err)
	if err != nil {
		return err
	}
	return s.showMoveAppointment(c, form, req.Slot)
}
