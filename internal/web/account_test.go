package web

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"medbook/internal/auth"
	"medbook/internal/notify"
	listing "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// attribute is that of the only element of a page that has it.
func (p shown) attribute(element, name string) string {
	p.t.Helper()
	all := p.attributes(element, name)
	if len(all) != 1 {
		p.t.Fatalf("%s has %d elements %s with %s", p.path, len(all), element, name)
	}
	return all[0]
}

// linkTo is the address of the only link of a page that matches.
func (p shown) linkTo(pattern string) string {
	p.t.Helper()
	var found []string
	for _, href := range append(p.attributes("a", "href"), p.attributes("form", "action")...) {
		if regexp.MustCompile("^" + pattern + "$").MatchString(href) {
			found = append(found, href)
		}
	}
	if len(found) != 1 {
		p.t.Fatalf("%s has %d links to %s", p.path, len(found), pattern)
	}
	return found[0]
}

// later moves the clock.
func (c *clinic) later(d time.Duration) { sqltest.ClockOf(c.db).Advance(d) }

// app is an authenticator app.
type app struct {
	c      *clinic
	secret string
}

// code is what it shows.
func (a app) code() string {
	a.c.t.Helper()
	code, err := totp.GenerateCode(a.secret, a.c.db.Now())
	if err != nil {
		a.c.t.Fatal(err)
	}
	return code
}

// addApp adds one to who is signed in, and returns the recovery codes' page.
func (v *visitor) addApp() (app, shown) {
	v.c.t.Helper()
	p := v.get("/account/second-factor/app").has(200, "Let it read this picture")
	a := app{v.c, regexp.MustCompile(`<code class="secret">(\w+)<`).FindStringSubmatch(p.body)[1]}
	return a, v.post("/account/second-factor/app", "challenge", p.value("challenge"), "name", "My telephone", "code", a.code())
}

func TestTheProfileIsChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		p := ann.get("/account").has(200, "Your profile", "ann@example.org")
		if p.value("name") != "Ann Example" {
			t.Errorf("the name is %q", p.value("name"))
		}
		version := p.value("version")
		ann.post("/account", "version", version, "name", "Ann Lee", "phone", "+1 212 5", "address", "1 Main St\nTown", "date_of_birth", "1984-02-29", "time_zone", "Europe/Berlin").
			has(200, "Your profile is saved.", "1 Main St")
		u := c.userOf("ann@example.org")
		if u.Name.Reveal() != "Ann Lee" || u.TimeZone != "Europe/Berlin" || u.DateOfBirth.Reveal() != "1984-02-29" {
			t.Error("not all was kept")
		}
		p = ann.post("/account", "version", version, "name", "Ann Older", "phone", "", "address", "", "date_of_birth", "", "time_zone", "UTC").
			has(422, "Somebody changed this meanwhile", "What it is now", "Ann Lee", "+1 212 5")
		if p.value("name") != "Ann Older" {
			t.Error("the answers are not kept")
		}
		p = ann.post("/account", "version", p.value("version"), "name", "", "phone", "x", "address", "", "date_of_birth", "", "time_zone", "UTC").has(422, "Please look at this again.")
		if got := p.mistakes(); !slices.Equal(got, []string{"name", "phone"}) {
			t.Errorf("led to %v", got)
		}
		ann.post("/account", "version", p.value("version"), "name", "Ann Lee", "phone", "", "address", "", "date_of_birth", "", "time_zone", "UTC").has(200)
		if u := c.userOf("ann@example.org"); u.DateOfBirth.Reveal() != "" || u.Phone.Reveal() != "" {
			t.Error("what was emptied is still there")
		}
		c.as("bob").get("/account").lacks("Ann Lee", "ann@example.org")
	})
}

func TestTheLanguageIsKeptWithTheAccount(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		ann.post("/language", "language", "de", "next", "/account").has(200, "Ihr Profil")
		c.as("ann").get("/account").has(200, "Ihr Profil") // in another browser
		p := ann.get("/account/messages").has(200, "Ihre Nachrichten")
		ann.post("/account/messages", "version", p.value("version"), "language", "en", "quiet_from", "21:00", "quiet_to", "08:00").has(200, "How we tell you")
		c.as("ann").get("/account").has(200, "Your profile")
	})
}

func TestAPasswordIsChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, elsewhere := c.as("ann"), c.as("ann")
		ann.get("/account/password").has(200, "Change your password")
		ann.post("/account/password", "password", "wrong giraffes here", "new_password", another, "again", another).has(422, "This is not your present password.")
		ann.post("/account/password", "password", passphrase, "new_password", another, "again", passphrase).has(422, "not the same")
		ann.post("/account/password", "password", passphrase, "new_password", "short", "again", "short").has(422, "at least 12 characters").lacks(passphrase)
		ann.post("/account/password", "password", passphrase, "new_password", another, "again", another).has(200, "Your password is changed.")
		ann.get("/account").has(200, "Your profile")
		if p := elsewhere.get("/account"); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("elsewhere she is still at %s", p.path)
		}
	})
}

func TestAFreshProofIsAskedForAndLeadsBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		ann.get("/account/address").has(200, "Change your e-mail address")
		c.later(6 * time.Minute)
		p := ann.get("/account/address").has(200, "Show that it is you", "5 minutes")
		if p.path != "/confirm-identity?next=%2Faccount%2Faddress" {
			t.Errorf("led to %s", p.path)
		}
		ann.post("/account/address", "email", "ann.new@example.org").has(200, "Show that it is you")
		p = ann.post("/confirm-identity", "next", "/account/address", "password", "wrong giraffes here").has(422, "This is not your present password.")
		if p.value("next") != "/account/address" {
			t.Error("where she was going is lost")
		}
		if p := ann.post("/confirm-identity", "next", "/account/address", "password", passphrase).has(200, "Change your e-mail address"); p.path != "/account/address" {
			t.Errorf("led back to %s", p.path)
		}
		if p := ann.post("/confirm-identity", "next", "https://evil.example/", "password", passphrase); p.path != "/account" {
			t.Errorf("led to %s", p.path)
		}
	})
}

func TestAnAppIsAddedUsedAndRemoved(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		ann.get("/account/second-factor").has(200, "You have none yet").lacks("/account/second-factor/passkey")
		p := ann.get("/account/second-factor/app").has(200)
		if src := p.attributes("img", "src"); !strings.HasPrefix(src[len(src)-1], "data:image/png;base64,") {
			t.Error("there is no picture")
		}
		challenge := p.value("challenge")
		p = ann.post("/account/second-factor/app", "challenge", challenge, "name", "My telephone", "code", "000000").
			has(422, "The code or the passkey is not right", "the next code").lacks("000000")
		if p.value("challenge") != challenge {
			t.Error("the app would have to begin again")
		}
		ann.post("/account/second-factor/app", "challenge", challenge, "name", "", "code", "123456").has(422, "Give it a name")
		ann.post("/account/second-factor/app", "challenge", "nonsense", "name", "x", "code", "123456").has(422, "That took too long", "there is a new picture")

		a, p := ann.addApp()
		p.has(200, "Recovery codes", "They are not shown again")
		codes := regexp.MustCompile(`<code>([\w-]+)</code>`).FindAllStringSubmatch(p.body, -1)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes", len(codes))
		}
		ann.get("/account/second-factor").has(200, "My telephone", "Authenticator app").lacks(codes[0][1])

		c.later(time.Minute)
		v := c.visitor()
		v.post("/sign-in", "email", "ann@example.org", "password", passphrase).has(422, "Code of your second factor")
		v.post("/sign-in", "email", "ann@example.org", "password", passphrase, "code", a.code())
		if v.cookies["__Host-medbook"] == "" {
			t.Fatal("she can't sign in with the code")
		}
		c.later(6 * time.Minute)
		ann.get("/account/second-factor/codes").has(200, "Show that it is you", "Code of your second factor")
		ann.post("/confirm-identity", "next", "/account/second-factor/codes", "password", passphrase).has(422, "not right")
		ann.post("/confirm-identity", "next", "/account/second-factor/codes", "code", codes[0][1]).has(200, "Make new codes")
		p = ann.post("/account/second-factor/codes").has(200, "They are not shown again").lacks(codes[1][1])

		remove := ann.get("/account/second-factor").linkTo("/account/second-factor/[0-9a-f-]+/remove")
		if p := c.as("bob").post(remove); p.status != http.StatusNotFound {
			t.Errorf("another's factor: %d, want 404", p.status)
		}
		ann.get(remove).has(200, "Remove")
		ann.post(remove).has(200, "Your second factor is removed.", "You have none yet")
	})
}

