package web

import (
	"net/http"

	"medbook/internal/scheduling"
)

// bookOverView is a hold that is over: it ran out, or was given back.
type bookOverView struct {
	heldView
	title, text string
	nearest     []bookPick
}

// bookOver shows that a time is held no longer, with the times closest to it and a way
// to begin again.
func (s *Server) bookOver(c *call, visit heldView, a scheduling.Appointment) error {
	v := bookOverView{heldView: visit, title: c.say("book.over-title"), text: c.say("book.over")}
	if a.Status == scheduling.Cancelled {
		v.title, v.text = c.say("book.cancelled-title"), c.say("book.cancelled")
	}
	v.again.held = ""
	b := booking{answers: v.again, all: []scheduling.Practitioner{v.practitioner}}
	var err error
	if a.Start.After(s.Now()) {
		if v.nearest, err = s.nearestTimes(c, b, a.Start, 6); err != nil {
			return err
		}
	}
	return c.show(page{title: v.title, status: http.StatusGone}, bookOverContent(v))
}
