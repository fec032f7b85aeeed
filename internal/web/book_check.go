package web

import (
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/scheduling"
	"medbook/internal/web/words"
)

// bookCheckView is all that was answered, before it is final.
type bookCheckView struct {
	heldView
	person, email, phone string
}

// bookCheck shows all answers before the booking is final: GET /book/{id}/check.
func (s *Server) bookCheck(c *call) error {
	visit, a, done, err := s.heldIn(c)
	if err != nil || done {
		return err
	}
	if a.Status != scheduling.Held {
		return c.see("/book/" + visit.id + "/done")
	}
	u, err := s.Directory.User(c.context(), c.by, c.by.UserID.String())
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("book.check-title")}, bookCheckContent(checkOf(visit, u)))
}

// checkOf shows a patient what they answered.
func checkOf(visit heldView, u directory.User) bookCheckView {
	return bookCheckView{heldView: visit, person: u.Name.Reveal(), email: u.Email.Reveal(), phone: u.Phone.Reveal()}
}

// bookConfirm makes the hold a booking: POST /book/{id}/confirm.
func (s *Server) bookConfirm(c *call) error {
	_, err := s.Scheduling.Confirm(c.context(), c.by, c.id("id"))
	switch errs.KindOf(err) {
	case errs.Gone, errs.Conflict: // the page of the visit says why
		if err != nil {
			return s.bookDone(c)
		}
	}
	if err != nil {
		return err
	}
	return c.see("/book/" + c.id("id") + "/done")
}

// bookRelease gives the time back: POST /book/{id}/release. What was answered stays.
func (s *Server) bookRelease(c *call) error {
	a, err := s.Scheduling.Appointment(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	if a.Status == scheduling.Confirmed { // a form of before it was confirmed
		return c.see("/book/" + a.ID.String() + "/done")
	}
	if _, err := s.releaseHold(c, a.ID.String()); err != nil {
		return err
	}
	again := answersOf(a)
	again.held = ""
	return c.done(again.at("/book/date"), "done.book-released")
}

// visitFacts is what was answered before a time was held.
func visitFacts(w *words.Words, v heldView) []bookFact {
	return []bookFact{
		{name: w.Say("book.with"), value: v.name, more: v.specialty, change: v.again.at("/book/who")},
		{name: w.Say("book.time"), value: v.moment, more: v.yours, change: v.again.at("/book/time")},
		{name: w.Say("book.length"), value: v.lasts, change: v.again.at("/book")},
	}
}

// bookedOn is the practitioner's date of an appointment.
func bookedOn(a scheduling.Appointment) calendar.Date {
	return calendar.DateIn(a.Start, zoneNamed(a.TimeZone))
}
