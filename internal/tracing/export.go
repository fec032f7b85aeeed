package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	queued    = 4096            // spans that wait for the collector; more are dropped
	batch     = 512             // spans that are sent at once
	sendEvery = 2 * time.Second // at the latest, if there are any
	sendFor   = 5 * time.Second // how long the collector may take for a batch, and for the last
)

// Config says where spans go.
type Config struct {
	Endpoint string  // http:// or https://; without a path, /v1/traces is meant
	Ratio    float64 // of the traces, which are recorded; 0 to 1
	Version  string  // the program's
	Log      *slog.Logger
	Exported func(n int, ok bool) // told of each batch; nil: nobody is
}

// Exporter sends spans to a collector, in the background.
type Exporter struct {
	provider *sdk.TracerProvider
}

// CheckEndpoint returns what is wrong with the address of a collector.
func CheckEndpoint(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the address of the collector is one such as http://127.0.0.1:4318, without a password")
	}
	return nil
}

// Export begins to send spans as c says. The collector is not asked for anything
// yet. Headers that it wants, such as a token, come from OTEL_EXPORTER_OTLP_HEADERS.
func Export(ctx context.Context, c Config) (*Exporter, error) {
	if err := CheckEndpoint(c.Endpoint); err != nil {
		return nil, err
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	// A batch that the collector does not take is dropped: what is tried again and
	// again would hold up what comes after it.
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithTimeout(sendFor),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		return nil, errors.New("spans can't be sent as configured")
	}
	// What the library has to say by itself would not be JSON.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { c.Log.Warn("the collector of traces did not take all spans") }))
	e := &watched{SpanExporter: client, log: c.Log, exported: c.Exported}
	ratio := sdk.TraceIDRatioBased(c.Ratio)
	return &Exporter{provider: sdk.NewTracerProvider(
		sdk.WithBatcher(e, sdk.WithMaxQueueSize(queued), sdk.WithMaxExportBatchSize(batch), sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendFor)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "medbook"), attribute.String("service.version", c.Version))),
		// A caller's word that a trace is to be recorded is anybody's word. All who
		// go by the trace id and the same ratio choose the same traces anyway.
		sdk.WithSampler(sdk.ParentBased(ratio, sdk.WithRemoteParentSampled(ratio), sdk.WithRemoteParentNotSampled(ratio))),
	)}, nil
}

// Tracer returns what begins traces.
func (e *Exporter) Tracer() Tracer { return Tracer{e.provider.Tracer(library)} }

// Close sends what is left, for a few seconds at the most.
func (e *Exporter) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendFor)
	defer cancel()
	_ = e.provider.Shutdown(ctx) // what could not be sent is lost, and counted
}

// watched tells how the collector is doing: once when it stops to take spans, and
// once when it takes them again.
type watched struct {
	sdk.SpanExporter
	log      *slog.Logger
	exported func(n int, ok bool)
	down     atomic.Bool
}

// ExportSpans sends a batch. Its error is told here, and to nobody else.
func (w *watched) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := w.SpanExporter.ExportSpans(ctx, spans)
	if w.exported != nil {
		w.exported(len(spans), err == nil)
	}
	switch was := w.down.Swap(err != nil); {
	case err != nil && !was:
		w.log.WarnContext(ctx, "the collector of traces does not take spans; they are dropped until it does")
	case err == nil && was:
		w.log.InfoContext(ctx, "the collector of traces takes spans again")
	}
	return nil
}
