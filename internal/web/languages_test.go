package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/web/words"
)

// The languages for tests, as package words has them.
const (
	accentedLanguage = "en-XA"
	mirroredLanguage = "ar-XB"
)

// unspoken are elements whose text is of no language, or of one that they name.
var unspoken = []string{"script", "style", "code", "pre", "bdi"}

// ofNoLanguage is text without a word: numbers, times of day, ids, signs. A word has
// three letters in a row, and am, pm and UTC are none.
var (
	ofNoLanguage = regexp.MustCompile(`\b(UTC|[0-9a-f-]{8,36})\b|\b[A-Z2-7]{10}\b`)
	aWord        = regexp.MustCompile(`\pL{3}`)
)

// data are texts that a clinic of the tests has made: names, and the like.
var data = []string{"Harbour Clinic", "Medbook", "Ann Example", "Bob Example", "Grey Example", "Brown Example", "Admin Example", "Auditor Example", "physiotherapy", "Go-http-client", "English", "Deutsch"}

// plain lists what one reads on a page that did not come from the catalogue: text
// outside of the brackets of the accented language.
func (p shown) plain() (found []string) {
	values := slices.Concat(p.attributes("input", "value"), p.attributes("option", "value"))
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			if slices.Contains(unspoken, n.Data) {
				return
			}
			for _, a := range n.Attr {
				switch a.Key {
				case "lang": // a name of a language, or what is kept in one
					if n.Data != "html" {
						return
					}
				case "translate":
					return
				case "value": // of a zone, whose places have names of their own
					if n.Data == "option" && strings.Contains(a.Val, "/") {
						return
					}
				case "aria-label", "alt", "placeholder":
					found = append(found, outsideBrackets(a.Val)...)
				}
			}
		}
		if n.Type == html.TextNode && !slices.Contains(values, strings.TrimSpace(n.Data)) { // what a form sends is shown as it is
			found = append(found, outsideBrackets(n.Data)...)
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(p.tree)
	return found
}

// outsideBrackets returns the words of a text that stand in no brackets and are no data.
func outsideBrackets(text string) (found []string) {
	var rest strings.Builder
	depth := 0
	for _, r := range text {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth == 0 {
				rest.WriteRune(r)
			}
		}
	}
	left := rest.String()
	for _, d := range data {
		left = strings.ReplaceAll(left, d, " ")
	}
	left = ofNoLanguage.ReplaceAllString(left, " ")
	for field := range strings.FieldsSeq(left) {
		if aWord.MatchString(field) && !strings.ContainsAny(field, "@/_.") {
			found = append(found, field)
		}
	}
	return found
}

// samples are pages that are looked at in the languages for tests: those of the table
// that need no id, and some that do.
func (c *clinic) samples(role string) (paths []string) {
	by := c.actor(role)
	for _, r := range c.server.routes() {
		open := len(r.may) == 0 && role == "ann"
		if r.method != get || strings.Contains(r.path, "{") || unsampled.MatchString(r.path) || !open && !by.Is(r.may...) {
			continue
		}
		paths = append(paths, r.path)
	}
	if role == "auditor" {
		paths = append(paths, "/trail/patients/"+c.users["ann"].ID.String(), "/trail?from=x")
	}
	if role == "grey" {
		paths = append(paths, "/figures?period=own&from=x", "/figures?period=12")
	}
	return append(paths, "/no-such-page")
}

// unsampled are what is no page by itself: files, streams of events, parts of pages, and
// steps that only an answer before leads to.
var unsampled = regexp.MustCompile(`/export|\.ics$|/live$|/part$|/events$|/stream$|/design$|/copy$|/search$|/link|/provider`)

// TestNothingIsHardCoded reads pages in the accented language. What stands in no
// brackets does not come from the catalogue.
func TestNothingIsHardCoded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.treat("ann")
		c.attend()
		seen := 0
		for _, role := range []string{"ann", "grey", "admin", "auditor"} {
			v := c.as(role)
			v.cookies[languageCookie] = accentedLanguage
			for _, path := range c.samples(role) {
				v.cookies[languageCookie] = accentedLanguage
				p := v.get(path)
				if p.header.Get("Content-Language") != accentedLanguage {
					continue // a file
				}
				seen++
				for _, text := range p.plain() {
					t.Errorf("%s: %s says %q, which is not of the catalogue", role, path, text)
				}
			}
		}
		if seen < 12 {
			t.Errorf("looked at %d pages; there are more", seen)
		}
	})
}

// TestPagesTurnForOtherScripts reads pages in the mirrored language.
func TestPagesTurnForOtherScripts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.treat("ann")
		for _, role := range []string{"ann", "grey", "admin", "auditor"} {
			v := c.as(role)
			for _, path := range c.samples(role) {
				v.cookies[languageCookie] = mirroredLanguage
				p := v.get(path)
				if p.header.Get("Content-Language") != mirroredLanguage {
					continue
				}
				if got := p.attributes("html", "dir"); !slices.Equal(got, []string{"rtl"}) {
					t.Errorf("%s: %s goes %v, want rtl", role, path, got)
				}
				if strings.Contains(p.body, "style=") {
					t.Errorf("%s: %s has a style of its own", role, path)
				}
			}
		}
	})
}

// The check above finds what it is for.
func TestHardCodedTextIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"[Sígñ íñ···]": "", "Sign in": "Sign", "[Sígñ íñ··] now please": "now please", "2027-03-14, 09:30": "", "Harbour Clinic": "",
		"9:30 am": "", "[A [B] c] UTC": "", "0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21": "", "[x]Delete": "Delete",
	} {
		if got := strings.Join(outsideBrackets(text), " "); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("of %q, %q is plain, want %q", text, got, want)
		}
	}
	if words.For(accentedLanguage, "", nil).Language != accentedLanguage || words.For(mirroredLanguage, "", nil).Direction() != "rtl" {
		t.Error("the languages for tests are others")
	}
}
