package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// mailService takes e-mail over HTTP and honours the key by which a repeat is known.
type mailService struct {
	*httptest.Server

	mu        sync.Mutex
	more      *sync.Cond
	holding   bool
	onlyFirst bool   // holding holds the first request only
	arrived   int    // requests that came, answered or not
	strike    func() // what the next request does instead of being answered
	took      map[string]int
}

func newMailService(t *testing.T) *mailService {
	t.Helper()
	m := &mailService{took: map[string]int{}}
	m.more = sync.NewCond(&m.mu)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // who sent it is gone
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.arrived++
		m.more.Broadcast()
		for first := m.arrived == 1; m.holding && (first || !m.onlyFirst); {
			m.more.Wait()
		}
		if strings.Contains(string(body), "your order has been") { // of which the tests know how many there are
			m.took[r.Header.Get("Idempotency-Key")]++
		}
		m.more.Broadcast()
		if strike := m.strike; strike != nil {
			m.strike = nil
			strike()
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(func() {
		m.set(false, nil)
		m.Close()
	})
	return m
}

func (m *mailService) set(holding bool, strike func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holding, m.strike = holding, strike
	m.more.Broadcast()
}

// await waits until the service took n different messages.
func (m *mailService) await(t *testing.T, n int) {
	t.Helper()
	late := time.AfterFunc(patience, func() { m.set(false, nil) })
	defer late.Stop()
	began := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.took) < n && time.Since(began) < patience {
		m.more.Wait()
	}
	if len(m.took) != n {
		t.Fatalf("%d messages were taken, want %d", len(m.took), n)
	}
}

// awaitArrival waits until a request has come.
func (m *mailService) awaitArrival(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.arrived == 0 {
		m.more.Wait()
	}
}

// kills is how often the server is killed on each engine; MEDBOOK_KILLS says more.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("MEDBOOK_KILLS"))
	if err != nil {
		return 5
	}
	return n
}

// TestNoMessageIsLostToAKill kills the server again and again between the sending
// of a message and the writing down of it. Each message of each order that was
// acknowledged arrives; one that is sent twice has the same key, by which the
// service knows it.
func TestNoMessageIsLostToAKill(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, service := t.Context(), newMailService(t)
		admin := c.user("admin", "UTC")
		c.settings = []string{"MEDBOOK_EMAIL_TOKEN=sesame"}
		c.restartWith("--email-url=" + service.URL)
		home := client.Address{Name: "Ann Lee", Line1: "17 Quay Street", City: "New York", PostalCode: "10001", Country: "US"}
		orders, patient := 0, person{}
		for round := range kills(t) {
			if round%10 == 0 { // nobody gets more than 50 messages a day
				patient = c.user("patient", newYork)
			}
			service.set(true, nil)
			for range 4 {
				must(c.as(admin.Key).PlaceOrder(ctx, client.NewOrder{UserID: patient.ID, KitType: "genotyping-array", Shipping: home}))(t)
				orders++
			}
			killed := make(chan struct{})
			server := c.server
			service.set(false, func() {
				_ = server.cmd.Process.Kill()
				close(killed)
			})
			<-killed
			c.setTime(sqltest.Start.Add(time.Duration(round+1) * 2 * time.Minute)) // whoever died has lost their lease
			c.restart()
			service.await(t, orders)
		}
		pending := func() int {
			return len(all(t, c.as(admin.Key).Notifications(client.NotificationQuery{Status: "pending"}).All(ctx)))
		}
		for began := time.Now(); pending() > 0; {
			if time.Since(began) > patience {
				t.Fatalf("%d messages are pending that were taken", pending())
			}
		}
	})
}

// TestAServerThatIsFrozenLosesItsLease stops a server in the middle of a delivery
// for longer than its lease: another one delivers the message, with the same key,
// and what the first has to say when it wakes up counts no more. On PostgreSQL only:
// SQLite's file may be locked by who is frozen.
func TestAServerThatIsFrozenLosesItsLease(t *testing.T) {
	t.Parallel()
	c, service := open(t, sqltest.Postgres(t)), newMailService(t)
	ctx := t.Context()
	admin, patient := c.user("admin", "UTC"), c.user("patient", newYork)
	home := client.Address{Name: "Ann Lee", Line1: "17 Quay Street", City: "New York", PostalCode: "10001", Country: "US"}
	service.onlyFirst = true
	service.set(true, nil)
	c.settings = []string{"MEDBOOK_EMAIL_TOKEN=sesame"}
	c.restartWith("--email-url=" + service.URL)
	must(c.as(admin.Key).PlaceOrder(ctx, client.NewOrder{UserID: patient.ID, KitType: "genotyping-array", Shipping: home}))(t)
	service.awaitArrival(t)
	messages := func(status string) []client.Notification {
		return all(t, c.as(admin.Key).Notifications(client.NotificationQuery{Status: status}).All(ctx))
	}
	ordered := func(m client.Notification) bool { return m.Kind == "order-placed" } // a job makes it
	// Nothing but the one delivery is under way: who is frozen in a transaction keeps its locks.
	eventually(t, "all but one message are delivered", func() bool {
		return slices.ContainsFunc(messages(""), ordered) && len(messages("pending")) == 1
	})
	frozen := c.server
	frozen.signal(t, syscall.SIGSTOP)
	c.server = c.serve()
	c.setTime(sqltest.Start.Add(61 * time.Second))
	for began := time.Now(); len(messages("pending")) > 0 || !slices.ContainsFunc(messages("sent"), ordered); {
		if time.Since(began) > patience {
			t.Fatal("the other server did not finish the delivery")
		}
	}
	before := messages("sent")
	frozen.signal(t, syscall.SIGCONT)
	service.set(false, nil)
	frozen.stderr.await(t, frozen.ended, "that a job outlived its lease", func(line string) bool { return strings.Contains(line, "outlived its lease") })
	again := slices.ContainsFunc(before, func(m client.Notification) bool { return m.Attempts == 2 })
	if after := messages("sent"); !slices.Equal(before, after) || !again {
		t.Errorf("the messages are %+v, before the first server woke up %+v; want the same, one of them tried twice", after, before)
	}
}
