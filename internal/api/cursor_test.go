package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"medbook/internal/gate"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// pages follows the cursors of a list and returns the ids of its items and all
// cursors that it met.
func (c *clinic) pages(by, path, limit string) (ids, cursors []string) {
	c.t.Helper()
	next := path + "limit=" + limit
	for range 100 {
		r := c.must(200, by, get, next, nil)
		var page struct {
			Items      []struct{ ID string }
			NextCursor *string `json:"next_cursor"`
		}
		if err := json.Unmarshal(r.body, &page); err != nil {
			c.t.Fatal(err)
		}
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		link := regexp.MustCompile(`^<(.+)>; rel="next"$`).FindStringSubmatch(r.Header.Get("Link"))
		if (link == nil) != (page.NextCursor == nil) {
			c.t.Errorf("%s: Link %q, next_cursor %v", next, r.Header.Get("Link"), page.NextCursor)
		}
		if page.NextCursor == nil {
			return ids, cursors
		}
		u, err := url.Parse(link[1])
		if err != nil || u.Query().Get("cursor") != *page.NextCursor {
			c.t.Fatalf("Link %q, cursor %q", link[1], *page.NextCursor)
		}
		cursors = append(cursors, *page.NextCursor)
		next = link[1]
	}
	c.t.Fatalf("%s has no end", path)
	return nil, nil
}

func TestPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T16:00:00Z")
		c.open("brown", "2027-03-16T13:00:00Z", "2027-03-16T16:00:00Z")
		greys := "/v1/practitioners/" + c.practitioner("grey")
		c.must(200, "grey", patch, greys, `{"policy":{"max_open_holds":100}}`, "If-Match", "*")
		for _, s := range slots[:5] {
			c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": s})
			c.must(201, "ann", post, "/v1/waitlist", `{"practitioner_id":"`+c.practitioner("grey")+`","from":"2027-03-16T13:00:00Z","to":"2027-03-17T13:00:00Z"}`)
			c.must(201, "grey", post, greys+"/time-off", `{"date":"2027-04-01"}`)
		}
		for _, tt := range []struct {
			by, path string
			want     int
		}{
			{"", "/v1/slots?", 7 + 12},
			{"", "/v1/slots?specialty=physiotherapy&from=2027-03-16T13:00:00Z&to=2027-03-16T15:00:00Z&", 3 + 8},
			{"", greys + "/slots?date=2027-03-16&", 7},
			{"grey", greys + "/slots?status=any&", 12},
			{"", "/v1/practitioners?", 2},
			{"admin", "/v1/users?", len(callers)},
			{"admin", "/v1/users?role=patient&", 2},
			{"ann", "/v1/users?", 1},
			{"admin", "/v1/patients?", 2},
			{"grey", "/v1/patients?", 0},
			{"ann", "/v1/appointments?", 5},
			{"admin", "/v1/appointments?status=held&", 5},
			{"bob", "/v1/appointments?", 0},
			{"ann", "/v1/waitlist?", 5},
			{"grey", greys + "/time-off?", 5},
			{"grey", greys + "/availability?", 1},
		} {
			whole, _ := c.pages(tt.by, tt.path, "200")
			if len(whole) != tt.want {
				t.Errorf("%s by %q has %d items, want %d", tt.path, tt.by, len(whole), tt.want)
			}
			for _, limit := range []string{"1", "3"} {
				if parts, _ := c.pages(tt.by, tt.path, limit); strings.Join(parts, " ") != strings.Join(whole, " ") {
					t.Errorf("%s by %s: %v, want %v", tt.path, limit, parts, whole)
				}
			}
			r := c.must(200, tt.by, get, tt.path+"limit=1", nil)
			if tt.want == 0 && !strings.HasPrefix(string(r.body), `{"items":[],"next_cursor":null`) {
				t.Errorf("%s: %s", tt.path, r.body)
			}
			if strings.HasPrefix(tt.path, "/v1/slots?") {
				continue // a search has no count
			}
			if r := c.must(200, tt.by, get, tt.path+"limit=1&count=true", nil); r.json(t)["total"] != float64(tt.want) {
				t.Errorf("%s: total %v, want %d", tt.path, r.json(t)["total"], tt.want)
			}
		}
	})
}

