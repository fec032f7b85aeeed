package tracing_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/errs"
	"medbook/internal/tracing"
	"medbook/internal/tracing/tracingtest"
)

func export(t *testing.T, c tracing.Config) *tracing.Exporter {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e, err := tracing.Export(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestSpansReachACollector(t *testing.T) {
	r := tracingtest.New(t)
	var exported atomic.Int64
	e := export(t, tracing.Config{Endpoint: r.URL, Ratio: 1, Exported: func(n int, ok bool) {
		if ok {
			exported.Add(int64(n))
		}
	}})
	ctx, request := e.Tracer().Serve(t.Context(), parent)
	id, ours := request.IDs()
	if id != parent[3:35] || ours[:36] != parent[:36] || ours[36:52] == parent[36:52] || ours[53:] != "01" {
		t.Errorf("the span goes on as %q, want the caller's trace and an id of its own", ours)
	}
	_, part := tracing.Start(ctx, "transaction")
	part.Set(tracing.Engine, "sqlite")
	part.Count(tracing.Attempts, 2)
	part.End(errs.New(errs.Conflict, "slot-taken", "marker of a sentence"))
	request.Name("GET /v1/slots")
	request.End(errors.New("marker of an internal error"))
	_, job := e.Tracer().Begin(ctx, "job x")
	job.End(nil)
	e.Close(t.Context())

	if r.Path() != "/v1/traces" || exported.Load() != 3 {
		t.Errorf("%d spans came to %q, want 3 at /v1/traces", exported.Load(), r.Path())
	}
	whole, inner, run := r.Named("GET /v1/slots"), r.Named("transaction"), r.Named("job x")
	if len(whole) != 1 || len(inner) != 1 || len(run) != 1 {
		t.Fatalf("collected %v", r.All())
	}
	if whole[0].Parent != parent[36:52] || inner[0].Parent != whole[0].ID || inner[0].Trace != id || whole[0].Trace != id {
		t.Errorf("the request and its transaction are %v and %v, want them in the caller's trace", whole[0], inner[0])
	}
	if run[0].Trace == id || run[0].Parent != "" {
		t.Errorf("a job is a trace of its own, not %v", run[0])
	}
	want := map[string]string{"db.system.name": "sqlite", "error.type": "slot-taken", "medbook.attempts": "2"}
	if diff := cmp.Diff(want, inner[0].Attributes); diff != "" {
		t.Errorf("the transaction says (-want +got)\n%s", diff)
	}
	if inner[0].Failed || !whole[0].Failed || whole[0].Attributes["error.type"] != "internal" {
		t.Errorf("a refusal is no failure, and an internal error is one: %v, %v", inner[0], whole[0])
	}
	if strings.Contains(r.Text(), "marker") {
		t.Errorf("the text of an error was exported: %s", r.Text())
	}
}

// TestACallersWordIsNotTaken shows that a flag in a traceparent records nothing that
// the ratio does not.
func TestACallersWordIsNotTaken(t *testing.T) {
	r := tracingtest.New(t)
	e := export(t, tracing.Config{Endpoint: r.URL, Ratio: 0})
	ctx, span := e.Tracer().Serve(t.Context(), parent)
	_, part := tracing.Start(ctx, "transaction")
	part.End(nil)
	span.End(nil)
	id, ours := span.IDs()
	e.Close(t.Context())
	if len(r.All()) != 0 || id != parent[3:35] || !strings.HasSuffix(ours, "-00") {
		t.Errorf("%d spans, trace %s, goes on as %s; want none, and the caller's trace not recorded", len(r.All()), id, ours)
	}
}

// TestOutgoingRequestsCarryTheTrace looks at what is sent with and without a
// collector, and at what is told of it.
func TestOutgoingRequestsCarryTheTrace(t *testing.T) {
	var sent atomic.Value
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Traceparent"))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer elsewhere.Close()
	client := http.Client{Transport: tracing.Outgoing(http.DefaultTransport, "webhook")}
	send := func(ctx context.Context) string {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, elsewhere.URL+"/marker", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if req.Header.Get("Traceparent") != "" {
			t.Error("the caller's request was changed")
		}
		return sent.Load().(string)
	}
	if got := send(t.Context()); got != "" {
		t.Errorf("sent %q without a trace", got)
	}
	ctx, off := tracing.Tracer{}.Serve(t.Context(), parent)
	if got := send(ctx); got != parent || off.Recording() {
		t.Errorf("sent %q without a collector, want the caller's %q", got, parent)
	}
	r := tracingtest.New(t)
	e := export(t, tracing.Config{Endpoint: r.URL, Ratio: 1})
	ctx, span := e.Tracer().Serve(t.Context(), parent)
	got := send(ctx)
	span.End(nil)
	e.Close(t.Context())
	out := r.Named("send")
	if len(out) != 1 || got[:36] != parent[:36] || got[36:52] == parent[36:52] {
		t.Fatalf("sent %q, collected %v", got, out)
	}
	if text := r.Text(); strings.Contains(text, "marker") || strings.Contains(text, "127.0.0.1") || out[0].Attributes["medbook.recipient"] != "webhook" {
		t.Errorf("the span says where it went, or not to whom: %v", out[0])
	}
}

// TestADeadCollectorCostsNothing records more than the queue holds while the
// collector does not answer. Nobody waits for it, it is told once, and Close ends.
func TestADeadCollectorCostsNothing(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(release)
	var log lockedBuffer
	var failed atomic.Int64
	e := export(t, tracing.Config{Endpoint: hanging.URL, Ratio: 1, Log: slog.New(slog.NewJSONHandler(&log, nil)), Exported: func(n int, ok bool) {
		if !ok {
			failed.Add(int64(n))
		}
	}})
	for range 20_000 {
		ctx, span := e.Tracer().Serve(t.Context(), "")
		_, part := tracing.Start(ctx, "transaction")
		part.End(nil)
		span.End(nil)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // as the server's is when it stops; what is left is still tried
	e.Close(ended)
	if n := strings.Count(log.String(), "does not take spans"); n != 1 || failed.Load() == 0 {
		t.Errorf("%d spans failed, which was told %d times, want once:\n%s", failed.Load(), n, log.String())
	}
}

// TestACollectorIsToldOfOnce has a collector refuse batch after batch, and then take
// them again.
func TestACollectorIsToldOfOnce(t *testing.T) {
	var well atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	var log lockedBuffer
	batches := make(chan bool, 100)
	e := export(t, tracing.Config{Endpoint: server.URL, Ratio: 1, Log: slog.New(slog.NewJSONHandler(&log, nil)), Exported: func(_ int, ok bool) { batches <- ok }})
	until := func(what bool, times int) {
		t.Helper()
		for times > 0 {
			for range 512 { // a batch
				_, span := e.Tracer().Serve(t.Context(), "")
				span.End(nil)
			}
			if <-batches == what {
				times--
			}
		}
	}
	until(false, 3)
	well.Store(true)
	until(true, 2)
	e.Close(t.Context())
	if down, up := strings.Count(log.String(), "does not take spans"), strings.Count(log.String(), "takes spans again"); down != 1 || up != 1 {
		t.Errorf("it was told %d times that it is down and %d times that it is up, want once:\n%s", down, up, log.String())
	}
}

func TestEndpoints(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:4318": true, "https://collector.example/custom/path": true,
		"": false, "127.0.0.1:4318": false, "ftp://x": false, "https://user:word@collector.example": false, "https://collector.example?key=1": false,
	} {
		if got := tracing.CheckEndpoint(address) == nil; got != want {
			t.Errorf("%q: taken %v, want %v", address, got, want)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
