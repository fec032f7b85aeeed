package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// editView is the editor of an encounter.
type editView struct {
	recordHead
	Form      ui.Form
	Title     string
	Action    string
	Cancel    string
	New       bool
	Date      string // at first, like Type and Shared
	Today     string // the last day that an encounter can have
	Type      string
	Shared    bool
	Visit     string
	Visits    []ui.Option
	Types     []ui.Option
	ETag      string
	JSON      bool // clinical data is written as JSON
	Formable  bool // it can be shown in fields as well
	Text      string
	Data      clinical
	Base      string // that the fields were made of
	Meanwhile []ui.Differing
}

func clinicalName(name string) string { return "data-" + name }

func rowName(n int, part string) string { return "row-" + strconv.Itoa(n) + "-" + part }

// spareRows is how many empty rows the editor offers, mostRows how many it reads.
const (
	spareRows = 1
	mostRows  = 200
)

// newEncounterPage begins an encounter: GET /patients/{id}/encounters/new.
func (s *Server) newEncounterPage(c *call) error {
	head, err := c.openRecord(c.id("id"))
	if errors.Is(err, directory.ErrPatientNotFound) {
		return s.showClosed(c, err)
	}
	if err != nil {
		return err
	}
	v := editView{recordHead: head, Visit: c.query("appointment"), Base: "{}", Formable: true}
	return s.showNewEncounter(c, v)
}

// showNewEncounter shows the editor of an encounter that is not there yet.
func (s *Server) showNewEncounter(c *call, v editView) error {
	zone, err := c.ownZone()
	if err != nil {
		return err
	}
	v.New, v.Title, v.Action, v.Cancel = true, c.say("record.new"), c.r.URL.Path, v.Path("")
	v.Today = calendar.DateIn(s.Now(), zone).String()
	v.Date = v.Today
	if v.Name != "" {
		visits, err := c.visitsOf(v.ID)
		if err != nil {
			return err
		}
		v.Visits = c.visitOptions(visits, zone)
		for _, a := range visits {
			if a.ID.String() == v.Visit {
				v.Date = calendar.DateIn(a.Start, zone).String()
			}
		}
	}
	return s.showEditor(c, v)
}

// visitOptions are the visits that an encounter can belong to: those that took place
// or take place now, the last one first.
func (c *call) visitOptions(visits []scheduling.Appointment, zone *time.Location) []ui.Option {
	options := []ui.Option{{Text: c.say("record.no-visit")}}
	for _, a := range slices.Backward(visits) {
		if (a.Status == scheduling.Confirmed || a.Status == scheduling.Completed) && !a.Start.After(c.server.Now()) && len(options) <= 50 {
			options = append(options, ui.Option{Value: a.ID.String(), Text: c.recordVisit(a, zone).When + ", " + c.say("record.visit."+string(a.Status))})
		}
	}
	return options
}

// showEditor shows the editor with what was filled in, or else what there is.
func (s *Server) showEditor(c *call, v editView) error {
	v.Types = c.encounterTypes()
	for range spareRows {
		if n := len(v.Data.Rows); n == 0 || !v.Data.Rows[n-1].empty() {
			v.Data.Rows = append(v.Data.Rows, clinicalRow{})
		}
	}
	p := page{title: v.Title, form: v.Form}
	if v.Name == "" {
		p.status = http.StatusNotFound
	}
	return c.show(p, editContent(v))
}

// filledData is clinical data as a form was filled in with it.
type filledData struct {
	json  bool
	text  string // as JSON; of fields, what they come to
	base  []member
	data  clinical
	wrong []wrongField
}

// dataFilled reads clinical data from the form.
func (c *call) dataFilled() (f filledData, err error) {
	if c.form.Has("clinical_data") {
		return filledData{json: true, text: unix(c.form.Get("clinical_data"))}, nil
	}
	text := unix(c.form.Get("base"))
	var ok bool
	if f.base, ok = formable(text); !ok {
		return f, errForm
	}
	f.data = clinical{Named: map[string]string{}, Kept: clinicalOf(f.base).Kept}
	for _, name := range clinicalFields {
		f.data.Named[name] = unix(c.form.Get(clinicalName(name)))
	}
	for n := range mostRows {
		if !c.form.Has(rowName(n, "name")) {
			break
		}
		f.data.Rows = append(f.data.Rows, clinicalRow{c.form.Get(rowName(n, "was")), c.form.Get(rowName(n, "name")), unix(c.form.Get(rowName(n, "value")))})
	}
	all, wrong := f.data.into(f.base)
	f.wrong = wrong
	if f.text = text; !sameMembers(all, f.base) {
		f.text = objectOf(all)
	}
	return f, nil
}

// sameMembers reports whether two objects say the same in the same words.
func sameMembers(a, b []member) bool {
	return slices.EqualFunc(a, b, func(a, b member) bool { return a.name == b.name && string(a.value) == string(b.value) })
}

