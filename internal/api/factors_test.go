package api

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// authenticator is an app with the secret of one account.
type authenticator struct {
	c      *clinic
	secret string
}

// code is what the app shows when its clock differs by so much from ours.
func (a authenticator) code(off time.Duration) string {
	a.c.t.Helper()
	code, err := totp.GenerateCode(a.secret, a.c.db.Now().Add(off))
	if err != nil {
		a.c.t.Fatal(err)
	}
	return code
}

// addApp adds an authenticator app in a session, and returns it with the answer.
func (c *clinic) addApp(session []string) (authenticator, reply) {
	c.t.Helper()
	offer := c.must(200, "", post, "/v1/auth/factor-options", map[string]any{"kind": "totp"}, session...)
	a := authenticator{c, offer.text(c.t, "secret")}
	body := map[string]any{"challenge": offer.text(c.t, "challenge"), "name": "phone", "code": a.code(0)}
	return a, c.must(201, "", post, "/v1/auth/factors", body, session...)
}

// logIn signs a caller in with passphrase and a code.
func (c *clinic) logIn(name, code string) reply {
	c.t.Helper()
	body := map[string]any{"email": name + "@example.org", "password": passphrase}
	if code != "" {
		body["code"] = code
	}
	return c.call("", post, "/v1/auth/login", body)
}

func TestCodesOfAnApp(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		clock := sqltest.ClockOf(db)
		access, _ := c.signIn("ann")
		other, _ := c.signIn("ann")
		app, added := c.addApp(bearer(access))
		if codes := added.json(t)["recovery_codes"].([]any); len(codes) != 10 {
			t.Errorf("%d recovery codes, want 10", len(codes))
		}
		c.refused(c.call("", get, "/status", nil, bearer(other)...), 401, "unauthenticated") // it began without the factor
		c.must(200, "", get, "/status", nil, bearer(access)...)

		c.refused(c.logIn("ann", ""), 401, "factor-required")
		c.refused(c.logIn("ann", app.code(0)), 401, "factor-refused") // the adding used it up
		clock.Advance(time.Minute)
		wrong := c.call("", post, "/v1/auth/login", map[string]any{"email": "ann@example.org", "password": another, "code": app.code(0)})
		c.refused(wrong, 401, "sign-in-failed") // says nothing of the code
		for _, off := range []time.Duration{-time.Minute, time.Minute} {
			c.refused(c.logIn("ann", app.code(off)), 401, "factor-refused")
		}
		clock.Advance(15 * time.Minute)
		for _, off := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} { // each of a later step than the one before
			if r := c.logIn("ann", app.code(off)); r.StatusCode != 200 {
				t.Errorf("a code from a clock that is off by %s = %d %s, want 200", off, r.StatusCode, r.body)
			}
		}
		c.refused(c.logIn("ann", app.code(0)), 401, "factor-refused") // older than one that was used
		if n := c.count(`SELECT COUNT(*) FROM factors WHERE last_used_at IS NOT NULL`); n != 1 {
			t.Error("nothing says when the factor was used")
		}
	})
}

func TestACodeIsGoodOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		app, added := c.addApp(bearer(access))
		recovery := added.json(t)["recovery_codes"].([]any)[3].(string)
		sqltest.ClockOf(db).Advance(time.Minute)
		for _, code := range []string{app.code(0), recovery} {
			var in atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if c.logIn("ann", code).StatusCode == 200 {
						in.Add(1)
					}
				})
			}
			wg.Wait()
			if in.Load() != 1 {
				t.Errorf("a code let %d in, want 1", in.Load())
			}
			sqltest.ClockOf(db).Advance(20 * time.Minute)
		}
		c.refused(c.logIn("ann", recovery), 401, "factor-refused")
		if n := c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail' AND payload LIKE '%recovery-used%'`); n != 1 {
			t.Errorf("told of %d used recovery codes, want 1", n)
		}
	})
}

func TestRecoveryCodesAreRenewed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		c.refused(c.call("", post, "/v1/auth/recovery-codes", nil, bearer(access)...), 404, "factor-not-found")
		_, added := c.addApp(bearer(access))
		old := added.json(t)["recovery_codes"].([]any)[0].(string)
		fresh := c.must(200, "", post, "/v1/auth/recovery-codes", nil, bearer(access)...).json(t)["recovery_codes"].([]any)
		c.refused(c.logIn("ann", old), 401, "factor-refused")
		if r := c.logIn("ann", " "+fresh[9].(string)); r.StatusCode != 200 {
			t.Errorf("a new code = %d %s, want 200", r.StatusCode, r.body)
		}
	})
}

