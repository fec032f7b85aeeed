package web

import (
	"medbook/internal/directory"
	listing "medbook/internal/page"
)

// tourStep is something to do in a new clinic.
type tourStep struct {
	what, href string // its texts in the catalogue, and where it is done
	done       bool
}

// welcome leads an admin through what a new clinic needs: GET /welcome.
func (s *Server) welcome(c *call) error {
	practitioners, err := s.Scheduling.Practitioners(c.context(), c.by, directory.PractitionerFilter{}, listing.Request{Limit: 1})
	if err != nil {
		return err
	}
	factors, err := s.Auth.Factors(c.context(), c.by, listing.Request{Limit: 1})
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("welcome.title")}, welcomeContent([]tourStep{
		{what: "sign-in", done: true},
		{what: "factor", href: "/account/second-factor", done: len(factors.Items) > 0},
		{what: "people", href: "/admin/users", done: len(practitioners.Items) > 0},
		{what: "hours"},
		{what: "book", href: "/book"},
		{what: "messages", href: "/admin/messages"},
	}))
}
