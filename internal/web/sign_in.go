package web

import (
	"cmp"
	"errors"
	"time"

	"medbook/internal/auth"
	"medbook/internal/gate"
	"medbook/internal/web/ui"
)

// signInView is the page to sign in on.
type signInView struct {
	form      ui.Form
	next      string // where to go then
	factor    bool   // the code of a second factor is asked for
	providers []string
}

// signInPage asks who somebody is: GET /sign-in.
func (s *Server) signInPage(c *call) error {
	if !c.by.Anonymous() && !c.by.Weak {
		return c.see(local(c.query("next"), arrival(c.by.Role)))
	}
	return s.showSignIn(c, signInView{next: local(c.query("next"), "")})
}

func (s *Server) showSignIn(c *call, v signInView) error {
	v.providers = s.Auth.Providers()
	return c.show(page{title: c.say("sign-in.title"), form: v.form, scripts: []string{"passkey.js"}}, signInContent(v))
}

// signIn starts a session: POST /sign-in.
func (s *Server) signIn(c *call) error {
	next := local(c.field("next"), "")
	in, err := s.Auth.SignIn(c.context(), stranger(c.by), auth.LogIn{
		Email: c.field("email"), Password: auth.Secret(c.form.Get("password")), Code: auth.Secret(c.field("code")), Browser: true,
	})
	if err != nil {
		factor := errors.Is(err, auth.ErrFactor) || errors.Is(err, auth.ErrFactorRefused)
		return s.signInRefused(c, signInView{next: next, factor: factor}, err)
	}
	return s.signedIn(c, in, next)
}

// signInRefused shows the page again, in whichever way somebody tried to sign in.
func (s *Server) signInRefused(c *call, v signInView, err error) error {
	if v.form, err = c.refused(err); err != nil {
		return err
	}
	return s.showSignIn(c, v)
}

// signedIn gives a browser its session, in the language of who signed in, and leads
// on.
func (s *Server) signedIn(c *call, in auth.SignedIn, next string) error {
	cookie := gate.SessionCookie(in.Cookie, 0)
	c.w.Header().Add("Set-Cookie", cookie.String())
	by, err := s.Auth.Authenticate(c.context(), auth.Shown{Cookie: in.Cookie}, stranger(c.by))
	if err != nil {
		return err
	}
	p, err := s.Notify.Preferences(c.context(), by)
	if err != nil {
		return err
	}
	if p.Language != "" {
		c.keepLanguage(p.Language)
	}
	if err := s.learnZone(c, by); err != nil {
		return err
	}
	if going := c.takeNext(""); next == "" || next == "/" {
		next = going
	}
	if by.Weak {
		c.keepNext(next)
		return c.see("/account/second-factor")
	}
	return c.see(cmp.Or(next, arrival(by.Role)))
}

// signOut ends the session: POST /sign-out.
func (s *Server) signOut(c *call) error {
	if !c.by.Anonymous() {
		if err := s.Auth.LogOut(c.context(), c.by, false); err != nil {
			return err
		}
	}
	c.w.Header().Add("Set-Cookie", gate.SessionCookie("", -1).String())
	c.remember(passCookie, "", -time.Second) // whoever sits down here next has no booking open
	c.by = auth.Actor{}
	return c.done("/", "done.signed-out")
}

// stranger is who asks without the credential that was shown.
func stranger(by auth.Actor) auth.Actor {
	return auth.Actor{RequestID: by.RequestID, Address: by.Address, Agent: by.Agent}
}
