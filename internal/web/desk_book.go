package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// Booking for a patient: who, with whom, on which day, at what time, and then what
// is to be said about it. Each answer is in the address, by ids.
const bookFor = "/admin/appointments/book"

// personLine is somebody who was searched for.
type personLine struct{ href, name, born string }

// personSearchView is where somebody is looked for by name, address or birth.
type personSearchView struct {
	form         ui.Form
	action, back string
	title, hint  string
	searched     bool
	found        []personLine
}

// bookForWhom asks for whom to book: GET /admin/appointments/book.
func (s *Server) bookForWhom(c *call) error {
	return s.showPatientSearch(c, c.bookSearch())
}

// bookForFound searches: POST /admin/appointments/book.
func (s *Server) bookForFound(c *call) error {
	return s.searchPatients(c, c.bookSearch(), func(patient string) string { return bookFor + "/" + patient })
}

func (c *call) bookSearch() personSearchView {
	return personSearchView{action: bookFor, back: "/admin/appointments", title: c.say("desk.book-for"), hint: c.say("desk.book-whom")}
}

// searchPatients looks for patients and shows who was found, each with where they
// lead.
func (s *Server) searchPatients(c *call, v personSearchView, to func(patient string) string) error {
	found, err := s.Directory.FindPatients(c.context(), c.by, directory.PatientSearch{Query: c.given("q")})
	if err != nil {
		if v.form, err = c.refused(err); err != nil {
			return err
		}
		return s.showPatientSearch(c, v)
	}
	v.form, v.searched = ui.Form{Values: c.form}, true
	for _, p := range found {
		v.found = append(v.found, c.personLine(p, to(p.ID.String())))
	}
	return s.showPatientSearch(c, v)
}

// personLine tells staff who somebody is, so that the right one is chosen.
func (c *call) personLine(p directory.Patient, href string) personLine {
	return personLine{href: href, name: p.Name.Reveal(), born: c.birthday(p.DateOfBirth.Reveal())}
}

// birthday writes a date of birth, which may be of the century before.
func (c *call) birthday(text string) string {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return c.words.ShortDate(calendar.DateIn(t, time.UTC))
}

func (s *Server) showPatientSearch(c *call, v personSearchView) error {
	return c.show(page{title: v.title, form: v.form}, personSearchContent(v))
}

// bookStepView is what all further steps of booking for a patient show.
type bookStepView struct {
	patient  string // by the initials, until the answers are checked
	path     string // of the step
	back     string
	slots    int
	lengths  []ui.Option
	filters  ui.Form
	with     []practitionerLine
	name     string // of the practitioner
	zone     string
	days     []dayLine
	earlier  string
	later    string
	day      string
	groups   []timeGroup
	previous string
	next     string
}

// practitionerLine is somebody who gives care, in a list.
type practitionerLine struct{ href, name, specialty string }

// dayLine is a date with something to book.
type dayLine struct{ href, date, free string }

// timeGroup is a part of a day with its times.
type timeGroup struct {
	name  string
	times []timeLine
}

// timeLine is a time that is free, or why it is not.
type timeLine struct{ href, text, full, why string }

// bookStep begins the view of a step; who the patient is must be known to the clinic.
func (s *Server) bookStep(c *call) (v bookStepView, err error) {
	patient, ok := id.Parse(c.id("patient"))
	if !ok {
		return v, directory.ErrPatientNotFound
	}
	initials, err := s.Directory.InitialsOf(c.context(), c.by, []uuid.UUID{patient})
	if err != nil {
		return v, err
	}
	if initials[patient] == "" {
		return v, directory.ErrPatientNotFound
	}
	v = bookStepView{patient: initials[patient], path: c.r.URL.Path, back: bookFor, slots: slotsAsked(c.query("slots")), filters: c.filters()}
	return v, nil
}

// slotsAsked is for how many slots a visit is booked, at least one.
func slotsAsked(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 96 {
		return 1
	}
	return n
}

// bookWithWhom asks with whom: GET /admin/appointments/book/{patient}.
func (s *Server) bookWithWhom(c *call) error {
	v, err := s.bookStep(c)
	if err != nil {
		return err
	}
	req := c.part()
	req.Count = false
	p, err := s.Scheduling.Practitioners(c.context(), c.by, directory.PractitionerFilter{}, req)
	if err != nil {
		return err
	}
	for _, one := range p.Items {
		v.with = append(v.with, practitionerLine{href: v.path + "/" + one.ID.String(), name: one.Name, specialty: one.Specialty})
	}
	links := c.pager(p.Next, nil)
	v.earlier, v.later = links.first, links.next
	return c.show(page{title: c.say("desk.book-with")}, bookWithContent(v))
}

