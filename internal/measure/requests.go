package measure

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// unmatched stands for the route of a request that no route has.
const unmatched = "unmatched"

// requests are the instruments of the gate.
type requests struct {
	inFlight prometheus.Gauge
	answered *prometheus.CounterVec
	took     *prometheus.HistogramVec
	limited  *prometheus.CounterVec
}

func (r *requests) open(to prometheus.Registerer) {
	r.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "http_requests_in_flight", Help: "Requests that are being answered."})
	r.answered = counters("http_requests_total", "Requests that were answered, by the pattern of their route.", "method", "route", "status")
	r.took = histograms("http_request_duration_seconds", "How long answers took, but for streams, which last as long as somebody reads.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "method", "route")
	r.limited = counters("http_rate_limited_total", "Requests that were refused for there were too many, by the limit.", "policy")
	to.MustRegister(r.inFlight, r.answered, r.took, r.limited)
}

// RequestBegins says that a request came in.
func (i *Instruments) RequestBegins() Stopwatch {
	if i == nil {
		return Stopwatch{}
	}
	i.inFlight.Inc()
	return StartStopwatch()
}

// Request is an answer that was given.
type Request struct {
	Method string // one that HTTP knows, or "other"
	Route  string // the pattern; empty: no route has it
	Status int    // 0: none was sent
	Stream bool   // it lasted as long as somebody read
}

// RequestEnds says how a request was answered that RequestBegins was called for.
func (i *Instruments) RequestEnds(r Request, w Stopwatch) {
	if i == nil {
		return
	}
	if r.Route == "" {
		r.Route = unmatched
	}
	i.inFlight.Dec()
	i.answered.WithLabelValues(r.Method, r.Route, strconv.Itoa(r.Status)).Inc()
	if !r.Stream {
		i.requests.took.WithLabelValues(r.Method, r.Route).Observe(w.Elapsed().Seconds())
	}
}

// RateLimited says that a limit refused a request.
func (i *Instruments) RateLimited(policy string) {
	if i != nil {
		i.limited.WithLabelValues(policy).Inc()
	}
}
