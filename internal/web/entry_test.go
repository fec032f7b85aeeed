package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/federation"
	"medbook/internal/federation/federationtest"
	listing "medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// another is a password that nobody has yet.
const another = "nine small giraffes"

// link mints a link for a user, as their message would have it.
func (c *clinic) link(name string, purpose auth.Purpose, email string) string {
	c.t.Helper()
	secret := auth.NewLinkSecret()
	err := c.db.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := auth.MintLink(ctx, tx, secret, c.users[name].ID, purpose, email)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return secret.Token()
}

// userCount is how many users there are.
func (c *clinic) userCount() int {
	c.t.Helper()
	p, err := c.server.Directory.Users(c.t.Context(), auth.System, directory.UserFilter{}, listing.Request{Limit: 200})
	if err != nil {
		c.t.Fatal(err)
	}
	return len(p.Items)
}

// userOf finds who has an address.
func (c *clinic) userOf(email string) directory.User {
	c.t.Helper()
	p, err := c.server.Directory.Users(c.t.Context(), auth.System, directory.UserFilter{}, listing.Request{Limit: 200})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, u := range p.Items {
		if u.Email.Reveal() == email {
			return u
		}
	}
	c.t.Fatalf("nobody has the address %s", email)
	return directory.User{}
}

// value is what an input of a page has.
func (p shown) value(name string) string {
	p.t.Helper()
	for n := range p.tree.Descendants() {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		if n.Data == "input" && attributes["name"] == name {
			return attributes["value"]
		}
	}
	p.t.Fatalf("%s has no input %s", p.path, name)
	return ""
}

// mistakes are the fields that the summary of a form's mistakes leads to.
func (p shown) mistakes() (fields []string) {
	for _, href := range p.attributes("a", "href") {
		if strings.HasPrefix(href, "#f-") {
			fields = append(fields, strings.TrimPrefix(href, "#f-"))
		}
	}
	return fields
}

func TestAVisitorSignsUpAndGoesOn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.visitor()
		v.cookies["zone"] = "Asia%2FKathmandu"
		p := v.get("/sign-up?next=/my/orders").has(200, "Create an account", "Date of birth")
		if got := p.value("next"); got != "/my/orders" {
			t.Errorf("next is %q", got)
		}
		if !strings.Contains(p.body, `<option value="Asia/Kathmandu" selected>`) {
			t.Error("the browser's zone is not chosen")
		}
		v.post("/sign-up", "next", "/my/orders", "name", "Nora Noon", "email", "nora@example.org", "phone", "+49 30 1",
			"date_of_birth", "1990-02-03", "time_zone", "Asia/Kathmandu", "password", another, "again", another).
			has(200, "Look into your mail").lacks("nora@example.org")
		u := c.userOf("nora@example.org")
		if u.Role != auth.Patient || u.TimeZone != "Asia/Kathmandu" || u.DateOfBirth.Reveal() != "1990-02-03" || u.Phone.Reveal() != "+49 30 1" {
			t.Errorf("signed up as %s in %s", u.Role, u.TimeZone)
		}
		c.users["nora"] = u
		v.post("/sign-in", "email", "nora@example.org", "password", another).has(422, "have not confirmed your address")

		link := c.link("nora", auth.PurposeVerify, "")
		v.get("/account/verify").has(200, "Confirm your e-mail address", "Link from the message")
		p = v.post("/account/verify", "token", link, "password", "wrong giraffes here").has(422, "This is not the password that you signed up with.")
		if p.value("token") != link {
			t.Error("the link is not kept")
		}
		v.post("/account/verify", "token", "https://clinic.example/account/verify#"+link, "password", another).has(200, "Your address is confirmed", "Sign in")
		v.post("/account/verify", "token", link, "password", another).has(422, "This link is not valid")
		if p := v.post("/sign-in", "email", "nora@example.org", "password", another); p.path != "/my/orders" {
			t.Errorf("signed in, she is at %s", p.path)
		}
		if v.cookies[nextCookie] != "" {
			t.Error("where she was going is still remembered")
		}
	})
}

func TestSigningUpTellsNothingOfOthers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		before := c.userCount()
		var pages [2]shown
		for i, email := range []string{"ann@example.org", "newcomer@example.org"} {
			pages[i] = c.visitor().post("/sign-up", "name", "Ann Other", "email", email, "time_zone", "UTC", "password", another, "again", another)
			pages[i].has(200, "Look into your mail")
		}
		if pages[0].path != pages[1].path || pages[0].text() != pages[1].text() {
			t.Errorf("a known address is told: %s", pages[0].text())
		}
		if n := c.userCount(); n != before+1 {
			t.Errorf("%d users, want %d", n, before+1)
		}
		if p := c.as("ann").get("/sign-up"); p.path != "/my" {
			t.Errorf("who is signed in is led to %s", p.path)
		}
	})
}

