package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/gate"
	"medbook/internal/idempotency"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// policy lets a page load what is our own, and nothing else; no script or style
// stands in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const maxForm = 1 << 20 // bytes

// call is one request for a page while it is answered.
type call struct {
	server   *Server
	w        http.ResponseWriter
	r        *http.Request
	route    route
	by       auth.Actor
	words    *words.Words
	form     url.Values // of a POST; empty for a GET
	answered bool
}

// Names of the cookies that hold no secret: the language that the reader chose, the
// zone that a script found, and what was done on the page before.
const (
	languageCookie = "__Host-language"
	zoneCookie     = "zone"
	doneCookie     = "__Host-done"
)

func (s *Server) callOf(w http.ResponseWriter, r *http.Request, to route) *call {
	return &call{server: s, w: w, r: r, route: to, by: gate.Of(r.Context()).Actor, words: wordsOf(r), form: url.Values{}}
}

// wordsOf returns the words of who sent a request: of the language they chose, or
// of their browser's.
func wordsOf(r *http.Request) *words.Words {
	var zone *time.Location
	if name, err := url.QueryUnescape(cookie(r, zoneCookie)); err == nil && name != "" {
		zone, _ = calendar.Zone(name) // what is none counts as unknown
	}
	return words.For(cookie(r, languageCookie), r.Header.Get("Accept-Language"), zone)
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// context is that of the request, for services.
func (c *call) context() context.Context { return c.r.Context() }

// id returns a part of the path, such as {id}.
func (c *call) id(name string) string { return c.r.PathValue(name) }

// query returns a parameter of the address.
func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// field returns a field of the form, without the spaces around it.
func (c *call) field(name string) string { return strings.TrimSpace(c.form.Get(name)) }

// say returns a text in the reader's language.
func (c *call) say(key string, pairs ...any) string { return c.words.Say(key, pairs...) }

// readForm reads what a form sent. It refuses what no form of ours sends; what
// comes from another site's page, the gate has refused.
func (c *call) readForm() error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if c.r.ContentLength != 0 && (err != nil || kind != "application/x-www-form-urlencoded") {
		return errForm
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxForm+1))
	if err != nil || len(body) > maxForm {
		return errForm
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return errForm
	}
	for name, values := range form {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return errForm
			}
		}
	}
	c.form = form
	return nil
}

// admit sends who must show more to where they can, and returns why others may not
// see the page.
func (c *call) admit() error {
	to := c.route
	switch {
	case len(to.may) == 0:
		return nil
	case c.by.Anonymous():
		return c.detour("/sign-in")
	case c.by.Weak && !to.early:
		return c.see("/account/second-factor")
	case !c.by.Is(to.may...):
		e := c.by.Event("page.open", "page", to.path)
		e.Outcome = audit.Denied
		if err := audit.RecordNow(c.context(), c.server.Auth.DB, e); err != nil {
			return err
		}
		return auth.ErrForbidden
	case to.stepUp != "" && c.by.StepUp(to.stepUp, c.server.Now()) != nil:
		return c.detour("/confirm-identity")
	}
	return nil
}

// detour leads to a page that leads back here.
func (c *call) detour(path string) error {
	back := c.r.URL.Path
	if c.r.Method == http.MethodGet && c.r.URL.RawQuery != "" {
		back += "?" + c.r.URL.RawQuery
	}
	return c.see(path + "?" + url.Values{"next": {back}}.Encode())
}

// local returns a path of ours that was sent along to go on to, or otherwise.
func local(path, otherwise string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return otherwise
	}
	return path
}

// see leads to another page, as is right after a form was sent.
func (c *call) see(path string) error {
	c.answered = true
	http.Redirect(c.w, c.r, path, http.StatusSeeOther)
	return nil
}

// done leads to another page, which says what was done by a text of the catalogue.
// The text's key travels in a cookie, so it must say nothing of anybody.
func (c *call) done(path, key string) error {
	c.remember(doneCookie, key, time.Minute)
	return c.see(path)
}

