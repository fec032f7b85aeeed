package web

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// closureLine is time off that is still to come, of all who have it in the same words.
type closureLine struct {
	start  time.Time
	when   string
	reason string
	who    []string
	ids    []string
}

// closuresView is the list of time off to come.
type closuresView struct {
	lines []closureLine
}

// closuresPage lists when practitioners are away: GET /admin/closures.
func (s *Server) closuresPage(c *call) error {
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	var v closuresView
	for _, p := range order {
		off, err := s.timeOffAhead(c, p)
		if err != nil {
			return err
		}
		for _, t := range off {
			v.add(c.closureLine(t), names[p], t.ID.String())
		}
	}
	slices.SortStableFunc(v.lines, func(a, b closureLine) int { return a.start.Compare(b.start) })
	return c.show(page{title: c.say("desk.closures")}, closuresContent(v))
}

// timeOffAhead lists the time off of a practitioner that is not over.
func (s *Server) timeOffAhead(c *call, practitioner uuid.UUID) ([]scheduling.TimeOff, error) {
	all, err := every(func(req pages.Request) (pages.Of[scheduling.TimeOff], error) {
		return s.Scheduling.TimeOffs(c.context(), c.by, practitioner.String(), req)
	})
	return slices.DeleteFunc(all, func(t scheduling.TimeOff) bool { return !t.Bounds.End.After(s.Now()) }), err
}

// closureLine tells staff when somebody is away, and why.
func (c *call) closureLine(t scheduling.TimeOff) closureLine {
	return closureLine{start: t.Bounds.Start, when: c.hoursOff(t.Hours, zoneNamed(t.TimeZone)), reason: t.Reason.Reveal()}
}

// hoursOff writes time off as it was said: a day is everybody's own, a stretch of
// time is one and the same, in the zone.
func (c *call) hoursOff(h scheduling.Hours, zone *time.Location) string {
	if h.Kind == scheduling.KindDay {
		if h.From == 0 && (h.To == 0 || h.To == calendar.EndOfDay) {
			return c.words.Date(h.Date)
		}
		clock := func(t calendar.TimeOfDay) string {
			return c.words.Time(time.Time{}.Add(time.Duration(t)*time.Minute), time.UTC)
		}
		return c.words.Date(h.Date) + ", " + c.say("time.stretch", "From", clock(h.From), "To", clock(h.To))
	}
	return c.say("time.stretch", "From", c.words.Moment(h.Span.Start, zone), "To", c.words.Moment(h.Span.End, zone))
}

// add puts time off into the line that has the same words, or into one of its own.
func (v *closuresView) add(l closureLine, who, key string) {
	i := slices.IndexFunc(v.lines, func(o closureLine) bool { return o.when == l.when && o.reason == l.reason })
	if i < 0 {
		v.lines = append(v.lines, l)
		i = len(v.lines) - 1
	}
	v.lines[i].who, v.lines[i].ids = append(v.lines[i].who, who), append(v.lines[i].ids, key)
}

// endClosure gives time back, of all who have it in the same words; what somebody gave
// back before is no matter: POST /admin/closures/end.
func (s *Server) endClosure(c *call) error {
	for _, key := range c.form["id"] {
		if err := s.Scheduling.EndTimeOff(c.context(), c.by, key); err != nil && !errors.Is(err, scheduling.ErrTimeOffNotFound) {
			return err
		}
	}
	return c.done("/admin/closures", "done.desk-reopened")
}

// newClosureView is the form of a closure.
type newClosureView struct {
	form  ui.Form
	who   []ui.Option
	zone  string
	today string
}

// newClosure asks when the clinic is closed: GET /admin/closures/new.
func (s *Server) newClosure(c *call) error { return s.showNewClosure(c, ui.Form{}) }

func (s *Server) showNewClosure(c *call, f ui.Form) error {
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := newClosureView{form: f, who: practitionerOptions("", names, order), zone: c.words.ZoneName(s.Now(), zone), today: calendar.DateIn(s.Now(), zone).String()}
	return c.show(page{title: c.say("desk.close"), form: f}, newClosureContent(v))
}

