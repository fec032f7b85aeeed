package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/keyring"
	"medbook/internal/sqldb/sqltest"
)

// TestPlainHTTPStaysOnTheMachine shows that no address is taken, and no
// database made, for plain HTTP that others can reach.
func TestPlainHTTPStaysOnTheMachine(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0", "[fe80::1]:0"} {
		path := filepath.Join(t.TempDir(), "medbook.db")
		c := Config{Listen: address, Database: "sqlite:" + path, Log: NewLog(io.Discard)}
		if !c.Exposed() {
			t.Errorf("%s is not known to be reached by others", address)
		}
		a, err := New(t.Context(), c)
		if a != nil || err == nil || !strings.Contains(err.Error(), "--tls-cert") || !strings.Contains(err.Error(), "--trusted-proxies") {
			t.Errorf("%s: %v, want a refusal that says what to do", address, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: the database was made", address)
		}
	}
	for _, c := range []Config{
		{Listen: "127.0.0.1:0"},
		{Listen: "localhost:0"},
		{Listen: "127.0.0.1:0", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	} {
		c.Database, c.Log, c.Keys = sqltest.SQLite(t), NewLog(io.Discard), newKeys(t)
		if c.Exposed() != (len(c.TrustedProxies) > 0) {
			t.Errorf("%s with %d proxies: exposed %v", c.Listen, len(c.TrustedProxies), c.Exposed())
		}
		a, err := New(t.Context(), c)
		if err != nil {
			t.Errorf("%s: %v", c.Listen, err)
			continue
		}
		if !strings.HasPrefix(a.URL(), "http://127.0.0.1:") {
			t.Errorf("%s: its address is %s", c.Listen, a.URL())
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	// 192.0.2.1 is nobody's address: that it can't be taken shows that it was tried.
	for _, c := range []Config{
		{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		newCertificate(t, t.TempDir(), 1).config(),
	} {
		c.Listen, c.Database, c.Log, c.Keys = "192.0.2.1:0", sqltest.SQLite(t), NewLog(io.Discard), newKeys(t)
		if a, err := New(t.Context(), c); a != nil || err == nil || !strings.Contains(err.Error(), "bind") {
			t.Errorf("%+v: %v, want that the address is tried", c, err)
		}
	}
}

func newKeys(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// certificate is one for 127.0.0.1, signed by itself, in two files.
type certificate struct{ cert, key string }

func newCertificate(t *testing.T, folder string, serial int64) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "clinic"}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := certificate{filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")}
	replace(t, c.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	replace(t, c.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	return c
}

// replace writes a file as certificate managers do, in one step.
func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (c certificate) config() Config { return Config{TLSCert: c.cert, TLSKey: c.key} }

// shared is a buffer and a clock that a server and a test use at once.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
	time time.Time
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *shared) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time
}

func (s *shared) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.time = s.time.Add(d)
}

// secured is a server that speaks TLS.
type secured struct {
	t      *testing.T
	files  certificate
	url    string
	shared *shared
}

// serveTLS serves with a server like that of the program.
func serveTLS(t *testing.T) *secured {
	t.Helper()
	s := &secured{t: t, files: newCertificate(t, t.TempDir(), 1), shared: &shared{time: sqltest.Start}}
	log := NewLog(s.shared)
	files := &certificates{cert: s.files.cert, key: s.files.key, now: s.shared.now, log: log}
	server := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), log)
	var err error
	if server.TLSConfig, err = files.config(); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "https://" + listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// client returns one that takes any certificate, to tell them by their number.
func (s *secured) client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask returns the number of the certificate that a request sees, and whether it
// went over a connection that was there.
func (s *secured) ask(h *http.Client) (serial int64, reused bool) {
	s.t.Helper()
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/healthz", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := h.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	return answer.TLS.PeerCertificates[0].SerialNumber.Int64(), reused
}

func (s *secured) wants(serial int64, when string) {
	s.t.Helper()
	if got, _ := s.ask(s.client()); got != serial {
		s.t.Errorf("%s: a new connection gets certificate %d, want %d", when, got, serial)
	}
}

func TestACertificateIsReplacedWhileConnectionsAreOpen(t *testing.T) {
	s := serveTLS(t)
	open := s.client()
	if got, reused := s.ask(open); got != 1 || reused {
		t.Fatalf("got certificate %d, reused %v", got, reused)
	}
	newCertificate(t, filepath.Dir(s.files.cert), 2)
	s.wants(1, "within the second")
	s.shared.advance(time.Second)
	s.wants(2, "after a second")
	if got, reused := s.ask(open); got != 1 || !reused {
		t.Errorf("the open connection: certificate %d, reused %v, want the first, over the same connection", got, reused)
	}
	s.shared.advance(-time.Hour) // the machine's clock was set back
	newCertificate(t, filepath.Dir(s.files.cert), 3)
	s.wants(3, "after the clock was set back")
}

func TestABrokenCertificateLeavesTheOldOne(t *testing.T) {
	s := serveTLS(t)
	s.wants(1, "first")
	good, err := os.ReadFile(s.files.key)
	if err != nil {
		t.Fatal(err)
	}
	complaints := func() int { return strings.Count(s.shared.String(), "can't be used") }
	for i, breakIt := range []func(){
		func() { replace(t, s.files.key, []byte("canary")) },
		func() { replace(t, s.files.key, bytes.ToLower(good)) },
		func() {
			if err := os.Remove(s.files.key); err != nil {
				t.Fatal(err)
			}
		},
	} {
		breakIt()
		for range 3 {
			s.shared.advance(time.Minute)
			s.wants(1, "with a broken key")
		}
		if got := complaints(); got != i+1 {
			t.Errorf("it was said %d times, want %d:\n%s", got, i+1, s.shared)
		}
	}
	if strings.Contains(s.shared.String(), "canary") {
		t.Errorf("the log has what is in the file:\n%s", s.shared)
	}
	newCertificate(t, filepath.Dir(s.files.cert), 2)
	s.shared.advance(time.Second)
	s.wants(2, "with a good one")
	if got := complaints(); got != 3 {
		t.Errorf("it was said %d times", got)
	}
}

func TestOldTLSIsRefusedAndTheLogNamesNobody(t *testing.T) {
	s := serveTLS(t)
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	s.wants(1, "afterwards")
	if s.shared.String() != "" {
		t.Errorf("the log tells of handshakes:\n%s", s.shared)
	}
	answer, err := http.Get("http" + strings.TrimPrefix(s.url, "https") + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP gets %d, want 400", answer.StatusCode)
	}
}

func TestACertificateIsWholeOrRefused(t *testing.T) {
	c, other := newCertificate(t, t.TempDir(), 1), newCertificate(t, t.TempDir(), 2)
	for _, tt := range []struct {
		name  string
		files certificate
		says  string
	}{
		{"another's key", certificate{c.cert, other.key}, "match"},
		{"swapped", certificate{c.key, c.cert}, "switched"},
		{"not there", certificate{c.cert + "x", c.key}, c.cert + "x"},
	} {
		config := tt.files.config()
		config.Listen, config.Database, config.Log, config.Keys = "127.0.0.1:0", sqltest.SQLite(t), NewLog(io.Discard), newKeys(t)
		if a, err := New(t.Context(), config); a != nil || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want an error that says %q", tt.name, err, tt.says)
		}
	}
}

// TestTheServersOwnWordsNameNobody logs what net/http says of connections.
func TestTheServersOwnWordsNameNobody(t *testing.T) {
	s := &shared{}
	log := newServer(nil, NewLog(s)).ErrorLog
	log.Print("http2: server: error reading preface from client 192.0.2.7:1234: timeout")
	log.Print("http: panic serving [2001:db8::1]:99: boom")
	log.Print("http: TLS handshake error from 192.0.2.7:1: EOF")
	if text := s.String(); strings.Contains(text, "192.0.2.7") || strings.Contains(text, "2001") || strings.Count(text, "\n") != 2 || !strings.Contains(text, "timeout") {
		t.Errorf("the log is\n%s", text)
	}
}

// talk sends text to a server, a little at a time if it is slow, and returns what
// comes back until the connection ends.
func talk(t *testing.T, address, text string) string {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c) // ends when the server has had enough
	return string(answer)
}

