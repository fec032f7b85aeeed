package gate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/tracing"
)

// Exchange is what becomes known of a request while it is answered. It is the
// request's own; the face that answers fills in what it knows.
type Exchange struct {
	Request string     // the request id
	Trace   string     // the trace id
	Actor   auth.Actor // nobody until the credential was seen; has the client's address and agent
	Route   string     // the pattern of the path; empty when no route has it
	Code    string     // of the problem that was answered, if any

	face Face
	log  *slog.Logger
	span tracing.Span
}

type exchangeKey struct{}

// Of returns the exchange of a request; it panics where there is none.
func Of(ctx context.Context) *Exchange {
	x, ok := ctx.Value(exchangeKey{}).(*Exchange)
	if !ok {
		panic("gate: no exchange in the context")
	}
	return x
}

// identified gives each request its exchange, its ids and the headers that
// every answer has unless its face sets another.
func (g *Gate) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parent, trace := traceparent(r.Header.Get("Traceparent"))
		ctx, span := g.Tracer.Serve(r.Context(), parent)
		if id, ours := span.IDs(); id != "" {
			parent, trace = ours, id
		}
		x := &Exchange{Request: requestID(r.Header.Get("X-Request-ID")), Trace: trace, face: g.Pick(r), log: g.Log, span: span}
		x.Actor = auth.Actor{RequestID: x.Request, Address: address(g.Proxies.Client(r)), Agent: agent(r.UserAgent())}
		h := w.Header()
		h.Set("X-Request-ID", x.Request)
		h.Set("Traceparent", parent)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		if g.Proxies.Secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
	})
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
