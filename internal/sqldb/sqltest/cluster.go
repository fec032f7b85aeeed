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
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"medbook/internal/sqldb"
)

// cluster is a PostgreSQL server: one of this process's own, started when it is first
// needed, or the one that MEDBOOK_TEST_DSN names.
type cluster struct {
	once   sync.Once
	err    error
	folder string          // holds the data and the socket
	life   io.Closer       // the server lives until it is closed
	gone   <-chan struct{} // closed when the server has ended
	admin  *sql.DB
	places places
	made   atomic.Int64 // databases
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
	if c.folder, err = os.MkdirTemp(scratch(), "medbook-pg"); err != nil {
		return err
	}
	c.places = places{prefix: "test_", base: &url.URL{
		Scheme: "postgres", Path: "/postgres", RawQuery: "user=postgres&host=" + url.QueryEscape(c.folder),
	}}
	if err := c.serve(bin); err != nil {
		return fmt.Errorf("start PostgreSQL for the tests: %w", err)
	}
	return nil
}

// guard is the shell script between this process and the server. When its input
// ends, because this process closed it or died of anything, or when the server
// ends by itself, it sees to it that server and folder go.
const guard = `
folder=$1; shift
trap "" INT TERM HUP
exec 3<&0 </dev/null
"$0" "$@" >"$folder/log" 2>&1 3<&- & server=$!
(read -r end <&3; kill -QUIT $server) & watch=$!
wait $server
kill -KILL $watch
rm -rf "$folder"
`

// serve runs initdb and the server, and waits until it answers.
func (c *cluster) serve(bin string) error {
	own, err := unprivileged(c.folder)
	if err != nil {
		return err
	}
	data := filepath.Join(c.folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres",
		"--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
	initdb.SysProcAttr, initdb.Dir = own, c.folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := append([]string{"-c", guard, filepath.Join(bin, "postgres"), c.folder, "-D", data}, settings(c.folder)...)
	server := exec.Command("/bin/sh", args...)
	server.SysProcAttr, server.Dir = own, c.folder
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
	c.life, c.gone = life, gone
	return c.connect()
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
func (c *cluster) connect() (err error) {
	if c.admin, err = sql.Open("pgx", c.places.url("postgres")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err = c.admin.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-c.gone:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the server, if there is one, and waits until its folder is gone.
func (c *cluster) stop() {
	if c.admin != nil {
		if c.places.templates { // on a server that others use too
			_ = c.places.remove(c.admin, c.places.name("template"))
		}
		_ = c.admin.Close()
	}
	if c.life != nil {
		_ = c.life.Close()
		<-c.gone
	}
	if c.folder != "" {
		_ = os.RemoveAll(c.folder)
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
