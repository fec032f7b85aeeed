package notify_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestNothingIsLostOrDeliveredTwice has two servers deliver messages through a
// service that does all that goes wrong, at random, and honours keys.
// MEDBOOK_SOAK says how many; else 2,000.
func TestNothingIsLostOrDeliveredTwice(t *testing.T) {
	n := 2000
	if text := os.Getenv("MEDBOOK_SOAK"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		chance := rand.New(rand.NewPCG(seed, 0))
		s := newService(t)
		s.chance = func() step { return fault(chance.IntN(100)) }
		c := newClinic(t, db, s.channel(t, notify.ByEmail, func(a *notify.API) { a.Timeout = 50 * time.Millisecond }))
		second := &notify.Service{DB: db, Seal: c.Seal, Channels: c.Channels}
		runners := []*jobs.Runner{c.run, {DB: db, Log: slog.New(slog.NewTextHandler(c.log, nil))}}
		second.Work(runners[1])
		for begun := 0; begun < n; {
			some := min(n-begun, 500)
			c.update(func(ctx context.Context, tx *sqldb.Tx) error {
				for range some {
					if err := auth.Tell(ctx, tx, c.ann, auth.NoticeKey); err != nil { // is never too much
						return err
					}
				}
				return nil
			})
			begun += some
			rounds(c, runners, 1)
		}
		for pass := 0; ; pass++ {
			waiting := c.count(`SELECT count(*) FROM jobs WHERE kind IN ('auth.mail', 'notify.deliver')`)
			if waiting == 0 {
				break
			}
			if pass == 500 {
				t.Fatalf("%d jobs are left", waiting)
			}
			rounds(c, runners, 1)
		}
		sent, failed := c.count(`SELECT count(*) FROM notifications WHERE status = 'sent'`), c.count(`SELECT count(*) FROM notifications WHERE status = 'failed'`)
		s.mu.Lock()
		defer s.mu.Unlock()
		if sent != n || failed != 0 {
			t.Errorf("of %d messages %d were sent and %d failed, want all sent", n, sent, failed)
		}
		twice := 0
		for _, times := range s.delivered {
			if times > 1 {
				twice++
			}
		}
		if len(s.delivered) != n || twice != 0 {
			t.Errorf("the service delivered %d messages, %d of them twice, want %d once each", len(s.delivered), twice, n)
		}
		t.Logf("%d requests for %d messages", s.count, n)
	})
}

// rounds has all runners work at once, some time later each time.
func rounds(c *clinic, runners []*jobs.Runner, n int) {
	c.t.Helper()
	for range n {
		var wg sync.WaitGroup
		for _, r := range runners {
			for range 4 {
				wg.Go(func() {
					if _, err := r.RunDue(c.t.Context()); err != nil {
						c.t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		sqltest.ClockOf(c.DB).Advance(5 * time.Minute)
	}
}

// fault returns what becomes of a request, for a number below 100.
func fault(n int) step {
	switch {
	case n < 8:
		return says(500)
	case n < 12:
		return says(503, "Retry-After", "120")
	case n < 16:
		return says(429, "Retry-After", "300")
	case n < 20:
		return drop
	case n < 30:
		return acceptAndDrop
	case n < 31:
		return hang
	case n < 32:
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.(recording).s.deliver(r)
			return hang(w, r)
		}
	}
	return accept
}
