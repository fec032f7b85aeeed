package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// hoursPreview is what a change of hours would do, before it is done.
type hoursPreview struct {
	hoursWhose
	Form    ui.Form // why it was refused, when it was
	Title   string
	What    string // that is about to be done
	More    string
	Effects []string
	Hits    []hoursHit
	Action  string
	Values  []hoursValue // what was filled in, which goes along
	Edit    bool         // there is a form to go back to
	Cancel  string
	Do      string
	Danger  bool
}

type hoursValue struct{ Name, Value string }

// hoursHit is an appointment that a change of hours hits.
type hoursHit struct{ When, Initials, Href string }

// hoursDeed is a change of hours: how its form is shown, what it would do, and the
// doing of it.
type hoursDeed struct {
	whose    hoursWhose
	fields   map[string]string // where the form shows what is wrong with a service's field
	form     func(ui.Form) error
	preview  func() (scheduling.Preview, error)
	describe func(*hoursPreview)
	do       func() error
	done     string
}

// hoursStep goes through a change of hours: from the form to the preview, back to
// the form if that is wished, and from the preview to the deed.
func (s *Server) hoursStep(c *call, d hoursDeed) error {
	step := c.field("step")
	if step == "edit" {
		return d.form(ui.Form{Values: c.form})
	}
	var p scheduling.Preview
	var err error
	if step == "do" {
		if err = d.do(); err == nil {
			return c.done(d.whose.Path(""), d.done)
		}
		if c.again(err) {
			return nil
		}
	} else {
		p, err = d.preview()
	}
	if err != nil {
		form, err := c.hoursRefused(err, d.fields)
		if err != nil {
			return err
		}
		return d.form(form)
	}
	v := hoursPreview{hoursWhose: d.whose, Action: c.r.URL.Path, Values: sentOn(c.form), Edit: true, Cancel: d.whose.Path("")}
	return s.showHoursPreview(c, p, v, d.describe)
}

// sentOn lists what a form sent, to be sent again: all but which step it is.
func sentOn(form url.Values) (values []hoursValue) {
	for name, all := range form {
		if name == "step" || name == onceField {
			continue
		}
		for _, v := range all {
			values = append(values, hoursValue{name, v})
		}
	}
	slices.SortStableFunc(values, func(a, b hoursValue) int { return strings.Compare(a.Name, b.Name) })
	return append(values, hoursValue{onceField, newOnce()})
}

// showHoursPreview tells what a change would do.
func (s *Server) showHoursPreview(c *call, p scheduling.Preview, v hoursPreview, describe func(*hoursPreview)) error {
	v.Effects = c.hoursEffects(p)
	var patients []uuid.UUID
	for _, a := range p.Hits {
		patients = append(patients, a.Patient)
	}
	initials, err := c.initialsOf(patients)
	if err != nil {
		return err
	}
	for _, a := range p.Hits {
		v.Hits = append(v.Hits, hoursHit{
			When:     c.words.DateIn(a.Start, v.Zone) + ", " + c.words.Times(a.Start, a.End, v.Zone),
			Initials: initials(a.Patient), Href: "/calendar/appointments/" + a.ID.String(),
		})
	}
	describe(&v)
	return c.show(page{title: v.Title, form: v.Form}, hoursPreviewContent(v))
}

// hoursEffects says what becomes of slots.
func (c *call) hoursEffects(p scheduling.Preview) (effects []string) {
	for _, e := range []struct {
		key string
		n   int
	}{{"hours.created", p.Created}, {"hours.removed", p.Removed}, {"hours.kept", p.Kept}} {
		if e.n > 0 {
			effects = append(effects, c.words.Count(e.key, e.n))
		}
	}
	return effects
}
