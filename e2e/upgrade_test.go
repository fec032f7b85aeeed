package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/migrations"
	"medbook/internal/sqldb/sqltest"
)

// An expanding and a contracting step, as later versions may have them. The first %d
// is the step before.
const (
	expanding = `-- +goose Up
ALTER TABLE appointments ADD COLUMN room TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN pronouns TEXT;
CREATE TABLE rooms (id UUID PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX appointments_room ON appointments (room, practitioner_id, id);
`
	contracting = `-- contract: since 1.2 nobody asks what was reserved
-- +goose Up
ALTER TABLE users DROP COLUMN pronouns;
UPDATE schema_compatibility SET oldest_program = %d;
`
)

// later returns the setting that makes the program one with so many more steps.
func later(t *testing.T, texts ...string) (setting string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, migrations.Files); err != nil {
		t.Fatal(err)
	}
	last := lastStep(t)
	for i, text := range texts {
		name := fmt.Sprintf("%05d_later.sql", last+i+1)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "MEDBOOK_TEST_STEPS=" + folder
}

// lastStep returns the number of the program's newest step.
func lastStep(t *testing.T) (last int) {
	t.Helper()
	entries, err := migrations.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Name(), "%d_", &n); err == nil {
			last = max(last, n)
		}
	}
	return last
}

// TestAnUpgradeUnderLoad has patients book, move and cancel while three servers are
// replaced, one after another, by those of a later version, the first of which changes
// the schema. The old ones stay ready over it, and nobody is told anything.
//
// MEDBOOK_TEST_PREVIOUS names a program of an earlier release to upgrade from. Without
// one, this program is the earlier one, and the later one has a step more.
func TestAnUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	database := sqltest.EmptyPostgres(t) // of which the old version makes its own
	// An earlier release goes by the real clock.
	old := []string{"MEDBOOK_DRAIN=300ms", "MEDBOOK_TEST_CLOCK="}
	f := &fleet{clinic: &clinic{t: t, database: database, clock: filepath.Join(t.TempDir(), "clock"), settings: old, program: os.Getenv("MEDBOOK_TEST_PREVIOUS")}}
	for i := range f.servers {
		f.servers[i] = f.serve()
	}
	f.clinic.server = f.servers[0]
	f.balancer = newBalancer(t, f.servers[:]...)
	l := begin(t, f.clinic, f.balancer.URL, 6, time.Now().UTC().Truncate(24*time.Hour).Add(72*time.Hour))
	l.more(20)
	if f.program == "" {
		f.settings = append(f.settings, later(t, expanding))
	}
	f.program = ""
	for i, old := range f.servers {
		f.replace(i) // the new one beside it
		for url, ready := range f.balancer.readiness() {
			if !ready {
				t.Errorf("with %d new servers, %s is not ready", i+1, url)
			}
		}
		l.more(20)
		old.signal(t, syscall.SIGTERM)
		if status := old.wait(t); status != 0 {
			t.Errorf("an old server that was told to stop ended with %d", status)
		}
		l.more(20)
	}
	l.end()
	f.untroubled()
}

// TestAnOlderProgramOverANewerDatabase has servers run, and programs start, over what
// later versions have made of the database: one that adds, and one that takes away.
func TestAnOlderProgramOverANewerDatabase(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, last := t.Context(), lastStep(t)
		patient := c.user("patient", newYork)
		adds := later(t, expanding)
		takes := later(t, expanding, fmt.Sprintf(contracting, last+1))
		migrate := func(setting string, flags ...string) result {
			return run(t, t.TempDir(), append(c.env(), setting), append([]string{"migrate"}, flags...)...)
		}
		lacks := fmt.Sprintf("The schema is at step %d of %d. It lacks:\n%6d later\n", last, last+1, last+1)
		if r := migrate(adds, "--dry-run"); r.status != 3 || r.stdout != lacks || r.stderr != "" {
			t.Errorf("before the upgrade: %+v, want status 3 and %q", r, lacks)
		}
		if r := migrate(adds); r.status != 0 || r.stdout != "" || r.stderr != "" {
			t.Fatalf("the upgrade: %+v", r)
		}
		if r := migrate(adds, "--dry-run"); r.status != 0 || !strings.Contains(r.stdout, fmt.Sprintf("at step %d, which is the newest", last+1)) {
			t.Errorf("after the upgrade: %+v", r)
		}
		if err := c.with().Ready(ctx); err != nil {
			t.Errorf("the old server over what was added: %v, want that it is ready", err)
		}
		must(patient.Me(ctx))(t)

		c.refuses(last, "serve", "--listen=127.0.0.1:0")
		c.refuses(last, "migrate")
		c.refuses(last, "migrate", "--dry-run")
		c.restartWith("--allow-newer-schema")
		must(patient.Me(ctx))(t)

		if r := migrate(takes); r.status != 0 {
			t.Fatalf("the next upgrade: %+v", r)
		}
		p, ok := errors.AsType[*client.Problem](c.with().Ready(ctx))
		if !ok || p.Code != "not-ready" {
			t.Errorf("the old server over what was taken away: %v, want that it is not ready", p)
		}
		c.refuses(last, "serve", "--listen=127.0.0.1:0", "--allow-newer-schema")
		c.settings, c.flags = append(c.settings, adds), nil
		c.refuses(last+1, "serve", "--listen=127.0.0.1:0")
		c.restartWith("--allow-newer-schema") // of the version between
		if err := c.with().Ready(ctx); err != nil {
			t.Errorf("a server that knows what was added: %v, want that it is ready", err)
		}
	})
}

// refuses runs a command that must say that the database is newer, and which steps
// database and program know.
func (c *clinic) refuses(knows int, args ...string) {
	c.t.Helper()
	r := run(c.t, c.t.TempDir(), c.env(), args...)
	if r.status != 1 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "newer version of this program. Its schema is at step") ||
		!strings.Contains(r.stderr, fmt.Sprintf("this program knows %d.", knows)) {
		c.t.Errorf("medbook %v: %+v, want status 1 and a line about a newer database", args, r)
	}
}
