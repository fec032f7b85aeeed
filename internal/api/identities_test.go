package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/federation"
	"medbook/internal/federation/federationtest"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// hospital is an identity provider at which people of the clinic sign in.
type hospital struct {
	*federationtest.Issuer
	c *clinic
}

// newHospital starts one and tells the server of it, after change.
func (c *clinic) newHospital(change func(*federation.Issuer)) hospital {
	c.t.Helper()
	h := hospital{federationtest.New(c.t, "hospital", c.db.Now), c}
	config := h.Config()
	if change != nil {
		change(&config)
	}
	c.server.Auth.Federation = &federation.Service{Issuers: []federation.Issuer{config}, Now: c.db.Now}
	c.server.Auth.Provision = c.server.Directory.Provision
	c.server.Auth.PublicURL = site
	return h
}

// visit goes where a departure leads, signs in there, and returns what the
// browser comes back with.
func (h hospital) visit(departure reply) map[string]any {
	h.c.t.Helper()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(departure.text(h.c.t, "url"))
	if err != nil {
		h.c.t.Fatal(err)
	}
	resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Scheme+"://"+back.Host+back.Path != site+"/account/sign-in" {
		h.c.t.Fatalf("came back to %q", resp.Header.Get("Location"))
	}
	q := back.Query()
	return map[string]any{
		"challenge": departure.text(h.c.t, "challenge"), "state": q.Get("state"), "code": q.Get("code"), "iss": q.Get("iss"),
	}
}

// arrival visits the hospital for a sign-in.
func (h hospital) arrival() map[string]any {
	h.c.t.Helper()
	return h.visit(h.c.must(200, "", post, "/v1/auth/provider-options", map[string]any{"provider": "hospital"}))
}

// signIn visits the hospital and shows the server what came of it.
func (h hospital) signIn() reply {
	h.c.t.Helper()
	return h.c.call("", post, "/v1/auth/provider", h.arrival())
}

// connect connects a caller, who has a session, with who signs in there.
func (h hospital) connect(session []string) reply {
	h.c.t.Helper()
	departure := h.c.must(200, "", post, "/v1/auth/identity-options", map[string]any{"provider": "hospital"}, session...)
	return h.c.call("", post, "/v1/auth/identities", h.visit(departure), session...)
}

// known connects the caller of that name with the hospital's subject of that name.
func (h hospital) known(name string) []string {
	h.c.t.Helper()
	h.c.withPassword(name)
	access, _ := h.c.signIn(name)
	h.SignIn(federationtest.Map{"sub": name + "-user", "email": name + "@hospital.example"})
	if r := h.connect(bearer(access)); r.StatusCode != 204 {
		h.c.t.Fatalf("connect = %d %s", r.StatusCode, r.body)
	}
	return bearer(access)
}

func TestPeopleOfAnIdentityProvider(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(func(i *federation.Issuer) { i.Provision = false })
		c.must(200, "", get, "/v1/auth/providers?limit=10", nil)
		c.refused(h.signIn(), 401, "identity-refused") // nobody here
		session := h.known("ann")
		list := c.must(200, "", get, "/v1/auth/identities?limit=10", nil, session...).json(t)["items"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["provider"] != "hospital" {
			t.Fatalf("identities: %v", list)
		}
		c.refused(h.connect(session), 409, "identity-taken")

		in := h.signIn()
		if in.StatusCode != 200 {
			t.Fatalf("sign-in = %d %s", in.StatusCode, in.body)
		}
		for _, token := range []string{in.text(t, "access_token"), h.Mint("RS256", db.Now(), nil)} {
			if me := c.must(200, "", get, "/v1/me", nil, bearer(token)...); me.text(t, "id") != c.users["ann"].ID.String() {
				t.Errorf("is %s, want ann", me.body)
			}
		}
		token := bearer(h.Mint("ES256", db.Now(), nil))
		c.refused(c.call("", post, "/v1/api-keys", map[string]any{"name": "x"}, token...), 403, "step-up-required")
		c.refused(c.call("", post, "/v1/auth/step-up", map[string]any{"password": passphrase}, token...), 409, "session-needed")

		id := list[0].(map[string]any)["id"].(string)
		c.withPassword("bob")
		bob, _ := c.signIn("bob")
		c.refused(c.call("", remove, "/v1/auth/identities/"+id, nil, bearer(bob)...), 404, "identity-not-found")
		c.must(204, "", remove, "/v1/auth/identities/"+id, nil, session...)
		c.refused(c.call("", get, "/v1/me", nil, token...), 401, "unauthenticated")
		c.refused(h.signIn(), 401, "identity-refused")
		c.must(200, "", get, "/v1/me", nil, session...)
		if n := c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail' AND payload LIKE '%identity-changed%'`); n != 2 {
			t.Errorf("told %d times, want 2", n)
		}
	})
}

