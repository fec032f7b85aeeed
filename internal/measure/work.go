package measure

import "github.com/prometheus/client_golang/prometheus"

// What a run of a job has come to.
const (
	JobDone   = "done"
	JobFailed = "failed"  // it is tried again later
	JobPutOff = "put_off" // it said itself when to come back
	JobLost   = "lost"    // it took longer than its lease
)

// Sent is the outcome of an attempt that delivered.
const Sent = "sent"

// work are the instruments of what is done in the background.
type work struct {
	runs       *prometheus.CounterVec
	ran        *prometheus.HistogramVec
	messages   *prometheus.CounterVec
	settled    *prometheus.CounterVec
	events     *prometheus.CounterVec
	delivered  *prometheus.CounterVec
	keeping    prometheus.Counter
	unexported *prometheus.CounterVec
}

func (w *work) open(to prometheus.Registerer) {
	w.runs = counters("job_runs_total", "Runs of jobs, by what they have come to.", "kind", "outcome")
	w.ran = histograms("job_run_duration_seconds", "How long runs of jobs took.", []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60}, "kind")
	w.messages = counters("notification_attempts_total", "Attempts to send a message: sent, or the class of the failure.", "channel", "outcome")
	w.settled = counters("notifications_settled_total", "Messages that are not tried any more, by what became of them.", "channel", "status")
	w.events = counters("webhook_attempts_total", "Attempts to send an event to a webhook: sent, or the class of the failure.", "outcome")
	w.delivered = counters("webhook_deliveries_settled_total", "Deliveries to webhooks that are not tried any more, by what became of them.", "status")
	w.keeping = counter("audit_keeper_failures_total", "Times that records of the audit trail could not be sealed, or a checkpoint not be written.")
	w.unexported = counters("trace_spans_total", "Spans that were handed to the collector of traces, or lost.", "outcome")
	for _, status := range []string{"sent", "failed"} {
		w.delivered.WithLabelValues(status)
	}
	for _, outcome := range []string{"exported", "failed"} {
		w.unexported.WithLabelValues(outcome)
	}
	w.events.WithLabelValues(Sent)
	to.MustRegister(w.runs, w.ran, w.messages, w.settled, w.events, w.delivered, w.keeping, w.unexported)
}

// JobRan says what a run of a job has come to.
func (i *Instruments) JobRan(kind, outcome string, w Stopwatch) {
	if i != nil {
		i.runs.WithLabelValues(kind, outcome).Inc()
		i.ran.WithLabelValues(kind).Observe(w.Elapsed().Seconds())
	}
}

// MessageTried says what an attempt to send a message has come to: Sent, or the
// class of the failure.
func (i *Instruments) MessageTried(channel, outcome string) {
	if i != nil {
		i.messages.WithLabelValues(channel, outcome).Inc()
	}
}

// MessageSettled says that a message is not tried any more.
func (i *Instruments) MessageSettled(channel, status string) {
	if i != nil {
		i.settled.WithLabelValues(channel, status).Inc()
	}
}

// EventTried says what an attempt to send an event has come to.
func (i *Instruments) EventTried(outcome string) {
	if i != nil {
		i.events.WithLabelValues(outcome).Inc()
	}
}

// EventSettled says that a delivery to a webhook is not tried any more.
func (i *Instruments) EventSettled(status string) {
	if i != nil {
		i.delivered.WithLabelValues(status).Inc()
	}
}

// KeeperFailed says that the audit trail could not be sealed or signed.
func (i *Instruments) KeeperFailed() {
	if i != nil {
		i.keeping.Inc()
	}
}

// SpansExported says what became of n spans.
func (i *Instruments) SpansExported(n int, ok bool) {
	if i == nil {
		return
	}
	outcome := "failed"
	if ok {
		outcome = "exported"
	}
	i.unexported.WithLabelValues(outcome).Add(float64(n))
}