// refill puts back into the editor what was filled in.
func (v *editView) refill(c *call, f filledData) {
	v.Form.Values = c.form
	v.JSON, v.Text, v.Data, v.Base = f.json, f.text, f.data, unix(c.form.Get("base"))
	_, v.Formable = formable(f.text)
}

// turn shows the editor in its other form, or with one more row. It reports false if
// the encounter is to be kept.
func (v *editView) turn(c *call, f filledData) bool {
	v.refill(c, f)
	all, ok := formable(f.text)
	switch step := c.field("step"); {
	case step == "row" && !f.json:
		v.Data.Rows = append(v.Data.Rows, clinicalRow{}, clinicalRow{})
	case step == "json" && !f.json && len(f.wrong) == 0:
		v.JSON, v.Text = true, spread(f.text)
	case step == "form" && f.json && ok:
		v.JSON, v.Data, v.Base = false, clinicalOf(all), f.text
	case step == "form" && f.json:
		v.Form.Wrong = map[string]string{"clinical_data": c.say("record.wrong-json")}
	default:
		return false
	}
	return true
}

// wrongData is why clinical data can't be kept as it was filled in, or nil.
func (c *call) wrongData(wrong []wrongField) error {
	if len(wrong) == 0 {
		return nil
	}
	err := encounters.ErrInvalidEncounter
	for _, w := range wrong {
		err = err.Field(w.field, c.say(w.key))
	}
	return err
}

// writeEncounter documents a visit: POST /patients/{id}/encounters/new.
func (s *Server) writeEncounter(c *call) error {
	f, err := c.dataFilled()
	if err != nil {
		return err
	}
	head, err := c.openRecord(c.id("id"))
	v := editView{recordHead: head}
	if isUnknown(err) {
		return s.keepAnswers(c, v, f, s.showNewEncounter)
	}
	if err != nil {
		return err
	}
	if v.turn(c, f) {
		return s.showNewEncounter(c, v)
	}
	e, err := s.createEncounter(c, f)
	switch {
	case err == nil:
		return c.done("/encounters/"+e.ID.String(), "done.record-written")
	case c.again(err):
		return nil
	case isUnknown(err):
		return s.keepAnswers(c, v, f, s.showNewEncounter)
	}
	if v.Form, err = c.encounterRefused(err, f); err != nil {
		return err
	}
	return s.showNewEncounter(c, v)
}

func (s *Server) createEncounter(c *call, f filledData) (e encounters.Encounter, err error) {
	date, err := c.encounterDate()
	if err != nil {
		return e, err
	}
	if err := c.wrongData(f.wrong); err != nil {
		return e, err
	}
	ctx := c.once(func(result any) string {
		if made, ok := result.(encounters.Encounter); ok {
			return "/encounters/" + made.ID.String()
		}
		return "/patients/" + c.id("id")
	})
	e, err = s.Encounters.Create(ctx, c.by, encounters.NewEncounter{
		Patient: c.id("id"), Date: date, Type: encounters.Type(c.field("encounter_type")), ClinicalData: phi.Of(f.text),
		Appointment: c.field("appointment"), Shared: c.field("shared") == "yes",
	})
	if errors.Is(err, scheduling.ErrAppointmentNotFound) {
		err = encounters.ErrInvalidEncounter.Field("appointment", "is no visit of this patient")
	}
	return e, err
}

// encounterDate reads the day of an encounter. That there must be one, the service says.
func (c *call) encounterDate() (calendar.Date, error) {
	r := &fieldsRead{c, encounters.ErrInvalidEncounter}
	d := r.date("encounter_date")
	return d, r.wrong()
}

// encounterRefused is refused for the editor.
func (c *call) encounterRefused(err error, f filledData) (ui.Form, error) {
	form, err := c.saidBetter(err, "record.said.")
	if err != nil {
		return form, err
	}
	if wrong, there := form.Wrong["clinical_data"]; there && !f.json {
		delete(form.Wrong, "clinical_data")
		form.Problem = wrong
	}
	return form, nil
}

// keepAnswers shows what was filled in to who has no way into the record any more,
// so that it is not lost.
func (s *Server) keepAnswers(c *call, v editView, f filledData, show func(*call, editView) error) error {
	v.recordHead = recordHead{ID: c.id("id")}
	if v.New = c.route.path != "/encounters/{id}/amend"; !v.New {
		key, _ := id.ParseKeyed(c.id("id"))
		v.ID = key.Lead.String()
	}
	v.refill(c, f)
	v.Form.Problem = c.say("record.closed-meanwhile")
	return show(c, v)
}

// amendPage shows an encounter in the editor: GET /encounters/{id}/amend.
func (s *Server) amendPage(c *call) error {
	e, head, err := s.readEncounter(c)
	if err != nil {
		return err
	}
	return s.showAmend(c, amendView(head, e))
}

