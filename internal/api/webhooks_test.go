package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

// subscriber is a program that is told of all that happens.
type subscriber struct {
	*httptest.Server
	run    *jobs.Runner
	mu     sync.Mutex
	events []event
}

type event struct {
	Type string
	Data struct {
		ID           string
		Patient      string `json:"patient_id"`
		Practitioner string `json:"practitioner_id"`
	}
	raw string
}

// subscribe starts one.
func (c *clinic) subscribe() *subscriber {
	c.t.Helper()
	s := &subscriber{run: &jobs.Runner{DB: c.db, Log: slog.New(slog.DiscardHandler)}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e := event{raw: string(body)}
		_ = json.Unmarshal(body, &e)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}))
	c.t.Cleanup(s.Close)
	c.server.Webhooks.AllowPrivate = true
	c.server.Webhooks.Work(s.run)
	c.server.Scheduling.Work(s.run)
	kinds := []string{}
	for _, k := range webhooks.Kinds() {
		kinds = append(kinds, string(k))
	}
	c.must(201, "admin", post, "/v1/webhooks", map[string]any{"url": s.URL, "kinds": kinds})
	return s
}

// told returns the events that came since it was last asked.
func (s *subscriber) told(t *testing.T) []event {
	t.Helper()
	if _, err := s.run.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.events
	s.events = nil
	return all
}

func TestProgramsAreToldOfWhatHappens(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		s := c.subscribe()
		ann, grey := c.users["ann"].ID.String(), c.practitioner("grey")
		c.must(200, "grey", patch, "/v1/practitioners/"+grey, map[string]any{
			"policy": map[string]any{"notice_seconds": 0, "cancellation_window_seconds": 0},
		}, "If-Match", "*")
		start := db.Now().Truncate(time.Hour).Add(24 * time.Hour)
		slots := c.open("grey", start.Format(time.RFC3339), start.Add(2*time.Hour).Format(time.RFC3339))
		told := func(what, id, practitioner string, kinds ...string) {
			t.Helper()
			var got []string
			for _, e := range s.told(t) {
				got = append(got, e.Type)
				if id != "" && e.Type == kinds[0] && (e.Data.ID != id || e.Data.Patient != ann || e.Data.Practitioner != practitioner) {
					t.Errorf("%s: the event is %s", what, e.raw)
				}
				if strings.Contains(e.raw, "left knee") || strings.Contains(e.raw, "example.org") {
					t.Errorf("%s: the event holds more than ids: %s", what, e.raw)
				}
			}
			slices.Sort(got)
			if slices.Sort(kinds); !slices.Equal(got, kinds) {
				t.Errorf("%s: told of %q, want %q", what, got, kinds)
			}
		}
		hold := func(i int, confirm bool) string {
			t.Helper()
			return c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[i], "reason": "left knee", "confirm": confirm}).text(t, "id")
		}
		at := func(visit, deed string) string { return "/v1/appointments/" + visit + "/" + deed }

		visit := hold(0, false)
		told("hold", visit, grey, "appointment.held")
		c.must(200, "ann", post, at(visit, "confirm"), nil)
		c.must(200, "ann", post, at(visit, "confirm"), nil)
		told("confirm, twice", visit, grey, "appointment.confirmed")
		c.must(200, "ann", post, at(visit, "reschedule"), map[string]any{"slot_id": slots[2]})
		told("move", visit, grey, "appointment.moved")
		c.must(200, "ann", post, at(visit, "cancel"), nil)
		c.must(200, "ann", post, at(visit, "cancel"), nil)
		told("cancel, twice", visit, grey, "appointment.cancelled")
		over := hold(3, false)
		s.told(t)
		sqltest.ClockOf(db).Advance(time.Hour)
		told("a hold that runs out", over, grey, "appointment.expired")
		taken, missed, documented := hold(4, true), hold(5, true), hold(6, true)
		told("book at once", "", grey, "appointment.confirmed", "appointment.confirmed", "appointment.confirmed")
		sqltest.ClockOf(db).Set(start.Add(2 * time.Hour))
		s.told(t)
		c.must(200, "grey", post, at(taken, "complete"), nil)
		c.must(200, "grey", post, at(taken, "complete"), nil)
		told("complete, twice", taken, grey, "appointment.completed")
		c.must(200, "grey", post, at(missed, "no-show"), nil)
		told("no-show", missed, grey, "appointment.no_show")
		encounter := c.must(201, "grey", post, "/v1/encounters", map[string]any{
			"patient_id": ann, "encounter_date": start.AddDate(0, 0, -1).Format(time.DateOnly), "encounter_type": "follow_up",
			"clinical_data": map[string]any{"finding": "left knee"}, "appointment_id": documented,
		}).text(t, "id")
		told("document", encounter, grey, "encounter.created", "appointment.completed")
		c.must(200, "grey", patch, "/v1/encounters/"+encounter, map[string]any{"encounter_type": "treatment_session"}, "If-Match", "*")
		told("amend", encounter, grey, "encounter.amended")
		c.must(200, "admin", post, "/v1/patients/"+ann+"/erase", nil)
		told("erase", ann, "", "patient.erased")
	})
}

