package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// finder looks for texts in whatever form they are written: as they are, in
// base64, in hex, escaped for URLs or for JSON, in upper and lower case.
type finder struct {
	texts  map[string]string    // by the form
	begins map[[4]byte][]string // forms by their first bytes
}

// How short a text may be that is looked for, and a form of one that chance would
// write sooner or later.
const (
	shortest       = 6
	shortestByLuck = 10
)

// newFinder makes a finder. Texts that are too short are left out.
func newFinder(texts ...string) *finder {
	f := &finder{map[string]string{}, map[[4]byte][]string{}}
	for _, text := range texts {
		if len(text) < shortest {
			continue
		}
		for _, form := range disguises(text) {
			form = strings.ToLower(form)
			if f.texts[form] == "" {
				begin := [4]byte([]byte(form))
				f.texts[form], f.begins[begin] = text, append(f.begins[begin], form)
			}
		}
	}
	return f
}

// in returns the texts that are in another, with the form in which they are.
func (f *finder) in(text string) (found []string) {
	text = strings.ToLower(text)
	seen := map[string]bool{}
	for i := 0; i+4 <= len(text); i++ {
		for _, form := range f.begins[[4]byte([]byte(text[i:i+4]))] {
			if strings.HasPrefix(text[i:], form) && !seen[f.texts[form]] {
				seen[f.texts[form]] = true
				found = append(found, fmt.Sprintf("%q as %q", f.texts[form], form))
			}
		}
	}
	return found
}

// disguises returns the forms of a text.
func disguises(text string) []string {
	quoted, _ := json.Marshal(text)
	var escaped, percent strings.Builder
	for _, r := range text {
		fmt.Fprintf(&escaped, `\u%04x`, r)
	}
	for _, b := range []byte(text) {
		fmt.Fprintf(&percent, "%%%02x", b)
	}
	all := []string{text, url.QueryEscape(text), url.PathEscape(text), strings.Trim(string(quoted), `"`), escaped.String(), percent.String()}
	lucky := []string{hex.EncodeToString([]byte(text))}
	for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 { // bytes of a group that stand before the text
			encoded := code.EncodeToString(append(make([]byte, before), text...))
			lucky = append(lucky, encoded[(before*8+5)/6:(before+len(text))*8/6])
		}
	}
	for _, form := range lucky {
		if len(form) >= shortestByLuck {
			all = append(all, form)
		}
	}
	return all
}

// TestTheFinderFinds hides texts in others.
func TestTheFinderFinds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a.b@x.co.uk", "(555) 123-4567", "+447451277972", "078-05-1120", "1931-07-04", "Zoë \"Q\" <Quill>/?"} {
		f := newFinder(text, "short", "another one")
		quoted, err := json.Marshal("x" + text)
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{
			text, "x" + strings.ToUpper(text) + "y", url.QueryEscape("é" + text + " "), url.PathEscape(text), string(quoted),
			hex.EncodeToString([]byte("x" + text + "y")), strings.ToUpper(hex.EncodeToString([]byte(text))),
			base64.StdEncoding.EncodeToString([]byte(text)), base64.URLEncoding.EncodeToString([]byte("x" + text + "y")),
			base64.RawStdEncoding.EncodeToString([]byte("xy" + text)), base64.StdEncoding.EncodeToString([]byte("xyz" + text + "xyz")),
		} {
			if found := f.in("{" + hidden + "}"); len(found) != 1 || !strings.HasPrefix(found[0], fmt.Sprintf("%q as ", text)) {
				t.Errorf("%q in %q: found %q", text, hidden, found)
			}
		}
		if found := f.in("a short text with nothing in it, a.b@x.co, 555 123-4567, 1931-07-0"); len(found) != 0 {
			t.Errorf("found %q in what has nothing", found)
		}
	}
}
