package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/measure"
	"medbook/internal/sqldb"
	"medbook/internal/tracing"
)

const (
	workers   = 4                // jobs that one runner does at once
	inLane    = 2                // and of each lane
	lease     = 50 * time.Second // how long a job may take before it is anybody's again
	poll      = time.Second      // how often an idle runner looks
	firstWait = 2 * time.Second  // after a first failure; doubled with each
	lastWait  = 30 * time.Minute // the longest
)

// Runner does the jobs whose kinds it has handlers for. Several runners, in one
// process or in many, share the work. Kinds that it does not know are left for
// a runner that does, and logged once.
//
// Handle, Every and Lane come before all else. The other methods are safe for
// concurrent use.
type Runner struct {
	DB  *sqldb.DB
	Log *slog.Logger // gets the kinds and ids of jobs, never what a handler's error says

	Tracer tracing.Tracer // begins the trace of each run

	handlers map[string]handler
	lanes    map[string]chan struct{} // what wakes the workers of each; "" has the others'
	strange  sync.Map                 // unknown kinds that were logged
	pulse    atomic.Pointer[measure.Stopwatch]

	mu      sync.Mutex
	planned bool // each schedule has its row
}

type handler struct {
	run   func(ctx context.Context, payload string) error
	every time.Duration // zero unless it is a schedule's
}

// Handle makes run the handler of jobs of type J. Its context ends before the
// job's lease does. Any error or panic puts the job off.
func Handle[J Job](r *Runner, run func(ctx context.Context, job J) error) {
	var zero J
	r.add(zero.Kind(), handler{run: func(ctx context.Context, payload string) error {
		var job J
		if err := json.Unmarshal([]byte(payload), &job); err != nil {
			return err
		}
		return run(ctx, job)
	}})
}

// Every makes run the work of a schedule: due at once, and again when the
// interval has passed since it last succeeded, on one of the runners that share
// the database.
func (r *Runner) Every(interval time.Duration, kind string, run func(ctx context.Context) error) {
	r.add(kind, handler{every: interval, run: func(ctx context.Context, _ string) error { return run(ctx) }})
}

func (r *Runner) add(kind string, h handler) {
	r.Lane("")
	r.handlers[kind] = h
}

// kinds lists what there are handlers for.
func (r *Runner) kinds() []string { return slices.Sorted(maps.Keys(r.handlers)) }

// Lane gives the jobs of a lane workers of their own: they do no others, and
// nobody else of this runner does them. Jobs of other lanes are done with those
// of none.
func (r *Runner) Lane(name string) {
	if r.lanes == nil {
		r.handlers, r.lanes = map[string]handler{}, map[string]chan struct{}{}
	}
	r.lanes[name] = make(chan struct{}, workers)
}

// Nudge makes an idle Run look for jobs now instead of within a second. It does
// not block: made for sqldb.Tx.AfterCommit.
func (r *Runner) Nudge() {
	for _, wake := range r.lanes {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// Run does jobs as they become due, until ctx ends and the jobs at work are finished.
func (r *Runner) Run(ctx context.Context) {
	r.beat()
	var wg sync.WaitGroup
	named := slices.DeleteFunc(slices.Sorted(maps.Keys(r.lanes)), func(name string) bool { return name == "" })
	for name, wake := range r.lanes {
		n, is, lanes := inLane, "IN", []string{name}
		if name == "" {
			n, is, lanes = workers, "NOT IN", named
		}
		for range n {
			wg.Go(func() { r.work(ctx, wake, is, lanes) })
		}
	}
	wg.Wait()
}

func (r *Runner) work(ctx context.Context, wake <-chan struct{}, is string, lanes []string) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := r.runDue(ctx, is, lanes); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "jobs can't be read or finished", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-wake:
		}
	}
}

// RunDue does all jobs that are due, of whatever lane, one after the other, and
// tells how many it began. Its error is the database's, not a handler's.
func (r *Runner) RunDue(ctx context.Context) (n int, err error) {
	defer errs.Wrap(&err, "run due jobs")
	return r.runDue(ctx, "", nil)
}

func (r *Runner) runDue(ctx context.Context, is string, lanes []string) (n int, err error) {
	if err := r.plan(ctx); err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		j, ok, err := r.take(ctx, is, lanes)
		if err == nil {
			r.beat()
		}
		if err != nil || !ok {
			return n, err
		}
		n++
		if err := r.do(context.WithoutCancel(ctx), j); err != nil {
			return n, err
		}
	}
	return n, nil
}

// beat notes that a worker has looked for jobs.
func (r *Runner) beat() {
	now := measure.StartStopwatch()
	r.pulse.Store(&now)
}

// Quiet returns for how long no worker of Run has been able to look for jobs. It is
// zero before Run. One that is at a job does not look until it is done, which takes
// as long as a lease at the most.
func (r *Runner) Quiet() time.Duration {
	if last := r.pulse.Load(); last != nil {
		return last.Elapsed()
	}
	return 0
}

