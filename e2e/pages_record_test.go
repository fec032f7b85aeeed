package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"medbook/client"
	"medbook/e2e/browser"
	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/demo"
)

// carers are the practitioners of the demo clinic as whom anybody may sign in: the
// first is in Berlin, the second in Kathmandu.
func carers() (found []app.DemoPerson) {
	for _, who := range demo.People() {
		if who.Role == auth.Practitioner {
			found = append(found, who)
		}
	}
	return found
}

// TestAPractitionerWorksWithRecords writes an encounter, amends it and compares the
// versions; opens a record in an emergency; and finds as an auditor that each look is
// on record.
func TestAPractitionerWorksWithRecords(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	auditor := client.New(p.url, client.APIKey(keysOf(t, p)["auditor"]))
	who := carers()
	tab := carerTab(t, p.url, who[0], browser.Options{})

	tab.Go("/patients")
	own := patientLinks(t, tab)
	tab.Click("main tbody tr:first-child a")
	patient := strings.TrimPrefix(pathOf(t, tab), "/patients/")
	tab.Has("You see this record because")
	tab.Click("Write an encounter")
	tab.Choose("Kind of visit", "Treatment session")
	tab.Fill("Complaint (optional)", "Shoulder hurts")
	tab.Fill("Plan (optional)", "Exercises")
	tab.Fill("Name (optional)", "Pain")
	tab.Fill("Text (optional)", "6/10")
	tab.Click("Save")
	tab.Has("The encounter is saved.")
	tab.Has("Shoulder hurts")
	encounter := strings.TrimPrefix(pathOf(t, tab), "/encounters/")

	tab.Click("Amend")
	tab.Fill("Plan (optional)", "")
	tab.Fill("Findings (optional)", "Cannot lift the arm")
	tab.Click("Write as JSON")
	tab.Has("Clinical data as JSON")
	tab.Click("Write in fields")
	tab.Click("Save")
	tab.Has("The new version is saved.")
	tab.Click("Versions")
	for _, text := range []string{"From version 1 to version 2", "Removed", "Exercises", "Added", "Cannot lift the arm"} {
		tab.Has(text)
	}
	tab.Lacks("6/10") // which both say

	foreign := foreignPatient(t, p.url, who[1], own)
	tab.Go(foreign)
	if tab.Status() != 404 {
		t.Errorf("another's patient answers %d", tab.Status())
	}
	tab.Click("Open a record in an emergency")
	tab.Fill("What is the emergency?", "Unconscious at the door")
	tab.Click("Open the record")
	tab.Has("Emergency access until")
	tab.Has("Date of birth")
	if strings.Contains(tab.Title(), "Unconscious") || strings.Contains(tab.URL(), "reason") {
		t.Errorf("the address or the title tells the reason: %s, %s", tab.URL(), tab.Title())
	}

	for _, want := range []struct{ action, resource, patient, purpose string }{
		{"patient.read", patient, patient, "treatment"},
		{"encounter.list", "", patient, "treatment"},
		{"encounter.create", encounter, patient, "treatment"},
		{"encounter.read", encounter, patient, "treatment"},
		{"encounter.amend", encounter, patient, "treatment"},
		{"encounter.versions", encounter, patient, "treatment"},
		{"emergency_access.open", "", strings.TrimPrefix(foreign, "/patients/"), "emergency"},
		{"patient.read", strings.TrimPrefix(foreign, "/patients/"), strings.TrimPrefix(foreign, "/patients/"), "emergency"},
	} {
		found := all(t, auditor.AuditEvents(client.AuditQuery{Action: want.action, ResourceID: want.resource, PatientID: want.patient, Outcome: "success"}).All(t.Context()))
		if !slices.ContainsFunc(found, func(e client.AuditEvent) bool { return e.Purpose == want.purpose }) {
			t.Errorf("an auditor finds no %s for %s of that patient", want.action, want.purpose)
		}
	}
}

// carerTab is a tab of a practitioner who has signed in.
func carerTab(t *testing.T, base string, who app.DemoPerson, o browser.Options) *browser.Tab {
	t.Helper()
	tab := browser.Open(t, o)
	tab.Go(base + "/sign-in")
	tab.Fill("E-mail address", who.Email)
	tab.Fill("Password", who.Password)
	tab.Press("Enter")
	tab.Has("Sign out")
	return tab
}

