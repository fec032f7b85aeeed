// Package tracing tells collectors of traces what a request or a job was made of,
// by OpenTelemetry, and carries W3C trace contexts in and out.
//
// A span's name and its attributes are words of the program, patterns of routes and
// numbers. It has no path, no address, no statement, no value and no text of an
// error: attributes have keys of this package only, and an error is told by its
// code. Without a collector nothing is recorded, and nothing is spent.
//
// It is the only package that knows OpenTelemetry.
package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"medbook/internal/errs"
)

// Key is what an attribute is about.
type Key string

// The keys of attributes. Those with a dot have OpenTelemetry's meaning.
const (
	Method    Key = "http.request.method"
	Route     Key = "http.route" // the pattern
	Status    Key = "http.response.status_code"
	ErrorCode Key = "error.type" // of an error that callers may see, or "internal"
	Engine    Key = "db.system.name"
	RequestID Key = "medbook.request_id"
	Attempts  Key = "medbook.attempts"  // of a transaction or a job, the one that counts included
	Kind      Key = "medbook.kind"      // of a transaction, a job or an event
	Outcome   Key = "medbook.outcome"   // of a job or an attempt to deliver
	Channel   Key = "medbook.channel"   // that a message goes by
	Recipient Key = "medbook.recipient" // what a request is sent to: webhook, sms, identity-provider
)

// w3c reads and writes trace contexts. What we take is a traceparent that the gate
// has judged, never a tracestate, which could hold anything.
var w3c propagation.TraceContext

// library is what spans say that they come from.
const library = "medbook"

// Tracer begins traces. The zero Tracer records nothing.
type Tracer struct{ of trace.Tracer }

// Span is a piece of work. The zero Span records nothing.
type Span struct{ of trace.Span }

// Begin begins the trace of a job.
func (t Tracer) Begin(ctx context.Context, name string) (context.Context, Span) {
	if t.of == nil {
		return ctx, Span{}
	}
	ctx, span := t.of.Start(ctx, name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer))
	return ctx, Span{span}
}

// Serve begins the span of a request, within the trace that its caller began if
// parent, a valid traceparent, says so.
func (t Tracer) Serve(ctx context.Context, parent string) (context.Context, Span) {
	ctx = w3c.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
	if t.of == nil {
		return ctx, Span{}
	}
	ctx, span := t.of.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, Span{span}
}

// Start begins a piece of the work that ctx is part of, and records nothing if that
// is not recorded.
func Start(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, trace.SpanKindInternal)
}

func start(ctx context.Context, name string, kind trace.SpanKind) (context.Context, Span) {
	whole := trace.SpanFromContext(ctx)
	if !whole.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := whole.TracerProvider().Tracer(library).Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Current returns the span that ctx is part of.
func Current(ctx context.Context) Span { return Span{trace.SpanFromContext(ctx)} }

// Recording reports whether what is set is of use to anybody.
func (s Span) Recording() bool { return s.of != nil && s.of.IsRecording() }

// Name names a span for what became known after it began.
func (s Span) Name(name string) {
	if s.Recording() {
		s.of.SetName(name)
	}
}

// Set sets an attribute to a word of the program.
func (s Span) Set(k Key, word string) {
	if s.Recording() && word != "" {
		s.of.SetAttributes(attribute.String(string(k), word))
	}
}

// Count sets an attribute to a number.
func (s Span) Count(k Key, n int) {
	if s.Recording() {
		s.of.SetAttributes(attribute.Int(string(k), n))
	}
}

// Fail marks the span as failed. code is of an error that callers may see.
func (s Span) Fail(code string) {
	if s.Recording() {
		s.of.SetStatus(codes.Error, "")
		s.Set(ErrorCode, code)
	}
}

// End ends the span. Of an error only the code is told: a refusal by a rule is no
// failure, what is ours or the database's is one.
func (s Span) End(err error) {
	if s.of == nil {
		return
	}
	switch e := errs.As(err); {
	case err == nil:
	case e == nil:
		s.Fail("internal")
	case e.Kind == errs.Internal, e.Kind == errs.Unavailable:
		s.Fail(e.Code)
	default:
		s.Set(ErrorCode, e.Code)
	}
	s.of.End()
}

// IDs returns the trace's id and the W3C traceparent by which what follows joins
// the span; both are empty where there is no trace.
func (s Span) IDs() (traceID, parent string) {
	if s.of == nil {
		return "", ""
	}
	return ids(s.of.SpanContext())
}

// TraceID returns the id of the trace that ctx is part of, or "".
func TraceID(ctx context.Context) string {
	id, _ := ids(trace.SpanContextFromContext(ctx))
	return id
}

func ids(c trace.SpanContext) (traceID, parent string) {
	if !c.IsValid() {
		return "", ""
	}
	return c.TraceID().String(), "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String()
}

// Outgoing takes requests to what is named, a word of the program, over next. Each
// is a span, and carries the trace context; neither says where it went.
func Outgoing(next http.RoundTripper, recipient string) http.RoundTripper {
	return outgoing{next, recipient}
}

type outgoing struct {
	next      http.RoundTripper
	recipient string
}

// RoundTrip sends req and waits for the header of the answer.
func (o outgoing) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, span := start(req.Context(), "send", trace.SpanKindClient)
	if trace.SpanContextFromContext(ctx).IsValid() {
		req = req.Clone(ctx) // a RoundTripper leaves the caller's as it is
		w3c.Inject(ctx, propagation.HeaderCarrier(req.Header))
	}
	span.Set(Method, req.Method)
	span.Set(Recipient, o.recipient)
	resp, err := o.next.RoundTrip(req)
	if err != nil {
		span.Fail("no-answer")
		span.End(nil)
		return nil, err
	}
	span.Count(Status, resp.StatusCode)
	if resp.StatusCode >= 400 {
		span.Fail("refused")
	}
	span.End(nil)
	return resp, nil
}

// CloseIdleConnections lets http.Client close them.
func (o outgoing) CloseIdleConnections() {
	if c, ok := o.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
