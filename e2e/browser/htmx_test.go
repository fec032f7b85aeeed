package browser_test

import (
	"os"
	"testing"

	"medbook/e2e/browser"
)

// config is the one that the pages give htmx: what hides an indicator stands in
// their own style sheet.
const config = `<meta name="htmx-config" content='{"includeIndicatorCSS":false}'>`

// TestHtmxWorksUnderThePolicy shows that the htmx of the pages needs neither inline
// styles nor eval.
func TestHtmxWorksUnderThePolicy(t *testing.T) {
	htmx, err := os.ReadFile("../../internal/web/assets/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	head := config + `<script src="/htmx.js" defer></script>`
	url := serve(t, map[string]string{
		"/htmx.js": string(htmx),
		"/": page(head, `<div hx-boost:inherited="true"><p><a href="/boosted">Boosted</a></p>
<form action="/asked" method="post"><label for="name">Your name</label> <input id="name" name="name"> <button>Ask</button></form>
<form action="/refused" method="post"><button>Refuse me</button></form></div>
<div hx-target:inherited="#there" hx-swap:inherited="innerHTML"><button hx-get="/part" hx-indicator="#wait">Get</button></div>
<div id="there">nothing yet</div>
<p id="wait" class="htmx-indicator">one moment</p>
<p id="marker">first document</p>
<label for="q">Find</label> <input id="q" name="q" hx-get="/part" hx-trigger="input changed delay:50ms" hx-target="#there">`),
		"/part":    `<p>a part from the server</p><p id="marker" hx-swap-oob="true">marked by hand</p>`,
		"/boosted": page(head, "<p>boosted page</p>"),
	}, asked)
	tab := browser.Open(t, browser.Options{})
	tab.Go(url)
	browser.Validate(t, map[string][]byte{"/": tab.Source()})
	tab.Click("Get")
	tab.Has("a part from the server")
	tab.Has("marked by hand")
	tab.Reload()
	tab.Fill("Find", "x")
	tab.Await("a part from the server")
	tab.Click("Boosted")
	tab.Has("boosted page")
	if tab.URL() != url+"/boosted" || tab.Title() != "Clinic" {
		t.Errorf("got %s, %q", tab.URL(), tab.Title())
	}
	tab.Back()
	tab.Has("nothing yet")
	tab.Fill("Your name", "Max")
	tab.Click("Ask")
	tab.Has("You are Max")
	if got := tab.URL(); got == url+"/" {
		t.Errorf("the address is still %s", got)
	}
	tab.Back()
	tab.Click("Refuse me")
	tab.Has("There is a problem")
	if got := tab.URL(); got != url+"/refused" {
		t.Errorf("refused: got %s", got)
	}
}