// plan gives each schedule its row, once.
func (r *Runner) plan(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.planned {
		return nil
	}
	err := r.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for kind, h := range r.handlers {
			if h.every == 0 {
				continue
			}
			// The kind makes the id, so that the key keeps the row single.
			j := job{ID: uuid.NewSHA1(uuid.Nil, []byte(kind)), Kind: kind, Payload: "{}"}
			if err := insert(ctx, tx, j, tx.Now(), false); err != nil {
				return err
			}
		}
		return nil
	})
	r.planned = err == nil
	return err
}

// take leases a job that is due, if there is one. It looks before it writes, so
// that an idle runner does not write.
func (r *Runner) take(ctx context.Context, is string, lanes []string) (j job, ok bool, err error) {
	kinds := r.kinds()
	for {
		var due []uuid.UUID
		var strange []string
		err := r.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			if due, err = dueJobs(ctx, tx, kinds, is, lanes); err == nil && len(due) == 0 && is != "IN" {
				strange, err = unknownKinds(ctx, tx, kinds)
			}
			return err
		})
		for _, kind := range strange {
			if _, logged := r.strange.LoadOrStore(kind, true); !logged {
				r.Log.WarnContext(ctx, "jobs of an unknown kind are left alone", "kind", kind)
			}
		}
		if err != nil || len(due) == 0 {
			return job{}, false, err
		}
		one := due[rand.N(len(due))] // others see the same jobs
		err = r.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			j, err = leaseJob(ctx, tx, one, id.New(), tx.Now())
			return err
		})
		if !errors.Is(err, sqldb.ErrNoRows) { // else somebody else was faster
			return j, err == nil, err
		}
	}
}

// do runs a leased job and writes down how it went, unless the lease was lost.
func (r *Runner) do(ctx context.Context, j job) (err error) {
	watch := r.DB.Instruments.Start()
	ctx, span := r.Tracer.Begin(ctx, "job "+j.Kind)
	outcome := measure.JobFailed
	defer func() {
		r.DB.Instruments.JobRan(j.Kind, outcome, watch)
		span.Set(tracing.Kind, j.Kind)
		span.Set(tracing.Outcome, outcome)
		span.Count(tracing.Attempts, j.Attempts)
		if outcome == measure.JobFailed {
			span.Fail("job-failed")
		}
		span.End(nil)
	}()
	outcome, err = r.settle(ctx, j, safely(ctx, r.handlers[j.Kind], j))
	return err
}

// settle writes down how a run went, and tells what it has come to. failed is the
// handler's error.
func (r *Runner) settle(ctx context.Context, j job, failed error) (outcome string, err error) {
	every := r.handlers[j.Kind].every
	var mine bool
	var later Later
	untried := errors.As(failed, &later) && !later.Tried
	err = r.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		switch {
		case untried:
			mine, err = putOff(ctx, tx, j, tx.Now().Add(max(time.Second, later.At.Sub(tx.Now()))), j.Attempts-1)
		case failed != nil:
			mine, err = putOff(ctx, tx, j, tx.Now().Add(max(wait(j.Attempts), later.At.Sub(tx.Now()))), j.Attempts)
		case every > 0:
			mine, err = putOff(ctx, tx, j, tx.Now().Add(every), 0)
		default:
			mine, err = remove(ctx, tx, j)
		}
		return err
	})
	attrs := []any{"kind", j.Kind, "job_id", j.ID}
	if trace := tracing.TraceID(ctx); trace != "" {
		attrs = append(attrs, "trace_id", trace)
	}
	outcome = measure.JobDone
	switch {
	case err != nil:
		outcome, err = measure.JobFailed, fmt.Errorf("%s %s: %w", j.Kind, j.ID, err)
	case !mine:
		outcome = measure.JobLost
		r.Log.WarnContext(ctx, "a job outlived its lease", attrs...)
	case untried:
		outcome = measure.JobPutOff
	case failed != nil:
		outcome = measure.JobFailed
		r.Log.WarnContext(ctx, "a job failed and is put off", append(attrs, "attempts", j.Attempts)...)
	}
	return outcome, err
}

// safely runs the job for less time than its lease and makes a panic an error.
func safely(ctx context.Context, h handler, j job) (err error) {
	ctx, cancel := context.WithTimeout(ctx, lease-lease/10)
	defer cancel()
	defer func() {
		if recover() != nil {
			err = errors.New("the handler panicked")
		}
	}()
	return h.run(ctx, j.Payload)
}

// wait is how long a job rests that failed for the given time, counted from 1.
// Half of it is chance, so that jobs that failed together do not come back together.
func wait(attempts int) time.Duration {
	d := min(lastWait, firstWait<<min(attempts-1, 16))
	return d/2 + rand.N(d/2)
}
