package web

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// What the pages of the front desk and of the clinic's running share: lists in
// pages, who is who, and when.

// listed is how many lines a page of a list has.
const listed = 25

// tag is a status in words, with the colour beside it.
type tag struct{ kind, text string }

// pager leads to the other pages of a list.
type pager struct{ first, next, total string }

// part is which page of a list is asked for. What there is in all is counted on the
// first one.
func (c *call) part() pages.Request {
	after := c.query("after")
	return pages.Request{Limit: listed, After: after, Count: after == ""}
}

// pager leads on from a page of the list that the address asks for, and back to its
// beginning.
func (c *call) pager(next string, total *int) (p pager) {
	if c.query("after") != "" {
		p.first = c.with("after", "")
	}
	if next != "" {
		p.next = c.with("after", next)
	}
	if total != nil {
		p.total = c.words.Count("desk.total", *total)
	}
	return p
}

// with is the address of the page with a parameter that is another; one that is
// empty is left out.
func (c *call) with(name, value string) string {
	query := c.r.URL.Query()
	query.Set(name, value)
	return address(c.r.URL.Path, query)
}

// address is a path with those parameters that are not empty.
func address(path string, query url.Values) string {
	for name := range query {
		if query.Get(name) == "" {
			query.Del(name)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// filters is what a list is narrowed by, as its form shows it.
func (c *call) filters() ui.Form { return ui.Form{Values: c.r.URL.Query()} }

// choices are the options of a select: all, and each value with the text of its key.
func (c *call) choices(all, prefix string, values ...string) []ui.Option {
	options := make([]ui.Option, 0, len(values)+1)
	if all != "" {
		options = append(options, ui.Option{Text: c.say(all)})
	}
	for _, v := range values {
		options = append(options, ui.Option{Value: v, Text: c.say(prefix + v)})
	}
	return options
}

// given is what a field holds, as a personal value; none when it is empty.
func (c *call) given(name string) phi.Value[string] {
	if v := c.field(name); v != "" {
		return phi.Of(v)
	}
	return phi.Value[string]{}
}

// rename gives fields that are wrong the names that they have in a form.
func rename(err error, fields map[string]string) error {
	e := errs.As(err)
	if e == nil || len(e.Fields) == 0 {
		return err
	}
	renamed := *e
	renamed.Fields = make(map[string]string, len(e.Fields))
	for name, wrong := range e.Fields {
		if to := fields[name]; to != "" {
			name = to
		}
		renamed.Fields[name] = wrong
	}
	return &renamed
}

// moment is when something is, in the place's zone, and in the reader's where that
// is another.
type moment struct{ date, time, zone, yours string }

// momentOf writes a stretch of time.
func (c *call) momentOf(start, end time.Time, zone *time.Location) moment {
	m := moment{date: c.words.DateIn(start, zone), time: c.words.Times(start, end, zone), zone: c.words.ZoneName(start, zone)}
	if own := c.words.Zone; elsewhere(c.words, start, zone) {
		yours := c.words.Times(start, end, own)
		if date := c.words.DateIn(start, own); date != m.date {
			yours = date + ", " + yours
		}
		m.yours = c.say("desk.yours", "Time", yours)
	}
	return m
}

// stampIn writes when something was.
func (c *call) stampIn(t time.Time, zone *time.Location) string {
	return c.words.ShortDate(calendar.DateIn(t, zone)) + ", " + c.words.Time(t, zone)
}

// practitionerNames are the public names of all who give care, by their ids.
func (s *Server) practitionerNames(c *call) (names map[uuid.UUID]string, order []uuid.UUID, err error) {
	names = map[uuid.UUID]string{}
	all, err := s.practitioners(c)
	for _, one := range all {
		names[one.ID] = one.Name
		order = append(order, one.ID)
	}
	return names, order, err
}

// practitionerOptions are the choices of a filter by practitioner.
func practitionerOptions(all string, names map[uuid.UUID]string, order []uuid.UUID) []ui.Option {
	options := make([]ui.Option, 0, len(order)+1)
	if all != "" {
		options = append(options, ui.Option{Text: all})
	}
	for _, p := range order {
		options = append(options, ui.Option{Value: p.String(), Text: names[p]})
	}
	return options
}

// called is what a list calls a patient: by their initials; who is erased, or no
// patient, has none.
func (c *call) called(initials map[uuid.UUID]string, user uuid.UUID) string {
	if text := initials[user]; text != "" {
		return text
	}
	return c.say("desk.nameless")
}

// freshForm gives a new form its onceField.
func freshForm() ui.Form { return ui.Form{Values: url.Values{onceField: {newOnce()}}} }

// lines are what a text of several lines is made of.
func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// deskLinks are links to pages by the keys of their names.
func deskLinks(ctx context.Context, path string, links []string) []ui.Link {
	all := make([]ui.Link, 0, len(links)/2)
	for i := 0; i+1 < len(links); i += 2 {
		all = append(all, ui.Link{Href: links[i], Text: ui.Say(ctx, links[i+1]), Current: links[i] == path})
	}
	return all
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }
func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// orNone is a fact, or says that there is none.
func orNone(ctx context.Context, fact string) string {
	if fact == "" {
		return ui.Say(ctx, "desk.none")
	}
	return fact
}
