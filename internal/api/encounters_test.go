package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// record documents a visit on a day, and returns the encounter's id.
func (c *clinic) record(by, patient, date, kind string) string {
	c.t.Helper()
	return c.must(201, by, post, "/v1/encounters", map[string]any{
		"patient_id": c.users[patient].ID.String(), "encounter_date": date, "encounter_type": kind,
		"clinical_data": map[string]any{"note": date + " " + kind},
	}).text(c.t, "id")
}

// idsIn lists the ids of a page, in its order.
func idsIn(t testing.TB, r reply) []string {
	t.Helper()
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(r.body, &page); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	ids := []string{}
	for _, item := range page.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// trail lists the records that an auditor finds, the oldest first.
func (c *clinic) trail(query string) []auditEventBody {
	c.t.Helper()
	var page struct{ Items []auditEventBody }
	if err := json.Unmarshal(c.must(200, "auditor", get, "/v1/audit/events?limit=200&"+query, nil).body, &page); err != nil {
		c.t.Fatal(err)
	}
	slices.Reverse(page.Items)
	return page.Items
}

// TestFiltersOfEncountersANDTogether holds every combination of filters to what a
// loop over all encounters says. Both dates are included.
func TestFiltersOfEncountersANDTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, patient := range []string{"ann", "bob"} {
			c.care("grey", patient)
			c.care("brown", patient)
		}
		type encounter struct{ id, by, patient, date, kind string }
		var all []encounter
		kinds := []string{"initial_assessment", "follow_up", "treatment_session"}
		for i := range 12 {
			e := encounter{by: []string{"grey", "brown"}[i%2], patient: []string{"ann", "bob"}[i/2%2], date: fmt.Sprintf("2027-02-%02d", 1+i/3), kind: kinds[i%3]}
			e.id = c.record(e.by, e.patient, e.date, e.kind)
			all = append(all, e)
		}
		n := 0
		for _, start := range []string{"", "2027-02-02"} {
			for _, end := range []string{"", "2027-02-02", "2027-02-03"} {
				for _, patient := range []string{"", "ann"} {
					for _, by := range []string{"", "brown"} {
						for _, kind := range []string{"", "follow_up"} {
							query, want := "", []string{}
							for name, value := range map[string]string{"start_date": start, "end_date": end, "encounter_type": kind} {
								if value != "" {
									query += "&" + name + "=" + value
								}
							}
							if patient != "" {
								query += "&patient_id=" + c.users[patient].ID.String()
							}
							if by != "" {
								query += "&practitioner_id=" + c.practitioner(by)
							}
							for _, e := range all {
								if e.date >= start && (end == "" || e.date <= end) && (patient == "" || e.patient == patient) &&
									(by == "" || e.by == by) && (kind == "" || e.kind == kind) {
									want = append(want, e.id)
								}
							}
							r := c.must(200, "grey", get, "/v1/encounters?limit=200&count=true"+query, nil)
							got := idsIn(t, r)
							slices.Sort(got)
							slices.Sort(want)
							if total := int(r.json(t)["total"].(float64)); !slices.Equal(got, want) || total != len(want) {
								t.Errorf("%s: %d encounters and a total of %d, want %d", query, len(got), total, len(want))
							}
							n += len(want)
						}
					}
				}
			}
		}
		if n < 50 {
			t.Errorf("the filters found %d encounters together; they are to find more", n)
		}
	})
}

