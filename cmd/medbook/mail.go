package main

import (
	"errors"
	"net"
	"strconv"

	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/settings"
)

// mailing are the flags of how messages go out.
type mailing struct {
	SMTP         string          `name:"smtp" env:"MEDBOOK_SMTP" placeholder:"HOST:PORT" help:"Mail server. Without one, messages stay in the outbox, where admins read them."`
	SMTPFrom     string          `name:"smtp-from" env:"MEDBOOK_SMTP_FROM" placeholder:"ADDRESS" help:"Sender of e-mail, such as 'Clinic <hello@clinic.example>'."`
	SMTPUser     string          `name:"smtp-user" env:"MEDBOOK_SMTP_USER" placeholder:"NAME" help:"User name at the mail server."`
	SMTPPassword settings.Secret `name:"smtp-password-file" env:"MEDBOOK_SMTP_PASSWORD_FILE" placeholder:"FILE" help:"File with the password at the mail server."`
	SMTPTLS      string          `name:"smtp-tls" env:"MEDBOOK_SMTP_TLS" enum:"starttls,implicit,none," default:"starttls" placeholder:"MODE" help:"Encryption: starttls, implicit, or none, to a server on this machine only. Default: ${default}."`
}

// server returns the mail server that the flags name, if they name one.
func (m mailing) server() (s notify.SMTP, err error) {
	if m.SMTP == "" {
		return s, nil
	}
	password, err := m.SMTPPassword.Read()
	if err != nil {
		return s, err
	}
	s = notify.SMTP{Username: m.SMTPUser, Password: phi.Of(password), From: m.SMTPFrom, TLS: m.SMTPTLS}
	host, port, err := net.SplitHostPort(m.SMTP)
	if err != nil || host == "" {
		return s, errors.New("--smtp takes HOST:PORT")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return s, errors.New("--smtp takes HOST:PORT, with a port from 1 to 65535")
	}
	s.Host, s.Port = host, int(n)
	return s, nil
}
