package e2e

import (
	"testing"

	"medbook/e2e/browser"
	"medbook/internal/app"
	"medbook/internal/demo"
)

// someone is a person of the demo clinic with a role.
func someone(t *testing.T, role string) app.DemoPerson {
	t.Helper()
	for _, who := range demo.People() {
		if string(who.Role) == role {
			return who
		}
	}
	t.Fatalf("the demo has no %s", role)
	return app.DemoPerson{}
}

// TestAnAuditorFindsTheLookThatWasJustMade has a practitioner look at their figures,
// which an auditor finds on the trail a moment later, and verifies.
func TestAnAuditorFindsTheLookThatWasJustMade(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	practitioner, auditor := someone(t, "practitioner"), someone(t, "auditor")

	looker := browser.Open(t, browser.Options{})
	looker.Go(p.url + "/")
	signIn(looker, practitioner)
	looker.Go("/figures")
	looker.Has("How much of the working time is booked")

	tab := browser.Open(t, browser.Options{})
	tab.Go(p.url + "/")
	signIn(tab, auditor)
	tab.Go("/trail")
	tab.Choose("What was done", "Looked at figures")
	tab.Click("Search")
	tab.Has(practitioner.Name)
	tab.Has("Looked at figures")
	tab.Go("/trail/verify")
	tab.Click("Verify now")
	tab.Lacks("The trail was tampered with")
	tab.Has("were read.")
}

// TestTheTrailAndFiguresAreForEverybody looks at these pages wide and narrow, light and
// dark, and in a language that goes from right to left.
func TestTheTrailAndFiguresAreForEverybody(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	pages := map[string][]string{
		"auditor":      {"/trail", "/trail?action=nothing", "/trail?from=x", "/trail/encounters", "/trail/emergencies", "/trail/verify"},
		"practitioner": {"/figures", "/figures?period=12"},
		"admin":        {"/figures", "/figures?period=own&from=x&to=y"},
	}
	mirrored := map[string]browser.Options{"narrow, mirrored": {Width: 320, Height: 800, ReducedMotion: true}}
	for look, o := range looks {
		mirrored[look] = o
	}
	for look, o := range mirrored {
		t.Run(look, func(t *testing.T) {
			for role, paths := range pages {
				tab := browser.Open(t, o)
				tab.Go(p.url + "/")
				signIn(tab, someone(t, role))
				if look == "narrow, mirrored" {
					tab.Cookie("__Host-language", "ar-XB")
				}
				for _, path := range paths {
					tab.Go(path)
					tab.Axe()
				}
			}
		})
	}
}