// newPasskey makes the key of a passkey. The library leaves leading zeros of a
// coordinate out, which no authenticator does; such keys are not taken.
func newPasskey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// device is a passkey in software, at a site.
type device struct {
	c       *clinic
	site    virtualwebauthn.RelyingParty
	options virtualwebauthn.AuthenticatorOptions
	key     virtualwebauthn.Credential
}

const site = "https://clinic.example"

// newDevice makes a passkey for a caller. Passkeys are switched on by it.
func (c *clinic) newDevice(name string) *device {
	c.t.Helper()
	var err error
	if c.server.Auth.Passkeys, err = auth.NewPasskeys(site); err != nil {
		c.t.Fatal(err)
	}
	id := c.users[name].ID
	return &device{
		c: c, site: virtualwebauthn.RelyingParty{Name: "Harbour Clinic", ID: "clinic.example", Origin: site},
		options: virtualwebauthn.AuthenticatorOptions{UserHandle: id[:]}, key: newPasskey(),
	}
}

func object(t testing.TB, text string) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func publicKey(t testing.TB, offer reply) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"publicKey": offer.json(t)["public_key"]})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// enrol asks for options and answers them.
func (d *device) enrol(session []string) map[string]any {
	d.c.t.Helper()
	offer := d.c.must(200, "", post, "/v1/auth/factor-options", map[string]any{"kind": "passkey"}, session...)
	options, err := virtualwebauthn.ParseAttestationOptions(publicKey(d.c.t, offer))
	if err != nil {
		d.c.t.Fatal(err)
	}
	made := virtualwebauthn.CreateAttestationResponse(d.site, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.key, *options)
	return map[string]any{"challenge": offer.text(d.c.t, "challenge"), "name": "key", "credential": object(d.c.t, made)}
}

// answer asks for a challenge and answers it.
func (d *device) answer() map[string]any {
	d.c.t.Helper()
	offer := d.c.must(200, "", post, "/v1/auth/passkey-options", nil)
	options, err := virtualwebauthn.ParseAssertionOptions(publicKey(d.c.t, offer))
	if err != nil {
		d.c.t.Fatal(err)
	}
	said := virtualwebauthn.CreateAssertionResponse(d.site, virtualwebauthn.NewAuthenticatorWithOptions(d.options), d.key, *options)
	return map[string]any{"challenge": offer.text(d.c.t, "challenge"), "credential": object(d.c.t, said)}
}

func TestPasskeys(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		session := bearer(access)
		d := c.newDevice("ann")
		enrolment := d.enrol(session)
		added := c.must(201, "", post, "/v1/auth/factors", enrolment, session...)
		if m := added.json(t); m["kind"] != "passkey" || len(m["recovery_codes"].([]any)) != 10 {
			t.Errorf("added: %s", added.body)
		}
		c.refused(c.call("", post, "/v1/auth/factors", enrolment, session...), 422, "challenge-invalid")
		c.refused(c.call("", post, "/v1/auth/factors", d.enrol(session), session...), 422, "invalid-factor")

		logIn := func(body map[string]any) reply { return c.call("", post, "/v1/auth/passkey", body) }
		proof := d.answer()
		in := logIn(proof)
		if in.StatusCode != 200 {
			t.Fatalf("sign-in = %d %s", in.StatusCode, in.body)
		}
		me := c.must(200, "", get, "/v1/me", nil, bearer(in.text(t, "access_token"))...)
		if me.text(t, "id") != c.users["ann"].ID.String() {
			t.Errorf("signed in as %s, want ann", me.body)
		}
		c.refused(logIn(proof), 422, "challenge-invalid") // a replay
		c.refused(c.logIn("ann", ""), 401, "factor-required")
		cookie := d.answer()
		cookie["session"] = "cookie"
		if r := logIn(cookie); r.StatusCode != 200 || len(r.Cookies()) != 1 {
			t.Errorf("a browser's sign-in = %d %s with %d cookies", r.StatusCode, r.body, len(r.Cookies()))
		}
		late := d.answer()
		sqltest.ClockOf(db).Advance(5 * time.Minute)
		c.refused(logIn(late), 422, "challenge-invalid")
		if left := c.count(`SELECT COUNT(*) FROM spent_challenges`); left != 3 {
			t.Errorf("%d challenges are kept, want the 3 that were answered", left)
		}
	})
}

