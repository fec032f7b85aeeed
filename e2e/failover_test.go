//go:build unix

package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/scheduling/history"
	"medbook/internal/sqldb/sqltest"
)

// The size of the drill. MEDBOOK_FAILOVER says how long it is to last, such as
// "2m"; then it has more clients, and service must be back within 15 seconds.
const (
	fewClients  = 8
	manyClients = 32
	back        = 15 * time.Second
)

// drillFor returns for how long to drill, or zero for a small one.
func drillFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("MEDBOOK_FAILOVER")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFailover loses the primary under load, again and again: killed, frozen and
// then killed, or frozen and silent for good. Nothing that a client was told is
// lost, no time is booked twice, and all are served again soon.
func TestFailover(t *testing.T) {
	t.Parallel()
	length, clients, within := drillFor(t), fewClients, patience
	if length > 0 {
		clients, within = manyClients, back
	}
	trio := sqltest.NewTrio(t, true)
	d := newDrill(t, trio, program(t), clients)
	strikes := []struct {
		name           string
		lose, takeOver func()
	}{
		{"killed", trio.Kill, trio.FailOver},
		{"frozen and silent", trio.Freeze, trio.FailOverSilently},
		{"frozen, then killed", trio.Freeze, trio.FailOver},
	}
	d.begin(t.Context())
	for began, n := time.Now(), 0; n < 2 || time.Since(began) < length; n++ {
		s := strikes[n%len(strikes)]
		first, last, takeover := d.strike(s.lose, s.takeOver, 10*clients)
		t.Logf("the primary was %s: another took writes after %.1f s, the first client was served after %.1f s, the last of %d after %.1f s",
			s.name, takeover.Seconds(), first.Seconds(), clients, last.Seconds())
		if last > within {
			t.Errorf("service was back after %v, want within %v", last, within)
		}
		trio.Rejoin()
	}
	d.awaitDone(10 * clients)
	d.end()
	if faults := d.judge(); len(faults) > 0 {
		t.Errorf("%d faults, among them %q", len(faults), faults[:min(5, len(faults))])
	}
	t.Logf("%d changes of %d appointments were acknowledged", d.done, len(d.told))
}

// TestAHistoryOverAFailoverCanBeExplained judges what clients were told while the
// primary was killed: each operation, however often it was repeated, took place
// once, between its call and its answer.
func TestAHistoryOverAFailoverCanBeExplained(t *testing.T) {
	t.Parallel()
	trio := sqltest.NewTrio(t, true)
	c := open(t, trio.URL())
	s, slots := speak(t, c, 1)
	k := &persistent{spoken: s, people: c.persist(4, c.server, c.serve()), strike: make(chan struct{})}
	s.slots = slots
	type recorded struct {
		history.History
		err error
	}
	done := make(chan recorded, 1)
	go func() {
		h, err := history.Record(t.Context(), k, history.Plan{
			Operations: recordedOps, Clients: fewClients, Patients: len(k.people), Slots: recordedSlots,
			HoldTime: recordedHold, Start: s.now, Seed: 7,
		})
		done <- recorded{h, err}
	}()
	<-k.strike
	trio.Kill()
	trio.FailOver()
	h := <-done
	if h.err != nil {
		t.Fatal(h.err)
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%v", h.Outcomes())
}

// persistent is a clinic whose patients repeat what was not answered. The strike
// comes when a third of the operations are answered.
type persistent struct {
	*spoken
	people []stubborn
	asked  atomic.Int32
	strike chan struct{}
}

func (p *persistent) ask(ctx context.Context, patient int, do change) (history.Answer, error) {
	if p.asked.Add(1) == recordedOps/3 {
		close(p.strike)
	}
	return said(p.people[patient].ask(ctx, do))
}

func (p *persistent) Hold(ctx context.Context, patient, slot int) (history.Answer, error) {
	return p.ask(ctx, patient, holdOf(ctx, p.slots[slot], false))
}

func (p *persistent) Confirm(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return p.ask(ctx, patient, confirmOf(ctx, appointment))
}

func (p *persistent) Cancel(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return p.ask(ctx, patient, cancelOf(ctx, appointment))
}

// TestTheDrillNoticesAsynchronousReplication is a control: COMMIT does not wait
// for a standby, and what the primary alone had is lost with it. The judge says so,
// or it would prove nothing.
func TestTheDrillNoticesAsynchronousReplication(t *testing.T) {
	t.Parallel()
	trio := sqltest.NewTrio(t, false)
	d := newDrill(t, trio, program(t), 1)
	ctx := t.Context()
	const bookings = 5
	d.do(ctx, 0, holdOf(ctx, d.slots[0], true))
	trio.HoldReplication()
	for n := range bookings {
		d.do(ctx, 0, holdOf(ctx, d.slots[1+n], true))
	}
	if len(d.told) != bookings+1 || len(d.wrong) > 0 {
		t.Fatalf("%d bookings were acknowledged, want %d; and %q", len(d.told), bookings+1, d.wrong)
	}
	trio.Kill()
	trio.FailOver()
	if faults := d.judge(); len(faults) != bookings {
		t.Errorf("the judge found %q, want that %d bookings are lost", faults, bookings)
	}
}

// TestTheDrillNoticesAReplayThatDoesNotLock has the wait for the standbys cut, and
// the client repeat its request until it is answered. With the second control,
// a build that answers a repeat from what it sees, the judge finds a booking lost;
// with the program as it is, the client is told nothing before it is safe.
func TestTheDrillNoticesAReplayThatDoesNotLock(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		path func(testing.TB) string
		lost int
	}{
		{"as released", program, 0},
		{"control", unlocked, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			trio := sqltest.NewTrio(t, true)
			d := newDrill(t, trio, tt.path(t), 1)
			d.do(t.Context(), 0, holdOf(t.Context(), d.slots[0], true))
			trio.HoldReplication()
			d.clients.Go(func() { d.do(t.Context(), 0, holdOf(t.Context(), d.slots[1], true)) })
			d.cutWaits()
			trio.Kill()
			trio.FailOver()
			d.clients.Wait()
			if faults := d.judge(); len(faults) != tt.lost {
				t.Errorf("the judge found %q, want %d bookings lost", faults, tt.lost)
			}
		})
	}
}

// cutWaits ends waits for the standbys, until the client has its answer or has
// asked for it four times.
func (d *drill) cutWaits() {
	d.t.Helper()
	eventually(d.t, "the client is answered, or repeats its request", func() bool {
		d.trio.CutWaits()
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.patients[0].repeated.Load() >= 4 || d.done == 2
	})
	if d.patients[0].repeated.Load() == 0 {
		d.t.Error("the client was told that it was done, when it was not safe")
	}
}

// unlocked returns the path of the program with the defect that the second control
// needs.
func unlocked(t testing.TB) string {
	t.Helper()
	path, err := defective()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var defective = sync.OnceValues(func() (string, error) { return build("unlocked", "-tags", "testclock,unlockedreplay") })

// TestAReleaseReplaysWithALock shows that the defect is in nothing but the control.
func TestAReleaseReplaysWithALock(t *testing.T) {
	t.Parallel()
	release, err := released()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{unlocked(t): true, program(t): false, release: false} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(text, []byte("unlocked replay")); got != want {
			t.Errorf("%s answers repeats without a lock: %v, want %v", filepath.Base(path), got, want)
		}
	}
}
