package api

import (
	"net/http"

	"github.com/rs/cors"

	"medbook/internal/auth"
	"medbook/internal/errs"
)

// errCrossOrigin is the answer to what another site made a browser do.
var errCrossOrigin = errs.New(errs.Forbidden, "cross-origin", "This came from a page of another site, in the name of whom the browser is signed in as. It is refused.")

// shared lets pages of the origins that the operator named call the API, and
// read the answers. They are never sent a cookie, nor is one of theirs taken:
// such a page signs in with tokens of its own.
func (s *Server) shared(next http.Handler) http.Handler {
	if len(s.Origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.Origins,
		AllowedMethods: []string{get, post, put, patch, remove},
		AllowedHeaders: []string{"Authorization", "Content-Type", "X-API-Key", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID", "Traceparent"},
		ExposedHeaders: []string{"ETag", "Location", "Link", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID", "Idempotency-Replayed"},
		MaxAge:         600,
	}).Handler(next)
}

// sameOrigin refuses what a page of another site made a browser send along with
// the cookie of who is signed in, unless it only reads; reading is of no use to
// such a page, which does not see the answer.
func (s *Server) sameOrigin(r *http.Request, shown auth.Shown) error {
	if shown.Cookie == "" {
		return nil
	}
	if new(http.CrossOriginProtection).Check(r) != nil {
		return errCrossOrigin
	}
	return nil
}
