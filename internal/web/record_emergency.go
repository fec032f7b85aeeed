package web

import (
	"errors"

	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// emergencyPage asks for the reason of an emergency: GET /patients/{id}/emergency.
func (s *Server) emergencyPage(c *call) error { return s.showEmergency(c, ui.Form{}) }

func (s *Server) showEmergency(c *call, form ui.Form) error {
	return c.show(page{title: c.say("record.emergency"), form: form}, emergencyContent(recordHead{ID: c.id("id")}, form))
}

// openEmergency opens a record in an emergency: POST /patients/{id}/emergency.
func (s *Server) openEmergency(c *call) error {
	to := recordHead{ID: c.id("id")}.Path("")
	var reason phi.Value[string]
	if text := c.field("reason"); text != "" {
		reason = phi.Of(text)
	}
	ctx := c.once(func(any) string { return to })
	_, err := s.Encounters.OpenInEmergency(ctx, c.by, c.id("id"), reason)
	switch {
	case err == nil:
		return c.done(to, "done.record-emergency")
	case c.again(err):
		return nil
	case errors.Is(err, encounters.ErrInCare):
		return c.see(to)
	case errors.Is(err, directory.ErrPatientNotFound):
		return err
	}
	form, err := c.refused(err)
	if err != nil {
		return err
	}
	if len(form.Wrong) > 0 {
		form.Problem = ""
	}
	return s.showEmergency(c, form)
}
