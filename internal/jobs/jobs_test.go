package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/jobs"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

type greet struct{ Name string }

func (greet) Kind() string { return "test.greet" }

type other struct{ Name string }

func (other) Kind() string { return "test.other" }

// log is a log that tests can read while runners write it.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRunner(db *sqldb.DB) (*jobs.Runner, *log) {
	l := &log{}
	return &jobs.Runner{DB: db, Log: slog.New(slog.NewTextHandler(l, nil))}, l
}

func enqueue(t *testing.T, db *sqldb.DB, at time.Time, all ...jobs.Job) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for _, j := range all {
			if err := jobs.Enqueue(ctx, tx, at, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func runDue(t *testing.T, r *jobs.Runner, want int) {
	t.Helper()
	n, err := r.RunDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n != want {
		t.Fatalf("RunDue = %d jobs, want %d", n, want)
	}
}

func TestAJobRunsOnceWhenDueIfItsTransactionCommitted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, _ := newRunner(db)
		var got []string
		jobs.Handle(r, func(_ context.Context, j greet) error {
			got = append(got, j.Name)
			return nil
		})
		undone := errors.New("undone")
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if err := jobs.Enqueue(ctx, tx, time.Time{}, greet{"never"}); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		enqueue(t, db, time.Time{}, greet{"now"})
		enqueue(t, db, sqltest.Start.Add(time.Hour), greet{"later"})
		runDue(t, r, 1)
		runDue(t, r, 0)
		sqltest.ClockOf(db).Advance(time.Hour - time.Microsecond)
		runDue(t, r, 0)
		sqltest.ClockOf(db).Advance(time.Microsecond)
		runDue(t, r, 1)
		if want := []string{"now", "later"}; !slices.Equal(got, want) {
			t.Errorf("ran %q, want %q", got, want)
		}
	})
}

func TestRunnersDoNotDoAJobTwice(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const n = 60
		var all []jobs.Job
		for i := range n {
			all = append(all, greet{strings.Repeat("x", i)})
		}
		enqueue(t, db, time.Time{}, all...)
		var mu sync.Mutex
		ran := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			r, _ := newRunner(db)
			jobs.Handle(r, func(_ context.Context, j greet) error {
				mu.Lock()
				defer mu.Unlock()
				ran[j.Name]++
				return nil
			})
			wg.Go(func() {
				if _, err := r.RunDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for name, times := range ran {
			if times != 1 {
				t.Errorf("job %d ran %d times, want once", len(name), times)
			}
		}
		if len(ran) != n {
			t.Errorf("%d jobs ran, want %d", len(ran), n)
		}
	})
}

func TestAFailedJobIsPutOffFurtherEachTimeAndBlocksNoOther(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, out := newRunner(db)
		tries, others := 0, 0
		jobs.Handle(r, func(context.Context, greet) error {
			if tries++; tries == 2 {
				panic("the patient's name")
			}
			return errors.New("the patient's name")
		})
		jobs.Handle(r, func(context.Context, other) error { others++; return nil })
		enqueue(t, db, time.Time{}, greet{}, other{}, other{})
		clock := sqltest.ClockOf(db)
		runDue(t, r, 3)
		if others != 2 {
			t.Errorf("%d other jobs ran beside the failed one, want 2", others)
		}
		for _, tt := range []struct{ atLeast, atMost time.Duration }{
			{time.Second, 2 * time.Second}, {2 * time.Second, 4 * time.Second}, {4 * time.Second, 8 * time.Second},
		} {
			clock.Advance(tt.atLeast - time.Microsecond)
			runDue(t, r, 0)
			clock.Advance(tt.atMost - tt.atLeast + time.Microsecond)
			runDue(t, r, 1)
		}
		for range 80 { // the wait has a limit, whatever the number of attempts
			clock.Advance(30 * time.Minute)
			runDue(t, r, 1)
		}
		if strings.Contains(out.String(), "patient") || !strings.Contains(out.String(), "kind=test.greet job_id=") {
			t.Errorf("log = %s\nwant the kind and id of the job and not its error", out)
		}
	})
}

func TestAnUnknownKindStaysAndIsLoggedOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, out := newRunner(db)
		ran := 0
		jobs.Handle(r, func(context.Context, greet) error { ran++; return nil })
		enqueue(t, db, time.Time{}, other{}, greet{})
		runDue(t, r, 1)
		runDue(t, r, 0)
		if n := strings.Count(out.String(), "kind=test.other"); n != 1 {
			t.Errorf("the unknown kind was logged %d times, want once:\n%s", n, out)
		}
		knows, _ := newRunner(db)
		jobs.Handle(knows, func(context.Context, other) error { return nil })
		runDue(t, knows, 1)
	})
}

