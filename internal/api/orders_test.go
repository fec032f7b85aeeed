package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// order orders a kit for a user, and returns the order's id.
func (c *clinic) order(of string) string {
	c.t.Helper()
	return c.must(201, "admin", post, "/v1/orders", orderFor(c.users[of].ID.String())).text(c.t, "id")
}

// TestAnOrdersWay takes an order from its placing to its end, and repeats each step.
func TestAnOrdersWay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, body := c.users["ann"].ID.String(), orderFor(c.users["ann"].ID.String())
		made := c.must(201, "admin", post, "/v1/orders", body)
		path := "/v1/orders/" + made.text(t, "id")
		if made.Header.Get("Location") != path || made.Header.Get("ETag") == "" || made.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("made: %v", made.Header)
		}
		want := map[string]any{
			"id": made.text(t, "id"), "user_id": ann, "kit_type": "genotyping-array", "status": "placed", "shipping": body["shipping"],
			"created_at": "2027-03-13T14:00:00Z", "created_by": c.users["admin"].ID.String(), "updated_at": "2027-03-13T14:00:00Z",
		}
		if diff := cmp.Diff(want, made.json(t)); diff != "" {
			t.Errorf("made (-want +got):\n%s", diff)
		}
		if r := c.must(200, "ann", get, path, nil); string(r.body) != string(made.body) || r.Header.Get("ETag") != made.Header.Get("ETag") {
			t.Errorf("Ann reads %s, want %s", r.body, made.body)
		}
		c.must(304, "ann", get, path, nil, "If-None-Match", made.Header.Get("ETag"))
		c.refused(c.call("bob", get, path, nil), 404, "order-not-found")
		c.refused(c.call("admin", post, path+"/receive", nil), 409, "illegal-order-transition")
		for _, step := range []struct{ verb, status string }{{"dispatch", "dispatched"}, {"receive", "sample_received"}, {"complete", "completed"}} {
			sqltest.ClockOf(db).Advance(time.Minute)
			c.refused(c.call("ann", post, path+"/"+step.verb, nil), 403, "forbidden")
			first := c.must(200, "admin", post, path+"/"+step.verb, nil)
			again := c.must(200, "admin", post, path+"/"+step.verb, nil)
			if first.text(t, "status") != step.status || string(first.body) != string(again.body) || first.Header.Get("ETag") != again.Header.Get("ETag") {
				t.Errorf("%s = %s, then %s", step.verb, first.body, again.body)
			}
		}
		c.refused(c.call("admin", post, path+"/cancel", nil), 409, "illegal-order-transition")
		c.refused(c.call("admin", post, path+"/dispatch", nil), 409, "illegal-order-transition")
		c.must(200, "admin", get, path, nil, "If-None-Match", made.Header.Get("ETag"))
	})
}

