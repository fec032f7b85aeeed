package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// clinic is a database with a server over it and the time that both go by.
type clinic struct {
	t        *testing.T
	database string
	clock    string // the file that the program reads the time from
	server   *process
	people   int
	flags    []string // of its servers, beside --listen
	settings []string // of its environment, such as secrets
	program  string   // another build than the usual one
}

// person is a user with a key.
type person struct {
	*client.Client
	ID, Key string
}

// each runs test on a clinic of each engine, in parallel with other tests.
func each(t *testing.T, test func(t *testing.T, c *clinic)) {
	t.Helper()
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{
		{"sqlite", sqltest.SQLite},
		{"postgres", sqltest.Postgres},
	} {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, engine.url(t)))
		})
	}
}

// open starts a server over a database. Its clock says sqltest.Start.
func open(t *testing.T, database string) *clinic {
	t.Helper()
	c := &clinic{t: t, database: database, clock: filepath.Join(t.TempDir(), "clock")}
	c.setTime(sqltest.Start)
	c.server = c.serve()
	return c
}

// env names the clock and the database, so that no command needs a flag.
func (c *clinic) env() []string {
	return append([]string{"MEDBOOK_TEST_CLOCK=" + c.clock, "MEDBOOK_DATABASE_URL=" + c.database, "MEDBOOK_KEYS_FILE=" + c.clock + ".keys"}, c.settings...)
}

// serve starts one more server over the clinic's database.
func (c *clinic) serve() *process {
	c.t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0"}, c.flags...)
	return listening(c.t, launchFrom(c.t, c.build(), c.t.TempDir(), c.env(), args...))
}

// build returns the path of the program.
func (c *clinic) build() string {
	c.t.Helper()
	if c.program != "" {
		return c.program
	}
	return program(c.t)
}

// restart kills the server without warning and starts it again.
func (c *clinic) restart() {
	c.t.Helper()
	c.server.kill(c.t)
	c.server = c.serve()
}

// restartWith does so with other flags.
func (c *clinic) restartWith(flags ...string) {
	c.t.Helper()
	c.flags = flags
	c.restart()
}

// setTime moves the clock to t, in one step.
func (c *clinic) setTime(t time.Time) {
	c.t.Helper()
	next := c.clock + ".next"
	if err := os.WriteFile(next, []byte(t.Format(time.RFC3339Nano)), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(next, c.clock); err != nil {
		c.t.Fatal(err)
	}
}

// command runs a command of the program on the clinic's database and returns
// the one line that it prints.
func (c *clinic) command(args ...string) string {
	c.t.Helper()
	r := runFrom(c.t, c.build(), c.t.TempDir(), c.env(), args...)
	if r.status != 0 || r.stderr != "" || strings.Count(r.stdout, "\n") != 1 {
		c.t.Fatalf("medbook %s: status %d, printed %q and %q", args[0], r.status, r.stdout, r.stderr)
	}
	return strings.TrimSuffix(r.stdout, "\n")
}

// user makes a user of a role on the command line, with a key.
func (c *clinic) user(role, zone string) person {
	c.t.Helper()
	c.people++
	email := fmt.Sprintf("%s%d@clinic.example", role, c.people)
	p := person{ID: c.command("user", "create", "--role", role, "--name", "The "+role, "--email", email, "--time-zone", zone)}
	p.Key = c.command("key", "create", email)
	p.Client = c.as(p.Key)
	return p
}

// practitioner makes a practitioner in a zone and returns the id in the directory too.
func (c *clinic) practitioner(zone string) (p person, id string) {
	c.t.Helper()
	p = c.user("practitioner", zone)
	me, err := p.Me(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return p, me.PractitionerID
}

// as returns a client with a key; "" is nobody's.
func (c *clinic) as(key string) *client.Client {
	if key == "" {
		return c.with()
	}
	return c.with(client.APIKey(key))
}

// with returns a client of the clinic's server.
func (c *clinic) with(options ...client.Option) *client.Client {
	options = append(options, client.HTTPClient(&http.Client{Transport: c.checked()}))
	// The address changes with each restart; the transport knows the present one.
	return client.New("http://clinic.invalid", options...)
}

// code fails the test unless err is a problem of that status and code.
func code(t *testing.T, err error, status int, want string) {
	t.Helper()
	p, ok := err.(*client.Problem) //nolint:errorlint // the client promises the type itself
	if !ok || p.Status != status || p.Code != want {
		t.Errorf("got %v, want %d %s", err, status, want)
	}
}

// must returns v, and fails the test when there is an error.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