// amendView is an encounter in the editor, for the practitioner who has care of its
// patient.
func amendView(head recordHead, e encounters.Encounter) editView {
	v := editView{recordHead: head, ETag: e.ETag(), Date: e.Date.String(), Type: string(e.Type), Shared: e.Shared, Text: e.ClinicalData.Reveal()}
	all, ok := formable(v.Text)
	v.JSON, v.Formable, v.Data, v.Base = !ok, ok, clinicalOf(all), v.Text
	return v
}

func (s *Server) showAmend(c *call, v editView) error {
	zone, err := c.ownZone()
	if err != nil {
		return err
	}
	v.Title, v.Action, v.Cancel = c.say("record.amend"), c.r.URL.Path, "/encounters/"+c.id("id")
	v.Today = calendar.DateIn(s.Now(), zone).AddDays(1).String() // it may be tomorrow where who wrote it is
	return s.showEditor(c, v)
}

// amendEncounter writes a new version: POST /encounters/{id}/amend.
func (s *Server) amendEncounter(c *call) error {
	f, err := c.dataFilled()
	if err != nil {
		return err
	}
	e, head, err := s.readEncounter(c)
	v := editView{recordHead: head}
	if isUnknown(err) {
		return s.keepAnswers(c, v, f, s.showAmend)
	}
	if err != nil {
		return err
	}
	if v.turn(c, f) {
		return s.showAmend(c, v)
	}
	err = s.amend(c, e, f)
	switch {
	case err == nil:
		return c.done("/encounters/"+c.id("id"), "done.record-amended")
	case isUnknown(err):
		return s.keepAnswers(c, v, f, s.showAmend)
	case errors.Is(err, etag.ErrStale):
		if e, _, err = s.readEncounter(c); err != nil {
			return err
		}
		return s.showStale(c, v, e, f)
	}
	if v.Form, err = c.encounterRefused(err, f); err != nil {
		return err
	}
	return s.showAmend(c, v)
}

func (s *Server) amend(c *call, e encounters.Encounter, f filledData) error {
	if err := c.version().Check(e.ETag()); err != nil {
		return err
	}
	date, err := c.encounterDate()
	if err != nil {
		return err
	}
	if err := c.wrongData(f.wrong); err != nil {
		return err
	}
	kind, shared := encounters.Type(c.field("encounter_type")), c.field("shared") == "yes"
	change := encounters.Change{Date: &date, Type: &kind, Shared: &shared}
	if said := amendView(recordHead{}, e); f.text != unix(said.Text) {
		text := phi.Of(f.text)
		change.ClinicalData = &text
	}
	_, err = s.Encounters.Amend(c.context(), c.by, c.id("id"), c.version(), change)
	return err
}

// showStale shows the editor to who filled it in while somebody else wrote a new
// version: what that says, and what was filled in, which goes on from there.
func (s *Server) showStale(c *call, v editView, e encounters.Encounter, f filledData) error {
	var err error
	if v.Form, err = c.refused(etag.ErrStale); err != nil {
		return err
	}
	now := amendView(v.recordHead, e)
	v.Form.Values.Set("etag", now.ETag)
	typed := f.text
	if all, ok := formable(now.Text); ok && !f.json {
		f.data = f.data.onto(f.base, all)
		merged, _ := f.data.into(all)
		typed = objectOf(merged)
		v.Data, v.Base = f.data, now.Text
	} else {
		v.JSON, v.Text, v.Formable = true, spread(f.text), ok
		v.Form.Values.Set("clinical_data", v.Text)
	}
	v.Meanwhile = c.encounterDiffering(now, typed)
	return s.showAmend(c, v)
}

// encounterDiffering lists what is not as it was filled in.
func (c *call) encounterDiffering(now editView, typed string) (rows []ui.Differing) {
	add := func(name, there, typed string) {
		if there != typed {
			rows = append(rows, ui.Differing{Name: name, There: there, Typed: typed})
		}
	}
	add(c.say("record.date"), c.hoursValue("date", now.Date), c.hoursValue("date", c.field("encounter_date")))
	add(c.say("record.type"), c.say("record.type."+now.Type), c.words.Or("record.type."+c.field("encounter_type"), ""))
	add(c.say("record.share"), c.yesNo(now.Shared), c.yesNo(c.field("shared") == "yes"))
	there, ok := formable(now.Text)
	is, also := formable(typed)
	if !ok || !also {
		add(c.say("record.data"), spread(now.Text), spread(typed))
		return rows
	}
	for _, d := range c.differences(there, is) {
		rows = append(rows, ui.Differing{Name: d.Name, There: d.Before, Typed: d.After})
	}
	return rows
}

func (c *call) yesNo(yes bool) string {
	if yes {
		return c.say("record.yes")
	}
	return c.say("record.no")
}

// rowForm is the form for fields whose values stand in the view: rows move.
func (v editView) rowForm() ui.Form { return ui.Form{Wrong: v.Form.Wrong} }

// sharedValue is what a checkbox has at first.
func sharedValue(shared bool) string {
	if shared {
		return "yes"
	}
	return ""
}
