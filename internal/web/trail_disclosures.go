package web

import (
	"net/url"

	"github.com/google/uuid"

	"medbook/internal/auth"
	pages "medbook/internal/page"
)

// disclosuresView is who else saw what is kept of a patient.
type disclosuresView struct {
	patient     trailRef // its link leads to all records about them
	zone        string
	looks       []disclosure
	first, next string
}

// disclosure is one look, or deed.
type disclosure struct {
	at, who, name, did, purpose, thing string
	emergency                          bool
	resource                           trailRef
}

// disclosuresPage lists who saw a patient's data: GET /trail/patients/{id}.
func (s *Server) disclosuresPage(c *call) error {
	p, err := s.Privacy.Disclosures(c.context(), c.by, c.id("id"), pages.Request{Limit: trailRows, After: c.query("after")})
	if err != nil {
		return err
	}
	reader, err := s.trailReaderOf(c)
	if err != nil {
		return err
	}
	here := "/trail/patients/" + url.PathEscape(c.id("id"))
	v := disclosuresView{
		patient: trailRef{c.id("id"), "/trail?" + url.Values{"patient": {c.id("id")}}.Encode()},
		zone:    c.words.ZoneName(s.Now(), reader.zone),
	}
	for _, d := range p.Items {
		r := reader.recordOf(d.Entry, "/trail")
		one := disclosure{
			at: r.at, who: r.who, name: r.name, did: r.did, purpose: reader.purpose(d.Purpose), emergency: d.Purpose == auth.PurposeEmergency,
			thing: r.thing, resource: r.resource,
		}
		if d.Practitioner != uuid.Nil {
			one.name = reader.names[d.Practitioner]
		}
		v.looks = append(v.looks, one)
	}
	if c.query("after") != "" {
		v.first = here
	}
	if p.Next != "" {
		v.next = here + "?" + url.Values{"after": {p.Next}}.Encode()
	}
	return c.show(page{title: c.say("trail.disclosures")}, disclosuresContent(v))
}
