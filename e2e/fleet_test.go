package e2e

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/client"
	"medbook/internal/scheduling/history"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// fleet is three servers over one PostgreSQL database behind a balancer.
type fleet struct {
	*clinic

	servers  [3]*process
	balancer *balancer
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	// Whoever is frozen in a transaction gives up its locks after a second, not ten. No
	// statement is prepared, as behind a pooler.
	database := sqltest.Postgres(t) + "&idle_in_transaction_session_timeout=1000&default_query_exec_mode=exec"
	f := &fleet{clinic: &clinic{t: t, database: database, clock: filepath.Join(t.TempDir(), "clock"), settings: []string{"MEDBOOK_DRAIN=300ms"}}}
	f.setTime(sqltest.Start)
	for i := range f.servers {
		f.servers[i] = f.serve()
	}
	f.clinic.server = f.servers[0]
	f.balancer = newBalancer(t, f.servers[:]...)
	return f
}

// replace starts another server in the place of the ith, which is gone.
func (f *fleet) replace(i int) {
	f.t.Helper()
	f.servers[i] = f.serve()
	if i == 0 {
		f.clinic.server = f.servers[0]
	}
	f.balancer.add(f.servers[i])
}

// untroubled fails the test if the balancer could not have a request answered.
func (f *fleet) untroubled() {
	f.t.Helper()
	f.balancer.mu.Lock()
	defer f.balancer.mu.Unlock()
	if len(f.balancer.failed) > 0 {
		f.t.Errorf("the balancer gave up on %v", f.balancer.failed)
	}
}

// TestServersAreReplacedUnderLoad has patients book, move and cancel while servers are
// restarted one after another, killed, and frozen for longer than their leases and
// transactions last. Nobody is told anything but what the clinic's rules say, all
// that was acknowledged is there, and the tables agree.
func TestServersAreReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	l := begin(t, f.clinic, f.balancer.URL, 6, sqltest.Start.Add(48*time.Hour).Truncate(24*time.Hour))
	l.more(20)
	for i := range f.servers { // a rolling restart
		f.servers[i].signal(t, syscall.SIGTERM)
		if status := f.servers[i].wait(t); status != 0 {
			t.Errorf("a server that was told to stop ended with %d", status)
		}
		f.replace(i)
		l.more(20)
	}

	f.servers[1].kill(t)
	l.more(20)
	f.replace(1)
	l.more(20)

	f.servers[2].signal(t, syscall.SIGSTOP)
	l.more(20)
	f.setTime(sqltest.Start.Add(61 * time.Second)) // its leases are over
	l.more(20)
	f.servers[2].signal(t, syscall.SIGCONT)
	eventually(t, "the server is ready that was frozen", func() bool { return f.balancer.readiness()[f.servers[2].url] })
	l.more(20)
	l.end()
	f.untroubled()
	f.balancer.mu.Lock()
	defer f.balancer.mu.Unlock()
	if f.balancer.again == 0 {
		t.Error("the balancer had nothing to repeat: this shows little")
	}
}

// TestThreeServersAreLikeOne uses three servers at once.
func TestThreeServersAreLikeOne(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.knowASession(t)
	f.giveASlotOnce(t)
	f.doWhatIsDue(t)
	f.keepAPageFresh(t)
	f.untroubled()
}

// giveASlotOnce lets 64 clients race for one slot over a balancer.
func (f *fleet) giveASlotOnce(t *testing.T) {
	t.Helper()
	const rounds, clients = 10, 64
	ctx := t.Context()
	practitioner, id := f.practitioner(newYork)
	must(practitioner.Publish(ctx, id, client.Between(monday8, monday8.Add(rounds*15*time.Minute))))(t)
	slots := all(t, practitioner.Slots(client.SlotQuery{PractitionerID: id, From: monday8, To: monday8.Add(48 * time.Hour)}).All(ctx))
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	var racers []*client.Client
	for range 8 {
		key := f.user("patient", newYork).Key
		for range clients / 8 {
			racers = append(racers, client.New(f.balancer.URL, client.APIKey(key), client.HTTPClient(&http.Client{Transport: transport})))
		}
	}
	for _, slot := range slots {
		codes := map[string]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := make(chan struct{})
		for _, racer := range racers {
			wg.Go(func() {
				<-start
				_, err := racer.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Confirm: true}, client.IdempotencyKey(uuid.NewString()))
				got := "201"
				if err != nil {
					got = err.Error()
					if p, ok := errors.AsType[*client.Problem](err); ok {
						got = p.Code
					}
				}
				mu.Lock()
				codes[got]++
				mu.Unlock()
			})
		}
		close(start)
		wg.Wait()
		if codes["201"] != 1 || codes["slot-taken"] != clients-1 {
			t.Fatalf("%v, want one 201 and %d slot-taken", codes, clients-1)
		}
	}
}

