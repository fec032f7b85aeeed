package notify_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const (
	username = "harbour"
	password = "correct horse battery"
	sender   = "Harbour Clinic <hello@clinic.example>"
)

// mailServer is an SMTP server on this machine.
type mailServer struct {
	port  int
	roots *x509.CertPool // who vouch for it

	mu     sync.Mutex
	mails  []received
	logins int
	wire   bytes.Buffer // what clients sent and were told
	onRcpt error
	onData func(*smtp.Conn) error
}

// refuse makes the server answer recipients with an error; nil ends that.
func (m *mailServer) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onRcpt = err
}

// afterData makes the server do something when it has a message, instead of
// saying yes; nil ends that.
func (m *mailServer) afterData(do func(*smtp.Conn) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onData = do
}

// received is a message with its envelope.
type received struct {
	from, to string
	text     string
}

// serve starts a server. Implicit says that it speaks TLS from the first byte;
// a server without encryption has no certificate.
func serve(t *testing.T, encryption string) *mailServer {
	t.Helper()
	m := &mailServer{}
	certificate, roots := vouched(t)
	m.roots = roots
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{m: m, conn: c}, nil }))
	s.Domain, s.AllowInsecureAuth, s.Debug, s.ErrorLog = "mail.test", true, wire{m}, log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = listener.Addr().(*net.TCPAddr).Port
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	switch encryption {
	case notify.StartTLS:
		s.TLSConfig = config
	case notify.ImplicitTLS:
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return m
}

type wire struct{ m *mailServer }

func (w wire) Write(p []byte) (int, error) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	return w.m.wire.Write(p)
}

func (m *mailServer) mail(t *testing.T, want int) []received {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mails) != want {
		t.Fatalf("the server has %d messages, want %d", len(m.mails), want)
	}
	return m.mails
}

func (m *mailServer) loggedIn() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logins
}

func (m *mailServer) heard() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wire.String()
}

// channel sends to the server as an operator would set it up.
func (m *mailServer) channel(t *testing.T, change func(*notify.SMTP)) *notify.Email {
	t.Helper()
	c := notify.SMTP{Host: "127.0.0.1", Port: m.port, From: sender, TLS: notify.NoTLS, Roots: m.roots, Timeout: 10 * time.Second}
	if change != nil {
		change(&c)
	}
	e, err := notify.NewEmail(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func encrypted(mode string) func(*notify.SMTP) {
	return func(c *notify.SMTP) { c.TLS, c.Username, c.Password = mode, username, phi.Of(password) }
}

type mailSession struct {
	m    *mailServer
	conn *smtp.Conn
	now  received
}

func (s *mailSession) Reset()                                      { s.now = received{} }
func (s *mailSession) Logout() error                               { return nil }
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.now.from = from; return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.onRcpt
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.text = string(text)
	s.m.mu.Lock()
	s.m.mails = append(s.m.mails, s.now)
	then := s.m.onData
	s.m.mu.Unlock()
	if then != nil {
		return then(s.conn)
	}
	return nil
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != username || pass != password {
			return smtp.ErrAuthFailed
		}
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.logins++
		return nil
	}), nil
}

// vouched makes a certificate for this machine.
func vouched(t *testing.T) (tls.Certificate, *x509.CertPool) {
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
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// is fails the test unless the only message has this status, class and number
// of attempts, and nobody can learn more of it than that.
func (c *clinic) is(status notify.Status, class notify.Class, attempts int) {
	c.t.Helper()
	n := c.only()
	if n.Status != status || n.LastError != class || n.Attempts != attempts || n.Channel != "email" {
		c.t.Fatalf("the message is %s %q after %d attempts by %s, want %s %q after %d", n.Status, n.LastError, n.Attempts, n.Channel, status, class, attempts)
	}
	if left := c.count(`SELECT count(*) FROM notifications WHERE sealed IS NOT NULL`) == 1; left != (status == notify.Pending) {
		c.t.Errorf("the text of a message that is %s is there: %v", status, left)
	}
	for _, secret := range []string{"Ann", "Lee", "mail.example", "mailbox", "mail.test", "127.0.0.1", password, "#"} {
		if strings.Contains(c.log.String(), secret) || strings.Contains(string(n.LastError), secret) {
			c.t.Errorf("%q is in the log or the message's error:\n%s", secret, c.log)
		}
	}
}

// later does the jobs that are due after d.
func (c *clinic) later(d time.Duration) {
	c.t.Helper()
	sqltest.ClockOf(c.DB).Advance(d)
	c.work()
}

// partsOf returns what a message says as text and as a page.
func partsOf(t *testing.T, m *mail.Message) (text, page string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the message is %q, %v", kind, err)
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // which decodes quoted-printable
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p.Header.Get("Content-Type"), string(content))
	}
	if len(parts) != 4 || parts[0] != "text/plain; charset=UTF-8" || parts[2] != "text/html; charset=UTF-8" {
		t.Fatalf("the parts are %q", parts)
	}
	return parts[1], parts[3]
}

