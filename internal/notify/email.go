package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// How the connection to a mail server is encrypted.
const (
	StartTLS    = "starttls" // after STARTTLS, or not used
	ImplicitTLS = "implicit" // from the first byte
	NoTLS       = "none"     // for a server on this machine
)

// SMTP says by which server e-mail goes out. The zero SMTP is none.
type SMTP struct {
	Host     string
	Port     int               // 587, 465 or 25 when zero, by TLS
	Username string            // empty: no login
	Password phi.Value[string] // not personal, but as little to be printed
	From     string            // an address, perhaps with a name: "Clinic <hello@clinic.example>"
	TLS      string            // StartTLS when empty
	Roots    *x509.CertPool    // who may vouch for the server; nil: whom the system trusts
	Timeout  time.Duration     // of one message, from connecting to the answer; 30 s when zero
}

// Email sends messages through an SMTP server. Make it with NewEmail.
type Email struct {
	smtp   SMTP
	from   *netmail.Address
	domain string
}

// NewEmail returns a channel that sends as c says. The error says what of c
// can't be; the server is not asked.
func NewEmail(c SMTP) (*Email, error) {
	from, err := netmail.ParseAddress(c.From)
	if err != nil || !oneLine(c.From) {
		return nil, errors.New("the sender of e-mail is not an address")
	}
	e := &Email{smtp: c, from: from, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}
	ports := map[string]int{StartTLS: 587, ImplicitTLS: 465, NoTLS: 25}
	if c.TLS == "" {
		e.smtp.TLS = StartTLS
	}
	switch {
	case c.Host == "":
		return nil, errors.New("the mail server has no name")
	case ports[e.smtp.TLS] == 0:
		return nil, errors.New("the encryption of e-mail is one of starttls, implicit, none")
	case e.smtp.TLS == NoTLS && !loopback(c.Host):
		return nil, errors.New("e-mail goes out without encryption only to a server on this machine")
	case e.smtp.TLS == NoTLS && c.Username != "":
		return nil, errors.New("a password is not sent over a connection without encryption")
	}
	if e.smtp.Port == 0 {
		e.smtp.Port = ports[e.smtp.TLS]
	}
	if e.smtp.Timeout == 0 {
		e.smtp.Timeout = 30 * time.Second
	}
	return e, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Address returns the user's e-mail address.
func (*Email) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Email, nil
}

// Name returns "email".
func (*Email) Name() string { return "email" }

// Keeps returns false.
func (*Email) Keeps() bool { return false }

// Send hands the message to the server. What the server took is sent, even if
// the connection breaks after that.
func (e *Email) Send(ctx context.Context, m Message) error {
	msg, err := e.message(m)
	if err != nil {
		return &Failure{Class: Unsendable, Final: true}
	}
	// go-mail renews its deadline with each step, and leaves the connection open when
	// the greeting or the login fails: ours is closed when ctx ends, at the latest below.
	ctx, cancel := context.WithTimeout(ctx, e.smtp.Timeout)
	defer cancel()
	client, err := e.client(ctx, m)
	if err != nil {
		return &Failure{Class: Unsendable}
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return beforehand(ctx, err)
	}
	err = client.SendWithSMTPClient(conversation, msg)
	if err == nil || msg.IsDelivered() {
		_ = client.CloseWithSMTPClient(conversation) // says goodbye; the message is there
		return nil
	}
	return onSending(ctx, err)
}

// message builds what is sent. Every header is a constant, made by us, or judged
// to be one line.
func (e *Email) message(m Message) (*mail.Msg, error) {
	to := m.To.Reveal()
	a, err := netmail.ParseAddress(to)
	if err != nil || a.Address != to || !oneLine(to) || !oneLine(m.Subject) {
		return nil, errors.New("an address or a subject is not one line")
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithBoundary("part-"+m.ID.String())) // a repeat is the same to the byte
	msg.FromMailAddress(e.from)
	msg.ToMailAddress(&netmail.Address{Address: to})
	msg.SetMessageIDWithValue(m.Key + "@" + e.domain)
	msg.SetDateWithValue(m.At.UTC())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Text.Reveal())
	if page := m.HTML.Reveal(); page != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, page)
	}
	return msg, nil
}

func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// client returns a client for one message.
func (e *Email) client(ctx context.Context, m Message) (*mail.Client, error) {
	config := &tls.Config{ServerName: e.smtp.Host, RootCAs: e.smtp.Roots, MinVersion: tls.VersionTLS12}
	options := []mail.Option{
		mail.WithPort(e.smtp.Port), mail.WithTimeout(e.smtp.Timeout), mail.WithTLSConfig(config),
		mail.WithTLSPolicy(mail.NoTLS), mail.WithDialContextFunc(e.dial(ctx, config)), mail.WithoutNoop(),
	}
	if e.smtp.TLS == StartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if e.smtp.Username != "" {
		options = append(options, mail.WithUsername(e.smtp.Username), mail.WithPassword(e.smtp.Password.Reveal()),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	if ascii(e.from.Address) && ascii(m.To.Reveal()) {
		options = append(options, mail.WithoutSMTPUTF8()) // the next server may not know it, and we do not need it
	}
	return mail.NewClient(e.smtp.Host, options...)
}

// dial returns what connects to the server, and closes the connection when ctx ends.
func (e *Email) dial(ctx context.Context, config *tls.Config) mail.DialContextFunc {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if e.smtp.TLS != ImplicitTLS {
			return conn, nil
		}
		encrypted := tls.Client(conn, config)
		return encrypted, encrypted.HandshakeContext(ctx)
	}
}

// beforehand classifies what went wrong before the message was offered. It is
// never final: the message is not at fault, and whoever runs the servers may be
// about to correct it.
func beforehand(ctx context.Context, err error) *Failure {
	var reply *textproto.Error
	switch {
	case !errors.As(err, &reply):
		return broken(ctx, err)
	case reply.Code == 535 || reply.Code == 534 || reply.Code == 538:
		return &Failure{Class: Login}
	}
	return &Failure{Class: ServerError}
}

// onSending classifies what went wrong with the message itself.
func onSending(ctx context.Context, err error) *Failure {
	var failed *mail.SendError
	if errors.As(err, &failed) {
		switch code := failed.ErrorCode(); {
		case code >= 500:
			return &Failure{Class: Rejected, Final: true}
		case code >= 400:
			return &Failure{Class: Deferred}
		}
	}
	return broken(ctx, err)
}

// broken classifies errors of connections.
func broken(ctx context.Context, err error) *Failure {
	var slow net.Error
	var alert tls.AlertError
	var header tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return &Failure{Class: Timeout}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Failure{Class: Refused}
	case errors.As(err, &alert), errors.As(err, &header), errors.As(err, &certificate),
		strings.Contains(err.Error(), "does not support STARTTLS"): // go-mail has no name for this error
		return &Failure{Class: TLS}
	}
	return &Failure{Class: Unreachable}
}