// TestWrongEncountersAreNamedByTheirFields sends what is wrong, and wants the
// field named, and nothing of what it held.
func TestWrongEncountersAreNamedByTheirFields(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		encounter := c.encounter("grey", "ann", map[string]any{"finding": "x"})
		good := func(field string, value any) map[string]any {
			body := map[string]any{
				"patient_id": c.users["ann"].ID.String(), "encounter_date": "2027-03-12", "encounter_type": "follow_up",
				"clinical_data": map[string]any{"finding": "x"},
			}
			body[field] = value
			if value == nil {
				delete(body, field)
			}
			return body
		}
		for _, tt := range []struct {
			field string
			value any
			at    string // where the problem is said to be
		}{
			{"marker5551234567", "x", "body"},
			{"encounter_date", "2026-13-45", "body.encounter_date"},
			{"encounter_date", "2027-02-30", "body.encounter_date"},
			{"encounter_date", "2027-12-24", "body.encounter_date"}, // in the future
			{"encounter_date", 20270312, "body.encounter_date"},
			{"encounter_date", nil, "body.encounter_date"},
			{"encounter_type", "marker5551234567", "body.encounter_type"},
			{"encounter_type", []string{"follow_up"}, "body.encounter_type"},
			{"clinical_data", []string{"marker5551234567"}, "body.clinical_data"},
			{"clinical_data", "marker5551234567", "body.clinical_data"},
			{"clinical_data", 5551234567, "body.clinical_data"},
			{"clinical_data", true, "body.clinical_data"},
			{"clinical_data", map[string]any{"note": strings.Repeat("marker5551234567", 17<<10)}, "body.clinical_data"},
			{"patient_id", 5551234567, "body.patient_id"},
			{"shared_with_patient", "marker5551234567", "body.shared_with_patient"},
		} {
			r := c.call("grey", post, "/v1/encounters", good(tt.field, tt.value))
			var p problem
			if err := json.Unmarshal(r.body, &p); err != nil || r.StatusCode != 422 || len(p.Errors) == 0 || p.Errors[0].Location != tt.at {
				t.Errorf("%s = %.40v: %d %s, want 422 at %s", tt.field, tt.value, r.StatusCode, r.body, tt.at)
			}
			if strings.Contains(string(r.body), "5551234567") || strings.Contains(string(r.body), "2026-13-45") {
				t.Errorf("%s: the answer repeats what was sent: %s", tt.field, r.body)
			}
		}
		for query, at := range map[string]string{
			"start_date=2027-03-02&end_date=2027-03-01": "query.end_date", "start_date=2026-13-45": "query.start_date", "encounter_type=marker": "query.encounter_type",
		} {
			r := c.call("grey", get, "/v1/encounters?limit=10&"+query, nil)
			if r.StatusCode != 422 || !strings.Contains(string(r.body), at) {
				t.Errorf("%s: %d %s, want 422 at %s", query, r.StatusCode, r.body, at)
			}
		}
		if r := c.must(200, "grey", get, "/v1/encounters?limit=10&start_date=2027-03-01&end_date=2027-03-01", nil); len(idsIn(t, r)) != 0 {
			t.Errorf("a day without encounters: %s", r.body)
		}
		c.refused(c.call("grey", patch, "/v1/encounters/"+encounter, map[string]any{"encounter_type": "treatment_session"}), 428, "if-match-missing")
		c.refused(c.call("grey", patch, "/v1/encounters/"+encounter, map[string]any{"encounter_type": "treatment_session"}, "If-Match", `"7"`), 412, "if-match-stale")
	})
}

// TestAnEncounterKeepsItsVersions amends one and reads all that it said. What is
// in an object comes back as it was sent, numbers and order included.
func TestAnEncounterKeepsItsVersions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.care("grey", "ann")
		c.care("brown", "ann")
		data := `{"z":1.50,"a":12345678901234567890,"note":"<b>&ü","deep":{"x":[1,{"y":null}]}}`
		body := `{"patient_id":"` + c.users["ann"].ID.String() + `","encounter_date":"2027-03-12","encounter_type":"follow_up","clinical_data":` + data + `}`
		r := c.must(201, "grey", post, "/v1/encounters", body)
		id := r.text(t, "id")
		if !strings.Contains(string(r.body), `"clinical_data":`+data) || r.Header.Get("Location") != "/v1/encounters/"+id || r.Header.Get("ETag") != `"1"` {
			t.Errorf("made %s with %v", r.body, r.Header)
		}
		r = c.must(200, "brown", patch, "/v1/encounters/"+id, `{"clinical_data":{"note":"amended"},"shared_with_patient":true}`, "If-Match", `"1"`)
		if r.Header.Get("ETag") != `"2"` || !strings.Contains(string(r.body), `"clinical_data":{"note":"amended"}`) {
			t.Errorf("amended to %s", r.body)
		}
		c.refused(c.call("grey", patch, "/v1/encounters/"+id, `{"clinical_data":{"note":"late"}}`, "If-Match", `"1"`), 412, "if-match-stale")
		versions := c.must(200, "grey", get, "/v1/encounters/"+id+"/versions?limit=10", nil)
		var page struct{ Items []encounterVersionBody }
		if err := json.Unmarshal(versions.body, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 2 || page.Items[0].ClinicalData.text != data || page.Items[1].WrittenBy != c.users["brown"].ID.String() {
			t.Errorf("the versions are %s", versions.body)
		}
		if r := c.must(200, "ann", get, "/v1/encounters/"+id, nil); !strings.Contains(string(r.body), "amended") {
			t.Errorf("the patient reads %s", r.body)
		}
		if r := c.call("ann", get, "/v1/encounters/"+id, nil, "If-None-Match", `"2"`); r.StatusCode != 304 || len(r.body) != 0 {
			t.Errorf("of the version that is known: %d %s, want 304", r.StatusCode, r.body)
		}
	})
}

