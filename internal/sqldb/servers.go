package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectFor = 5 * time.Second        // how long each server is tried
	restFor    = 100 * time.Millisecond // how long none is tried after all have failed
)

// servers are those that may have a PostgreSQL database, of which one takes
// writes. It connects to the one that took them last, or to the next that does.
//
// When a connection is lost, those that were made before it are not used again:
// after a failover they lead to a server that is gone, frozen, or takes no writes.
type servers struct {
	names []string // host:port, in the order of the address
	each  []driver.Connector
	limit time.Duration // for each

	mu     sync.Mutex
	first  int       // which to try first
	term   int       // grows with each loss
	failed error     // why the last try to reach any came to nothing
	rested time.Time // when they are tried again after that
}

// link is what is known of a connection.
type link struct {
	server, term int
	warned       bool // the server gave a warning
}

// linkKey is where a connection has its link.
const linkKey = "medbook"

// newServers takes the configuration apart, which has the further servers as
// fallbacks, and each server twice where TLS is preferred and not required.
func newServers(config *pgx.ConnConfig) *servers {
	s := &servers{limit: config.ConnectTimeout}
	each := []*pgx.ConnConfig{}
	for _, c := range append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...) {
		if n := len(each); n > 0 && each[n-1].Host == c.Host && each[n-1].Port == c.Port {
			each[n-1].Fallbacks = append(each[n-1].Fallbacks, c)
			continue
		}
		one := config.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = c.Host, c.Port, c.TLSConfig, nil
		each = append(each, one)
	}
	for _, one := range each {
		if len(each) > 1 && one.ValidateConnect == nil {
			one.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
		one.OnNotice = noticed
		one.DialFunc = dialer().DialContext
		s.names = append(s.names, net.JoinHostPort(one.Host, strconv.Itoa(int(one.Port))))
		s.each = append(s.each, stdlib.GetConnector(*one, stdlib.OptionAfterConnect(settle), stdlib.OptionShouldPing(neverPing), stdlib.OptionResetSession(s.reset)))
	}
	return s
}

// dialer notices a peer that is gone within half a minute, also where nothing
// else limits the wait for an answer.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         limitSilence,
	}
}

// neverPing spares a round trip: BEGIN tells whether the server is there.
func neverPing(context.Context, stdlib.ShouldPingParams) bool { return false }

// noticed remembers that a warning came. After COMMIT that is how a server says
// that it did not wait for its standbys.
func noticed(c *pgconn.PgConn, n *pgconn.Notice) {
	if l, ok := c.CustomData()[linkKey].(*link); ok && n.SeverityUnlocalized == "WARNING" {
		l.warned = true
	}
}

// Driver returns the driver of all servers.
func (s *servers) Driver() driver.Driver { return s.each[0].Driver() }

// Connect connects to the first server that takes us.
func (s *servers) Connect(ctx context.Context) (driver.Conn, error) {
	first, term, err := s.begin()
	if err != nil {
		return nil, err
	}
	failures := make([]error, 0, len(s.each))
	for i := range s.each {
		n := (first + i) % len(s.each)
		conn, err := s.connect(ctx, n)
		if err == nil {
			s.reached(n)
			conn.(*stdlib.Conn).Conn().PgConn().CustomData()[linkKey] = &link{server: n, term: term}
			return conn, nil
		}
		failures = append(failures, &unreachableError{s.names[n], err})
		if ctx.Err() != nil {
			break
		}
	}
	err = errors.Join(failures...)
	if ctx.Err() == nil {
		s.missed(err)
	}
	return nil, err
}

// connect connects to the nth server.
func (s *servers) connect(ctx context.Context, n int) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	return s.each[n].Connect(ctx)
}

// unreachableError says which server could not be reached, and why.
type unreachableError struct {
	server string
	cause  error
}

func (e *unreachableError) Error() string { return e.server + ": " + reason(e.cause) }
func (e *unreachableError) Unwrap() error { return e.cause }

// begin returns which server to try first, and the present term, unless all have
// just failed: then many who wait do not make many tries.
func (s *servers) begin() (first, term int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil && time.Now().Before(s.rested) {
		return 0, 0, s.failed
	}
	return s.first, s.term, nil
}

func (s *servers) reached(server int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first, s.failed = server, nil
}

func (s *servers) missed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.rested = err, time.Now().Add(restFor)
}

// down returns why no server can be reached, if that is so.
func (s *servers) down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// lose tells that a connection was lost. The next is tried with another server.
func (s *servers) lose(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.term != s.term {
		return // others have told
	}
	s.term++
	s.first = (l.server + 1) % len(s.each)
}

// reset has the pool drop a connection of an earlier term.
func (s *servers) reset(_ context.Context, c *pgx.Conn) error {
	l, _ := c.PgConn().CustomData()[linkKey].(*link)
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.term != s.term {
		return driver.ErrBadConn
	}
	return nil
}

// linkOf returns what is known of a connection of the pool.
func linkOf(conn *sql.Conn) (l *link, err error) {
	err = conn.Raw(func(driver any) error {
		l, _ = driver.(*stdlib.Conn).Conn().PgConn().CustomData()[linkKey].(*link)
		return nil
	})
	return l, err
}

// String lists the servers.
func (s *servers) String() string { return strings.Join(s.names, ", ") }

// reason returns why a connection failed, in one line.
func reason(err error) string {
	var answer *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &answer):
		return answer.Message
	case errors.Is(err, pgconn.ErrReadOnlyConnection):
		return "takes no writes"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.As(err, &network):
		return network.Err.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// whyNot returns why a database can't be opened, in one line.
func (s *servers) whyNot(database string, err error) string {
	var one *unreachableError
	if len(s.each) == 1 && errors.As(err, &one) {
		err = one.cause
	}
	if len(s.each) == 1 {
		return fmt.Sprintf("open database %s at %s: %s", database, s, reason(err))
	}
	return fmt.Sprintf("open database %s: no server takes writes: %s", database, strings.Join(strings.Split(err.Error(), "\n"), "; "))
}
