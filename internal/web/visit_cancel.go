package web

import (
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// cancelView asks whether an appointment shall be cancelled.
type cancelView struct {
	ownVisit
	form ui.Form
}

// cancelPage asks before it is final: GET /visit/cancel and /my/visits/{id}/cancel.
func (s *Server) cancelPage(c *call, d door, a scheduling.Appointment) error {
	return s.showCancel(c, d, a, ui.Form{})
}

func (s *Server) showCancel(c *call, d door, a scheduling.Appointment, form ui.Form) error {
	v, err := s.ownVisitOf(c, d, a)
	if err != nil {
		return err
	}
	if !v.can && !form.Failed() {
		return c.see(d.page) // which says why not
	}
	return c.show(page{title: c.say("visit.cancel-title"), form: form}, cancelContent(cancelView{v, form}))
}

// cancelVisit cancels an appointment: POST /visit/cancel and /my/visits/{id}/cancel.
// A hold is given back so.
func (s *Server) cancelVisit(c *call, d door, a scheduling.Appointment) error {
	_, err := s.Scheduling.Cancel(c.context(), d.by, d.appointment, scheduling.CancelRequest{})
	if err != nil {
		form, err := c.sayRefused(err)
		if err != nil {
			return err
		}
		return s.showCancel(c, d, a, form)
	}
	if a.Status == scheduling.Held {
		return c.done(d.page, "done.visit-released")
	}
	return c.done(d.page, "done.visit-cancelled")
}
