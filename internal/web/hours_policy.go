package web

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"medbook/internal/etag"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// policyView is a practitioner's profile and what patients may do with their time.
type policyView struct {
	hoursWhose
	Form      ui.Form
	ETag      string
	Was       map[string]string
	Meaning   []string // what the policy as it stands means for patients
	Meanwhile []ui.Differing
}

// policyField is a field of the policy: what it is called, in the form and to the
// service, and how much of the service's unit one of the form's is.
type policyField struct {
	name, service string
	unit          int
	of            func(*scheduling.Policy) *int
	change        func(*scheduling.PolicyChange) **int
}

var hoursPolicyFields = []policyField{
	{"slot", "slot_minutes", 1, func(p *scheduling.Policy) *int { return &p.SlotMinutes }, func(c *scheduling.PolicyChange) **int { return &c.SlotMinutes }},
	{"notice", "notice_seconds", 3600, func(p *scheduling.Policy) *int { return &p.NoticeSeconds }, func(c *scheduling.PolicyChange) **int { return &c.NoticeSeconds }},
	{"hold", "hold_seconds", 60, func(p *scheduling.Policy) *int { return &p.HoldSeconds }, func(c *scheduling.PolicyChange) **int { return &c.HoldSeconds }},
	{"window", "cancellation_window_seconds", 3600, func(p *scheduling.Policy) *int { return &p.CancellationWindowSeconds }, func(c *scheduling.PolicyChange) **int { return &c.CancellationWindowSeconds }},
	{"horizon", "horizon_days", 1, func(p *scheduling.Policy) *int { return &p.HorizonDays }, func(c *scheduling.PolicyChange) **int { return &c.HorizonDays }},
	{"holds", "max_open_holds", 1, func(p *scheduling.Policy) *int { return &p.MaxOpenHolds }, func(c *scheduling.PolicyChange) **int { return &c.MaxOpenHolds }},
}

// policyPage shows a practitioner's profile and policy: GET /hours/policy.
func (s *Server) policyPage(c *call) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return s.chooseHours(c)
	}
	p, err := s.Scheduling.Practitioner(c.context(), c.by, whose.ID)
	if err != nil {
		return err
	}
	return s.showPolicy(c, whose, p, ui.Form{})
}

func (s *Server) showPolicy(c *call, whose hoursWhose, p scheduling.Practitioner, form ui.Form) error {
	v := policyView{hoursWhose: whose, Form: form, ETag: p.ETag(), Was: policyShown(p), Meaning: c.policyMeaning(p.Policy)}
	if form.Failed() && errors.Is(c.version().Check(p.ETag()), etag.ErrStale) {
		v.Meanwhile = c.policyDiffering(v.Was)
		form.Values.Set("etag", p.ETag())
	}
	return c.show(page{title: c.say("hours.policy"), form: form}, policyContent(v))
}

// policyShown is a profile as the fields of its form show it.
func policyShown(p scheduling.Practitioner) map[string]string {
	was := map[string]string{"specialty": p.Specialty, "bio": p.Bio, "time_zone": p.TimeZone}
	for _, f := range hoursPolicyFields {
		was[f.name] = inUnits(*f.of(&p.Policy), f.unit)
	}
	return was
}

// inUnits writes a number in units of so much.
func inUnits(n, unit int) string {
	return strconv.FormatFloat(math.Round(float64(n)/float64(unit)*1e4)/1e4, 'f', -1, 64)
}

// policyMeaning says what a policy means for patients, a sentence for each field.
func (c *call) policyMeaning(p scheduling.Policy) []string {
	length := func(seconds int) string { return c.words.Duration(time.Duration(seconds) * time.Second) }
	notice, window := c.say("hours.means-no-notice"), c.say("hours.means-no-window")
	if p.NoticeSeconds > 0 {
		notice = c.say("hours.means-notice", "Time", length(p.NoticeSeconds))
	}
	if p.CancellationWindowSeconds > 0 {
		window = c.say("hours.means-window", "Time", length(p.CancellationWindowSeconds))
	}
	return []string{
		c.say("hours.means-slot", "Time", length(p.SlotMinutes*60)), notice, c.words.Count("hours.means-horizon", p.HorizonDays),
		c.say("hours.means-hold", "Time", length(p.HoldSeconds)), c.words.Count("hours.means-holds", p.MaxOpenHolds), window,
	}
}

// policyDiffering lists what is not as it was filled in.
func (c *call) policyDiffering(now map[string]string) (rows []ui.Differing) {
	for _, name := range []string{"specialty", "bio", "time_zone", "slot", "notice", "hold", "window", "horizon", "holds"} {
		if typed := c.field(name); unix(typed) != unix(now[name]) {
			rows = append(rows, ui.Differing{Name: c.say("hours.policy-field." + name), There: now[name], Typed: typed})
		}
	}
	return rows
}

// unix is a text with lines that end as ours do: a form sends others.
func unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// changePolicy changes a practitioner's profile and policy: POST /hours/policy.
func (s *Server) changePolicy(c *call) error {
	whose, chosen, err := c.hoursWhose()
	if err != nil {
		return err
	}
	if !chosen {
		return errForm
	}
	p, err := s.Scheduling.Practitioner(c.context(), c.by, whose.ID)
	if err != nil {
		return err
	}
	change, err := c.policyFilled(p)
	if err == nil {
		_, err = s.Scheduling.ChangePractitioner(c.context(), c.by, whose.ID, c.version(), change)
	}
	if err == nil {
		return c.done(whose.Path("/policy"), "done.hours-policy")
	}
	fields := map[string]string{}
	for _, f := range hoursPolicyFields {
		fields["policy."+f.service] = f.name
	}
	form, err := c.hoursRefused(err, fields)
	if err != nil {
		return err
	}
	return s.showPolicy(c, whose, p, form)
}

// policyFilled reads what is to change. A number that the form still shows as it was
// stays exactly as it is.
func (c *call) policyFilled(p scheduling.Practitioner) (change scheduling.PractitionerChange, err error) {
	was := policyShown(p)
	specialty, bio, zone := c.field("specialty"), unix(c.field("bio")), c.field("time_zone")
	change.Specialty, change.Bio = &specialty, &bio
	if zone != was["time_zone"] {
		change.TimeZone = &zone
	}
	wrong := scheduling.ErrInvalidPolicy
	for _, f := range hoursPolicyFields {
		text := c.field(f.name)
		if text == was[f.name] {
			continue
		}
		n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil || math.Abs(n) > 1e9 || f.unit == 1 && n != math.Trunc(n) {
			wrong = wrong.Field(f.name, "must be a number")
			continue
		}
		units := int(math.Round(n * float64(f.unit)))
		*f.change(&change.Policy) = &units
	}
	if len(wrong.Fields) > 0 {
		return change, wrong
	}
	return change, nil
}