func TestSigningUpKeepsAnswersAndSaysWhatIsWrong(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		p := c.visitor().post("/sign-up", "next", "//evil.example", "name", "Nora Noon", "email", "nobody", "phone", "call me",
			"date_of_birth", "2999-01-01", "time_zone", "Mars/Base", "password", another, "again", another)
		p.has(422, "There is a problem", "Enter an e-mail address", "Enter a date from 1900", "Use digits").lacks(another, "evil.example")
		if got := p.mistakes(); !slices.Equal(got, []string{"date_of_birth", "email", "phone", "time_zone"}) {
			t.Errorf("led to %v", got)
		}
		if p.value("name") != "Nora Noon" || p.value("email") != "nobody" {
			t.Error("the answers are not kept")
		}
		if got := p.attributes("title", "x"); got != nil || !strings.Contains(p.body, "<title>Error: ") {
			t.Error("the title does not say that something is wrong")
		}
		c.visitor().post("/sign-up", "name", "Nora", "email", "nora@example.org", "password", another, "again", passphrase).has(422, "The two passwords are not the same.")
		c.visitor().post("/sign-up", "name", "Nora", "email", "nora@example.org", "password", "short", "again", "short").has(422, "too easy to guess", "at least 12 characters")
		v := c.visitor()
		v.cookies["__Host-language"] = "de"
		v.post("/sign-up", "name", "Nora", "email", "nora@example.org", "password", "password1234", "again", "password1234").has(422, "zu leicht zu erraten", "eines der häufigsten Passwörter")
	})
}

func TestAForgottenPasswordIsSetAnew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		known := ann.c.visitor().post("/forgotten", "email", "ann@example.org").has(200, "Look into your mail", "15 minutes")
		unknown := c.visitor().post("/forgotten", "email", "nobody@example.org")
		if known.path != unknown.path || known.text() != unknown.text() {
			t.Error("it is told whether there is such an address")
		}
		link := c.link("ann", auth.PurposeReset, "")
		v := c.visitor()
		v.get("/account/reset").has(200, "Set a new password")
		v.post("/account/reset", "token", link, "password", another, "again", passphrase).has(422, "not the same")
		v.post("/account/reset", "token", link, "password", "short", "again", "short").has(422, "at least 12 characters")
		v.post("/account/reset", "token", "nonsense", "password", another, "again", another).has(422, "This link is not valid", "Open the newest message")
		v.post("/account/reset", "token", " https://clinic.example/account/reset#"+link+"\n", "password", another, "again", another).has(200, "Your new password is set")
		if p := ann.get("/account"); p.path != "/sign-in?next=%2Faccount" {
			t.Errorf("who was signed in is at %s", p.path)
		}
		v.post("/sign-in", "email", "ann@example.org", "password", passphrase).has(422)
		v.post("/sign-in", "email", "ann@example.org", "password", another)
		if v.cookies["__Host-medbook"] == "" {
			t.Error("the new password is not taken")
		}
	})
}

func TestAnAddressIsChangedByItsLink(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ann := c.as("ann")
		ann.post("/account/address", "email", "nonsense").has(422, "Enter an e-mail address")
		ann.post("/account/address", "email", "ann.new@example.org").has(200, "We have sent a link to the new address")
		link := c.link("ann", auth.PurposeEmail, "ann.new@example.org")
		c.visitor().post("/account/email", "token", "nonsense").has(422, "This link is not valid")
		c.visitor().get("/account/email").has(200, "Use the new address")
		ann.post("/account/email", "token", link).has(200, "The new address is yours", "ann.new@example.org")
		link = c.link("ann", auth.PurposeEmail, "bob@example.org")
		c.visitor().post("/account/email", "token", link).has(422, "Somebody has an account with this e-mail address already.")
	})
}