// TestCursorsBelongToCallerAndFilter uses a cursor in every way but the one it
// was given for.
func TestCursorsBelongToCallerAndFilter(t *testing.T) {
	c := onSQLite(t)
	c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
	grey, brown := c.practitioner("grey"), c.practitioner("brown")
	_, cursors := c.pages("ann", "/v1/slots?practitioner_id="+grey+"&", "3")
	cursor := cursors[0]
	tests := []struct {
		name, by, path string
		want           int
	}{
		{"the same", "ann", "/v1/slots?limit=3&practitioner_id=" + grey, 200},
		{"another limit", "ann", "/v1/slots?limit=5&practitioner_id=" + grey, 200},
		{"with the count", "ann", "/v1/slots?limit=3&count=true&practitioner_id=" + grey, 200},
		{"another caller", "bob", "/v1/slots?limit=3&practitioner_id=" + grey, 422},
		{"nobody", "", "/v1/slots?limit=3&practitioner_id=" + grey, 422},
		{"another filter", "ann", "/v1/slots?limit=3&practitioner_id=" + brown, 422},
		{"one filter more", "ann", "/v1/slots?limit=3&status=available&practitioner_id=" + grey, 422},
		{"no filter", "ann", "/v1/slots?limit=3", 422},
		{"another route", "ann", "/v1/practitioners/" + grey + "/slots?limit=3", 422},
		{"another list", "ann", "/v1/appointments?limit=3&practitioner_id=" + grey, 422},
	}
	for _, tt := range tests {
		r := c.call(tt.by, get, tt.path+"&cursor="+cursor, nil)
		if r.StatusCode != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, r.StatusCode, r.body, tt.want)
		}
		if tt.want == 422 && r.text(t, "code") != "invalid-cursor" {
			t.Errorf("%s: %s", tt.name, r.body)
		}
	}
	c.open("brown", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
	_, cursors = c.pages("ann", "/v1/practitioners/"+grey+"/slots?", "3")
	c.refused(c.call("ann", get, "/v1/practitioners/"+brown+"/slots?limit=3&cursor="+cursors[0], nil), 422, "invalid-cursor")
	for i := range cursor {
		bent := []byte(cursor)
		bent[i] ^= 1
		r := c.call("ann", get, "/v1/slots?limit=3&practitioner_id="+grey+"&cursor="+url.QueryEscape(string(bent)), nil)
		if r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("with a bit of byte %d turned: %d", i, r.StatusCode)
		}
	}
}

// TestFiltersDoNotRunTogether shows that no two filters share their cursors.
func TestFiltersDoNotRunTogether(t *testing.T) {
	one := bind(&exchange{Exchange: new(gate.Exchange), path: "/v1/slots", query: url.Values{"specialty": {"x"}, "status": {"any"}}})
	other := bind(&exchange{Exchange: new(gate.Exchange), path: "/v1/slots", query: url.Values{"specialty": {"xstatusany"}}})
	if one == other {
		t.Error("two filters are bound alike")
	}
}

// TestForgedPositions seals positions that no list made; services must see that.
func TestForgedPositions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		encounter := c.encounter("grey", "ann", map[string]any{"finding": "x"})
		webhook := c.must(201, "admin", post, "/v1/webhooks", map[string]any{"url": "https://hooks.example/x", "kinds": []string{"order.placed"}}).text(t, "id")
		for _, o := range table() {
			if o.described == nil || !o.paged() {
				continue
			}
			by := "grey"
			for _, name := range []string{"auditor", "admin", "grey"} {
				if o.May.of(c.users[name].Role) != never {
					by = name
				}
			}
			id := c.practitioner("grey")
			switch {
			case strings.HasPrefix(o.Path, "/v1/patients/"):
				id = c.users["ann"].ID.String()
			case strings.HasPrefix(o.Path, "/v1/encounters/"):
				id = encounter
			case strings.HasPrefix(o.Path, "/v1/webhooks/"):
				id = webhook
			}
			path := strings.ReplaceAll(o.Path, "{id}", id)
			x := &exchange{Exchange: new(gate.Exchange), path: path, query: url.Values{}}
			x.Actor.UserID = c.users[by].ID
			for _, position := range []string{"x", ".", "1e9." + c.practitioner("grey"), "99999999999999999999.x", "1.x.y", "\x00", "\xff", strings.Repeat("9", 300), c.practitioner("grey") + "x"} {
				r := c.call(by, get, path+"?limit=5&cursor="+bind(x).seal(position), nil)
				c.refused(r, 422, "invalid-cursor")
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	var b, other binding
	other[0] = 1
	f.Add("")
	f.Add(b.seal("1803650400.0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"))
	f.Add(other.seal("x"))
	f.Add(b.seal("xy")[:13] + "R") // the same bytes, if unused bits do not count
	f.Add("AAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, text string) {
		if position, ok := b.open(text); ok && b.seal(position) != text {
			t.Errorf("open(%q) = %q, whose cursor is %q", text, position, b.seal(position))
		}
		if text == "" {
			return
		}
		if position, ok := b.open(b.seal(text)); !ok || position != text {
			t.Errorf("open(seal(%q)) = %q, %v", text, position, ok)
		}
		if position, ok := other.open(b.seal(text)); ok {
			t.Errorf("another binding opens the cursor of %q as %q", text, position)
		}
	})
}
