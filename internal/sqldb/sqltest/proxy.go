package sqltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Proxy stands between a program and its PostgreSQL server, and loses what a
// test wants to be lost.
type Proxy struct {
	URL string // of a fresh, migrated database behind the proxy

	database        string // its address without the proxy
	network, server string

	mu    sync.Mutex
	text  []byte
	then  fate
	fatal string // the SQLSTATE of refuse
	down  bool
	cuts  int
	came  int
}

// fate is what becomes of a connection on which the text is sent.
type fate int

const (
	forward fate = iota
	loseAnswer
	loseQuestion
	freeze
	refuse
)

// NewProxy starts a proxy, which ends with the test.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	return newProxy(t, Postgres(t))
}

// Beside starts another proxy, before the same database. The address of both has
// first the one and then the other as a server.
func (p *Proxy) Beside(t testing.TB) (other *Proxy, both string) {
	t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	other = newProxy(t, p.database)
	v, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	return other, strings.Replace(p.URL, u.Host, u.Host+","+v.Host, 1)
}

func newProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	behind, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	query := behind.Query()
	for _, name := range []string{"host", "port", "user", "password"} {
		query.Del(name)
	}
	query.Set("sslmode", "disable") // what is sealed can't be looked for
	address := &url.URL{
		Scheme: "postgres", Host: listener.Addr().String(), Path: "/" + config.Database, RawQuery: query.Encode(),
		User: url.UserPassword(config.User, config.Password),
	}
	p := &Proxy{URL: address.String(), database: database, network: "tcp", server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	if strings.HasPrefix(config.Host, "/") {
		p.network, p.server = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// LoseAnswer cuts the next connection on which the client sends text, when the
// server has got it and begins to answer.
func (p *Proxy) LoseAnswer(text string) { p.lose(text, loseAnswer) }

// LoseQuestion cuts the next connection on which the client sends text, before
// the server gets it.
func (p *Proxy) LoseQuestion(text string) { p.lose(text, loseQuestion) }

// Freeze lets nothing through any more, either way, from the next time on that the
// client sends text: the connections stay, and new ones are taken.
func (p *Proxy) Freeze(text string) { p.lose(text, freeze) }

// Refuse ends the next connection on which the client sends text, as a server does
// that gives a SQLSTATE and goes.
func (p *Proxy) Refuse(text, state string) {
	p.lose(text, refuse)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fatal = state
}

// Came returns how many sessions a client asked for.
func (p *Proxy) Came() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came
}

func (p *Proxy) lose(text string, then fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.then = []byte(text), then
}

// GoDown makes the server unreachable for good.
func (p *Proxy) GoDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
}

// Cuts returns how many connections were cut by LoseAnswer and LoseQuestion.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// fate returns what to do about a message.
func (p *Proxy) fate(message []byte) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes.Contains(message, []byte("application_name\x00")) {
		p.came++
	}
	if p.down {
		return loseQuestion
	}
	if p.then == forward || !bytes.Contains(message, p.text) {
		return forward
	}
	then := p.then
	p.cuts++
	if then == freeze {
		p.text = nil // which every message contains
	} else {
		p.then = forward
	}
	return then
}

func (p *Proxy) frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.then == freeze && p.text == nil
}

// refusal is the message of a server that ends the session.
func (p *Proxy) refusal() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	fields := "SFATAL\x00VFATAL\x00C" + p.fatal + "\x00Mthe server goes\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte("E"), uint32(4+len(fields))), fields...)
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	defer server.Close()
	answers := &gate{to: client, mute: p.frozen}
	go func() {
		_, _ = io.Copy(answers, server)
		if !p.frozen() {
			client.Close()
		}
	}()
	message := make([]byte, 64<<10)
	for {
		n, err := client.Read(message)
		if err != nil {
			return
		}
		then := p.fate(message[:n])
		switch then {
		case loseQuestion:
			return
		case refuse:
			_, _ = client.Write(p.refusal())
			return
		case freeze:
			continue
		}
		var answered <-chan struct{}
		if then == loseAnswer {
			answered = answers.shut()
		}
		if _, err := server.Write(message[:n]); err != nil {
			return
		}
		if answered != nil {
			<-answered
			return
		}
	}
}

// gate passes on what is written to it until it is shut.
type gate struct {
	mu      sync.Mutex
	to      io.Writer
	mute    func() bool   // what is written goes nowhere, and nobody hears of it
	blocked chan struct{} // closed by the first thing that does not get through
}

func (g *gate) shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.blocked = make(chan struct{})
	return g.blocked
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.blocked != nil {
		close(g.blocked)
		return 0, io.ErrClosedPipe
	}
	if g.mute() {
		return len(b), nil
	}
	return g.to.Write(b)
}
