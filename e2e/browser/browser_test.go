package browser_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medbook/e2e/browser"
)

// policy is that of Medbook's pages.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// page returns a page with head and body that nothing is wrong with.
func page(head, body string) string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Clinic</title>
` + head + `
</head>
<body>
<main>
<h1>Clinic</h1>
` + body + `
</main>
</body>
</html>
`
}

// serve serves pages by their paths, with the policy. What is not HTML says so by
// the end of its path.
func serve(t *testing.T, pages map[string]string, handlers ...func(*http.ServeMux)) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, text := range pages {
		pattern := path
		if path == "/" {
			pattern = "/{$}"
		}
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, _ *http.Request) {
			switch filepath.Ext(path) {
			case ".js":
				w.Header().Set("Content-Type", "text/javascript")
			case ".css":
				w.Header().Set("Content-Type", "text/css")
			default:
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
			}
			_, _ = w.Write([]byte(text))
		})
	}
	for _, add := range handlers {
		add(mux)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const form = `<form action="/asked" method="post">
<p><label for="name">Your name</label> <input id="name" name="name" autocomplete="name" value="before"></p>
<p><label for="born">Date of birth</label> <input id="born" name="born" type="date"></p>
<p><label for="notes">Notes</label> <textarea id="notes" name="notes"></textarea></p>
<p><label for="zone">Zone</label> <select id="zone" name="zone"><option>London</option><option>New
 York</option></select></p>
<fieldset><legend>Visit length</legend>
<label><input type="radio" name="length" value="15"> 15 minutes</label>
<label><input type="radio" name="length" value="30"> 30 minutes</label></fieldset>
<p><label><input type="checkbox" name="tell"> Tell me by e-mail</label></p>
<details><summary>Why do you ask?</summary><p>To know you again.</p></details>
<button>Continue</button>
</form>
<p><a href="/other">Other page</a></p>`

// asked answers a form with a redirect to what was sent.
func asked(mux *http.ServeMux) {
	mux.HandleFunc("POST /asked", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, "/answer?"+r.PostForm.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /answer", func(w http.ResponseWriter, r *http.Request) {
		text := page("", "<p>You are "+r.FormValue("name")+", born "+r.FormValue("born")+", for "+r.FormValue("length")+
			" in "+r.FormValue("zone")+", tell "+r.FormValue("tell")+", "+r.FormValue("notes")+".</p>")
		_, _ = w.Write([]byte(text))
	})
	mux.HandleFunc("POST /refused", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(page("", "<p>There is a problem</p>")))
	})
}

// both runs test with scripts on and off.
func both(t *testing.T, test func(t *testing.T, o browser.Options)) {
	t.Helper()
	t.Run("scripts", func(t *testing.T) { test(t, browser.Options{}) })
	t.Run("no scripts", func(t *testing.T) { test(t, browser.Options{NoScript: true}) })
}

func TestAFormIsFilledInByItsLabels(t *testing.T) {
	url := serve(t, map[string]string{"/": page("", form), "/other": page("", "<p>Elsewhere</p>")}, asked)
	both(t, func(t *testing.T, o browser.Options) {
		tab := browser.Open(t, o)
		tab.Go(url)
		tab.Fill("Your name", "Mæry")
		tab.Fill("Date of birth", "1980-02-29")
		tab.Fill("Notes", "two\nlines")
		tab.Choose("Zone", "New York")
		tab.Choose("Visit length", "30 minutes")
		tab.Click("Tell me by e-mail")
		tab.Lacks("To know you again.")
		tab.Click("Why do you ask?")
		tab.Has("To know you again.")
		for label, want := range map[string]string{
			"Your name": "Mæry", "Date of birth": "1980-02-29", "Zone": "New York", "Visit length": "30 minutes", "Tell me by e-mail": "on",
		} {
			if got := tab.Value(label); got != want {
				t.Errorf("%s: got %q, want %q", label, got, want)
			}
		}
		tab.Click("Continue")
		tab.Has("You are Mæry, born 1980-02-29, for 30 in New York, tell on, two lines.")
		tab.HasA("heading", "Clinic")
		if tab.Title() != "Clinic" || !strings.HasPrefix(tab.URL(), url+"/answer?") || tab.Status() != 200 {
			t.Errorf("got %q at %s, %d", tab.Title(), tab.URL(), tab.Status())
		}
		tab.Back()
		if got := tab.Value("Your name"); got != "Mæry" {
			t.Errorf("after going back: got %q", got)
		}
		tab.Click("Other page")
		tab.Has("Elsewhere")
		if want := page("", "<p>Elsewhere</p>"); string(tab.Source()) != want {
			t.Errorf("got source %q, want %q", tab.Source(), want)
		}
		tab.Reload()
		tab.Has("Elsewhere")
		tab.Go("/")
		tab.Click("form > p:first-child")
		tab.Fill("Your name", "")
		if got := tab.Value("Your name"); got != "" {
			t.Errorf("emptied: got %q", got)
		}
	})
}

const clock = `<p><label for="q">Search</label> <input id="q"></p>
<p id="said">nothing</p>
<div id="grid" tabindex="0" role="grid" aria-label="Days"><div role="row"><div role="gridcell" tabindex="-1" id="d1">1 May</div></div></div>
<script src="/keys.js"></script>`

const keysScript = `for (const kind of ["keydown", "keyup"]) document.addEventListener(kind, e => {
	if (e.isTrusted) document.getElementById("said").append(" " + kind + ":" + (e.shiftKey ? "Shift+" : "") + (e.ctrlKey ? "Control+" : "") + e.key);
});
document.getElementById("q").addEventListener("input", e => document.getElementById("said").append(" wrote:" + e.target.value));`

func TestKeysAreRealOnes(t *testing.T) {
	url := serve(t, map[string]string{"/": page("", clock), "/keys.js": keysScript})
	tab := browser.Open(t, browser.Options{})
	tab.Go(url)
	if got := tab.Focused(); got != "" {
		t.Errorf("before any key: %q has the focus", got)
	}
	tab.Press("Tab")
	if got := tab.Focused(); got != "Search" {
		t.Errorf("after Tab: got %q, want Search", got)
	}
	tab.Press("a", "B", "Space", "é", "Control+a", "Backspace", "ArrowDown", "PageUp", "Tab")
	tab.Has("keydown:a wrote:a keyup:a")
	tab.Has("keydown:Shift+B wrote:aB keyup:Shift+B")
	tab.Has("wrote:aB é")
	tab.Has("keydown:Control+a keyup:Control+a keydown:Backspace wrote: keyup:Backspace keydown:ArrowDown keyup:ArrowDown keydown:PageUp")
	if got := tab.Focused(); got != "Days" {
		t.Errorf("after the second Tab: got %q, want Days", got)
	}
	tab.Press("Shift+Tab")
	if got := tab.Focused(); got != "Search" {
		t.Errorf("after Shift+Tab: got %q, want Search", got)
	}
}

func TestKeysWorkWithoutScripts(t *testing.T) {
	url := serve(t, map[string]string{"/": page("", form)}, asked)
	tab := browser.Open(t, browser.Options{NoScript: true})
	tab.Go(url)
	tab.Press("Tab", "M", "e", "Enter")
	tab.Has("You are Me, born")
}

const dragged = `<button id="handle">Appointment</button>
<div id="later" aria-label="Later" role="group">later</div>
<div id="card" draggable="true" aria-label="Card" role="group">card</div>
<p id="said">nothing</p>
<script src="/drag.js"></script>`

const dragScript = `const said = text => document.getElementById("said").append(" " + text), handle = document.getElementById("handle"),
	later = document.getElementById("later"), card = document.getElementById("card");
