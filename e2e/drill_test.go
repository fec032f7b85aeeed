//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// drill is a clinic with two servers over a database on three, and the ledger of
// what its clients were told.
type drill struct {
	*clinic
	trio     *sqltest.Trio
	owner    person // of the slots
	slots    []client.Slot
	patients []stubborn

	stopping atomic.Bool
	clients  sync.WaitGroup

	mu     sync.Mutex
	told   map[string]string // the status of each appointment, as it was acknowledged last
	done   int               // changes that were acknowledged
	wrong  []string          // answers that can't be
	struck time.Time         // when the primary was struck last
	served map[int]time.Time // when a client was told the end of a change that it began after that
}

// stubborn is a patient who repeats what was not answered, with the same key, now
// at one server and now at the other.
type stubborn struct {
	person

	at       []*client.Client
	repeated *atomic.Int32
}

// change is one change of an appointment, at a server and with a key.
type change func(at *client.Client, key client.CallOption) (client.Appointment, error)

// ask repeats a change until it is done or refused.
func (s stubborn) ask(ctx context.Context, do change) (client.Appointment, error) {
	key := client.IdempotencyKey(uuid.NewString())
	for try := 0; ; try++ {
		a, err := do(s.at[try%len(s.at)], key)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		if p, ok := errors.AsType[*client.Problem](err); ok && p.Status != http.StatusServiceUnavailable && p.Code != "idempotency-in-progress" {
			return a, err
		}
		s.repeated.Add(1)
		select {
		case <-time.After(50 * time.Millisecond): // the pause of whoever tries again
		case <-ctx.Done():
		}
	}
}

func holdOf(ctx context.Context, slot client.Slot, confirm bool) change {
	return func(at *client.Client, key client.CallOption) (client.Appointment, error) {
		return at.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Confirm: confirm}, key)
	}
}

func confirmOf(ctx context.Context, id string) change {
	return func(at *client.Client, key client.CallOption) (client.Appointment, error) {
		return at.Confirm(ctx, id, key)
	}
}

func cancelOf(ctx context.Context, id string) change {
	return func(at *client.Client, key client.CallOption) (client.Appointment, error) {
		return at.Cancel(ctx, id, "", key)
	}
}

// newDrill opens a clinic whose servers are of the build at path, with slots for
// some clients.
func newDrill(t *testing.T, trio *sqltest.Trio, path string, clients int) *drill {
	t.Helper()
	d := &drill{clinic: open(t, trio.URL()), trio: trio, told: map[string]string{}, served: map[int]time.Time{}}
	ctx := t.Context()
	owner, id := d.practitioner(newYork)
	d.owner = owner
	later := sqltest.Start.Add(60 * 24 * time.Hour) // beyond notice and window
	hours := client.Between(later, later.Add(time.Duration(10*clients)*15*time.Minute))
	must(owner.Publish(ctx, id, hours))(t)
	d.slots = all(t, owner.Slots(client.SlotQuery{PractitionerID: id, From: later, To: later.Add(100 * 24 * time.Hour)}).All(ctx))
	d.server.kill(t)
	d.server = d.serveFrom(path)
	d.patients = d.persist(clients, d.server, d.serveFrom(path))
	return d
}

// persist makes patients who know some servers.
func (c *clinic) persist(n int, servers ...*process) (all []stubborn) {
	c.t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	c.t.Cleanup(transport.CloseIdleConnections)
	for range n {
		s := stubborn{person: c.user("patient", newYork), repeated: &atomic.Int32{}}
		for _, server := range servers {
			s.at = append(s.at, client.New(server.url, client.APIKey(s.Key), client.HTTPClient(&http.Client{Transport: transport})))
		}
		all = append(all, s)
	}
	return all
}

func (d *drill) serveFrom(path string) *process {
	d.t.Helper()
	return listening(d.t, launchFrom(d.t, path, d.t.TempDir(), d.env(), "serve", "--listen", "127.0.0.1:0"))
}

