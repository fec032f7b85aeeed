package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"medbook/client"
	"medbook/e2e/browser"
	"medbook/internal/federation/federationtest"
	"medbook/internal/sqldb/sqltest"
)

// withAndWithoutScripts runs test on a clinic in a browser that runs scripts, and in
// one that does not.
func withAndWithoutScripts(t *testing.T, test func(t *testing.T, c *clinic, tab *browser.Tab)) {
	t.Helper()
	for _, scripts := range []struct {
		name string
		off  bool
	}{{"with scripts", false}, {"without scripts", true}} {
		t.Run(scripts.name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, sqltest.SQLite(t)), browser.Open(t, browser.Options{NoScript: scripts.off, Zone: "Europe/Berlin"}))
		})
	}
}

// followed opens a link in the tab. Without scripts it is pasted into its field.
func followed(t *testing.T, tab *browser.Tab, link string) {
	t.Helper()
	tab.Go(link)
	if strings.Contains(tab.Text(), "Copy the whole link from the message") {
		tab.Fill("Link from the message", link)
	} else if strings.Contains(tab.URL(), "#") {
		t.Errorf("the token is still in the address: %s", tab.URL())
	}
}

// signInOn signs somebody in on the page.
func signInOn(tab *browser.Tab, email, password string) {
	tab.Fill("E-mail address", email)
	tab.Fill("Password", password)
	tab.Press("Enter")
}

func TestAClinicBeginsInABrowser(t *testing.T) {
	withAndWithoutScripts(t, func(t *testing.T, c *clinic, tab *browser.Tab) {
		followed(t, tab, c.server.url+"/account/setup#"+c.invitation())
		tab.Axe()
		tab.Fill("Name of the clinic", "Quay Clinic")
		tab.Choose("Time zone", "Europe/Berlin")
		tab.Fill("Name", "Ruth Lind")
		tab.Fill("E-mail address", "ruth@clinic.example")
		tab.Fill("Password", passphrase)
		tab.Fill("The same password once more", another)
		tab.Fill("Name of the practitioner (optional)", "Hannah Brandt")
		tab.Fill("Their e-mail address (optional)", "hannah@clinic.example")
		tab.Fill("What they do (optional)", "physiotherapy")
		tab.Click("Set up the clinic")
		tab.Has("The two passwords are not the same.")
		tab.Axe()
		tab.Fill("Password", passphrase)
		tab.Fill("The same password once more", passphrase)
		tab.Click("Set up the clinic")
		tab.Has("The clinic is set up.")
		tab.Has("Quay Clinic")
		signInOn(tab, "ruth@clinic.example", passphrase)
		tab.Has("Welcome to Medbook")
		tab.Axe()
		c.mailed(c.signIn("ruth@clinic.example", passphrase).Client, c.userNamed("Hannah Brandt"), "password-reset", "reset")
	})
}

// userNamed is the id of a user whom the first admin sees.
func (c *clinic) userNamed(name string) string {
	c.t.Helper()
	admin := c.signIn("ruth@clinic.example", passphrase)
	for _, u := range all(c.t, admin.Users(client.UserQuery{}).All(c.t.Context())) {
		if u.Name == name {
			return u.ID
		}
	}
	c.t.Fatal("there is no such user")
	return ""
}

func TestAVisitorSignsUpInABrowser(t *testing.T) {
	withAndWithoutScripts(t, func(t *testing.T, c *clinic, tab *browser.Tab) {
		admin := c.firstAdmin()
		tab.Go(c.server.url + "/sign-in?next=/account/keys")
		tab.Click("Create an account")
		tab.Fill("Name", "Nora Noon")
		tab.Fill("E-mail address", "nora@mail.example")
		tab.Fill("Date of birth (optional)", "1990-02-03")
		tab.Fill("Password", another)
		tab.Fill("The same password once more", another)
		tab.Click("Create the account")
		tab.Has("Look into your mail")
		link := c.server.url + "/account/verify#" + c.mailed(admin.Client, c.userNamed("Nora Noon"), "verify-address", "verify")

		// An older link is open in the window already.
		followed(t, tab, c.server.url+"/account/verify#old")
		followed(t, tab, link)
		tab.Fill("Your password", passphrase)
		tab.Click("Confirm the address")
		tab.Has("This is not the password that you signed up with.")
		tab.Fill("Your password", another)
		tab.Click("Confirm the address")
		tab.Has("Your address is confirmed.")
		signInOn(tab, "nora@mail.example", another)
		tab.Has("You have no keys.")
	})
}

