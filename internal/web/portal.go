package web

import (
	"net/url"

	"medbook/internal/calendar"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// portalView is what a patient has here.
type portalView struct {
	form    ui.Form
	holds   []portalVisit
	coming  []portalVisit
	waiting []portalWait
	past    []portalVisit
	first   string // the first page of what is past, where this is another
	next    string
	later   bool // a page of what is past, after the first
}

// portalVisit is an appointment as it stands in a list.
type portalVisit struct {
	ownVisit
	offered bool // from the waiting list
}

// portalWait is something that a patient waits for.
type portalWait struct {
	id, name, from, to string
	offers             []portalVisit // that one can take now
}

// pastVisits is how many are on a page.
const pastVisits = 10

// portal shows what a patient has here: GET /my.
func (s *Server) portal(c *call) error {
	return s.showPortal(c, ui.Form{})
}

func (s *Server) showPortal(c *call, form ui.Form) error {
	v, known := portalView{form: form, later: c.query("after") != ""}, names{}
	err := s.portalPast(c, known, &v)
	if err == nil && !v.later {
		err = s.portalAhead(c, known, &v)
	}
	if err != nil {
		return err
	}
	title := c.say("portal.title")
	if v.later {
		title = c.say("portal.past")
	}
	return c.show(page{title: title, form: form}, portalContent(v))
}

// portalPast fills in a page of what is over or cancelled.
func (s *Server) portalPast(c *call, known names, v *portalView) error {
	p, err := s.Scheduling.Appointments(c.context(), c.by, scheduling.AppointmentFilter{Past: true}, pages.Request{Limit: pastVisits, After: c.query("after")})
	if err != nil {
		return err
	}
	if v.later {
		v.first = "/my#past"
	}
	if p.Next != "" {
		v.next = "/my?" + url.Values{"after": {p.Next}}.Encode()
	}
	for _, a := range p.Items {
		one, err := s.portalVisitOf(c, known, a)
		if err != nil {
			return err
		}
		v.past = append(v.past, one)
	}
	return nil
}

// portalAhead fills in what is to come, and what somebody waits for.
func (s *Server) portalAhead(c *call, known names, v *portalView) error {
	offered, err := s.Scheduling.Offers(c.context(), c.by)
	if err != nil {
		return err
	}
	offers := map[id.Keyed][]portalVisit{}
	ahead, err := every(func(req pages.Request) (pages.Of[scheduling.Appointment], error) {
		return s.Scheduling.Appointments(c.context(), c.by, scheduling.AppointmentFilter{Upcoming: true}, req)
	})
	if err != nil {
		return err
	}
	for _, a := range ahead {
		one, err := s.portalVisitOf(c, known, a)
		if err != nil {
			return err
		}
		entry, is := offered[a.ID]
		switch one.offered = is && one.held; {
		case one.held:
			v.holds = append(v.holds, one)
			offers[entry] = append(offers[entry], one)
		default:
			v.coming = append(v.coming, one)
		}
	}
	waits, err := s.waits(c)
	if err != nil {
		return err
	}
	for _, w := range waits {
		one, err := s.portalWaitOf(c, known, w)
		if err != nil {
			return err
		}
		if w.To.After(s.Now()) {
			one.offers = offers[w.ID]
			v.waiting = append(v.waiting, one)
		}
	}
	return nil
}

func (s *Server) portalVisitOf(c *call, known names, a scheduling.Appointment) (v portalVisit, err error) {
	p, err := s.nameIn(c, known, a.Practitioner())
	if err != nil {
		return v, err
	}
	at := "/my/visits/" + a.ID.String()
	v.ownVisit = ownVisitTimes(c.words, a)
	v.door = door{by: c.by, appointment: a.ID.String(), base: at, page: at, signed: true}
	v.name, v.specialty, v.tag = p.Name, p.Specialty, visitTag(c.words, a, s.Now())
	if v.held = a.Status == scheduling.Held; v.held {
		v.until, v.left = c.words.Moment(a.HoldExpiresAt, zoneOf(a)), c.words.Duration(a.HoldExpiresAt.Sub(s.Now()))
	}
	return v, nil
}

// portalWaitOf shows an entry of the waiting list with its first and last day.
func (s *Server) portalWaitOf(c *call, known names, w scheduling.Wait) (v portalWait, err error) {
	p, err := s.nameIn(c, known, w.Practitioner)
	loc := zoneNamed(p.TimeZone)
	return portalWait{
		id: w.ID.String(), name: p.Name,
		from: c.words.Date(calendar.DateIn(w.From, loc)), to: c.words.Date(calendar.DateIn(w.To.Add(-1), loc)),
	}, err
}

// leaveWaiting takes a patient off the waiting list: POST /my/waiting/{id}/leave.
func (s *Server) leaveWaiting(c *call) error {
	if err := s.Scheduling.LeaveWaitlist(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/my", "done.portal-left")
}