handle.addEventListener("pointerdown", () => said("taken"));
later.addEventListener("pointerup", () => said("put"));
card.addEventListener("dragstart", e => e.dataTransfer.setData("text/plain", "a card"));
later.addEventListener("dragover", e => e.preventDefault());
later.addEventListener("drop", e => { e.preventDefault(); said("dropped " + e.dataTransfer.getData("text/plain")) });`

func TestThingsAreDragged(t *testing.T) {
	url := serve(t, map[string]string{
		"/": page(`<link rel="stylesheet" href="/drag.css">`, dragged), "/drag.js": dragScript,
		"/drag.css": "#later, #card { margin: 60px; height: 60px; border: 1px solid }",
	})
	tab := browser.Open(t, browser.Options{})
	tab.Go(url)
	tab.Drag("Appointment", "Later")
	tab.Has("taken put")
	tab.Drag("Card", "#later")
	tab.Has("dropped a card")
}

func TestWhatAPageDoesLaterIsAwaited(t *testing.T) {
	url := serve(t, map[string]string{
		"/": page("", `<p id="said">nothing</p><button>Hold</button><script src="/later.js"></script>`),
		"/later.js": `setTimeout(() => document.getElementById("said").textContent = "time is up", 300);
document.querySelector("button").addEventListener("click", () => fetch("/slow").then(r => r.text()).then(t => document.getElementById("said").textContent = t));`,
	}, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
			select { // longer than any turn of the page
			case <-time.After(400 * time.Millisecond):
			case <-r.Context().Done():
			}
			_, _ = w.Write([]byte("held for you"))
		})
	})
	tab := browser.Open(t, browser.Options{})
	tab.Go(url)
	tab.Lacks("time is up")
	tab.Await("time is up")
	tab.Click("Hold")
	tab.Has("held for you")
}

func TestWhatComesToNoPageIsAtRestToo(t *testing.T) {
	url := serve(t, map[string]string{
		"/": page("", `<p><a href="#below">Below</a> <a href="/nothing">Nothing</a> <a href="/calendar.ics">Calendar</a></p>
