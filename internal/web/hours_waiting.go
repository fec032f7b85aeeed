package web

import (
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
)

// waitingView is who waits for time that frees up.
type waitingView struct {
	Waits       []waitLine
	Staff       bool
	First, Next string
}

// waitLine is an entry of the waiting list.
type waitLine struct {
	Who, From, To, Since, Practitioner, Zone string
	Offered                                  string // until when a slot is held for them
	Remove                                   string
}

// waitingPage shows who waits: GET /waiting.
func (s *Server) waitingPage(c *call) error {
	p, err := s.Scheduling.Waitlist(c.context(), c.by, pages.Request{Limit: 50, After: c.query("after")})
	if err != nil {
		return err
	}
	var patients []uuid.UUID
	for _, w := range p.Items {
		patients = append(patients, w.ID.Lead)
	}
	initials, err := c.initialsOf(patients)
	if err != nil {
		return err
	}
	v := waitingView{Staff: c.by.Is(auth.Admin)}
	names := map[uuid.UUID]scheduling.Practitioner{}
	for _, w := range p.Items {
		if _, known := names[w.Practitioner]; !known {
			// Who is a practitioner no longer has no entry in the directory any more.
			if names[w.Practitioner], err = s.Scheduling.Practitioner(c.context(), c.by, w.Practitioner.String()); err != nil && errs.KindOf(err) != errs.NotFound {
				return err
			}
		}
		v.Waits = append(v.Waits, c.waitLine(w, initials(w.ID.Lead), names[w.Practitioner]))
	}
	if c.query("after") != "" {
		v.First = "/waiting"
	}
	if p.Next != "" {
		v.Next = "/waiting?after=" + p.Next
	}
	return c.show(page{title: c.say("nav.waiting")}, waitingContent(v))
}

func (c *call) waitLine(w scheduling.Wait, who string, p scheduling.Practitioner) waitLine {
	zone := zoneNamed(p.TimeZone)
	l := waitLine{
		Who: who, From: c.words.DateIn(w.From, zone) + ", " + c.words.Time(w.From, zone), To: c.words.DateIn(w.To, zone) + ", " + c.words.Time(w.To, zone),
		Since: c.words.ShortDate(calendar.DateIn(w.CreatedAt, zone)), Practitioner: p.Name, Zone: c.words.ZoneName(w.From, zone),
	}
	if !w.OfferedUntil.IsZero() {
		l.Offered = c.words.Moment(w.OfferedUntil, zone)
	}
	if c.by.Is(auth.Admin) {
		l.Remove = "/waiting/" + w.ID.String() + "/remove"
	}
	return l
}

// unwaitPage asks whether an entry is to go: GET /waiting/{id}/remove.
func (s *Server) unwaitPage(c *call) error {
	if _, ok := id.ParseKeyed(c.id("id")); !ok {
		return scheduling.ErrWaitNotFound
	}
	return c.show(page{title: c.say("hours.unwait")}, unwaitContent(c.r.URL.Path))
}

// unwait removes an entry: POST /waiting/{id}/remove.
func (s *Server) unwait(c *call) error {
	if err := s.Scheduling.LeaveWaitlist(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/waiting", "done.hours-unwaited")
}
