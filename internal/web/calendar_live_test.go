package web

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/gate"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// pulse gives the streams of a surgery their ticks by hand.
func (s *surgery) pulse() (tick func()) {
	ticks := make(chan time.Time)
	s.server.Ticks = func() (<-chan time.Time, func()) { return ticks, func() {} }
	return func() {
		s.t.Helper()
		select {
		case ticks <- time.Time{}:
		case <-s.t.Context().Done():
			s.t.Fatal("nobody takes the tick")
		}
	}
}

// listener hears the events of a stream.
type listener struct {
	t      *testing.T
	lines  chan string // ends with the stream
	cancel func()
	status int
}

// listen opens a stream as a visitor.
func (v *visitor) listen(t *testing.T, path string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.c.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := http.DefaultTransport.RoundTrip(req) //nolint:bodyclose // what reads it closes it
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, lines: make(chan string, 100), cancel: cancel, status: resp.StatusCode}
	go func() {
		defer close(l.lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if s.Text() != "" {
				l.lines <- s.Text()
			}
		}
	}()
	t.Cleanup(cancel)
	if l.status == http.StatusOK {
		l.hears("retry: 5000")
	}
	return l
}

// hears waits for the next line.
func (l *listener) hears(want string) {
	l.t.Helper()
	if got, ok := <-l.lines; !ok || got != want {
		l.t.Fatalf("heard %q (%v), want %q", got, ok, want)
	}
}

// ends waits for the end of the stream.
func (l *listener) ends() {
	l.t.Helper()
	if got, ok := <-l.lines; ok {
		l.t.Fatalf("heard %q, want the end", got)
	}
}

func TestACalendarTellsThatItHasChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		tick := s.pulse()
		v := s.as("grey")
		now, err := s.server.Scheduling.Revision(t.Context(), s.actor("grey"), s.grey)
		if err != nil {
			t.Fatal(err)
		}
		l := v.listen(t, "/calendar/live?since="+now)
		s.books("ann", "2027-03-15T09:00:00-04:00", true) // told at once, without a tick
		l.hears("data: changed")
		hold := s.books("bob", "2027-03-15T09:30:00-04:00", false)
		l.hears("data: changed")
		sqltest.ClockOf(db).Set(hold.HoldExpiresAt) // a hold that runs out writes nothing
		tick()
		l.hears("data: changed")
		for range beatEvery {
			tick()
		}
		l.hears(":")
	})
}

// A page that shows something older than there is learns so when it begins to watch.
func TestWhatHappenedBeforeIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		s.pulse()
		s.as("grey").listen(t, "/calendar/live?since=before").hears("data: changed")
	})
}

func TestAStreamEndsWithTheSession(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		tick := s.pulse()
		v := s.as("grey")
		l := v.listen(t, "/calendar/live")
		l.hears("data: changed")
		other := &visitor{c: v.c, cookies: map[string]string{"__Host-medbook": v.cookies["__Host-medbook"]}}
		other.post("/sign-out").has(200, "You are signed out.")
		for range checkEvery {
			tick()
		}
		for line := range l.lines {
			if line == "event: over" {
				l.hears("data: over")
				l.ends()
				return
			}
		}
		t.Error("it ended without a word")
	})
}

// Watching is no use of a session: who leaves the page open is signed out.
func TestWatchingDoesNotKeepASessionAlive(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		tick := s.pulse()
		l := s.as("grey").listen(t, "/calendar/live")
		l.hears("data: changed")
		// Staff are signed out after 15 minutes. One tick more shows that the one before
		// was dealt with.
		for _, ticks := range []int{checkEvery + 1, checkEvery - 1} {
			sqltest.ClockOf(db).Advance(8 * time.Minute)
			for range ticks {
				tick()
			}
		}
		for range checkEvery / beatEvery {
			l.hears(":")
		}
		for line := range l.lines {
			if line == "event: over" {
				return
			}
		}
		t.Error("it ended without a word")
	})
}

func TestStreamsAreFew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		s.pulse()
		v := s.as("grey")
		var open []*listener
		for range mostStreams {
			open = append(open, v.listen(t, "/calendar/live"))
		}
		v.get("/calendar/live").has(429, "Too many pages that are kept fresh")
		s.as("grey").listen(t, "/calendar/live").hears("data: changed") // another session
		s.server.Stop()
		s.server.Stop()
		for _, l := range open {
			l.hears("data: changed")
			l.ends()
		}
		v.get("/calendar/live").has(429)
	})
}

