package e2e

import (
	"bytes"
	"strings"
	"testing"

	"medbook/e2e/browser"
)

// TestAListGoesOnInPlace goes on in a list: with scripts the frame of the page stays,
// without them the next part is a page of its own. Both have an address.
func TestAListGoesOnInPlace(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	for name, noScript := range map[string]bool{"with scripts": false, "without scripts": true} {
		t.Run(name, func(t *testing.T) {
			tab := browser.Open(t, browser.Options{NoScript: noScript})
			tab.Go(p.url + "/")
			signIn(tab, someone(t, "auditor"))
			tab.Go("/trail")
			first, source := tab.Text(), tab.Source()
			tab.Click("More")
			if tab.Text() == first || !strings.Contains(tab.URL(), "after=") {
				t.Errorf("%s shows what was there before: %s", tab.URL(), tab.Text())
			}
			if stays := bytes.Equal(tab.Source(), source); stays == noScript {
				t.Errorf("the page stayed: %t, want %t", stays, !noScript)
			}
			tab.HasA("heading", "Audit trail")
			tab.Axe()
			tab.Back()
			tab.HasA("heading", "Audit trail")
			if strings.Contains(tab.URL(), "after=") {
				t.Errorf("back leads to %s", tab.URL())
			}
		})
	}
}