func TestForgedPasskeys(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		session := bearer(access)
		d := c.newDevice("ann")
		d.key.Counter = 7
		c.must(201, "", post, "/v1/auth/factors", d.enrol(session), session...)
		d.key.Counter = 8
		c.must(200, "", post, "/v1/auth/passkey", d.answer())
		bob := c.users["bob"].ID
		for name, change := range map[string]func(d *device){
			"another site's":           func(d *device) { d.site.Origin = "https://clinic.example.evil.example" },
			"another party's":          func(d *device) { d.site.ID = "evil.example" },
			"nobody was verified":      func(d *device) { d.options.UserNotVerified = true },
			"nobody was present":       func(d *device) { d.options.UserNotPresent = true },
			"another key":              func(d *device) { d.key.Key = newPasskey().Key },
			"an unknown id":            func(d *device) { d.key.ID = []byte("unknown") },
			"another user's name":      func(d *device) { d.options.UserHandle = bob[:] },
			"nobody's name":            func(d *device) { d.options.UserHandle = []byte("x") },
			"a counter that goes back": func(d *device) { d.key.Counter = 8 },
		} {
			forged := *d
			forged.key.Counter = 9
			change(&forged)
			r := c.call("", post, "/v1/auth/passkey", forged.answer())
			if r.StatusCode != 401 || r.text(t, "code") != "factor-refused" {
				t.Errorf("%s: %d %s, want 401 factor-refused", name, r.StatusCode, r.body)
			}
		}
		one, two := d.answer(), d.answer()
		two["challenge"] = one["challenge"]
		c.refused(c.call("", post, "/v1/auth/passkey", two), 401, "factor-refused")
		two["challenge"] = "00"
		c.refused(c.call("", post, "/v1/auth/passkey", two), 422, "challenge-invalid")
		offer := c.must(200, "", post, "/v1/auth/factor-options", map[string]any{"kind": "passkey"}, session...)
		one["challenge"] = offer.text(t, "challenge") // of another purpose
		c.refused(c.call("", post, "/v1/auth/passkey", one), 422, "challenge-invalid")
		c.refused(c.call("", post, "/v1/auth/passkey", map[string]any{"challenge": one["challenge"], "credential": map[string]any{}}), 422, "challenge-invalid")
		d.key.Counter = 10
		c.must(200, "", post, "/v1/auth/passkey", d.answer())
	})
}

// TestAPasskeyIsAddedByWhomItWasOfferedTo takes Bob's challenge to Ann's session.
func TestAPasskeyIsAddedByWhomItWasOfferedTo(t *testing.T) {
	c := onSQLite(t)
	c.withPassword("ann")
	c.withPassword("bob")
	ann, _ := c.signIn("ann")
	bob, _ := c.signIn("bob")
	d := c.newDevice("bob")
	body := d.enrol(bearer(bob))
	c.refused(c.call("", post, "/v1/auth/factors", body, bearer(ann)...), 422, "challenge-invalid")
	c.must(201, "", post, "/v1/auth/factors", body, bearer(bob)...)
	c.server.Auth.Passkeys = nil
	c.refused(c.call("", post, "/v1/auth/passkey-options", nil), 409, "passkeys-unavailable")
	c.refused(c.call("", post, "/v1/auth/factor-options", map[string]any{"kind": "passkey"}, bearer(ann)...), 409, "passkeys-unavailable")
}

func TestStepUpNeedsTheFactor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		session := bearer(access)
		d := c.newDevice("ann")
		app, _ := c.addApp(session)
		c.must(201, "", post, "/v1/auth/factors", d.enrol(session), session...)
		c.withPassword("bob")
		bobs, _ := c.signIn("bob")
		thief := c.newDevice("bob")
		c.must(201, "", post, "/v1/auth/factors", thief.enrol(bearer(bobs)), bearer(bobs)...)

		stepUp := func(body any) reply { return c.call("", post, "/v1/auth/step-up", body, session...) }
		create := func() reply { return c.call("", post, "/v1/api-keys", map[string]any{"name": "x"}, session...) }
		for _, proof := range []func() any{
			func() any { return map[string]any{"code": app.code(0)} },
			func() any { return d.answer() },
		} {
			sqltest.ClockOf(db).Advance(5*time.Minute + time.Second)
			session = bearer(c.must(200, "", post, "/v1/auth/passkey", d.answer()).text(t, "access_token"))
			sqltest.ClockOf(db).Advance(5*time.Minute + time.Second)
			c.refused(create(), 403, "step-up-required")
			c.refused(stepUp(map[string]any{"password": passphrase}), 409, "factor-wrong")
			c.refused(stepUp(map[string]any{}), 409, "factor-wrong")
			c.refused(stepUp(map[string]any{"code": "000000"}), 409, "factor-wrong")
			c.refused(stepUp(thief.answer()), 409, "factor-wrong")
			c.refused(create(), 403, "step-up-required")
			if r := stepUp(proof()); r.StatusCode != 204 {
				t.Fatalf("step up = %d %s", r.StatusCode, r.body)
			}
			if r := create(); r.StatusCode != 201 {
				t.Errorf("after step-up = %d %s, want 201", r.StatusCode, r.body)
			}
		}
	})
}

