package web

import (
	"medbook/internal/auth"
	"medbook/internal/web/ui"
)

// passwordPage asks for another password: GET /account/password.
func passwordPage(c *call) error { return c.showPassword(ui.Form{}) }

func (c *call) showPassword(f ui.Form) error {
	return c.show(page{title: c.say("password.title"), form: f}, passwordContent(c.accountTabs(), f))
}

// changePassword sets it: POST /account/password.
func (s *Server) changePassword(c *call) error {
	fresh, err := c.newPassword("new_password")
	if err == nil {
		err = s.Auth.ChangePassword(c.context(), c.by, auth.Secret(c.form.Get("password")), fresh)
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return c.showPassword(f)
	}
	return c.done("/account/password", "done.password")
}
