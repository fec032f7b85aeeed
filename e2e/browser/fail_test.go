package browser_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"medbook/e2e/browser"
)

// tries is a test that may fail.
type tries struct {
	testing.TB // for the rest
	mu         sync.Mutex
	failures   []string
	cleanups   []func()
}

func (t *tries) Helper() {}

func (t *tries) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *tries) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, text)
}

func (t *tries) Errorf(format string, args ...any) { t.note(fmt.Sprintf(format, args...)) }
func (t *tries) Error(args ...any)                 { t.note(fmt.Sprintln(args...)) }

func (t *tries) Fatalf(format string, args ...any) {
	t.note(fmt.Sprintf(format, args...))
	panic(t)
}

func (t *tries) Fatal(args ...any) {
	t.note(fmt.Sprintln(args...))
	panic(t)
}

// failures returns with what a test fails.
func failures(t *testing.T, test func(t testing.TB)) []string {
	t.Helper()
	tried := &tries{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(tried) {
				panic(p)
			}
		}()
		test(tried)
	}()
	for _, f := range slices.Backward(tried.cleanups) {
		f()
	}
	return tried.failures
}

// mustFail wants test to fail, and to say each of texts.
func mustFail(t *testing.T, test func(t testing.TB), texts ...string) {
	t.Helper()
	said := strings.Join(failures(t, test), "\n")
	if said == "" {
		t.Errorf("got no failure, want one that says %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("got %s\nwant %q in it", said, text)
		}
	}
}

func TestWhatCannotBeDoneFailsAndShowsThePage(t *testing.T) {
	url := serve(t, map[string]string{
		"/": page(`<link rel="stylesheet" href="/cover.css">`, form+`<p><button disabled>Off</button> <a href="/a">Same</a> <a href="/b">Same</a></p>
<p><label for="fixed">Fixed</label> <input id="fixed" readonly value="x"></p>
<div id="under"><button>Under</button><div id="over">over</div></div>`),
		"/cover.css": "#under { position: relative } #over { position: absolute; inset: 0; background: white }",
	})
	for i, test := range []struct {
		do   func(*browser.Tab)
		want string
	}{
		{func(tab *browser.Tab) { tab.Click("Nowhere") }, `there is nothing that is named or selected by "Nowhere"`},
		{func(tab *browser.Tab) { tab.Click("Off") }, `button "Off" is disabled`},
		{func(tab *browser.Tab) { tab.Click("Same") }, `there are 2 of control "Same"`},
		{func(tab *browser.Tab) { tab.Click("Under") }, `button "Under" is covered by <div id="over">`},
		{func(tab *browser.Tab) { tab.Click("p") }, `"p" selects 9 elements`},
		{func(tab *browser.Tab) { tab.Fill("Continue", "x") }, `there is no field labelled "Continue"`},
		{func(tab *browser.Tab) { tab.Fill("Fixed", "y") }, `field "Fixed" is read-only`},
		{func(tab *browser.Tab) { tab.Fill("Date of birth", "29.2.1980") }, `field "Date of birth" took "29.2.1980" as ""`},
		{func(tab *browser.Tab) { tab.Choose("Zone", "Paris") }, `"Zone" has not the one option "Paris", but ["London" "New York"]`},
		{func(tab *browser.Tab) { tab.Choose("Visit length", "45 minutes") }, `there is no choice "45 minutes" in "Visit length"`},
		{func(tab *browser.Tab) { tab.Press("Any") }, `there is no key "Any"`},
		{func(tab *browser.Tab) { tab.Drag("Continue", "Nowhere") }, `there is nothing that is named or selected by "Nowhere"`},
		{func(tab *browser.Tab) { tab.Has("Goodbye") }, `the page lacks "Goodbye"`},
		{func(tab *browser.Tab) { tab.Lacks("Visit length") }, `the page has "Visit length"`},
		{func(tab *browser.Tab) { tab.HasA("heading", "Hospital") }, `there are 0 of heading "Hospital"; each heading: "Clinic"`},
		{func(tab *browser.Tab) { tab.Value("Nothing") }, `there is no field labelled "Nothing"`},
	} {
		mustFail(t, func(t testing.TB) {
			tab := browser.Open(t, browser.Options{NoScript: i%2 == 1})
			tab.Go(url)
			test.do(tab)
		}, test.want, "Visit length", `button "Continue"`, url)
	}
}

