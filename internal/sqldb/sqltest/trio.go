//go:build unix

package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Trio is a database on three PostgreSQL servers: a primary, and two standbys to
// which it streams. They write to the disk as they should, and listen on loopback.
// Its methods are for one goroutine, and fail the test themselves.
type Trio struct {
	t           testing.TB
	bin         string
	synchronous bool
	nodes       []*node
	primary     *node
}

// node is one of the servers.
type node struct {
	server

	name string // what it is called among the others

	control *sql.Conn // for when the server takes no new connections
	pids    []int     // of a server that is frozen
	shared  string    // its piece of System V memory, which outlives who is killed
}

// replicated is the database that a Trio has.
const replicated = "medbook"

// NewTrio starts three servers, which end with the test. With synchronous
// replication COMMIT waits until any one of the standbys has it on disk.
func NewTrio(t testing.TB, synchronous bool) *Trio {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	r := &Trio{t: t, bin: bin, synchronous: synchronous}
	for _, name := range []string{"a", "b", "c"} {
		r.nodes = append(r.nodes, &node{name: name, server: server{port: port(t)}})
	}
	t.Cleanup(func() {
		for _, n := range r.nodes {
			n.end()
		}
	})
	r.primary = r.nodes[0]
	r.check(r.primary.make(r.bin))
	r.check(r.start(r.primary))
	r.slots()
	var joining sync.WaitGroup
	failures := make([]error, len(r.nodes))
	for i, n := range r.nodes[1:] {
		joining.Go(func() { failures[i] = r.join(n) })
	}
	joining.Wait()
	r.check(errors.Join(failures...))
	r.exec("CREATE DATABASE " + replicated)
	r.check(migrate(r.URL()))
	return r
}

// URL returns the address of the migrated database, with all three servers.
func (r *Trio) URL() string {
	hosts := make([]string, len(r.nodes))
	for i, n := range r.nodes {
		hosts[i] = n.address()
	}
	return "postgres://postgres@" + strings.Join(hosts, ",") + "/" + replicated + "?sslmode=disable"
}

// Primary returns the name of the server that takes writes: a, b or c.
func (r *Trio) Primary() string { return r.primary.name }

// Kill ends the primary as a power cut would: all its processes at once.
func (r *Trio) Kill() {
	r.t.Helper()
	r.Freeze()
	r.primary.kill()
}

// Freeze stops all processes of the primary. Its machine goes on to acknowledge
// what is sent to it, and nothing is ever answered.
func (r *Trio) Freeze() {
	r.t.Helper()
	r.check(r.primary.freeze())
}

// HoldReplication stops the processes that send to the standbys, which get
// nothing of what is written from now on.
func (r *Trio) HoldReplication() {
	r.t.Helper()
	var now string
	r.check(r.primary.control.QueryRowContext(context.Background(), "SELECT CAST(pg_current_wal_lsn() AS TEXT)").Scan(&now))
	r.await(r.primary, "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= '"+now+"'", len(r.standbys()))
	for _, pid := range r.primary.processes(r.t, "backend_type = 'walsender'") {
		r.check(syscall.Kill(pid, syscall.SIGSTOP))
	}
}

// CutWaits ends the waits for the standbys that there are, as somebody does who
// cancels a statement that hangs. It returns how many there were.
func (r *Trio) CutWaits() int {
	r.t.Helper()
	waiting := r.primary.processes(r.t, "CASE WHEN wait_event = 'SyncRep' THEN pg_cancel_backend(pid) ELSE FALSE END")
	return len(waiting)
}

// FailOver does what Patroni does: it waits until the primary does not answer,
// makes sure that it never will, and promotes the standby that has most. The other
// one follows it. When it returns the new primary takes writes.
func (r *Trio) FailOver() {
	r.t.Helper()
	old := r.notice()
	old.kill()
	r.promote(old)
}

// FailOverSilently does so with a primary that is frozen and stays it: like one
// that is cut off from the net, it never says that it is gone.
func (r *Trio) FailOverSilently() {
	r.t.Helper()
	r.promote(r.notice())
}