// begin has all clients book, confirm and cancel, until end is called.
func (d *drill) begin(ctx context.Context) {
	for n := range d.patients {
		d.clients.Go(func() { d.visit(ctx, n) })
	}
}

// end lets the clients finish what they are at.
func (d *drill) end() {
	d.stopping.Store(true)
	d.clients.Wait()
}

// visit is what one client does: it takes slots by chance, and gives the oldest
// back when it has some, so that there are always free ones and taken ones.
func (d *drill) visit(ctx context.Context, n int) {
	choice := rand.New(rand.NewPCG(7, uint64(n)))
	var mine []string
	for !d.stopping.Load() && ctx.Err() == nil {
		held, ok := d.do(ctx, n, holdOf(ctx, d.slots[choice.IntN(len(d.slots))], false), "slot-taken")
		if !ok {
			continue
		}
		if _, ok := d.do(ctx, n, confirmOf(ctx, held.ID)); ok {
			mine = append(mine, held.ID)
		}
		if len(mine) > 5 {
			d.do(ctx, n, cancelOf(ctx, mine[0]))
			mine = mine[1:]
		}
	}
}

// do has a client make a change and enters what it is told. It reports whether it
// was done; another refusal than the given ones is noted as wrong.
func (d *drill) do(ctx context.Context, n int, what change, refusals ...string) (client.Appointment, bool) {
	begun := time.Now()
	a, err := d.patients[n].ask(ctx, what)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if p, ok := errors.AsType[*client.Problem](err); !ok || !slices.Contains(refusals, p.Code) {
			d.wrong = append(d.wrong, err.Error())
		}
		return a, false
	}
	d.told[a.ID] = a.Status
	d.done++
	if _, ok := d.served[n]; !ok && begun.After(d.struck) {
		d.served[n] = time.Now()
	}
	return a, true
}

// strike loses the primary when n more changes were acknowledged, has another
// server take over, and waits until every client was served again. It returns how
// long that took the first client and the last, and how much of it the takeover.
func (d *drill) strike(lose, takeOver func(), n int) (first, last, takeover time.Duration) {
	d.t.Helper()
	d.awaitDone(n)
	d.mu.Lock()
	d.struck, d.served = time.Now(), map[int]time.Time{}
	struck := d.struck
	d.mu.Unlock()
	lose()
	takeOver()
	takeover = time.Since(struck)
	eventually(d.t, "every client is served again", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.served) == len(d.patients)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, at := range d.served {
		after := at.Sub(struck)
		if first == 0 || after < first {
			first = after
		}
		last = max(last, after)
	}
	return first, last, takeover
}

// awaitDone waits until n more changes were acknowledged.
func (d *drill) awaitDone(n int) {
	d.t.Helper()
	count := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.done
	}
	before := count()
	eventually(d.t, "changes are acknowledged", func() bool { return count() >= before+n })
}

// judge compares the ledger with what the clinic says now: it returns what is not
// as it was acknowledged, and slots that two have.
func (d *drill) judge() (faults []string) {
	d.t.Helper()
	ctx := d.t.Context()
	now := map[string]string{}
	for _, p := range d.patients {
		for _, a := range all(d.t, d.as(p.Key).Appointments(client.AppointmentQuery{}).All(ctx)) {
			now[a.ID] = a.Status
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	faults = slices.Clone(d.wrong)
	for id, status := range d.told {
		if now[id] != status {
			faults = append(faults, fmt.Sprintf("an appointment was told to be %s and is %q", status, now[id]))
		}
	}
	live := slices.DeleteFunc(all(d.t, d.as(d.owner.Key).Appointments(client.AppointmentQuery{}).All(ctx)), func(a client.Appointment) bool {
		return a.Status != "confirmed" && a.Status != "held"
	})
	slices.SortFunc(live, func(a, b client.Appointment) int { return a.StartsAt.Compare(b.StartsAt) })
	for i := 1; i < len(live); i++ {
		if live[i].StartsAt.Before(live[i-1].EndsAt) {
			faults = append(faults, "two have the time from "+live[i].StartsAt.String())
		}
	}
	return faults
}
