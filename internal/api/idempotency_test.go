package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// same fails the test unless again repeats first byte for byte.
func (c *clinic) same(first, again reply) {
	c.t.Helper()
	if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
		c.t.Errorf("Idempotency-Replayed is %q, then %q", first.Header.Get("Idempotency-Replayed"), again.Header.Get("Idempotency-Replayed"))
	}
	if first.StatusCode != again.StatusCode || string(first.body) != string(again.body) {
		c.t.Errorf("first %d %s\nagain %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	for _, name := range []string{"ETag", "Location", "Content-Type", "Content-Length", "Cache-Control", "Retry-After"} {
		if first.Header.Get(name) != again.Header.Get(name) {
			c.t.Errorf("%s is %q, then %q", name, first.Header.Get(name), again.Header.Get(name))
		}
	}
}

// TestRepeatsGetTheFirstAnswer repeats every kind of POST, those that were
// refused too.
func TestRepeatsGetTheFirstAnswer(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		greys := "/v1/practitioners/" + c.practitioner("grey")
		hold := func(by, slot string) string {
			return c.must(201, by, post, "/v1/appointments", map[string]any{"slot_id": slot}).Header.Get("Location")
		}
		held, other := hold("ann", slots[0]), hold("bob", slots[1])
		for i, tt := range []struct {
			by, path, body string
			want           int
		}{
			{"admin", "/v1/users", `{"email":"new@example.org","name":"New","role":"patient"}`, 201},
			{"admin", "/v1/users", `{"email":"ANN@example.org","name":"New","role":"patient"}`, 409},
			{"admin", "/v1/users", `{"email":"ok@example.org","name":" ","role":"patient"}`, 422},
			{"grey", greys + "/availability", `{"date":"2027-03-20","from":"08:00","to":"09:00"}`, 201},
			{"grey", greys + "/time-off", `{"date":"2027-03-16","reason":"Conference"}`, 201},
			{"grey", greys + "/slots", `{"starts_at":"2027-03-21T13:00:00Z"}`, 201},
			{"bob", "/v1/appointments", `{"slot_id":"` + slots[0] + `"}`, 409},
			{"bob", "/v1/waitlist", `{"practitioner_id":"` + c.practitioner("grey") + `","from":"2027-03-16T13:00:00Z","to":"2027-03-17T13:00:00Z"}`, 201},
			{"ann", held + "/confirm", ``, 200},
			{"grey", held + "/complete", ``, 409},
			{"ann", held + "/cancel", `{"reason":"Better"}`, 200},
		} {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			key := fmt.Sprintf("key-%d", i)
			first := c.call(tt.by, post, tt.path, body, "Idempotency-Key", key)
			again := c.call(tt.by, post, tt.path, body, "Idempotency-Key", key)
			if first.StatusCode != tt.want {
				t.Errorf("%s %s = %d %s, want %d", tt.path, tt.body, first.StatusCode, first.body, tt.want)
			}
			c.same(first, again)
			if first.Header.Get("X-Request-ID") == again.Header.Get("X-Request-ID") {
				t.Error("two requests have one id")
			}
		}
		// Whose an appointment is, is judged anew for a repeat; so this is no replay.
		for range 2 {
			c.refused(c.call("ann", post, other+"/confirm", nil, "Idempotency-Key", "k"), 404, "appointment-not-found")
		}
		list := c.must(200, "admin", get, "/v1/users?limit=200&count=true", nil).json(t)
		if want := float64(len(callers) + 1); list["total"] != want {
			t.Errorf("%v users, want %v", list["total"], want)
		}
	})
}

// TestKeysAreToldApart: by caller, by route, and from other requests.
func TestKeysAreToldApart(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		key := []string{"Idempotency-Key", strings.Repeat("k", 255)}
		hold := func(slot string) string { return `{"slot_id":"` + slot + `"}` }

		c.refused(c.call("ann", post, "/v1/appointments", `{"slot":1}`, key...), 422, "invalid-request") // not kept
		first := c.must(201, "ann", post, "/v1/appointments", hold(slots[0]), key...)
		second := c.must(201, "bob", post, "/v1/appointments", hold(slots[1]), key...)
		if second.Header.Get("Idempotency-Replayed") != "" {
			t.Error("another caller's key was taken for a repeat")
		}
		c.refused(c.call("ann", post, "/v1/appointments", hold(slots[2]), key...), 422, "idempotency-mismatch")
		c.refused(c.call("ann", post, "/v1/appointments", " "+hold(slots[0]), key...), 422, "idempotency-mismatch")
		c.same(first, c.call("ann", post, "/v1/appointments", hold(slots[0]), key...))

		third := c.must(201, "ann", post, "/v1/appointments", hold(slots[2]))
		confirmed := c.must(200, "ann", post, first.Header.Get("Location")+"/confirm", nil, key...)
		c.refused(c.call("ann", post, third.Header.Get("Location")+"/confirm", nil, key...), 422, "idempotency-mismatch")
		c.same(confirmed, c.call("ann", post, first.Header.Get("Location")+"/confirm", nil, key...))
		if got := c.must(200, "ann", get, third.Header.Get("Location"), nil).text(t, "status"); got != "held" {
			t.Errorf("the other appointment is %s, want held", got)
		}
	})
}

func TestWhatAKeyMayBe(t *testing.T) {
	c := onSQLite(t)
	for _, tt := range []struct {
		keys []string
		want int
	}{
		{[]string{"k"}, 201},
		{[]string{"!~"}, 201},
		{[]string{strings.Repeat("k", 255)}, 201},
		{[]string{strings.Repeat("k", 256)}, 422},
		{[]string{""}, 422},
		{[]string{"a b"}, 422},
		{[]string{"é"}, 422},
		{[]string{"a", "a"}, 422},
	} {
		var more []string
		for _, k := range tt.keys {
			more = append(more, "Idempotency-Key", k)
		}
		body := fmt.Sprintf(`{"practitioner_id":%q,"from":"2027-03-16T13:00:00Z","to":"2027-03-17T13:00:00Z"}`, c.practitioner("grey"))
		r := c.call("ann", post, "/v1/waitlist", body, more...)
		if r.StatusCode != tt.want {
			t.Errorf("%q: %d %s, want %d", tt.keys, r.StatusCode, r.body, tt.want)
		}
		if tt.want == 422 && !strings.Contains(string(r.body), `"location":"header.Idempotency-Key"`) {
			t.Errorf("%q: %s", tt.keys, r.body)
		}
	}
}

// TestRepeatsAtOnce sends one request several times at the same time: the work
// is done once, and everybody gets its answer or is told that it is under way.
func TestRepeatsAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		replies := make([]reply, 8)
		var wg sync.WaitGroup
		for i := range replies {
			wg.Go(func() {
				replies[i] = c.call("ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}, "Idempotency-Key", "one")
			})
		}
		wg.Wait()
		firsts, bodies := 0, map[string]bool{}
		for _, r := range replies {
			if r.StatusCode == http.StatusConflict && r.text(t, "code") == "idempotency-in-progress" {
				continue
			}
			if r.StatusCode != 201 {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			bodies[string(r.body)] = true
			if r.Header.Get("Idempotency-Replayed") == "" {
				firsts++
			}
		}
		if firsts != 1 || len(bodies) != 1 {
			t.Errorf("%d first answers and %d different ones, want 1 and 1", firsts, len(bodies))
		}
	})
}
