package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/gate"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// recordHead is whose record a page is of, and what let the reader in.
type recordHead struct {
	ID, Name, Born        string
	Email, Phone, Address string
	Zone, Since           string
	Until                 string // when emergency access ends; empty: there is care
}

// Path is a page of the record.
func (h recordHead) Path(below string) string { return "/patients/" + url.PathEscape(h.ID) + below }

// recordView is the record of a patient.
type recordView struct {
	recordHead
	Times          string // in which zone times are
	Upcoming, Past []recordVisit
	Earlier        []recordVisit // past ones that are not shown at once
	Filter         ui.Form
	Filtered       bool
	Types          []ui.Option
	Encounters     []encounterLine
	First, Next    string
}

// atOnce is how many past visits a record shows at once.
const atOnce = 5

type recordVisit struct{ When, Status, Tag, Href string }

// encounterLine is an encounter in a list, without what it says.
type encounterLine struct {
	Date, Type, By, Href string
	Shared               bool
	Amended              bool
}

// openRecord opens a patient's record to its practitioner, for the head of a page.
func (c *call) openRecord(patient string) (h recordHead, err error) {
	zone, err := c.ownZone()
	if err != nil {
		return h, err
	}
	r, err := c.server.Encounters.Record(c.context(), c.by, patient)
	if err != nil {
		return h, err
	}
	u := r.Patient
	h = recordHead{ID: u.ID.String(), Name: u.Name.Reveal(), Email: u.Email.Reveal(), Phone: u.Phone.Reveal(), Address: u.Address.Reveal()}
	if born, err := time.Parse(time.DateOnly, u.DateOfBirth.Reveal()); err == nil { // calendar begins in 2000
		h.Born = c.words.ShortDate(calendar.Date{Year: born.Year(), Month: born.Month(), Day: born.Day()})
	}
	if theirs, err := calendar.Zone(u.TimeZone); err == nil {
		h.Zone = c.words.ZoneName(c.server.Now(), theirs)
	}
	if !r.Since.IsZero() {
		h.Since = c.words.ShortDate(calendar.DateIn(r.Since, zone))
	}
	if !r.Until.IsZero() {
		h.Until = c.words.Time(r.Until, zone)
	}
	return h, nil
}

// ownZone is the zone of the practitioner who reads.
func (c *call) ownZone() (*time.Location, error) {
	p, err := c.server.Scheduling.Practitioner(c.context(), c.by, c.by.PractitionerID.String())
	if err != nil {
		return nil, err
	}
	return calendar.Zone(p.TimeZone)
}

// recordPage shows a patient's record: GET /patients/{id}.
func (s *Server) recordPage(c *call) error {
	head, err := c.openRecord(c.id("id"))
	if errors.Is(err, directory.ErrPatientNotFound) {
		return s.showClosed(c, err)
	}
	if err != nil {
		return err
	}
	v := recordView{recordHead: head, Types: append([]ui.Option{{Text: c.say("record.any-type")}}, c.encounterTypes()...)}
	zone, err := c.ownZone()
	if err != nil {
		return err
	}
	v.Times = c.words.ZoneName(s.Now(), zone)
	if err := c.recordVisits(&v, zone); err != nil {
		return err
	}
	if err := c.recordEncounters(&v); err != nil {
		return err
	}
	return c.show(page{title: c.say("record.title"), form: v.Filter}, recordContent(v))
}

// showClosed says that there is no such patient in one's care, whether or not there
// is one at all, and what one can do in an emergency.
func (s *Server) showClosed(c *call, err error) error {
	gate.Note(c.context(), err)
	p := page{title: c.say("record.closed"), status: http.StatusNotFound}
	return c.show(p, closedContent(recordHead{ID: c.id("id")}.Path("/emergency")))
}

// recordVisits fills in the patient's visits with the reader.
func (c *call) recordVisits(v *recordView, zone *time.Location) error {
	all, err := c.visitsOf(v.ID)
	if err != nil {
		return err
	}
	now := c.server.Now()
	for _, a := range all {
		if a.End.After(now) && a.Live() {
			v.Upcoming = append(v.Upcoming, c.recordVisit(a, zone))
		} else {
			v.Past = append(v.Past, c.recordVisit(a, zone))
		}
	}
	slices.Reverse(v.Past)
	if len(v.Past) > atOnce {
		v.Past, v.Earlier = v.Past[:atOnce], v.Past[atOnce:]
	}
	return nil
}

