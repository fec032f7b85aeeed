package web

import (
	"errors"
	"strings"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/etag"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// hoursForm is the form for hours of one kind.
type hoursForm struct {
	hoursWhose
	Form        ui.Form
	Kind        scheduling.Kind
	Title, Lead string
	Action      string
	ETag        string            // of what is changed; empty: it is new
	Was         map[string]string // what the fields show at first
	Days        []ui.Option
	Meanwhile   []ui.Differing // what somebody else changed
	Remove      string         // where it is removed; empty: it is new
}

// weeklyPage asks for hours of every week: GET /hours/weekly.
func (s *Server) weeklyPage(c *call) error { return s.newHoursPage(c, scheduling.KindWeekly) }

// publishWeekly publishes hours of every week: POST /hours/weekly.
func (s *Server) publishWeekly(c *call) error { return s.publishHours(c, scheduling.KindWeekly) }

// dayHoursPage asks for hours of one day: GET /hours/day.
func (s *Server) dayHoursPage(c *call) error { return s.newHoursPage(c, scheduling.KindDay) }

// publishDay publishes hours of one day: POST /hours/day.
func (s *Server) publishDay(c *call) error { return s.publishHours(c, scheduling.KindDay) }

func (s *Server) newHoursPage(c *call, kind scheduling.Kind) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return s.chooseHours(c)
	}
	return s.showNewHours(c, whose, kind, ui.Form{})
}

func (s *Server) showNewHours(c *call, whose hoursWhose, kind scheduling.Kind, form ui.Form) error {
	v := hoursForm{
		hoursWhose: whose, Form: form, Kind: kind, Title: c.say("hours.add." + string(kind)), Lead: c.say("hours.lead." + string(kind)),
		Action: c.r.URL.Path, Days: c.weekdayOptions(), Was: map[string]string{"valid_from": calendar.DateIn(s.Now(), whose.Zone).String()},
	}
	return c.show(page{title: v.Title, form: form}, hoursFormContent(v))
}

// publishHours goes from the form for new hours to their preview, and publishes them.
func (s *Server) publishHours(c *call, kind scheduling.Kind) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return errForm
	}
	hours, wrong := c.hoursFilled(kind, whose.Zone)
	return s.hoursStep(c, hoursDeed{
		whose: whose, done: "done.hours-published", fields: spanFields,
		form: func(f ui.Form) error { return s.showNewHours(c, whose, kind, f) },
		preview: func() (scheduling.Preview, error) {
			if wrong != nil {
				return scheduling.Preview{}, wrong
			}
			return s.Scheduling.PreviewHours(c.context(), c.by, whose.ID, hours)
		},
		describe: func(p *hoursPreview) {
			p.Title, p.Do = c.say("hours.preview-publish"), c.say("hours.do-publish")
			p.What, p.More = c.hoursText(whose, hours)
		},
		do: func() error {
			if wrong != nil {
				return wrong
			}
			ctx := c.once(func(any) string { return whose.Path("") })
			_, err := s.Scheduling.Publish(ctx, c.by, whose.ID, hours)
			return err
		},
	})
}

// spanFields are where the form shows what is wrong with an instant.
var spanFields = map[string]string{"starts_at": "first_time", "ends_at": "last_time"}

// hoursFilled reads hours of a kind from the form.
func (c *call) hoursFilled(kind scheduling.Kind, zone *time.Location) (h scheduling.Hours, err error) {
	r := &fieldsRead{c, scheduling.ErrInvalidHours}
	h.Kind = kind
	switch kind {
	case scheduling.KindWeekly:
		h.Weekly = r.weekly()
	case scheduling.KindDay:
		r.filled("date")
		h.Date, h.From, h.To = r.date("date"), r.needed("from"), r.needed("to")
	default:
		for _, name := range []string{"first_date", "last_date"} {
			r.filled(name)
		}
		first, last := r.date("first_date"), r.date("last_date")
		from, to := r.needed("first_time"), r.needed("last_time")
		if r.wrong() == nil {
			h.Span = calendar.Span{Start: instant(first, from, zone, false).UTC(), End: instant(last, to, zone, true).UTC()}
		}
	}
	return h, r.wrong()
}

// needed reads a time of day that must be there.
func (r *fieldsRead) needed(name string) calendar.TimeOfDay {
	if r.filled(name) == "" {
		return 0
	}
	return r.clock(name, 0)
}

