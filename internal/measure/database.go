package measure

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Outcome is what a transaction has come to.
type Outcome int

// The outcomes of transactions.
const (
	Done        Outcome = iota
	Refused             // the work itself returned an error, be it that nothing was found
	Busy                // too much was waiting, or others were in the way for too long
	Unavailable         // the database can't be reached
	Unknown             // COMMIT was sent and not answered
	Cancelled           // the caller went
)

var outcomes = [...]string{Done: "done", Refused: "refused", Busy: "busy", Unavailable: "unavailable", Unknown: "unknown", Cancelled: "cancelled"}

// String returns the outcome in a word.
func (o Outcome) String() string { return outcomes[o] }

// Kind is a kind of transaction.
type Kind int

// The kinds of transactions.
const (
	View Kind = iota
	Update
)

var kinds = [...]string{View: "read", Update: "write"}

// String returns the kind in a word.
func (k Kind) String() string { return kinds[k] }

// Reasons for which a transaction is run again.
const (
	Serialization = "serialization" // SQLSTATE 40001
	Deadlock      = "deadlock"      // SQLSTATE 40P01
	Connection    = "connection"    // the server or the way to it was lost before COMMIT
)

// database are the instruments of package sqldb. What is counted often is looked
// up once, here.
type database struct {
	transactions [len(kinds)][len(outcomes)]prometheus.Counter
	took         [len(kinds)]prometheus.Observer
	commits      prometheus.Histogram
	groups       prometheus.Histogram
	retries      *prometheus.CounterVec
}

func (d *database) open(to prometheus.Registerer) {
	fast := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	transactions := counters("database_transactions_total", "Transactions, by what they have come to.", "kind", "outcome")
	took := histograms("database_transaction_duration_seconds", "How long transactions took, waiting and repeats included.", fast, "kind")
	for k, kind := range kinds {
		d.took[k] = took.WithLabelValues(kind)
		for o, outcome := range outcomes {
			d.transactions[k][o] = transactions.WithLabelValues(kind, outcome)
		}
	}
	d.commits = histogram("database_commit_duration_seconds", "How long the database took to answer COMMIT.", fast)
	d.groups = histogram("database_group_size", "Updates that shared a COMMIT of SQLite.", []float64{1, 2, 4, 8, 16, 32, 64})
	d.retries = counters("database_retries_total", "Transactions that were run again, by why.", "reason")
	for _, reason := range []string{Serialization, Deadlock, Connection} {
		d.retries.WithLabelValues(reason)
	}
	to.MustRegister(transactions, took, d.commits, d.groups, d.retries)
}

// Transaction says what a transaction has come to.
func (i *Instruments) Transaction(k Kind, o Outcome, w Stopwatch) {
	if i != nil {
		i.transactions[k][o].Inc()
		i.database.took[k].Observe(w.Elapsed().Seconds())
	}
}

// Retried says that a transaction is run again.
func (i *Instruments) Retried(reason string) {
	if i != nil {
		i.retries.WithLabelValues(reason).Inc()
	}
}

// Committed says that COMMIT was answered.
func (i *Instruments) Committed(w Stopwatch) {
	if i != nil {
		i.commits.Observe(w.Elapsed().Seconds())
	}
}

// Group says how many Updates shared a COMMIT.
func (i *Instruments) Group(size int) {
	if i != nil {
		i.groups.Observe(float64(size))
	}
}
