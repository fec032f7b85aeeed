package web

import (
	"medbook/internal/encounters"
	"medbook/internal/id"
)

// encounterView is an encounter as it stands.
type encounterView struct {
	recordHead
	Path, Date, Type string
	By, Written      string
	Changed          string // when, empty: never
	Visit            string // where the appointment is; empty: none
	Shared           bool
	Version          string
	Named            []namedText
	Kept             []member
	Raw              string // what is no object that a form could show
	Text             string // as it is stored
}

// namedText is a text of clinical data with its name.
type namedText struct{ Name, Text string }

// encounterPage shows an encounter: GET /encounters/{id}.
func (s *Server) encounterPage(c *call) error {
	e, head, err := s.readEncounter(c)
	if err != nil {
		return err
	}
	zone, err := c.ownZone()
	if err != nil {
		return err
	}
	name, err := c.colleagues(e.CreatedBy)
	if err != nil {
		return err
	}
	v := encounterView{
		recordHead: head, Path: "/encounters/" + e.ID.String(), Date: c.words.Date(e.Date), Type: c.say("record.type." + string(e.Type)),
		By: name(e.CreatedBy), Written: c.words.Moment(e.CreatedAt, zone), Shared: e.Shared, Version: c.words.Number(int(e.Version)),
	}
	if e.Version > 1 {
		v.Changed = c.words.Moment(e.UpdatedAt, zone)
	}
	if e.Appointment != (id.Keyed{}) && e.Appointment.Lead == c.by.PractitionerID {
		v.Visit = "/calendar/appointments/" + e.Appointment.String()
	}
	c.showData(&v, e)
	return c.show(page{title: c.say("record.encounter")}, encounterContent(v))
}

// readEncounter reads the encounter that the address names, and the head of the
// record that it is in.
func (s *Server) readEncounter(c *call) (e encounters.Encounter, head recordHead, err error) {
	if e, err = s.Encounters.Encounter(c.context(), c.by, c.id("id")); err != nil {
		return e, head, err
	}
	head, err = c.openRecord(e.Patient().String())
	return e, head, err
}

// showData fills in what an encounter says, for the practitioner who has care of its
// patient.
func (c *call) showData(v *encounterView, e encounters.Encounter) {
	v.Text = spread(e.ClinicalData.Reveal())
	all, ok := formable(e.ClinicalData.Reveal())
	if !ok {
		v.Raw = v.Text
		return
	}
	f := clinicalOf(all)
	v.Kept = f.Kept
	for _, name := range clinicalFields {
		if text := f.Named[name]; text != "" {
			v.Named = append(v.Named, namedText{c.say("record.field." + name), text})
		}
	}
	for _, r := range f.Rows {
		v.Named = append(v.Named, namedText{r.Name, r.Value})
	}
}