func TestAJobWhoseRunnerDiedIsTakenOverWhenItsLeaseIsOver(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for _, late := range []error{nil, errors.New("failed late")} {
			slow, slowLog := newRunner(db)
			begun, release, done := make(chan bool), make(chan bool), make(chan bool)
			jobs.Handle(slow, func(context.Context, greet) error {
				begun <- true
				<-release
				return late
			})
			enqueue(t, db, time.Time{}, greet{})
			go func() {
				defer close(done)
				if n, err := slow.RunDue(t.Context()); n != 1 || err != nil {
					t.Errorf("RunDue of the slow runner = %d, %v, want 1", n, err)
				}
			}()
			<-begun

			next, nextLog := newRunner(db)
			third, _ := newRunner(db)
			jobs.Handle(third, func(context.Context, greet) error { return nil })
			clock := sqltest.ClockOf(db)
			jobs.Handle(next, func(context.Context, greet) error {
				close(release)
				<-done
				clock.Advance(50*time.Second - time.Microsecond)
				runDue(t, third, 0) // the slow runner can't give away what it lost
				return nil
			})
			clock.Advance(50*time.Second - time.Microsecond)
			runDue(t, next, 0)
			clock.Advance(time.Microsecond)
			runDue(t, next, 1)

			if !strings.Contains(slowLog.String(), "outlived its lease") || nextLog.String() != "" {
				t.Errorf("the logs say %q and %q, want that the slow runner's job outlived its lease and nothing of the next", slowLog, nextLog)
			}
			clock.Advance(time.Hour)
			runDue(t, next, 0)
		}
	})
}

func TestAScheduleRunsOnceEachIntervalWhoeverRunsIt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ran := 0
		var fail error
		var runners []*jobs.Runner
		for range 2 {
			r, _ := newRunner(db)
			r.Every(time.Hour, "test.clean", func(context.Context) error { ran++; return fail })
			runners = append(runners, r)
		}
		clock := sqltest.ClockOf(db)
		runDue(t, runners[0], 1)
		runDue(t, runners[1], 0)
		clock.Advance(time.Hour - time.Microsecond)
		runDue(t, runners[1], 0)
		clock.Advance(time.Microsecond)
		fail = errors.New("not now")
		runDue(t, runners[1], 1)
		runDue(t, runners[0], 0)
		fail = nil
		clock.Advance(2 * time.Second)
		runDue(t, runners[0], 1)
		clock.Advance(time.Hour)
		runDue(t, runners[1], 1)
		if ran != 4 {
			t.Errorf("the schedule ran %d times, want 4", ran)
		}
	})
}

func TestRunFinishesTheJobsAtWork(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, out := newRunner(db)
		begun, release, ended := make(chan bool), make(chan bool), make(chan bool)
		finished := false
		jobs.Handle(r, func(ctx context.Context, j greet) error {
			begun <- true
			<-release
			finished = ctx.Err() == nil
			return ctx.Err()
		})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			r.Run(ctx)
			close(ended)
		}()
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			tx.AfterCommit(r.Nudge)
			return jobs.Enqueue(ctx, tx, time.Time{}, greet{"now"})
		})
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		stop()
		release <- true
		<-ended
		if !finished {
			t.Error("Run returned before the job at work was finished, or cut it off")
		}
		runDue(t, r, 0)
		if out.String() != "" {
			t.Errorf("log = %s, want none", out)
		}
	})
}

func TestADatabaseThatFailsIsReported(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		broken := errors.New("broken disk")
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "DELETE FROM jobs") {
				return broken
			}
			return nil
		}
		r, _ := newRunner(db)
		jobs.Handle(r, func(context.Context, greet) error { return nil })
		enqueue(t, db, time.Time{}, greet{})
		if n, err := r.RunDue(t.Context()); n != 1 || !errors.Is(err, broken) {
			t.Errorf("RunDue = %d, %v, want 1, %v", n, err, broken)
		}
	})
}

