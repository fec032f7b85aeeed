package web

import (
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/etag"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// cares puts a patient into a practitioner's care.
func (c *clinic) cares(practitioner, patient string) {
	c.t.Helper()
	if err := c.server.Directory.Assign(c.t.Context(), c.actor("admin"), c.users[patient].ID.String(), c.users[practitioner].PractitionerID.String()); err != nil {
		c.t.Fatal(err)
	}
}

// writes documents a visit of the day before the clock's.
func (c *clinic) writes(practitioner, patient, data string) encounters.Encounter {
	c.t.Helper()
	e, err := c.server.Encounters.Create(c.t.Context(), c.actor(practitioner), encounters.NewEncounter{
		Patient: c.users[patient].ID.String(), Date: calendar.DateIn(c.db.Now(), time.UTC).AddDays(-1), Type: encounters.FollowUp, ClinicalData: phi.Of(data),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c *clinic) reads(practitioner string, e encounters.Encounter) encounters.Encounter {
	c.t.Helper()
	e, err := c.server.Encounters.Encounter(c.t.Context(), c.actor(practitioner), e.ID.String())
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c *clinic) record(name string) string { return "/patients/" + c.users[name].ID.String() }

func TestListsOfPatientsTellNoNames(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("grey")
		v.get("/patients").has(200, "Nobody is in your care yet.")
		c.cares("grey", "ann")
		list := v.get("/patients").has(200, "A. E.", "In your care since", "13 March 2027").lacks("Ann Example", "ann@example.org", "B. E.")
		if got := list.linkBelow("/patients/", ""); got != c.record("ann") {
			t.Errorf("leads to %s", got)
		}
		found := v.post("/patients/search", "q", "ann ex").has(200, "1 patient found", "A. E.").lacks("Ann Example")
		if got := found.attributes("input", "value"); len(got) == 0 || got[0] != "ann ex" {
			t.Errorf("the search holds %q", got)
		}
		v.post("/patients/search", "q", "bob").has(200, "Nobody in your care was found.")
		v.post("/patients/search", "q", "a").has(422, "Enter 2 to 100 characters.")
		if p := v.get("/patients/search"); p.path != "/patients" {
			t.Errorf("a search without a form leads to %s", p.path)
		}
		if strings.Contains(c.log.String(), "ann ex") {
			t.Error("the log tells what was searched for")
		}
		if got := c.onRecord(audit.Filter{Action: "patient.search", Actor: c.users["grey"].ID}); len(got) != 2 || !strings.Contains(strings.Join(got, "; "), "patient.search success treatment ann") {
			t.Errorf("searches on record: %v", got)
		}
		if got := c.onRecord(audit.Filter{Action: "patient.list", Patient: c.users["ann"].ID}); len(got) < 2 {
			t.Errorf("lists on record: %v", got)
		}
	})
}

func TestOpeningARecordShowsWhoItIsAndIsOnRecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		date, _ := calendar.ParseDate(monday)
		c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindDay, Date: date, From: 8 * 60, To: 12 * 60})
		a := c.visits("ann", "grey", mondayAt(t, "11:00"))
		e := c.writes("grey", "ann", `{"complaint":"a very private matter"}`)
		born := phi.Of("1985-03-01")
		if _, err := c.server.Directory.ChangeUser(t.Context(), c.actor("ann"), c.users["ann"].ID.String(), "*", directory.UserChange{DateOfBirth: &born}); err != nil {
			t.Fatal(err)
		}
		v := c.as("grey")
		p := v.get(c.record("ann")).has(200, "Ann Example", "1 March 1985", "ann@example.org", "in your care since 13 March 2027", "Friday 12 March 2027: Follow-up", "by you",
			"Monday 22 March 2027, 11:00 am to 11:15 am", "Confirmed", "There was no visit with you yet.").lacks("private matter")
		v.get("/patients").has(200, "A. E. 1985").lacks("March 1985", "1985-03-01")
		p.linkBelow("/encounters/", e.ID.String()[len(e.ID.String())-5:])
		p.linkBelow("/calendar/appointments/", a.ID.String()[len(a.ID.String())-5:])
		if head, _, _ := strings.Cut(p.body, "</title>"); strings.Contains(head, "Ann") {
			t.Error("the title names the patient")
		}
		for action, want := range map[string]string{"patient.read": "patient.read success treatment ann", "encounter.list": "encounter.list success treatment ann"} {
			if got := c.onRecord(audit.Filter{Action: action, Actor: c.users["grey"].ID, Patient: c.users["ann"].ID}); len(got) == 0 || got[0] != want {
				t.Errorf("%s on record: %v", action, got)
			}
		}
		v.get(c.record("ann")+"?type=treatment_session").has(200, "Nothing is documented in these dates and of this kind.")
		v.get(c.record("ann")+"?from=2027-03-12&to=2027-03-12&type=follow_up").has(200, "Friday 12 March 2027: Follow-up")
		v.get(c.record("ann")+"?from=2027-03-13").has(200, "Nothing is documented in these dates")
		v.get(c.record("ann")+"?from=2027-03-13&to=2027-03-12").has(422, "The last date must not be before the first one.")
		v.get(c.record("ann")+"?from=yesterday").has(422, "Enter a date")
	})
}

