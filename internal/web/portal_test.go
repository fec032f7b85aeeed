package web

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"medbook/internal/calendar"
	"medbook/internal/encounters"
	"medbook/internal/jobs"
	"medbook/internal/orders"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// TestAPatientSeesTheirVisits shows what is held, booked, waited for and past, and
// nothing of anybody else's.
func TestAPatientSeesTheirVisits(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		bob := c.as("bob")
		bob.get("/my").has(200, "You have no visits ahead.", "You wait for nothing.", "There are none yet.", "Book a visit").lacks("16 March")
		c.book("ann", "2027-03-17 09:00", false)
		gone := c.book("ann", "2027-03-17 10:00", true)
		if _, err := c.server.Scheduling.Cancel(t.Context(), c.actor("ann"), gone.ID.String(), scheduling.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		ann := c.as("ann")
		p := ann.get("/my").has(200, "Not booked yet", "30 minutes left", "Finish booking", "Coming up", "Tuesday 16 March 2027", "With Grey Example", "Past and cancelled visits", "Cancelled")
		hrefWith(p, "/book/")
		p.lacks("My left knee")
		if n := strings.Count(p.text(), "Wednesday 17 March 2027"); n < 2 {
			t.Errorf("the hold and the cancelled visit are shown %d times", n)
		}
		mine := "/my/visits/" + c.had.ID.String()
		ann.get(mine).has(200, "Visit on Tuesday 16 March 2027", "My left knee", c.had.Reference, "Change the time", "Cancel the visit").lacks("/visit/forget")
		for _, below := range []string{"", "/move", "/cancel", "/reason", "/calendar.ics"} {
			bob.get(mine+below).has(http.StatusNotFound, "There is no such visit, or it is not yours.").lacks("16 March", "Grey")
		}
		for _, below := range []string{"/move", "/cancel", "/reason", "/earlier"} {
			bob.post(mine+below, "slot", c.slot("2027-03-18 13:00")).has(http.StatusNotFound)
		}
		ann.get("/my/visits/none").has(http.StatusNotFound)
		if n := c.deeds("appointment.read") + c.deeds("appointment.list"); n != 0 {
			t.Errorf("%d looks at one's own are on record", n)
		}
		if now := c.now(c.had); !now.Start.Equal(c.had.Start) || now.Status != scheduling.Confirmed {
			t.Error("Bob has changed what is Ann's")
		}
	})
}

// TestPastVisitsComeInPages leafs through more of them than a page has.
func TestPastVisitsComeInPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		for range pastVisits + 1 {
			a := c.book("ann", "2027-03-17 10:00", true)
			if _, err := c.server.Scheduling.Cancel(t.Context(), c.actor("ann"), a.ID.String(), scheduling.CancelRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		ann := c.as("ann")
		p := ann.get("/my")
		if n := strings.Count(p.body, "<tr>") - 1; n != pastVisits {
			t.Errorf("the first page has %d visits, want %d", n, pastVisits)
		}
		p = ann.get(hrefWith(p, "after=")).has(200, "Past and cancelled visits", "Back to the beginning").lacks("Coming up")
		if n := strings.Count(p.body, "<tr>") - 1; n != 1 {
			t.Errorf("the second page has %d visits, want 1", n)
		}
		ann.get("/my?after=nonsense").has(422)
	})
}

// TestAReasonIsChanged writes it anew, too long, and away.
func TestAReasonIsChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		ann, mine := c.as("ann"), "/my/visits/"+c.had.ID.String()
		ann.get(mine+"/reason").has(200, "What is the visit about?", "My left knee")
		ann.post(mine+"/reason", "reason", " Both knees ").has(200, "What the visit is about is saved.", "Both knees").lacks("My left knee")
		long := strings.Repeat("ä", mostReason+1)
		ann.post(mine+"/reason", "reason", long).has(422, "Please use at most 1,000 characters.", long)
		if got := reasonOf(c.now(c.had)); got != "Both knees" {
			t.Errorf("the reason is %q", got)
		}
		ann.post(mine+"/reason", "reason", "").has(200, "Nothing was said")
		if _, err := c.server.Scheduling.Cancel(t.Context(), c.actor("ann"), c.had.ID.String(), scheduling.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		ann.post(mine+"/reason", "reason", "Too late").has(422, "That is not possible any more", "Too late")
		if p := ann.get(mine + "/reason"); p.path != mine {
			t.Errorf("the reason of what is cancelled is asked for at %s", p.path)
		}
	})
}