func TestAClinicIsSetUpOnItsPage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := emptyClinic(t, db)
		c.server.Directory.ClinicName = "" // nothing is configured
		token, err := c.server.Directory.SetUpLink(t.Context(), auth.System)
		if err != nil {
			t.Fatal(err)
		}
		v := c.visitor()
		v.cookies["zone"] = "Europe%2FBerlin"
		p := v.get("/account/setup").has(200, "Set up the clinic", "1. The clinic", "2. You", "3. The first practitioner")
		if !strings.Contains(p.body, `<option value="Europe/Berlin" selected>`) {
			t.Error("the browser's zone is not chosen")
		}
		good := []string{
			"token", "http://127.0.0.1:1/account/setup#" + token, "clinic_name", "Quay Clinic", "clinic_zone", "Europe/Berlin", "name", "Ruth Lind",
			"email", "ruth@clinic.example", "password", passphrase, "again", passphrase,
			"practitioner_name", "Hannah Brandt", "practitioner_email", "hannah@clinic.example", "practitioner_specialty", "physiotherapy",
		}
		with := func(changes ...string) []string {
			form := slices.Clone(good)
			for pair := range slices.Chunk(changes, 2) {
				form[slices.Index(form, pair[0])+1] = pair[1]
			}
			return form
		}
		v.post("/account/setup", with("again", another)...).has(422, "not the same")
		v.post("/account/setup", with("token", "nonsense")...).has(422, "This link is not valid")
		for field, value := range map[string]string{
			"clinic_name": "", "clinic_zone": "Mars/Base", "name": "", "email": "ruth", "password": "short",
			"practitioner_email": "hannah", "practitioner_name": "", "practitioner_specialty": strings.Repeat("x", 101),
		} {
			changed := with(field, value)
			if field == "password" {
				changed = with(field, value, "again", value)
			}
			p := v.post("/account/setup", changed...).has(422)
			if got := p.mistakes(); !slices.Equal(got, []string{field}) {
				t.Errorf("a wrong %s: led to %v", field, got)
			}
			if p.value("practitioner_specialty") == "" || p.value("token") == "" {
				t.Error("the answers are not kept")
			}
			p.lacks(passphrase)
		}
		v.post("/account/setup", good...).has(200, "The clinic is set up", "Quay Clinic")
		p = v.post("/sign-in", "email", "ruth@clinic.example", "password", passphrase).has(200, "Welcome to Medbook", "Publish working hours", "Done")
		if p.path != "/welcome" {
			t.Errorf("the first admin arrives at %s", p.path)
		}
		if u := c.userOf("hannah@clinic.example"); u.Role != auth.Practitioner || u.TimeZone != "Europe/Berlin" {
			t.Errorf("the practitioner is a %s in %s", u.Role, u.TimeZone)
		}
		c.visitor().get("/account/setup").has(200, "This clinic is set up already")
		c.visitor().post("/account/setup", good...).has(422, "This link is not valid")
		if n := c.userCount(); n != 2 {
			t.Errorf("%d users, want 2", n)
		}
	})
}

func TestAClinicIsSetUpWithoutAPractitionerAndAName(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := emptyClinic(t, db)
		token, err := c.server.Directory.SetUpLink(t.Context(), auth.System)
		if err != nil {
			t.Fatal(err)
		}
		v := c.visitor()
		v.get("/account/setup").has(200, "The clinic is called Harbour Clinic").lacks(`name="clinic_name"`)
		v.post("/account/setup", "token", token, "clinic_zone", "UTC", "name", "Ruth Lind", "email", "ruth@clinic.example",
			"password", passphrase, "again", passphrase, "practitioner_name", "", "practitioner_email", " ").has(200, "The clinic is set up")
		if n := c.userCount(); n != 1 {
			t.Errorf("%d users, want 1", n)
		}
	})
}

// hospital is an identity provider at which people of the clinic sign in.
func (c *clinic) hospital() *federationtest.Issuer {
	c.t.Helper()
	h := federationtest.New(c.t, "hospital", c.db.Now)
	config := h.Config()
	config.Provision, config.SecondFactor = false, false
	c.server.Auth.Federation = &federation.Service{Issuers: []federation.Issuer{config}, Now: c.db.Now}
	c.server.Auth.PublicURL = "https://clinic.example"
	return h
}

