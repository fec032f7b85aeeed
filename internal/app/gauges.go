package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"medbook/internal/audit"
	"medbook/internal/jobs"
	"medbook/internal/measure"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

const (
	readEvery = 5 * time.Second // how often backlogs are read, however many look
	readFor   = 2 * time.Second // how long the database may take
)

// gauge describes what is measured when somebody looks.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("medbook_"+name, help, labels, nil)
}

// gauges tells how things stand: what the program knows by itself at each look, and
// what is read from the database once in a while, by short queries over indexes that
// stop counting at 10,000. Servers that share a database tell the same of it.
type gauges struct {
	app *App

	engine, connections, limit, waits, waited, queue, queueLimit *prometheus.Desc
	failing, free, size, certificate, circuits                   *prometheus.Desc
	due, lag, messages, oldestMessage, events, oldestEvent       *prometheus.Desc
	holds, over, waitlist                                        *prometheus.Desc
	unsealed, sealLag, unsigned, signedAt, reads                 *prometheus.Desc

	mu      sync.Mutex
	read    measure.Stopwatch // since the last reading
	last    *backlog          // nil: it failed
	done    float64           // readings
	missing float64           // readings that failed
}

// backlog is what was read from the database at an instant.
type backlog struct {
	at       time.Time
	jobs     []jobs.Waiting
	messages []notify.Waiting
	events   webhooks.Waiting
	standing scheduling.Standing
	trail    audit.Keeping
}

func newGauges(a *App) *gauges {
	return &gauges{
		app:           a,
		engine:        gauge("database_info", "Always 1; the label tells which engine it is.", "engine"),
		connections:   gauge("database_connections", "Connections to the database, by what they do.", "pool", "state"),
		limit:         gauge("database_connections_limit", "Connections that there may be.", "pool"),
		waits:         gauge("database_connection_waits_total", "Transactions that found no connection idle.", "pool"),
		waited:        gauge("database_connection_wait_seconds_total", "How long they waited for one.", "pool"),
		queue:         gauge("database_queue_length", "Updates that wait for SQLite's writer."),
		queueLimit:    gauge("database_queue_limit", "Updates that may wait; one more is refused."),
		failing:       gauge("check_failing", "1 while a check of /readyz fails, else 0.", "check"),
		free:          gauge("disk_free_bytes", "What is free where files are written.", "of"),
		size:          gauge("disk_size_bytes", "The size of that disk.", "of"),
		certificate:   gauge("certificate_expiry_timestamp_seconds", "When the certificate that the server shows ends, in seconds since 1970."),
		circuits:      gauge("provider_circuits_open", "Providers of a channel that are left alone for their failures.", "channel"),
		due:           gauge("jobs_due", "Jobs that are due and not taken; the oldest 10,000 are counted.", "lane", "kind"),
		lag:           gauge("jobs_lag_seconds", "For how long the oldest of them has been due.", "lane", "kind"),
		messages:      gauge("notifications_pending", "Messages that were written and not sent; the oldest 10,000 are counted.", "channel"),
		oldestMessage: gauge("notifications_oldest_pending_seconds", "For how long the oldest of them has waited.", "channel"),
		events:        gauge("webhook_deliveries_pending", "Events that were not delivered yet; the oldest 10,000 are counted."),
		oldestEvent:   gauge("webhook_oldest_pending_seconds", "For how long the oldest of them has waited; 0: there is none."),
		holds:         gauge("holds_live", "Holds whose time is not over; 10,000 holds are counted."),
		over:          gauge("holds_over", "Holds whose time is over, and of which nobody has written that down yet."),
		waitlist:      gauge("waitlist_entries", "Entries of the waiting list; 10,000 are counted."),
		unsealed:      gauge("audit_unsealed_records", "Records of the audit trail without a place in the tree; 10,000 are counted."),
		sealLag:       gauge("audit_seal_lag_seconds", "For how long the oldest of them has waited; 0: there is none."),
		unsigned:      gauge("audit_unsigned_records", "Records in the tree that no checkpoint covers."),
		signedAt:      gauge("audit_checkpoint_timestamp_seconds", "When the last checkpoint was signed, in seconds since 1970; 0: never."),
		reads:         gauge("backlog_reads_total", "Readings of the gauges that are in the database.", "outcome"),
	}
}