// bookWhen asks for the day, and then for the time of it:
// GET /admin/appointments/book/{patient}/{practitioner}.
func (s *Server) bookWhen(c *call) error {
	v, err := s.bookStep(c)
	if err != nil {
		return err
	}
	p, err := s.Scheduling.Practitioner(c.context(), c.by, c.id("practitioner"))
	if err != nil {
		return err
	}
	v.back, v.name = bookFor+"/"+c.id("patient"), p.Name
	for n := 1; n <= 8 && n*p.Policy.SlotMinutes <= 480; n++ {
		v.lengths = append(v.lengths, ui.Option{Value: strconv.Itoa(n), Text: c.words.Duration(minutes(n * p.Policy.SlotMinutes))})
	}
	if day, err := calendar.ParseDate(c.query("date")); err == nil {
		return s.deskBookTime(c, v, p, day)
	}
	q := scheduling.DaysQuery{Practitioner: p.ID.String(), N: 12, Slots: v.slots}
	q.From, _ = calendar.ParseDate(c.query("from")) // what is none begins at the beginning
	q.Before, _ = calendar.ParseDate(c.query("before"))
	days, err := s.Scheduling.Days(c.context(), c.by, q)
	if err != nil {
		return err
	}
	for _, d := range days.Days {
		v.days = append(v.days, dayLine{href: c.onDay(d.Date), date: c.words.Date(d.Date), free: c.words.Count("desk.free-times", d.Free)})
	}
	slots := strconv.Itoa(v.slots)
	if !days.Before.IsZero() {
		v.earlier = address(v.path, url.Values{"before": {days.Before.String()}, "slots": {slots}})
	}
	if !days.Next.IsZero() {
		v.later = address(v.path, url.Values{"from": {days.Next.String()}, "slots": {slots}})
	}
	return c.show(page{title: c.say("desk.book-day")}, bookDayContent(v))
}

// onDay is the address of the times of a day.
func (c *call) onDay(d calendar.Date) string {
	return address(c.r.URL.Path, url.Values{"date": {d.String()}, "slots": {c.query("slots")}})
}

// deskBookTime asks for the time: all that begin on the day, those that patients could
// not book too.
func (s *Server) deskBookTime(c *call, v bookStepView, p scheduling.Practitioner, day calendar.Date) error {
	all, err := s.Scheduling.Slots(c.context(), c.by, scheduling.SlotQuery{Practitioner: p.ID.String(), Date: day, Status: "any"}, pages.Request{Limit: most})
	if err != nil {
		return err
	}
	open, err := s.Scheduling.Times(c.context(), c.by, scheduling.DaysQuery{Practitioner: p.ID.String(), From: day, Slots: v.slots})
	if err != nil {
		return err
	}
	zone := zoneNamed(p.TimeZone)
	v.back = address(v.path, url.Values{"slots": {c.query("slots")}})
	v.day, v.zone = c.words.Date(day), c.words.ZoneName(calendar.Day(day, zone).Start, zone)
	v.previous, v.next = c.onDay(day.AddDays(-1)), c.onDay(day.AddDays(1))
	for _, slot := range all.Items {
		bookable := slices.ContainsFunc(open, func(o scheduling.Slot) bool { return o.Start.Equal(slot.Start) })
		v.add(c, slot, bookable, p)
	}
	return c.show(page{title: c.say("desk.book-time")}, deskBookTimeContent(v))
}

// add puts a slot among the times of its part of the day.
func (v *bookStepView) add(c *call, slot scheduling.Slot, bookable bool, p scheduling.Practitioner) {
	zone := zoneNamed(slot.TimeZone)
	key := "desk.morning"
	switch hour := slot.Start.In(zone).Hour(); {
	case hour >= 17:
		key = "desk.evening"
	case hour >= 12:
		key = "desk.afternoon"
	}
	name := c.say(key)
	line := timeLine{text: c.words.Time(slot.Start, zone), full: c.words.Moment(slot.Start, zone) + ", " + p.Name}
	switch {
	case slot.Status != scheduling.SlotAvailable || !slot.Start.After(c.server.Now()):
		line.why = c.say("desk.slot.taken")
		if slot.Status == scheduling.SlotBlocked {
			line.why = c.say("desk.slot.blocked")
		}
	case !bookable:
		line.why = c.say("desk.slot.override")
		fallthrough
	default:
		line.href = address(v.path+"/"+slot.ID(), url.Values{"slots": {c.query("slots")}})
	}
	if n := len(v.groups); n == 0 || v.groups[n-1].name != name {
		v.groups = append(v.groups, timeGroup{name: name})
	}
	group := &v.groups[len(v.groups)-1]
	group.times = append(group.times, line)
}

