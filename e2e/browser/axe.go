package browser

import (
	_ "embed" // axe-core
	"strings"

	"github.com/chromedp/cdproto/emulation"
)

// axe is axe-core 4.14.1 as its makers publish it (axe-core on npm).
//
//go:embed testdata/axe.min.js
var axe string

// standards are the rules of axe-core that pages are to obey.
var standards = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"}

// violation is a rule of axe-core that the page breaks.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string
		FailureSummary string
	}
}

// wide lists what is wider than the tab, innermost first, if the page can be
// scrolled to the side.
const wide = `() => {
	const page = document.documentElement, width = page.clientWidth;
	if (page.scrollWidth <= width) return [];
	return [...document.body.querySelectorAll("*")].reverse()
		.filter(e => e.getBoundingClientRect().right > width + 0.5)
		.slice(0, 5).map(e => e.cloneNode(false).outerHTML).concat("the page is " + page.scrollWidth + " pixels wide, the tab " + width);
}`

// Axe fails the test if the page breaks a rule of WCAG 2.2 (A and AA) or a best
// practice that axe-core can see, or is wider than the tab.
func (tab *Tab) Axe() {
	tab.t.Helper()
	if !tab.scripts { // the page's have had their chance; axe-core needs timers
		must(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
		defer must(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	// It runs in the tab's own world, where the page's policy does not hold.
	if _, err := tab.function("() => {"+axe+"\n}", "", true); err != nil {
		tab.fail("axe-core: %v", err)
	}
	found := evaluate[[]violation](tab, `tags => axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]}).then(r =>
		r.violations.map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`, standards)
	for _, v := range found {
		for _, n := range v.Nodes {
			tab.t.Errorf("%s: %s (%s)\n%s\n%s", tab.URL(), v.Help, v.ID, n.HTML, n.FailureSummary)
		}
	}
	if over := evaluate[[]string](tab, wide); len(over) > 0 {
		tab.t.Errorf("%s must be scrolled to the side: %s", tab.URL(), strings.Join(over, "\n"))
	}
}
