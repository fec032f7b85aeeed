package web

// resetPage is where the link leads by which a password is set: GET /account/reset.
func (s *Server) resetPage(c *call) error { return showReset(c, linkView{}) }

func showReset(c *call, v linkView) error {
	return c.show(page{title: c.say("reset.title"), form: v.form}, resetContent(v))
}

// resetPassword sets a password with a link: POST /account/reset. Who was signed in is so no
// more.
func (s *Server) resetPassword(c *call) error {
	password, err := c.newPassword("password")
	if err == nil {
		err = s.Auth.ResetPassword(c.context(), stranger(c.by), c.token(), password)
	}
	if err != nil {
		var v linkView
		if v.form, err = c.refusedLink(err); err != nil {
			return err
		}
		return showReset(c, v)
	}
	return c.done("/sign-in", "done.reset")
}