func TestEmailGoesOut(t *testing.T) {
	for _, mode := range []string{notify.NoTLS, notify.StartTLS, notify.ImplicitTLS} {
		t.Run(mode, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				m := serve(t, mode)
				change := encrypted(mode)
				if mode == notify.NoTLS {
					change = nil
				}
				c := newClinic(t, db, m.channel(t, change))
				c.tell(c.ann, auth.MailReset)
				c.work()
				c.is(notify.Sent, "", 1)
				got := m.mail(t, 1)[0]
				if got.from != "hello@clinic.example" || got.to != annEmail {
					t.Errorf("sent from %s to %s", got.from, got.to)
				}
				if want := map[bool]int{true: 0, false: 1}[mode == notify.NoTLS]; m.loggedIn() != want {
					t.Errorf("%d logins, want %d", m.loggedIn(), want)
				}
				message, err := mail.ReadMessage(strings.NewReader(got.text))
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range map[string]string{
					"Message-ID": "<" + c.only().ID.String() + "@clinic.example>", "Date": "Sat, 13 Mar 2027 14:00:00 +0000",
					"Auto-Submitted": "auto-generated", "From": `"Harbour Clinic" <hello@clinic.example>`, "To": "<" + annEmail + ">",
					"Subject": "Set a new password", "User-Agent": "", "X-Mailer": "", "Bcc": "",
				} {
					if got := message.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				text, page := partsOf(t, message)
				if href := `<a href="https://clinic.example/account/reset#`; !strings.Contains(page, href) || !strings.Contains(page, "<p>Hello "+annName+",</p>") {
					t.Errorf("the page is\n%s", page)
				}
				if _, token := c.linkOf(text); !strings.Contains(text, "Hello "+annName+",\r\n") || !c.good(token, "reset") {
					t.Errorf("the text is\n%s", text)
				}
				c.later(48 * time.Hour)
				m.mail(t, 1)
			})
		})
	}
}

func TestWhatTheServerRefusesForGoodFails(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		m := serve(t, notify.NoTLS)
		m.refuse(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no mailbox " + annEmail})
		c := newClinic(t, db, m.channel(t, nil))
		c.tell(c.ann, auth.MailVerify)
		c.work()
		c.is(notify.Failed, notify.Rejected, 1)
		c.later(48 * time.Hour)
		c.is(notify.Failed, notify.Rejected, 1)
		if n := c.count(`SELECT count(*) FROM jobs WHERE kind = 'notify.deliver'`); n != 0 {
			t.Errorf("%d deliveries are left, want none", n)
		}

		// Sent again it has a new link, and the old one is gone.
		m.refuse(nil)
		before := c.count(`SELECT count(*) FROM account_links`)
		n, err := c.Resend(t.Context(), c.admin, c.only().ID.String())
		if err != nil || n.Status != notify.Pending || n.LastError != "" {
			t.Fatalf("resend = %+v, %v, want it pending", n, err)
		}
		if again, err := c.Resend(t.Context(), c.admin, n.ID.String()); err != nil || again.Status != notify.Pending {
			t.Errorf("resend of what is pending = %+v, %v, want it as it is", again, err)
		}
		c.work()
		c.is(notify.Sent, "", 2)
		if after := c.count(`SELECT count(*) FROM account_links`); before != 1 || after != 1 {
			t.Errorf("%d links before, %d after, want one each", before, after)
		}
		message, err := mail.ReadMessage(strings.NewReader(m.mail(t, 1)[0].text))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := partsOf(t, message)
		if _, token := c.linkOf(text); !c.good(token, "verify") {
			t.Error("the link of a message that was sent again is not good")
		}
		if _, err := c.Resend(t.Context(), c.admin, n.ID.String()); err == nil {
			t.Error("a message that was sent can be sent again")
		}
	})
}

