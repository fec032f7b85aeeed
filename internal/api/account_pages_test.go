package api

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/errs"
)

// pages returns the account pages by name, without the files that they load.
func pages(c *clinic) map[string]string {
	all := map[string]string{}
	for name, file := range accountPages {
		if strings.HasSuffix(file, ".html") {
			all[name] = string(c.must(200, "", get, "/account/"+name, nil).body)
		}
	}
	return all
}

func TestAccountPagesAreGuarded(t *testing.T) {
	c := onSQLite(t)
	for name := range accountPages {
		r := c.must(200, "", get, "/account/"+name, nil)
		want := map[string]string{
			"Content-Security-Policy": accountPolicy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache",
		}
		if _, kind, ok := strings.Cut(name, "."); ok {
			want["Content-Type"] = map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}[kind]
			delete(want, "Content-Security-Policy")
		}
		for header, value := range want {
			if got := r.Header.Get(header); got != value {
				t.Errorf("%s has %s %q, want %q", name, header, got, value)
			}
		}
		again := c.must(304, "", get, "/account/"+name, nil, "If-None-Match", r.Header.Get("ETag"))
		if got := again.Header.Get("Content-Security-Policy"); got != r.Header.Get("Content-Security-Policy") {
			t.Errorf("%s, unchanged, has the policy %q: a browser would put it in the place of the page's own", name, got)
		}
	}
	for _, name := range []string{"nowhere", "verify.html", "account", "docs.css", "..%2Fdocs.css", "account%2Fverify.html"} {
		c.refused(c.call("", get, "/account/"+name, nil), 404, "not-found")
	}
	c.refused(c.call("", post, "/account/verify", nil), 405, "method-not-allowed")
}

// TestAccountPagesAreWhole looks for what the policy forbids, for what a page
// needs that its script counts on, and for words to who has no script.
func TestAccountPagesAreWhole(t *testing.T) {
	c := onSQLite(t)
	forbidden := regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son\w+=|javascript:|https?://`)
	for name, page := range pages(c) {
		if inline := forbidden.FindString(page); inline != "" {
			t.Errorf("%s has %s, which its policy forbids", name, inline)
		}
		for _, part := range []string{
			`<html lang="en">`, `name="viewport"`, "<noscript><p>", `id="said" aria-live="polite"`, `id="done" tabindex="-1" hidden`, "novalidate hidden>", "<h1>",
		} {
			if !strings.Contains(page, part) {
				t.Errorf("%s lacks %s", name, part)
			}
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			c.must(200, "", get, m[1], nil)
		}
		for _, input := range regexp.MustCompile(`<input id="(\w+)"[^>]*>`).FindAllStringSubmatch(page, -1) {
			for _, part := range []string{`<label for="` + input[1] + `">`, `id="` + input[1] + `-wrong"`} {
				if !strings.Contains(page, part) {
					t.Errorf("%s: the field %s has no %s", name, input[1], part)
				}
			}
			if !strings.Contains(input[0], "autocomplete=") || !strings.Contains(input[0], input[1]+`-wrong"`) {
				t.Errorf("%s: %s lacks autocomplete or aria-describedby", name, input[0])
			}
		}
	}
}

// TestAccountPagesCallWhatExists compares each form with the operation that its
// script calls.
func TestAccountPagesCallWhatExists(t *testing.T) {
	c := onSQLite(t)
	script := string(c.must(200, "", get, "/account/account.js", nil).body)
	if strings.Contains(script, "/v1/") || strings.Count(script, "fetch(form.dataset.path, {") != 1 || !strings.Contains(script, `method: "POST"`) {
		t.Error("the script calls what no form names, or not with POST")
	}
	a := new(Server).surface()
	for name, page := range pages(c) {
		form := regexp.MustCompile(`<form data-path="([^"]+)"( data-token)?( data-session)?`).FindStringSubmatch(page)
		if form == nil || strings.Count(page, "<form") != 1 || strings.Count(page, "/v1/") != 1 {
			t.Fatalf("%s does not have one form that names its path", name)
		}
		i := slices.IndexFunc(a.operations, func(o *operation) bool { return o.Path == form[1] && o.Method == post })
		if i < 0 {
			t.Errorf("%s calls POST %s, which does not exist", name, form[1])
			continue
		}
		o := a.operations[i]
		sent := map[string]bool{} // and whether it is required
		if form[2] != "" {
			sent["token"] = true
		}
		if form[3] != "" {
			sent["session"] = false
		}
		for _, m := range regexp.MustCompile(`<input [^>]*\sname="(\w+)"[^>]*>`).FindAllStringSubmatch(page, -1) {
			sent[m[1]] = strings.Contains(m[0], " required")
		}
		taken := map[string]bool{}
		schema := a.resolved(o.described.RequestBody.Content[jsonContent].Schema)
		for field := range schema.Properties {
			taken[field] = slices.Contains(schema.Required, field)
		}
		if diff := cmp.Diff(taken, sent); diff != "" {
			t.Errorf("%s does not send what %s takes, or does not require what it requires (-operation +page):\n%s", name, o.ID, diff)
		}
		for _, m := range regexp.MustCompile(`<p id="([a-z]+-[a-z-]+)" hidden>`).FindAllStringSubmatch(page, -1) {
			if !slices.ContainsFunc(o.refusals(), sameCode(&errs.Error{Code: m[1]})) {
				t.Errorf("%s has words for %s, which %s never answers", name, m[1], o.ID)
			}
		}
	}
}

// TestTheSignInPageCallsWhatExists looks at its own script.
func TestTheSignInPageCallsWhatExists(t *testing.T) {
	c := onSQLite(t)
	script := string(c.must(200, "", get, "/account/sign-in.js", nil).body)
	calls := regexp.MustCompile(`call\("(\w+)", "(/v1/[^?"]+)`).FindAllStringSubmatch(script, -1)
	if len(calls) != 5 || strings.Count(script, "/v1/") != len(calls) {
		t.Errorf("found %d calls, want 5 and no other path", len(calls))
	}
	for _, call := range calls {
		if !slices.ContainsFunc(table(), func(o *operation) bool { return o.Method == call[1] && o.Path == call[2] && o.May.public() }) {
			t.Errorf("%s %s does not exist, or not for everybody", call[1], call[2])
		}
	}
}