var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

// TestForgedTokens shows every forged token to the server. Each gets the same answer.
func TestForgedTokens(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(func(i *federation.Issuer) { i.Roles = nil })
		h.known("ann")
		for _, tt := range h.Good(db.Now()) {
			if tt.Name == "subject of 255" { // not Ann
				continue
			}
			if r := c.call("", get, "/v1/me", nil, bearer(tt.Token)...); r.StatusCode != 200 {
				t.Errorf("%s: %d %s, want 200", tt.Name, r.StatusCode, r.body)
			}
		}
		forged := h.Forged(t, db.Now(), federationtest.New(t, "another", db.Now))
		if len(forged) < 80 {
			t.Errorf("only %d forged tokens", len(forged))
		}
		want := requestIDs.ReplaceAllString(string(c.call("", get, "/v1/me", nil, bearer("mba_x")...).body), "")
		for _, tt := range forged {
			req, w := httptest.NewRequest(get, "/v1/me", nil), httptest.NewRecorder()
			req.Header["Authorization"] = []string{"Bearer " + tt.Token} // also what no client would send
			c.handler.ServeHTTP(w, req)
			if got := requestIDs.ReplaceAllString(w.Body.String(), ""); w.Code != 401 || got != want {
				t.Errorf("%s: %d %s, want 401 %s", tt.Name, w.Code, got, want)
			}
		}
		if lured := h.Lured(); len(lured) > 0 {
			t.Errorf("keys were asked of the attacker: %q", lured)
		}
	})
}

// TestTokensOfIssuersWithoutATypeOfTheirOwn takes plain JWTs where the operator
// says that the issuer makes no others, and no ID token even then.
func TestTokensOfIssuersWithoutATypeOfTheirOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(func(i *federation.Issuer) { i.TokenType = "JWT" })
		h.known("ann")
		plain := h.IDToken(db.Now(), "n", federationtest.Map{"nonce": nil, "aud": federationtest.Audience})
		c.must(200, "", get, "/v1/me", nil, bearer(plain)...)
		c.must(200, "", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...)
		for name, change := range map[string]federationtest.Map{
			"an ID token": {}, "one without nonce": {"nonce": nil}, "for both": {"aud": []string{federationtest.ClientID, federationtest.Audience}},
			"with a nonce": {"aud": federationtest.Audience}, "with at_hash": {"nonce": nil, "at_hash": "x", "aud": federationtest.Audience},
		} {
			if r := c.call("", get, "/v1/me", nil, bearer(h.IDToken(db.Now(), "n", change))...); r.StatusCode != 401 {
				t.Errorf("%s: %d %s, want 401", name, r.StatusCode, r.body)
			}
		}
	})
}

func TestAnAddressConnectsNobody(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		users := c.count(`SELECT COUNT(*) FROM users`)
		h.SignIn(federationtest.Map{"sub": "thief", "email": "ann@example.org"})
		c.refused(h.signIn(), 401, "identity-refused")
		if n := c.count(`SELECT COUNT(*) FROM identities`) + c.count(`SELECT COUNT(*) FROM users`) - users; n != 0 {
			t.Errorf("%d rows were made", n)
		}
	})
}

func TestNewPeopleOfAnIdentityProvider(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		for name, person := range map[string]federationtest.Map{
			"an address that is not verified": {"email_verified": false},
			"no address":                      {"email": nil},
			"an address that is none":         {"email": "x"},
			"no name":                         {"name": nil},
			"no role":                         {"roles": []string{}},
			"a role that is not mapped":       {"roles": []string{"admin", "patient"}},
			"two roles":                       {"roles": []string{"clinic-patient", "clinic-staff"}},
		} {
			h.SignIn(federationtest.Map{"sub": "new", "email": "new@example.org", "email_verified": true, "name": "New", "roles": []string{"clinic-patient"}})
			h.SignIn(person)
			if r := h.signIn(); r.StatusCode != 401 || r.text(t, "code") != "identity-refused" {
				t.Errorf("%s: %d %s, want 401 identity-refused", name, r.StatusCode, r.body)
			}
		}
		for i, tt := range []struct{ theirs, ours string }{{"clinic-patient", "patient"}, {"clinic-doctor", "practitioner"}, {"clinic-staff", "admin"}} {
			h.SignIn(federationtest.Map{"sub": tt.ours, "email": tt.ours + "@new.example", "email_verified": true, "name": "New", "roles": []string{tt.theirs, "unknown"}})
			for range 2 { // the second time they are known
				r := h.signIn()
				if r.StatusCode != 200 {
					t.Fatalf("%s = %d %s", tt.theirs, r.StatusCode, r.body)
				}
				me := c.must(200, "", get, "/v1/me", nil, bearer(r.text(t, "access_token"))...)
				if me.text(t, "role") != tt.ours || me.text(t, "email") != tt.ours+"@new.example" {
					t.Errorf("%s made %s", tt.theirs, me.body)
				}
			}
			if n := c.count(`SELECT COUNT(*) FROM identities`); n != i+1 {
				t.Errorf("%d identities, want %d", n, i+1)
			}
		}
	})
}