// TestHistoriesOverThreeServersCanBeExplained judges what clients are told who reach
// another server with each request, while servers are killed and replaced.
func TestHistoriesOverThreeServersCanBeExplained(t *testing.T) {
	t.Parallel()
	const histories = 4
	f := newFleet(t)
	s, slots := speak(t, f.clinic, histories)
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	for i := range s.patients {
		s.patients[i] = client.New(f.balancer.URL, client.APIKey(f.user("patient", newYork).Key), client.HTTPClient(&http.Client{Transport: transport}))
	}
	for n := range histories {
		replaced := make(chan struct{})
		go func() {
			defer close(replaced)
			if n > 0 {
				f.servers[n-1].kill(t)
			}
		}()
		s.slots = slots[n*recordedSlots : (n+1)*recordedSlots]
		h, err := history.Record(t.Context(), repeating{s}, history.Plan{
			Operations: recordedOps, Clients: 8, Patients: len(s.patients), Slots: recordedSlots,
			HoldTime: recordedHold, Start: s.now, Seed: uint64(n),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Check(); err != nil {
			t.Fatalf("history %d: %v", n, err)
		}
		if <-replaced; n > 0 {
			f.replace(n - 1)
		}
	}
	f.untroubled()
}

// repeating is spoken by somebody who names each request and repeats it while it is
// at work.
type repeating struct{ *spoken }

func (r repeating) Hold(ctx context.Context, patient, slot int) (history.Answer, error) {
	return r.ask(func(key client.CallOption) (client.Appointment, error) {
		return r.patients[patient].Hold(ctx, client.NewAppointment{SlotID: r.slots[slot].ID}, key)
	})
}

func (r repeating) Confirm(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return r.ask(func(key client.CallOption) (client.Appointment, error) {
		return r.patients[patient].Confirm(ctx, appointment, key)
	})
}

func (r repeating) Cancel(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return r.ask(func(key client.CallOption) (client.Appointment, error) {
		return r.patients[patient].Cancel(ctx, appointment, "", key)
	})
}

func (repeating) ask(step func(client.CallOption) (client.Appointment, error)) (history.Answer, error) {
	key := client.IdempotencyKey(uuid.NewString())
	for {
		a, err := said(step(key))
		if a.Refusal != "idempotency-in-progress" {
			return a, err
		}
	}
}

// knowASession signs in on one server and goes on on others.
func (f *fleet) knowASession(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	on := func(i int) { f.clinic.server = f.servers[i] }
	on(2) // the latest link is good
	invited := f.invitation()
	on(1)
	const email = "ruth@clinic.example"
	must(f.with().SetUp(ctx, invited, client.NewAdmin{Email: email, Name: "Ruth Lind", Password: passphrase}))(t)
	on(2)
	ruth := f.signIn(email, passphrase)
	on(0)
	if me := must(ruth.Me(ctx))(t); me.Email != email {
		t.Errorf("another server takes Ruth for %+v", me)
	}
	fresh := must(f.with().Refresh(ctx, ruth.RefreshToken))(t)
	on(1)
	again := f.with(client.Token(fresh.AccessToken))
	must(again.Me(ctx))(t)
	if err := again.LogOut(ctx, false); err != nil {
		t.Fatal(err)
	}
	on(2)
	_, err := again.Me(ctx)
	code(t, err, 401, "unauthenticated")
}

// TestAServerThatStopsSaysSoFirst shows that a server that was told to stop is not
// ready and yet answers, so that a balancer looks elsewhere before nobody answers.
func TestAServerThatStopsSaysSoFirst(t *testing.T) {
	t.Parallel()
	c := open(t, sqltest.SQLite(t))
	patient := c.user("patient", newYork)
	c.restartWith("--drain=1h")
	if err := c.with().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.server.signal(t, syscall.SIGTERM)
	eventually(t, "the server is not ready", func() bool {
		p, ok := errors.AsType[*client.Problem](c.with().Ready(t.Context()))
		return ok && p.Code == "not-ready"
	})
	must(patient.Me(t.Context()))(t)
	c.restartWith("--drain=10ms")
	c.server.signal(t, syscall.SIGTERM)
	if status := c.server.wait(t); status != 0 {
		t.Errorf("it ended with %d, want 0", status)
	}
}

// keepAPageFresh kills the server of a page that is kept fresh. The page
// opens its stream again, as browsers do, and hears from another server what a third
// one has done.
func (f *fleet) keepAPageFresh(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	practitioner, id := f.practitioner(newYork)
	must(practitioner.Publish(ctx, id, client.Between(monday8, monday8.Add(time.Hour))))(t)
	slots := all(t, practitioner.Slots(client.SlotQuery{PractitionerID: id, From: monday8, To: monday8.Add(48 * time.Hour)}).All(ctx))
	patient := f.user("patient", newYork)
	path := "/book/live?" + url.Values{"length": {"15"}, "with": {id}, "date": {"2027-03-15"}}.Encode()

	first := f.listen(path)
	if line := <-first; line != "data: changed" { // since nothing
		t.Fatalf("heard %q", line)
	}
	f.servers[f.streaming()].kill(t)
	if line, on := <-first; on {
		t.Fatalf("heard %q from a server that is gone", line)
	}
	again := f.listen(path)
	<-again
	other := slices.IndexFunc(f.servers[:], func(p *process) bool {
		return p != f.servers[f.streaming()] && f.balancer.readiness()[p.url]
	})
	f.clinic.server = f.servers[other]
	must(patient.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}))(t)
	if line := <-again; line != "data: changed" {
		t.Errorf("heard %q, want that the page has changed", line)
	}
}

