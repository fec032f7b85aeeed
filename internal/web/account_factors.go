package web

import (
	"encoding/base64"
	"errors"
	"time"

	"medbook/internal/auth"
	listing "medbook/internal/page"
	"medbook/internal/web/ui"
)

// factorsView is one's second factors, or what to do while none was shown that must
// be.
type factorsView struct {
	tabs     []ui.Link
	weak     bool // one is needed, and was not shown in this session
	staff    bool // because they work here
	identity identityView
	factors  []factorView
	passkeys bool // this server can have some
}

type factorView struct{ id, name, kind, added, used string }

// factorsPage shows one's second factors: GET /account/second-factor. It is where
// everybody is led whose session can do nothing else yet.
func (s *Server) factorsPage(c *call) error {
	all, err := s.Auth.Factors(c.context(), c.by, listing.Request{Limit: 100})
	if err != nil {
		return err
	}
	v := factorsView{tabs: c.accountTabs(), weak: c.by.Weak, staff: c.by.Role != auth.Patient, passkeys: s.Auth.Passkeys != nil}
	v.identity = identityView{next: cookie(c.r, nextCookie), factor: len(all.Items) > 0}
	v.identity.next = local(v.identity.next, arrival(c.by.Role))
	for _, f := range all.Items {
		v.factors = append(v.factors, c.factorView(f))
	}
	return c.show(page{title: c.say("factors.title"), scripts: []string{"passkey.js"}}, factorsContent(v))
}

func (c *call) factorView(f auth.Factor) factorView {
	return factorView{id: f.ID.String(), name: f.Name, kind: c.say("factors." + string(f.Kind)), added: c.stamp(f.CreatedAt), used: c.stamp(f.LastUsedAt)}
}

// stamp writes an instant where the reader is, or in UTC where that is unknown, and
// nothing for one that never was.
func (c *call) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	zone := c.words.Zone
	if zone == nil {
		zone = time.UTC
	}
	return c.words.Moment(t, zone)
}

// newFactorView is the page on which one is added.
type newFactorView struct {
	form              ui.Form
	challenge, secret string
	picture           string // of the secret, for the app's camera; empty: the app has it
	create            string // what a browser makes a passkey of
	passkeys          bool
}

// appPage offers the secret of an authenticator app: GET /account/second-factor/app.
func (s *Server) appPage(c *call) error { return s.showApp(c, newFactorView{}) }

// showApp shows the form with a new secret, for nothing was kept of the one before.
func (s *Server) showApp(c *call, v newFactorView) error {
	o, err := s.Auth.OfferFactor(c.context(), c.by, auth.TOTP)
	if err != nil {
		return err
	}
	picture, err := o.Picture()
	if err != nil {
		return err
	}
	v.challenge, v.secret = o.Challenge, o.Secret
	v.picture = "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
	return c.show(page{title: c.say("app.title"), form: v.form}, appContent(v))
}

// passkeyPage offers to make a passkey: GET /account/second-factor/passkey.
func (s *Server) passkeyPage(c *call) error { return s.showPasskey(c, newFactorView{}) }

func (s *Server) showPasskey(c *call, v newFactorView) error {
	v.passkeys = s.Auth.Passkeys != nil
	if v.passkeys {
		o, err := s.Auth.OfferFactor(c.context(), c.by, auth.Passkey)
		if err != nil {
			return err
		}
		v.challenge, v.create = o.Challenge, string(o.Passkey)
	}
	return c.show(page{title: c.say("passkey.title"), form: v.form, scripts: []string{"passkey.js"}}, newPasskeyContent(v))
}

// addApp adds an authenticator app: POST /account/second-factor/app.
func (s *Server) addApp(c *call) error {
	_, codes, err := s.Auth.AddFactor(c.context(), c.by, auth.NewFactor{
		Challenge: c.field("challenge"), Name: c.field("name"), Code: auth.Secret(c.field("code")),
	})
	if errors.Is(err, auth.ErrWrongFactor) || errors.Is(err, auth.ErrInvalidFactor) { // the app has the secret, and the offer still holds
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		f.Values.Del("code")
		return c.show(page{title: c.say("app.title"), form: f}, appContent(newFactorView{form: f, challenge: c.field("challenge")}))
	}
	if err != nil {
		return s.factorRefused(c, err, s.showApp)
	}
	return s.added(c, codes)
}

// addPasskey adds a passkey: POST /account/second-factor/passkey.
func (s *Server) addPasskey(c *call) error {
	_, codes, err := s.Auth.AddFactor(c.context(), c.by, auth.NewFactor{
		Challenge: c.field("challenge"), Name: c.field("name"), Credential: []byte(c.field("credential")),
	})
	if err != nil {
		return s.factorRefused(c, err, s.showPasskey)
	}
	return s.added(c, codes)
}

func (s *Server) factorRefused(c *call, err error, show func(*call, newFactorView) error) error {
	var v newFactorView
	if v.form, err = c.refused(err); err != nil {
		return err
	}
	for _, field := range []string{"challenge", "credential", "code"} {
		v.form.Values.Del(field) // there is a new offer
	}
	return show(c, v)
}

// added shows the recovery codes that came with the first factor, this once.
func (s *Server) added(c *call, codes []string) error {
	c.by.Weak = false
	if len(codes) == 0 {
		return c.done("/account/second-factor", "done.factor-added")
	}
	return c.showCodes(codes)
}

// codesView is recovery codes, which are shown once.
type codesView struct {
	codes []string
	next  string
}

func (c *call) showCodes(codes []string) error {
	return c.show(page{title: c.say("codes.title")}, codesContent(codesView{codes, c.takeNext("/account/second-factor")}))
}

// renewCodesPage asks whether the codes are to be renewed: GET
// /account/second-factor/codes.
func renewCodesPage(c *call) error {
	return c.confirm(confirmView{
		title: c.say("codes.renew"), text: c.say("codes.renew-lead"), act: c.say("codes.renew"),
		action: "/account/second-factor/codes", back: "/account/second-factor",
	})
}

// renewCodes makes new codes: POST /account/second-factor/codes.
func (s *Server) renewCodes(c *call) error {
	codes, err := s.Auth.RenewRecoveryCodes(c.context(), c.by)
	if err != nil {
		return err
	}
	return c.showCodes(codes)
}

// removeFactorPage asks whether a factor is to be removed: GET
// /account/second-factor/{id}/remove.
func removeFactorPage(c *call) error {
	return c.confirm(confirmView{
		title: c.say("factors.remove"), text: c.say("factors.remove-lead"), act: c.say("factors.remove"), kind: "danger",
		action: c.r.URL.Path, back: "/account/second-factor",
	})
}

// removeFactor takes one away: POST /account/second-factor/{id}/remove.
func (s *Server) removeFactor(c *call) error {
	if err := s.Auth.RemoveFactor(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/account/second-factor", "done.factor-removed")
}

// confirm asks once more.
func (c *call) confirm(v confirmView) error {
	return c.show(page{title: v.title, form: v.form}, confirmContent(v))
}
