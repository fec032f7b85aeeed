package gate

import (
	"errors"
	"net/http"
	"strings"

	"medbook/internal/auth"
	"medbook/internal/errs"
)

// cookieName is the cookie of a browser's session. Its prefix makes browsers
// keep it for this host alone, and over TLS only.
const cookieName = "__Host-medbook"

// authenticated learns who asks. A bad credential is refused wherever it is
// sent; whether one is needed is the face's affair. A cookie is sent by a
// browser without anybody's doing, so one that is over is dropped instead, and
// counts only where nothing else was shown.
func (g *Gate) authenticated(next http.Handler) http.Handler {
	credential := g.newLimiter("credential", g.Limits.Credential)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := Of(r.Context())
		if !x.face.CrossOrigin && foreign(r) {
			fail(w, r, ErrCrossOrigin)
			return
		}
		shown, ok := shownBy(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		by, err := g.Auth.Authenticate(r.Context(), shown, x.Actor)
		if err == nil {
			err = errors.Join(sameOrigin(r, shown), credential.count(w.Header(), credentialKey(by)))
		}
		switch {
		case err == nil:
			x.Actor = by
		case shown.Cookie != "" && errs.KindOf(err) == errs.Unauthenticated:
			http.SetCookie(w, SessionCookie("", -1))
		default:
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// shownBy returns the credential of a request, and false if there is none. Of
// two, neither counts.
func shownBy(r *http.Request) (auth.Shown, bool) {
	keys, bearers := r.Header.Values("X-API-Key"), r.Header.Values("Authorization")
	switch {
	case len(keys)+len(bearers) > 1:
		return auth.Shown{}, true
	case len(keys) == 1:
		return auth.Shown{Key: keys[0]}, true
	case len(bearers) == 1:
		scheme, token, _ := strings.Cut(bearers[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		return auth.Shown{Bearer: token}, true
	}
	if c := r.CookiesNamed(cookieName); len(c) == 1 {
		return auth.Shown{Cookie: c[0].Value}, true
	}
	return auth.Shown{}, false
}

// SessionCookie makes the cookie of a browser's session. age is in seconds: 0
// makes it last as long as the browser runs, a negative one removes it.
func SessionCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}