// TestSlowAndHugeRequests leaves headers and bodies unfinished, and sends too much.
// The limits are those of the program, the times shorter.
func TestSlowAndHugeRequests(t *testing.T) {
	database := sqltest.SQLite(t)
	a, err := New(t.Context(), Config{Listen: "127.0.0.1:0", Database: database, Log: NewLog(io.Discard), Keys: newKeys(t)})
	if err != nil {
		t.Fatal(err)
	}
	if s := a.server; s.ReadHeaderTimeout > 10*time.Second || s.ReadTimeout > time.Minute || s.WriteTimeout > time.Minute || s.IdleTimeout > 2*time.Minute || s.ReadHeaderTimeout <= 0 || s.IdleTimeout <= 0 {
		t.Errorf("the times are %s, %s, %s, %s", s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
	}
	a.server.ReadHeaderTimeout, a.server.ReadTimeout, a.server.IdleTimeout = 200*time.Millisecond, 400*time.Millisecond, 200*time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- a.serve() }()
	t.Cleanup(func() {
		if err := errors.Join(a.server.Close(), a.DB.Close()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	const head = "Host: x\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"half a header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: a", ""},
		{"a header that is too long", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"half a body", "POST /v1/auth/login HTTP/1.1\r\n" + head + "Content-Length: 100\r\n\r\n{\"email\":", "HTTP/1.1 408 "},
		{"a body that is too long", "POST /v1/auth/login HTTP/1.1\r\n" + head + "Content-Length: 2000000\r\n\r\n", "HTTP/1.1 413 "},
		{"a body of two lengths", "POST /v1/auth/login HTTP/1.1\r\n" + head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 400 "},
		{"a body with a length and in chunks", "POST /v1/auth/login HTTP/1.1\r\n" + head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n", "HTTP/1.1 4"},
		{"a request that goes on being none", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
	} {
		got := talk(t, a.listener.Addr().String(), tt.text)
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: answered %.200q, want %q", tt.name, got, tt.want)
		}
	}
}
