package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watch is what a tab knows of the page without asking it.
type watch struct {
	main cdp.FrameID // does not change

	mu      sync.Mutex
	home    string          // the origin of the first page
	origins map[string]bool // that may be asked beside it
	loading string          // what the page is on its way to
	pending map[network.RequestID]request
	status  map[network.RequestID]int // of documents
	page    network.RequestID         // with which the document came that is shown
	seen    []string                  // faults that are not reported yet
	changed chan struct{}             // closed when busy may say something else
}

// request is one that is under way.
type request struct {
	url    string
	loader cdp.LoaderID // of the document that asks
}

func newWatch() *watch {
	return &watch{
		origins: map[string]bool{}, pending: map[network.RequestID]request{}, status: map[network.RequestID]int{}, changed: make(chan struct{}),
	}
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// first makes an origin home, if there is none yet.
func (w *watch) first(origin string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.home == "" {
		w.home = origin
	}
}

func (w *watch) allow(origin string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.origins[origin] = true
}

// busy says what the page is waiting for, "" if nothing, and when to ask again.
func (w *watch) busy() (what string, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loading != "" {
		return "loading " + w.loading, w.changed
	}
	for _, r := range w.pending {
		return "waiting for " + r.url, w.changed
	}
	return "", w.changed
}

// answer returns how the page was answered, and to which request.
func (w *watch) answer() (status int, id network.RequestID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status[w.page], w.page
}

// faults returns those since the last call, each once.
func (w *watch) faults() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// hear takes note of an event.
func (tab *Tab) hear(event any) {
	if e, ok := event.(*page.EventJavascriptDialogOpening); ok {
		go tab.dismiss(e)
	}
	w := tab.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.navigation(event)
	w.network(event)
	w.complaint(event)
	close(w.changed)
	w.changed = make(chan struct{})
}

// dismiss closes a dialog, which would hold up everything.
func (tab *Tab) dismiss(e *page.EventJavascriptDialogOpening) {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
	tab.watch.mu.Lock()
	defer tab.watch.mu.Unlock()
	tab.watch.fault("a dialog opened: %s", e.Message)
	if err != nil {
		tab.watch.fault("close a dialog: %v", err)
	}
}

func (w *watch) fault(format string, args ...any) {
	w.seen = append(w.seen, fmt.Sprintf(format, args...))
}

// navigation follows the page from one document to the next.
func (w *watch) navigation(event any) {
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if e.FrameID == w.main && e.Disposition == page.ClientNavigationDispositionCurrentTab {
			w.loading = e.URL
		}
	case *page.EventFrameStartedNavigating:
		if e.FrameID == w.main {
			w.loading = e.URL
		}
	case *page.EventFrameStartedLoading:
		if e.FrameID == w.main && w.loading == "" {
			w.loading = "the page"
		}
	case *page.EventFrameNavigated:
		if e.Frame.ID == w.main {
			w.arrive(e.Frame.LoaderID)
		}
	case *page.EventNavigatedWithinDocument:
		if e.FrameID == w.main {
			w.loading = ""
		}
	case *page.EventFrameStoppedLoading:
		if e.FrameID == w.main {
			w.loading = ""
		}
	}
}

// arrive notes which document is shown; nobody waits any more for what others asked for.
func (w *watch) arrive(loader cdp.LoaderID) {
	w.page = network.RequestID(loader) // the browser gives both one id
	for id, r := range w.pending {
		if r.loader != loader {
			delete(w.pending, id)
		}
	}
}

// network follows requests, and finds those that should not be or that fail.
func (w *watch) network(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !w.mayAsk(e.Request.URL) {
			w.fault("the page asks another origin: %s %s", e.Request.Method, e.Request.URL)
		}
		if e.Type != network.ResourceTypeEventSource && e.Type != network.ResourceTypePing {
			w.pending[e.RequestID] = request{e.Request.URL, e.LoaderID}
		}
	case *network.EventWebSocketCreated:
		if !w.mayAsk(e.URL) {
			w.fault("the page asks another origin: %s", e.URL)
		}
	case *network.EventResponseReceived:
		w.answered(e)
	case *network.EventLoadingFinished:
		delete(w.pending, e.RequestID)
	case *network.EventLoadingFailed:
		r := w.pending[e.RequestID]
		delete(w.pending, e.RequestID)
		if !e.Canceled && e.Type != network.ResourceTypeDocument {
			w.fault("%s could not be loaded: %s %s", r.url, e.ErrorText, e.BlockedReason)
		}
	}
}

func (w *watch) answered(e *network.EventResponseReceived) {
	if e.Response.MimeType == "text/event-stream" {
		delete(w.pending, e.RequestID) // it has no end to wait for
	}
	switch e.Type {
	case network.ResourceTypeDocument:
		w.status[e.RequestID] = int(e.Response.Status)
	case network.ResourceTypeXHR, network.ResourceTypeFetch: // refusals are answers, as with pages
	default:
		if e.Response.Status >= 400 {
			w.fault("%s is answered %d", e.Response.URL, e.Response.Status)
		}
	}
}

// mayAsk says whether the page may ask address.
func (w *watch) mayAsk(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	return !strings.HasPrefix(u.Scheme, "http") || origin(u) == w.home || w.origins[origin(u)]
}

// complaint finds what the browser itself holds against the page.
func (w *watch) complaint(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// What the log says of the network is said above, with what was asked for.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			w.fault("the browser complains (%s): %s", e.Entry.Source, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.fault("console error: %s", spoken(e.Args))
		}
	case *runtime.EventExceptionThrown:
		w.fault("uncaught exception: %s", thrown(e.ExceptionDetails))
	case *inspector.EventTargetCrashed:
		w.fault("the page crashed")
	}
}

// spoken is what the arguments of a call of the console say.
func spoken(args []*runtime.RemoteObject) string {
	var parts []string
	for _, a := range args {
		var text string
		switch {
		case json.Unmarshal(a.Value, &text) == nil:
			parts = append(parts, text)
		case a.Description != "":
			parts = append(parts, a.Description)
		default:
			parts = append(parts, string(a.Value))
		}
	}
	return strings.Join(parts, " ")
}

// thrown is what an exception says.
func thrown(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return fmt.Sprintf("%s at %s:%d", e.Text, e.URL, e.LineNumber+1)
}