func TestWhatAPageMustNotDoIsSeen(t *testing.T) {
	elsewhere := serve(t, map[string]string{"/": page("", "<p>Elsewhere</p>"), "/x.js": ""})
	here := func(body, script string) string {
		return serve(t, map[string]string{"/": page("", body+`<script src="/x.js"></script>`), "/x.js": script})
	}
	for name, test := range map[string]struct {
		url, want string
	}{
		"inline script":  {here(`<script>let x = 1</script>`, ""), "Content Security Policy"},
		"inline style":   {here(`<p style="color: red">red</p>`, ""), "Content Security Policy"},
		"inline handler": {here(`<button onclick="x()">x</button>`, `document.querySelector("button").click()`), "Content Security Policy"},
		"eval":           {here("", `eval("1")`), "Content Security Policy"},
		"foreign image":  {here(`<img alt="" src="`+elsewhere+`/x.png">`, ""), elsewhere + "/x.png"},
		"foreign page":   {here("", `location.href = "`+elsewhere+`"`), "the page asks another origin: GET " + elsewhere},
		"exception":      {here("", `throw new Error("oh no")`), "uncaught exception: Error: oh no"},
		"rejection":      {here("", `Promise.reject(new Error("oh no"))`), "uncaught exception: Error: oh no"},
		"console error":  {here("", `console.error("oh", 7, new Error("no"))`), "console error: oh 7 Error: no"},
		"missing file":   {here(`<img alt="" src="/missing.png">`, ""), "/missing.png is answered 404"},
		"dialog":         {here("", `alert("oh no")`), "a dialog opened: oh no"},
	} {
		t.Run(name, func(t *testing.T) {
			mustFail(t, func(t testing.TB) { browser.Open(t, browser.Options{}).Go(test.url) }, test.want)
		})
	}
	tab := browser.Open(t, browser.Options{})
	tab.Allow(elsewhere)
	tab.Go(here(`<p><a href="`+elsewhere+`">Away</a></p>`, ""))
	tab.Click("Away")
	tab.Has("Elsewhere")
}

func TestAxeFindsWhatPeopleCannotUse(t *testing.T) {
	url := serve(t, map[string]string{
		"/good":     page(`<link rel="stylesheet" href="/good.css">`, form),
		"/good.css": "button { padding: 8px }",
		"/bad":      page(`<link rel="stylesheet" href="/bad.css">`, `<p id="pale">Hardly seen</p><p><input name="x"></p><p id="wide">wide</p><p><a class="tiny" href="/1">1</a><a class="tiny" href="/2">2</a></p>`),
		"/bad.css":  "#pale { color: #ccc; background: #fff } #wide { width: 2000px } .tiny { display: inline-block; width: 10px; height: 10px; overflow: hidden }",
	}, asked)
	both(t, func(t *testing.T, o browser.Options) {
		tab := browser.Open(t, o)
		tab.Go(url + "/good")
		tab.Axe()
		tab.Fill("Your name", "Still here")
		tab.Click("Continue")
		tab.Has("You are Still here")
		mustFail(t, func(t testing.TB) {
			tab := browser.Open(t, o)
			tab.Go(url + "/bad")
			tab.Axe()
		}, "(color-contrast)", `<p id="pale">`, "(label)", `<input name="x">`, "(target-size)", "must be scrolled to the side", "2008 pixels wide, the tab 1280", `<p id="wide">`)
	})
}

func TestPagesAreHTML(t *testing.T) {
	browser.Validate(t, map[string][]byte{"good": []byte(page("", form)), "answer": []byte(page("", "<p>You are <b>in</b>.</p>"))})
	mustFail(t, func(t testing.TB) {
		browser.Validate(t, map[string][]byte{
			"good":      []byte(page("", form)),
			"nested":    []byte(page("", "<p><div>block in a paragraph</div></p>")),
			"twice":     []byte(page("", `<p id="a">one</p><p id="a">two</p>`)),
			"unclosed":  []byte(page("", "<section><h2>No end</h2>")),
			"invented":  []byte(page("", "<blink-182>x</blink-182><marquee>old</marquee>")),
			"no title":  []byte(`<!doctype html><html lang="en"><head></head><body></body></html>`),
			"reference": []byte(page("", `<label for="nobody">Name</label>`)),
			"bare":      []byte(`<p>no document</p>`),
		})
	}, "nested, line 13, column", "twice, line 13", "unclosed, line", "invented, line 13", "no title, line 1", "reference, line 13", "bare, line 1")
	said := strings.Join(failures(t, func(t testing.TB) {
		browser.Validate(t, map[string][]byte{"good": []byte(page("", form)), "bad": []byte("<p>x</div>")})
	}), "\n")
	if strings.Contains(said, "good, line") {
		t.Errorf("found fault with a good page: %s", said)
	}
	mustFail(t, func(t testing.TB) { browser.Validate(t, nil) }, "there are no pages")
}

func TestWithoutItsProgramsATestFails(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	mustFail(t, func(t testing.TB) { browser.Validate(t, map[string][]byte{"good": []byte(page("", form))}) }, "the tests of the pages need node: run scripts/need.sh")
}