// streaming returns which server has the latest stream.
func (f *fleet) streaming() int {
	f.balancer.mu.Lock()
	defer f.balancer.mu.Unlock()
	return slices.IndexFunc(f.servers[:], func(p *process) bool { return p.url == f.balancer.streaming })
}

// listen opens a stream over the balancer and returns what it says, but for blank
// lines and instructions.
func (f *fleet) listen(path string) <-chan string {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.balancer.URL+path, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		f.t.Fatalf("the stream is answered with %d", resp.StatusCode)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if strings.HasPrefix(s.Text(), "data: ") {
				lines <- s.Text()
			}
		}
	}()
	return lines
}

// doWhatIsDue has three servers come to the same schedules at
// once, hour after hour: each is done once an hour, by whoever is first.
func (f *fleet) doWhatIsDue(t *testing.T) {
	t.Helper()
	const hours = 4
	db := sqltest.Open(t, f.database)
	perform(t, db, "CREATE TABLE leased (kind TEXT NOT NULL)")
	perform(t, db, `CREATE FUNCTION lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO leased (kind) VALUES (NEW.kind); RETURN NEW; END $$`)
	perform(t, db, `CREATE TRIGGER leases AFTER UPDATE ON jobs FOR EACH ROW
		WHEN (NEW.owner IS NOT NULL AND NEW.owner IS DISTINCT FROM OLD.owner) EXECUTE FUNCTION lease()`)
	due := "SELECT COUNT(*) FROM jobs WHERE run_at <= $1"
	waiting := func(now time.Time) int { return count(t, db, due, sqldb.Instant(now)) }
	now := sqltest.Start
	eventually(t, "everything is done that was due at the start", func() bool { return waiting(now) == 0 })
	perform(t, db, "DELETE FROM leased")
	for range hours {
		now = now.Add(time.Hour)
		f.setTime(now)
		eventually(t, "everything is done that is due within the hour", func() bool { return waiting(now) == 0 })
	}
	for _, kind := range []string{"idempotency.clean", "auth.clean", "directory.index", "audit.adopt"} {
		if n := count(t, db, "SELECT COUNT(*) FROM leased WHERE kind = $1", kind); n != hours {
			t.Errorf("%s was begun %d times in %d hours", kind, n, hours)
		}
	}
}

// perform runs a statement on a database behind the servers' backs.
func perform(t *testing.T, db *sqldb.DB, statement string) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// count returns the number that a query answers.
func count(t *testing.T, db *sqldb.DB, query string, args ...any) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
