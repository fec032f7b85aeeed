package web

import (
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// addressPage asks for another e-mail address: GET /account/address.
func addressPage(c *call) error { return c.showAddress(ui.Form{}) }

func (c *call) showAddress(f ui.Form) error {
	return c.show(page{title: c.say("address.title"), form: f}, addressContent(c.accountTabs(), f))
}

// askForAddress sends a link there: POST /account/address. Nothing tells whether
// somebody has the address.
func (s *Server) askForAddress(c *call) error {
	if err := s.Directory.AskForEmail(c.context(), c.by, phi.Of(c.field("email"))); err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return c.showAddress(f)
	}
	return c.done("/account/address", "done.address-asked")
}
