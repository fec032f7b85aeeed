package app

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"medbook/internal/audit"
	"medbook/internal/jobs"
	"medbook/internal/measure"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestBacklogsAreTold has a hold run out, a provider refuse messages, and the trail
// wait, and reads how things stand each time.
func TestBacklogsAreTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
		defer down.Close()
		db.Instruments = measure.New("v0")
		c, clock := newBooking(t, db, down.URL), sqltest.ClockOf(db)
		g := &gauges{app: &App{Services: c.s}}
		read := func() *backlog {
			t.Helper()
			b, err := g.readBacklog()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		due := func(b *backlog, kind string) jobs.Waiting {
			i := slices.IndexFunc(b.jobs, func(w jobs.Waiting) bool { return w.Kind == kind })
			if i < 0 {
				return jobs.Waiting{}
			}
			return b.jobs[i]
		}

		a, err := c.s.Scheduling.Hold(t.Context(), c.patients[0], scheduling.HoldRequest{Slot: c.slot})
		if err != nil {
			t.Fatal(err)
		}
		b := read()
		if want := (scheduling.Standing{Holds: 1}); b.standing != want {
			t.Errorf("stands %v, want %v", b.standing, want)
		}
		if w := due(b, "scheduling.hold_ends"); w.N != 0 {
			t.Errorf("the end of a hold that lives is due: %v", w)
		}
		if b.trail.SignedAt.IsZero() != true || b.trail.Unsigned+int64(b.trail.Unsealed) == 0 {
			t.Errorf("the trail is %v, want records that nobody has signed", b.trail)
		}
		if waits := b.trail.Unsealed > 0; waits != (db.Engine() == sqldb.Postgres) || waits != !b.trail.Since.IsZero() {
			t.Errorf("the trail is %v: records wait on PostgreSQL, and there alone", b.trail)
		}

		clock.Advance(a.HoldExpiresAt.Sub(db.Now()) + 10*time.Second)
		b = read()
		if want := (scheduling.Standing{Over: 1}); b.standing != want {
			t.Errorf("stands %v, want %v", b.standing, want)
		}
		if w := due(b, "scheduling.hold_ends"); w.N != 1 || b.at.Sub(w.Since) != 10*time.Second {
			t.Errorf("the end of the hold is %v, want it due for ten seconds", w)
		}

		if _, err := c.runner.RunDue(t.Context()); err != nil { // writes the message that it is over, and tries to send it
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
		if b = read(); b.standing != (scheduling.Standing{}) {
			t.Errorf("stands %v, want nothing", b.standing)
		}
		if len(b.messages) != 1 || b.messages[0].Channel != notify.ByEmail || b.messages[0].N == 0 || b.at.Sub(b.messages[0].Since) != time.Minute {
			t.Errorf("waiting are the messages %v, want some by e-mail since a minute", b.messages)
		}
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if b = read(); b.trail.Unsealed != 0 || !b.trail.Since.IsZero() || b.trail.Unsigned == 0 {
			t.Errorf("the trail is %v, want all sealed and nothing signed", b.trail)
		}
		counted := `
# HELP medbook_appointments_total What became of appointments.
# TYPE medbook_appointments_total counter
medbook_appointments_total{event="cancelled"} 0
medbook_appointments_total{event="completed"} 0
medbook_appointments_total{event="confirmed"} 0
medbook_appointments_total{event="expired"} 1
medbook_appointments_total{event="held"} 1
medbook_appointments_total{event="moved"} 0
medbook_appointments_total{event="no_show"} 0
# HELP medbook_notification_attempts_total Attempts to send a message: sent, or the class of the failure.
# TYPE medbook_notification_attempts_total counter
medbook_notification_attempts_total{channel="email",outcome="server-error"} 1
`
		if err := testutil.GatherAndCompare(db.Instruments.Registry(), strings.NewReader(counted), "medbook_appointments_total", "medbook_notification_attempts_total"); err != nil {
			t.Error(err)
		}
	})
}

// small are what may be read from one end to the other, by table or by index: an index
// of what waits, what is read in its order up to a limit, or a table that stays small.
var small = []string{
	"appointments_held", "notifications_pending", "webhook_deliveries_pending", "sqlite_autoindex_audit_checkpoints_1",
	"audit_pending", "sqlite_autoindex_audit_pending_1", "sqlite_autoindex_waitlist_1", "waitlist_practitioner",
	"held", "waiting", "due", // the queries' own
}

// TestBacklogsAreReadByIndexes has SQLite explain the queries: none may read what
// grows with the clinic.
func TestBacklogsAreReadByIndexes(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	var asked []string
	db.Observe = func(_ context.Context, statement string) error {
		asked = append(asked, statement)
		return nil
	}
	g := &gauges{app: &App{Services: NewServices(db)}}
	if _, err := g.readBacklog(); err != nil {
		t.Fatal(err)
	}
	db.Observe = nil
	n := 0
	for _, statement := range asked {
		if !strings.HasPrefix(statement, "SELECT") {
			continue
		}
		n++
		literal := regexp.MustCompile(`\$\d`).ReplaceAllString(statement, "10000")
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			plan, err := sqldb.All(ctx, tx, func(r sqldb.Row) (detail string, err error) {
				var ids [3]int
				err = r.Scan(&ids[0], &ids[1], &ids[2], &detail)
				return detail, err
			}, "EXPLAIN QUERY PLAN "+literal)
			for _, line := range plan {
				read := regexp.MustCompile(`^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?`).FindStringSubmatch(line)
				if read != nil && !slices.Contains(small, cmp.Or(read[2], read[1])) || strings.Contains(line, "TEMP B-TREE FOR ORDER BY") {
					t.Errorf("%s\nis read by %q", statement, line)
				}
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", literal, err)
		}
	}
	if n < 7 {
		t.Errorf("only %d queries were asked", n)
	}
}

// TestBacklogsAreReadOnceInAWhile looks at the gauges many times.
func TestBacklogsAreReadOnceInAWhile(t *testing.T) {
	a := watchedApp(t, sqltest.SQLite(t))
	g := newGauges(a)
	for range 50 {
		if g.backlog() == nil {
			t.Fatal("the backlog can't be read")
		}
	}
	if g.done != 1 {
		t.Errorf("it was read %v times, want once", g.done)
	}
	g.read = measure.Stopwatch{}
	a.DB.Observe = func(context.Context, string) error { return sqldb.ErrUnavailable }
	if b := g.backlog(); b != nil || g.missing != 1 {
		t.Errorf("without a database it is %v, failed %v times; want nothing, rather than what was so before", b, g.missing)
	}
	a.DB.Observe = nil
}