func TestAPasskeyIsMadeAndUsedInABrowser(t *testing.T) {
	c := open(t, sqltest.SQLite(t))
	c.firstAdmin()
	u, err := url.Parse(c.server.url)
	if err != nil {
		t.Fatal(err)
	}
	site := "http://localhost:" + u.Port() // a passkey belongs to a name
	c.restartWith("--listen", u.Host, "--public-url", site)
	tab := browser.Open(t, browser.Options{})
	tab.HasAuthenticator()
	tab.Go(site + "/sign-in?next=/account/second-factor")
	signInOn(tab, "ruth@clinic.example", passphrase)
	tab.Has("You have none yet.")
	tab.Click("Add a passkey")
	tab.Fill("What to call it", "Laptop")
	tab.Axe()
	tab.Click("Make the passkey")
	tab.Await("They are not shown again.")
	tab.Axe()
	tab.Click("I have kept them")
	tab.Has("Laptop")
	tab.Click("Sign out")

	tab.Go(site + "/sign-in?next=/account/keys/new")
	tab.Click("Use a passkey")
	tab.Await("Give it no more than the program needs.")

	c.setTime(sqltest.Start.Add(6 * time.Minute))
	tab.Go(site + "/account/address")
	tab.Has("Show that it is you")
	tab.Axe()
	tab.Click("Use a passkey")
	tab.Await("We send a link to the new address.")
}

// TestAccountPagesAreForEverybody has axe look at all pages of entry and account.
func TestAccountPagesAreForEverybody(t *testing.T) {
	c := open(t, sqltest.SQLite(t))
	c.firstAdmin()
	for _, o := range []browser.Options{{Width: 320, Height: 640}, {Width: 320, Height: 640, Dark: true, Language: "de-DE,de"}, {}, {Dark: true}} {
		tab := browser.Open(t, o)
		for _, path := range []string{
			"/sign-in", "/sign-up", "/sign-up/sent", "/forgotten", "/forgotten/sent", "/account/verify", "/account/reset", "/account/email",
			"/account/setup", "/privacy", "/accessibility",
		} {
			tab.Go(c.server.url + path)
			tab.Axe()
		}
		tab.Go(c.server.url + "/sign-in")
		if o.Language == "" {
			signInOn(tab, "ruth@clinic.example", passphrase)
		} else {
			tab.Fill("E-Mail-Adresse", "ruth@clinic.example")
			tab.Fill("Passwort", passphrase)
			tab.Press("Enter")
		}
		for _, path := range []string{
			"/welcome", "/account", "/account/password", "/account/address", "/account/messages", "/account/sessions", "/account/connections",
			"/account/keys", "/account/keys/new", "/confirm-identity", "/account/second-factor", "/account/second-factor/app", "/account/second-factor/passkey",
		} {
			tab.Go(path)
			if tab.Status() != 200 {
				t.Fatalf("%s is answered with %d", path, tab.Status())
			}
			tab.Axe()
		}
	}
}

func TestSigningInAtAProviderInABrowser(t *testing.T) {
	withAndWithoutScripts(t, func(t *testing.T, c *clinic, tab *browser.Tab) {
		c.firstAdmin()
		hospital := federationtest.New(t, "hospital", func() time.Time { return sqltest.Start })
		hospital.SignIn(federationtest.Map{"sub": "ruth", "roles": []string{"clinic-staff"}})
		u, err := url.Parse(c.server.url)
		if err != nil {
			t.Fatal(err)
		}
		c.restartWith("--listen", u.Host, "--identity-providers", providersFile(t, hospital))
		tab.Go(c.server.url + "/sign-in?next=/account/connections")
		tab.Allow(hospital.URL)
		signInOn(tab, "ruth@clinic.example", passphrase)
		tab.Has("Your account is not connected yet.")
		tab.Axe()
		arrive := func() {
			if strings.Contains(tab.Text(), "Almost there") {
				tab.Axe()
				tab.Click("Go on")
			}
		}
		tab.Click("Connect with hospital")
		arrive()
		tab.Await("Your account is connected.")
		if strings.Contains(tab.URL(), "code=") {
			t.Errorf("what came along is still in the address: %s", tab.URL())
		}
		tab.Click("Sign out")
		tab.Go(c.server.url + "/sign-in?next=/account/keys")
		tab.Click("Sign in at hospital")
		arrive()
		tab.Await("You have no keys.")
	})
}
