package web

import (
	"time"

	"medbook/internal/auth"
)

// departureCookie has the challenge while its user is at an identity provider: who
// comes back to another browser can't use it.
const departureCookie = "__Host-departure"

// leaveForProvider goes to sign in at an identity provider: POST /sign-in/provider.
func (s *Server) leaveForProvider(c *call) error {
	next := local(c.field("next"), "")
	d, err := s.Auth.SignInAt(c.context(), c.field("provider"))
	if err != nil {
		return s.signInRefused(c, signInView{next: next}, err)
	}
	c.keepNext(next)
	return c.depart(d, c.field("provider"))
}

// depart shows a page that leads to a provider. The form itself may not: its answer
// would be another site's, which the Content-Security-Policy keeps forms from.
func (c *call) depart(d auth.Departure, provider string) error {
	c.remember(departureCookie, d.Challenge, d.ExpiresIn)
	return c.show(page{title: c.say("provider.title", "Name", provider), refresh: d.URL}, departContent(d.URL, provider))
}

// arriveView is what a browser came back with from an identity provider.
type arriveView struct {
	state, code, issuer string
	connect             bool // who is signed in wanted to be connected
}

// arrivePage is where identity providers send people back to, and else where one
// signs in: GET /account/sign-in. What came along counts by the form that is sent.
func (s *Server) arrivePage(c *call) error {
	if c.query("state") == "" {
		return s.signInPage(c)
	}
	if c.query("code") == "" || cookie(c.r, departureCookie) == "" {
		return s.signInRefused(c, signInView{}, auth.ErrIdentity)
	}
	v := arriveView{state: c.query("state"), code: c.query("code"), issuer: c.query("iss"), connect: !c.by.Anonymous()}
	return c.show(page{title: c.say("arrive.title"), scripts: []string{"arrive.js"}}, arriveContent(v))
}

// arriveFromProvider signs in who came back, or connects who was signed in: POST
// /account/sign-in.
func (s *Server) arriveFromProvider(c *call) error {
	back := auth.Return{Challenge: cookie(c.r, departureCookie), State: c.field("state"), Code: c.field("code"), Issuer: c.field("iss")}
	c.remember(departureCookie, "", -time.Second)
	if !c.by.Anonymous() {
		return s.connect(c, back)
	}
	in, err := s.Auth.SignInFrom(c.context(), stranger(c.by), back, true)
	if err != nil {
		return s.signInRefused(c, signInView{}, err)
	}
	return s.signedIn(c, in, "")
}
