// Package web serves the pages: HTML from the same services as the API, made on
// the server, whole without scripts.
//
// routes.go has the table of all pages. Each page has a file of its own: what it
// shows in <page>.templ, and in <page>.go how it is made of what services return
// and what its forms do. What pages are built of is in web/ui, what they say in
// web/words. No rule stands here: a service decides, a page asks and tells.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/gate"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/webhooks"
)

// Server makes pages by calling services. Its fields must be set before Face is
// called and not changed afterwards.
type Server struct {
	Auth       *auth.Service
	Directory  *directory.Service
	Notify     *notify.Service
	Webhooks   *webhooks.Service
	Scheduling *scheduling.Service
	Encounters *encounters.Service
	Orders     *orders.Service
	Privacy    *privacy.Service
	Log        *slog.Logger
	Now        func() time.Time

	// Ticks tells pages that are kept fresh when to look whether anything changed,
	// until stop is called; nil: every two seconds.
	Ticks func() (ticks <-chan time.Time, stop func())

	streams streams
}

// What pages refuse before a service is asked.
var (
	errNoPage   = errs.New(errs.NotFound, "page-not-found", "There is no such page, or it is not yours.")
	errNoMethod = errs.New(errs.Malformed, "page-method", "This page does not take what was sent to it.")
	errForm     = errs.New(errs.Malformed, "form-malformed", "The form did not arrive as it should have.")
)

// Face is the pages, for the gate.
func (s *Server) Face() gate.Face {
	mux := http.NewServeMux()
	secrets := map[string]bool{}
	methods := map[string][]string{}
	for _, r := range s.routes() {
		mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) { s.serve(w, req, r) })
		secrets[r.path] = secrets[r.path] || r.secret
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, allowed := range methods {
		if path == "/{$}" {
			continue
		}
		slices.Sort(allowed)
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			gate.Of(r.Context()).Route = path
			s.fail(w, r, errNoMethod)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNoPage) })
	return gate.Face{
		Handler: mux,
		Fail:    s.fail,
		Secret:  func(r *http.Request) bool { return r.Method == post && secrets[r.URL.Path] },
	}
}

// serve answers a request for a page: who may not see it is sent to sign in, or
// told so; what the page's function refuses is told on a page of errors.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, to route) {
	gate.Of(r.Context()).Route = to.path
	c := s.callOf(w, r, to)
	err := c.readForm()
	if err == nil {
		err = c.admit()
	}
	if err == nil && !c.answered {
		err = to.act(c)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// clinic is the clinic's name. A page that says what is wrong has one, too.
func (s *Server) clinic(ctx context.Context) string {
	c, err := s.Directory.Clinic(ctx, auth.Actor{})
	if err != nil {
		return "Medbook"
	}
	return c.Name
}
