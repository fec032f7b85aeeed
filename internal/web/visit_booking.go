package web

import (
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// bookingView is the page of one appointment.
type bookingView struct {
	ownVisit
	form    ui.Form
	earlier bool // one can wait for an earlier time
	waits   bool // and does already
	once    string
}

// ownVisitPage shows one appointment to its patient: GET /visit/booking and
// /my/visits/{id}.
func (s *Server) ownVisitPage(c *call, d door, a scheduling.Appointment) error {
	return s.showOwnVisit(c, d, a, ui.Form{})
}

func (s *Server) showOwnVisit(c *call, d door, a scheduling.Appointment, form ui.Form) error {
	v := bookingView{form: form, once: newOnce()}
	var err error
	if v.ownVisit, err = s.ownVisitOf(c, d, a); err != nil {
		return err
	}
	v.earlier = d.signed && v.confirmed && v.practitioner != "" && s.Now().Before(a.Start)
	if v.earlier {
		if v.waits, err = s.waitsBefore(c, a); err != nil {
			return err
		}
	}
	return c.show(page{title: c.say("visit.title", "Date", v.date), form: form}, ownVisitContent(v))
}

// waitsBefore reports whether a patient waits for a time before an appointment with
// the same practitioner.
func (s *Server) waitsBefore(c *call, a scheduling.Appointment) (bool, error) {
	all, err := s.waits(c)
	for _, w := range all {
		if w.Practitioner == a.Practitioner() && w.To.After(s.Now()) && w.From.Before(a.Start) {
			return true, err
		}
	}
	return false, err
}

// waits lists all that a patient waits for.
func (s *Server) waits(c *call) ([]scheduling.Wait, error) {
	return every(func(req pages.Request) (pages.Of[scheduling.Wait], error) {
		return s.Scheduling.Waitlist(c.context(), c.by, req)
	})
}

// confirmVisit makes a hold a booking: POST /visit/confirm.
func (s *Server) confirmVisit(c *call, d door, _ scheduling.Appointment) error {
	_, err := s.Scheduling.Confirm(c.context(), d.by, d.appointment)
	if err == nil {
		return c.done(d.page, "done.visit-confirmed")
	}
	form, err := c.sayRefused(err)
	if err != nil {
		return err
	}
	a, err := s.Scheduling.Appointment(c.context(), d.by, d.appointment)
	if err != nil {
		return err
	}
	return s.showOwnVisit(c, d, a, form)
}