func TestStreamsAreNotForEverybody(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		s.pulse()
		if p := s.visitor().get("/calendar/live?practitioner=" + s.grey); p.path == "/calendar/live" {
			t.Error("a stranger is not led to sign in")
		}
		s.as("ann").get("/calendar/live?practitioner=" + s.grey).has(403)
		s.as("brown").get("/calendar/live?practitioner=" + s.grey).has(404)
		s.as("admin").get("/calendar/live").has(404)
		s.as("admin").listen(t, "/calendar/live?practitioner="+s.grey).hears("data: changed")
	})
}

// TestFreeTimesTellThatTheyHaveChanged shows that strangers learn of what they could
// see themselves, and of nothing else.
func TestFreeTimesTellThatTheyHaveChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		tick := s.pulse()
		s.visitor().get("/book/live?length=30&with=" + s.grey).has(404)
		s.visitor().get("/book/live?length=30&date=2027-03-15&with=x").has(404)
		l := s.visitor().listen(t, "/book/live?length=30&date=2027-03-15&with="+s.grey)
		l.hears("data: changed")
		a := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		l.hears("data: changed")
		// Of another day, or that an appointment's reason changed, they learn nothing.
		s.works("2027-03-16T09:00:00-04:00", "2027-03-16T12:00:00-04:00")
		if _, err := s.server.Scheduling.SetReason(t.Context(), s.actor("ann"), a.ID.String(), a.Reason); err != nil {
			t.Fatal(err)
		}
		tick()
		slot := s.slot("2027-03-15T10:00:00-04:00")
		if _, err := s.server.Scheduling.ChangeSlot(t.Context(), s.actor("grey"), slot, "*", scheduling.SlotChange{StartsAt: new(instantOf(t, "2027-03-15T13:00:00-04:00"))}); err != nil {
			t.Fatal(err)
		}
		l.hears("data: changed")
		l.cancel()
		anyone := s.visitor().listen(t, "/book/live?length=30&with=anyone&date=2027-03-15")
		anyone.hears("data: changed")
		s.books("bob", "2027-03-15T11:00:00-04:00", true)
		tick()
		anyone.hears("data: changed")
	})
}

// What can't be read for a while does not end a stream; what is gone does.
func TestAStreamOutlastsTheDatabasesAbsence(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		tick := s.pulse()
		answers := []error{nil, context.DeadlineExceeded, nil, scheduling.ErrSlotNotFound}
		i := 0
		w := watch{look: func(context.Context) (string, error) {
			err := answers[min(i, len(answers)-1)]
			i++
			return calendar.Date{Year: i}.String(), err
		}}
		done := make(chan error, 1)
		rec := &quietWriter{header: http.Header{}}
		go func() {
			c := &call{server: s.server, w: rec, r: (&http.Request{}).WithContext(t.Context())}
			done <- s.server.stream(c, "x", 1, w)
		}()
		for range 3 {
			tick()
		}
		if err := <-done; err != nil || rec.text != "retry: 5000\n\ndata: changed\n\ndata: changed\n\n" {
			t.Errorf("%v: %q", err, rec.text)
		}
	})
}

// A client that takes nothing any more ends the stream.
func TestAStreamEndsWhenNobodyListens(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		s.pulse()
		rec := &quietWriter{header: http.Header{}, fails: true}
		c := &call{server: s.server, w: rec, r: (&http.Request{}).WithContext(t.Context())}
		if err := s.server.stream(c, "x", 1, watch{look: func(context.Context) (string, error) { return "", nil }}); err != nil || len(s.server.streams.of) != 0 {
			t.Errorf("%v, %v are open", err, s.server.streams.of)
		}
	})
}

// quietWriter keeps what is written.
type quietWriter struct {
	header http.Header
	text   string
	fails  bool
}

func (w *quietWriter) Header() http.Header { return w.header }
func (w *quietWriter) WriteHeader(int)     {}
func (w *quietWriter) Flush()              {}
func (w *quietWriter) Write(p []byte) (int, error) {
	if w.fails {
		return 0, errors.New("the client has gone")
	}
	w.text += string(p)
	return len(p), nil
}

// Whoever leaves before there is a page is no failure of ours.
func TestWhoHasGoneMakesNoNoise(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		face := s.server.Face()
		g := &gate.Gate{Auth: s.server.Auth, Log: s.server.Log, Now: db.Now, Pick: func(*http.Request) gate.Face { return face }}
		rec := httptest.NewRecorder()
		g.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, s.url+"/book", http.NoBody))
		if rec.Code != http.StatusServiceUnavailable || strings.Contains(s.log.String(), `"ERROR"`) {
			t.Errorf("answered %d, logged %s", rec.Code, s.log.String())
		}
	})
}