// CutUntil cuts waits for the standbys until do returns, and returns its error. do
// is called on a goroutine of its own.
func (r *Trio) CutUntil(do func() error) error {
	r.t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(time.Millisecond):
			r.CutWaits()
		}
	}
}

// notice returns the primary when it answers no more.
func (r *Trio) notice() *node {
	for r.primary.answers() {
		<-time.After(10 * time.Millisecond)
	}
	return r.primary
}

// promote makes a primary of the standby that has got most of the old one.
func (r *Trio) promote(old *node) {
	r.t.Helper()
	best, most := (*node)(nil), ""
	for _, n := range r.standbys() {
		if old.control == nil { // whoever is frozen has sent all that it will
			r.check(n.settle())
		}
		if at := n.received(r.t); at > most {
			best, most = n, at
		}
	}
	n, err := best.ask("SELECT CASE WHEN pg_promote(TRUE, 60) THEN 1 ELSE 0 END")
	r.check(err)
	if n != 1 {
		r.t.Fatal("the standby was not promoted")
	}
	r.primary = best
	r.slots()
	for _, n := range r.standbys() {
		if n != old {
			r.check(n.follow(r.primary))
		}
	}
}

// Rejoin makes a standby of each server that was killed or frozen, from a new copy.
func (r *Trio) Rejoin() {
	r.t.Helper()
	for _, n := range r.standbys() {
		if n.pids != nil {
			n.kill()
		}
		if n.control == nil {
			r.check(r.join(n))
		}
	}
	if r.synchronous { // two are streaming again
		r.await(r.primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", 2)
	}
}

func (r *Trio) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("three PostgreSQL servers: %v", err)
	}
}

func (r *Trio) exec(statement string) {
	r.t.Helper()
	_, err := r.primary.admin.Exec(statement)
	r.check(err)
}

func (r *Trio) standbys() []*node {
	var all []*node
	for _, n := range r.nodes {
		if n != r.primary {
			all = append(all, n)
		}
	}
	return all
}

// slots has the primary keep what the others have not got yet.
func (r *Trio) slots() {
	r.t.Helper()
	for _, n := range r.standbys() {
		r.exec(`SELECT pg_create_physical_replication_slot('` + n.name + `', TRUE)
			WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '` + n.name + `')`)
	}
}

// start starts a server and keeps a connection to it.
func (r *Trio) start(n *node) (err error) {
	names := ""
	if r.synchronous {
		names = "ANY 1 (a, b, c)" // of whom one is itself and never connects
	}
	args := []string{"-p", strconv.Itoa(n.port), "-k", n.folder}
	for name, value := range map[string]string{
		"listen_addresses": "127.0.0.1", "cluster_name": n.name, "fsync": "on", "synchronous_commit": "on",
		"dynamic_shared_memory_type": "mmap", // in the folder, with which it goes
		"synchronous_standby_names":  names, "wal_retrieve_retry_interval": "100ms", "timezone": "America/St_Johns",
	} {
		args = append(args, "-c", name+"="+value)
	}
	if err := n.run(r.bin, args); err != nil {
		return err
	}
	n.control, err = n.admin.Conn(context.Background())
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(n.data(), "postmaster.pid"))
	if lines := strings.Split(string(text), "\n"); err == nil && len(lines) > 6 {
		if key := strings.Fields(lines[6]); len(key) == 2 {
			n.shared = key[1]
		}
	}
	return err
}