func TestWhatTheServerPutsOffIsTriedAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		m := serve(t, notify.NoTLS)
		m.refuse(&smtp.SMTPError{Code: 451, Message: "mailbox busy"})
		c := newClinic(t, db, m.channel(t, nil))
		c.tell(c.ann, auth.NoticeKey)
		c.work()
		c.is(notify.Pending, notify.Deferred, 1)
		m.refuse(nil)
		c.later(2 * time.Second)
		c.is(notify.Sent, "", 2)
		m.mail(t, 1)
	})
}

func TestADayOfAttemptsIsEnough(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		m := serve(t, notify.NoTLS)
		m.refuse(&smtp.SMTPError{Code: 451, Message: "mailbox busy"})
		c := newClinic(t, db, m.channel(t, nil))
		c.tell(c.ann, auth.NoticeKey)
		c.work()
		c.later(24*time.Hour - time.Microsecond)
		c.is(notify.Pending, notify.Deferred, 2)
		c.later(time.Hour)
		c.is(notify.Failed, notify.Deferred, 3)
		if _, err := c.Resend(t.Context(), c.admin, c.only().ID.String()); err != nil {
			t.Fatal(err)
		}
		c.work()
		c.is(notify.Pending, notify.Deferred, 4) // for another day
		c.later(24 * time.Hour)
		c.is(notify.Failed, notify.Deferred, 5)
	})
}

// TestAServerThatDropsTheConnectionGetsTheMessageAgain shows that the repeat can
// be known by its Message-ID.
func TestAServerThatDropsTheConnectionGetsTheMessageAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		m := serve(t, notify.NoTLS)
		m.afterData(func(conn *smtp.Conn) error { return conn.Conn().Close() })
		c := newClinic(t, db, m.channel(t, nil))
		c.tell(c.ann, auth.MailReset)
		c.work()
		c.is(notify.Pending, notify.Unreachable, 1)
		m.afterData(nil)
		c.later(2 * time.Second)
		c.is(notify.Sent, "", 2)
		if mails := m.mail(t, 2); mails[0].text != mails[1].text {
			t.Errorf("the repeat differs:\n%s\n%s", mails[0].text, mails[1].text)
		}
	})
}

// TestWhatWasTakenIsSent shows that a connection that breaks after the server's
// yes makes no second message.
func TestWhatWasTakenIsSent(t *testing.T) {
	server := script(t, "220 hi", "EHLO", "250 mail.test", "MAIL", "250 ok", "RCPT", "250 ok", "DATA", "354 go", ".", "250 taken")
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), (&mailServer{port: server}).channel(t, nil))
	c.tell(c.ann, auth.MailReset)
	c.work()
	c.is(notify.Sent, "", 1)
}

