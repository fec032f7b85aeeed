package sqltest

import (
	"context"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"

	"medbook/internal/sqldb"
)

// Stage is a database of which a test decides how long a statement takes.
type Stage struct {
	t      testing.TB
	db     *sqldb.DB
	mu     sync.Mutex
	pauses []*Pause // those that nobody has come to
	ends   []func() // of all pauses
}

// NewStage makes a stage of a database that nobody has used yet.
func NewStage(t testing.TB, db *sqldb.DB) *Stage {
	s := &Stage{t: t, db: db}
	db.Observe = s.observe
	return s
}

// Together reports whether two transactions can be at work at once.
func (s *Stage) Together() bool { return s.db.Engine() == sqldb.Postgres }

// Pause holds a statement back.
type Pause struct {
	caller        string
	statement     *regexp.Regexp
	reached, over chan struct{}
	end           func()
}

// End lets the statement run.
func (p *Pause) End() { p.end() }

// Before holds back the next statement of a caller's that matches a regular
// expression.
func (s *Stage) Before(caller, statement string) *Pause {
	p := &Pause{caller: caller, statement: regexp.MustCompile(statement), reached: make(chan struct{}), over: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.over) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauses, s.ends = append(s.pauses, p), append(s.ends, p.end)
	return p
}

type callerKey struct{}

func (s *Stage) observe(ctx context.Context, statement string) error {
	caller, _ := ctx.Value(callerKey{}).(string)
	s.mu.Lock()
	i := slices.IndexFunc(s.pauses, func(p *Pause) bool { return p.caller == caller && p.statement.MatchString(statement) })
	var p *Pause
	if i >= 0 {
		p = s.pauses[i]
		s.pauses = slices.Delete(s.pauses, i, i+1) // once: a transaction may run again
	}
	s.mu.Unlock()
	if p != nil {
		close(p.reached)
		<-p.over
	}
	return nil
}

// Call is a call under way.
type Call struct {
	t      testing.TB
	caller string
	done   chan struct{}
	err    error
}

// Start has a caller do something meanwhile.
func (s *Stage) Start(caller string, do func(ctx context.Context) error) *Call {
	ctx, cancel := context.WithCancel(context.WithValue(s.t.Context(), callerKey{}, caller))
	c := &Call{t: s.t, caller: caller, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = do(ctx)
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

// Result waits for the call and returns its error.
func (c *Call) Result() error {
	<-c.done
	return c.err
}

// At returns when the call is held back by p.
func (c *Call) At(p *Pause) {
	c.t.Helper()
	select {
	case <-p.reached:
	case <-c.done:
		c.t.Fatalf("%s never came to %q, but to an end: %v", c.caller, p.statement, c.err)
	}
}

// Await returns when the call waits for a row that another has locked, or has
// come to an end. On SQLite nobody can see who waits for the writer; but neither
// can anybody write before the one who is held back.
func (s *Stage) Await(c *Call) {
	s.t.Helper()
	for s.Together() {
		waiting := 0
		err := s.db.View(s.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
			waiting, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
				err = r.Scan(&n)
				return n, err
			}, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = current_setting('application_name') AND wait_event_type = 'Lock'`)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if waiting > 0 {
			return
		}
		select {
		case <-c.done:
			return
		default:
			runtime.Gosched()
		}
	}
}
