package web

import (
	"net/http"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestSigningInLeadsToOnesWork(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, who := range callers {
			v := c.visitor()
			v.post("/sign-in", "email", who.name+"@example.org", "password", passphrase)
			if v.cookies["__Host-medbook"] == "" {
				t.Errorf("%s got no session", who.name)
			}
			if p := v.get("/sign-in"); p.path != arrival(who.role) {
				t.Errorf("%s, signed in, is led to %s, want %s", who.name, p.path, arrival(who.role))
			}
		}
		v := c.as("ann")
		v.post("/sign-out").has(200, "You are signed out.", "Sign in")
		if v.cookies["__Host-medbook"] != "" {
			t.Error("the cookie is still there")
		}
	})
}

func TestAWrongPasswordIsToldAtTheForm(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		p := c.visitor().post("/sign-in", "email", "ann@example.org", "password", "nine small giraffes", "next", "/my/orders")
		p.has(422, "There is a problem", "The address or the password is wrong")
		p.lacks("nine small giraffes")
		if got := p.attributes("title", "x"); got != nil {
			t.Error(got)
		}
	})
}

func TestNextIsAPathOfOurs(t *testing.T) {
	for path, want := range map[string]string{
		"/my/orders?x=1": "/my/orders?x=1", "//evil.example/": "/", "https://evil.example/": "/", `/\evil.example`: "/",
		"": "/", "my": "/", "/%0d%0aX: y": "/%0d%0aX: y", "/\r\n": "/", "javascript:alert(1)": "/",
	} {
		if got := local(path, "/"); got != want {
			t.Errorf("local(%q) = %q, want %q", path, got, want)
		}
	}
}

// TestEveryPageKnowsWhoMay goes through the table: strangers are led to sign in,
// other roles are refused, and each refusal is on record.
func TestEveryPageKnowsWhoMay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		signed := map[auth.Role]*visitor{}
		for _, name := range []string{"ann", "grey", "admin", "auditor"} {
			signed[c.users[name].Role] = c.as(name)
		}
		for _, r := range c.server.routes() {
			if len(r.may) == 0 {
				continue
			}
			if p := c.visitor().send(r.method, r.path, nil); p.path == r.path || p.status != http.StatusOK {
				t.Errorf("%s %s: a stranger is not led to sign in, but to %s", r.method, r.path, p.path)
			}
			for role, v := range signed {
				if c.server.Auth == nil || (auth.Actor{Role: role}).Is(r.may...) {
					continue
				}
				if p := v.send(r.method, r.path, nil); p.status != http.StatusForbidden {
					t.Errorf("%s %s: a %s gets %d, want 403", r.method, r.path, role, p.status)
				}
			}
		}
	})
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, r := range c.server.routes() {
			if r.method != http.MethodPost {
				continue
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+r.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", "https://evil.example")
			req.Header.Set("Sec-Fetch-Site", "cross-site")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s of another site: %d, want 403", r.path, resp.StatusCode)
			}
		}
	})
}