func (r *fieldsRead) weekly() (w calendar.Weekly) {
	var err error
	if w.Weekdays, err = calendar.ParseWeekdays(r.c.form["weekdays"]); err != nil {
		r.err = r.err.Field("weekdays", "must name a day")
	}
	r.filled("valid_from")
	w.From, w.To, w.First, w.Last = r.needed("from"), r.needed("to"), r.date("valid_from"), r.date("valid_until")
	return w
}

// hoursRowPage asks how hours change: GET /hours/{id}.
func (s *Server) hoursRowPage(c *call) error {
	whose, a, err := s.hoursRow(c)
	if err != nil {
		return err
	}
	return s.showHoursRow(c, whose, a, ui.Form{}, nil)
}

// hoursRow reads the hours that the address names, of a kind that has a form.
func (s *Server) hoursRow(c *call) (whose hoursWhose, a scheduling.Availability, err error) {
	a, err = s.Scheduling.Availability(c.context(), c.by, c.id("id"))
	if err != nil {
		return whose, a, err
	}
	if a.Hours.Kind == scheduling.KindSlot || a.Hours.Kind == scheduling.KindException {
		return whose, a, scheduling.ErrAvailabilityNotFound
	}
	whose, err = c.hoursOf(a.ID.Lead.String())
	return whose, a, err
}

func (s *Server) showHoursRow(c *call, whose hoursWhose, a scheduling.Availability, form ui.Form, meanwhile []ui.Differing) error {
	v := hoursForm{
		hoursWhose: whose, Form: form, Kind: a.Hours.Kind, Title: c.say("hours.change." + string(a.Hours.Kind)), Action: c.r.URL.Path,
		ETag: a.ETag(), Was: hoursFields(a.Hours, whose.Zone), Days: c.weekdayOptions(), Meanwhile: meanwhile, Remove: "/hours/" + a.ID.String() + "/remove",
	}
	return c.show(page{title: v.Title, form: form}, hoursFormContent(v))
}

// hoursFields are hours as the fields of their form show them.
func hoursFields(h scheduling.Hours, zone *time.Location) map[string]string {
	clock := func(t calendar.TimeOfDay) string {
		if t == calendar.EndOfDay {
			t = 0
		}
		return t.String()
	}
	switch h.Kind {
	case scheduling.KindWeekly:
		w := h.Weekly
		was := map[string]string{"weekdays": strings.Join(w.Weekdays.Strings(), ","), "from": clock(w.From), "to": clock(w.To), "valid_from": w.First.String()}
		if !w.Last.IsZero() {
			was["valid_until"] = w.Last.String()
		}
		return was
	case scheduling.KindDay:
		return map[string]string{"date": h.Date.String(), "from": clock(h.From), "to": clock(h.To)}
	}
	start, end := h.Span.Start.In(zone), h.Span.End.In(zone)
	return map[string]string{
		"first_date": start.Format(time.DateOnly), "first_time": start.Format("15:04"), "last_date": end.Format(time.DateOnly), "last_time": end.Format("15:04"),
	}
}

// changeHours goes from the form for changed hours to what that hits, and changes
// them: POST /hours/{id}.
func (s *Server) changeHours(c *call) error {
	whose, a, err := s.hoursRow(c)
	if err != nil {
		return err
	}
	hours, wrong := c.hoursFilled(a.Hours.Kind, whose.Zone)
	change := c.hoursChange(a.Hours, hours, whose.Zone)
	return s.hoursStep(c, hoursDeed{
		whose: whose, done: "done.hours-changed", fields: spanFields,
		form: func(f ui.Form) error { return s.showHoursAgain(c, whose, a, f) },
		preview: func() (scheduling.Preview, error) {
			if wrong != nil {
				return scheduling.Preview{}, wrong
			}
			if err := c.version().Check(a.ETag()); err != nil {
				return scheduling.Preview{}, err
			}
			return s.Scheduling.PreviewChange(c.context(), c.by, a.ID.String(), change)
		},
		describe: func(p *hoursPreview) {
			p.Title, p.Do = c.say("hours.preview-change"), c.say("hours.do-change")
			p.What, p.More = c.hoursText(whose, hours)
			was, valid := c.hoursText(whose, a.Hours)
			p.More = strings.TrimSpace(p.More + " " + c.say("hours.was", "Was", strings.TrimSuffix(was+", "+valid, ", ")))
		},
		do: func() error {
			if wrong != nil {
				return wrong
			}
			_, err := s.Scheduling.ChangeAvailability(c.context(), c.by, a.ID.String(), c.version(), change)
			return err
		},
	})
}

