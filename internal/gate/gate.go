// Package gate is what every request passes before a face sees it: the REST
// API, or the pages. It gives each request its ids and its headers, logs it,
// counts it, keeps other sites out, and learns who asks. What it keeps for every
// face alike:
//
//   - Who asks is known from the credential alone.
//   - No header and no log line holds what a caller sent.
//   - What goes wrong here is answered by the face that the request is for, in
//     its own form; of an internal error it learns nothing but that it happened.
//   - No page of another site does anything in the name of who is signed in.
//
// What a caller may do is not judged here, but by the faces and the services.
package gate

import (
	"log/slog"
	"net/http"
	"time"

	"medbook/internal/auth"
	"medbook/internal/measure"
	"medbook/internal/origin"
	"medbook/internal/tracing"
)

// Face answers requests in its own form. Handler and Fail can ask for the
// exchange of the request by Of.
type Face struct {
	Handler http.Handler
	Fail    func(w http.ResponseWriter, r *http.Request, err error) // answers a request that err ended; calls Note
	Secret  func(*http.Request) bool                                // whether a request tries a secret, by its method and path; nil: none does

	// CrossOrigin lets pages of Gate.Origins call it, and takes what pages of
	// other sites send without a cookie. Without it, whatever another site makes a
	// browser do beyond reading is refused.
	CrossOrigin bool
}

// Gate stands before the faces. Its fields must be set before Handler is called
// and not changed afterwards.
type Gate struct {
	Auth    *auth.Service
	Log     *slog.Logger
	Now     func() time.Time // for durations in the log, and for Limits; nil if there are neither
	Proxies origin.Proxies   // whose word on the client's address counts
	Limits  Limits
	Origins []string                 // whose pages may call faces that are CrossOrigin: "https://app.example"
	Pick    func(*http.Request) Face // which face a request is for; asked once for each

	Instruments *measure.Instruments // count requests; nil: they are not counted
	Tracer      tracing.Tracer       // begins the trace of each
}

// Handler returns the handler of all requests. It is safe for concurrent use.
func (g *Gate) Handler() http.Handler {
	face := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r.Context()).face.Handler.ServeHTTP(w, r)
	})
	return g.identified(g.watched(g.recovered(g.shared(g.limited(g.authenticated(face))))))
}

// fail has the face answer a request that err ended.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	Of(r.Context()).face.Fail(w, r, err)
}
