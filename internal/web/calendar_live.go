package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/scheduling"
)

const (
	pollEvery = 2 * time.Second // how soon what another process changes is seen

	// In ticks of pollEvery.
	beatEvery  = 8  // what shows that the connection lives
	checkEvery = 25 // whether the session still does: less than a minute

	streamPatience = 10 * time.Second // how long a client may take for what is written

	mostStreams    = 4    // of a session
	mostOfAddress  = 40   // of those who are not signed in: a clinic's waiting room has one address
	mostStreamsAll = 1000 // of everybody
)

var errStreams = errs.New(errs.Limited, "too-many-streams", "Too many pages that are kept fresh are open. Close some of them.")

// streams are the answers that go on until somebody leaves. Its zero value is ready.
type streams struct {
	mu   sync.Mutex
	of   map[string]int
	all  int
	over chan struct{} // closed when the server stops
	ends bool
}

// enter counts a stream in, and returns what ends when the server stops, and how
// the stream is counted out.
func (s *streams) enter(who string, most int) (over <-chan struct{}, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	if s.ends || s.all >= mostStreamsAll || s.of[who] >= most {
		return nil, nil, errStreams.After(time.Minute)
	}
	s.of[who]++
	s.all++
	return s.over, func() { s.leave(who) }, nil
}

func (s *streams) begin() {
	if s.over == nil {
		s.over, s.of = make(chan struct{}), map[string]int{}
	}
}

func (s *streams) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[who]--; s.of[who] == 0 {
		delete(s.of, who)
	}
}

// Stop ends what would go on for ever: pages that are kept fresh. Those that open
// afterwards are refused. It may be called more than once.
func (s *Server) Stop() {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	s.streams.begin()
	if !s.streams.ends {
		s.streams.ends = true
		close(s.streams.over)
	}
}

// watch is something that a page shows and that changes without the page's doing.
type watch struct {
	since string                                // what the page shows; empty: not known
	look  func(context.Context) (string, error) // a text that changes with it
	nudge <-chan struct{}                       // hints that it may have changed; nil: none
	lasts func(context.Context) error           // an error once who watches may not any more; nil: for ever
}

// calendarLive tells a practitioner's page that their calendar has changed, and
// nothing of what: GET /calendar/live.
func (s *Server) calendarLive(c *call) error {
	which := c.whose()
	w := watch{
		since: c.query("since"),
		look: func(ctx context.Context) (string, error) {
			return s.Scheduling.Revision(ctx, c.by, which)
		},
		lasts: func(ctx context.Context) error { return s.Auth.Lasts(ctx, c.by) },
	}
	key, ok := id.Parse(which)
	if !ok {
		return directory.ErrPractitionerNotFound
	}
	if _, err := w.look(c.context()); err != nil {
		return err
	}
	nudge, cancel := s.Scheduling.Changes(key)
	defer cancel()
	w.nudge = nudge
	return s.stream(c, "session "+c.by.CredentialID.String(), mostStreams, w)
}

// bookLive tells a page of free times that they have changed: GET /book/live. It is
// asked with the page's own answers, and knows no more than the page shows to
// anybody.
func (s *Server) bookLive(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	if b.unanswered(stepTime) != "" {
		return errNoPage
	}
	w := watch{since: c.query("since"), look: func(ctx context.Context) (string, error) {
		found, err := s.Scheduling.Times(ctx, c.by, b.asks())
		return revisionOf(found), err
	}}
	if p, one := b.practitioner(); one {
		nudge, cancel := s.Scheduling.Changes(p.ID)
		defer cancel()
		w.nudge = nudge
	}
	who, most := "address "+c.by.Address, mostOfAddress
	if c.by.CredentialID != uuid.Nil {
		who, most = "session "+c.by.CredentialID.String(), mostStreams
		w.lasts = func(ctx context.Context) error { return s.Auth.Lasts(ctx, c.by) }
	}
	return s.stream(c, who, most, w)
}

// live is the stream that tells when other times are found than those.
func (b booking) live(found []scheduling.Slot) string {
	return b.at("/book/live") + "&since=" + revisionOf(found)
}

// revisionOf is a text that changes with what is found.
func revisionOf(found []scheduling.Slot) string {
	sum := sha256.New()
	for _, s := range found {
		_, _ = io.WriteString(sum, s.ID()+"\n") // never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// stream answers with server-sent events: a message each time that what is watched
// has changed, and "over" when who watches may not any more. Between looks it holds
// nothing but the connection.
func (s *Server) stream(c *call, who string, most int, w watch) error {
	over, leave, err := s.streams.enter(who, most)
	if err != nil {
		return err
	}
	defer leave()
	ticks, stop := s.ticks()
	defer stop()
	c.answered = true
	out := &eventWriter{to: c.w, clock: http.NewResponseController(c.w)}
	if err := out.open(); err != nil {
		return nil // who has gone is told nothing
	}
	last := w.since
	for n := 0; ; n++ {
		last = s.report(c, w, out, last, n)
		if out.err != nil || out.over {
			return nil
		}
		select {
		case <-c.context().Done():
			return nil
		case <-over:
			return nil
		case <-w.nudge:
			n-- // a nudge is no tick
		case <-ticks:
		}
	}
}

// report looks once, and writes what there is to say at the nth tick.
func (s *Server) report(c *call, w watch, out *eventWriter, last string, n int) string {
	if n > 0 && n%checkEvery == 0 && w.lasts != nil {
		if errors.Is(w.lasts(c.context()), auth.ErrUnauthenticated) {
			out.write("event: over\ndata: over\n\n")
			out.over = true
			return last
		}
	}
	now, err := w.look(c.context())
	switch {
	case err != nil && errs.As(err) != nil && errs.As(err).Kind != errs.Unavailable:
		out.over = true // it is not there any more, or not for who watches
	case err != nil: // the database is away; it is looked at again
	case now != last:
		out.write("data: changed\n\n")
		return now
	case n > 0 && n%beatEvery == 0:
		out.write(":\n\n")
	}
	return last
}

// ticks are those at which streams look.
func (s *Server) ticks() (<-chan time.Time, func()) {
	if s.Ticks != nil {
		return s.Ticks()
	}
	t := time.NewTicker(pollEvery)
	return t.C, t.Stop
}

// eventWriter writes server-sent events, and remembers that it failed.
type eventWriter struct {
	to    http.ResponseWriter
	clock *http.ResponseController
	err   error
	over  bool
}

// open begins the answer. It goes on for as long as the client stays, so the times
// that the server gives requests and answers do not count.
func (e *eventWriter) open() error {
	_ = e.clock.SetReadDeadline(time.Time{}) // what can't be given more time keeps what it has
	_ = e.clock.SetWriteDeadline(time.Time{})
	h := e.to.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass on what comes when it comes
	e.to.WriteHeader(http.StatusOK)
	e.write("retry: 5000\n\n")
	return e.err
}

// write sends a piece, to a client that takes it in time. The timer, not a
// deadline, is what ends the wait, for a deadline would need the machine's clock.
func (e *eventWriter) write(text string) {
	late := time.AfterFunc(streamPatience, func() { _ = e.clock.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, e.err = io.WriteString(e.to, text); e.err == nil {
		e.err = e.clock.Flush()
	}
}