func TestAPatientWhoIsNotInCareIsAsUnknown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.cares("grey", "ann")
		e := c.writes("grey", "ann", `{"complaint":"private"}`)
		v := c.as("brown")
		texts := map[string]bool{}
		for _, path := range []string{c.record("ann"), "/patients/" + c.users["admin"].ID.String(), "/patients/x", "/patients/01890a5d-ac96-774b-bcce-b302099a8057"} {
			p := v.get(path).has(404, "No such patient in your care", "In an emergency").lacks("Ann")
			texts[p.text()] = true
			if got := p.linkBelow("/patients/", "/emergency"); got != path+"/emergency" {
				t.Errorf("%s leads to %s", path, got)
			}
			v.get(path+"/encounters/new").has(404, "No such patient in your care")
			v.post(path+"/encounters/new", "base", "{}", "data-complaint", "what I typed").has(404, "This record is not open to you", "what I typed").lacks("Ann")
		}
		if len(texts) != 1 {
			t.Errorf("unknown patients and those of others look unlike: %v", texts)
		}
		for _, below := range []string{"", "/amend", "/versions"} {
			v.get("/encounters/"+e.ID.String()+below).has(404).lacks("private", "Ann")
		}
		v.post("/encounters/"+e.ID.String()+"/amend", "base", "{}", "etag", "*", "data-plan", "typed").has(404, "not open to you", "typed").lacks("private", "Ann")
		if got := c.onRecord(audit.Filter{Action: "patient.read", Actor: c.users["brown"].ID, Outcome: "denied"}); len(got) == 0 {
			t.Error("the attempts are not on record")
		}
		if c.reads("grey", e).Version != 1 {
			t.Error("there is a new version")
		}
	})
}

func TestARecordOpensInAnEmergency(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.cares("grey", "ann")
		e := c.writes("grey", "ann", `{"complaint":"penicillin allergy"}`)
		v := c.as("brown")
		path := c.record("ann") + "/emergency"
		form := v.get(path).has(200, "What is the emergency?", "The patient sees that you opened", "30 minutes").lacks("Ann Example")
		v.post(path, append(form.hiddenFields(), "reason", " ")...).has(422, "There is a problem", "Please fill this in.")
		opened := v.post(path, append(form.hiddenFields(), "reason", "found unconscious in the street")...)
		opened.has(200, "The record is open.", "Emergency access until", "8:15 pm", "Ann Example", "by Grey Example") // in Kathmandu
		if opened.path != c.record("ann") {
			t.Errorf("led to %s", opened.path)
		}
		v.post(path, append(form.hiddenFields(), "reason", "found unconscious in the street")...).has(200, "Ann Example")
		if got := c.onRecord(audit.Filter{Action: "emergency_access.open", Outcome: "success"}); len(got) != 2 || got[0] != "emergency_access.open success emergency ann" {
			t.Errorf("on record: %v", got) // the repeat too
		}
		emergencies, err := c.server.Encounters.Emergencies(t.Context(), c.actor("auditor"), pages.Request{Limit: 10})
		if err != nil || len(emergencies.Items) != 1 || emergencies.Items[0].Reason.Reveal() != "found unconscious in the street" {
			t.Errorf("auditors find %v, %v", emergencies.Items, err)
		}
		v.get("/encounters/"+e.ID.String()).has(200, "penicillin allergy", "Emergency access until", "Ann Example")
		if got := c.onRecord(audit.Filter{Action: "encounter.read", Actor: c.users["brown"].ID}); len(got) == 0 || got[0] != "encounter.read success emergency ann" {
			t.Errorf("the look is on record as %v", got)
		}
		c.as("grey").post(path, "reason", "none").has(200, "Ann Example").lacks("Emergency access until")
		v.post("/patients/x/emergency", "reason", "none").has(404)
		if log := c.log.String(); strings.Contains(log, "unconscious") || strings.Contains(log, "penicillin") {
			t.Error("the log tells of the patient")
		}
		sqltest.ClockOf(db).Advance(30 * time.Minute)
		v = c.as("brown")
		v.get(c.record("ann")).has(404)
		v.get("/encounters/" + e.ID.String()).has(404)
		v.post("/encounters/"+e.ID.String()+"/amend", "base", "{}", "etag", "*", "data-plan", "typed too late").has(404, "not open to you", "typed too late")
	})
}

