package web

import (
	"medbook/internal/directory"
	"medbook/internal/ics"
	"medbook/internal/scheduling"
)

// bookDoneView is a booking that stands.
type bookDoneView struct {
	heldView
	findable bool // by reference and date of birth
	open     bool // it is still to come about: it can be changed
}

// bookDone shows the booking, as often as it is asked for: GET /book/{id}/done.
func (s *Server) bookDone(c *call) error {
	visit, a, done, err := s.heldIn(c)
	if err != nil || done {
		return err
	}
	if a.Status == scheduling.Held {
		return c.see("/book/" + visit.id + "/check")
	}
	u, err := s.Directory.User(c.context(), c.by, c.by.UserID.String())
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("book.done-title")}, bookDoneContent(doneOf(visit, a, u)))
}

// doneOf shows a patient their booking. Who said when they were born can find it
// without signing in.
func doneOf(visit heldView, a scheduling.Appointment, u directory.User) bookDoneView {
	return bookDoneView{heldView: visit, findable: !u.DateOfBirth.IsZero(), open: a.Status == scheduling.Confirmed}
}

// bookCalendar answers with the booking for calendar programs: GET
// /book/{id}/calendar.ics.
func (s *Server) bookCalendar(c *call) error {
	a, err := s.Scheduling.Appointment(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	return c.download("appointment.ics", ics.Type, ics.Calendar(a.Entry(s.clinic(c.context()))))
}
