package web

import (
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/ics"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// passCookie has the pass to the one booking that was found without signing in.
const passCookie = "__Host-medbook-visit" //nolint:gosec // its name

// passLife is how long a browser keeps it, which is as long as it is good.
const passLife = 30 * time.Minute

// door is how somebody comes to an appointment of their own: by a pass, or as the
// patient who signed in. The pages behind it are the same.
type door struct {
	by          auth.Actor
	appointment string // its id; of a pass from the pass alone
	base        string // the address that those of its pages begin with
	page        string // the address of the page that shows it
	signed      bool
}

// entrance opens a door, or has led somewhere else.
type entrance func(c *call) (door, error)

// bySignIn is the entrance of patients who have signed in.
func bySignIn(c *call) (door, error) {
	at := "/my/visits/" + url.PathEscape(c.id("id"))
	return door{by: c.by, appointment: c.id("id"), base: at, page: at, signed: true}, nil
}

// byPass is the entrance of who has found a booking. Without a pass, or with one that
// is over, it leads to where bookings are found.
func (s *Server) byPass(c *call) (door, error) {
	pass := cookie(c.r, passCookie)
	if pass == "" {
		return door{}, c.see("/visit?over=yes")
	}
	by, err := s.Auth.ByPass(c.context(), stranger(c.by), auth.Secret(pass))
	if errors.Is(err, auth.ErrUnauthenticated) {
		return door{}, c.visitOver()
	}
	return door{by: by, appointment: by.Visits(), base: "/visit", page: "/visit/booking"}, err
}

// visitOver forgets a pass that is good for nothing any more.
func (c *call) visitOver() error {
	c.remember(passCookie, "", -time.Second)
	return c.see("/visit?over=yes")
}

// through is a page about the appointment behind a door.
func (s *Server) through(enter entrance, act func(*call, door, scheduling.Appointment) error) func(*call) error {
	return func(c *call) error {
		d, err := enter(c)
		if err != nil || c.answered {
			return err
		}
		a, err := s.Scheduling.Appointment(c.context(), d.by, d.appointment)
		switch {
		case errs.KindOf(err) == errs.NotFound && err != nil && !d.signed:
			return c.visitOver()
		case err != nil:
			return err
		}
		return act(c, d, a)
	}
}

// ownVisit is an appointment as its patient sees it.
type ownVisit struct {
	door
	name, specialty string
	practitioner    string // id; empty: works here no more
	date, times     string
	zone            string
	moment          string // all of them in one
	there           string // the same where the reader is, if clocks differ there
	yours           string // there, as a sentence
	lasts           string
	tag             ui.Link // its kind as Href, its words as Text
	reference       string
	reason          string // what it is about; shown to who signed in only
	rule            string // until when it can be changed, or that it can't
	instead         string // what one can do where nothing can be changed
	left            string // of the time for which it is held
	until           string // when that ends
	held, can       bool   // can: it may be moved and cancelled now
	confirmed       bool
}

// ownVisitOf shows a patient an appointment of their own.
func (s *Server) ownVisitOf(c *call, d door, a scheduling.Appointment) (v ownVisit, err error) {
	p, err := s.withWhom(c, a.Practitioner())
	if err != nil {
		return v, err
	}
	v = ownVisitTimes(c.words, a)
	v.door, v.name, v.specialty, v.reference = d, p.Name, p.Specialty, a.Reference
	if p.ID != uuid.Nil {
		v.practitioner = p.ID.String()
	}
	if d.signed {
		v.reason = reasonOf(a)
		if v.reason == "" {
			v.reason = c.say("visit.no-reason")
		}
	}
	now, loc := s.Now(), zoneOf(a)
	v.tag = visitTag(c.words, a, now)
	begun := !now.Before(a.Start)
	switch a.Status {
	case scheduling.Held:
		v.held, v.can = true, true
		v.until = c.words.Moment(a.HoldExpiresAt, loc)
		v.left = c.words.Duration(max(time.Minute, a.HoldExpiresAt.Sub(now)))
	case scheduling.Confirmed:
		v.confirmed = true
		until := p.Policy.ChangeableUntil(a.Start)
		v.can = !begun && !now.After(until)
		switch moment := c.words.Moment(until, loc); {
		case v.can:
			v.rule = c.say("visit.until", "Moment", moment)
		case !begun:
			v.rule, v.instead = c.say("visit.closed", "Moment", moment), c.say("visit.instead-closed")
		default:
			v.instead = c.say("visit.instead-over")
		}
	case scheduling.Cancelled:
		v.instead = c.say("visit.instead-cancelled")
	case scheduling.Expired:
		v.instead = c.say("visit.instead-expired")
	case scheduling.Completed, scheduling.NoShow:
		v.instead = c.say("visit.instead-over")
	}
	return v, nil
}

// inBothZones is when it is, also where the reader is.
func (v ownVisit) inBothZones() string {
	if v.yours == "" {
		return v.moment
	}
	return v.moment + ". " + v.yours
}

// ownVisitTimes is when an appointment is, in words.
func ownVisitTimes(w *words.Words, a scheduling.Appointment) ownVisit {
	loc := zoneOf(a)
	v := ownVisit{
		date: w.DateIn(a.Start, loc), times: w.Times(a.Start, a.End, loc), zone: w.ZoneName(a.Start, loc),
		moment: w.Moment(a.Start, loc), yours: alsoFor(w, a.Start, loc), lasts: w.Duration(a.End.Sub(a.Start)),
	}
	if v.yours != "" {
		v.there = w.Moment(a.Start, w.Zone)
	}
	return v
}

// zoneOf is where an appointment's practitioner works. Zones are judged before they
// are kept.
func zoneOf(a scheduling.Appointment) *time.Location { return zoneNamed(a.TimeZone) }

// alsoFor is an instant in full where the reader is, if clocks show another time there
// than in loc; else it is empty.
func alsoFor(w *words.Words, t time.Time, loc *time.Location) string {
	if !elsewhere(w, t, loc) {
		return ""
	}
	return w.Say("visit.yours", "Moment", w.Moment(t, w.Zone))
}

// visitTag is where an appointment stands, in words and a colour.
func visitTag(w *words.Words, a scheduling.Appointment, now time.Time) ui.Link {
	switch a.Status {
	case scheduling.Held:
		return ui.Link{Href: "warn", Text: w.Say("visit.is-held")}
	case scheduling.Confirmed:
		switch {
		case now.Before(a.Start):
			return ui.Link{Href: "good", Text: w.Say("visit.is-confirmed")}
		case now.Before(a.End):
			return ui.Link{Href: "act", Text: w.Say("visit.is-now")}
		}
		return ui.Link{Text: w.Say("visit.is-over")}
	case scheduling.Cancelled:
		return ui.Link{Href: "bad", Text: w.Say("visit.is-cancelled")}
	case scheduling.Expired:
		return ui.Link{Text: w.Say("visit.is-expired")}
	case scheduling.NoShow:
		return ui.Link{Href: "warn", Text: w.Say("visit.is-missed")}
	case scheduling.Completed:
	}
	return ui.Link{Text: w.Say("visit.is-completed")}
}

// withWhom is a practitioner as the directory has them. Who works here no more has no
// id, and no name but that.
func (s *Server) withWhom(c *call, practitioner uuid.UUID) (scheduling.Practitioner, error) {
	p, err := s.Scheduling.Practitioner(c.context(), c.by, practitioner.String())
	if errors.Is(err, directory.ErrPractitionerNotFound) {
		p, err = scheduling.Practitioner{}, nil
		p.Name = c.say("visit.former")
	}
	return p, err
}

// names are those of practitioners, each looked up once.
type names map[uuid.UUID]scheduling.Practitioner

func (s *Server) nameIn(c *call, known names, practitioner uuid.UUID) (scheduling.Practitioner, error) {
	if p, ok := known[practitioner]; ok {
		return p, nil
	}
	p, err := s.withWhom(c, practitioner)
	known[practitioner] = p
	return p, err
}

// visitCalendar answers with an appointment for calendar programs: GET
// /visit/calendar.ics and /my/visits/{id}/calendar.ics.
func (s *Server) visitCalendar(c *call, _ door, a scheduling.Appointment) error {
	return c.download("appointment.ics", ics.Type, ics.Calendar(a.Entry(s.clinic(c.context()))))
}

// sayRefused shows what a deed was refused for on the page that follows from what is
// true now. What its sender can't mend comes back as an error.
func (c *call) sayRefused(err error) (ui.Form, error) {
	if e := errs.As(err); e != nil && errors.Is(err, scheduling.ErrSlotNotFound) {
		err = scheduling.ErrSlotTaken // to who chose it from a list it is the same
	}
	return c.refused(err)
}