// TestEachLookAtAnEncounterIsOnRecord reads, is refused, and shows what the
// auditor finds of it.
func TestEachLookAtAnEncounterIsOnRecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.users["ann"].ID.String()
		encounters := []string{c.encounter("grey", "ann", map[string]any{"n": 1}), c.encounter("grey", "ann", map[string]any{"n": 2}), c.encounter("grey", "ann", map[string]any{"n": 3})}
		list := c.must(200, "grey", get, "/v1/encounters?limit=50", nil)
		var named []string
		for _, e := range c.trail("action=encounter.list") {
			if e.RequestID != list.Header.Get("X-Request-ID") || e.Outcome != "success" || e.Purpose != "treatment" || !slices.Equal(e.PatientIDs, []string{ann}) {
				t.Errorf("a record of the list: %+v", e)
			}
			named = append(named, e.ResourceID)
		}
		slices.Sort(named)
		slices.Sort(encounters)
		if !slices.Equal(named, encounters) {
			t.Errorf("a list of %d is on record with %q, want %q", len(encounters), named, encounters)
		}
		c.refused(c.call("brown", get, "/v1/encounters/"+encounters[0], nil), 404, "encounter-not-found")
		c.refused(c.call("brown", post, "/v1/encounters", map[string]any{
			"patient_id": ann, "encounter_date": "2027-03-12", "encounter_type": "follow_up", "clinical_data": map[string]any{},
		}), 404, "patient-not-found")
		c.refused(c.call("brown", get, "/v1/encounters?limit=5&patient_id="+ann, nil), 404, "patient-not-found")
		for _, action := range []string{"encounter.read", "encounter.create", "encounter.list"} {
			got := c.trail("outcome=denied&patient_id=" + ann + "&action=" + action)
			if len(got) != 1 || got[0].ActorID != c.users["brown"].ID.String() {
				t.Errorf("refused %s: on record %+v, want it of Brown at Ann's", action, got)
			}
		}
		c.call("", get, "/status", nil, "X-API-Key", "mb_wrong")
		c.refused(c.call("", get, "/v1/encounters?limit=5", nil, "X-API-Key", "mb_wrong"), 401, "unauthenticated")
		sqltest.ClockOf(db).Advance(time.Minute)
		if err := c.server.Auth.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.trail("action=credential.refused"); len(got) != 1 || got[0].Count != 2 || got[0].Outcome != "denied" || got[0].ClientAddress == "" {
			t.Errorf("two wrong keys: on record %+v, want one record of both", got)
		}
		if got := c.trail("action=trail.read"); len(got) < 4 || got[0].Purpose != "oversight" {
			t.Errorf("of reading the trail is on record %+v", got)
		}
	})
}

