package web

import (
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// appointmentView is one appointment, opened.
type appointmentView struct {
	appointmentHead
	Form                               ui.Form
	Reason, Cancelled, Override        string
	HeldUntil, Made, Changed           string
	Record                             string // where the patient's record is; empty: not for who looks
	Moves, Cancels, Confirms, Finishes bool   // what can be done with it now
	Rewords                            bool
}

// appointmentHead says of which appointment a page is.
type appointmentHead struct {
	ID, Name    string // Name: the practitioner's, if they do not look themselves
	Here, There string // when it is, in the calendar's zone and the reader's
	Length, Who string
	State       state
	Reference   string
	Back        string // to its week
	ETag        string
}

// appointment reads an appointment, and on whose calendar it is.
func (c *call) appointment() (a scheduling.Appointment, v appointmentHead, zone *time.Location, err error) {
	if a, err = c.server.Scheduling.Appointment(c.context(), c.by, c.id("id")); err != nil {
		return a, v, nil, err
	}
	if zone, err = calendar.Zone(a.TimeZone); err != nil {
		return a, v, nil, err
	}
	names, err := c.initials([]scheduling.Appointment{a})
	if err != nil {
		return a, v, nil, err
	}
	span := calendar.Span{Start: a.Start, End: a.End}
	v = appointmentHead{
		ID: a.ID.String(), Length: c.words.Duration(span.Length()), Who: names[a.Patient], State: stateOf[a.Status], Reference: a.Reference, ETag: a.ETag(),
		Back: c.calendarPath("/calendar", a.Practitioner(), "week", calendar.DateIn(a.Start, zone).String()),
	}
	v.Here, v.There = c.when(span, zone)
	if c.by.PractitionerID != a.Practitioner() {
		p, err := c.server.Scheduling.Practitioner(c.context(), c.by, a.Practitioner().String())
		if err != nil {
			return a, v, nil, err
		}
		v.Name = p.Name
	}
	return a, v, zone, nil
}

// appointmentPage shows an appointment: GET /calendar/appointments/{id}.
func (s *Server) appointmentPage(c *call) error { return s.showAppointment(c, ui.Form{}) }

func (s *Server) showAppointment(c *call, form ui.Form) error {
	a, head, zone, err := c.appointment()
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("calendar.appointment"), form: form}, appointmentContent(c.opened(a, head, zone, form)))
}

// opened makes the view of an appointment that is opened by its practitioner or
// staff.
func (c *call) opened(a scheduling.Appointment, head appointmentHead, zone *time.Location, form ui.Form) appointmentView {
	begun := !a.Start.After(c.server.Now())
	v := appointmentView{
		appointmentHead: head, Form: form, Reason: a.Reason.Reveal(), Cancelled: a.CancelReason.Reveal(), Override: a.OverrideReason.Reveal(),
		Made: c.words.Moment(a.CreatedAt, zone), Moves: a.Live() && !begun, Cancels: a.Live() && !begun,
		Confirms: a.Status == scheduling.Held && c.by.Is(auth.Admin),
		Finishes: a.Status == scheduling.Confirmed && begun && c.by.Is(auth.Practitioner),
	}
	v.Rewords = a.Live()
	if a.Status == scheduling.Held {
		v.HeldUntil = c.words.Moment(a.HoldExpiresAt, zone)
	}
	if a.UpdatedAt.After(a.CreatedAt) {
		v.Changed = c.words.Moment(a.UpdatedAt, zone)
	}
	if c.by.Is(auth.Practitioner) && a.Status != scheduling.Held && a.Status != scheduling.Expired {
		v.Record = "/patients/" + a.Patient.String()
	}
	return v
}

// step does something with an appointment, and shows it again.
func (s *Server) step(c *call, done string, do func(id string) (scheduling.Appointment, error)) error {
	a, err := do(c.id("id"))
	if err == nil {
		return c.done("/calendar/appointments/"+a.ID.String(), done)
	}
	form, err := c.refusedCalendar(err)
	if err != nil {
		return err
	}
	return s.showAppointment(c, form)
}

// confirmAppointment turns a hold into a booking: POST /calendar/appointments/{id}/confirm.
func (s *Server) confirmAppointment(c *call) error {
	return s.step(c, "done.calendar-confirmed", func(id string) (scheduling.Appointment, error) { return s.Scheduling.Confirm(c.context(), c.by, id) })
}

// completeAppointment says that it took place: POST /calendar/appointments/{id}/complete.
func (s *Server) completeAppointment(c *call) error {
	return s.step(c, "done.calendar-completed", func(id string) (scheduling.Appointment, error) { return s.Scheduling.Complete(c.context(), c.by, id) })
}

// missAppointment says that the patient did not come: POST /calendar/appointments/{id}/no-show.
func (s *Server) missAppointment(c *call) error {
	return s.step(c, "done.calendar-no-show", func(id string) (scheduling.Appointment, error) { return s.Scheduling.MarkNoShow(c.context(), c.by, id) })
}

// rewordAppointment writes what it is about anew: POST /calendar/appointments/{id}/reason.
func (s *Server) rewordAppointment(c *call) error {
	reason, err := c.reason("reason")
	if err != nil {
		return err
	}
	return s.step(c, "done.calendar-reason", func(id string) (scheduling.Appointment, error) {
		return s.Scheduling.SetReason(c.context(), c.by, id, reason)
	})
}