// deskBookCheckView is the last step: what will be booked, and what is to be said of it.
type deskBookCheckView struct {
	form                  ui.Form
	path, back            string
	patient, practitioner string
	when                  moment
	length                string
	why                   []string // patients could not book it
	lifted                bool     // by an override
	impossible            bool     // by nothing
	holdFor               string
}

// deskBookCheck shows what would be booked:
// GET /admin/appointments/book/{patient}/{practitioner}/{slot}.
func (s *Server) deskBookCheck(c *call) error { return s.showBookCheck(c, freshForm()) }

func (s *Server) showBookCheck(c *call, f ui.Form) error {
	slot, ok := id.ParseSlot(c.id("slot"))
	if !ok || slot.Practitioner.String() != c.id("practitioner") {
		return scheduling.ErrSlotNotFound
	}
	p, err := s.Scheduling.Practitioner(c.context(), c.by, c.id("practitioner"))
	if err != nil {
		return err
	}
	patient, err := s.Directory.User(c.context(), c.by, c.id("patient"))
	if err != nil {
		return err
	}
	n := slotsAsked(c.query("slots"))
	e, err := s.Scheduling.Explain(c.context(), c.by, p.ID.String(), slot.Start, n)
	if err != nil {
		return err
	}
	v := c.deskBookCheckView(patient, e, p)
	v.form = f
	return c.show(page{title: c.say("desk.book-check"), form: f}, deskBookCheckContent(v))
}

// deskBookCheckView tells staff what they are about to book.
func (c *call) deskBookCheckView(patient directory.User, e scheduling.Explanation, p scheduling.Practitioner) deskBookCheckView {
	zone := zoneNamed(p.TimeZone)
	v := deskBookCheckView{
		path: address(c.r.URL.Path, url.Values{"slots": {c.query("slots")}}), patient: patient.Name.Reveal(), practitioner: p.Name,
		when: c.momentOf(e.Time.Start, e.Time.End, zone), length: c.words.Duration(e.Time.End.Sub(e.Time.Start)),
		holdFor: c.words.Duration(seconds(p.Policy.HoldSeconds)),
		back: address(strings.TrimSuffix(c.r.URL.Path, "/"+c.id("slot")), url.Values{
			"date": {calendar.DateIn(e.Time.Start, zone).String()}, "slots": {c.query("slots")},
		}),
	}
	for _, why := range e.Why {
		switch why {
		case scheduling.WhyAvailable:
			continue
		case scheduling.WhyNotice:
			v.lifted = true
			v.why = append(v.why, c.say("desk.why.notice", "Time", c.words.Duration(seconds(p.Policy.NoticeSeconds))))
		case scheduling.WhyHorizon:
			v.lifted = true
			v.why = append(v.why, c.say("desk.why.beyond-horizon", "Time", c.words.Duration(minutes(p.Policy.HorizonDays*24*60))))
		default:
			v.impossible = true
			v.why = append(v.why, c.say("desk.why."+string(why)))
		}
	}
	return v
}

// deskBookDone books: POST /admin/appointments/book/{patient}/{practitioner}/{slot}.
func (s *Server) deskBookDone(c *call) error {
	ctx := c.once(func(made any) string {
		return "/admin/appointments/" + made.(scheduling.Appointment).ID.String()
	})
	var a scheduling.Appointment
	err := c.short(longestReason, "reason", "override")
	if err == nil {
		a, err = s.Scheduling.Hold(ctx, c.by, scheduling.HoldRequest{
			Slot: c.id("slot"), Slots: slotsAsked(c.query("slots")), Patient: c.id("patient"),
			Reason: c.given("reason"), Override: c.given("override"), Confirm: c.field("how") != "hold",
		})
	}
	if c.again(err) {
		return nil
	}
	if err != nil {
		if e := errs.As(err); e != nil && liftable[e.Code] {
			err = e.Field("override", "is required for staff")
		}
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showBookCheck(c, f)
	}
	if a.Status == scheduling.Held {
		return c.done("/admin/appointments/"+a.ID.String(), "done.desk-held")
	}
	return c.done("/admin/appointments/"+a.ID.String(), "done.desk-booked")
}

// liftable are the codes of rules that staff lift when they give a reason.
var liftable = map[string]bool{
	scheduling.ErrTooLate.Code: true, scheduling.ErrBeyondHorizon.Code: true, scheduling.ErrTooManyHolds.Code: true,
}
