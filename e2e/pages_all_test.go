package e2e

import (
	"bytes"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"medbook/e2e/browser"
	"medbook/internal/app"
	"medbook/internal/demo"
)

// looks are the ways in which every page is looked at.
var looks = map[string]browser.Options{
	"wide, light":   {Width: 1280, Height: 900, ReducedMotion: true},
	"wide, dark":    {Width: 1280, Height: 900, ReducedMotion: true, Dark: true},
	"narrow, light": {Width: 320, Height: 800, ReducedMotion: true},
	"narrow, dark":  {Width: 320, Height: 800, ReducedMotion: true, Dark: true},
}

// TestEveryPageIsForEverybody opens every page that a stranger and the people of the
// demo clinic find by following links, wide and narrow, light and dark. axe finds
// nothing against it, nothing is wider than the screen, no policy is violated, no
// request leaves the machine, and the HTML is what the standard says.
func TestEveryPageIsForEverybody(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	people := map[string]app.DemoPerson{"stranger": {}}
	for _, who := range demo.People() {
		if people[string(who.Role)].Email == "" {
			people[string(who.Role)] = who
		}
	}
	sources := map[string][]byte{}
	for role, who := range people {
		found := followLinks(t, p.url, who)
		if len(found) < 5 {
			t.Errorf("a %s finds %d pages only", role, len(found))
		}
		for where, source := range found {
			sources[role+" "+where] = source
		}
		for look, options := range looks {
			t.Run(role+" "+look, func(t *testing.T) {
				tab := browser.Open(t, options)
				tab.Go(p.url + "/")
				signIn(tab, who)
				for where := range found {
					tab.Go(where)
					tab.Axe()
				}
			})
		}
	}
	browser.Validate(t, sources)
}

// signIn signs in to the demo clinic, unless it is nobody.
func signIn(tab *browser.Tab, who app.DemoPerson) {
	if who.Email == "" {
		return
	}
	tab.Go("/sign-in")
	tab.Fill("E-mail address", who.Email)
	tab.Fill("Password", who.Password)
	tab.Click(`form[action="/sign-in"] button:not([type])`)
}

// followLinks returns the pages that somebody finds by following links from the
// first one: one for each kind of address, with its source.
func followLinks(t *testing.T, base string, who app.DemoPerson) map[string][]byte {
	t.Helper()
	tab := browser.Open(t, browser.Options{NoScript: true})
	tab.Go(base + "/")
	signIn(tab, who)
	first, _ := url.Parse(tab.URL())
	todo, kinds, found := []string{first.RequestURI()}, map[string]bool{}, map[string][]byte{}
	for len(todo) > 0 {
		where := todo[0]
		todo = todo[1:]
		kind := kindOf(where)
		if kinds[kind] {
			continue
		}
		kinds[kind] = true
		tab.Go(where)
		if tab.Status() != 200 {
			t.Errorf("%s, to which a link leads %s, answers %d", where, who.Role, tab.Status())
			continue
		}
		source := tab.Source()
		found[where] = source
		todo = append(todo, linksOf(t, where, source)...)
	}
	return found
}

// files are addresses of what is no page: what is downloaded, and the API.
var files = regexp.MustCompile(`^/(docs|openapi|assets|v1)|\.(ics|csv|json|ndjson|html)$|/export`)

// linksOf lists where the links of a page lead, if that is one of our pages.
func linksOf(t *testing.T, where string, source []byte) (links []string) {
	t.Helper()
	tree, err := html.Parse(bytes.NewReader(source))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	here, _ := url.Parse(where)
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			to, err := here.Parse(a.Val)
			if a.Key != "href" || err != nil || to.Host != "" || to.Opaque != "" || files.MatchString(to.Path) {
				continue
			}
			to.Fragment = ""
			links = append(links, to.RequestURI())
		}
	}
	return links
}

// kindOf is what addresses of one page have in common: the path without ids, and the
// names of what is asked for.
func kindOf(where string) string {
	u, err := url.Parse(where)
	if err != nil {
		return where
	}
	parts := strings.Split(path.Clean(u.Path), "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") && len(part) > 8 {
			parts[i] = "{}"
		}
	}
	var names []string
	for name, values := range u.Query() {
		if values[0] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(parts, "/") + "?" + strings.Join(names, "&")
}