func TestWhoNeedsAFactorAddsItFirst(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Auth.RequireFactor = []auth.Role{auth.Admin}
		v := c.visitor()
		p := v.post("/sign-in", "email", "admin@example.org", "password", passphrase, "next", "/account/keys").has(200, "A second factor is needed", "Who works here needs one")
		if p.path != "/account/second-factor" {
			t.Errorf("led to %s", p.path)
		}
		for _, path := range []string{"/account", "/account/keys", "/welcome", "/account/second-factor/codes"} {
			if p := v.get(path); p.path != "/account/second-factor" {
				t.Errorf("%s leads to %s", path, p.path)
			}
		}
		a, p := v.addApp()
		if next := p.linkTo("/account/keys"); next != "/account/keys" {
			t.Errorf("leads on to %s", next)
		}
		v.get("/account/keys").has(200, "API keys")

		// Who came without showing it, as from an identity provider, shows it now.
		h := c.hospital()
		h.SignIn(map[string]any{"sub": "admin-user", "roles": []string{"clinic-staff"}})
		v.arriveAt(v.visit(v.post("/account/connections", "provider", "hospital"))).has(200, "Your account is connected.")
		c.later(time.Minute)
		w := c.visitor()
		w.arriveAt(w.visit(w.post("/sign-in/provider", "provider", "hospital", "next", "/account/sessions"))).has(200, "A second factor is needed", "Show it, then you can go on")
		w.get("/account").has(200, "Show it, then you can go on")
		w.post("/confirm-identity", "next", "/account/sessions", "code", "000000").has(422, "not right")
		if p := w.post("/confirm-identity", "next", "/account/sessions", "code", a.code()).has(200, "Where you are signed in"); p.path != "/account/sessions" {
			t.Errorf("led to %s", p.path)
		}
	})
}

// passkey is a passkey in software.
type passkey struct {
	party  virtualwebauthn.RelyingParty
	device virtualwebauthn.Authenticator
	key    virtualwebauthn.Credential
}

// newPasskey makes one for a user, and lets the server have some. The library leaves
// leading zeros of a coordinate out, which no authenticator does; such keys are not
// taken.
func (c *clinic) newPasskey(name string) passkey {
	c.t.Helper()
	const site, whole = "https://clinic.example", 77 // bytes of a COSE key on P-256
	var err error
	if c.server.Auth.Passkeys, err = auth.NewPasskeys(site); err != nil {
		c.t.Fatal(err)
	}
	id := c.users[name].ID
	k := passkey{party: virtualwebauthn.RelyingParty{Name: "Harbour Clinic", ID: "clinic.example", Origin: site}}
	k.device = virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: id[:]})
	for k.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(k.key.Key.AttestationData()) != whole; {
		k.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return k
}

// answer is what a form is sent with when the passkey was asked.
func (k passkey) answer(c *clinic) []string {
	c.t.Helper()
	o, err := c.server.Auth.OfferPasskey()
	if err != nil {
		c.t.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAssertionOptions(`{"publicKey":` + string(o.Passkey) + `}`)
	if err != nil {
		c.t.Fatal(err)
	}
	return []string{"challenge", o.Challenge, "credential", virtualwebauthn.CreateAssertionResponse(k.party, k.device, k.key, *options)}
}

func TestAPasskeyIsAddedAndSignsIn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		k := c.newPasskey("ann")
		ann := c.as("ann")
		p := ann.get("/account/second-factor/passkey").has(200, "Add a passkey", "This needs JavaScript")
		create := p.attribute("form", "data-create")
		if !json.Valid([]byte(create)) || !strings.Contains(create, "clinic.example") {
			t.Fatalf("the page offers %s", create)
		}
		options, err := virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + create + `}`)
		if err != nil {
			t.Fatal(err)
		}
		made := virtualwebauthn.CreateAttestationResponse(k.party, k.device, k.key, *options)
		ann.post("/account/second-factor/passkey", "challenge", p.value("challenge"), "name", "Laptop", "credential", "{}").has(422, "not right")
		ann.post("/account/second-factor/passkey", "challenge", p.value("challenge"), "name", "Laptop", "credential", made).has(200, "Recovery codes")
		ann.get("/account/second-factor").has(200, "Laptop", "Passkey")

		v := c.visitor()
		v.post("/language", "language", "de")
		answer := k.answer(c)
		if p := v.post("/sign-in/passkey", append(answer, "next", "/account/keys")...).has(200, "API keys"); p.path != "/account/keys" {
			t.Errorf("signed in, she is at %s", p.path)
		}
		c.visitor().post("/sign-in/passkey", answer...).has(422, "That took too long, or was sent twice.")
		c.visitor().post("/sign-in/passkey", "challenge", "x", "credential", "").has(422)
		c.later(6 * time.Minute)
		v.get("/account/address").has(200, "Show that it is you")
		v.post("/confirm-identity", append(k.answer(c), "next", "/account/address")...).has(200, "Change your e-mail address")
		if p := c.as("bob").post("/confirm-identity", append(k.answer(c), "next", "/account")...); p.status != 422 {
			t.Errorf("another's passkey proves who Bob is: %d", p.status)
		}
	})
}