// visitsOf lists a patient's visits with the reader by their start.
func (c *call) visitsOf(patient string) ([]scheduling.Appointment, error) {
	return every(func(req pages.Request) (pages.Of[scheduling.Appointment], error) {
		return c.server.Scheduling.Appointments(c.context(), c.by, scheduling.AppointmentFilter{Patient: patient}, req)
	})
}

// visitTags are the colours of the statuses of visits.
var visitTags = map[scheduling.Status]string{
	scheduling.Held: "warn", scheduling.Confirmed: "act", scheduling.Completed: "good", scheduling.NoShow: "bad",
}

func (c *call) recordVisit(a scheduling.Appointment, zone *time.Location) recordVisit {
	return recordVisit{
		When:   c.words.DateIn(a.Start, zone) + ", " + c.words.Times(a.Start, a.End, zone),
		Status: c.say("record.visit." + string(a.Status)), Tag: visitTags[a.Status], Href: "/calendar/appointments/" + a.ID.String(),
	}
}

// recordEncounters fills in what was documented, as the address filters it.
func (c *call) recordEncounters(v *recordView) error {
	asked := c.r.URL.Query()
	v.Filtered = asked.Get("from")+asked.Get("to")+asked.Get("type") != ""
	v.Filter = ui.Form{Values: asked, Wrong: map[string]string{}}
	f := encounters.Filter{Patient: v.ID, Type: encounters.Type(asked.Get("type"))}
	for name, to := range map[string]*calendar.Date{"from": &f.From, "to": &f.To} {
		if text := asked.Get(name); text != "" {
			d, err := calendar.ParseDate(text)
			if err != nil {
				v.Filter.Wrong[name] = c.say("wrong.must be a date")
			}
			*to = d
		}
	}
	if v.Filter.Failed() {
		return nil
	}
	p, err := c.server.Encounters.Encounters(c.context(), c.by, f, pages.Request{Limit: 20, After: asked.Get("after")})
	if errors.Is(err, encounters.ErrInvalidRange) {
		v.Filter.Wrong["to"] = c.say("record.range")
		return nil
	}
	if err != nil {
		return err
	}
	if v.Encounters, err = c.encounterLines(p.Items); err != nil {
		return err
	}
	if asked.Get("after") != "" {
		asked.Del("after")
		v.First = v.Path("?" + asked.Encode())
	}
	if p.Next != "" {
		asked.Set("after", p.Next)
		v.Next = v.Path("?" + asked.Encode())
	}
	return nil
}

func (c *call) encounterLines(found []encounters.Encounter) (lines []encounterLine, err error) {
	var writers []uuid.UUID
	for _, e := range found {
		writers = append(writers, e.CreatedBy)
	}
	name, err := c.colleagues(writers...)
	for _, e := range found {
		lines = append(lines, encounterLine{
			Date: c.words.Date(e.Date), Type: c.say("record.type." + string(e.Type)), By: name(e.CreatedBy),
			Href: "/encounters/" + e.ID.String(), Shared: e.Shared, Amended: e.Version > 1,
		})
	}
	return lines, err
}

// colleagues are the names of users who write encounters. Who has left is nobody
// whom the public directory names.
func (c *call) colleagues(users ...uuid.UUID) (name func(uuid.UUID) string, err error) {
	names := map[uuid.UUID]string{c.by.UserID: c.say("record.you")}
	name = func(user uuid.UUID) string {
		if text, ok := names[user]; ok {
			return text
		}
		return c.say("record.former")
	}
	if !slices.ContainsFunc(users, func(u uuid.UUID) bool { return u != c.by.UserID }) {
		return name, nil
	}
	all, err := c.server.practitioners(c)
	for _, p := range all {
		if p.UserID != c.by.UserID {
			names[p.UserID] = p.Name
		}
	}
	return name, err
}

// encounterTypes are the types of encounters to choose from.
func (c *call) encounterTypes() (options []ui.Option) {
	for _, t := range []encounters.Type{encounters.InitialAssessment, encounters.FollowUp, encounters.TreatmentSession} {
		options = append(options, ui.Option{Value: string(t), Text: c.say("record.type." + string(t))})
	}
	return options
}

// isUnknown reports whether err says that there is no such thing, or not for one.
func isUnknown(err error) bool { return errs.KindOf(err) == errs.NotFound }