// pathOf is that of the page that the tab shows.
func pathOf(t *testing.T, tab *browser.Tab) string {
	t.Helper()
	u, err := url.Parse(tab.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// patientLinks are the links to records on the page that the tab shows.
func patientLinks(t *testing.T, tab *browser.Tab) (links []string) {
	t.Helper()
	for _, link := range linksOf(t, pathOf(t, tab), tab.Source()) {
		if len(link) > len("/patients/search") && strings.HasPrefix(link, "/patients/") {
			links = append(links, link)
		}
	}
	if len(links) == 0 {
		t.Fatal("nobody is in care")
	}
	return links
}

// foreignPatient is the record of somebody who is in care of another practitioner
// only.
func foreignPatient(t *testing.T, base string, other app.DemoPerson, own []string) string {
	t.Helper()
	tab := carerTab(t, base, other, browser.Options{})
	tab.Go("/patients")
	for _, link := range patientLinks(t, tab) {
		if !slices.Contains(own, link) {
			return link
		}
	}
	t.Fatal("both have care of the same patients")
	return ""
}

// TestHoursArePublishedByKeyboard publishes weekly hours through the preview with
// the keyboard alone, without scripts.
func TestHoursArePublishedByKeyboard(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	tab := carerTab(t, p.url, carers()[0], browser.Options{NoScript: true})
	to := func(name string) {
		t.Helper()
		for range 80 {
			if tab.Focused() == name {
				return
			}
			tab.Press("Tab")
		}
		t.Fatalf("the keyboard does not reach %q", name)
	}
	tab.Go("/hours")
	to("Add weekly hours")
	tab.Press("Enter")
	to("Saturday")
	tab.Press("Space")
	to("From")
	tab.Press("0", "9", "0", "0", "a")
	to("Until")
	tab.Press("1", "1", "0", "0", "a")
	to("See what this changes")
	tab.Press("Enter")
	tab.Has("Publish these hours?")
	tab.Has("Saturday: 09:00 to 11:00")
	tab.Has("new slots can be booked")
	to("Publish")
	tab.Press("Enter")
	tab.Has("The hours are published.")
	tab.Has("Saturday: 09:00 to 11:00")
}

// TestPagesOfRecordsAndHoursAreForEverybody looks at each of these pages wide and
// narrow, light and dark, those too that a form leads to.
func TestPagesOfRecordsAndHoursAreForEverybody(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	who := carers()
	tab := carerTab(t, p.url, who[0], browser.Options{NoScript: true})
	tab.Go("/patients")
	own := patientLinks(t, tab)
	foreign := foreignPatient(t, p.url, who[1], own)
	tab.Go("/hours")
	rule := ""
	for _, link := range linksOf(t, pathOf(t, tab), tab.Source()) {
		if strings.HasPrefix(link, "/hours/") && strings.HasSuffix(link, "/remove") {
			rule = strings.TrimSuffix(link, "/remove")
		}
	}
	encounter := documented(t, tab, own)
	pages := []string{
		"/patients", own[0], own[0] + "?from=2027-02-01&to=2027-01-01", foreign, foreign + "/emergency", own[0] + "/encounters/new",
		encounter, encounter + "/amend", encounter + "/versions", "/hours", "/hours/weekly", "/hours/day", "/hours/off", "/hours/policy", rule, rule + "/remove", "/waiting",
	}
	sources := map[string][]byte{}
	for look, options := range looks {
		t.Run(look, func(t *testing.T) {
			tab := carerTab(t, p.url, who[0], options)
			for _, where := range pages {
				tab.Go(where)
				tab.Axe()
				sources[where] = tab.Source()
			}
			tab.Go("/hours/off")
			tab.Fill("First day", "2030-01-07")
			tab.Click("See what this changes")
			tab.Has("Take this time off?")
			tab.Axe()
			sources["the preview"] = tab.Source()
			tab.Go(own[0] + "/encounters/new")
			tab.Click("Write as JSON")
			tab.Axe()
			sources["the editor of JSON"] = tab.Source()
			tab.Go("/patients")
			tab.Fill("Find a patient", "nobody of that name")
			tab.Click("Search")
			tab.Axe()
			sources["the search"] = tab.Source()
		})
	}
	browser.Validate(t, sources)
}

// documented is an encounter of one of the patients, which is written and amended
// for that.
func documented(t *testing.T, tab *browser.Tab, own []string) string {
	t.Helper()
	tab.Go(own[0] + "/encounters/new")
	tab.Fill("Complaint (optional)", "A knee that hurts when going down stairs, for three weeks now")
	tab.Click("Save")
	encounter := pathOf(t, tab)
	tab.Click("Amend")
	tab.Fill("Plan (optional)", "Exercises twice a day")
	tab.Click("Save")
	tab.Has("The new version is saved.")
	return encounter
}
