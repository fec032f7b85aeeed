package web

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// practitionersView is the list of who gives care.
type practitionersView struct {
	lines []practitionerLine
	pager pager
}

// practitionersPage lists who gives care: GET /admin/practitioners.
func (s *Server) practitionersPage(c *call) error {
	p, err := s.Scheduling.Practitioners(c.context(), c.by, directory.PractitionerFilter{}, c.part())
	if err != nil {
		return err
	}
	v := practitionersView{pager: c.pager(p.Next, p.Total)}
	for _, one := range p.Items {
		v.lines = append(v.lines, practitionerLine{href: "/admin/practitioners/" + one.ID.String(), name: one.Name, specialty: one.Specialty})
	}
	return c.show(page{title: c.say("admin.practitioners")}, practitionersContent(v))
}

// practitionerView is somebody who gives care, with what they let patients do.
type practitionerView struct {
	form                                ui.Form
	id, userPath, name, specialty, zone string
	bio                                 []string
	policy                              []difference // in words
	fields                              map[string]string
	etag                                string
	differences                         []difference
}

// practitionerPage shows one: GET /admin/practitioners/{id}.
func (s *Server) practitionerPage(c *call) error {
	p, err := s.Scheduling.Practitioner(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("admin.practitioner")}, practitionerContent(c.practitionerView(p)))
}

func (c *call) practitionerView(p scheduling.Practitioner) practitionerView {
	v := practitionerView{
		id: p.ID.String(), userPath: "/admin/users/" + p.UserID.String(), name: p.Name, specialty: p.Specialty, zone: p.TimeZone, etag: p.ETag(),
		fields: fieldsOf(p),
	}
	if p.Bio != "" {
		v.bio = lines(p.Bio)
	}
	for _, one := range []difference{
		{"slot_minutes", c.words.Duration(minutes(p.Policy.SlotMinutes))},
		{"notice_hours", c.words.Duration(seconds(p.Policy.NoticeSeconds))},
		{"horizon_days", c.words.Duration(minutes(p.Policy.HorizonDays * 24 * 60))},
		{"hold_minutes", c.words.Duration(seconds(p.Policy.HoldSeconds))},
		{"max_open_holds", c.words.Number(p.Policy.MaxOpenHolds)},
		{"window_hours", c.words.Duration(seconds(p.Policy.CancellationWindowSeconds))},
	} {
		v.policy = append(v.policy, difference{c.say("admin.policy." + one.label), one.now})
	}
	return v
}

// fieldsOf is a profile as its form has it.
func fieldsOf(p scheduling.Practitioner) map[string]string {
	return map[string]string{
		"specialty": p.Specialty, "bio": p.Bio, "time_zone": p.TimeZone,
		"slot_minutes": strconv.Itoa(p.Policy.SlotMinutes), "horizon_days": strconv.Itoa(p.Policy.HorizonDays), "max_open_holds": strconv.Itoa(p.Policy.MaxOpenHolds),
		"notice_hours": decimal(p.Policy.NoticeSeconds, 3600), "window_hours": decimal(p.Policy.CancellationWindowSeconds, 3600),
		"hold_minutes": decimal(p.Policy.HoldSeconds, 60),
	}
}

// policyFields are the fields of a policy in a form, in their order, and how many
// seconds or things one of them is.
var policyFields = []struct {
	name, service string
	unit          float64
}{
	{"slot_minutes", "policy.slot_minutes", 1},
	{"notice_hours", "policy.notice_seconds", 3600},
	{"horizon_days", "policy.horizon_days", 1},
	{"hold_minutes", "policy.hold_seconds", 60},
	{"max_open_holds", "policy.max_open_holds", 1},
	{"window_hours", "policy.cancellation_window_seconds", 3600},
}

// decimal writes n in a larger unit, as forms send numbers.
func decimal(n, unit int) string { return strconv.FormatFloat(float64(n)/float64(unit), 'f', -1, 64) }

