package gate

import (
	"net/http"

	"github.com/rs/cors"

	"medbook/internal/auth"
)

// shared lets pages of the origins that the operator named call the faces that
// are for them, and read the answers. They are never sent a cookie, nor is one of
// theirs taken: such a page signs in with tokens of its own.
func (g *Gate) shared(next http.Handler) http.Handler {
	if len(g.Origins) == 0 {
		return next
	}
	named := cors.New(cors.Options{
		AllowedOrigins: g.Origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "X-API-Key", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID", "Traceparent"},
		ExposedHeaders: []string{"ETag", "Location", "Link", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID", "Idempotency-Replayed"},
		MaxAge:         600,
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Of(r.Context()).face.CrossOrigin {
			named.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a page of another site made a browser send along with
// the cookie of who is signed in.
func sameOrigin(r *http.Request, shown auth.Shown) error {
	if shown.Cookie != "" && foreign(r) {
		return ErrCrossOrigin
	}
	return nil
}

// foreign reports whether a page of another site made a browser send a request
// that does more than read; reading is of no use to such a page, which does not
// see the answer.
func foreign(r *http.Request) bool { return new(http.CrossOriginProtection).Check(r) != nil }
