package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// errPlain is what an operator reads who would send patients' data in clear.
var errPlain = errors.New("plain HTTP is for this machine only: give --tls-cert and --tls-key, or name the proxy that does TLS with --trusted-proxies")

// listen takes the address. Plain HTTP is served beyond the machine itself only
// to proxies that the operator named.
func (c Config) listen(ctx context.Context) (net.Listener, error) {
	if c.inClear() {
		return nil, errPlain
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
}

// inClear reports whether c would send patients' data in clear beyond the machine.
func (c Config) inClear() bool {
	return c.TLSCert == "" && len(c.TrustedProxies) == 0 && !loopback(c.Listen)
}

// Exposed reports whether other machines reach a server with this configuration.
func (c Config) Exposed() bool { return len(c.TrustedProxies) > 0 || !loopback(c.Listen) }

// loopback reports whether an address to listen on is reached from this machine
// only. No host means every address of the machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return true // what is no address is refused by who listens
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// certificates are a pair of files that is read again when it changes, so that
// a renewed certificate needs no restart. A pair that can't be read is logged,
// and the one before stays in use.
type certificates struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	version string    // of the files that pair was read from, or could not be
	looked  time.Time // when the files were last looked at
}

// lookEvery is how often the files are looked at, at the most.
const lookEvery = time.Second

func (c *certificates) config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	c.pair, c.version, c.looked = &pair, c.stamp(), c.now()
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}, nil
}

// current returns the certificate to show at a handshake.
func (c *certificates) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.looked); since >= 0 && since < lookEvery {
		return c.pair
	}
	c.looked = now
	version := c.stamp()
	if version == c.version {
		return c.pair
	}
	c.version = version
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Error("the new certificate can't be used; the one before stays", "error", err)
		return c.pair
	}
	c.pair = &pair
	c.log.Info("the certificate was read again")
	return c.pair
}

// stamp tells one state of the files from another.
func (c *certificates) stamp() string {
	text := ""
	for _, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			text += fmt.Sprintln(info.Size(), info.ModTime().UnixNano())
		} else {
			text += "missing\n"
		}
	}
	return text
}
