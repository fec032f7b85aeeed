package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Options are who looks at the pages, and with what. The zero value is somebody
// with a wide, light screen, scripts, English, and the zone UTC.
type Options struct {
	Width, Height int    // of what is seen of the page, in CSS pixels; 1280 and 800 unless said
	Dark          bool   // prefers dark colours
	ReducedMotion bool   // prefers that nothing moves
	NoScript      bool   // scripts of pages don't run
	Language      string // what the browser asks for in Accept-Language, such as "de-DE,de"; "en-GB,en" unless said
	Zone          string // of scripts of pages; IANA
}

// Tab is a tab of a browser, with cookies and storage of its own. It is for one
// goroutine; several tabs may be used at once.
//
// Names are those that assistive technology says, computed by the browser: a
// field's label, a button's text, a link's aria-label. They are compared as a
// whole, but for white space. Where two things have one name a person can't tell
// them apart either, so the tab fails the test, unless they are links to one place.
//
// Each method that does something returns when the page is at rest: nothing is
// being loaded and no request is under way, server-sent events excepted.
type Tab struct {
	t       testing.TB
	ctx     context.Context
	id      cdp.FrameID // of the page itself, not of frames in it
	scripts bool        // of pages run
	watch   *watch
	sources map[network.RequestID][]byte // of the documents that were shown; the browser forgets those it left
}

// Open opens a tab, which is closed when the test ends.
func Open(t testing.TB, o Options) *Tab {
	t.Helper()
	chromium, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	tab := &Tab{t: t, ctx: ctx, scripts: !o.NoScript, watch: newWatch(), sources: map[network.RequestID][]byte{}}
	t.Cleanup(func() {
		tab.report()
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	tab.id = cdp.FrameID(chromedp.FromContext(ctx).Target.TargetID)
	tab.watch.main = tab.id
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		t.Fatal(err)
	}
	must(tab, network.Enable, network.EnableParams{})
	must(tab, log.Enable, cdp.Empty{})
	tab.equip(o)
	return tab
}

// equip makes the browser what o says.
func (tab *Tab) equip(o Options) {
	tab.t.Helper()
	must(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(cmp.Or(o.Width, 1280)), Height: int64(cmp.Or(o.Height, 800)), DeviceScaleFactor: 1,
	})
	must(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: either(o.Dark, "dark", "light")},
		{Name: "prefers-reduced-motion", Value: either(o.ReducedMotion, "reduce", "no-preference")},
	}})
	must(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !tab.scripts})
	must(tab, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: cmp.Or(o.Zone, "UTC")})
	version, err := chromedp.CallBrowser(tab.ctx, browser.GetVersion, cdp.Empty{})
	if err != nil {
		tab.t.Fatal(err)
	}
	must(tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: version.UserAgent, AcceptLanguage: cmp.Or(o.Language, "en-GB,en"),
	})
}

func either(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// Allow lets the tab ask the origin of address too, beside that of the first page.
func (tab *Tab) Allow(address string) {
	tab.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tab.fail("%v", err)
	}
	tab.watch.allow(origin(u))
}

// Go opens the page at address. Its origin is the only one that the tab may ask,
// from the first page on. After that, address may be a path.
func (tab *Tab) Go(address string) {
	tab.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tab.fail("%v", err)
	}
	if !u.IsAbs() {
		here, err := url.Parse(tab.URL())
		if err != nil {
			tab.fail("%v", err)
		}
		u = here.ResolveReference(u)
	}
	tab.watch.first(origin(u))
	if got := must(tab, page.Navigate, page.NavigateParams{URL: u.String()}); got.ErrorText != "" && !got.IsDownload {
		tab.fail("open %s: %s", u, got.ErrorText)
	}
	tab.settle()
}

// Cookie has the browser keep a cookie for the page's origin, such as one that a page
// has no button for.
func (tab *Tab) Cookie(name, value string) {
	tab.t.Helper()
	must(tab, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: tab.URL(), Path: "/", Secure: new(true)})
}