func TestAServerWithoutANameHasNoPasskeys(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.as("ann").get("/account/second-factor/passkey").has(200, "This server can't have passkeys").lacks("data-create")
	})
}

func TestSessionsAreSeenAndEnded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann, elsewhere := c.as("ann"), c.as("ann")
		p := ann.get("/account/sessions").has(200, "Where you are signed in", "This one", "127.0.0.1")
		var ends []string
		for _, action := range p.attributes("form", "action") {
			if strings.HasSuffix(action, "/end") && strings.Count(action, "/") == 4 {
				ends = append(ends, action)
			}
		}
		if len(ends) != 2 {
			t.Fatalf("%d sessions, want 2", len(ends))
		}
		if p := c.as("bob").post(ends[0]); p.status != http.StatusNotFound {
			t.Errorf("another's session: %d, want 404", p.status)
		}
		ann.post(ends[1]).has(200, "You are signed out there.")
		if p := elsewhere.get("/account"); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("elsewhere she is still at %s", p.path)
		}
		ann.post(ends[0]).has(200, "You are signed out.")
		if ann.cookies["__Host-medbook"] != "" {
			t.Error("the cookie is still there")
		}
		ann, elsewhere = c.as("ann"), c.as("ann")
		ann.post("/account/sessions/end").has(200, "You are signed out.")
		if p := elsewhere.get("/account"); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("elsewhere she is still at %s", p.path)
		}
	})
}

func TestHowOneIsToldIsChosen(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		p := ann.get("/account/messages").has(200, "Reminder a day before", "Quiet hours").lacks("data-push", `value="sms"`)
		version := p.value("version")
		form := []string{"version", version, "language", "en", "quiet_from", "22:30", "quiet_to", "07:00", "channel.reminder-day", "off", "channel.appointment-moved", "email"}
		ann.post("/account/messages", form...).has(200, "Saved.")
		prefs, err := c.server.Notify.Preferences(t.Context(), c.actor("ann"))
		if err != nil || prefs.QuietFrom.String() != "22:30" || prefs.Channels[notify.ReminderDay] != notify.ByNone || prefs.Channels[notify.AppointmentMoved] != notify.ByEmail {
			t.Errorf("kept %+v, %v", prefs, err)
		}
		p = ann.post("/account/messages", append(slices.Clone(form), "channel.reminder-hours", "off")...).has(422, "Somebody changed this meanwhile", "Meanwhile it was changed to: E-mail")
		version = p.value("version")
		ann.post("/account/messages", "version", version, "language", "en", "quiet_from", "late", "quiet_to", "07:00").has(422, "Enter a time such as 21:00.")
		ann.post("/account/messages", "version", version, "language", "xx", "quiet_from", "22:00", "quiet_to", "07:00").has(422)
		ann.post("/account/messages", "version", version, "language", "en", "quiet_from", "22:00", "quiet_to", "07:00", "channel.reminder-day", "pigeon").has(422)
	})
}