// TestNewPeopleAtOnce signs one new person in twice at the same time.
func TestNewPeopleAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		h.SignIn(federationtest.Map{"sub": "new", "email": "new@example.org", "roles": []string{"clinic-patient"}})
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 3 {
			back := h.arrival()
			wg.Go(func() {
				if c.call("", post, "/v1/auth/provider", back).StatusCode == 200 {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if n := c.count(`SELECT COUNT(*) FROM users WHERE email = 'new@example.org'`); n != 1 || in.Load() != 3 {
			t.Errorf("%d users were made and %d let in, want 1 and 3", n, in.Load())
		}
	})
}

// TestATokenDoesWhatItsScopeSays shows tokens that were made for less than Ann may.
func TestATokenDoesWhatItsScopeSays(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		h.known("ann")
		for _, tt := range []struct {
			scope                     any
			me, appointments, makeKey int
		}{
			{nil, 200, 200, 403},
			{"openid appointments:read", 200, 200, 403},
			{"all", 200, 200, 403},
			{"openid profile", 200, 403, 403},
			{"appointments:write step-up:keys account:write", 200, 403, 403},
			{"", 200, 403, 403},
			{[]string{"appointments:read"}, 200, 403, 403},
			{1, 200, 403, 403},
		} {
			change := federationtest.Map{}
			if tt.scope != nil {
				change["scope"] = tt.scope
			}
			token := bearer(h.Mint("RS256", db.Now(), change))
			me := c.call("", get, "/v1/me", nil, token...).StatusCode
			appointments := c.call("", get, "/v1/appointments?limit=1", nil, token...).StatusCode
			makeKey := c.call("", post, "/v1/api-keys", map[string]any{"name": "x"}, token...).StatusCode
			if me != tt.me || appointments != tt.appointments || makeKey != tt.makeKey {
				t.Errorf("scope %v: %d, %d, %d; want %d, %d, %d", tt.scope, me, appointments, makeKey, tt.me, tt.appointments, tt.makeKey)
			}
		}
	})
}

func TestARoleThatIsLostAtTheProvider(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		h.known("ann")
		for _, roles := range [][]string{{}, {"clinic-staff"}, {"patient"}} {
			h.SignIn(federationtest.Map{"roles": roles})
			c.refused(h.signIn(), 401, "identity-refused")
			c.refused(c.call("", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...), 401, "unauthenticated")
		}
		h.SignIn(federationtest.Map{"roles": []string{"clinic-patient", "clinic-staff"}})
		if r := h.signIn(); r.StatusCode != 200 { // she is a patient here, whatever else she is there
			t.Errorf("with her role again = %d %s", r.StatusCode, r.body)
		}
	})
}