func TestAnEncounterIsWrittenAmendedAndCompared(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		start := c.db.Now().Add(15 * time.Minute)
		c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: start, End: start.Add(2 * time.Hour)}})
		a := c.visits("ann", "grey", start)
		other := c.visits("bob", "grey", start.Add(15*time.Minute))
		sqltest.ClockOf(db).Advance(time.Hour)
		v := c.as("grey")
		path := c.record("ann") + "/encounters/new"
		v.get(path+"?appointment="+a.ID.String()).has(200, "Ann Example", "Complaint", "Findings", "Saturday 13 March 2027", "Confirmed")
		filled := func(more ...string) []string {
			return append(append(v.get(path).hiddenFields(), more...), "encounter_type", "initial_assessment", "data-complaint", "back\r\npain", "data-findings", "",
				"data-assessment", "", "data-plan", "rest & walk", "row-0-name", "Pain", "row-0-value", "7/10")
		}
		v.post(path, filled("encounter_date", "2027-03-14", "appointment", a.ID.String())...).has(422, "This date is still to come.", "back pain", "7/10")
		v.post(path, filled("encounter_date", "2027-03-13", "appointment", other.ID.String())...).has(422, "This is no visit of this patient with you.", "rest & walk")
		v.post(path, filled("encounter_date", "2027-03-13", "step", "row")...).has(200, "Further entry 2", "back pain", "7/10")
		asJSON := v.post(path, filled("encounter_date", "2027-03-13", "step", "json")...).has(200, "Clinical data as JSON", `"complaint": "back\npain"`)
		v.post(path, append(asJSON.hiddenFields(), "clinical_data", "[1]", "step", "form")...).has(422, "Fields can't show this", "[1]")
		v.post(path, append(asJSON.hiddenFields(), "clinical_data", "[1]", "encounter_date", "2027-03-13", "encounter_type", "follow_up")...).has(422, "This is no JSON object.", "[1]")
		v.post(path, append(asJSON.hiddenFields(), "clinical_data", `{"plan":"x","n":1}`, "step", "form")...).has(200, "Plan", "Kept as it is", "n")

		form := filled("encounter_date", "2027-03-13", "appointment", a.ID.String())
		written := v.post(path, form...)
		written.has(200, "The encounter is saved.", "Initial assessment", "back pain", "rest & walk", "Pain", "7/10", "Not shared with the patient", "Open the appointment")
		v.post(path, form...).has(200, "Initial assessment") // sent twice
		p, err := c.server.Encounters.Encounters(t.Context(), c.actor("grey"), encounters.Filter{Patient: c.users["ann"].ID.String()}, pages.Request{Limit: 10})
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("there are %d encounters, %v", len(p.Items), err)
		}
		e := p.Items[0]
		if got := e.ClinicalData.Reveal(); got != `{"complaint": "back\npain", "plan": "rest & walk", "Pain": "7/10"}` {
			t.Errorf("stored is %s", got)
		}
		if got, err := c.server.Scheduling.Appointment(t.Context(), c.actor("grey"), a.ID.String()); err != nil || got.Status != scheduling.Completed {
			t.Errorf("the appointment is %s, %v", got.Status, err)
		}

		at := "/encounters/" + e.ID.String()
		v.get(at+"/versions").has(200, "There is one version only.")
		amend := v.get(at+"/amend").has(200, "back pain", "7/10")
		v.post(at+"/amend", append(amend.hiddenFields(), "encounter_date", "2027-03-13", "encounter_type", "follow_up", "data-complaint", "back pain\r\nsince Monday",
			"data-plan", "", "row-0-name", "Pain", "row-0-value", "7/10", "row-1-name", "Note", "row-1-value", "walks", "shared", "yes")...).
			has(200, "The new version is saved.", "Follow-up", "since Monday", "Shared with the patient", "Amended")
		v.get(at+"/versions").has(200, "From version 1 to version 2", "Kind of visit Changed Initial assessment Follow-up", "Complaint Changed", "Plan Removed rest & walk", "Note Added walks", "Sharing Changed No Yes", "you").
			lacks("Pain</th>")
		v.get(at+"/versions?before=1&after=1").has(200, "These versions say the same.")
		v.get(at+"/versions?before=2&after=1").has(200, "From version 1 to version 2")
		for _, action := range []string{"encounter.create", "encounter.read", "encounter.amend", "encounter.versions"} {
			if got := c.onRecord(audit.Filter{Action: action, Actor: c.users["grey"].ID, Patient: c.users["ann"].ID}); len(got) == 0 || got[0] != action+" success treatment ann" {
				t.Errorf("%s on record: %v", action, got)
			}
		}
		if log := c.log.String(); strings.Contains(log, "pain") || strings.Contains(log, "7/10") {
			t.Error("the log tells what was documented")
		}
		v.cookies["__Host-language"] = "de"
		v.get(at+"/versions").has(200, "Fassungen", "Geändert", "Entfernt")
		v.get(at).has(200, "Folgetermin", "Beschwerden", "Samstag, 13. März 2027")
	})
}