// TestGuessesAtCodesAreSlowedDown guesses in a session, where there is no password to guess.
func TestGuessesAtCodesAreSlowedDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		app, _ := c.addApp(bearer(access))
		sqltest.ClockOf(db).Advance(time.Minute)
		stepUp := func(code string) reply {
			return c.call("", post, "/v1/auth/step-up", map[string]any{"code": code}, bearer(access)...)
		}
		for range 5 {
			c.refused(stepUp("000000"), 409, "factor-wrong")
		}
		c.refused(stepUp(app.code(0)), 429, "too-many-tries")
		sqltest.ClockOf(db).Advance(time.Second)
		if r := stepUp(app.code(0)); r.StatusCode != 204 {
			t.Errorf("a second later = %d %s, want 204", r.StatusCode, r.body)
		}
	})
}

// TestRolesThatNeedAFactor signs in as a role that reads others' data.
func TestRolesThatNeedAFactor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("grey")
		c.withPassword("ann")
		c.server.Auth.RequireFactor = []auth.Role{auth.Practitioner, auth.Admin, auth.Auditor}
		c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T13:30:00Z")
		access, _ := c.signIn("grey")
		session := bearer(access)
		for _, o := range table() {
			r := c.call("", o.Method, strings.NewReplacer("{id}", "nope", "{file}", "problems").Replace(o.Path), nil, session...)
			refused := r.StatusCode == 403 && r.text(t, "code") == "factor-missing"
			if want := !o.May.public() && !slices.Contains(beforeFactor, o.ID); refused != want {
				t.Errorf("%s without a factor = %d %s, want refused %v", o.ID, r.StatusCode, r.body, want)
			}
			if o.ID == "log-out" || o.ID == "change-password" {
				access, _ = c.signIn("grey")
				session = bearer(access)
			}
		}
		slots := func() reply {
			return c.call("", get, "/v1/slots?limit=10&status=blocked&practitioner_id="+c.practitioner("grey"), nil, session...)
		}
		blocked := c.must(200, "grey", get, "/v1/slots?limit=10&practitioner_id="+c.practitioner("grey"), nil).json(t)["items"].([]any)[0].(map[string]any)["id"].(string)
		c.must(200, "grey", patch, "/v1/slots/"+blocked, map[string]any{"status": "blocked"}, "If-Match", "*")
		c.refused(slots(), 401, "unauthenticated") // like anybody
		_, added := c.addApp(session)
		if n := len(slots().json(t)["items"].([]any)); n != 1 {
			t.Errorf("sees %d blocked slots once the factor is there, want 1", n)
		}
		c.must(200, "", get, "/v1/appointments?limit=1", nil, session...)
		c.must(204, "", remove, "/v1/auth/factors/"+added.text(t, "id"), nil, session...)
		c.refused(c.call("", get, "/v1/appointments?limit=1", nil, session...), 403, "factor-missing")

		ann, _ := c.signIn("ann") // her role needs none
		c.must(200, "", get, "/v1/appointments?limit=1", nil, bearer(ann)...)
		c.must(200, "grey", get, "/v1/appointments?limit=1", nil) // a key has its scopes
	})
}

func TestBeforeFactorNamesOperations(t *testing.T) {
	for _, id := range beforeFactor {
		if !slices.ContainsFunc(table(), func(o *operation) bool { return o.ID == id }) {
			t.Errorf("beforeFactor has %q, which is no operation", id)
		}
	}
}

func TestFactorsAreOnesOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		c.withPassword("bob")
		access, _ := c.signIn("ann")
		session := bearer(access)
		_, added := c.addApp(session)
		id := added.text(t, "id")
		list := func(more []string) int {
			return len(c.must(200, "", get, "/v1/auth/factors?limit=10", nil, more...).json(t)["items"].([]any))
		}
		bob, _ := c.signIn("bob")
		if list(session) != 1 || list(bearer(bob)) != 0 {
			t.Error("want one factor of Ann's and none of Bob's")
		}
		c.refused(c.call("", remove, "/v1/auth/factors/"+id, nil, bearer(bob)...), 404, "factor-not-found")
		for _, key := range []string{"ann", "admin"} { // however wide the key
			c.refused(c.call(key, remove, "/v1/auth/factors/"+id, nil), 409, "session-needed")
			c.refused(c.call(key, post, "/v1/auth/factor-options", map[string]any{"kind": "totp"}), 409, "session-needed")
			c.refused(c.call(key, post, "/v1/auth/recovery-codes", nil), 409, "session-needed")
		}
		sqltest.ClockOf(db).Advance(5*time.Minute + time.Second)
		c.refused(c.call("", remove, "/v1/auth/factors/"+id, nil, session...), 403, "step-up-required")
		c.refused(c.call("", post, "/v1/auth/factor-options", map[string]any{"kind": "totp"}, session...), 403, "step-up-required")
		if n := c.count(`SELECT COUNT(*) FROM recovery_codes`); n != 10 {
			t.Errorf("%d recovery codes are kept, want 10", n)
		}
		if err := c.server.Auth.ResetFactors(t.Context(), auth.System, "ann@example.org"); err != nil {
			t.Fatal(err)
		}
		c.refused(c.call("", get, "/status", nil, session...), 401, "unauthenticated")
		if err := c.server.Auth.EndSessionsOf(t.Context(), auth.System, "bob@example.org"); err != nil {
			t.Fatal(err)
		}
		c.refused(c.call("", get, "/status", nil, bearer(bob)...), 401, "unauthenticated")
		if n := c.count(`SELECT COUNT(*) FROM recovery_codes`) + c.count(`SELECT COUNT(*) FROM factors`); n != 0 {
			t.Errorf("%d rows are left of Ann's factors", n)
		}
		if r := c.logIn("ann", ""); r.StatusCode != 200 {
			t.Errorf("after the reset = %d %s, want 200", r.StatusCode, r.body)
		}
	})
}

// TestFactorsAreSealed looks for the secret of a TOTP in the database.
func TestFactorsAreSealed(t *testing.T) {
	c := onSQLite(t)
	c.withPassword("ann")
	c.withPassword("bob")
	access, _ := c.signIn("ann")
	app, _ := c.addApp(bearer(access))
	if n := c.count(`SELECT COUNT(*) FROM factors WHERE instr(sealed, CAST($1 AS BLOB)) > 0`, app.secret); n != 0 {
		t.Error("the secret can be read in the database")
	}
	// A factor that is moved to another user by hand is worth nothing.
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE factors SET user_id = $1`, c.users["bob"].ID)
		return err
	})
	sqltest.ClockOf(c.db).Advance(time.Minute)
	if r := c.logIn("bob", app.code(0)); r.StatusCode != 500 {
		t.Errorf("a factor of another user's = %d %s, want 500", r.StatusCode, r.body)
	}
}

// TestAuthenticatorsAreToldTheClinicsName shows that a name that is set while the
// server runs is the one of the next offer.
func TestAuthenticatorsAreToldTheClinicsName(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.newDevice("ann")
		c.server.Auth.Clinic = func(ctx context.Context, tx *sqldb.Tx) (string, error) { return directory.ClinicName(ctx, tx, "") }
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		session := bearer(access)
		for _, want := range []string{"Medbook", "Harbour Clinic"} {
			if want != "Medbook" {
				if _, err := c.server.Directory.ChangeClinic(t.Context(), auth.System, "*", directory.ClinicChange{Name: &want}); err != nil {
					t.Fatal(err)
				}
			}
			uri, err := url.Parse(c.must(200, "", post, "/v1/auth/factor-options", map[string]any{"kind": "totp"}, session...).text(t, "uri"))
			if err != nil || uri.Query().Get("issuer") != want {
				t.Errorf("the issuer in %v, %v, want %q", uri, err, want)
			}
			offer := c.must(200, "", post, "/v1/auth/factor-options", map[string]any{"kind": "passkey"}, session...)
			if key := publicKey(t, offer); !strings.Contains(key, `"rp":{"id":"clinic.example","name":"`+want+`"}`) {
				t.Errorf("the passkey is asked for by %s, want %q", key, want)
			}
		}
	})
}
