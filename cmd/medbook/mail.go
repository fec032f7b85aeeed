package main

import (
	"errors"
	"net"
	"strconv"

	"medbook/internal/notify"
	"medbook/internal/phi"
)

// mailing are the flags of how messages go out.
type mailing struct {
	SMTP     string `name:"smtp" env:"MEDBOOK_SMTP" placeholder:"HOST:PORT" help:"Mail server. Without one, messages stay in the outbox, where admins read them."`
	SMTPFrom string `name:"smtp-from" env:"MEDBOOK_SMTP_FROM" placeholder:"ADDRESS" help:"Sender of e-mail, such as 'Clinic <hello@clinic.example>'."`
	SMTPUser string `name:"smtp-user" env:"MEDBOOK_SMTP_USER" placeholder:"NAME" help:"User name at the mail server. The password comes from $$MEDBOOK_SMTP_PASSWORD, or from the file that $$MEDBOOK_SMTP_PASSWORD_FILE names."`
	SMTPTLS  string `name:"smtp-tls" env:"MEDBOOK_SMTP_TLS" enum:"starttls,implicit,none," default:"starttls" placeholder:"MODE" help:"Encryption: starttls, implicit, or none, to a server on this machine only. Default: ${default}."`
}

// server returns the mail server that the flags name, if they name one.
func (m mailing) server() (s notify.SMTP, err error) {
	if m.SMTP == "" {
		return s, nil
	}
	password, err := secret("SMTP_PASSWORD")
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
		return s, errors.New("the mail server's port is not a number from 1 to 65535")
	}
	s.Host, s.Port = host, int(n)
	return s, nil
}
