package web

import (
	"bytes"

	"medbook/internal/notify"
	"medbook/internal/privacy"
	"medbook/internal/web/ui"
)

// portalCopy explains what there is of a patient to take along: GET /my/copy.
func (s *Server) portalCopy(c *call) error {
	return c.show(page{title: c.say("portal.copy")}, portalCopyContent("/v1/patients/"+c.by.UserID.String()+"/export"))
}

// copyView is all that there is of a patient.
type copyView struct {
	title, made  string
	person       []ui.Datum
	visits       []portalVisit
	waiting      []portalWait
	records      []portalRecord
	notShared    int
	orders       []portalOrder
	messages     []ui.Datum
	looks        []portalLook
	reasons, ref []string // of the visits, in their order
}

// portalCopyPage answers with all that there is of a patient, as a page to keep: GET
// /my/copy/data.html.
func (s *Server) portalCopyPage(c *call) error {
	all, err := s.Privacy.CopyOf(c.context(), c.by, c.by.UserID.String())
	if err != nil {
		return err
	}
	v, err := s.copyOf(c, all)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := copyDocument(v).Render(ui.With(c.context(), c.words), &b); err != nil {
		return err
	}
	return c.download("my-data.html", "text/html; charset=utf-8", b.Bytes())
}

// copyOf tells a patient in words all that there is of them.
func (s *Server) copyOf(c *call, all privacy.Copy) (v copyView, err error) {
	known, zone := names{}, s.readersZone(c)
	v = copyView{title: c.say("portal.copy-title"), made: c.words.Moment(all.At, zone), person: copiedPerson(c, all), notShared: all.NotShared}
	for _, a := range all.Appointments {
		one, err := s.portalVisitOf(c, known, a)
		if err != nil {
			return v, err
		}
		v.visits = append(v.visits, one)
		v.reasons, v.ref = append(v.reasons, reasonOf(a)), append(v.ref, a.Reference)
	}
	for _, w := range all.Waits {
		one, err := s.portalWaitOf(c, known, w)
		if err != nil {
			return v, err
		}
		v.waiting = append(v.waiting, one)
	}
	for _, e := range all.Encounters {
		r, err := s.portalRecordOf(c, known, e.Encounter)
		if err == nil {
			r.data, err = clinicalFacts(c.words, e.Encounter)
		}
		if err != nil {
			return v, err
		}
		v.records = append(v.records, r)
	}
	for _, o := range all.Orders {
		v.orders = append(v.orders, portalOrderOf(c, o, zone))
	}
	for _, m := range all.Messages {
		v.messages = append(v.messages, ui.Datum{Name: c.words.Moment(m.CreatedAt, zone), Text: messageWords(c, m)})
	}
	v.looks, err = s.looksOf(c, all.Disclosures)
	return v, err
}

// copiedPerson shows a patient what is kept of their person.
func copiedPerson(c *call, all privacy.Copy) (facts []ui.Datum) {
	u := all.Patient
	for _, f := range []ui.Datum{
		{Name: c.say("portal.copy-name"), Text: u.Name.Reveal()},
		{Name: c.say("portal.copy-email"), Text: u.Email.Reveal()},
		{Name: c.say("portal.copy-phone"), Text: u.Phone.Reveal()},
		{Name: c.say("portal.copy-address"), Text: u.Address.Reveal()},
		{Name: c.say("portal.copy-born"), Text: factText(c.words, u.DateOfBirth.Reveal())},
		{Name: c.say("portal.copy-zone"), Text: u.TimeZone},
		{Name: c.say("portal.copy-since"), Text: c.words.Moment(u.CreatedAt, c.server.readersZone(c))},
	} {
		if f.Text == "" {
			f.Text = c.say("portal.fact-none")
		}
		facts = append(facts, f)
	}
	return facts
}

// messageWords says what kind of message was sent, and how.
func messageWords(c *call, m notify.Notification) string {
	return c.say("portal.copy-message", "Kind", spelled(string(m.Event.Kind)), "Channel", m.Channel, "Status", c.words.Or("portal.message."+string(m.Status), string(m.Status)))
}
