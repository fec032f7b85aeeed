package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/calendar"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/web/ui"
)

const (
	trailRows     = 50 // records a page
	trailPatients = 3  // of a record that are named; the others are counted
)

// trailView is a search of the audit trail.
type trailView struct {
	form                     ui.Form
	title, path              string
	encounters               bool   // only what was done with encounters
	zone                     string // of all times
	actions, types, outcomes []ui.Option
	records                  []trailRecord
	csv, ndjson              string // where the same is downloaded
	first, next              string
}

// trailPage searches the audit trail: GET /trail.
func (s *Server) trailPage(c *call) error {
	return s.showTrail(c, trailView{title: c.say("trail.title"), path: "/trail"})
}

// encounterTrailPage searches what was done with encounters: GET /trail/encounters.
func (s *Server) encounterTrailPage(c *call) error {
	return s.showTrail(c, trailView{title: c.say("trail.encounters"), path: "/trail/encounters", encounters: true})
}

func (s *Server) showTrail(c *call, v trailView) error {
	reader, err := s.trailReaderOf(c)
	if err != nil {
		return err
	}
	f, wrong := c.trailFilter(reader.zone)
	if v.encounters {
		f.ResourceType = "encounter"
	}
	c.form = c.r.URL.Query()
	v.form = ui.Form{Values: c.form, Wrong: wrong}
	var found pages.Of[audit.Entry]
	if !v.form.Failed() {
		found, err = s.Privacy.Events(c.context(), c.by, f, pages.Request{Limit: trailRows, After: c.query("after")})
		if v.form, err = c.refused(err); err != nil {
			return err
		}
	}
	for _, e := range found.Items {
		v.records = append(v.records, reader.recordOf(e, v.path))
	}
	v.choices(c)
	v.links(found.Next)
	v.zone = c.words.ZoneName(s.Now(), reader.zone)
	return c.show(page{title: v.title, form: v.form}, trailContent(v))
}

// trailFilter reads a search from the address, and what is wrong with it. An id that
// is none is nobody's.
func (c *call) trailFilter(zone *time.Location) (f audit.Filter, wrong map[string]string) {
	which := func(text string) uuid.UUID {
		if text == "" {
			return uuid.Nil
		}
		if u, ok := id.Parse(text); ok {
			return u
		}
		return uuid.Max
	}
	asked := func(name string) string { return strings.TrimSpace(c.query(name)) }
	wrong = map[string]string{}
	when := func(name string) time.Time {
		at, ok := trailMoment(asked(name), zone)
		if !ok {
			wrong[name] = c.say("trail.wrong-time")
		}
		return at
	}
	return audit.Filter{
		From: when("from"), To: when("to"), Actor: which(asked("actor")), Patient: which(asked("patient")),
		ResourceType: asked("type"), ResourceID: asked("resource"), Action: asked("action"), Outcome: asked("outcome"),
	}, wrong
}

// trailMoment reads a local date and time as forms send it, "2027-03-14T09:30" or with
// seconds that are zero. Nothing is the zero time.
func trailMoment(text string, zone *time.Location) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	day, clock, _ := strings.Cut(text, "T")
	d, err := calendar.ParseDate(day)
	if len(clock) == len("09:30:00") {
		clock = strings.TrimSuffix(clock, ":00")
	}
	t, wrong := calendar.ParseTime(clock)
	if err != nil || wrong != nil || t == calendar.EndOfDay {
		return time.Time{}, false
	}
	span, ok := calendar.Local(d, t, calendar.EndOfDay, zone)
	return span.Start, ok
}

// choices are what one can choose in the form, by their names in the reader's language.
func (v *trailView) choices(c *call) {
	list := func(prefix string, values []string, chosen string) []ui.Option {
		options := []ui.Option{}
		if chosen != "" && !slices.Contains(values, chosen) {
			options = append(options, ui.Option{Value: chosen, Text: chosen})
		}
		for _, value := range values {
			options = append(options, ui.Option{Value: value, Text: c.say(prefix + value)})
		}
		slices.SortStableFunc(options, func(a, b ui.Option) int { return cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)) })
		return append([]ui.Option{{Text: c.say("trail.any")}}, options...)
	}
	v.actions = list("trail.did.", trailActions, c.query("action"))
	v.types = list("trail.thing.", trailThings, c.query("type"))
	v.outcomes = list("trail.outcome.", trailOutcomes, c.query("outcome"))
}

// links are where the search leads on to, and where it is downloaded.
func (v *trailView) links(next string) {
	query := url.Values{}
	for name, values := range v.form.Values {
		if values[0] != "" && name != "after" && name != "format" {
			query.Set(name, values[0])
		}
	}
	with := func(path, name, value string) string {
		q := url.Values{name: {value}}
		for k := range query {
			q.Set(k, query.Get(k))
		}
		return path + "?" + q.Encode()
	}
	if next != "" {
		v.next = with(v.path, "after", next)
	}
	if v.form.Values.Get("after") != "" {
		v.first = strings.TrimSuffix(v.path+"?"+query.Encode(), "?")
	}
	if v.encounters {
		query.Set("type", "encounter")
	}
	v.csv, v.ndjson = with("/trail/export", "format", "csv"), with("/trail/export", "format", "ndjson")
}

// tabs are the two searches.
func (v *trailView) tabs(c func(string, ...any) string) []ui.Link {
	return []ui.Link{
		{Href: "/trail", Text: c("trail.all"), Current: !v.encounters},
		{Href: "/trail/encounters", Text: c("trail.encounters"), Current: v.encounters},
	}
}
