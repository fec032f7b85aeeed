package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/web/assets"
)

// linkPages are where the links lead that people are sent, or that the server
// prints.
var linkPages = []string{"/account/verify", "/account/reset", "/account/email", "/account/setup"}

// pagesOfAccounts are those of entry and account, by who can open them.
func (c *clinic) pagesOfAccounts() map[string][]string {
	all := map[string][]string{}
	for _, r := range slices.Concat(c.server.entryRoutes(), c.server.accountRoutes()) {
		if r.method != get || strings.Contains(r.path, "{") {
			continue
		}
		who := ""
		if len(r.may) > 0 {
			who = map[bool]string{true: "ann", false: "admin"}[slices.Contains(r.may, auth.Patient)]
		}
		all[who] = append(all[who], r.path)
	}
	return all
}

// eachAccountPage opens every page of entry and account.
func (c *clinic) eachAccountPage(check func(p shown)) {
	c.t.Helper()
	opened := 0
	for who, paths := range c.pagesOfAccounts() {
		v := c.visitor()
		if who != "" {
			v = c.as(who)
		}
		for _, path := range paths {
			p := v.get(path)
			if p.path != path || p.status != http.StatusOK {
				c.t.Errorf("%s is answered with %d by %s", path, p.status, p.path)
				continue
			}
			opened++
			check(p)
		}
	}
	if opened < 20 {
		c.t.Errorf("%d pages, want more", opened)
	}
}

func TestAccountPagesAreGuarded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.newPasskey("ann")
		c.eachAccountPage(func(p shown) {
			want := map[string]string{
				"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
				"X-Frame-Options": "DENY", "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
			}
			for header, value := range want {
				if got := p.header.Get(header); got != value {
					t.Errorf("%s has %s %q, want %q", p.path, header, got, value)
				}
			}
		})
		for _, part := range []string{"script-src 'self';", "default-src 'none';", "form-action 'self';", "frame-ancestors 'none';", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("the policy lacks %s", part)
			}
		}
		for _, name := range []string{"/account/nowhere", "/account/verify.html", "/account/account.css", "/account/..%2Fdocs.css", "/account/x%2Fverify"} {
			if p := c.visitor().get(name); p.status != http.StatusNotFound {
				t.Errorf("%s: %d, want 404", name, p.status)
			}
		}
		if p := c.visitor().post("/forgotten/sent"); p.status != http.StatusMethodNotAllowed || p.header.Get("Allow") != "GET" {
			t.Errorf("a form to a page that takes none: %d, Allow %q", p.status, p.header.Get("Allow"))
		}
	})
}

// TestAccountPagesAreWhole looks for what the policy forbids, for fields that a
// person, a password manager or a screen reader could not use, and for files that
// are not there.
func TestAccountPagesAreWhole(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.newPasskey("ann")
		forbidden := regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son\w+=|javascript:`)
		fields := 0
		c.eachAccountPage(func(p shown) {
			if inline := forbidden.FindString(p.body); inline != "" {
				t.Errorf("%s has %s, which its policy forbids", p.path, inline)
			}
			for _, part := range []string{`<html lang="en"`, `name="viewport"`, "<h1>", `id="main"`} {
				if strings.Count(p.body, part) != 1 {
					t.Errorf("%s has %d times %s", p.path, strings.Count(p.body, part), part)
				}
			}
			for _, src := range append(p.attributes("script", "src"), p.attributes("link", "href")...) {
				if got := c.visitor().get(src); got.status != http.StatusOK {
					t.Errorf("%s loads %s, which is %d", p.path, src, got.status)
				}
			}
			for _, input := range regexp.MustCompile(`<input [^>]*>`).FindAllString(p.body, -1) {
				kind, id := regexp.MustCompile(` type="(\w+)"`).FindStringSubmatch(input), regexp.MustCompile(` id="([^"]+)"`).FindStringSubmatch(input)
				if kind == nil || kind[1] == "hidden" {
					continue
				}
				fields++
				if id == nil || !strings.Contains(p.body, `<label for="`+id[1]+`">`) {
					t.Errorf("%s: %s has no label", p.path, input)
				}
				if kind[1] == "password" && !strings.Contains(input, "autocomplete=\"new-password\"") && !strings.Contains(input, "autocomplete=\"current-password\"") {
					t.Errorf("%s: %s does not say whether the password is new", p.path, input)
				}
				if kind[1] == "password" && (strings.Contains(input, " value=") || strings.Contains(input, "maxlength=\"12\"")) {
					t.Errorf("%s: %s shows a password, or cuts it", p.path, input)
				}
			}
		})
		if fields < 25 {
			t.Errorf("%d fields, want more", fields)
		}
	})
}

// TestLinksWorkWithoutScripts shows that the field for the link is there for who has
// none, and is found by the script.
func TestLinksWorkWithoutScripts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := emptyClinic(t, db)
		for _, path := range linkPages {
			p := c.visitor().get(path).has(200, "Link from the message", "paste it here")
			if got := p.attributes("input", "data-token"); len(got) != 1 {
				t.Errorf("%s has %d fields for the token", path, len(got))
			}
			if form := p.attributes("form", "action"); !slices.Contains(form, path) {
				t.Errorf("%s sends its form to %v", path, form)
			}
		}
	})
}

// TestScriptsOfPagesAreModest looks for what scripts of pages do not do: make
// scripts or HTML of text, keep things, call what is not ours.
func TestScriptsOfPagesAreModest(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|localStorage|sessionStorage|indexedDB|https?://`)
	for _, name := range []string{"page.js", "passkey.js", "arrive.js", "push.js", "push-worker.js"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, assets.Path(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetPathValue("name", name)
		w := httptest.NewRecorder()
		if !assets.Serve(w, r) || w.Body.Len() == 0 {
			t.Fatalf("there is no %s", name)
		}
		content := w.Body.String()
		if found := forbidden.FindString(content); found != "" {
			t.Errorf("%s has %s", name, found)
		}
		if !strings.Contains(content, `"use strict";`) {
			t.Errorf("%s is not strict", name)
		}
	}
}
