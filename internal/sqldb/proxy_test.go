package sqldb_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"medbook/internal/sqldb/sqltest"
)

// proxy stands between a program and its PostgreSQL server. When the client has
// sent the text that onSending was given, it does what that says.
type proxy struct {
	server string // its socket
	mu     sync.Mutex
	text   []byte
	then   fate
	cuts   int
}

// fate is what becomes of a connection on which the text is sent.
type fate int

const (
	forward      fate = iota
	loseAnswer        // the server gets it, the client no answer
	loseQuestion      // the server does not get it
)

// startProxy returns a proxy to a fresh database, and the address to use.
func startProxy(t *testing.T) (p *proxy, address string) {
	t.Helper()
	u, err := url.Parse(sqltest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p = &proxy{server: u.Query().Get("host") + "/.s.PGSQL.5432"}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p, "postgres://postgres@" + listener.Addr().String() + u.Path + "?sslmode=disable"
}

// onSending sets what becomes of the next connection on which text is sent.
func (p *proxy) onSending(text string, then fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.then = []byte(text), then
}

// fate returns what to do about a message, once.
func (p *proxy) fate(message []byte) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.then == forward || !bytes.Contains(message, p.text) {
		return forward
	}
	then := p.then
	p.then = forward
	p.cuts++
	return then
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.server)
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