// TestForgedReturns comes back from the provider with something changed.
func TestForgedReturns(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		session := h.known("ann")
		signIn := func(back map[string]any) reply { return c.call("", post, "/v1/auth/provider", back) }
		with := func(back map[string]any, field, value any) map[string]any {
			back[field.(string)] = value
			return back
		}
		other := h.arrival()
		for name, back := range map[string]map[string]any{
			"another state":           with(h.arrival(), "state", "x"),
			"no code":                 with(h.arrival(), "code", ""),
			"an unknown code":         with(h.arrival(), "code", "code-999"),
			"another's code":          with(h.arrival(), "code", other["code"]),
			"another issuer":          with(h.arrival(), "iss", "https://evil.example"),
			"an issuer that is quiet": with(h.arrival(), "iss", ""),
		} {
			if r := signIn(back); r.StatusCode != 401 || r.text(t, "code") != "identity-refused" {
				t.Errorf("%s: %d %s, want 401 identity-refused", name, r.StatusCode, r.body)
			}
		}
		mine, yours := h.arrival(), h.arrival()
		mine["challenge"] = yours["challenge"] // of another browser
		c.refused(signIn(mine), 401, "identity-refused")

		once := h.arrival()
		if r := signIn(once); r.StatusCode != 200 {
			t.Fatalf("sign-in = %d %s", r.StatusCode, r.body)
		}
		if r := signIn(once); r.StatusCode == 200 {
			t.Error("a return is good twice")
		}
		late := h.arrival()
		sqltest.ClockOf(db).Advance(4 * time.Minute)
		c.refused(c.call("", post, "/v1/auth/identities", h.arrival(), session...), 422, "challenge-invalid") // it was for a sign-in
		c.withPassword("bob")
		bob, _ := c.signIn("bob")
		departure := c.must(200, "", post, "/v1/auth/identity-options", map[string]any{"provider": "hospital"}, bearer(bob)...)
		h.SignIn(federationtest.Map{"sub": "thief"})
		c.refused(c.call("", post, "/v1/auth/identities", h.visit(departure), session...), 422, "challenge-invalid") // it was Bob's
		sqltest.ClockOf(db).Advance(time.Minute)
		c.refused(signIn(late), 422, "challenge-invalid")

		h.Spoil(federationtest.Map{"nonce": "x"})
		c.refused(h.signIn(), 401, "identity-refused")
		h.Spoil(federationtest.Map{"aud": "another-client"})
		c.refused(h.signIn(), 401, "identity-refused")
		h.Spoil(nil)
		sqltest.ClockOf(db).Advance(time.Minute)
		c.refused(c.call("", post, "/v1/auth/identity-options", map[string]any{"provider": "hospital"}, session...), 403, "step-up-required")
		c.refused(c.call("", post, "/v1/auth/provider-options", map[string]any{"provider": "nowhere"}), 404, "identity-provider-not-found")
		c.refused(c.call("ann", post, "/v1/auth/identity-options", map[string]any{"provider": "hospital"}), 409, "session-needed")
	})
}

// TestAProviderWithoutASecondFactor lets people who need one do nothing much
// until they show it here.
func TestAProviderWithoutASecondFactor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(nil)
		session := h.known("ann")
		sqltest.ClockOf(db).Advance(time.Minute)
		app, _ := c.addApp(session)
		sqltest.ClockOf(db).Advance(time.Minute)
		in := h.signIn()
		access := bearer(in.text(t, "access_token"))
		c.refused(c.call("", get, "/v1/appointments?limit=1", nil, access...), 403, "factor-missing")
		c.refused(c.call("", get, "/v1/appointments?limit=1", nil, bearer(h.Mint("RS256", db.Now(), nil))...), 403, "factor-missing")
		// Nor can they add a factor of their own in the place of the one that they lack.
		c.refused(c.call("", post, "/v1/auth/factor-options", map[string]any{"kind": "totp"}, access...), 403, "step-up-required")
		c.refused(c.call("", post, "/v1/auth/factors", map[string]any{"challenge": "x", "name": "x", "code": "x"}, access...), 403, "step-up-required")
		c.refused(c.call("", post, "/v1/auth/step-up", map[string]any{"password": passphrase}, access...), 409, "factor-wrong")
		c.must(204, "", post, "/v1/auth/step-up", map[string]any{"code": app.code(0)}, access...)
		c.must(200, "", get, "/v1/appointments?limit=1", nil, access...)

		strong := c.newHospital(func(i *federation.Issuer) { i.SecondFactor = true })
		c.update(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE identities SET issuer = $1`, strong.URL)
			return err
		})
		strong.SignIn(federationtest.Map{"sub": "ann-user"})
		access = bearer(strong.signIn().text(t, "access_token"))
		c.must(200, "", get, "/v1/appointments?limit=1", nil, access...)
		c.must(200, "", get, "/v1/appointments?limit=1", nil, bearer(strong.Mint("RS256", db.Now(), nil))...)
	})
}

func TestAProviderThatIsDownOrRotatesItsKeys(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.newHospital(func(i *federation.Issuer) { i.Roles = map[string]string{"clinic-doctor": string(auth.Practitioner)} })
		h.SignIn(federationtest.Map{"roles": []string{"clinic-doctor"}})
		h.known("grey")
		c.must(200, "", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...)
		h.Rotate(t, "next")
		sqltest.ClockOf(db).Advance(11 * time.Second)
		c.must(200, "", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...)
		if r := h.signIn(); r.StatusCode != 200 {
			t.Errorf("sign-in after the rotation = %d %s", r.StatusCode, r.body)
		}
		h.Break(true)
		sqltest.ClockOf(db).Advance(2 * time.Hour)
		down := c.call("", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...)
		c.refused(down, 503, "identity-provider-unavailable")
		c.must(200, "grey", get, "/v1/me", nil) // others are not hurt
		h.Break(false)
		sqltest.ClockOf(db).Advance(11 * time.Second)
		c.must(200, "", get, "/v1/me", nil, bearer(h.Mint("RS256", db.Now(), nil))...)
	})
}