// TestAHandlerSaysWhenItsJobIsToRunAgain shows that a rest counts as no attempt
// unless the job was tried, and then is no shorter than after another failure.
func TestAHandlerSaysWhenItsJobIsToRunAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, out := newRunner(db)
		clock := sqltest.ClockOf(db)
		var say error
		jobs.Handle(r, func(context.Context, greet) error { return say })
		enqueue(t, db, time.Time{}, greet{})
		rests := func(why string, d time.Duration) {
			t.Helper()
			runDue(t, r, 1)
			clock.Advance(d - time.Microsecond)
			if n, err := r.RunDue(t.Context()); n != 0 || err != nil {
				t.Fatalf("%s: %d jobs ran before %s were over, %v", why, n, d, err)
			}
			clock.Advance(time.Microsecond)
		}
		for range 20 {
			say = jobs.Later{At: clock.Now().Add(time.Minute)}
			rests("later", time.Minute)
		}
		say = jobs.Later{}
		rests("an instant that is over", time.Second)
		say = fmt.Errorf("wrapped: %w", jobs.Later{At: clock.Now().Add(time.Hour)})
		rests("wrapped", time.Hour)
		if out.String() != "" {
			t.Errorf("log = %s, want none of jobs that only rest", out)
		}
		say = jobs.Later{At: clock.Now().Add(time.Minute), Tried: true}
		rests("tried", time.Minute)
		say = jobs.Later{Tried: true}
		rests("the second attempt that counts", 2*time.Second)
		clock.Advance(2 * time.Second)
		say = nil
		runDue(t, r, 1)
		if want := "attempts=2"; !strings.Contains(out.String(), want) || strings.Contains(out.String(), "attempts=3") {
			t.Errorf("log = %s, want %s and no more", out, want)
		}
	})
}

type inLane struct{ Name string }

func (inLane) Kind() string { return "test.in-lane" }

func (l inLane) Lane() string { return l.Name }

// TestAJobThatHangsHoldsUpOnlyItsLane also shows that jobs of a lane without
// workers are done by those of none.
func TestAJobThatHangsHoldsUpOnlyItsLane(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, _ := newRunner(db)
		r.Lane("slow")
		r.Lane("fast")
		release, done := make(chan bool), make(chan string)
		jobs.Handle(r, func(_ context.Context, j inLane) error {
			if j.Name == "slow" {
				<-release
				return nil
			}
			done <- j.Name
			return nil
		})
		jobs.Handle(r, func(context.Context, greet) error { done <- "none"; return nil })
		for range 8 { // more than there are workers of any kind
			enqueue(t, db, time.Time{}, inLane{"slow"})
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			r.Run(ctx)
			close(ended)
		}()
		for _, j := range []jobs.Job{inLane{"fast"}, inLane{"unknown"}, greet{}, inLane{"fast"}} {
			enqueue(t, db, time.Time{}, j)
			r.Nudge()
			want := "none"
			if l, ok := j.(inLane); ok {
				want = l.Name
			}
			if got := <-done; got != want {
				t.Errorf("a job of lane %q was done, want of %q", got, want)
			}
		}
		close(release)
		stop()
		<-ended
	})
}

type once struct {
	Key  uuid.UUID
	Name string
}

func (once) Kind() string { return "test.once" }

func (o once) Once() uuid.UUID { return o.Key }

func TestAJobThatIsThereOnceIsTheLastThatWasEnqueued(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r, _ := newRunner(db)
		var got []string
		key := uuid.New()
		jobs.Handle(r, func(_ context.Context, j once) error {
			if got = append(got, j.Name); j.Name == "b" { // enqueued anew while it is at work
				enqueue(t, db, time.Time{}, once{key, "c"})
			}
			return nil
		})
		enqueue(t, db, time.Time{}, once{key, "a"}, once{uuid.New(), "other"})
		enqueue(t, db, sqltest.Start.Add(time.Hour), once{key, "b"})
		runDue(t, r, 1)
		sqltest.ClockOf(db).Advance(time.Hour)
		runDue(t, r, 2)
		runDue(t, r, 0)
		if want := []string{"other", "b", "c"}; !slices.Equal(got, want) {
			t.Errorf("ran %q, want %q", got, want)
		}
	})
}

// TestADeadRunnerIsReplacedWithinAMinute counts the look that an idle runner
// takes each second.
func TestADeadRunnerIsReplacedWithinAMinute(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		dead, out := newRunner(db)
		begun, release, done := make(chan bool), make(chan bool), make(chan bool)
		jobs.Handle(dead, func(context.Context, greet) error {
			begun <- true
			<-release
			return nil
		})
		enqueue(t, db, time.Time{}, greet{})
		go func() {
			defer close(done)
			_, _ = dead.RunDue(t.Context())
		}()
		<-begun
		next, _ := newRunner(db)
		fail := errors.New("not yet")
		jobs.Handle(next, func(context.Context, greet) error { return fail })
		sqltest.ClockOf(db).Advance(time.Minute - time.Second)
		runDue(t, next, 1)
		close(release) // the first comes back and says that all is done
		<-done
		if !strings.Contains(out.String(), "outlived its lease") {
			t.Errorf("log = %q, want that the job outlived its lease", out)
		}
		fail = nil
		sqltest.ClockOf(db).Advance(time.Hour)
		runDue(t, next, 1) // it was still the other's to finish
	})
}
