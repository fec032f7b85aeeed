package web

import (
	"errors"

	"medbook/internal/auth"
	listing "medbook/internal/page"
	"medbook/internal/web/ui"
)

// connectionsView is at which identity providers somebody is known.
type connectionsView struct {
	tabs        []ui.Link
	form        ui.Form
	connections []connectionView
	providers   []string
}

type connectionView struct{ id, provider, since string }

// connectionsPage lists them: GET /account/connections.
func (s *Server) connectionsPage(c *call) error { return s.showConnections(c, ui.Form{}) }

func (s *Server) showConnections(c *call, f ui.Form) error {
	p, err := s.Auth.Identities(c.context(), c.by, listing.Request{Limit: 100})
	if err != nil {
		return err
	}
	v := connectionsView{tabs: c.accountTabs(), form: f, providers: s.Auth.Providers()}
	for _, i := range p.Items {
		v.connections = append(v.connections, connectionView{i.ID.String(), i.Provider, c.stamp(i.CreatedAt)})
	}
	return c.show(page{title: c.say("connections.title"), form: f}, connectionsContent(v))
}

// leaveToConnect goes to a provider to be connected: POST /account/connections.
func (s *Server) leaveToConnect(c *call) error {
	d, err := s.Auth.ConnectWith(c.context(), c.by, c.field("provider"))
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showConnections(c, f)
	}
	return c.depart(d, c.field("provider"))
}

// connect connects who came back from there.
func (s *Server) connect(c *call, back auth.Return) error {
	err := s.Auth.Connect(c.context(), c.by, back)
	if errors.Is(err, auth.ErrStepUp) { // it took too long there
		return c.see("/confirm-identity?next=/account/connections")
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showConnections(c, f)
	}
	return c.done("/account/connections", "done.connected")
}

// disconnectPage asks whether a connection is to end: GET
// /account/connections/{id}/end.
func disconnectPage(c *call) error {
	return c.confirm(confirmView{
		title: c.say("connections.end"), text: c.say("connections.end-lead"), act: c.say("connections.end"), kind: "danger",
		action: c.r.URL.Path, back: "/account/connections",
	})
}

// disconnect ends one: POST /account/connections/{id}/end.
func (s *Server) disconnect(c *call) error {
	if err := s.Auth.Disconnect(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/account/connections", "done.disconnected")
}
