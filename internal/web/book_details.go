package web

import (
	"math"
	"time"
	"unicode/utf8"

	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// heldView is what pages about a hold, or a visit, show of it.
type heldView struct {
	id           string
	name         string // the practitioner's
	specialty    string
	moment       string
	yours        string // the same where the reader is; empty: clocks say the same
	lasts        string
	reference    string
	reason       string
	cancelBy     string // until when the patient can cancel
	late         bool   // and that is over
	until        string // until when it is held
	left         int    // seconds until then, where it is to be counted
	again        answers
	practitioner scheduling.Practitioner
}

// heldOf makes the view of an appointment for its patient.
func heldOf(w *words.Words, a scheduling.Appointment, p scheduling.Practitioner, now time.Time) heldView {
	loc := zoneNamed(a.TimeZone)
	by := p.Policy.CancelBy(a.Start)
	v := heldView{
		id: a.ID.String(), name: p.Name, specialty: p.Specialty, practitioner: p, reference: a.Reference, reason: a.Reason.Reveal(),
		moment: w.Moment(a.Start, loc), yours: readersMoment(w, a.Start, loc), lasts: w.Duration(a.End.Sub(a.Start)),
		cancelBy: w.Moment(by, loc), late: now.After(by), again: answersOf(a),
	}
	if yours := readersMoment(w, by, loc); yours != "" {
		v.cancelBy += " (" + yours + ")"
	}
	if a.Status == scheduling.Held {
		v.until, v.left = heldUntil(w, a, now)
	}
	return v
}

// answersOf are the answers that led to an appointment.
func answersOf(a scheduling.Appointment) answers {
	return answers{
		length: int(a.End.Sub(a.Start) / time.Minute), with: a.Practitioner().String(), held: a.ID.String(),
		date: bookedOn(a),
	}
}

// heldUntil says until when a time is held, in the reader's zone if that is known,
// and how many seconds are left, if there are so few that they are to be counted.
func heldUntil(w *words.Words, a scheduling.Appointment, now time.Time) (text string, left int) {
	loc := zoneNamed(a.TimeZone)
	if w.Zone != nil {
		loc = w.Zone
	}
	rest := a.HoldExpiresAt.Sub(now)
	if rest > time.Hour {
		return w.Say("book.held-until", "Time", w.Moment(a.HoldExpiresAt, loc)), 0
	}
	return w.Say("book.held-until", "Time", w.Time(a.HoldExpiresAt, loc)+", "+w.ZoneName(a.HoldExpiresAt, loc)), int(math.Ceil(rest.Seconds()))
}

// bookDetailsView asks who the visit is for, and what about.
type bookDetailsView struct {
	heldView
	form         ui.Form
	title        string
	person       string
	email, phone string
	version      string
}

// heldIn reads the appointment that a page is about. A hold that is over, or was
// given back, has a page of its own, which is then shown: done.
func (s *Server) heldIn(c *call) (v heldView, a scheduling.Appointment, done bool, err error) {
	if a, err = s.Scheduling.Appointment(c.context(), c.by, c.id("id")); err != nil {
		return v, a, false, err
	}
	p, err := s.Scheduling.Practitioner(c.context(), c.by, a.Practitioner().String())
	if err != nil {
		return v, a, false, err
	}
	v = heldOf(c.words, a, p, s.Now())
	if a.Status == scheduling.Expired || a.Status == scheduling.Cancelled {
		return v, a, true, s.bookOver(c, v, a)
	}
	return v, a, false, nil
}

// bookDetails asks who the visit is for, and what about: GET /book/{id}/details.
func (s *Server) bookDetails(c *call) error {
	return s.showBookDetails(c, ui.Form{})
}

func (s *Server) showBookDetails(c *call, form ui.Form) error {
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
	v := detailsOf(visit, u)
	v.form, v.title = form, c.say("book.details-title")
	return c.show(page{title: v.title, form: form}, bookDetailsContent(v))
}

// detailsOf shows a patient their own name and how they are reached.
func detailsOf(visit heldView, u directory.User) bookDetailsView {
	return bookDetailsView{heldView: visit, person: u.Name.Reveal(), email: u.Email.Reveal(), phone: u.Phone.Reveal(), version: u.ETag()}
}

// longestReason is in characters, as in the API.
const longestReason = 1000

// bookTell keeps what was said about the visit: POST /book/{id}/details.
func (s *Server) bookTell(c *call) error {
	u, err := s.Directory.User(c.context(), c.by, c.by.UserID.String())
	if err != nil {
		return err
	}
	reason := phi.Value[string]{}
	if said := c.field("reason"); utf8.RuneCountInString(said) > longestReason {
		form := ui.Form{Values: c.form, Wrong: map[string]string{"reason": c.say("book.reason-long", "N", c.words.Number(longestReason))}}
		return s.showBookDetails(c, form)
	} else if said != "" {
		reason = phi.Of(said)
	}
	if phone := c.field("phone"); phone != detailsOf(heldView{}, u).phone {
		change := directory.UserChange{Phone: new(phi.Of(phone))}
		_, err = s.Directory.ChangeUser(c.context(), c.by, u.ID.String(), etag.Match(c.field("version")), change)
	}
	if err == nil {
		_, err = s.Scheduling.SetReason(c.context(), c.by, c.id("id"), reason)
	}
	if err != nil {
		form, err := c.refused(err)
		if err != nil {
			return err
		}
		delete(form.Values, "version") // what is there now is what is changed next
		return s.showBookDetails(c, form)
	}
	return c.see("/book/" + c.id("id") + "/check")
}