// editPractitioner asks for a profile: GET /admin/practitioners/{id}/edit.
func (s *Server) editPractitioner(c *call) error { return s.showEditPractitioner(c, ui.Form{}, false) }

func (s *Server) showEditPractitioner(c *call, f ui.Form, stale bool) error {
	p, err := s.Scheduling.Practitioner(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	v := c.practitionerView(p)
	v.form = f
	if stale {
		f.Values.Set("etag", v.etag)
		var now []difference
		for _, name := range []string{"specialty", "bio", "time_zone", "slot_minutes", "notice_hours", "horizon_days", "hold_minutes", "max_open_holds", "window_hours"} {
			now = append(now, difference{name, v.fields[name]})
		}
		v.differences = c.differ(now)
	}
	return c.show(page{title: c.say("admin.edit-practitioner"), form: f}, editPractitionerContent(v))
}

// changePractitioner changes it: POST /admin/practitioners/{id}/edit.
func (s *Server) changePractitioner(c *call) error {
	specialty, bio, zone := c.field("specialty"), strings.ReplaceAll(c.field("bio"), "\r\n", "\n"), c.field("time_zone")
	policy, err := c.policyOfForm()
	if err == nil {
		_, err = s.Scheduling.ChangePractitioner(c.context(), c.by, c.id("id"), etag.Match(c.form.Get("etag")), scheduling.PractitionerChange{
			Specialty: &specialty, Bio: &bio, TimeZone: &zone, Policy: policy,
		})
	}
	if err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(c.inUnits(err))
		if err != nil {
			return err
		}
		return s.showEditPractitioner(c, f, stale)
	}
	return c.done("/admin/practitioners/"+c.id("id"), "done.admin-practitioner-changed")
}

// policyOfForm reads a policy, whose longer times are in hours and minutes.
func (c *call) policyOfForm() (p scheduling.PolicyChange, err error) {
	wrong := scheduling.ErrInvalidPolicy
	numbers := map[string]*int{}
	for _, f := range policyFields {
		n, err := strconv.ParseFloat(strings.Replace(c.field(f.name), ",", ".", 1), 64)
		if n *= f.unit; err != nil || math.IsNaN(n) || math.Abs(n) > math.MaxInt32 {
			wrong = wrong.Field(f.name, c.say("admin.no-number"))
			continue
		}
		whole := int(math.Round(n))
		numbers[f.service] = &whole
	}
	if len(wrong.Fields) > 0 {
		return p, wrong
	}
	return scheduling.PolicyChange{
		SlotMinutes: numbers["policy.slot_minutes"], NoticeSeconds: numbers["policy.notice_seconds"], HoldSeconds: numbers["policy.hold_seconds"],
		CancellationWindowSeconds: numbers["policy.cancellation_window_seconds"], HorizonDays: numbers["policy.horizon_days"],
		MaxOpenHolds: numbers["policy.max_open_holds"],
	}, nil
}

// inUnits says what is wrong with a policy at the form's fields, and in their units.
func (c *call) inUnits(err error) error {
	e := errs.As(err)
	if e == nil || len(e.Fields) == 0 {
		return err
	}
	names := map[string]string{}
	for _, f := range policyFields {
		names[f.service] = f.name
		if e.Fields[f.service] != "" {
			e = e.Field(f.service, c.say("admin.range."+f.name))
		}
	}
	return rename(e, names)
}

// noHours lists who of the practitioners has no time that could be booked.
func (s *Server) noHours(c *call, names map[uuid.UUID]string, order []uuid.UUID) (idle []practitionerLine, err error) {
	for _, p := range order {
		q := scheduling.SlotQuery{Practitioner: p.String(), Status: "any"}
		req := c.part()
		req.Limit, req.After, req.Count = 1, "", false
		found, err := s.Scheduling.Slots(c.context(), c.by, q, req)
		if err != nil {
			return nil, err
		}
		if len(found.Items) == 0 {
			idle = append(idle, practitionerLine{href: "/hours?practitioner=" + p.String(), name: names[p]})
		}
	}
	return idle, nil
}
