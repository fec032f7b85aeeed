package gate

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"medbook/internal/measure"
	"medbook/internal/tracing"
)

// TestRequestsAreMeasured asks for what is there, what is not, what breaks and what is
// too much. Whatever is asked for, the labels are patterns.
func TestRequestsAreMeasured(t *testing.T) {
	h := newHouse(t)
	h.Instruments = measure.New("v0")
	h.Limits = Limits{Address: 6}
	h.Pick = func(r *http.Request) Face {
		face := newFace("pages", false)
		if strings.HasPrefix(r.URL.Path, "/nowhere") {
			face.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { face.Fail(w, r, ErrTooMany) })
		}
		return face
	}
	handler := h.Handler()
	for _, path := range []string{"/pages/ann@example.org", "/pages/broken", "/pages/panic", "/nowhere/one", "/nowhere/two"} {
		ask(handler, http.MethodGet, path, "")
	}
	ask(handler, "BREW", "/nowhere/three", "")
	ask(handler, http.MethodGet, "/pages/too-many", "")
	want := `
# HELP medbook_http_rate_limited_total Requests that were refused for there were too many, by the limit.
# TYPE medbook_http_rate_limited_total counter
medbook_http_rate_limited_total{policy="address"} 1
# HELP medbook_http_requests_in_flight Requests that are being answered.
# TYPE medbook_http_requests_in_flight gauge
medbook_http_requests_in_flight 0
# HELP medbook_http_requests_total Requests that were answered, by the pattern of their route.
# TYPE medbook_http_requests_total counter
medbook_http_requests_total{method="GET",route="/pages/{thing}",status="200"} 1
medbook_http_requests_total{method="GET",route="/pages/{thing}",status="500"} 2
medbook_http_requests_total{method="GET",route="unmatched",status="429"} 3
medbook_http_requests_total{method="other",route="unmatched",status="429"} 1
`
	if err := testutil.GatherAndCompare(h.Instruments.Registry(), strings.NewReader(want),
		"medbook_http_requests_total", "medbook_http_requests_in_flight", "medbook_http_rate_limited_total"); err != nil {
		t.Error(err)
	}
}

// BenchmarkRequestWatched measures the gate alone, with nothing behind it, while
// nothing is measured and while all is.
func BenchmarkRequestWatched(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	silent := slog.New(slog.NewJSONHandler(io.Discard, nil))
	exporter, err := tracing.Export(b.Context(), tracing.Config{Endpoint: collector.URL, Ratio: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer exporter.Close(b.Context())
	face := Face{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r.Context()).Route = "/healthz"
		_, _ = io.WriteString(w, "ok")
	})}
	for _, state := range []struct {
		name        string
		instruments *measure.Instruments
		tracer      tracing.Tracer
	}{{name: "off"}, {name: "measured", instruments: measure.New("v0")}, {"traced", measure.New("v0"), exporter.Tracer()}} {
		b.Run(state.name, func(b *testing.B) {
			g := &Gate{Log: silent, Pick: func(*http.Request) Face { return face }, Instruments: state.instruments, Tracer: state.tracer}
			h, r := g.Handler(), httptest.NewRequest(http.MethodGet, "/healthz", nil)
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
