package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/origin"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// BenchmarkHoldsWhileOthersSignIn measures how long a hold takes while 50 people
// a second try to sign in, each with another address from elsewhere, so that
// nothing but the gate before the hashing holds them back. It reports the 99th
// percentiles of both halves, idle and busy, which take turns, and their ratio.
func BenchmarkHoldsWhileOthersSignIn(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(password.GCPercent)) // as the program does
	for name, database := range map[string]func(testing.TB) *sqldb.DB{
		"sqlite":   func(t testing.TB) *sqldb.DB { return sqltest.Open(t, sqltest.SQLite(t)) },
		"postgres": func(t testing.TB) *sqldb.DB { return sqltest.Open(t, sqltest.Postgres(t)) },
	} {
		b.Run(name, func(b *testing.B) {
			c := newClinic(b, database(b))
			c.server.Proxies, _ = origin.ParseProxies("127.0.0.1")
			c.remote.Config.Handler = c.server.Handler()
			slot := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")[0]
			for range 50 {
				c.holdFor(slot) // warm
			}
			var idle, busy []time.Duration
			tried, answered := new(atomic.Int64), map[int]*atomic.Int64{401: {}, 429: {}}
			b.ResetTimer()
			for range b.N {
				for range 100 {
					idle = append(idle, c.holdFor(slot))
				}
				stop := c.signIns(tried, answered)
				for range 100 {
					busy = append(busy, c.holdFor(slot))
				}
				stop()
			}
			b.ReportMetric(ms(p99(idle)), "idle-p99-ms")
			b.ReportMetric(ms(p99(busy)), "busy-p99-ms")
			b.ReportMetric(ms(p99(busy))/ms(p99(idle)), "busy/idle")
			b.ReportMetric(float64(answered[401].Load())/float64(max(1, tried.Load())), "hashed/try")
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func p99(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}

// holdFor holds a slot, which it gives back, and returns how long the hold took.
func (c *clinic) holdFor(slot string) time.Duration {
	c.t.Helper()
	begin := time.Now()
	status, made := c.post("/v1/appointments", `{"slot_id":"`+slot+`"}`, "X-API-Key", c.keys["ann"])
	took := time.Since(begin)
	if status != 201 {
		c.t.Fatalf("hold = %d", status)
	}
	if status, _ := c.post(made+"/cancel", "", "X-API-Key", c.keys["ann"]); status != 200 {
		c.t.Fatalf("cancel = %d", status)
	}
	return took
}

// post sends a request over the network, and returns the status and what was made.
// The status is 0 if there is no answer.
func (c *clinic) post(path, body string, more ...string) (status int, location string) {
	req, err := http.NewRequestWithContext(c.t.Context(), post, c.remote.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	resp, err := c.remote.Client().Do(req)
	if err != nil {
		return 0, ""
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

// signIns begins 50 sign-ins a second until the function that it returns is called.
func (c *clinic) signIns(tried *atomic.Int64, answered map[int]*atomic.Int64) (stop func()) {
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(time.Second / 50)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			n := tried.Add(1)
			wg.Go(func() {
				status, _ := c.post("/v1/auth/login", fmt.Sprintf(`{"email":"nobody%d@example.org","password":%q}`, n, passphrase),
					"X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", n/250%250, n%250))
				if count := answered[status]; count != nil {
					count.Add(1)
				}
			})
		}
	})
	return func() { close(ended); wg.Wait() }
}

// BenchmarkKnownAndUnknownAddresses measures signing in with a wrong password,
// registering, and asking for a reset, with addresses that have a user and
// addresses that have none, in turns. It reports medians and 90th percentiles of
// both, and how many of the known ones took longer than the median of the unknown
// ones: half, if the time tells nothing.
func BenchmarkKnownAndUnknownAddresses(b *testing.B) {
	const users = 150
	calls := []struct{ name, path, body string }{
		{"log-in", "/v1/auth/login", `{"email":%q,"password":"` + another + `"}`},
		{"register", "/v1/auth/register", `{"email":%q,"name":"New","password":"` + passphrase + `"}`},
		{"reset", "/v1/auth/password-reset", `{"email":%q}`},
	}
	for _, call := range calls {
		b.Run(call.name, func(b *testing.B) {
			c := newClinic(b, sqltest.Open(b, sqltest.SQLite(b)))
			c.server.Proxies, _ = origin.ParseProxies("127.0.0.1")
			c.remote.Config.Handler = c.server.Handler()
			for range b.N {
				c.manyUsers(users)
				took := map[string][]time.Duration{}
				for i := range users {
					for _, kind := range []string{"known", "unknown"} {
						begin := time.Now()
						status, _ := c.post(call.path, fmt.Sprintf(call.body, fmt.Sprintf("%s%d-%d@example.org", kind, i, c.made)),
							"X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", len(kind), i))
						took[kind] = append(took[kind], time.Since(begin))
						if status == http.StatusTooManyRequests {
							b.Fatal("throttled")
						}
					}
				}
				known, unknown := took["known"], took["unknown"]
				slices.Sort(known)
				slices.Sort(unknown)
				at, _ := slices.BinarySearch(known, unknown[users/2])
				longer := len(known) - at
				b.ReportMetric(ms(known[users/2]), "known-p50-ms")
				b.ReportMetric(ms(unknown[users/2]), "unknown-p50-ms")
				b.ReportMetric(ms(known[users*9/10]), "known-p90-ms")
				b.ReportMetric(ms(unknown[users*9/10]), "unknown-p90-ms")
				b.ReportMetric(float64(longer)/users, "known-longer")
			}
		})
	}
}

// manyUsers makes users "known0-1@example.org" and so on, with one password.
func (c *clinic) manyUsers(n int) {
	c.t.Helper()
	hash, err := passwords.Hash(c.t.Context(), passphrase)
	if err != nil {
		c.t.Fatal(err)
	}
	c.made++
	for i := range n {
		u, err := c.server.Directory.CreateUser(c.t.Context(), auth.System, directory.NewUser{
			Email: phi.Of(fmt.Sprintf("known%d-%d@example.org", i, c.made)), Name: phi.Of("Known"), Role: auth.Patient,
		})
		if err != nil {
			c.t.Fatal(err)
		}
		c.update(func(ctx context.Context, tx *sqldb.Tx) error { return auth.AddAccount(ctx, tx, u.ID, hash, true) })
	}
}
