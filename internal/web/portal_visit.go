package web

import (
	"unicode/utf8"

	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// waitEarlier puts a patient on the waiting list for any time before an appointment:
// POST /my/visits/{id}/earlier.
func (s *Server) waitEarlier(c *call, d door, a scheduling.Appointment) error {
	req := scheduling.WaitRequest{Practitioner: a.Practitioner().String(), From: s.Now(), To: a.Start}
	_, err := s.Scheduling.JoinWaitlist(c.once(func(any) string { return d.page }), c.by, req)
	switch {
	case err == nil:
		return c.done(d.page, "done.portal-waits")
	case c.again(err):
		return nil
	}
	form, err := c.refused(err)
	if err != nil {
		return err
	}
	return s.showOwnVisit(c, d, a, form)
}

// reasonView asks what an appointment is about.
type reasonView struct {
	ownVisit
	form ui.Form
	most int
	was  string
}

// mostReason is how many characters a reason has, as the API takes it.
const mostReason = 1000

// reasonPage asks what an appointment is about: GET /my/visits/{id}/reason.
func (s *Server) reasonPage(c *call, d door, a scheduling.Appointment) error {
	return s.showReason(c, d, a, ui.Form{})
}

func (s *Server) showReason(c *call, d door, a scheduling.Appointment, form ui.Form) error {
	v, err := s.ownVisitOf(c, d, a)
	if err != nil {
		return err
	}
	if !v.held && !v.confirmed && !form.Failed() {
		return c.see(d.page)
	}
	r := reasonView{ownVisit: v, form: form, most: mostReason, was: reasonOf(a)}
	return c.show(page{title: c.say("portal.reason-title"), form: form}, reasonContent(r))
}

// reasonOf shows a patient what they said that their visit is about.
func reasonOf(a scheduling.Appointment) string { return a.Reason.Reveal() }

// changeReason keeps what an appointment is about: POST /my/visits/{id}/reason.
func (s *Server) changeReason(c *call, d door, a scheduling.Appointment) error {
	reason := phi.Value[string]{}
	if typed := c.field("reason"); typed != "" {
		reason = phi.Of(typed)
	}
	if utf8.RuneCountInString(c.field("reason")) > mostReason {
		form := ui.Form{Values: c.form, Wrong: map[string]string{"reason": c.say("portal.reason-long", "N", c.words.Number(mostReason))}}
		return s.showReason(c, d, a, form)
	}
	if _, err := s.Scheduling.SetReason(c.context(), c.by, d.appointment, reason); err != nil {
		form, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showReason(c, d, a, form)
	}
	return c.done(d.page, "done.portal-reason")
}