func TestNothingIsToldOfABookingThatDidNotHappen(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		s := c.subscribe()
		start := db.Now().Truncate(time.Hour).Add(48 * time.Hour)
		slots := c.open("grey", start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339))
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "INSERT INTO audit_events") {
				return errors.New("broken disk")
			}
			return nil
		}
		c.must(503, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]})
		db.Observe = nil
		if all := s.told(t); len(all) != 0 {
			t.Errorf("told of a booking that was undone: %+v", all)
		}
		key := []string{"Idempotency-Key", "one"}
		c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}, key...)
		c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}, key...)
		c.refused(c.call("bob", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}, key...), 409, "slot-taken")
		if all := s.told(t); len(all) != 1 || all[0].Type != "appointment.held" {
			t.Errorf("told %+v of a hold, its repeat and a refusal, want one event", all)
		}
	})
}

func TestSecretsOfWebhooksAreShownOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		body := map[string]any{"url": "https://hooks.example/x", "kinds": []any{"order.placed"}}
		for _, o := range table() {
			if secret := o.ID == "create-webhook" || o.ID == "rotate-webhook-secret"; o.secret() != secret && o.Method == post && strings.Contains(o.ID, "webhook") {
				t.Errorf("%s makes a secret: %v, want %v", o.ID, !secret, secret)
			}
		}
		key := []string{"Idempotency-Key", "one"}
		first := c.must(201, "admin", post, "/v1/webhooks", body, key...)
		second := c.must(201, "admin", post, "/v1/webhooks", body, key...)
		if first.text(t, "id") == second.text(t, "id") || first.text(t, "secret") == second.text(t, "secret") {
			t.Error("the answer with a secret was kept for a repeat")
		}
		path := "/v1/webhooks/" + first.text(t, "id")
		rotated := c.must(200, "admin", post, path+"/rotate-secret", nil, key...)
		again := c.must(200, "admin", post, path+"/rotate-secret", nil, key...)
		read := c.must(200, "admin", get, path, nil)
		list := c.must(200, "admin", get, "/v1/webhooks?limit=10&count=true", nil)
		all := c.dump() + string(read.body) + string(list.body) + c.log.String()
		if !strings.Contains(all, "https://hooks.example/x") {
			t.Fatal("the dump lacks what is there in clear")
		}
		secrets := map[string]bool{}
		for _, r := range []reply{first, second, rotated, again} {
			secret := r.text(t, "secret")
			if secrets[secret] = true; !strings.HasPrefix(secret, "whsec_") {
				t.Errorf("%s is no secret of a webhook", secret)
			}
			for _, form := range forms(secret) {
				if strings.Contains(all, form) {
					t.Errorf("a secret is kept or shown: %s", form)
				}
			}
		}
		if len(secrets) != 4 {
			t.Errorf("%d secrets, want 4", len(secrets))
		}
		if read.Header.Get("ETag") != again.Header.Get("ETag") || read.json(t)["old_secret_until"] == nil {
			t.Errorf("read %s with tag %s, want the version of the last rotation, %s", read.body, read.Header.Get("ETag"), again.Header.Get("ETag"))
		}
		// A test may be repeated.
		test := c.must(202, "admin", post, path+"/test", nil, key...)
		if r := c.must(202, "admin", post, path+"/test", nil, key...); r.text(t, "id") != test.text(t, "id") {
			t.Error("a repeated test is another one")
		}
		if n := len(c.must(200, "admin", get, path+"/deliveries?limit=10", nil).json(t)["items"].([]any)); n != 1 {
			t.Errorf("%d deliveries, want 1", n)
		}
	})
}

func TestAnotherAddressNeedsAFreshProof(t *testing.T) {
	c := onSQLite(t)
	which := c.must(201, "admin", post, "/v1/webhooks", map[string]any{"url": "https://hooks.example/x", "kinds": []any{"order.placed"}}).text(t, "id")
	_, key, err := c.server.Auth.CreateKey(t.Context(), auth.System, auth.NewKey{Email: "admin@example.org", Scopes: []auth.Scope{auth.WebhooksWrite}})
	if err != nil {
		t.Fatal(err)
	}
	c.keys["narrow"] = key
	path := "/v1/webhooks/" + which
	c.refused(c.call("narrow", patch, path, map[string]any{"url": "https://elsewhere.example"}, "If-Match", "*"), 403, "step-up-required")
	c.must(200, "narrow", patch, path, map[string]any{"enabled": false}, "If-Match", "*")
	c.refused(c.call("narrow", patch, path, map[string]any{"kinds": []any{"webhook.test"}}, "If-Match", "*"), 422, "invalid-request")
	c.refused(c.call("admin", patch, path, map[string]any{"url": "https://10.0.0.1"}, "If-Match", "*"), 422, "invalid-webhook")
}

// TestTheDocumentHasEveryKind shows that what one can subscribe to is what there is.
func TestTheDocumentHasEveryKind(t *testing.T) {
	asJSON, _ := OpenAPI()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Items struct{ Enum []string } }
			}
		}
	}
	if err := json.Unmarshal(asJSON, &doc); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range webhooks.Kinds() {
		want = append(want, string(k))
	}
	for _, name := range []string{"NewWebhook", "WebhookChange"} {
		if got := doc.Components.Schemas[name].Properties["kinds"].Items.Enum; !slices.Equal(got, want) {
			t.Errorf("%s has the kinds %q, want %q", name, got, want)
		}
	}
}
