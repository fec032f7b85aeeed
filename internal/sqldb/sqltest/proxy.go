package sqltest

import (
	"bytes"
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

	network, server string

	mu   sync.Mutex
	text []byte
	then fate
	down bool
	cuts int
}

// fate is what becomes of a connection on which the text is sent.
type fate int

const (
	forward fate = iota
	loseAnswer
	loseQuestion
)

// NewProxy starts a proxy, which ends with the test.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	behind, err := url.Parse(Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(behind.String())
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
	p := &Proxy{URL: address.String(), network: "tcp", server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
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
	if p.down {
		return loseQuestion
	}
	if p.then == forward || !bytes.Contains(message, p.text) {
		return forward
	}
	then := p.then
	p.then = forward
	p.cuts++
	return then
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	defer server.Close()
	answers := &gate{to: client}
	go func() {
		defer client.Close()
		_, _ = io.Copy(answers, server)
	}()
	message := make([]byte, 64<<10)
	for {
		n, err := client.Read(message)
		if err != nil {
			return
		}
		then := p.fate(message[:n])
		if then == loseQuestion {
			return
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
	return g.to.Write(b)
}
