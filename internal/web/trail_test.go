package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/calendar"
	"medbook/internal/encounters"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// treat has grey care for a patient and document a visit, and look at it.
func (c *clinic) treat(patient string) encounters.Encounter {
	c.t.Helper()
	grey := c.actor("grey")
	err := c.server.Directory.Assign(c.t.Context(), c.actor("admin"), c.users[patient].ID.String(), grey.PractitionerID.String())
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := c.server.Encounters.Create(c.t.Context(), grey, encounters.NewEncounter{
		Patient: c.users[patient].ID.String(), Date: calendar.DateIn(c.db.Now(), time.UTC), Type: encounters.FollowUp,
		ClinicalData: phi.Of(`{"findings":"a torn ligament"}`),
	})
	if err == nil {
		_, err = c.server.Encounters.Encounter(c.t.Context(), grey, e.ID.String())
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// recorded counts the records of an action, with an outcome.
func (c *clinic) outcomes(action, outcome string) (n int) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, `SELECT COUNT(*) FROM audit_events WHERE action = $1 AND outcome = $2`, action, outcome)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// sign has the head of the trail signed, and the services know the key.
func (c *clinic) sign() {
	c.t.Helper()
	seed := bytes.Repeat([]byte{7}, 32)
	signer, err := audit.NewSigner(seed)
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := audit.VerifierKey(seed)
	if err != nil {
		c.t.Fatal(err)
	}
	c.server.Privacy.TrailKeys = []string{key}
	ended, end := context.WithCancel(c.t.Context())
	end()
	if err := (&audit.Keeper{DB: c.db, Signer: signer}).Run(ended); err != nil {
		c.t.Fatal(err)
	}
}

func TestAuditorsSearchTheTrail(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.treat("ann")
		ann, grey := c.users["ann"].ID.String(), c.users["grey"].ID.String()
		v := c.as("auditor")
		reads := c.outcomes("trail.read", audit.Success)
		p := v.get("/trail").has(200, "Looked at an encounter", "Documented an encounter", "Grey Example", "for treatment", "is put on record, too", "Signed in")
		p.lacks("torn ligament", "Ann Example", "ann@example.org", "Auditor Example")
		if n := c.outcomes("trail.read", audit.Success); n != reads+1 {
			t.Errorf("%d looks at the trail are on record, want %d", n, reads+1)
		}
		for query, want := range map[string]struct{ has, lacks string }{
			"action=encounter.read":                             {"Looked at an encounter", ">Documented an encounter</strong>"},
			"patient=" + ann + "&action=encounter.create":       {"Documented an encounter", ">Looked at an encounter</strong>"},
			"actor=" + grey:                                     {"Looked at an encounter", ">Signed in</strong>"},
			"type=encounter&resource=" + e.ID.String():          {"Looked at an encounter", ">Signed in</strong>"},
			"outcome=denied":                                    {"No record matches this search.", "<table"},
			"actor=nobody":                                      {"No record matches this search.", "<table"},
			"from=2027-03-01T00:00&to=2027-03-02T00:00":         {"No record matches this search.", "<table"},
			"to=2100-01-01T00:00:00&action=encounter.read":      {"Looked at an encounter", ">Signed in</strong>"},
			"action=nothing.known":                              {"No record matches this search.", "<table"},
			"action=" + url.QueryEscape(`"><script>alert(1)//`): {"No record matches this search.", "<script>alert"},
		} {
			v.get("/trail?"+query).has(200, want.has).lacks(want.lacks)
		}
		v.get("/trail/encounters").has(200, "Looks at encounters", "Looked at an encounter").lacks(">Signed in</strong>")
		v.get("/trail/encounters?type=session").has(200, "Looked at an encounter").lacks(">Signed in</strong>")
	})
}

func TestASearchThatCantBeMadeKeepsItsAnswers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("auditor")
		for query, says := range map[string]string{
			"from=yesterday":                            "Give a date and a time",
			"to=2027-03-14T24:00":                       "Give a date and a time",
			"from=2027-03-02T00:00&to=2027-03-01T00:00": "can’t be searched",
			"after=x": "Go back to its beginning",
			"from=2027-02-30T10:00&action=encounter.read": "Give a date and a time",
		} {
			p := v.get("/trail?"+query+"&actor=somebody").has(422, "There is a problem", says)
			if !slices.Contains(p.attributes("input", "value"), "somebody") {
				t.Errorf("%s: what was filled in is gone: %v", query, p.attributes("input", "value"))
			}
		}
		v.get("/trail/export?from=yesterday").has(422)
	})
}

// Local times of a search are those of the reader, or of the clinic.
func TestTimesOfASearchAreTheReaders(t *testing.T) {
	newYork, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "2027-03-13T09:30": "2027-03-13T14:30:00Z", "2027-03-13T09:30:00": "2027-03-13T14:30:00Z",
		"2027-03-14T02:30": "2027-03-14T07:00:00Z", // which clocks skip
		"2027-11-07T01:30": "2027-11-07T05:30:00Z", // which they show twice
	} {
		if got, ok := trailMoment(text, newYork); !ok || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("trailMoment(%q) = %v, %v, want %s", text, got.UTC(), ok, want)
		}
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("auditor")
		v.get("/trail").has(200, "Times are those of UTC")
		v.cookies["zone"] = "Asia/Kathmandu"
		v.get("/trail").has(200, "Times are those of Kathmandu time (UTC+5:45)")
	})
}

func TestALongTrailIsReadInPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var events []audit.Event
		for i := range trailRows + 7 {
			events = append(events, audit.Event{Action: "test.many", ResourceID: fmt.Sprint("thing ", i), Patients: []uuid.UUID{c.users["ann"].ID, c.users["bob"].ID, uuid.New(), uuid.New(), uuid.New()}})
		}
		if err := audit.RecordNow(t.Context(), db, events...); err != nil {
			t.Fatal(err)
		}
		v := c.as("auditor")
		first := v.get("/trail?action=test.many&actor=").has(200, "test.many", "and 2 more patients", "Somebody who had not signed in")
		if n := strings.Count(first.body, "<tr>"); n != trailRows+1 {
			t.Errorf("%d rows, want %d and the head", n, trailRows)
		}
		next := ""
		for _, href := range first.attributes("a", "href") {
			if strings.Contains(href, "after=") {
				next = href
			}
		}
		second := v.get(next).has(200, "Back to the beginning")
		if n := strings.Count(second.body, "<tr>"); n != 8 {
			t.Errorf("%d rows on the second page of %q, want 7 and the head", n, next)
		}
		if !slices.Contains(second.attributes("a", "href"), "/trail?action=test.many") {
			t.Error("the second page does not lead back to the first of the same search")
		}
	})
}

func TestASearchIsDownloaded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.treat("ann")
		err := audit.RecordNow(t.Context(), db, audit.Event{Action: "encounter.read", ResourceType: "encounter", ResourceID: "x", UserAgent: "=cmd|'/c calc'!A1"})
		if err != nil {
			t.Fatal(err)
		}
		v := c.as("auditor")
		var files []string
		for _, href := range v.get("/trail/encounters?action=encounter.read").attributes("a", "href") {
			if strings.HasPrefix(href, "/trail/export?") {
				files = append(files, href)
			}
		}
		if len(files) != 2 {
			t.Fatalf("downloads: %q, want two", files)
		}
		table := v.get(files[0])
		rows, err := csv.NewReader(strings.NewReader(table.body)).ReadAll()
		if err != nil || len(rows) != 3 || !slices.Equal(rows[0], privacy.TableHeader) || !strings.Contains(table.body, e.ID.String()) {
			t.Errorf("%s: %v, %v, want a head and two rows", files[0], rows, err)
		}
		if strings.Contains(table.body, ",=cmd") || !strings.Contains(table.body, "'=cmd") {
			t.Errorf("a spreadsheet would take a cell for a formula: %s", table.body)
		}
		if got := table.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=audit-trail-") || !strings.HasSuffix(got, ".csv") || table.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", table.header)
		}
		lines := strings.Split(strings.TrimSpace(v.get(files[1]).body), "\n")
		var l privacy.Line
		if err := json.Unmarshal([]byte(lines[1]), &l); err != nil || len(lines) != 2 || l.ResourceID != e.ID.String() {
			t.Errorf("%s: %q, %v, want two lines", files[1], lines, err)
		}
		if n := c.outcomes("trail.export", audit.Success); n != 2 {
			t.Errorf("%d exports are on record, want 2", n)
		}
	})
}

func TestDisclosuresOfAPatient(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.treat("ann")
		v := c.as("auditor")
		ann := c.users["ann"].ID.String()
		v.get("/trail/patients/"+ann).has(200, "Who saw this patient’s data", "Looked at an encounter", "Grey Example", "for treatment", ann).lacks("Ann Example")
		if n := c.outcomes("disclosure.list", audit.Success); n != 1 {
			t.Errorf("%d looks at disclosures are on record, want 1", n)
		}
		for _, id := range []string{"x", uuid.NewString(), c.users["grey"].ID.String()} {
			v.get("/trail/patients/" + id).has(404)
		}
	})
}

func TestEmergenciesAreListedWithTheirReasons(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("auditor")
		v.get("/trail/emergencies").has(200, "No record was ever opened in an emergency.")
		if _, err := c.server.Encounters.OpenInEmergency(t.Context(), c.actor("brown"), c.users["bob"].ID.String(), phi.Of("found <unconscious>")); err != nil {
			t.Fatal(err)
		}
		p := v.get("/trail/emergencies").has(200, "Brown Example", "found <unconscious>", "Open until").lacks("Bob Example", "<unconscious>")
		for _, href := range p.attributes("a", "href") {
			if strings.HasPrefix(href, "/trail?actor=") {
				v.get(href).has(200, "Opened a record in an emergency", "in an emergency")
			}
		}
	})
}

func TestTheTrailIsVerifiedFromThePage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("auditor")
		v.get("/trail/verify").has(200, "Nothing is signed yet", "medbook audit verify")
		v.post("/trail/verify").has(200, "Not all could be judged", "there is no checkpoint")
		c.sign()
		v.get("/trail/verify").has(200, "Records covered", c.server.Privacy.TrailKeys[0], "medbook audit trail")
		v.post("/trail/verify").has(200, "The trail is intact", "records were read.")
		if n := c.outcomes("trail.verify", audit.Success); n != 2 {
			t.Errorf("%d verifications are on record, want 2", n)
		}
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE audit_events SET outcome = 'failed' WHERE action = 'session.create'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		v.post("/trail/verify").has(200, "The trail was tampered with", "is not what was recorded", "Keep a copy")
		for _, name := range []string{"grey", "admin", "ann"} {
			if p := c.as(name).post("/trail/verify"); p.status != http.StatusForbidden {
				t.Errorf("%s gets %d", name, p.status)
			}
		}
	})
}
