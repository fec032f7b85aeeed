package web

import (
	"medbook/internal/calendar"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// timeOffForm is the form to take time off.
type timeOffForm struct {
	hoursWhose
	Form ui.Form
}

// timeOffPage asks when somebody does not work: GET /hours/off.
func (s *Server) timeOffPage(c *call) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return s.chooseHours(c)
	}
	return s.showTimeOff(c, whose, ui.Form{})
}

func (s *Server) showTimeOff(c *call, whose hoursWhose, form ui.Form) error {
	return c.show(page{title: c.say("hours.take-off"), form: form}, timeOffContent(timeOffForm{whose, form}))
}

// takeTimeOff goes from the form to what the time off hits, and takes it: POST
// /hours/off.
func (s *Server) takeTimeOff(c *call) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return errForm
	}
	hours, wrong := c.timeOffFilled(whose)
	var reason phi.Value[string]
	if text := c.field("reason"); text != "" {
		reason = phi.Of(text)
	}
	return s.hoursStep(c, hoursDeed{
		whose: whose, done: "done.hours-off", fields: map[string]string{"date": "first_date", "starts_at": "first_date", "ends_at": "last_date"},
		form: func(f ui.Form) error { return s.showTimeOff(c, whose, f) },
		preview: func() (scheduling.Preview, error) {
			if wrong != nil {
				return scheduling.Preview{}, wrong
			}
			return s.Scheduling.PreviewTimeOff(c.context(), c.by, whose.ID, hours)
		},
		describe: func(p *hoursPreview) {
			p.Title, p.Do = c.say("hours.preview-off"), c.say("hours.do-off")
			p.What, _ = c.hoursText(whose, hours)
			p.More = c.field("reason")
		},
		do: func() error {
			if wrong != nil {
				return wrong
			}
			ctx := c.once(func(any) string { return whose.Path("") })
			_, err := s.Scheduling.TakeTimeOff(ctx, c.by, whose.ID, hours, reason)
			return err
		},
	})
}

// timeOffFilled reads from the form when somebody is off: a day, a part of one, or a
// stretch of several.
func (c *call) timeOffFilled(whose hoursWhose) (h scheduling.Hours, err error) {
	r := &fieldsRead{c, scheduling.ErrInvalidHours}
	r.filled("first_date")
	first, last := r.date("first_date"), r.date("last_date")
	from, to := r.clock("from", 0), r.clock("to", calendar.EndOfDay)
	if err := r.wrong(); err != nil {
		return h, err
	}
	if last.IsZero() || last == first {
		return scheduling.Hours{Kind: scheduling.KindDay, Date: first, From: from, To: to}, nil
	}
	if last.Before(first) {
		return h, scheduling.ErrInvalidHours.Field("last_date", "must not be before the first day")
	}
	span := calendar.Span{Start: instant(first, from, whose.Zone, false).UTC(), End: instant(last, to, whose.Zone, true).UTC()}
	return scheduling.Hours{Kind: scheduling.KindSpan, Span: span}, nil
}

// endTimeOffPage tells what giving time back does: GET /hours/off/{id}/end.
func (s *Server) endTimeOffPage(c *call) error {
	whose, err := c.hoursOfRow(c.id("id"), scheduling.ErrTimeOffNotFound)
	if err != nil {
		return err
	}
	off, err := every(func(req pages.Request) (pages.Of[scheduling.TimeOff], error) {
		return s.Scheduling.TimeOffs(c.context(), c.by, whose.ID, req)
	})
	if err != nil {
		return err
	}
	for _, t := range off {
		if t.ID.String() != c.id("id") {
			continue
		}
		v := hoursPreview{hoursWhose: whose, Action: c.r.URL.Path, Cancel: whose.Path("")}
		return s.showHoursPreview(c, scheduling.Preview{}, v, func(p *hoursPreview) {
			p.Title, p.Do = c.say("hours.preview-back"), c.say("hours.do-back")
			line := c.timeOffLine(whose, t)
			p.What, p.More, p.Effects = line.What, line.More, []string{c.say("hours.given-back")}
		})
	}
	return scheduling.ErrTimeOffNotFound
}

// endTimeOff gives time back: POST /hours/off/{id}/end.
func (s *Server) endTimeOff(c *call) error {
	whose, err := c.hoursOfRow(c.id("id"), scheduling.ErrTimeOffNotFound)
	if err != nil {
		return err
	}
	if err := s.Scheduling.EndTimeOff(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done(whose.Path(""), "done.hours-back")
}