// Describe lists what there is.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		g.engine, g.connections, g.limit, g.waits, g.waited, g.queue, g.queueLimit, g.failing, g.free, g.size, g.certificate, g.circuits,
		g.due, g.lag, g.messages, g.oldestMessage, g.events, g.oldestEvent, g.holds, g.over, g.waitlist,
		g.unsealed, g.sealLag, g.unsigned, g.signedAt, g.reads,
	} {
		to <- d
	}
}

// sink is where values go.
type sink chan<- prometheus.Metric

func (s sink) set(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sink) count(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// Collect tells how things stand now.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	s := sink(to)
	g.tellProgram(s)
	b := g.backlog()
	if b != nil {
		g.tellWork(s, b)
		g.tellClinic(s, b)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.count(g.reads, g.done, "done")
	s.count(g.reads, g.missing, "failed")
}

// tellProgram tells what the program knows by itself.
func (g *gauges) tellProgram(s sink) {
	s.set(g.engine, 1, g.app.DB.Engine().String())
	stats := g.app.DB.Stats()
	for _, p := range stats.Pools {
		s.set(g.connections, float64(p.InUse), p.Name, "in_use")
		s.set(g.connections, float64(p.Idle), p.Name, "idle")
		s.set(g.limit, float64(p.Most), p.Name)
		s.count(g.waits, float64(p.Waits), p.Name)
		s.count(g.waited, p.Waited.Seconds(), p.Name)
	}
	if stats.QueueMost > 0 {
		s.set(g.queue, float64(stats.Queue))
		s.set(g.queueLimit, float64(stats.QueueMost))
	}
	for _, c := range g.app.Checks(context.Background()) {
		failing := 0.
		if c.Code != "" {
			failing = 1
		}
		s.set(g.failing, failing, c.Name)
	}
	for of, path := range g.app.config.disks() {
		if free, size, ok := diskSpace(path); ok {
			s.set(g.free, float64(free), of)
			s.set(g.size, float64(size), of)
		}
	}
	if at := g.app.certificateEnds(); !at.IsZero() {
		s.set(g.certificate, float64(at.Unix()))
	}
	for channel, n := range g.app.Notify.Resting() {
		s.set(g.circuits, float64(n), channel)
	}
}

// tellWork tells what waits to be done.
func (g *gauges) tellWork(s sink, b *backlog) {
	for _, j := range b.jobs {
		s.set(g.due, float64(j.N), j.Lane, j.Kind)
		s.set(g.lag, since(b.at, j.Since), j.Lane, j.Kind)
	}
	for _, m := range b.messages {
		s.set(g.messages, float64(m.N), m.Channel)
		s.set(g.oldestMessage, since(b.at, m.Since), m.Channel)
	}
	s.set(g.events, float64(b.events.N))
	s.set(g.oldestEvent, since(b.at, b.events.Since))
}

// tellClinic tells what is so of the clinic, and of its trail.
func (g *gauges) tellClinic(s sink, b *backlog) {
	s.set(g.holds, float64(b.standing.Holds))
	s.set(g.over, float64(b.standing.Over))
	s.set(g.waitlist, float64(b.standing.Waiting))
	s.set(g.unsealed, float64(b.trail.Unsealed))
	s.set(g.sealLag, since(b.at, b.trail.Since))
	s.set(g.unsigned, float64(b.trail.Unsigned))
	signed := 0.
	if !b.trail.SignedAt.IsZero() {
		signed = float64(b.trail.SignedAt.Unix())
	}
	s.set(g.signedAt, signed)
}

// since is how many seconds lie between, 0 if there was nothing.
func since(now, then time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return max(0, now.Sub(then).Seconds())
}

// backlog returns what was read last, or reads it when that was long ago. It is nil
// when the database did not answer.
func (g *gauges) backlog() *backlog {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.read.Started() && g.read.Elapsed() < readEvery {
		return g.last
	}
	b, err := g.readBacklog()
	g.read, g.last = measure.StartStopwatch(), b
	if err != nil {
		g.last = nil
		g.missing++
	} else {
		g.done++
	}
	return g.last
}

func (g *gauges) readBacklog() (*backlog, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readFor)
	defer cancel()
	b := &backlog{}
	err := g.app.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		b.at = tx.Now()
		if b.jobs, err = jobs.Backlog(ctx, tx); err != nil {
			return err
		}
		if b.messages, err = notify.Backlog(ctx, tx); err != nil {
			return err
		}
		if b.events, err = webhooks.Backlog(ctx, tx); err != nil {
			return err
		}
		if b.standing, err = scheduling.Stand(ctx, tx); err != nil {
			return err
		}
		b.trail, err = audit.Keep(ctx, tx)
		return err
	})
	return b, err
}