// join makes a standby of a copy of the primary, and waits until it streams.
func (r *Trio) join(n *node) error {
	own, err := n.home()
	if err != nil {
		return err
	}
	p := r.primary
	if err := n.tool(own, filepath.Join(r.bin, "pg_basebackup"), "-D", n.data(), "-d", p.conninfo("copy"), "-X", "stream", "-c", "fast", "--no-sync"); err != nil {
		return err
	}
	follow := "primary_conninfo = '" + p.conninfo(n.name) + "'\nprimary_slot_name = '" + n.name + "'\n"
	auto, err := os.OpenFile(filepath.Join(n.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = auto.WriteString(follow)
	if err := errors.Join(err, auto.Close(), n.tool(own, "/bin/sh", "-c", `: > "$0"`, filepath.Join(n.data(), "standby.signal"))); err != nil {
		return err
	}
	if err := r.start(n); err != nil {
		return err
	}
	return n.await("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'", 1)
}

func (r *Trio) await(n *node, query string, want int) {
	r.t.Helper()
	r.check(n.await(query, want))
}

func (n *node) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

func (n *node) conninfo(as string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=%s", n.port, as)
}

// await asks until the answer is the one that is wanted.
func (n *node) await(query string, want int) error {
	deadline := time.Now().Add(time.Minute)
	for {
		got, err := n.ask(query)
		if err == nil && got == want {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("server %s: %s is %d, %w, for a minute", n.name, query, got, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (n *node) ask(query string) (answer int, err error) {
	err = n.control.QueryRowContext(context.Background(), query).Scan(&answer)
	return answer, err
}

// answers reports whether the server does so within two seconds.
func (n *node) answers() bool {
	if n.control == nil { // it was killed
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var one int
	return n.admin.QueryRowContext(ctx, "SELECT 1").Scan(&one) == nil
}

// settle waits until a standby has written all that came from a primary that is gone.
func (n *node) settle() error {
	return n.await("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'", 0)
}

// received returns how far a standby has got, as a text that grows with it.
func (n *node) received(t testing.TB) (at string) {
	t.Helper()
	const query = "SELECT lpad(CAST(pg_last_wal_receive_lsn() - '0/0' AS TEXT), 24, '0')"
	if err := n.control.QueryRowContext(context.Background(), query).Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}

// follow has a standby stream from another primary.
func (n *node) follow(p *node) error {
	for _, statement := range []string{"ALTER SYSTEM SET primary_conninfo = '" + p.conninfo(n.name) + "'", "SELECT pg_reload_conf()"} {
		if _, err := n.control.ExecContext(context.Background(), statement); err != nil {
			return err
		}
	}
	return p.await("SELECT count(*) FROM pg_stat_replication WHERE application_name = '"+n.name+"' AND state = 'streaming'", 1)
}

// processes returns the processes of the server that a condition is true for.
func (n *node) processes(t testing.TB, condition string) []int {
	t.Helper()
	pids, err := n.list(condition)
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

func (n *node) list(condition string) (pids []int, err error) {
	rows, err := n.control.QueryContext(context.Background(), "SELECT pid FROM pg_stat_activity WHERE "+condition)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, rows.Err()
}

// freeze stops the server's processes. The one that starts others comes first, so
// that there are no more than are asked for then.
func (n *node) freeze() error {
	if n.pids != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(n.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		return err
	}
	pids, err := n.list("TRUE")
	if err != nil {
		return err
	}
	n.pids = append([]int{postmaster}, pids...)
	for _, pid := range n.pids {
		_ = syscall.Kill(pid, syscall.SIGSTOP) // one may have ended
	}
	return nil
}

// kill ends a frozen server, and what is left of it.
func (n *node) kill() {
	for _, pid := range n.pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	n.end()
	if n.shared != "" {
		_ = exec.Command("ipcrm", "-m", n.shared).Run() // the next server of this folder would do so
	}
}

// end stops the server, however it is.
func (n *node) end() {
	if n.control != nil {
		_ = n.control.Close()
	}
	n.stop()
	n.server, n.control, n.pids = server{port: n.port}, nil, nil
}

// port returns a port that nobody listens on. It is not one of those that the
// system gives to whoever connects, which could be taken while the server is down.
func port(t testing.TB) int {
	t.Helper()
	for range 100 {
		n := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n)))
		if err == nil {
			l.Close()
			return n
		}
	}
	t.Fatal("no port is free")
	return 0
}