<form action="/refused" method="post"><button>Refuse me</button></form><h2 id="below">Further down</h2>`),
	}, asked, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		mux.HandleFunc("GET /calendar.ics", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename=visit.ics")
			w.Header().Set("Content-Type", "text/calendar")
		})
	})
	both(t, func(t *testing.T, o browser.Options) {
		tab := browser.Open(t, o)
		tab.Go(url)
		for _, link := range []string{"Below", "Nothing", "Calendar"} {
			tab.Click(link)
			tab.Has("Further down")
			if tab.Status() != http.StatusOK || !strings.Contains(string(tab.Source()), "Further down") {
				t.Errorf("after %s: got status %d and %s", link, tab.Status(), tab.Source())
			}
		}
		tab.Click("Refuse me") // a refusal is a page like others
		tab.Has("There is a problem")
		if got := tab.Status(); got != http.StatusUnprocessableEntity {
			t.Errorf("got status %d, want 422", got)
		}
		tab.Back()
		if tab.Status() != http.StatusOK || !strings.Contains(string(tab.Source()), "Further down") {
			t.Errorf("after going back: got status %d and %s", tab.Status(), tab.Source())
		}
	})
}

func TestTabsAreStrangers(t *testing.T) {
	url := serve(t, nil, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
			text := "a stranger"
			if c, err := r.Cookie("__Host-session"); err == nil {
				text = "known as " + c.Value
			}
			http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "me", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
			_, _ = w.Write([]byte(page("", "<p>You are "+text+", who speaks "+r.Header.Get("Accept-Language")+"</p>")))
		})
	})
	tab := browser.Open(t, browser.Options{Language: "de-DE,de"})
	tab.Go(url)
	tab.Has("You are a stranger, who speaks de-DE,de;q=0.9")
	tab.Reload()
	tab.Has("You are known as me")
	other := browser.Open(t, browser.Options{})
	other.Go(url)
	other.Has("You are a stranger, who speaks en-GB,en;q=0.9")
}

func TestATabIsWhatItsOptionsSay(t *testing.T) {
	url := serve(t, map[string]string{
		"/":        page(`<link rel="stylesheet" href="/see.css">`, `<p id="dark">dark</p><p id="still">still</p><p id="paper">paper</p><p id="narrow">narrow</p><p id="said"></p><script src="/see.js"></script>`),
		"/see.css": "p { display: none } #said { display: block } @media (prefers-color-scheme: dark) { #dark { display: block } } @media (prefers-reduced-motion) { #still { display: block } } @media print { #paper { display: block } } @media (max-width: 320px) { #narrow { display: block } }",
		"/see.js":  `document.getElementById("said").textContent = [Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.language, innerWidth, innerHeight].join(" ");`,
	})
	for _, test := range []struct {
		o    browser.Options
		want string
	}{
		{browser.Options{}, "Clinic UTC en-GB 1280 800"},
		{browser.Options{Dark: true, Zone: "Asia/Tokyo", Language: "de-AT"}, "Clinic dark Asia/Tokyo de-AT 1280 800"},
		{browser.Options{ReducedMotion: true, Width: 320, Height: 500}, "Clinic still narrow UTC en-GB 320 500"},
		{browser.Options{NoScript: true}, "Clinic"},
	} {
		tab := browser.Open(t, test.o)
		tab.Go(url)
		if got := strings.Join(strings.Fields(tab.Text()), " "); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.o, got, test.want)
		}
	}
	tab := browser.Open(t, browser.Options{NoScript: true, Dark: true})
	tab.Go(url)
	tab.Print()
	if got := strings.Join(strings.Fields(tab.Text()), " "); got != "Clinic paper" {
		t.Errorf("on paper: got %q", got)
	}
}

func TestAScreenshotShowsTheWholePage(t *testing.T) {
	url := serve(t, map[string]string{"/": page(`<link rel="stylesheet" href="/long.css">`, "<p>long</p>"), "/long.css": "p { height: 2000px }"})
	tab := browser.Open(t, browser.Options{Width: 320, Height: 500})
	tab.Go(url)
	file := filepath.Join(t.TempDir(), "page.png")
	tab.Screenshot(file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || picture.Width != 320 || picture.Height < 2000 {
		t.Errorf("got %d by %d, %v; want 320 by more than 2000", picture.Width, picture.Height, err)
	}
}
