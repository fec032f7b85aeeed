package web

import (
	"net/url"

	"medbook/internal/encounters"
	pages "medbook/internal/page"
)

// emergenciesView is who opened whose record in an emergency.
type emergenciesView struct {
	zone        string
	openings    []emergencyOpening
	first, next string
}

// emergencyOpening is one of them.
type emergencyOpening struct {
	at, until, name string
	who             trailRef // leads to what they did meanwhile
	patient         trailRef
	reason          string // empty: gone with the patient
}

// emergenciesPage lists openings of records in emergencies: GET /trail/emergencies.
func (s *Server) emergenciesPage(c *call) error {
	p, err := s.Encounters.Emergencies(c.context(), c.by, pages.Request{Limit: trailRows, After: c.query("after")})
	if err != nil {
		return err
	}
	reader, err := s.trailReaderOf(c)
	if err != nil {
		return err
	}
	v := emergenciesView{zone: c.words.ZoneName(s.Now(), reader.zone)}
	for _, e := range p.Items {
		v.openings = append(v.openings, reader.opening(e))
	}
	if c.query("after") != "" {
		v.first = "/trail/emergencies"
	}
	if p.Next != "" {
		v.next = "/trail/emergencies?" + url.Values{"after": {p.Next}}.Encode()
	}
	return c.show(page{title: c.say("trail.emergencies")}, emergenciesContent(v))
}

// opening tells auditors of an opening.
func (r trailReader) opening(e encounters.Emergency) emergencyOpening {
	patient := e.ID.Lead.String()
	o := emergencyOpening{
		at: r.words.Stamp(e.OpenedAt, r.zone), until: r.words.Stamp(e.ExpiresAt, r.zone), name: r.names[e.Practitioner],
		who:     trailRef{e.User.String(), "/trail?" + url.Values{"actor": {e.User.String()}, "patient": {patient}}.Encode()},
		patient: trailRef{patient, "/trail/patients/" + patient},
	}
	if e.Reason.Present() {
		o.reason = e.Reason.Reveal()
	}
	return o
}