// remember keeps a cookie in the browser for so long; a negative time removes it.
func (c *call) remember(name, value string, life time.Duration) {
	http.SetCookie(c.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// whatWasDone returns the notice that the page before left, once.
func (c *call) whatWasDone() *ui.Notice {
	key := cookie(c.r, doneCookie)
	if key == "" {
		return nil
	}
	c.remember(doneCookie, "", -time.Second)
	if !strings.HasPrefix(key, "done.") || !words.Has(key) {
		return nil
	}
	return &ui.Notice{Kind: "good", Text: c.say(key)}
}

// page is what a page has beside its content.
type page struct {
	title   string
	form    ui.Form // whose failure the title tells
	scripts []string
	status  int    // 0: 200, or 422 where the form was refused
	refresh string // where to go when the page's time is over
	after   int    // seconds until then
}

// show answers with a page. It is made whole before the first byte is sent.
func (c *call) show(p page, content templ.Component) error {
	frame := ui.Frame{
		Title: p.title, Clinic: c.server.clinic(c.context()), Nav: c.nav(), Signed: !c.by.Anonymous(), Path: c.r.URL.Path,
		Scripts: p.scripts, Failed: p.form.Failed(), Done: c.whatWasDone(), Refresh: p.refresh, After: p.after,
	}
	ctx := ui.With(c.context(), c.words)
	var b bytes.Buffer
	if err := ui.Shell(frame).Render(templ.WithChildren(ctx, content), &b); err != nil {
		return err
	}
	status := p.status
	switch {
	case status != 0:
	case p.form.Failed():
		status = http.StatusUnprocessableEntity
	default:
		status = http.StatusOK
	}
	c.send(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// showPart answers with a part of a page, for a script that puts it there.
func (c *call) showPart(content templ.Component) error {
	var b bytes.Buffer
	if err := content.Render(ui.With(c.context(), c.words), &b); err != nil {
		return err
	}
	c.send(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// download answers with a file.
func (c *call) download(name, kind string, content []byte) error {
	c.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	c.send(http.StatusOK, kind, content)
	return nil
}

func (c *call) send(status int, kind string, content []byte) {
	c.answered = true
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", c.words.Language)
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(content)
	}
}

// refused returns what a form shows that was refused with err: what was filled in,
// and what is wrong. What its sender can't mend comes back as an error.
func (c *call) refused(err error) (ui.Form, error) {
	f := ui.Form{Values: c.form, Wrong: map[string]string{}}
	if err == nil {
		return f, nil
	}
	if replay := (*idempotency.Replay)(nil); errors.As(err, &replay) {
		err = errSentTwice
	}
	e := errs.As(err)
	if e == nil {
		return f, err
	}
	switch e.Kind {
	case errs.Invalid, errs.Conflict, errs.Gone, errs.PreconditionFailed, errs.Unauthenticated, errs.Limited:
	default:
		return f, err
	}
	gate.Note(c.context(), err)
	fresh(f)
	f.Problem = c.problem(e)
	for name, wrong := range e.Fields {
		f.Wrong[name] = c.words.Or("wrong."+wrong, wrong)
	}
	return f, nil
}

// problem says what an error is, in the reader's language.
func (c *call) problem(e *errs.Error) string {
	text := c.words.Or("problem."+e.Code, e.Detail)
	if e.Wait > 0 {
		text += " " + c.say("problem.wait", "Time", c.words.Duration(max(e.Wait, time.Minute)))
	}
	return text
}

// fail answers a request that err ended with a page that says so, also where err is
// that whoever sent it has gone: what is on record is how it ended.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	gate.Note(r.Context(), err)
	e := gate.Shown(err)
	status := gate.Status(e.Kind)
	if e.Code == errNoMethod.Code {
		status = http.StatusMethodNotAllowed
	}
	c := s.callOf(w, r, route{path: "/"})
	if e.Kind == errs.Unavailable || e.Kind == errs.Limited {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.Wait.Seconds())))))
	}
	p := page{title: c.say("failed." + failures[e.Kind]), status: status}
	if shown := c.show(p, failed(p.title, c.problem(e), gate.Of(r.Context()).Request)); shown != nil {
		panic(errors.Join(err, shown))
	}
}

// failures are the headings of pages that say why there is none.
var failures = map[errs.Kind]string{
	errs.Internal: "internal", errs.Malformed: "malformed", errs.Unauthenticated: "unauthenticated", errs.Forbidden: "forbidden",
	errs.NotFound: "not-found", errs.Conflict: "conflict", errs.Gone: "gone", errs.PreconditionFailed: "stale",
	errs.PreconditionRequired: "stale", errs.Invalid: "invalid", errs.Unavailable: "unavailable", errs.Limited: "limited",
}
