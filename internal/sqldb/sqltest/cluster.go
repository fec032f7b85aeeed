package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"medbook/internal/sqldb"
)

// cluster is a PostgreSQL server: one of this process's own, started when it is first
// needed, or the one that MEDBOOK_TEST_DSN names.
type cluster struct {
	server

	once   sync.Once
	err    error
	places places
	made   atomic.Int64 // databases
}

// server is a PostgreSQL server.
type server struct {
	folder string          // holds the data and the socket
	port   int             // zero is the usual one
	life   io.Closer       // the server lives until it is closed
	gone   <-chan struct{} // closed when the server has ended
	admin  *sql.DB
}

var shared cluster

// database returns the address of a fresh database, migrated or empty.
func (c *cluster) database(t testing.TB, migrated bool) string {
	t.Helper()
	if c.once.Do(func() { c.err = c.start() }); c.err != nil {
		t.Fatal(c.err)
	}
	name := c.places.name(fmt.Sprint(c.made.Add(1)))
	if err := c.places.make(c.admin, name, migrated); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.places.remove(c.admin, name); err != nil {
			t.Error(err)
		}
	})
	return c.places.url(name)
}

func (s *server) url(database string) string {
	address := "postgres:///" + database + "?user=postgres&host=" + url.QueryEscape(s.folder)
	if s.port != 0 {
		address += "&port=" + strconv.Itoa(s.port)
	}
	return address
}

// start finds or makes a server and prepares the template.
func (c *cluster) start() error {
	var err error
	if dsn := os.Getenv(serverVariable); dsn != "" {
		if c.places, err = elsewhere(dsn); err != nil {
			return err
		}
		c.admin, err = sql.Open("pgx", dsn)
	} else {
		err = c.own()
	}
	if err != nil {
		return err
	}
	return c.places.prepare(c.admin)
}

// own makes a cluster and starts its server.
func (c *cluster) own() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	if err := c.make(bin); err != nil {
		return err
	}
	if err := c.run(bin, settings(c.folder)); err != nil {
		return fmt.Errorf("start PostgreSQL for the tests: %w", err)
	}
	c.places = places{prefix: "test_", base: &url.URL{
		Scheme: "postgres", Path: "/postgres", RawQuery: "user=postgres&host=" + url.QueryEscape(c.folder),
	}}
	return nil
}

// guard is the shell script between this process and the server. When its input
// ends, because this process closed it or died of anything, or when the server
// ends by itself, it sees to it that server and folder go, a frozen one too.
const guard = `
folder=$1; shift
trap "" INT TERM HUP
exec 3<&0 </dev/null
"$0" "$@" >"$folder/log" 2>&1 3<&- & server=$!
(read -r end <&3; kill -QUIT $server; kill -CONT $server) & watch=$!
wait $server
kill -KILL $watch
rm -rf "$folder"
`

// make makes the folder and the data of a new cluster.
func (s *server) make(bin string) error {
	own, err := s.home()
	if err != nil {
		return err
	}
	return s.tool(own, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
}

// home makes the folder, and tells as whom the server runs.
func (s *server) home() (own *syscall.SysProcAttr, err error) {
	if s.folder, err = os.MkdirTemp(scratch(), "medbook-pg"); err != nil {
		return nil, err
	}
	return unprivileged(s.folder)
}

func (s *server) data() string { return filepath.Join(s.folder, "data") }

// tool runs one of PostgreSQL's programs to its end.
func (s *server) tool(own *syscall.SysProcAttr, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr, cmd.Dir = own, s.folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, out)
	}
	return nil
}

// run starts the server, and waits until it answers.
func (s *server) run(bin string, settings []string) error {
	own, err := unprivileged(s.folder)
	if err != nil {
		return err
	}
	args := append([]string{"-c", guard, filepath.Join(bin, "postgres"), s.folder, "-D", s.data()}, settings...)
	server := exec.Command("/bin/sh", args...)
	server.SysProcAttr, server.Dir = own, s.folder
	life, err := server.StdinPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = server.Wait()
	}()
	s.life, s.gone = life, gone
	return s.connect()
}

func settings(folder string) []string {
	set := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": folder,
		"fsync":                   "off",
		"timezone":                "America/St_Johns",
		"max_connections":         "200",
	}
	if isolation := os.Getenv("MEDBOOK_TEST_ISOLATION"); isolation != "" {
		set["default_transaction_isolation"] = isolation
	}
	var args []string
	for name, value := range set {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// connect waits until the server answers.
func (s *server) connect() (err error) {
	if s.admin, err = sql.Open("pgx", s.url("postgres")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err = s.admin.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-s.gone:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop takes the template away, and ends the server if it is ours.
func (c *cluster) stop() {
	if c.places.templates { // on a server that others use too
		_ = c.places.remove(c.admin, c.places.name("template"))
	}
	c.server.stop()
}

// stop ends the server, if there is one, and waits until its folder is gone.
func (s *server) stop() {
	if s.admin != nil {
		_ = s.admin.Close()
	}
	if s.life != nil {
		_ = s.life.Close()
		<-s.gone
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// binaries returns the folder of PostgreSQL's server programs: that on PATH, the
// newest one of a Debian system, or what pg_config says.
func binaries() (string, error) {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(debian, func(a, b string) int { return version(b) - version(a) })
	folders = append(folders, debian...)
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, folder := range folders {
		if isFile(filepath.Join(folder, "initdb")) && isFile(filepath.Join(folder, "postgres")) {
			return folder, nil
		}
	}
	return "", errors.New("these tests run on PostgreSQL too: install its server programs (on Debian: apt-get install postgresql) or put initdb and postgres on PATH")
}

// version returns 15 for /usr/lib/postgresql/15/bin.
func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// migrate brings the database at url up to date.
func migrate(url string) error {
	ctx := context.Background()
	db, err := sqldb.Open(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx), db.Close())
}
