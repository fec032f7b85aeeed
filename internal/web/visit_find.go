package web

import (
	"errors"
	"time"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/gate"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// findVisitView is the page on which bookings are found.
type findVisitView struct {
	form ui.Form
	over bool // a booking was found before, and the time to look at it is over
	had  bool // one is open in this browser
}

// findVisit asks for what only the patient should know: GET /visit. Links in messages
// lead here, too; their token is in the fragment, which a script puts into a form.
func (s *Server) findVisit(c *call) error {
	return s.showFindVisit(c, findVisitView{over: c.query("over") != "", had: cookie(c.r, passCookie) != ""})
}

func (s *Server) showFindVisit(c *call, v findVisitView) error {
	return c.show(page{title: c.say("visit.find-title"), form: v.form}, findVisitContent(v))
}

// openVisit finds a booking, by a link's token or by reference and date of birth:
// POST /visit. The pass to it goes into a cookie, never into an address.
func (s *Server) openVisit(c *call) error {
	var pass string
	var err error
	if token := c.field("token"); token != "" {
		pass, _, err = s.Scheduling.OpenVisit(c.context(), stranger(c.by), auth.Secret(token))
	} else {
		pass, _, err = s.Scheduling.FindVisit(c.context(), stranger(c.by), c.field("reference"), phi.Of(c.field("born")))
	}
	if err != nil {
		c.form.Del("token")
		v := findVisitView{}
		if v.form, err = c.visitRefused(err); err != nil {
			return err
		}
		return s.showFindVisit(c, v)
	}
	c.remember(passCookie, pass, passLife)
	return c.see("/visit/booking")
}

// visitRefused is refused, for which a booking that is not found is nothing to end a
// page with: one types the same again.
func (c *call) visitRefused(err error) (ui.Form, error) {
	if !errors.Is(err, scheduling.ErrVisitNotFound) {
		return c.refused(err)
	}
	gate.Note(c.context(), err)
	return ui.Form{Values: c.form, Problem: c.problem(errs.As(err))}, nil
}

// forgetVisit takes the pass from the browser: POST /visit/forget.
func forgetVisit(c *call) error {
	c.remember(passCookie, "", -time.Second)
	return c.done("/visit", "done.visit-forgotten")
}
