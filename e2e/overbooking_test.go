package e2e

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"medbook/client"
)

// TestNobodyIsDoubleBooked lets 64 clients race for one slot, 100 times, over
// two server processes on one database: one 201 each time, 63 times slot-taken.
func TestNobodyIsDoubleBooked(t *testing.T) {
	const rounds, clients, people = 100, 64, 16
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		practitioner, id := c.practitioner(newYork)
		must(practitioner.Publish(ctx, id, client.Between(monday8, monday8.Add(rounds*15*time.Minute))))(t)
		slots := all(t, practitioner.Slots(client.SlotQuery{PractitionerID: id, From: monday8, To: monday8.Add(48 * time.Hour)}).All(ctx))
		if len(slots) != rounds {
			t.Fatalf("%d slots, want %d", len(slots), rounds)
		}
		servers := []*process{c.server, c.serve()}
		// Some clients share a patient: one's own second try is no better.
		keys := make([]string, people)
		for i := range keys {
			keys[i] = c.user("patient", newYork).Key
		}
		transport := &http.Transport{MaxIdleConnsPerHost: clients}
		defer transport.CloseIdleConnections()
		racers := make([]*client.Client, clients)
		for i := range racers {
			server := servers[i%len(servers)]
			var over http.RoundTripper = transport
			if len(detector) == 0 { // with the race detector, checking takes minutes
				over = &checking{c, func() *process { return server }, transport}
			}
			racers[i] = client.New(server.url, client.APIKey(keys[i/2%people]), client.HTTPClient(&http.Client{Transport: over}))
		}
		for round, slot := range slots {
			codes := map[string]int{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			start := make(chan struct{})
			for _, racer := range racers {
				wg.Go(func() {
					<-start
					_, err := racer.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Confirm: true})
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
				t.Fatalf("round %d: %v, want one 201 and %d slot-taken", round, codes, clients-1)
			}
		}
		if n := len(all(t, practitioner.Appointments(client.AppointmentQuery{Status: "confirmed"}).All(ctx))); n != rounds {
			t.Errorf("%d appointments in the end, want %d", n, rounds)
		}
	})
}

// monday8 is 08:00 in New York on the day that everybody can book.
var monday8 = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)