// script is a server that says lines and waits for others, by turns, and then
// closes the connection.
func script(t *testing.T, lines ...string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			read := make([]byte, 1)
			for i, line := range lines {
				if i%2 == 0 {
					fmt.Fprintf(conn, "%s\r\n", line)
					continue
				}
				for got := ""; !strings.HasPrefix(got, line) || !strings.HasSuffix(got, "\r\n"); {
					if strings.HasSuffix(got, "\r\n") {
						got = ""
					}
					if _, err := conn.Read(read); err != nil {
						break
					}
					got += string(read)
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().(*net.TCPAddr).Port
}

func TestFailuresHaveClasses(t *testing.T) {
	closed := func(t *testing.T) int {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		return listener.Addr().(*net.TCPAddr).Port
	}
	hanging := func(t *testing.T) int {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // connects, for the system does, and never answers
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		return listener.Addr().(*net.TCPAddr).Port
	}
	strange := func(t *testing.T) *mailServer { // whose certificate somebody else vouches for
		m := serve(t, notify.StartTLS)
		_, m.roots = vouched(t)
		return m
	}
	tests := []struct {
		name   string
		server func(t *testing.T) *mailServer
		change func(*notify.SMTP)
		want   notify.Class
	}{
		{"nobody listens", func(t *testing.T) *mailServer { return &mailServer{port: closed(t)} }, nil, notify.Refused},
		{"it hangs", func(t *testing.T) *mailServer { return &mailServer{port: hanging(t)} }, func(c *notify.SMTP) { c.Timeout = 100 * time.Millisecond }, notify.Timeout},
		{"it hangs before TLS", func(t *testing.T) *mailServer { return &mailServer{port: hanging(t)} }, func(c *notify.SMTP) { c.TLS, c.Timeout = notify.ImplicitTLS, 100*time.Millisecond }, notify.Timeout},
		{"it has no name", func(t *testing.T) *mailServer { return &mailServer{port: 1} }, func(c *notify.SMTP) { c.Host, c.TLS = "mail.invalid", "" }, notify.Unreachable},
		{"it is not ready", func(t *testing.T) *mailServer { return &mailServer{port: script(t, "554 mailbox closed")} }, nil, notify.ServerError},
		{"it knows no STARTTLS", func(t *testing.T) *mailServer { return serve(t, notify.NoTLS) }, encrypted(notify.StartTLS), notify.TLS},
		{"it knows no TLS", func(t *testing.T) *mailServer { return serve(t, notify.NoTLS) }, encrypted(notify.ImplicitTLS), notify.TLS},
		{"it is somebody else", strange, encrypted(notify.StartTLS), notify.TLS},
		{"the password is wrong", func(t *testing.T) *mailServer { return serve(t, notify.StartTLS) }, func(c *notify.SMTP) {
			c.TLS, c.Username, c.Password = notify.StartTLS, username, phi.Of("wrong")
		}, notify.Login},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.server(t)
			c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), m.channel(t, tt.change))
			c.tell(c.ann, auth.MailReset)
			c.work()
			c.is(notify.Pending, tt.want, 1)
			m.mail(t, 0)
			heard := m.heard()
			for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + password))} {
				if tt.want == notify.TLS && strings.Contains(heard, secret) {
					t.Errorf("the server heard %q without encryption:\n%s", secret, heard)
				}
			}
		})
	}
}

// byHand is a channel that does what a test says.
type byHand func() error

func (byHand) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Email, nil
}

func (byHand) Name() string { return "email" }

func (byHand) Keeps() bool { return false }

func (send byHand) Send(context.Context, notify.Message) error { return send() }

// TestAnAttemptThatTookTooLongDecidesNothing lets a second attempt begin, and
// fail for now, while the first is still at work.
func TestAnAttemptThatTookTooLongDecidesNothing(t *testing.T) {
	for _, late := range []error{nil, &notify.Failure{Class: notify.Rejected, Final: true}, &notify.Failure{Class: notify.Timeout}} {
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			var c *clinic
			attempt := 0
			c = newClinic(t, db, byHand(func() error {
				if attempt++; attempt == 2 {
					return &notify.Failure{Class: notify.Deferred}
				}
				c.later(time.Minute)
				return late
			}))
			c.tell(c.ann, auth.MailReset)
			c.work()
			c.is(notify.Pending, notify.Deferred, 2)
		})
	}
}

// TestAChannelThatIsGone shows what becomes of messages when a mail server is
// not set up any more.
func TestAChannelThatIsGone(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	c := newClinic(t, db, (&mailServer{port: 1}).channel(t, nil))
	c.tell(c.ann, auth.MailReset)
	c.work()
	c.is(notify.Pending, notify.Refused, 1)
	c.Channels = nil
	c.later(24 * time.Hour)
	c.is(notify.Failed, notify.NoChannel, 2)
	n, err := c.Resend(t.Context(), c.admin, c.only().ID.String())
	if err != nil || n.Status != notify.Sent || n.Channel != "outbox" {
		t.Fatalf("resend = %+v, %v, want it in the outbox", n, err)
	}
	if _, token := c.linkOf(c.read(n.ID).Text.Reveal()); !c.good(token, "reset") {
		t.Error("the link in the outbox is not good")
	}
}

func TestALostKeyIsAClass(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	m := serve(t, notify.NoTLS)
	c := newClinic(t, db, m.channel(t, nil))
	c.tell(c.ann, auth.MailReset)
	m.refuse(&smtp.SMTPError{Code: 451, Message: "mailbox busy"})
	c.work()
	c.update(execute(`UPDATE notifications SET sealed = $1`, []byte("something else")))
	m.refuse(nil)
	c.later(2 * time.Second)
	c.is(notify.Pending, notify.Unreadable, 2)
	m.mail(t, 0)
}

func TestHeadersCanNotBeInjected(t *testing.T) {
	m := serve(t, notify.NoTLS)
	e := m.channel(t, nil)
	good := notify.Message{To: phi.Of(annEmail), Subject: "Subject", Text: phi.Of("Text\n.\nQUIT\n"), At: sqltest.Start}
	for _, to := range []string{"", "ann", "Ann <" + annEmail + ">", annEmail + "\r\nBcc: eve@mail.example", annEmail + ">\r\nRCPT TO:<eve@mail.example", annEmail + ", eve@mail.example", "\"a\r\nb\"@mail.example", "a\x00@mail.example"} {
		bad := good
		bad.To = phi.Of(to)
		unsendable(t, e, bad)
	}
	for _, subject := range []string{"a\r\nBcc: eve@mail.example", "a\nb", "a\x00", "\xff"} {
		bad := good
		bad.Subject = subject
		unsendable(t, e, bad)
	}
	m.mail(t, 0)
	if err := e.Send(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if text := m.mail(t, 1)[0].text; !strings.HasSuffix(text, "Text\r\n.\r\nQUIT\r\n") {
		t.Errorf("a dot ended the text:\n%q", text)
	}
}

func unsendable(t *testing.T, e *notify.Email, m notify.Message) {
	t.Helper()
	f, ok := e.Send(t.Context(), m).(*notify.Failure) //nolint:errorlint // the channel promises the type itself
	if !ok || f.Class != notify.Unsendable || !f.Final {
		t.Errorf("%q, %q: %v, want unsendable for good", m.To.Reveal(), m.Subject, f)
	}
}

func TestMailServersThatCanNotBe(t *testing.T) {
	good := notify.SMTP{Host: "mail.example", From: sender}
	for name, change := range map[string]func(*notify.SMTP){
		"no host":                   func(c *notify.SMTP) { c.Host = "" },
		"no sender":                 func(c *notify.SMTP) { c.From = "" },
		"no address":                func(c *notify.SMTP) { c.From = "Harbour Clinic" },
		"two lines":                 func(c *notify.SMTP) { c.From = "Harbour\r\n <hello@clinic.example>" },
		"unknown encryption":        func(c *notify.SMTP) { c.TLS = "perhaps" },
		"none, elsewhere":           func(c *notify.SMTP) { c.TLS = notify.NoTLS },
		"none, at an address":       func(c *notify.SMTP) { c.TLS, c.Host = notify.NoTLS, "192.0.2.1" },
		"none, nearly here":         func(c *notify.SMTP) { c.TLS, c.Host = notify.NoTLS, "localhost.example" },
		"none, with a password":     func(c *notify.SMTP) { c.TLS, c.Host, c.Username = notify.NoTLS, "localhost", username },
		"none, with a password, v6": func(c *notify.SMTP) { c.TLS, c.Host, c.Username = notify.NoTLS, "::1", username },
	} {
		c := good
		c.Password = phi.Of(password)
		change(&c)
		if _, err := notify.NewEmail(c); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%s: error %v, want one", name, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, password) {
			t.Errorf("%s: printed, the password shows: %s", name, text)
		}
	}
	if _, err := notify.NewEmail(good); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := notify.NewEmail(notify.SMTP{Host: host, From: sender, TLS: notify.NoTLS}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
