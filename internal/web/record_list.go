package web

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// patientsView is a list of patients, whose records are closed yet.
type patientsView struct {
	Form        ui.Form
	Patients    []patientLine
	Searched    bool
	Many        bool // there may be more than were found
	First, Next string
}

// patientLine is a patient as lists show them: no more than tells them apart.
type patientLine struct{ Initials, Born, Since, Href string }

// patientsPage lists who is in one's care: GET /patients.
func (s *Server) patientsPage(c *call) error {
	p, err := s.Directory.Patients(c.context(), c.by, pages.Request{Limit: 50, After: c.query("after")})
	if err != nil {
		return err
	}
	v := patientsView{}
	if v.Patients, err = c.patientLines(p.Items); err != nil {
		return err
	}
	if c.query("after") != "" {
		v.First = "/patients"
	}
	if p.Next != "" {
		v.Next = "/patients?" + url.Values{"after": {p.Next}}.Encode()
	}
	return c.show(page{title: c.say("nav.patients")}, patientsContent(v))
}

// findPatients finds patients in one's care: POST /patients/search.
func (s *Server) findPatients(c *call) error {
	v := patientsView{Form: ui.Form{Values: c.form}, Searched: true}
	found, err := s.Directory.FindPatients(c.context(), c.by, directory.PatientSearch{Query: phi.Of(c.field("q"))})
	if err != nil {
		if v.Form, err = c.saidBetter(err, "record.said."); err != nil {
			return err
		}
		v.Form.Problem = ""
		return c.show(page{title: c.say("nav.patients"), form: v.Form}, patientsContent(v))
	}
	v.Many = len(found) == directory.MostFound
	if v.Patients, err = c.patientLines(found); err != nil {
		return err
	}
	return c.show(page{title: c.say("nav.patients")}, patientsContent(v))
}

// searchedPage leads from a search, which has no address, to the list: GET
// /patients/search.
func (s *Server) searchedPage(c *call) error { return c.see("/patients") }

// patientLines are patients by their initials and years of birth, for the
// practitioner who has care of them.
func (c *call) patientLines(found []directory.Patient) (lines []patientLine, err error) {
	var ids []uuid.UUID
	for _, p := range found {
		ids = append(ids, p.ID)
	}
	initials, err := c.initialsOf(ids)
	if err != nil {
		return nil, err
	}
	zone, err := c.ownZone()
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		l := patientLine{Initials: initials(p.ID), Since: c.words.ShortDate(calendar.DateIn(p.Since, zone)), Href: "/patients/" + p.ID.String()}
		l.Born, _, _ = strings.Cut(p.DateOfBirth.Reveal(), "-")
		lines = append(lines, l)
	}
	return lines, nil
}
