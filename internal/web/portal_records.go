package web

import (
	"net/url"
	"strings"

	"medbook/internal/encounters"
	pages "medbook/internal/page"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// portalRecordsView is a page of what was shared with a patient.
type portalRecordsView struct {
	records     []portalRecord
	first, next string
}

// portalRecord is an encounter that is shared with who reads this.
type portalRecord struct {
	id, date, kind, name, specialty string
	written                         string
	amended                         bool
	data                            []ui.Datum
}

// recordsOnPage is how many encounters are on a page.
const recordsOnPage = 20

// portalRecords lists the encounters that are shared with a patient: GET /my/records.
func (s *Server) portalRecords(c *call) error {
	p, err := s.Encounters.Encounters(c.context(), c.by, encounters.Filter{}, pages.Request{Limit: recordsOnPage, After: c.query("after")})
	if err != nil {
		return err
	}
	v, known := portalRecordsView{}, names{}
	if c.query("after") != "" {
		v.first = "/my/records"
	}
	if p.Next != "" {
		v.next = "/my/records?" + url.Values{"after": {p.Next}}.Encode()
	}
	for _, e := range p.Items {
		r, err := s.portalRecordOf(c, known, e)
		if err != nil {
			return err
		}
		v.records = append(v.records, r)
	}
	return c.show(page{title: c.say("portal.records")}, portalRecordsContent(v))
}

// portalRecordOf shows an encounter without what was found.
func (s *Server) portalRecordOf(c *call, known names, e encounters.Encounter) (portalRecord, error) {
	p, err := s.nameIn(c, known, e.Practitioner)
	return portalRecord{
		id: e.ID.String(), date: c.words.Date(e.Date), name: p.Name, specialty: p.Specialty, amended: e.Version > 1,
		kind:    c.say("portal.record-is." + strings.ReplaceAll(string(e.Type), "_", "-")),
		written: c.words.Moment(e.UpdatedAt, zoneNamed(p.TimeZone)),
	}, err
}

// portalRecord shows one encounter with all that it says: GET /my/records/{id}.
func (s *Server) portalRecord(c *call) error {
	e, err := s.Encounters.Encounter(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	r, err := s.portalRecordOf(c, names{}, e)
	if err != nil {
		return err
	}
	if r.data, err = clinicalFacts(c.words, e); err != nil {
		return err
	}
	return c.show(page{title: c.say("portal.record-title")}, portalRecordContent(r))
}

// clinicalFacts shows a patient what an encounter says.
func clinicalFacts(w *words.Words, e encounters.Encounter) ([]ui.Datum, error) {
	return facts(w, e.ClinicalData.Reveal())
}