// TestWrongOrdersAreRefused, and nothing is kept of them, nor anybody told.
func TestWrongOrdersAreRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.noMail()
		const marker = "marker5551234567"
		with := func(field string, value any) map[string]any {
			body := orderFor(c.users["ann"].ID.String())
			at := body
			if name, ok := strings.CutPrefix(field, "shipping."); ok {
				at, field = body["shipping"].(map[string]any), name
			}
			at[field] = value
			if value == nil {
				delete(at, field)
			}
			return body
		}
		for _, tt := range []struct {
			field string
			value any
			code  string
		}{
			{"kit_type", "ancestry-" + marker, "invalid-request"},
			{"kit_type", nil, "invalid-request"},
			{"notification_channel", "fax", "invalid-request"},
			{"notification_channel", "", "invalid-request"},
			{"notification_channel", "off", "invalid-request"},
			{"shipping", nil, "invalid-request"},
			{"shipping", marker, "invalid-request"},
			{"shipping.name", nil, "invalid-request"},
			{"shipping.name", "  ", "invalid-order"},
			{"shipping.name", marker + "\n", ""}, // space around it is taken away
			{"shipping.line1", marker + "\nx", "invalid-order"},
			{"shipping.city", strings.Repeat("x", 101), "invalid-request"},
			{"shipping.country", "Germany", "invalid-request"},
			{"shipping.country", "de", "invalid-request"},
			{"shipping.country", "XX", "invalid-order"},
			{"shipping." + marker, "x", "invalid-request"},
			{"status", "completed", "invalid-request"},
		} {
			r := c.call("admin", post, "/v1/orders", with(tt.field, tt.value))
			if tt.code == "" {
				if r.StatusCode != 201 {
					t.Errorf("%s = %d %s, want 201", tt.field, r.StatusCode, r.body)
				}
				continue
			}
			c.refused(r, 422, tt.code)
			var p problem
			if err := json.Unmarshal(r.body, &p); err != nil {
				t.Fatal(err)
			}
			where := "body." + tt.field
			if len(p.Errors) == 0 || !strings.HasPrefix(where, p.Errors[0].Location) || strings.Contains(string(r.body), marker) {
				t.Errorf("%s %v: %s, want a word on %s and nothing of what it held", tt.field, tt.value, r.body, where)
			}
		}
		c.refused(c.call("admin", post, "/v1/orders", orderFor("0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21")), 404, "user-not-found")
		c.refused(c.call("grey", post, "/v1/orders", orderFor(c.users["ann"].ID.String())), 403, "forbidden")
		if n, told := c.count(`SELECT COUNT(*) FROM orders`), c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'notify.event'`); n != 1 || told != 1 {
			t.Errorf("%d orders and %d messages, want the one that was right", n, told)
		}
	})
}

// TestARepeatOrdersOneKit sends the same order twice with one key.
func TestARepeatOrdersOneKit(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		r := &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		c.server.Notify.Work(r)
		c.noMail()
		ann := c.users["ann"].ID.String()
		body, key := orderFor(ann), []string{"Idempotency-Key", "once"}
		first := c.must(201, "admin", post, "/v1/orders", body, key...)
		again := c.must(201, "admin", post, "/v1/orders", body, key...)
		if string(first.body) != string(again.body) || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("repeated: %s, want %s", again.body, first.body)
		}
		if _, err := r.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, text := c.items("admin", "/v1/notifications?limit=10&user_id="+ann)
		if n := c.count(`SELECT COUNT(*) FROM orders`); n != 1 || len(list) != 1 || list[0]["kind"] != "order-placed" {
			t.Errorf("%d orders, messages %s, want one of each", n, text)
		}
		path := "/v1/orders/" + first.text(t, "id") + "/dispatch"
		c.must(200, "admin", post, path, nil, key...)
		c.must(200, "admin", post, "/v1/patients/"+ann+"/erase", nil)
		for _, r := range []reply{c.call("admin", post, "/v1/orders", body, key...), c.call("admin", post, path, nil, key...)} {
			if r.StatusCode != 404 || strings.Contains(string(r.body), "Main Street") {
				t.Errorf("repeated for who is erased: %d %s, want 404", r.StatusCode, r.body)
			}
		}
	})
}

// TestUsersCarryTheirOrders, the newest first and without where they go.
func TestUsersCarryTheirOrders(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.users["ann"].ID.String()
		first, second := c.order("ann"), c.order("ann")
		c.order("bob")
		c.must(200, "admin", post, "/v1/orders/"+first+"/cancel", nil)
		want := []any{
			map[string]any{"id": second, "kit_type": "genotyping-array", "status": "placed", "created_at": "2027-03-13T14:00:00Z", "updated_at": "2027-03-13T14:00:00Z"},
			map[string]any{"id": first, "kit_type": "genotyping-array", "status": "cancelled", "created_at": "2027-03-13T14:00:00Z", "updated_at": "2027-03-13T14:00:00Z"},
		}
		ordersOf := func(by, who string) any {
			items, _ := c.items(by, "/v1/users?limit=200")
			for _, u := range items {
				if u["id"] == c.users[who].ID.String() {
					return u["orders"]
				}
			}
			return nil
		}
		for _, by := range []string{"admin", "ann"} {
			if diff := cmp.Diff(any(want), ordersOf(by, "ann")); diff != "" {
				t.Errorf("the list for %s (-want +got):\n%s", by, diff)
			}
			if diff := cmp.Diff(any(want), c.must(200, by, get, "/v1/users/"+ann, nil).json(t)["orders"]); diff != "" {
				t.Errorf("the user for %s (-want +got):\n%s", by, diff)
			}
			changed := c.must(200, by, patch, "/v1/users/"+ann, map[string]any{"phone": "1"}, "If-Match", "*")
			if diff := cmp.Diff(any(want), changed.json(t)["orders"]); diff != "" {
				t.Errorf("changed by %s (-want +got):\n%s", by, diff)
			}
		}
		if diff := cmp.Diff(any([]any{}), ordersOf("grey", "grey")); diff != "" {
			t.Errorf("who has no orders (-want +got):\n%s", diff)
		}
		if n := len(ordersOf("admin", "bob").([]any)); n != 1 {
			t.Errorf("Bob has %d orders, want 1", n)
		}
		made := c.must(201, "admin", post, "/v1/users", map[string]any{"email": "new@example.org", "name": "New", "role": "patient"})
		if diff := cmp.Diff(any([]any{}), made.json(t)["orders"]); diff != "" {
			t.Errorf("who is new (-want +got):\n%s", diff)
		}
	})
}

// TestTheListOfUsersAsksNoMoreForMore counts the statements for one user, and for
// fifty, each with an order.
func TestTheListOfUsersAsksNoMoreForMore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for i := range 50 {
			name := fmt.Sprintf("patient%d", i)
			u, err := c.server.Directory.CreateUser(t.Context(), auth.System, directory.NewUser{
				Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: auth.Patient,
			})
			if err != nil {
				t.Fatal(err)
			}
			c.users[name] = u
			c.order(name)
		}
		asked := func(limit int) int64 {
			var n atomic.Int64
			db.Observe = func(context.Context, string) error {
				n.Add(1)
				return nil
			}
			items, text := c.items("admin", fmt.Sprintf("/v1/users?role=patient&limit=%d", limit))
			db.Observe = nil
			if n := strings.Count(text, "genotyping-array"); len(items) != limit || n < limit {
				t.Errorf("%d users with %d orders, want %d of both", len(items), n, limit)
			}
			return n.Load()
		}
		c.order("ann")
		c.order("bob")
		if one, fifty := asked(1), asked(50); one != fifty {
			t.Errorf("%d statements for one user, %d for fifty, want as many", one, fifty)
		}
	})
}

// TestACopyHasTheOrders: a patient's copy of their data, and what is left of it.
func TestACopyHasTheOrders(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.users["ann"].ID.String()
		order := c.order("ann")
		bobs := c.order("bob")
		r := c.must(200, "ann", get, "/v1/patients/"+ann+"/export", nil)
		list := r.json(t)["orders"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["id"] != order || strings.Contains(string(r.body), bobs) {
			t.Errorf("the copy has the orders %v, want Ann's", list)
		}
		page := string(c.must(200, "ann", get, "/v1/patients/"+ann+"/export/page", nil).body)
		if !strings.Contains(page, "genotyping-array") || !strings.Contains(page, "Ann Example, 1 Main Street, 10001 New York, US") {
			t.Errorf("the page lacks the order:\n%s", page)
		}
		c.must(200, "admin", post, "/v1/patients/"+ann+"/erase", nil)
		left := c.must(200, "admin", get, "/v1/orders/"+order, nil)
		if left.json(t)["shipping"] != nil || left.text(t, "status") != "placed" {
			t.Errorf("after the erasure: %s, want it without where it goes", left.body)
		}
		if n := c.count(`SELECT COUNT(*) FROM orders WHERE shipping IS NOT NULL`); n != 1 {
			t.Errorf("%d orders have an address, want Bob's", n)
		}
	})
}
