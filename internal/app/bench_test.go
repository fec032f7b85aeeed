package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/measure"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/tracing"
)

// BenchmarkBookingsWhileProvidersAreDown measures how many bookings a second there
// are, each with its messages, while the service that delivers them takes all, and
// while it answers 503 to all. Both take turns; it reports the rates and their ratio.
func BenchmarkBookingsWhileProvidersAreDown(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		b.Run(name, func(b *testing.B) {
			var down atomic.Bool
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if down.Load() {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			defer service.Close()
			db := sqltest.Open(b, database(b))
			db.Clock = time.Now
			c := newBooking(b, db, service.URL)
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { c.runner.Run(ctx); close(done) }()
			var took [2]time.Duration
			c.book(b.Context(), 100) // warm
			for b.Loop() {
				for state := range took {
					down.Store(state == 1)
					began := time.Now()
					c.book(b.Context(), 100)
					took[state] += time.Since(began)
				}
			}
			stop()
			<-done
			n := float64(100 * b.N)
			b.ReportMetric(n/took[0].Seconds(), "up/s")
			b.ReportMetric(n/took[1].Seconds(), "down/s")
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "down/up")
		})
	}
}

// booking is a clinic with one slot that many patients book in turn.
type booking struct {
	b        testing.TB
	s        *Services
	runner   *jobs.Runner
	slot     string
	patients []auth.Actor
	next     int
}

func newBooking(b testing.TB, db *sqldb.DB, url string) *booking {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ring, err := keyring.New()
	must(err)
	channel, err := notify.NewHTTP(notify.API{Channel: notify.ByEmail, URL: url, Token: phi.Of("t")})
	must(err)
	c := &booking{b: b, s: NewServices(db), runner: &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}}
	c.s.Auth.Keys, c.s.Notify.Seal, c.s.Notify.Channels = ring, ring, []notify.Channel{channel}
	c.s.Notify.Work(c.runner)
	c.s.Scheduling.Work(c.runner)
	user := func(name string, role auth.Role) auth.Actor {
		u, err := c.s.Directory.CreateUser(b.Context(), auth.System, directory.NewUser{Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: role})
		must(err)
		return auth.Actor{UserID: u.ID, Role: role, PractitionerID: u.PractitionerID}
	}
	grey := user("grey", auth.Practitioner)
	start := db.Now().Truncate(time.Hour).Add(72 * time.Hour)
	_, err = c.s.Scheduling.Publish(b.Context(), grey, grey.PractitionerID.String(), scheduling.Hours{
		Kind: scheduling.KindSpan, Span: calendar.Span{Start: start, End: start.Add(15 * time.Minute)},
	})
	must(err)
	for i := range 200 {
		c.patients = append(c.patients, user(fmt.Sprintf("p%d", i), auth.Patient))
	}
	slots, err := c.s.Scheduling.Slots(b.Context(), grey, scheduling.SlotQuery{Practitioner: grey.PractitionerID.String()}, page.Request{Limit: 1})
	must(err)
	c.slot = slots.Items[0].ID()
	return c
}

// book has n patients book the slot and cancel, one after the other.
func (c *booking) book(ctx context.Context, n int) {
	c.b.Helper()
	for range n {
		by := c.patients[c.next%len(c.patients)]
		c.next++
		a, err := c.s.Scheduling.Hold(ctx, by, scheduling.HoldRequest{Slot: c.slot, Confirm: true})
		if err == nil {
			_, err = c.s.Scheduling.Cancel(ctx, by, a.ID.String(), scheduling.CancelRequest{})
		}
		if err != nil {
			c.b.Fatal(err)
		}
	}
}

// BenchmarkBookingsWatched measures how many bookings and cancellations a second there
// are while nothing is measured, while all is, and while each is traced too, by turns.
func BenchmarkBookingsWatched(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	for name, database := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := sqltest.Open(b, database(b))
			db.Clock = time.Now
			instruments := measure.New("v0")
			exporter, err := tracing.Export(b.Context(), tracing.Config{Endpoint: collector.URL, Ratio: 1, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer exporter.Close(b.Context())
			c := newBooking(b, db, collector.URL)
			var took [3]time.Duration
			c.book(b.Context(), 100) // warm
			for b.Loop() {
				for state := range took {
					ctx := b.Context()
					if db.Instruments = nil; state > 0 {
						db.Instruments = instruments
					}
					began := time.Now()
					for range 100 {
						ctx, span := ctx, tracing.Span{}
						if state == 2 {
							ctx, span = exporter.Tracer().Serve(ctx, "")
						}
						c.book(ctx, 1)
						span.End(nil)
					}
					took[state] += time.Since(began)
				}
			}
			n := float64(100 * b.N)
			b.ReportMetric(n/took[0].Seconds(), "off/s")
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "measured/off")
			b.ReportMetric(took[0].Seconds()/took[2].Seconds(), "traced/off")
		})
	}
}
