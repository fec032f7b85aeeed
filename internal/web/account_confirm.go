package web

import (
	"medbook/internal/auth"
	listing "medbook/internal/page"
	"medbook/internal/web/ui"
)

// confirmView asks once more before something is done.
type confirmView struct {
	form                   ui.Form
	title, text, act, kind string
	action, back           string
}

// identityView is the page on which who is signed in shows again who they are.
type identityView struct {
	form   ui.Form
	next   string
	factor bool // they have a second factor, which then counts
}

// identityPage asks for a fresh proof: GET /confirm-identity.
func (s *Server) identityPage(c *call) error {
	return s.showIdentity(c, identityView{next: local(c.query("next"), "/account")})
}

func (s *Server) showIdentity(c *call, v identityView) error {
	factors, err := s.Auth.Factors(c.context(), c.by, listing.Request{Limit: 1})
	if err != nil {
		return err
	}
	v.factor = len(factors.Items) > 0
	return c.show(page{title: c.say("identity.title"), form: v.form, scripts: []string{"passkey.js"}}, identityContent(v))
}

// proveIdentity takes the proof and leads back: POST /confirm-identity.
func (s *Server) proveIdentity(c *call) error {
	v := identityView{next: local(c.field("next"), "/account")}
	proof := auth.Proof{Password: auth.Secret(c.form.Get("password")), Code: auth.Secret(c.field("code"))}
	if c.field("credential") != "" {
		proof = c.passkeyProof()
	}
	if err := s.Auth.StepUp(c.context(), c.by, proof); err != nil {
		if v.form, err = c.refused(err); err != nil {
			return err
		}
		return s.showIdentity(c, v)
	}
	return c.see(v.next)
}
