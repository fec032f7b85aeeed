package web

// confirmEmailPage is where the link leads that is sent to an address to which somebody
// wants to change: GET /account/email.
func (s *Server) confirmEmailPage(c *call) error { return showConfirmEmail(c, linkView{}) }

func showConfirmEmail(c *call, v linkView) error {
	return c.show(page{title: c.say("email.title"), form: v.form}, confirmEmailContent(v))
}

// confirmEmail makes the address theirs: POST /account/email.
func (s *Server) confirmEmail(c *call) error {
	if err := s.Directory.ConfirmEmail(c.context(), stranger(c.by), c.token()); err != nil {
		var v linkView
		if v.form, err = c.refusedLink(err); err != nil {
			return err
		}
		return showConfirmEmail(c, v)
	}
	if c.by.Anonymous() {
		return c.done("/sign-in", "done.email")
	}
	return c.done("/account", "done.email")
}
