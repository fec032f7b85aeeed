package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
)

// exchange is what becomes known of a request while it is answered.
type exchange struct {
	request string     // the request id
	trace   string     // the trace id
	actor   auth.Actor // nobody until the credential was seen
	route   string     // the pattern of the path; empty when no route has it
	op      *operation // nil when no operation has path and method
	code    string     // of the problem that was answered, if any
	path    string     // as it was sent
	query   url.Values // once it was checked
	keys    []string   // every Idempotency-Key that was sent
	body    []byte     // once it was read and checked
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		panic("api: no exchange in the context")
	}
	return x
}

// identified gives each request its exchange, its ids and the headers that
// every answer has.
func (s *Server) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parent, trace := traceparent(r.Header.Get("Traceparent"))
		x := &exchange{request: requestID(r.Header.Get("X-Request-ID")), trace: trace}
		x.actor = auth.Actor{RequestID: x.request, Address: address(s.Proxies.Client(r)), Agent: agent(r.UserAgent())}
		h := w.Header()
		h.Set("X-Request-ID", x.request)
		h.Set("Traceparent", parent)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		if s.Proxies.Secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header was written
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is recorded.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged writes one line for each request: the route's pattern, never the URL.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, rec := exchangeOf(r.Context()), &recorder{ResponseWriter: w}
		var start time.Time
		if s.Now != nil {
			start = s.Now()
		}
		defer func() {
			attrs := []slog.Attr{
				slog.String("request_id", x.request), slog.String("trace_id", x.trace),
				slog.String("method", method(r.Method)), slog.String("route", x.route), slog.Int("status", rec.status),
			}
			if !x.actor.Anonymous() {
				attrs = append(attrs, slog.String("actor_id", x.actor.UserID.String()))
			}
			if x.code != "" {
				attrs = append(attrs, slog.String("code", x.code))
			}
			if s.Now != nil {
				attrs = append(attrs, slog.Float64("duration_ms", float64(s.Now().Sub(start).Microseconds())/1000))
			}
			s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
		}()
		next.ServeHTTP(rec, r)
	})
}

// recovered answers 500 where the code below panics. The panic's value stays
// out of the log, for it may hold anything; a runtime error's text does not.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			what := fmt.Sprintf("%T", p)
			if err, ok := p.(runtime.Error); ok {
				what = err.Error()
			}
			s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", exchangeOf(r.Context()).request),
				slog.String("error", what), slog.String("stack", string(debug.Stack())))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			s.fail(w, r, errInternal)
		}()
		next.ServeHTTP(w, r)
	})
}

// cookieName is the cookie of a browser's session. Its prefix makes browsers
// keep it for this host alone, and over TLS only.
const cookieName = "__Host-medbook"

// authenticated learns who asks. A bad credential is refused wherever it is
// sent; whether one is needed is the route's affair. A cookie is sent by a
// browser without anybody's doing, so one that is over is dropped instead, and
// counts only where nothing else was shown.
func (s *Server) authenticated(next http.Handler) http.Handler {
	credential := s.newLimiter("credential", s.Limits.Credential)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		shown, ok := shownBy(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		by, err := s.Auth.Authenticate(r.Context(), shown, x.actor)
		if err == nil {
			err = errors.Join(s.sameOrigin(r, shown), credential.count(w.Header(), credentialKey(by)))
		}
		switch {
		case err == nil:
			x.actor = by
		case shown.Cookie != "" && errs.KindOf(err) == errs.Unauthenticated:
			http.SetCookie(w, sessionCookie("", -1))
		default:
			s.fail(w, r, err)
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

// sessionCookie makes the cookie of a browser's session. No age makes it last as
// long as the browser runs; a negative one removes it.
func sessionCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// fail answers a request with the problem that err is.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	s.note(x, err)
	a, broken := problemAnswer(x.op, x.request, err)
	if broken != nil {
		panic(broken)
	}
	send(w, r, x.op, a)
}

// note remembers what went wrong for the log. An internal error is logged at
// once, since the caller learns nothing of it.
func (s *Server) note(x *exchange, err error) {
	e := shown(err)
	x.code = e.Code
	if e.Kind == errs.Internal && !errors.Is(err, errInternal) {
		s.Log.LogAttrs(context.Background(), slog.LevelError, "request failed",
			slog.String("request_id", x.request), slog.String("route", x.route), slog.String("error", err.Error()))
	}
}

var (
	isRequestID   = regexp.MustCompile(`^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)
	isTraceparent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[!-~]{0,200})?$`)
)

// requestID returns what the caller calls the request, or a new id when that is
// neither a UUID nor 32 hex digits: other text could hold anything.
func requestID(sent string) string {
	if isRequestID.MatchString(sent) {
		return sent
	}
	return id.New().String()
}

// traceparent returns the W3C trace context to answer with and its trace id: the
// caller's, or one that begins here.
func traceparent(sent string) (parent, trace string) {
	m := isTraceparent.FindStringSubmatch(sent)
	valid := m != nil && m[1] != "ff" && (m[1] != "00" || m[4] == "") &&
		strings.Trim(m[2], "0") != "" && strings.Trim(m[3], "0") != ""
	if valid {
		return sent[:55], m[2]
	}
	var b [24]byte
	rand.Read(b[:]) // never fails
	trace = hex.EncodeToString(b[:16])
	return "00-" + trace + "-" + hex.EncodeToString(b[16:]) + "-00", trace
}

// address writes the client's address, "" when it is not known.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// agents are the families of user agents that are told apart, the more special first.
var agents = []struct{ token, family string }{
	{"curl/", "curl"},
	{"Wget/", "Wget"},
	{"Go-http-client/", "Go-http-client"},
	{"python-", "Python"},
	{"okhttp/", "okhttp"},
	{"PostmanRuntime/", "Postman"},
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"Firefox/", "Firefox"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
}

// agent returns the family of a user agent. The rest of the header would tell
// persons apart, and can hold anything.
func agent(header string) string {
	for _, a := range agents {
		if strings.Contains(header, a.token) {
			return a.family
		}
	}
	return "other"
}

// method returns a method that HTTP knows, and "other" for what a caller invented.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "other"
}