// hoursChange is what to change for hours to be as filled in. Instants that the form
// still shows as they were stay exactly as they are.
func (c *call) hoursChange(was, filled scheduling.Hours, zone *time.Location) (change scheduling.HoursChange) {
	switch was.Kind {
	case scheduling.KindWeekly:
		w := filled.Weekly
		return scheduling.HoursChange{Weekdays: &w.Weekdays, From: &w.From, To: &w.To, ValidFrom: &w.First, ValidUntil: &w.Last}
	case scheduling.KindDay:
		return scheduling.HoursChange{Date: &filled.Date, From: &filled.From, To: &filled.To}
	}
	before := hoursFields(was, zone)
	if c.field("first_date") != before["first_date"] || c.field("first_time") != before["first_time"] {
		change.StartsAt = &filled.Span.Start
	}
	if c.field("last_date") != before["last_date"] || c.field("last_time") != before["last_time"] {
		change.EndsAt = &filled.Span.End
	}
	return change
}

// showHoursAgain shows a refused form for changed hours. Where somebody else has
// changed them meanwhile, it shows how, and goes on from there.
func (s *Server) showHoursAgain(c *call, whose hoursWhose, a scheduling.Availability, form ui.Form) error {
	var meanwhile []ui.Differing
	if form.Failed() && errors.Is(c.version().Check(a.ETag()), etag.ErrStale) {
		meanwhile = c.hoursDiffering(hoursFields(a.Hours, whose.Zone))
		form.Values.Set("etag", a.ETag())
	}
	return s.showHoursRow(c, whose, a, form, meanwhile)
}

// hoursDiffering lists the fields that are not as they were filled in.
func (c *call) hoursDiffering(now map[string]string) (rows []ui.Differing) {
	for _, name := range []string{"weekdays", "date", "first_date", "first_time", "last_date", "last_time", "from", "to", "valid_from", "valid_until"} {
		typed := strings.Join(c.form[name], ",")
		if typed != now[name] {
			rows = append(rows, ui.Differing{Name: c.say("hours.field." + name), There: c.hoursValue(name, now[name]), Typed: c.hoursValue(name, typed)})
		}
	}
	return rows
}

// hoursValue writes what a field holds for people.
func (c *call) hoursValue(name, value string) string {
	if name == "weekdays" {
		if days, err := calendar.ParseWeekdays(strings.Split(value, ",")); err == nil {
			return c.weekdays(days)
		}
	}
	if d, err := calendar.ParseDate(value); err == nil {
		return c.words.Date(d)
	}
	if t, err := calendar.ParseTime(value); err == nil {
		return c.clockTime(t)
	}
	return value
}

// hoursRemovalPage tells what ending hours hits: GET /hours/{id}/remove.
func (s *Server) hoursRemovalPage(c *call) error { return s.showHoursRemoval(c, ui.Form{}) }

func (s *Server) showHoursRemoval(c *call, form ui.Form) error {
	a, err := s.Scheduling.Availability(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	whose, err := c.hoursOf(a.ID.Lead.String())
	if err != nil {
		return err
	}
	p, err := s.Scheduling.PreviewRemoval(c.context(), c.by, a.ID.String())
	if err != nil {
		return err
	}
	v := hoursPreview{hoursWhose: whose, Form: form, Action: c.r.URL.Path, Values: []hoursValue{{"etag", a.ETag()}}, Cancel: whose.Path("")}
	return s.showHoursPreview(c, p, v, func(p *hoursPreview) {
		p.Title, p.Do, p.Danger = c.say("hours.preview-remove"), c.say("hours.do-remove"), true
		p.What, p.More = c.hoursText(whose, a.Hours)
		if a.Hours.Kind == scheduling.KindException {
			p.Title, p.Do, p.Danger = c.say("hours.preview-restore"), c.say("hours.do-restore"), false
			p.Effects = []string{c.say("hours.restored")}
		}
	})
}

// removeHours ends hours: POST /hours/{id}/remove.
func (s *Server) removeHours(c *call) error {
	whose, err := c.hoursOfRow(c.id("id"), scheduling.ErrAvailabilityNotFound)
	if err != nil {
		return err
	}
	_, err = s.Scheduling.RemoveAvailability(c.context(), c.by, c.id("id"), c.version())
	if err == nil {
		return c.done(whose.Path(""), "done.hours-removed")
	}
	form, err := c.refused(err)
	if err != nil {
		return err
	}
	return s.showHoursRemoval(c, form)
}
