package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"medbook/internal/errs"
	"medbook/internal/measure"
	"medbook/internal/tracing"
)

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header was written
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is recorded.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// watched writes one line for each request, counts it, and ends its span: with the
// route's pattern, never the URL.
func (g *Gate) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, rec := Of(r.Context()), &recorder{ResponseWriter: w}
		watch := g.Instruments.RequestBegins()
		var start time.Time
		if g.Now != nil {
			start = g.Now()
		}
		defer func() {
			stream := strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream")
			g.Instruments.RequestEnds(measure.Request{Method: method(r.Method), Route: x.Route, Status: rec.status, Stream: stream}, watch)
			x.endSpan(method(r.Method), rec.status)
			attrs := []slog.Attr{
				slog.String("request_id", x.Request), slog.String("trace_id", x.Trace),
				slog.String("method", method(r.Method)), slog.String("route", x.Route), slog.Int("status", rec.status),
			}
			if !x.Actor.Anonymous() {
				attrs = append(attrs, slog.String("actor_id", x.Actor.UserID.String()))
			}
			if x.Code != "" {
				attrs = append(attrs, slog.String("code", x.Code))
			}
			if g.Now != nil {
				attrs = append(attrs, slog.Float64("duration_ms", float64(g.Now().Sub(start).Microseconds())/1000))
			}
			g.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
		}()
		next.ServeHTTP(rec, r)
	})
}

// endSpan says what became of the request. What was refused is no failure of ours.
func (x *Exchange) endSpan(method string, status int) {
	s := x.span
	if s.Recording() {
		s.Name(strings.TrimSpace(method + " " + x.Route))
		s.Set(tracing.Method, method)
		s.Set(tracing.Route, x.Route)
		s.Set(tracing.RequestID, x.Request)
		s.Set(tracing.ErrorCode, x.Code)
		s.Count(tracing.Status, status)
		if status >= http.StatusInternalServerError {
			s.Fail(x.Code)
		}
	}
	s.End(nil)
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

// recovered answers 500 where the code below panics. The panic's value stays
// out of the log, for it may hold anything; a runtime error's text does not.
func (g *Gate) recovered(next http.Handler) http.Handler {
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
			g.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", Of(r.Context()).Request),
				slog.String("trace_id", Of(r.Context()).Trace), slog.String("error", what), slog.String("stack", string(debug.Stack())))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			fail(w, r, ErrInternal)
		}()
		next.ServeHTTP(w, r)
	})
}

// Note remembers for the log what ended a request. An internal error is logged
// at once, since the caller learns nothing of it: they see Shown.
func Note(ctx context.Context, err error) {
	x, e := Of(ctx), Shown(err)
	x.Code = e.Code
	if e.Kind == errs.Internal && !errors.Is(err, ErrInternal) {
		x.log.LogAttrs(ctx, slog.LevelError, "request failed",
			slog.String("request_id", x.Request), slog.String("trace_id", x.Trace), slog.String("route", x.Route), slog.String("error", err.Error()))
	}
}
