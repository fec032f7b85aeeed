package web

import (
	"slices"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// hoursView is when a practitioner works.
type hoursView struct {
	hoursWhose
	Days    []hoursDay
	Rules   []hoursLine
	Single  []hoursLine // days, stretches and slots made by hand
	Without []hoursLine // single slots that are left out
	Off     []hoursLine
}

// hoursDay is what the rules in force say of a day of the week.
type hoursDay struct {
	Name  string
	Times []string
}

// hoursLine is one thing that can be changed or taken back.
type hoursLine struct {
	What, More     string
	Kind, Tag      string // a status in words, and its colour
	Change, Remove string // empty: not so
}

// hoursPage shows when a practitioner works: GET /hours.
func (s *Server) hoursPage(c *call) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return s.chooseHours(c)
	}
	work, err := every(func(req pages.Request) (pages.Of[scheduling.Availability], error) {
		return s.Scheduling.Availabilities(c.context(), c.by, whose.ID, req)
	})
	if err != nil {
		return err
	}
	off, err := every(func(req pages.Request) (pages.Of[scheduling.TimeOff], error) {
		return s.Scheduling.TimeOffs(c.context(), c.by, whose.ID, req)
	})
	if err != nil {
		return err
	}
	v := hoursView{hoursWhose: whose}
	v.Days = c.hoursWeek(whose, work)
	for _, a := range c.hoursAhead(whose, work) {
		switch a.Hours.Kind {
		case scheduling.KindWeekly:
			v.Rules = append(v.Rules, c.hoursLine(whose, a))
		case scheduling.KindException:
			v.Without = append(v.Without, c.hoursLine(whose, a))
		default:
			v.Single = append(v.Single, c.hoursLine(whose, a))
		}
	}
	slices.SortStableFunc(off, func(a, b scheduling.TimeOff) int { return a.Bounds.Start.Compare(b.Bounds.Start) })
	for _, t := range off {
		if t.Bounds.End.After(s.Now()) {
			v.Off = append(v.Off, c.timeOffLine(whose, t))
		}
	}
	return c.show(page{title: c.say("nav.hours")}, hoursContent(v))
}

// hoursWeek says what the rules that are in force today make of a week.
func (c *call) hoursWeek(whose hoursWhose, work []scheduling.Availability) (days []hoursDay) {
	today := calendar.DateIn(c.server.Now(), whose.Zone)
	rules := slices.DeleteFunc(slices.Clone(work), func(a scheduling.Availability) bool {
		w := a.Hours.Weekly
		return a.Hours.Kind != scheduling.KindWeekly || today.Before(w.First) || !w.Last.IsZero() && w.Last.Before(today)
	})
	slices.SortStableFunc(rules, func(a, b scheduling.Availability) int { return int(a.Hours.Weekly.From - b.Hours.Weekly.From) })
	for i := range 7 {
		day := (c.words.FirstDay() + time.Weekday(i)) % 7
		d := hoursDay{Name: c.words.Weekday(day)}
		for _, a := range rules {
			if w := a.Hours.Weekly; w.Weekdays.Has(day) {
				d.Times = append(d.Times, c.clockTimes(w.From, w.To))
			}
		}
		days = append(days, d)
	}
	return days
}

// hoursAhead keeps what is not over: rules by their first day, then the rest by its
// start.
func (c *call) hoursAhead(whose hoursWhose, work []scheduling.Availability) []scheduling.Availability {
	now := c.server.Now()
	today := calendar.DateIn(now, whose.Zone)
	kept := slices.DeleteFunc(work, func(a scheduling.Availability) bool {
		if a.Hours.Kind == scheduling.KindWeekly {
			return !a.Hours.Weekly.Last.IsZero() && a.Hours.Weekly.Last.Before(today)
		}
		return !hoursSpan(a.Hours, whose.Zone).End.After(now)
	})
	slices.SortStableFunc(kept, func(a, b scheduling.Availability) int {
		if n := a.Hours.Weekly.First.Compare(b.Hours.Weekly.First); n != 0 {
			return n
		}
		if n := int(a.Hours.Weekly.From - b.Hours.Weekly.From); n != 0 {
			return n
		}
		return hoursSpan(a.Hours, whose.Zone).Start.Compare(hoursSpan(b.Hours, whose.Zone).Start)
	})
	return kept
}

// hoursSpan is the one stretch of hours that are not weekly.
func hoursSpan(h scheduling.Hours, zone *time.Location) calendar.Span {
	if h.Kind != scheduling.KindDay {
		return h.Span
	}
	s, _ := calendar.Local(h.Date, h.From, h.To, zone)
	return s
}

// hoursLine is an availability in a list.
func (c *call) hoursLine(whose hoursWhose, a scheduling.Availability) hoursLine {
	l := hoursLine{Change: "/hours/" + a.ID.String(), Remove: "/hours/" + a.ID.String() + "/remove"}
	l.What, l.More = c.hoursText(whose, a.Hours)
	switch a.Hours.Kind {
	case scheduling.KindSlot:
		l.Kind = c.say("hours.slot")
		l.Change = "/calendar/slots/" + id.Slot{Practitioner: a.ID.Lead, Start: a.Hours.Span.Start, End: a.Hours.Span.End}.String()
		if a.Blocked {
			l.Kind, l.Tag = c.say("hours.blocked"), "warn"
		}
	case scheduling.KindException:
		l.Change = ""
	}
	return l
}

// hoursText says hours in words: which, and for rules from when to when they hold.
func (c *call) hoursText(whose hoursWhose, h scheduling.Hours) (what, more string) {
	switch h.Kind {
	case scheduling.KindWeekly:
		return c.say("hours.rule", "Days", c.weekdays(h.Weekly.Weekdays), "Times", c.clockTimes(h.Weekly.From, h.Weekly.To)), c.hoursValid(h.Weekly)
	case scheduling.KindDay:
		return c.words.Date(h.Date) + ", " + c.clockTimes(h.From, h.To), ""
	}
	return c.moments(h.Span, whose.Zone), ""
}

// hoursValid says from when to when a rule holds.
func (c *call) hoursValid(w calendar.Weekly) string {
	if w.Last.IsZero() {
		return c.say("hours.from-on", "From", c.words.ShortDate(w.First))
	}
	return c.say("hours.from-until", "From", c.words.ShortDate(w.First), "Until", c.words.ShortDate(w.Last))
}

// weekdays lists days of the week by their names.
func (c *call) weekdays(days calendar.Weekdays) (text string) {
	for i := range 7 {
		day := (c.words.FirstDay() + time.Weekday(i)) % 7
		if !days.Has(day) {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += c.words.Weekday(day)
	}
	return text
}

// timeOffLine is time off in a list, with its reason: it is shown to the
// practitioner and staff.
func (c *call) timeOffLine(whose hoursWhose, t scheduling.TimeOff) hoursLine {
	what, _ := c.hoursText(whose, t.Hours)
	return hoursLine{What: what, More: t.Reason.Reveal(), Remove: "/hours/off/" + t.ID.String() + "/end"}
}

// weekdayOptions are the days of the week to choose from.
func (c *call) weekdayOptions() (options []ui.Option) {
	names := [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	for i := range 7 {
		day := (c.words.FirstDay() + time.Weekday(i)) % 7
		options = append(options, ui.Option{Value: names[day], Text: c.words.Weekday(day)})
	}
	return options
}