// TestAnEarlierTimeIsWaitedFor joins the waiting list from a visit, once for a form
// that is sent twice, sees the offer, and leaves.
func TestAnEarlierTimeIsWaitedFor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		late := c.book("bob", "2027-03-19 09:00", true)
		bob, mine := c.as("bob"), "/my/visits/"+late.ID.String()
		p := bob.get(mine).has(200, "An earlier time", "Tell me if something is free earlier")
		once := p.attributes("input", "value")
		for range 2 {
			bob.post(mine+"/earlier", onceField, once[len(once)-1]).has(200, "You are on the waiting list of Grey Example for an earlier time.")
		}
		p = bob.get("/my").has(200, "Waiting list", "Saturday 13 March 2027 to Friday 19 March 2027")
		if n := strings.Count(p.body, "/leave"); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
		if _, err := c.server.Scheduling.Cancel(t.Context(), c.actor("ann"), c.had.ID.String(), scheduling.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		c.work()
		bob.get("/my").has(200, "From the waiting list", "Free now", "Tuesday 16 March 2027, 9:00 am, New York time")
		leave := slices.IndexFunc(p.attributes("form", "action"), func(a string) bool { return strings.HasSuffix(a, "/leave") })
		path := p.attributes("form", "action")[leave]
		c.as("ann").post(path).has(http.StatusNotFound)
		bob.post(path).has(200, "You are no longer on that waiting list.", "You wait for nothing.")
		bob.post(path).has(http.StatusNotFound)
	})
}

