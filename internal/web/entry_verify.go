package web

import (
	"errors"

	"medbook/internal/auth"
)

// verifyPage is where the link leads that is sent to a new address: GET
// /account/verify.
func (s *Server) verifyPage(c *call) error { return showVerify(c, linkView{}) }

func showVerify(c *call, v linkView) error {
	return c.show(page{title: c.say("verify.title"), form: v.form}, verifyContent(v))
}

// verifyAddress shows that an address is the visitor's: POST /account/verify.
func (s *Server) verifyAddress(c *call) error {
	err := s.Auth.VerifyAddress(c.context(), stranger(c.by), c.token(), auth.Secret(c.form.Get("password")))
	if err != nil {
		v, wrong := linkView{}, errors.Is(err, auth.ErrSignIn)
		if v.form, err = c.refusedLink(err); err != nil {
			return err
		}
		if wrong {
			v.form.Problem = c.say("verify.wrong")
		}
		return showVerify(c, v)
	}
	return c.done("/sign-in", "done.verified")
}