func TestABrowserIsToldByPush(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		push, err := notify.NewPush(notify.Pushing{Contact: "it@clinic.example", Private: phi.Of("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE")})
		if err != nil {
			t.Fatal(err)
		}
		push.DB, push.Seal = db, ring()
		ann := c.as("ann")
		subscription := []string{
			"endpoint", "https://push.example.com/send/c1KrmpTuRm", "auth", "BTBZMqHH6r4Tts7J_aSIgg",
			"p256dh", "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
		}
		ann.post("/account/messages/push", subscription...).has(404, "This clinic sends no push messages.")
		c.server.Notify.Channels = append(c.server.Notify.Channels, push)
		key, err := c.server.Notify.PushKey()
		if err != nil {
			t.Fatal(err)
		}
		p := ann.get("/account/messages").has(200, "Push messages in browsers", "Push message")
		if got := p.attribute("form", "data-push"); got != key {
			t.Errorf("browsers subscribe with %s, want %s", got, key)
		}
		ann.post("/account/messages/push", "endpoint", "http://push.example.com/", "p256dh", "x", "auth", "y").has(422)
		p = ann.post("/account/messages/push", subscription...).has(200, "This browser is told now.", "push.example.com").lacks("c1KrmpTuRm")
		end := p.linkTo("/account/messages/push/[^/]+/end")
		if p := c.as("bob").post(end); p.status != http.StatusNotFound {
			t.Errorf("another's browser: %d, want 404", p.status)
		}
		ann.post(end).has(200, "That browser is not told any more.").lacks("push.example.com")
		for _, name := range []string{"push-worker.js", "push.js"} {
			if p := ann.get("/assets/worker/" + name); p.status != 200 || p.header.Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("%s: %d %s", name, p.status, p.header.Get("Content-Type"))
			}
		}
	})
}

func TestKeysAreMadeShownOnceAndRevoked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		ann.get("/account/keys").has(200, "You have no keys.")
		ann.get("/account/keys/new").has(200, "What it may do", "Appointments: read", "appointments:read").lacks("keys.area", "keys.step")
		ann.post("/account/keys/new", "name", "", "days", "90").has(422, "Please fill this in.")
		p := ann.post("/account/keys/new", "name", "Calendar", "days", "30", "networks", "nonsense", "scopes", "appointments:read").has(422, "Enter addresses such as")
		if p.value("name") != "Calendar" || !strings.Contains(p.body, `value="appointments:read" checked`) {
			t.Error("the answers are not kept")
		}
		ann.post("/account/keys/new", "name", "Calendar", "days", "9999").has(400)
		p = ann.post("/account/keys/new", "name", "Calendar", "days", "30", "networks", "192.0.2.0/24, 192.0.2.7", "scopes", "appointments:read", "scopes", "slots:read").
			has(200, "Your new key", "It is not shown again", "appointments:read, slots:read")
		key := regexp.MustCompile(`<code class="secret">(mb_\w+)<`).FindStringSubmatch(p.body)
		if key == nil {
			t.Fatal("the key is not shown")
		}
		ann.get("/account/keys").has(200, "Calendar", "Not yet", "192.0.2.0/24").lacks(key[1])
		keys, err := c.server.Auth.APIKeys(t.Context(), c.actor("ann"), "", listing.Request{Limit: 10})
		if err != nil || len(keys.Items) != 1 || !keys.Items[0].ExpiresAt.Equal(db.Now().Add(30*24*time.Hour)) {
			t.Fatalf("%d keys, %v", len(keys.Items), err)
		}
		revoke := ann.get("/account/keys").linkTo("/account/keys/[0-9a-f-]+/revoke")
		c.as("bob").get("/account/keys").lacks("Calendar")
		if p := c.as("bob").post(revoke); p.status != http.StatusNotFound {
			t.Errorf("another's key: %d, want 404", p.status)
		}
		ann.get(revoke).has(200, "That can't be undone.")
		ann.post(revoke).has(200, "The key is revoked.", "You have no keys.")
		c.later(6 * time.Minute)
		ann.post("/account/keys/new", "name", "x", "days", "30").has(200, "Show that it is you")
		if keys, err := c.server.Auth.APIKeys(t.Context(), c.actor("ann"), "", listing.Request{Limit: 10}); err != nil || len(keys.Items) != 0 {
			t.Errorf("%d keys, %v", len(keys.Items), err)
		}
	})
}

func TestTheWelcomeKnowsWhatIsDone(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		p := c.as("admin").get("/welcome").has(200, "Add practitioners", "Add a second factor")
		if n := strings.Count(p.text(), "Done"); n != 2 {
			t.Errorf("%d steps are done, want that of signing in and that of practitioners", n)
		}
	})
}

func TestTimesAreShownWhereTheReaderIs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann") // no script told a zone
		ann.get("/account/sessions").has(200, "New York time")
		p := ann.get("/account")
		ann.post("/account", "version", p.value("version"), "name", "Ann Example", "time_zone", "Europe/Berlin").has(200)
		ann.get("/account/sessions").has(200, "Berlin time")

		v := c.visitor()
		v.cookies[zoneCookie] = "Asia%2FKathmandu"
		v.post("/sign-in", "email", "ann@example.org", "password", passphrase)
		v.get("/account/sessions").has(200, "Kathmandu time")
	})
}