// Reload loads the page anew.
func (tab *Tab) Reload() {
	tab.t.Helper()
	must(tab, page.Reload, page.ReloadParams{})
	tab.settle()
}

// Back goes to the page before, as the browser's button does.
func (tab *Tab) Back() {
	tab.t.Helper()
	history := must(tab, page.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex == 0 {
		tab.fail("there is no page before this one")
	}
	must(tab, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
	tab.settle()
}

// Text returns what is seen of the page, line by line.
func (tab *Tab) Text() string {
	tab.t.Helper()
	return evaluate[string](tab, `() => document.body?.innerText ?? ""`)
}

// FirstPaint returns how long it took from asking for the page until something of
// it was seen.
func (tab *Tab) FirstPaint() time.Duration {
	tab.t.Helper()
	ms := evaluate[float64](tab, `() => performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	return time.Duration(ms * float64(time.Millisecond))
}

// Title returns the title of the page.
func (tab *Tab) Title() string {
	tab.t.Helper()
	return evaluate[string](tab, `() => document.title`)
}

// URL returns the address of the page.
func (tab *Tab) URL() string {
	tab.t.Helper()
	return evaluate[string](tab, `() => location.href`)
}

// Status returns the status with which the server answered the page.
func (tab *Tab) Status() int {
	status, _ := tab.watch.answer()
	return status
}

// Source returns the page as the server sent it, for Validate.
func (tab *Tab) Source() []byte {
	tab.t.Helper()
	_, id := tab.watch.answer()
	source, ok := tab.sources[id]
	if !ok {
		tab.fail("the server did not send this page")
	}
	return source
}

// keep keeps the source of the page that is shown.
func (tab *Tab) keep() {
	_, id := tab.watch.answer()
	if _, kept := tab.sources[id]; kept {
		return
	}
	if got, err := call(tab, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id}); err == nil {
		tab.sources[id] = got.Body
	}
}

// Has fails the test unless text is seen on the page, in one piece but for white space.
func (tab *Tab) Has(text string) {
	tab.t.Helper()
	if !strings.Contains(plain(tab.Text()), plain(text)) {
		tab.fail("the page lacks %q", text)
	}
}

// Lacks fails the test if text is seen on the page.
func (tab *Tab) Lacks(text string) {
	tab.t.Helper()
	if strings.Contains(plain(tab.Text()), plain(text)) {
		tab.fail("the page has %q", text)
	}
}

// Await waits until text is seen on the page. It is for what comes by itself;
// after Click and the like, Has will do.
func (tab *Tab) Await(text string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !strings.Contains(plain(tab.Text()), plain(text)) {
		select {
		case <-look.C:
		case <-ctx.Done():
			tab.fail("the page still lacks %q", text)
		}
	}
	tab.settle()
}

// Focused returns the name of what has the focus; "" if that is the page itself.
func (tab *Tab) Focused() string {
	tab.t.Helper()
	object, err := tab.function(`() => document.activeElement`, "", false)
	if err != nil {
		tab.fail("%v", err)
	}
	nodes := must(tab, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: object.ObjectID, FetchRelatives: new(false)}).Nodes
	if len(nodes) == 0 || said(nodes[0].Role) == "RootWebArea" {
		return ""
	}
	return plain(said(nodes[0].Name))
}

// Screenshot writes a picture of the whole page, as PNG.
func (tab *Tab) Screenshot(file string) {
	tab.t.Helper()
	shot := must(tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: new(true),
	})
	if err := os.WriteFile(file, shot.Data, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}

// Print makes the tab show pages as they are on paper, from now on. What is not
// printed can't be clicked, so that one signs in before.
func (tab *Tab) Print() {
	tab.t.Helper()
	must(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	tab.settle()
}

// settle returns when the page is at rest, and tells what went wrong meanwhile.
func (tab *Tab) settle() {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	for quiet := 0; quiet < 2; {
		busy, changed := tab.watch.busy()
		if busy == "" {
			tab.turn()
			if busy, _ = tab.watch.busy(); busy == "" {
				quiet++
				continue
			}
		}
		quiet = 0
		select {
		case <-changed:
		case <-ctx.Done():
			tab.fail("the page does not come to rest: %s", busy)
		}
	}
	tab.keep()
	tab.report()
}

// turn lets the page do what it has put off: what is ready before it answers, and
// with scripts, what comes after it is drawn. A page that goes away while it is
// asked answers with an error; then the next one is asked.
func (tab *Tab) turn() {
	if tab.scripts {
		_, _ = tab.function(`() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 2)))`, "", true)
		return
	}
	for range 3 { // without scripts neither frames nor timers call back
		_, _ = tab.function(`() => true`, "", true)
	}
}

// report fails the test for what the watch has seen since the last time.
func (tab *Tab) report() {
	tab.t.Helper()
	for _, fault := range tab.watch.faults() {
		tab.t.Errorf("%s", fault)
	}
}

// fail ends the test and says what the page shows.
func (tab *Tab) fail(format string, args ...any) {
	tab.t.Helper()
	tab.report()
	tab.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), tab.shown())
}

// shown describes the page for people who read a failure.
func (tab *Tab) shown() string {
	seen, err := tab.function(`() => location.href + "\n" + document.title + "\n" + (document.body?.innerText ?? "").slice(0, 4000)`, "", true)
	if err != nil {
		return "(the page can't be asked: " + err.Error() + ")"
	}
	var text string
	if err := json.Unmarshal(seen.Value, &text); err != nil {
		return err.Error()
	}
	var names []string
	if nodes, err := tab.nodes(); err == nil {
		for _, n := range nodes {
			if controls[n.role] {
				names = append(names, fmt.Sprintf("%s %q", n.role, n.name))
			}
		}
	}
	return "The page shows:\n" + text + "\nIts controls: " + strings.Join(names, ", ")
}

// world is a world of the tab's own on the page, beside that of the page's scripts:
// those can't see it, and the page's policy does not hold there.
func (tab *Tab) world() (runtime.ExecutionContextID, error) {
	world, err := call(tab, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: tab.id, WorldName: "tests"})
	return world.ExecutionContextID, err
}

// function calls a function in the tab's own world. If on is a node's object, it is this, else there is no this. The result is awaited, and
// returned by value or as an object.
func (tab *Tab) function(source string, on runtime.RemoteObjectID, value bool, args ...any) (*runtime.RemoteObject, error) {
	params := runtime.CallFunctionOnParams{FunctionDeclaration: source, ObjectID: on, ReturnByValue: &value, AwaitPromise: new(true), UserGesture: new(true)}
	for _, arg := range args {
		text, err := json.Marshal(arg)
		if err != nil {
			return nil, err
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: jsonv2.Value(text)})
	}
	if on == "" {
		world, err := tab.world()
		if err != nil {
			return nil, err
		}
		params.ExecutionContextID = world
	}
	result, err := call(tab, runtime.CallFunctionOn, params)
	if err != nil {
		return nil, err
	}
	if e := result.ExceptionDetails; e != nil {
		return nil, errors.New(thrown(e))
	}
	return result.Result, nil
}

// evaluate returns what a function returns that is called in the page.
func evaluate[T any](tab *Tab, source string, args ...any) (value T) {
	tab.t.Helper()
	object, err := tab.function(source, "", true, args...)
	if err != nil {
		tab.t.Fatalf("%v", err) // not fail, which asks the page again
	}
	if err := json.Unmarshal(object.Value, &value); err != nil {
		tab.t.Fatalf("%v", err)
	}
	return value
}

// plain is text with single spaces.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }
