package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"medbook/internal/federation/federationtest"
)

// What the pages say the clinic was given by whom it deals with.
const (
	mailUser, mailPassword = "medbook@clinic.example", "a password of the mail server"
	smsToken               = "a token of the SMS service"
)

// mailbox is a mail server on this machine that takes all messages, of who signs in.
type mailbox struct {
	address, implicit string // with STARTTLS; with TLS from the first byte
	roots             string // file with who vouches for it

	mu    sync.Mutex
	taken int
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{}
	certificate, root := vouched(t)
	m.roots = write(t, "roots.pem", root)
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{m: m}, nil }))
	s.Domain, s.ErrorLog, s.TLSConfig = "mail.example", log.New(io.Discard, "", 0), &tls.Config{Certificates: []tls.Certificate{certificate}}
	var serving sync.WaitGroup
	serve := func(encrypted bool) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if encrypted {
			listener = tls.NewListener(listener, s.TLSConfig)
		}
		serving.Go(func() { _ = s.Serve(listener) })
		return address
	}
	m.address, m.implicit = serve(false), serve(true)
	t.Cleanup(func() {
		s.Close()
		serving.Wait()
	})
	return m
}

func (m *mailbox) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken
}

// mailSession is one client's talk with the server.
type mailSession struct {
	m  *mailbox
	in bool
}

func (s *mailSession) Reset()                               {}
func (s *mailSession) Logout() error                        { return nil }
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.taken++
	return nil
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

// vouched makes a certificate of this machine, and says in PEM who vouches for it.
func vouched(t *testing.T) (certificate tls.Certificate, root string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(text)
}

// telephones is an SMS service on this machine, at /v1/messages.
type telephones struct {
	url string

	mu    sync.Mutex
	taken int
}

func newTelephones(t *testing.T) *telephones {
	t.Helper()
	s := &telephones{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fields struct{ To, Text string }
		switch {
		case r.Header.Get("Authorization") != "Bearer "+smsToken:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/v1/messages" || json.NewDecoder(r.Body).Decode(&fields) != nil || fields.To == "" || fields.Text == "":
			w.WriteHeader(http.StatusBadRequest)
		default:
			s.mu.Lock()
			s.taken++
			s.mu.Unlock()
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *telephones) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// signsEverybodyIn is an identity provider that takes whoever comes for the same
// person, without asking.
func signsEverybodyIn(t *testing.T) *federationtest.Issuer {
	t.Helper()
	issuer := federationtest.New(t, "hospital", time.Now)
	issuer.SignIn(federationtest.Map{"sub": "00u1", "name": "Mina Park", "email": "mina@clinic.example", "roles": []string{"clinic-doctor"}})
	return issuer
}
