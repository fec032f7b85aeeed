package scheduling

import (
	"context"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// stage is a busy clinic in which a test decides how long a statement takes.
type stage struct {
	*clinic
	mu      sync.Mutex
	pauses  []*pause // those that nobody has come to
	ends    []func() // of all pauses
	commits int
	begun   map[string]int // transactions by caller
}

// onStage runs test on a stage of each engine.
func onStage(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { test(t, newStage(t, db)) })
}

func newStage(t *testing.T, db *sqldb.DB) *stage {
	t.Helper()
	s := &stage{begun: map[string]int{}}
	db.Observe = s.observe
	s.clinic = newBusyClinic(t, db)
	return s
}

// committed returns how many COMMITs there were.
func (s *stage) committed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// checkOnce fails the test if one of the callers' transactions had to be run
// again. SERIALIZABLE makes no promise of that.
func (s *stage) checkOnce(callers ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range callers {
		if n := s.begun[c]; n > 1 && !snapshots {
			s.t.Errorf("%s's transaction ran %d times: there was a deadlock", c, n)
		}
	}
}

// together reports whether two transactions can be at work at once.
func (s *stage) together() bool { return s.DB.Engine() == sqldb.Postgres }

// pause holds a statement back, and may then make it fail.
type pause struct {
	caller        string
	statement     *regexp.Regexp
	reached, over chan struct{}
	end           func() // lets the statement run
	failure       error
}

// before holds back the next statement of a caller's that matches a regular
// expression. An empty caller is anybody.
func (s *stage) before(caller, statement string) *pause {
	p := &pause{caller: caller, statement: regexp.MustCompile(statement), reached: make(chan struct{}), over: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.over) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauses, s.ends = append(s.pauses, p), append(s.ends, p.end)
	return p
}

type callerKey struct{}

func (s *stage) observe(ctx context.Context, statement string) error {
	caller, _ := ctx.Value(callerKey{}).(string)
	s.mu.Lock()
	switch {
	case statement == "COMMIT":
		s.commits++
	case strings.HasPrefix(statement, "BEGIN"):
		s.begun[caller]++
	}
	i := slices.IndexFunc(s.pauses, func(p *pause) bool {
		return (p.caller == "" || p.caller == caller) && p.statement.MatchString(statement)
	})
	var p *pause
	if i >= 0 {
		p = s.pauses[i]
		s.pauses = slices.Delete(s.pauses, i, i+1) // once: a transaction may run again
	}
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	close(p.reached)
	<-p.over
	return p.failure
}

// call is a call under way.
type call struct {
	t      testing.TB
	caller string
	asked  chan struct{} // closed when somebody asks when the call's context ends
	done   chan struct{}
	err    error
	cancel func() // ends the call's context
}

// asking is a context that tells when somebody wants to know its end.
type asking struct {
	context.Context
	asked func()
}

// Done is first called, on SQLite, by who has put the request into the writer's
// queue and now waits for it.
func (a *asking) Done() <-chan struct{} {
	a.asked()
	return a.Context.Done()
}

// start has a caller do something meanwhile.
func (s *stage) start(caller string, do func(ctx context.Context) error) *call {
	ctx, cancel := context.WithCancel(context.WithValue(s.t.Context(), callerKey{}, caller))
	c := &call{t: s.t, caller: caller, asked: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(c.done)
		c.err = do(&asking{ctx, sync.OnceFunc(func() { close(c.asked) })})
	}()
	s.t.Cleanup(func() { // of a test that fails, before the database is closed
		for _, end := range s.ends {
			end()
		}
		cancel()
		<-c.done
	})
	return c
}

// result waits for the call and returns its error.
func (c *call) result() error {
	<-c.done
	return c.err
}

// at returns when the call is held back by p.
func (c *call) at(p *pause) {
	c.t.Helper()
	select {
	case <-p.reached:
	case <-c.done:
		c.t.Fatalf("%s never came to %q, but to an end: %v", c.caller, p.statement, c.err)
	}
}

// await returns when the call waits for a row that another has locked. On
// SQLite nobody can see who waits for the writer; but neither can anybody write
// before the one who is held back.
func (s *stage) await(c *call) {
	s.t.Helper()
	for s.together() && s.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = current_setting('application_name') AND wait_event_type = 'Lock'`) == 0 {
		select {
		case <-c.done:
			s.t.Fatalf("%s did not wait: %v", c.caller, c.err)
		default:
			runtime.Gosched()
		}
	}
}