func TestAStaleAmendmentShowsBoth(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.cares("grey", "ann")
		c.cares("brown", "ann")
		e := c.writes("grey", "ann", `{"complaint":"back pain","plan":"rest","scan":{"mm":12.50}}`)
		v := c.as("grey")
		at := "/encounters/" + e.ID.String() + "/amend"
		form := v.get(at).has(200, "back pain", "Kept as it is", "12.50")
		theirs := phi.Of(`{"complaint":"back pain","plan":"surgery","allergy":"latex","scan":{"mm":13.50}}`)
		if _, err := c.server.Encounters.Amend(t.Context(), c.actor("brown"), e.ID.String(), etag.Match(e.ETag()), encounters.Change{ClinicalData: &theirs}); err != nil {
			t.Fatal(err)
		}
		mine := append(form.hiddenFields(), "encounter_date", "2027-03-12", "encounter_type", "follow_up", "data-complaint", "back and neck pain", "data-plan", "rest")
		stale := v.post(at, mine...).has(422, "Somebody else changed this meanwhile", "Complaint back pain back and neck pain", "surgery", "latex", "13.50")
		if got := c.reads("grey", e); got.Version != 2 {
			t.Fatalf("a stale form made version %d", got.Version)
		}
		var rest []string // as the form shows them now
		for n, text := range map[string]string{"data-complaint": "back and neck pain", "data-plan": "surgery", "row-0-name": "allergy", "row-0-value": "latex"} {
			if !strings.Contains(stale.body, text) {
				t.Errorf("the form lacks %q", text)
			}
			rest = append(rest, n, text)
		}
		v.post(at, append(append(stale.hiddenFields(), rest...), "encounter_date", "2027-03-12", "encounter_type", "follow_up")...).has(200, "The new version is saved.")
		if got := c.reads("grey", e).ClinicalData.Reveal(); got != `{"complaint": "back and neck pain", "plan": "surgery", "allergy": "latex", "scan": {"mm":13.50}}` {
			t.Errorf("stored is %s", got)
		}
	})
}

// What is stored stays as it is where a form changes other things only, and what no
// form can show is written as JSON.
func TestAnAmendmentKeepsWhatItDoesNotShow(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.cares("grey", "ann")
		const odd = "{\r\n \"complaint\" : \"x\",\"n\":1.50 }"
		e := c.writes("grey", "ann", odd)
		twice := c.writes("grey", "ann", `{"a":1,"a":2}`)
		v := c.as("grey")
		at := "/encounters/" + e.ID.String()
		form := v.get(at + "/amend")
		v.post(at+"/amend", append(form.hiddenFields(), "encounter_date", "2027-03-11", "encounter_type", "follow_up", "data-complaint", "x")...).has(200, "Thursday 11 March 2027")
		if got := c.reads("grey", e).ClinicalData.Reveal(); got != odd {
			t.Errorf("stored is %q, want %q", got, odd)
		}
		at = "/encounters/" + twice.ID.String()
		v.get(at).has(200, `"a": 2`)
		v.get(at+"/amend").has(200, "Clinical data as JSON", `{"a":1,"a":2}`)
		v.post(at+"/amend", append(v.get(at+"/amend").hiddenFields(), "encounter_date", "2027-03-12", "encounter_type", "follow_up", "clinical_data", "{\r\n\"a\": 3}")...).has(200, "3")
		if got := c.reads("grey", twice).ClinicalData.Reveal(); got != "{\n\"a\": 3}" {
			t.Errorf("stored is %q", got)
		}
		v.post(at+"/amend", "base", "[]").has(400)
	})
}
