package web

import (
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// hoursWhose is whose working hours a page is about.
type hoursWhose struct {
	ID    string // of the practitioner
	Name  string // shown to staff; empty to the practitioner
	Zone  *time.Location
	Times string // in which zone times are
	Query string // what leads back to this practitioner: empty for oneself
}

// Path is a page below /hours of the same practitioner.
func (w hoursWhose) Path(below string) string { return "/hours" + below + w.Query }

// hoursWhose reads whose hours are meant: one's own, or those of whom staff chose.
// It reports false where staff have not chosen.
func (c *call) hoursWhose() (w hoursWhose, chosen bool, err error) {
	which := c.by.PractitionerID.String()
	if c.by.Is(auth.Admin) {
		which = c.query("practitioner")
		if which == "" {
			which = c.field("practitioner")
		}
	}
	if which == "" {
		return w, false, nil
	}
	w, err = c.hoursOf(which)
	return w, true, err
}

// hoursOf describes a practitioner to a page about their hours.
func (c *call) hoursOf(which string) (w hoursWhose, err error) {
	p, err := c.server.Scheduling.Practitioner(c.context(), c.by, which)
	if err != nil {
		return w, err
	}
	w = hoursWhose{ID: p.ID.String()}
	if w.Zone, err = calendar.Zone(p.TimeZone); err != nil {
		return w, err
	}
	w.Times = c.words.ZoneName(c.server.Now(), w.Zone)
	if c.by.Is(auth.Admin) {
		w.Name, w.Query = p.Name, "?practitioner="+w.ID
	}
	return w, nil
}

// hoursOfRow is hoursOf of what has an id below a practitioner.
func (c *call) hoursOfRow(row string, unknown error) (hoursWhose, error) {
	key, ok := id.ParseKeyed(row)
	if !ok || c.by.Is(auth.Practitioner) && key.Lead != c.by.PractitionerID {
		return hoursWhose{}, unknown
	}
	return c.hoursOf(key.Lead.String())
}

// chooseHours has staff choose a practitioner first.
func (s *Server) chooseHours(c *call) error {
	all, err := s.practitioners(c)
	if err != nil {
		return err
	}
	var links []ui.Link
	for _, p := range all {
		links = append(links, ui.Link{Href: c.r.URL.Path + "?practitioner=" + p.ID.String(), Text: p.Name})
	}
	return c.show(page{title: c.say("hours.choose")}, hoursChooseContent(links))
}

// clockTime writes a time of day as clocks show it.
func (c *call) clockTime(t calendar.TimeOfDay) string {
	if t == calendar.EndOfDay {
		t = 0
	}
	day := time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
	return c.words.Time(day.Add(time.Duration(t)*time.Minute), time.UTC)
}

// clockTimes writes a stretch of a day.
func (c *call) clockTimes(from, to calendar.TimeOfDay) string {
	end := c.clockTime(to)
	if to == 0 || to == calendar.EndOfDay {
		end = c.say("hours.midnight")
	}
	return c.say("time.stretch", "From", c.clockTime(from), "To", end)
}

// moments writes a stretch between two instants, with the day once if it is one.
func (c *call) moments(s calendar.Span, zone *time.Location) string {
	from, to := c.words.DateIn(s.Start, zone), c.words.DateIn(s.End, zone)
	if from == to {
		return from + ", " + c.words.Times(s.Start, s.End, zone)
	}
	if calendar.Day(calendar.DateIn(s.Start, zone), zone).End.Equal(s.End) {
		return from + ", " + c.say("time.stretch", "From", c.words.Time(s.Start, zone), "To", c.say("hours.midnight"))
	}
	return c.say("time.stretch", "From", from+", "+c.words.Time(s.Start, zone), "To", to+", "+c.words.Time(s.End, zone))
}

// initialsOf is by what lists call patients. Whom the reader may not know by name
// is somebody.
func (c *call) initialsOf(patients []uuid.UUID) (func(uuid.UUID) string, error) {
	found, err := c.server.Directory.InitialsOf(c.context(), c.by, patients)
	return func(patient uuid.UUID) string {
		if text, ok := found[patient]; ok {
			return text
		}
		return c.say("hours.somebody")
	}, err
}

// hoursRefused is refused for forms about hours: what is wrong with all of it is
// told in the reader's words, and at the fields of the form.
func (c *call) hoursRefused(err error, fields map[string]string) (ui.Form, error) {
	form, other := c.saidBetter(err, "hours.said.")
	if other != nil {
		return form, other
	}
	if e := errs.As(err); e != nil && e.Code == scheduling.ErrInvalidHours.Code {
		form.Problem = c.words.Or("wrong."+e.Detail, e.Detail)
	}
	for service, field := range fields {
		if wrong, there := form.Wrong[service]; there {
			delete(form.Wrong, service)
			form.Wrong[field] = wrong
		}
	}
	return form, nil
}

// saidBetter is refused, with the texts below a key where the same words of a
// service mean something more exact than elsewhere.
func (c *call) saidBetter(err error, below string) (ui.Form, error) {
	form, other := c.refused(err)
	e := errs.As(err)
	if other != nil || e == nil {
		return form, other
	}
	form.Problem = c.words.Or(below+e.Code, form.Problem)
	for name, wrong := range e.Fields {
		form.Wrong[name] = c.words.Or(below+wrong, form.Wrong[name])
	}
	return form, nil
}

// fieldsRead reads the fields of a form and collects what is wrong with them.
type fieldsRead struct {
	c   *call
	err *errs.Error
}

// wrong is what is wrong with the fields, or nil.
func (r *fieldsRead) wrong() error {
	if len(r.err.Fields) > 0 {
		return r.err
	}
	return nil
}

// filled returns a field, which must not be empty.
func (r *fieldsRead) filled(name string) string {
	text := r.c.field(name)
	if text == "" {
		r.err = r.err.Field(name, "is required")
	}
	return text
}

// date reads a day; an empty field is none.
func (r *fieldsRead) date(name string) (d calendar.Date) {
	text := r.c.field(name)
	if text == "" {
		return d
	}
	d, err := calendar.ParseDate(text)
	if err != nil {
		r.err = r.err.Field(name, "must be a date")
	}
	return d
}

// clock reads a time of day; an empty field is otherwise.
func (r *fieldsRead) clock(name string, otherwise calendar.TimeOfDay) calendar.TimeOfDay {
	text := r.c.field(name)
	if text == "" {
		return otherwise
	}
	if len(text) > len("00:00") { // a browser may add seconds
		text = text[:len("00:00")]
	}
	t, err := calendar.ParseTime(text)
	if err != nil {
		r.err = r.err.Field(name, "must be a time")
	}
	return t
}

// instant is what clocks in a zone show on a day, a day's end for its last stretch.
func instant(d calendar.Date, t calendar.TimeOfDay, zone *time.Location, last bool) time.Time {
	day := calendar.Day(d, zone)
	switch {
	case t == 0:
		return day.Start
	case t == calendar.EndOfDay:
		return day.End
	}
	if last {
		s, _ := calendar.Local(d, 0, t, zone)
		return s.End
	}
	s, _ := calendar.Local(d, t, calendar.EndOfDay, zone)
	return s.Start
}

// version is the version of what a form was filled in for.
func (c *call) version() etag.Match { return etag.Match(c.field("etag")) }
