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
	"medbook/internal/gate"
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
	Checks     func(context.Context) []Check // whether requests can be answered now, and well

	// Of the gate that Handler stands behind. Face needs none of them.
	Log     *slog.Logger
	Now     func() time.Time
	Proxies origin.Proxies
	Limits  gate.Limits
	Origins []string
}

// Face returns the face that answers for all routes, and with a problem
// document where there is none.
func (s *Server) Face() gate.Face {
	return gate.Face{
		Handler:     exchanged(canonical(s.surface().mux)),
		Fail:        func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, nil, err) },
		Secret:      triesSecret,
		CrossOrigin: true,
	}
}

// Handler returns the face behind a gate of its own. It is safe for concurrent use.
func (s *Server) Handler() http.Handler {
	face := s.Face()
	g := &gate.Gate{
		Auth: s.Auth, Log: s.Log, Now: s.Now, Proxies: s.Proxies, Limits: s.Limits, Origins: s.Origins,
		Pick: func(*http.Request) gate.Face { return face },
	}
	return g.Handler()
}

// Owns reports whether the API answers what is at a path, be it only that
// nothing is there.
func Owns(path string) bool {
	switch path {
	case "/status", "/healthz", "/readyz", "/openapi.json", "/openapi.yaml", "/docs":
		return true
	}
	below := func(top string) bool { return strings.HasPrefix(path, top) }
	return slices.ContainsFunc([]string{"/v1/", "/docs/"}, below)
}

// triesSecret reports whether a request is one by which secrets can be guessed.
func triesSecret(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasPrefix(r.URL.Path, "/v1/auth/") || r.URL.Path == "/v1/setup")
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
		fail(w, r, errNoRoute)
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
			exchangeOf(r.Context()).Route = path
			w.Header().Set("Allow", allow)
			fail(w, r, errMethod)
		})
	}
}

// canonical answers 404 to paths with empty or dotted segments, which
// http.ServeMux would answer with a redirect that repeats the path.
func canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if clean := path.Clean(p); !strings.HasPrefix(p, "/") || clean != p && clean+"/" != p {
			fail(w, r, errNoRoute)
			return
		}
		next.ServeHTTP(w, r)
	})
}
