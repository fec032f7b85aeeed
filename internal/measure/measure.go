// Package measure counts what happens in the program, for those who watch it run.
//
// It owns the counters and histograms, their names and their labels. A package
// that has something to tell calls a method of Instruments when it happens; what
// is so at a moment (how much waits, how old the oldest is) is asked for when
// somebody looks, and is no concern of this package.
//
// No label holds an id, an address, a path or a name of anybody: what goes in is a
// word of the program, the pattern of a route or a status. A nil *Instruments
// counts nothing, and costs nothing.
package measure

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// prefix begins the names of all metrics that are ours.
const prefix = "medbook_"

// Instruments are all counters of a server. They are safe for concurrent use.
type Instruments struct {
	registry *prometheus.Registry
	requests
	database
	work
	bookings
}

// New returns instruments that show zero, and those of the Go runtime and the
// process. version is the program's.
func New(version string) *Instruments {
	i := &Instruments{registry: prometheus.NewRegistry()}
	build := gauges("build_info", "Always 1; the labels tell which program this is.", "version")
	build.WithLabelValues(version).Set(1)
	i.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	i.requests.open(i.registry)
	i.database.open(i.registry)
	i.work.open(i.registry)
	i.bookings.open(i.registry)
	return i
}

// Register adds what is measured when somebody looks.
func (i *Instruments) Register(c prometheus.Collector) { i.registry.MustRegister(c) }

// Registry has all that is measured.
func (i *Instruments) Registry() *prometheus.Registry { return i.registry }

// Handler answers with all that is measured, in Prometheus' text form. Looks that
// come while one is under way wait for it.
func (i *Instruments) Handler() http.Handler {
	return promhttp.HandlerFor(i.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError, // what can be told is of more use than nothing
		MaxRequestsInFlight: 4,
	})
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets})
}