// TestTheTrailOfEncountersByMilliseconds holds start_ms and end_ms to their ends.
func TestTheTrailOfEncountersByMilliseconds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		at := db.Now().UnixMilli()
		id := c.encounter("grey", "ann", map[string]any{"n": 1})
		sqltest.ClockOf(db).Advance(time.Second)
		c.must(200, "grey", get, "/v1/encounters/"+id, nil)
		ms := func(n int64) string { return strconv.FormatInt(n, 10) }
		for query, want := range map[string]int{
			"": 2, "end_ms=0": 0, "start_ms=0&end_ms=0": 0, "end_ms=" + ms(at): 1, "end_ms=" + ms(at-1): 0, "start_ms=" + ms(at) + "&end_ms=" + ms(at): 1,
			"start_ms=" + ms(at+1): 1, "start_ms=" + ms(at+1000): 1, "start_ms=" + ms(at+1001): 0, "start_ms=0": 2, "resource_type=encounter": 2,
			"from=2027-01-01T00:00:00Z&start_ms=" + ms(at+1): 1, "action=encounter.read": 1, "actor_id=nobody": 0, "patient_id=" + c.users["bob"].ID.String(): 0,
		} {
			r := c.must(200, "auditor", get, "/v1/audit/encounters?limit=50&"+query, nil)
			if got := len(idsIn(t, r)); got != want || !strings.Contains(string(r.body), `"items":[`) {
				t.Errorf("%q: %d records, want %d", query, got, want)
			}
		}
		for query, code := range map[string]string{
			"start_ms=" + ms(at+1) + "&end_ms=" + ms(at-1): "invalid-audit-range", "from=2027-03-02T00:00:00Z&to=2027-03-01T00:00:00Z": "invalid-audit-range",
			"resource_type=appointment": "invalid-request", "end_ms=-1": "invalid-request", "end_ms=x": "invalid-request",
		} {
			c.refused(c.call("auditor", get, "/v1/audit/encounters?limit=50&"+query, nil), 422, code)
		}
	})
}

// TestTheTrailIsExportedWhole reads what is exported, in both forms.
func TestTheTrailIsExportedWhole(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for range 3 {
			c.encounter("grey", "ann", map[string]any{"n": 1})
		}
		c.update(func(ctx context.Context, tx *sqldb.Tx) error { // as a client may call itself
			_, err := tx.Exec(ctx, `UPDATE audit_events SET user_agent = '=cmd|''/c calc''!A1', request_id = '+1', client_address = '@x' WHERE action = 'encounter.create'`)
			return err
		})
		want := len(c.trail("resource_type=encounter"))
		r := c.must(200, "auditor", get, "/v1/audit/events/export?resource_type=encounter", nil)
		lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
		if len(lines) != want || r.Header.Get("Content-Type") != "application/x-ndjson" || !json.Valid([]byte(lines[0])) {
			t.Errorf("exported %d lines of %s, want %d", len(lines), r.Header.Get("Content-Type"), want)
		}
		r = c.must(200, "auditor", get, "/v1/audit/events/export?format=csv&resource_type=encounter", nil)
		table := string(r.body)
		if strings.Count(table, "\n") != want+1 || !strings.HasPrefix(table, "seq,id,at,") {
			t.Errorf("exported %s", table)
		}
		if strings.Contains(table, ",=cmd") || strings.Contains(table, ",@x") || strings.Contains(table, ",+1") || !strings.Contains(table, "'=cmd") {
			t.Errorf("a spreadsheet would take a cell for a formula: %s", table)
		}
		if r := c.must(200, "auditor", get, "/v1/audit/events/export?format=csv&action=nothing", nil); string(r.body) != strings.Join(privacy.TableHeader, ",")+"\n" {
			t.Errorf("of nothing: %q, want the header alone", r.body)
		}
		if r := c.must(200, "auditor", get, "/v1/audit/events/export?action=nothing", nil); len(r.body) != 0 {
			t.Errorf("of nothing: %q, want no line", r.body)
		}
		if got := c.trail("action=trail.export"); len(got) != 4 {
			t.Errorf("%d exports are on record, want 4", len(got))
		}
		readOnlyTrail(t, db)
		c.refused(c.call("auditor", get, "/v1/audit/events/export", nil), 503, "audit-unavailable")
	})
}

// TestACheckpointIsTheNewest has heads signed, and reads the newest.
func TestACheckpointIsTheNewest(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.refused(c.call("auditor", get, "/v1/audit/checkpoint", nil), 404, "checkpoint-not-found")
		c.sign()
		first := c.must(200, "auditor", get, "/v1/audit/checkpoint", nil).json(t)["size"].(float64)
		c.encounter("grey", "ann", map[string]any{"n": 1})
		c.sign()
		r := c.must(200, "auditor", get, "/v1/audit/checkpoint", nil).json(t)
		if r["size"].(float64) <= first || !strings.Contains(r["note"].(string), r["root_hash"].(string)) {
			t.Errorf("after %v records: %v", first, r)
		}
	})
}
