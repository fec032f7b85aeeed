package web

import (
	"medbook/internal/auth"
	"medbook/internal/gate"
	listing "medbook/internal/page"
	"medbook/internal/web/ui"
)

// sessionsView is where somebody is signed in.
type sessionsView struct {
	tabs     []ui.Link
	sessions []sessionView
	next     string
}

type sessionView struct {
	id, agent, address, began, seen string
	current                         bool
}

// sessionsPage lists them: GET /account/sessions.
func (s *Server) sessionsPage(c *call) error {
	p, err := s.Auth.Sessions(c.context(), c.by, listing.Request{Limit: 50, After: c.query("after")})
	if err != nil {
		return err
	}
	v := sessionsView{tabs: c.accountTabs()}
	for _, x := range p.Items {
		v.sessions = append(v.sessions, sessionView{
			id: x.ID.String(), agent: c.agent(x), address: x.Address, began: c.stamp(x.CreatedAt), seen: c.stamp(x.SeenAt), current: x.Current,
		})
	}
	if p.Next != "" {
		v.next = "/account/sessions?after=" + queryText(p.Next)
	}
	return c.show(page{title: c.say("sessions.title")}, sessionsContent(v))
}

// agent is the kind of program of a session.
func (c *call) agent(x auth.Session) string {
	if x.Agent == "" {
		return c.say("sessions.unknown")
	}
	if !x.Browser {
		return c.say("sessions.program", "Name", x.Agent)
	}
	return x.Agent
}

// endSession ends one: POST /account/sessions/{id}/end.
func (s *Server) endSession(c *call) error {
	if err := s.Auth.EndSession(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	if c.id("id") == c.by.CredentialID.String() {
		return c.left()
	}
	return c.done("/account/sessions", "done.session-ended")
}

// endSessions ends all: POST /account/sessions/end.
func (s *Server) endSessions(c *call) error {
	if err := s.Auth.LogOut(c.context(), c.by, true); err != nil {
		return err
	}
	return c.left()
}

// left takes the session's cookie away, and says so.
func (c *call) left() error {
	c.w.Header().Add("Set-Cookie", gate.SessionCookie("", -1).String())
	c.by = stranger(c.by)
	return c.done("/sign-in", "done.signed-out")
}
