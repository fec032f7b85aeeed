package api

import (
	"strings"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestPatientsOfAPractitioner lists and finds who has booked with them.
func TestPatientsOfAPractitioner(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		ann := c.users["ann"].ID.String()
		c.must(201, "bob", post, "/v1/appointments", map[string]any{"slot_id": slots[1]}) // held, which is no care yet
		c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0], "confirm": true})
		c.must(200, "admin", patch, "/v1/users/"+ann, map[string]any{"date_of_birth": "1984-02-29"}, "If-Match", "*")

		shown := `{"id":"` + ann + `","name":"ann","date_of_birth":"1984-02-29","time_zone":"America/New_York","since":"2027-03-13T14:00:00Z"}`
		if r := c.must(200, "grey", get, "/v1/patients?limit=5&count=true", nil); strings.TrimSpace(string(r.body)) != `{"items":[`+shown+`],"next_cursor":null,"total":1}` {
			t.Errorf("the list is %s, want %s", r.body, shown)
		}
		for _, q := range []string{"ANN", "ann@example.org", "1984-02-29"} {
			r := c.must(200, "grey", post, "/v1/patients/search", map[string]any{"q": q})
			if strings.TrimSpace(string(r.body)) != `{"items":[`+shown+`]}` || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%q finds %s, want %s", q, r.body, shown)
			}
		}
		for _, by := range []string{"brown", "admin"} {
			r := c.must(200, by, post, "/v1/patients/search", map[string]any{"q": "bob", "limit": nil})
			if got, want := strings.Contains(string(r.body), c.users["bob"].ID.String()), by == "admin"; got != want {
				t.Errorf("%s finds bob: %v, want %v", by, got, want)
			}
			if strings.Contains(string(r.body), "since") {
				t.Errorf("%s, who cares for nobody, is told since when: %s", by, r.body)
			}
		}
		for _, body := range []string{`{}`, `{"q":"a"}`, `{"q":"  "}`, `{"q":"` + strings.Repeat("é", 101) + `"}`, `{"q":"ann","limit":0}`, `{"q":"ann","limit":51}`} {
			if r := c.call("grey", post, "/v1/patients/search", body); r.StatusCode != 422 {
				t.Errorf("%s = %d %s, want 422", body, r.StatusCode, r.body)
			}
		}
	})
}

// TestASearchIsNotKept: it takes part in no repeat, for its answers are personal.
func TestASearchIsNotKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		search := func(q string) reply {
			return c.must(200, "admin", post, "/v1/patients/search", map[string]any{"q": q}, "Idempotency-Key", "k")
		}
		search("ann")
		if r := search("ann"); r.Header.Get("Idempotency-Replayed") != "" {
			t.Error("a search was answered with a kept answer")
		}
		if r := search("bob"); !strings.Contains(string(r.body), c.users["bob"].ID.String()) {
			t.Errorf("another search with the same key = %s, want bob", r.body)
		}
		c.must(200, "admin", post, "/v1/patients/search", map[string]any{"q": "ann"}, "Idempotency-Key", "not a key")
		if n := c.count(`SELECT COUNT(*) FROM idempotency_keys`); n != 0 {
			t.Errorf("%d answers are kept, want none", n)
		}
	})
}

// TestAdminsSayWhoIsInWhoseCare assigns, and ends what was assigned and what was not.
func TestAdminsSayWhoIsInWhoseCare(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, grey := c.users["ann"].ID.String(), c.practitioner("grey")
		care := "/v1/patients/" + ann + "/practitioners/" + grey
		shown := func() bool {
			return strings.Contains(string(c.must(200, "grey", get, "/v1/patients?limit=5", nil).body), ann)
		}
		for _, by := range []string{"ann", "grey", "auditor"} {
			for _, method := range []string{put, remove} {
				c.refused(c.call(by, method, care, nil), 403, "forbidden")
			}
		}
		c.refused(c.call("admin", remove, care, nil), 404, "care-relation-not-found")
		for range 2 {
			c.must(204, "admin", put, care, nil)
			if !shown() {
				t.Error("an assigned patient is not in the list")
			}
		}
		c.must(204, "admin", remove, care, nil)
		if shown() {
			t.Error("a patient whose care was ended is in the list")
		}
		c.refused(c.call("admin", remove, care, nil), 404, "care-relation-not-found")
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0], "confirm": true})
		if shown() {
			t.Error("an appointment began care again that an admin had ended")
		}
		c.must(204, "admin", put, care, nil)
		if !shown() {
			t.Error("a patient who was assigned again is not in the list")
		}
		c.refused(c.call("admin", put, "/v1/patients/"+grey+"/practitioners/"+grey, nil), 404, "patient-not-found")
		c.refused(c.call("admin", put, "/v1/patients/"+ann+"/practitioners/"+ann, nil), 404, "practitioner-not-found")
	})
}