// visit goes where a page of departure leads, and returns where the provider sends
// the browser back to.
func (v *visitor) visit(p shown) string {
	t := v.c.t
	t.Helper()
	to := ""
	for _, href := range p.attributes("a", "href") {
		if strings.HasPrefix(href, "http") {
			to = href
		}
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Path != "/account/sign-in" {
		t.Fatalf("came back to %q", resp.Header.Get("Location"))
	}
	return back.RequestURI()
}

// arriveAt sends the form of the page on which one comes back.
func (v *visitor) arriveAt(address string) shown {
	v.c.t.Helper()
	p := v.get(address).has(200, "You are back")
	return v.post("/account/sign-in", "state", p.value("state"), "code", p.value("code"), "iss", p.value("iss"))
}

func TestSigningInAtAProviderWithoutScripts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		h := c.hospital()
		h.SignIn(federationtest.Map{"sub": "ann-user"})
		stranger := c.visitor()
		stranger.get("/sign-in").has(200, "Sign in at hospital")
		p := stranger.arriveAt(stranger.visit(stranger.post("/sign-in/provider", "provider", "hospital").has(200, "To hospital")))
		p.has(422, "no account here is connected with it")

		ann := c.as("ann")
		ann.get("/account/connections").has(200, "not connected yet", "Connect with hospital")
		back := ann.visit(ann.post("/account/connections", "provider", "hospital"))
		if p := c.as("bob").get(back); p.status == 200 && strings.Contains(p.text(), "You are back") {
			t.Error("another browser is asked whether it wants to go on")
		}
		ann.arriveAt(back).has(200, "Your account is connected.", "hospital")
		if p := ann.post("/account/sign-in", "state", "x", "code", "y"); p.status != 422 {
			t.Errorf("a second time: %d", p.status)
		}

		v := c.visitor()
		if p := v.arriveAt(v.visit(v.post("/sign-in/provider", "provider", "hospital", "next", "/account/keys"))); p.path != "/account/keys" {
			t.Errorf("signed in, she is at %s: %s", p.path, p.text())
		}
		v.get("/account/sign-in?state=x&code=y").has(422, "This sign-in did not work")
		if v.cookies[departureCookie] != "" {
			t.Error("the challenge is still there")
		}
		c.visitor().get("/account/sign-in").has(200, "Sign in", "E-mail address")
		c.visitor().post("/sign-in/provider", "provider", "nowhere").has(404)

		id := ""
		for _, href := range ann.get("/account/connections").attributes("a", "href") {
			if strings.HasSuffix(href, "/end") {
				id = href
			}
		}
		if p := c.as("bob").post(id); p.status != 404 {
			t.Errorf("another's connection: %d, want 404", p.status)
		}
		ann.get(id).has(200, "End the connection")
		ann.post(id).has(200, "The connection is ended.", "not connected yet")
	})
}

func TestTheStatementsAreThereInBothLanguages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Privacy.RetainRecords = 3653
		v := c.visitor()
		v.get("/privacy").has(200, "Privacy", "Harbour Clinic", "3,653 days", "30 days", "Cookies", "Until you are erased")
		v.get("/accessibility").has(200, "Accessibility", "WCAG 2.2", "axe")
		v.cookies["__Host-language"] = "de"
		v.get("/privacy").has(200, "Datenschutz", "3.653 Tage", "Bis Sie gelöscht werden")
		v.get("/accessibility").has(200, "Barrierefreiheit")
		c.server.Privacy.RetainRecords = 0
		v.get("/privacy").has(200).lacks("von Rechts wegen")
	})
}

func TestWhereOneWasGoingIsKeptForAnHour(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.visitor()
		v.cookies[nextCookie] = "//evil.example"
		if p := v.post("/sign-in", "email", "ann@example.org", "password", passphrase); p.path != "/my" {
			t.Errorf("led to %s", p.path)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/sign-up", strings.NewReader(url.Values{
			"name": {"N"}, "email": {"n@example.org"}, "password": {another}, "again": {another}, "next": {"/book"},
		}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		for _, cookie := range resp.Cookies() {
			if cookie.Name == nextCookie && (cookie.Value != "/book" || cookie.MaxAge != int(time.Hour.Seconds()) || !cookie.HttpOnly || !cookie.Secure || cookie.Path != "/") {
				t.Errorf("the cookie is %v", cookie)
			}
		}
	})
}

// TestWhatTriesASecretIsCounted shows that forms with secrets are counted more
// strictly, and that looking at them is not.
func TestWhatTriesASecretIsCounted(t *testing.T) {
	tries := new(Server).Face().Secret
	for _, path := range []string{
		"/sign-in", "/sign-in/passkey", "/account/sign-in", "/sign-up", "/forgotten", "/account/verify", "/account/reset", "/account/email",
		"/account/setup", "/account/password", "/confirm-identity", "/account/second-factor/app", "/account/second-factor/passkey",
	} {
		for method, want := range map[string]bool{post: true, get: false} {
			r, err := http.NewRequestWithContext(t.Context(), method, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tries(r) != want {
				t.Errorf("%s %s counts as a try: %v, want %v", method, path, !want, want)
			}
		}
	}
}