// ordered places a kit for Ann.
func (c *visitClinic) ordered() orders.Order {
	c.t.Helper()
	o, err := c.server.Orders.Place(c.t.Context(), c.actor("admin"), orders.NewOrder{
		User: c.users["ann"].ID.String(), Kit: orders.WholeGenome, Shipping: orders.Address{
			Name: phi.Of("Ann Example"), Line1: phi.Of("12 Quiet Lane"), City: phi.Of("Springfield"), PostalCode: phi.Of("12345"), Country: phi.Of("US"),
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

func TestOrdersTellHowFarTheyAre(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		ann := c.as("ann")
		ann.get("/my/orders").has(200, "Nothing was ordered for you.")
		o := c.ordered()
		ann.get("/my/orders").has(200, "DNA kit: whole genome", "It will be sent to you soon.", "Ordered It is here now", "On its way to you Still to come", "12 Quiet Lane", "12345 Springfield")
		for _, step := range []struct {
			do   func(ctx context.Context) error
			says string
		}{
			{func(ctx context.Context) error {
				_, err := c.server.Orders.Dispatch(ctx, c.actor("admin"), o.ID.String())
				return err
			}, "Ordered Done On its way to you It is here now Sample at the laboratory Still to come"},
			{func(ctx context.Context) error {
				_, err := c.server.Orders.Cancel(ctx, c.actor("admin"), o.ID.String())
				return err
			}, "This order was cancelled."},
		} {
			if err := step.do(t.Context()); err != nil {
				t.Fatal(err)
			}
			ann.get("/my/orders").has(200, step.says)
		}
		c.as("bob").get("/my/orders").has(200, "Nothing was ordered for you.").lacks("Quiet Lane", "genome")
		for range ordersOnPage {
			c.ordered()
		}
		ann.get(hrefWith(ann.get("/my/orders"), "after=")).has(200, "This order was cancelled.", "Back to the beginning")
	})
}

const clinicalText = `{"blood_pressure": {"systolic": 120, "diastolic": 80.50}, "painScale": 3, "goals": ["walk", "sleep"],
	"next check": "2027-04-01", "smoker": false, "notes": "First line\nsecond <b>line</b>", "allergies": [], "family": null,
	"exercises": [{"name": "Bridge", "times": 10}, {"name": "Plank", "times": 2}],
	"a": {"b": {"c": {"d": {"e": {"f": "deep"}}}}}}`

// record documents a visit of Ann's by Grey.
func (c *visitClinic) record(shared bool, data string) encounters.Encounter {
	c.t.Helper()
	e, err := c.server.Encounters.Create(c.t.Context(), c.actor("grey"), encounters.NewEncounter{
		Patient: c.users["ann"].ID.String(), Date: calendar.Date{Year: 2027, Month: 3, Day: 12}, Type: encounters.FollowUp, ClinicalData: phi.Of(data), Shared: shared,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// TestARecordIsReadAsFacts shows what is shared, in words, and nothing that is not.
func TestARecordIsReadAsFacts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		ann := c.as("ann")
		ann.get("/my/records").has(200, "Nothing has been shared with you yet.")
		e, secret := c.record(true, clinicalText), c.record(false, `{"notes": "for colleagues"}`)
		p := ann.get("/my/records").has(200, "Friday 12 March 2027", "Follow-up", "Grey Example").lacks("Bridge", secret.ID.String())
		p = ann.get(hrefWith(p, e.ID.String()))
		p.has(200, "Blood pressure Systolic 120 Diastolic 80.50", "Pain scale 3", "walk sleep", "Next check", "1 April 2027", "Smoker No",
			"second <b>line</b>", "Allergies Nothing", "Family Nothing", "Name Bridge Times 10 Name Plank Times 2", "E › F: deep")
		p.lacks("blood_pressure", "painScale", "for colleagues")
		for _, raw := range []string{"{", "[", `"`, "false", "null"} {
			if strings.Contains(p.text(), raw) {
				t.Errorf("raw JSON is shown: %s in %s", raw, p.text())
			}
		}
		ann.get("/my/records/" + secret.ID.String()).has(http.StatusNotFound).lacks("colleagues")
		c.as("bob").get("/my/records/"+e.ID.String()).has(http.StatusNotFound).lacks("Bridge", "Follow-up")
	})
}

// TestFactsTakeAnyObject reads objects of every shape.
func TestFactsTakeAnyObject(t *testing.T) {
	w := words.For("en", "", nil)
	deep := strings.Repeat(`{"a":[`, 4000) + `1` + strings.Repeat(`]}`, 4000)
	for _, tt := range []struct {
		object string
		want   string
	}{
		{`{}`, ""},
		{`{"a":{}}`, "A=Nothing;"},
		{`{"a":[[1,2],[3]]}`, "A=[=[=1;=2;];=[=3;];];"},
		{`{"":"x","HbA1c":5.90,"b":"  "}`, "=x;HbA1c=5.90;B=Nothing;"},
		{`{"mmHg":1,"pH":7,"bodyMassIndex":2,"left-knee":3}`, "mmHg=1;pH=7;Body mass index=2;Left knee=3;"},
		{`{"a":1e400,"a":2}`, "A=1e400;A=2;"},
	} {
		got, err := facts(w, tt.object)
		if err != nil || outline(got) != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.object, outline(got), err, tt.want)
		}
	}
	if got, err := facts(w, deep); err != nil || !strings.Contains(outline(got), "1;") || deepOf(got) > deepest+1 {
		t.Errorf("an object of 8000 levels: %d levels, %v", deepOf(got), err)
	}
	if _, err := facts(w, `{"secret": tru`); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("half an object: %v", err)
	}
}

func outline(parts []ui.Datum) (text string) {
	for _, p := range parts {
		inner := p.Text
		if len(p.Parts) > 0 {
			inner = "[" + outline(p.Parts) + "]"
		}
		text += p.Name + "=" + inner + ";"
	}
	return text
}

func deepOf(parts []ui.Datum) (levels int) {
	for _, p := range parts {
		levels = max(levels, 1+deepOf(p.Parts))
	}
	return levels
}

