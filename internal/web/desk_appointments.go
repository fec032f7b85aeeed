package web

import (
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// appointmentStatuses are those that one can look for, with their colours.
var appointmentStatuses = map[scheduling.Status]string{
	scheduling.Held: "warn", scheduling.Confirmed: "act", scheduling.Completed: "good",
	scheduling.NoShow: "bad", scheduling.Cancelled: "", scheduling.Expired: "",
}

// appointmentOrder is the order in which they are offered and counted.
var appointmentOrder = []string{"held", "confirmed", "completed", "no_show", "cancelled", "expired"}

func (c *call) appointmentTag(s scheduling.Status) tag {
	return tag{appointmentStatuses[s], c.say("desk.appointment." + string(s))}
}

// appointmentLine is an appointment in a list: without who it is for but for the
// initials.
type appointmentLine struct {
	href, patient, practitioner, reference string
	when                                   moment
	status                                 tag
}

// appointmentsView is the list of appointments.
type appointmentsView struct {
	filters       ui.Form
	statuses      []ui.Option
	practitioners []ui.Option
	lines         []appointmentLine
	pager         pager
	narrowed      bool
	whose         string // the patient whose appointments they are, if it is one's
}

// appointmentsPage lists appointments of all practitioners: GET /admin/appointments.
func (s *Server) appointmentsPage(c *call) error {
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	v := appointmentsView{
		filters: c.filters(), statuses: c.choices("desk.any-status", "desk.appointment.", appointmentOrder...),
		practitioners: practitionerOptions(c.say("desk.any-practitioner"), names, order),
		whose:         c.query("patient"),
		narrowed:      c.r.URL.RawQuery != "",
	}
	f, wrong, err := s.appointmentFilter(c)
	if err != nil {
		return err
	}
	if v.filters.Wrong = wrong; len(wrong) == 0 {
		p, err := s.Scheduling.Appointments(c.context(), c.by, f, c.part())
		if err != nil {
			return err
		}
		if v.lines, err = s.appointmentLines(c, p.Items, names); err != nil {
			return err
		}
		v.pager = c.pager(p.Next, p.Total)
	}
	return c.show(page{title: c.say("desk.appointments"), form: v.filters}, appointmentsContent(v))
}

// appointmentFilter reads what the list is narrowed by. Days are the clinic's; without
// any, the list is of what is to come.
func (s *Server) appointmentFilter(c *call) (f scheduling.AppointmentFilter, wrong map[string]string, err error) {
	zone, err := s.zone(c)
	if err != nil {
		return f, nil, err
	}
	f = scheduling.AppointmentFilter{Patient: c.query("patient"), Practitioner: c.query("practitioner"), Status: c.query("status")}
	wrong = map[string]string{}
	day := func(name string) (d calendar.Date) {
		if text := c.query(name); text != "" {
			if d, err = calendar.ParseDate(text); err != nil {
				wrong[name], err = c.say("desk.no-date"), nil
			}
		}
		return d
	}
	from, to := day("from"), day("to")
	if !from.IsZero() {
		f.From = calendar.Day(from, zone).Start
	}
	if !to.IsZero() {
		f.To = calendar.Day(to, zone).End
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		wrong["to"] = c.say("desk.ends-early")
	}
	if c.query("past") != "yes" && from.IsZero() && to.IsZero() {
		f.From = calendar.Day(calendar.DateIn(s.Now(), zone), zone).Start
	}
	return f, wrong, nil
}

// appointmentLines makes lines of appointments, with the initials of who they are for.
func (s *Server) appointmentLines(c *call, items []scheduling.Appointment, names map[uuid.UUID]string) ([]appointmentLine, error) {
	patients := make([]uuid.UUID, len(items))
	for i, a := range items {
		patients[i] = a.Patient
	}
	initials, err := s.Directory.InitialsOf(c.context(), c.by, patients)
	if err != nil {
		return nil, err
	}
	lines := make([]appointmentLine, len(items))
	for i, a := range items {
		lines[i] = appointmentLine{
			href: "/admin/appointments/" + a.ID.String(), patient: c.called(initials, a.Patient), reference: a.Reference,
			practitioner: c.namedOr(names, a.Practitioner()), when: c.momentOf(a.Start, a.End, zoneNamed(a.TimeZone)), status: c.appointmentTag(a.Status),
		}
	}
	return lines, nil
}

// namedOr is a practitioner's name; who lost the role has none here.
func (c *call) namedOr(names map[uuid.UUID]string, practitioner uuid.UUID) string {
	if name := names[practitioner]; name != "" {
		return name
	}
	return c.say("desk.former")
}

// deskAppointmentView is one appointment with all that staff may know of it.
type deskAppointmentView struct {
	id, reference, patient, patientPath, practitioner string
	when                                              moment
	status                                            tag
	slots, made, changed, held                        string
	reason, override, cancelled                       string
	live                                              bool
	messages                                          string
}

// deskAppointmentPage shows an appointment: GET /admin/appointments/{id}.
func (s *Server) deskAppointmentPage(c *call) error {
	a, err := s.Scheduling.Appointment(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	names, _, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	patient, err := s.Directory.User(c.context(), c.by, a.Patient.String())
	if err != nil {
		return err
	}
	v := c.deskAppointmentView(a, patient.Name)
	v.practitioner = c.namedOr(names, a.Practitioner())
	return c.show(page{title: c.say("desk.appointment")}, deskAppointmentContent(v))
}

// deskAppointmentView tells staff of an appointment.
func (c *call) deskAppointmentView(a scheduling.Appointment, patient phi.Value[string]) deskAppointmentView {
	zone := zoneNamed(a.TimeZone)
	v := deskAppointmentView{
		id: a.ID.String(), reference: a.Reference, patient: patient.Reveal(), patientPath: "/admin/users/" + a.Patient.String(),
		when: c.momentOf(a.Start, a.End, zone), status: c.appointmentTag(a.Status), slots: c.words.Duration(a.End.Sub(a.Start)),
		made: c.stampIn(a.CreatedAt, zone), changed: c.stampIn(a.UpdatedAt, zone),
		reason: a.Reason.Reveal(), override: a.OverrideReason.Reveal(), cancelled: a.CancelReason.Reveal(),
		live: a.Live(), messages: "/admin/messages?user=" + a.Patient.String(),
	}
	if a.Status == scheduling.Held {
		v.held = c.say("desk.held-until", "Time", c.stampIn(a.HoldExpiresAt, zone))
	}
	return v
}

// allOn lists all appointments of a day, whoever's they are.
func (s *Server) allOn(c *call, day calendar.Date, zone *time.Location) ([]scheduling.Appointment, error) {
	span := calendar.Day(day, zone)
	return every(func(req pages.Request) (pages.Of[scheduling.Appointment], error) {
		return s.Scheduling.Appointments(c.context(), c.by, scheduling.AppointmentFilter{From: span.Start, To: span.End}, req)
	})
}