// closureOfForm reads when to close whom.
func (s *Server) closureOfForm(c *call) (req scheduling.CloseRequest, err error) {
	zone, err := s.zone(c)
	if err != nil {
		return req, err
	}
	wrong := scheduling.ErrInvalidHours
	day := func(name, otherwise string) (d calendar.Date) {
		text := c.field(name)
		if text == "" {
			text = otherwise
		}
		d, err := calendar.ParseDate(text)
		if err != nil {
			wrong = wrong.Field(name, c.say("desk.no-date"))
		}
		return d
	}
	clock := func(name string, otherwise calendar.TimeOfDay) calendar.TimeOfDay {
		if c.field(name) == "" {
			return otherwise
		}
		t, err := calendar.ParseTime(c.field(name))
		if err != nil {
			wrong = wrong.Field(name, c.say("desk.no-time"))
		}
		return t
	}
	first := day("first", "")
	last := day("last", c.field("first"))
	from, to := clock("from", 0), clock("to", calendar.EndOfDay)
	if to == 0 { // midnight, as which the day ends
		to = calendar.EndOfDay
	}
	switch {
	case len(wrong.Fields) > 0:
	case last.Before(first):
		wrong = wrong.Field("last", c.say("desk.ends-early"))
	case first == last && to <= from:
		wrong = wrong.Field("to", c.say("desk.ends-early"))
	}
	if too := errs.As(c.short(longestReason, "reason")); too != nil {
		wrong = wrong.Field("reason", too.Fields["reason"])
	}
	if len(wrong.Fields) > 0 {
		return req, wrong
	}
	req = scheduling.CloseRequest{Practitioners: c.form["practitioner"], Reason: c.given("reason")}
	if first == last {
		req.Hours = scheduling.Hours{Kind: scheduling.KindDay, Date: first, From: from, To: to}
		return req, nil
	}
	begin, _ := calendar.Local(first, from, calendar.EndOfDay, zone)
	end, _ := calendar.Local(last, 0, to, zone)
	req.Hours = scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: begin.Start, End: end.End}}
	return req, nil
}

// closureFields are the fields of a closure's form, which are sent again.
var closureFields = []string{"first", "last", "from", "to", "reason", "practitioner"}

// checkClosureView is what a closure would do.
type checkClosureView struct {
	when, reason string
	lines        []closureEffect
	hits         []appointmentLine
	answers      [][2]string
}

// closureEffect is what it would do to one practitioner's time.
type closureEffect struct{ name, removed, hits string }

// checkClosure shows what a closure would do: POST /admin/closures/new.
func (s *Server) checkClosure(c *call) error {
	req, err := s.closureOfForm(c)
	if err == nil && c.field("change") != "" {
		return s.showNewClosure(c, ui.Form{Values: c.form})
	}
	var v checkClosureView
	if err == nil {
		v, err = s.closureEffects(c, req)
	}
	if err != nil {
		return s.closureRefused(c, err)
	}
	for _, name := range closureFields {
		for _, value := range c.form[name] {
			v.answers = append(v.answers, [2]string{name, value})
		}
	}
	return c.show(page{title: c.say("desk.close-check")}, checkClosureContent(v))
}

func (s *Server) closureRefused(c *call, err error) error {
	f, err := c.refused(rename(err, map[string]string{"date": "first", "starts_at": "first", "ends_at": "last"}))
	if err != nil {
		return err
	}
	return s.showNewClosure(c, f)
}

// closureEffects asks of each practitioner what a closure would do. Whose clock has
// passed the hours has nothing to close.
func (s *Server) closureEffects(c *call, req scheduling.CloseRequest) (v checkClosureView, err error) {
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return v, err
	}
	zone, err := s.zone(c)
	if err != nil {
		return v, err
	}
	v.when, v.reason = c.hoursOff(req.Hours, zone), c.field("reason")
	var hits []scheduling.Appointment
	var passed error
	for _, p := range order {
		if len(req.Practitioners) > 0 && !slices.Contains(req.Practitioners, p.String()) {
			continue
		}
		effect, err := s.Scheduling.PreviewTimeOff(c.context(), c.by, p.String(), req.Hours)
		if errors.Is(err, scheduling.ErrInvalidHours) {
			passed = err
			continue
		}
		if err != nil {
			return v, err
		}
		hits = append(hits, effect.Hits...)
		v.lines = append(v.lines, closureEffect{names[p], c.words.Number(effect.Removed), c.words.Number(len(effect.Hits))})
	}
	if len(v.lines) == 0 && passed != nil {
		return v, passed
	}
	v.hits, err = s.appointmentLines(c, hits, names)
	return v, err
}

// closeClinic closes: POST /admin/closures/new/now.
func (s *Server) closeClinic(c *call) error {
	req, err := s.closureOfForm(c)
	if err == nil {
		_, err = s.Scheduling.Close(c.context(), c.by, req)
	}
	if err != nil {
		return s.closureRefused(c, err)
	}
	return c.done("/admin/closures", "done.desk-closed")
}

// join lists names in a line.
func join(names []string) string { return strings.Join(names, ", ") }