// TestAPatientSeesWhoLooked shows looks of others by name or by role, in words.
func TestAPatientSeesWhoLooked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		e := c.record(false, `{"notes": "x"}`)
		if _, err := c.server.Encounters.Encounter(t.Context(), c.actor("grey"), e.ID.String()); err != nil {
			t.Fatal(err)
		}
		c.now(c.had)
		c.found(c.had)
		ann := c.as("ann")
		p := ann.get("/my/looks").has(200, "Who looked at my data", "Grey Example", "Wrote in your record", "Read from your record", "Treatment",
			"The clinic's staff", "Looked at one of your visits", "Running the clinic",
			"Somebody with the link to your booking", "Found your booking by reference and date of birth")
		p.lacks("Admin Example", "admin@", "192.0.2", "encounter.read", c.users["admin"].ID.String())
		c.as("bob").get("/my/looks").has(200).lacks("Grey Example", "Found your booking")
		for range looksOnPage {
			c.now(c.had)
		}
		ann.get(hrefWith(ann.get("/my/looks"), "after=")).has(200, "Wrote in your record", "Back to the beginning")
	})
}

// TestACopyHasAllThatIsTheirs downloads the copy as a page, which is on record.
func TestACopyHasAllThatIsTheirs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		c.record(true, clinicalText)
		c.record(false, `{"notes": "for colleagues"}`)
		c.ordered()
		ann := c.as("ann")
		p := ann.get("/my/copy").has(200, "A copy of my data", "What is in it")
		hrefWith(p, "/v1/patients/"+c.users["ann"].ID.String()+"/export")
		if n := c.deeds("patient.export"); n != 0 {
			t.Errorf("to read about copies is on record as %d of them", n)
		}
		file := ann.get(hrefWith(p, "data.html"))
		file.has(200, "All my data", "Ann Example", "ann@example.org", "30 April 1961", c.had.Reference, "My left knee", "Systolic 120", "12 Quiet Lane",
			"One more entry of your record is not shared with you.", "Wrote in your record").lacks("for colleagues", "/assets/")
		if got := file.header.Get("Content-Disposition"); got != "attachment; filename=my-data.html" {
			t.Errorf("it is sent as %q", got)
		}
		if n := c.deeds("patient.export"); n != 1 {
			t.Errorf("%d copies are on record, want 1", n)
		}
		c.as("bob").get("/my/copy/data.html").has(200, "Bob Example").lacks("Ann Example", "My left knee", "Bridge")
	})
}

// TestPagesSpeakGerman reads the pages in the other language.
func TestPagesSpeakGerman(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		e := c.record(true, clinicalText)
		c.ordered()
		ann := c.as("ann")
		ann.cookies[languageCookie] = "de"
		mine := "/my/visits/" + c.had.ID.String()
		for path, text := range map[string]string{
			"/my": "Bevorstehende Termine", mine: "Termin am Dienstag, 16. März 2027", mine + "/move": "Wann möchten Sie stattdessen kommen?",
			mine + "/cancel": "Möchten Sie diesen Termin absagen?", mine + "/reason": "Worum geht es bei dem Termin?", "/my/orders": "DNA-Testkit: gesamtes Genom",
			"/my/records": "Verlaufskontrolle", "/my/records/" + e.ID.String(): "1. April 2027", "/my/looks": "Hat in Ihre Akte geschrieben",
			"/my/copy": "Eine Kopie meiner Daten", "/my/copy/data.html": "Alle meine Daten", "/visit": "Buchungsnummer",
		} {
			ann.get(path).has(200, text).lacks("Grey Example for", "visit.", "portal.")
		}
	})
}

// work does what is due, as the server does.
func (c *visitClinic) work() {
	c.t.Helper()
	run := &jobs.Runner{DB: c.db, Log: slog.New(slog.DiscardHandler)}
	c.server.Scheduling.Work(run)
	c.server.Notify.Work(run)
	if _, err := run.RunDue(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}
