package web

import "medbook/internal/web/ui"

// forgottenPage asks for the address of who does not know their password: GET
// /forgotten.
func (s *Server) forgottenPage(c *call) error {
	return c.show(page{title: c.say("forgotten.title")}, forgottenContent(ui.Form{}))
}

// askForReset sends a link there, if it is somebody's: POST /forgotten.
func (s *Server) askForReset(c *call) error {
	if err := s.Auth.RequestReset(c.context(), stranger(c.by), c.field("email")); err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return c.show(page{title: c.say("forgotten.title"), form: f}, forgottenContent(f))
	}
	return c.see("/forgotten/sent")
}

// forgottenSent says to look for the message: GET /forgotten/sent.
func forgottenSent(c *call) error {
	return c.show(page{title: c.say("forgotten.sent")}, sentContent("forgotten"))
}
