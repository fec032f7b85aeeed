package api

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/origin"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/webhooks"
)

// Server answers HTTP requests by calling services. Its fields must be set
// before Handler is called and not changed afterwards.
type Server struct {
	Auth       *auth.Service
	Directory  *directory.Service
	Notify     *notify.Service
	Webhooks   *webhooks.Service
	Scheduling *scheduling.Service
	Encounters *encounters.Service
	Orders     *orders.Service
	Privacy    *privacy.Service
	Ready      func(context.Context) error // whether requests can be answered now
	Log        *slog.Logger
	Now        func() time.Time // for durations in the log, and for Limits; nil if there are neither
	Proxies    origin.Proxies   // whose word on the client's address counts
	Limits     Limits
	Origins    []string // whose pages may call the API: "https://app.example"
}

// Handler returns the handler of all routes. It is safe for concurrent use.
func (s *Server) Handler() http.Handler {
	a := s.surface()
	return s.identified(s.logged(s.recovered(s.shared(s.limited(s.authenticated(s.canonical(a.mux)))))))
}

// OpenAPI returns the document that describes every route, as JSON and as YAML.
// It needs no database.
func OpenAPI() (asJSON, asYAML []byte) {
	a := new(Server).surface()
	return a.json, a.yaml
}

// surface is everything that a server answers: routes and their description.
type surface struct {
	server     *Server
	mux        *http.ServeMux
	api        huma.API
	tag        string // of the routes that follow in the table
	operations []*operation
	json, yaml []byte // the OpenAPI document
}

// configure sets what huma keeps in package variables. It is the same for every
// server of the program.
var configure = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = refusal
})

// surface builds the routes and the document. Mistakes in the table panic.
func (s *Server) surface() *surface {
	configure()
	a := &surface{server: s, mux: http.NewServeMux()}
	a.api = humago.New(a.mux, newDocument())
	s.routes(a)
	a.refuseOtherMethods()
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, errNoRoute)
	})
	a.finishDocument()
	return a
}

// refuseOtherMethods answers 405 where a path has routes, but none for the method.
func (a *surface) refuseOtherMethods() {
	methods := map[string][]string{}
	for _, o := range a.operations {
		methods[o.Path] = append(methods[o.Path], o.Method)
		if o.Method == http.MethodGet {
			methods[o.Path] = append(methods[o.Path], http.MethodHead)
		}
	}
	for path, ms := range methods {
		slices.Sort(ms)
		allow := strings.Join(ms, ", ")
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			exchangeOf(r.Context()).route = path
			w.Header().Set("Allow", allow)
			a.server.fail(w, r, errMethod)
		})
	}
}

// canonical answers 404 to paths with empty or dotted segments, which
// http.ServeMux would answer with a redirect that repeats the path.
func (s *Server) canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if clean := path.Clean(p); !strings.HasPrefix(p, "/") || clean != p && clean+"/" != p {
			s.fail(w, r, errNoRoute)
			return
		}
		next.ServeHTTP(w, r)
	})
}
