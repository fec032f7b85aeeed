package api

import (
	"context"
	"strings"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// readOnlyTrail lets nothing be put on record any more.
func readOnlyTrail(t *testing.T, db *sqldb.DB) {
	t.Helper()
	statements := []string{`CREATE TRIGGER audit_closed BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'read-only'); END`}
	if db.Engine() == sqldb.Postgres {
		statements = []string{
			`CREATE FUNCTION audit_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'read-only'; END $$`,
			`CREATE TRIGGER audit_closed BEFORE INSERT ON audit_events EXECUTE FUNCTION audit_closed()`,
		}
	}
	for _, statement := range statements {
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatCantBeRecordedIsNotAnswered closes the audit trail: looks at others'
// data are refused without a byte of it, and so are deeds, which do not happen;
// what is nobody else's is answered as always.
func TestWhatCantBeRecordedIsNotAnswered(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
		held := c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}).text(t, "id")
		ann := c.users["ann"].ID.String()
		encounter := c.encounter("grey", "ann", map[string]any{"finding": "marker"}, "shared_with_patient", true)
		order := c.order("ann")
		readOnlyTrail(t, db)
		for _, tt := range []struct {
			by, method, path string
			body             any
		}{
			{"admin", get, "/v1/users/" + ann, nil},
			{"admin", get, "/v1/users?limit=10", nil},
			{"admin", get, "/v1/patients?limit=10", nil},
			{"admin", post, "/v1/patients/search", map[string]any{"q": "ann"}},
			{"auditor", post, "/v1/patients/search", map[string]any{"q": "ann"}},
			{"admin", put, "/v1/patients/" + ann + "/practitioners/" + c.practitioner("grey"), nil},
			{"grey", get, "/v1/appointments/" + held, nil},
			{"grey", get, "/v1/appointments?limit=10", nil},
			{"admin", get, "/v1/orders/" + order, nil},
			{"admin", get, "/v1/orders?limit=10", nil},
			{"bob", get, "/v1/orders/" + order, nil},
			{"admin", post, "/v1/orders", orderFor(ann)},
			{"admin", post, "/v1/orders/" + order + "/dispatch", nil},
			{"grey", get, "/v1/encounters/" + encounter, nil},
			{"grey", get, "/v1/encounters?limit=10", nil},
			{"grey", get, "/v1/encounters/" + encounter + "/versions?limit=10", nil},
			{"grey", get, "/v1/patients/" + ann + "/export", nil},
			{"brown", get, "/v1/encounters/" + encounter, nil},
			{"brown", post, "/v1/patients/" + ann + "/emergency-access", map[string]any{"reason": "Unconscious."}},
			{"auditor", get, "/v1/patients/" + ann + "/disclosures?limit=10", nil},
			{"auditor", get, "/v1/audit/events?limit=10", nil},
			{"bob", get, "/v1/appointments/" + held, nil}, // a refusal is on record too
			{"ann", post, "/v1/users", map[string]any{"email": "x@example.com", "name": "X", "role": "patient"}},
			{"ann", post, "/v1/appointments/" + held + "/confirm", nil},
			{"ann", post, "/v1/appointments", map[string]any{"slot_id": slots[1]}},
		} {
			r := c.call(tt.by, tt.method, tt.path, tt.body)
			if c.refused(r, 503, "audit-unavailable"); r.Header.Get("Retry-After") == "" || strings.Contains(string(r.body), ann) || strings.Contains(string(r.body), "marker") {
				t.Errorf("%s %s by %s: %v %s, want a time to try again and nothing of Ann's", tt.method, tt.path, tt.by, r.Header, r.body)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM orders WHERE status = 'placed'`); n != 1 {
			t.Errorf("%d orders are placed, want the one from before", n)
		}
		if n := c.count(`SELECT COUNT(*) FROM care_relations`) + c.count(`SELECT COUNT(*) FROM emergency_access`); n != 1 {
			t.Errorf("%d ways into records, want the one from before", n)
		}
		if got := c.must(200, "ann", get, "/v1/appointments/"+held, nil).text(t, "status"); got != "held" {
			t.Errorf("the appointment that could not be confirmed is %q, want held", got)
		}
		if list := c.must(200, "ann", get, "/v1/appointments?limit=10", nil).json(t)["items"].([]any); len(list) != 1 {
			t.Errorf("%d appointments, want the one from before", len(list))
		}
	})
}
