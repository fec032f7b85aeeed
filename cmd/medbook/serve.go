package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/federation"
	"medbook/internal/keyring"
	"medbook/internal/origin"
	"medbook/internal/settings"
)

const (
	defaultListen   = "127.0.0.1:8080"
	defaultDatabase = "sqlite:./data/medbook.db"
)

// storage is the flag of every command that works on a database.
type storage struct {
	Database    string          `env:"MEDBOOK_DATABASE_URL" placeholder:"URL" help:"Where the data is: sqlite:PATH or postgres://HOST/NAME. An address with a password is given by the variable only, or by a file. Default: ${database}."`
	DatabaseURL settings.Secret `name:"database-url-file" env:"MEDBOOK_DATABASE_URL_FILE" placeholder:"FILE" help:"File that has the address, which may then hold a password."`
}

// url treats an empty value like none.
func (s storage) url() (string, error) {
	if s.Database != "" {
		return s.Database, nil
	}
	given, err := s.DatabaseURL.Read()
	return cmp.Or(given, defaultDatabase), err
}

// listening is the flag of every command that listens.
type listening struct {
	Listen string `env:"MEDBOOK_LISTEN" default:"${listen}" placeholder:"HOST:PORT" help:"Address to listen on; port 0 takes a free one. Default: ${default}."`
}

// address treats an empty value like none: to net.Listen it means every address
// of the machine.
func (l listening) address() string { return cmp.Or(l.Listen, defaultListen) }

// edges are the flags of how the world reaches the server.
type edges struct {
	TLSCert           string `name:"tls-cert" env:"MEDBOOK_TLS_CERT" placeholder:"FILE" help:"Certificate chain, PEM. It is read again when it changes."`
	TLSKey            string `name:"tls-key" env:"MEDBOOK_TLS_KEY" placeholder:"FILE" help:"Its key, PEM."`
	TrustedProxies    string `env:"MEDBOOK_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Networks of the proxies before the server that do TLS, whose X-Forwarded-For and X-Forwarded-Proto count."`
	PublicURL         string `name:"public-url" env:"MEDBOOK_PUBLIC_URL" placeholder:"URL" help:"Where people reach the server, for links in messages. Default: its own address."`
	RequireFactor     string `env:"MEDBOOK_REQUIRE_FACTOR" placeholder:"ROLE,…" help:"Roles whose sessions need a second factor, or none. Default: practitioner, admin and auditor where other machines reach the server, else none."`
	IdentityProviders string `env:"MEDBOOK_IDENTITY_PROVIDERS" placeholder:"FILE" help:"JSON file of the OpenID Connect providers at which people may sign in; see docs/security.md."`
	ClinicName        string `env:"MEDBOOK_CLINIC_NAME" placeholder:"NAME" help:"What the clinic is called, whatever an admin sets. Default: what is set, or Medbook."`
}

// into adds the flags to a configuration.
func (e edges) into(c *app.Config) error {
	if (e.TLSCert == "") != (e.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	proxies, ok := origin.ParseProxies(e.TrustedProxies)
	if !ok {
		return errors.New("--trusted-proxies takes addresses and prefixes, such as 10.0.0.0/8, with commas between")
	}
	if u, err := url.Parse(e.PublicURL); e.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("--public-url takes an address such as https://clinic.example")
	}
	c.TLSCert, c.TLSKey, c.TrustedProxies, c.PublicURL, c.Clinic = e.TLSCert, e.TLSKey, proxies, e.PublicURL, e.ClinicName
	var err error
	if c.RequireFactor, err = e.requireFactor(c.Exposed()); err != nil {
		return err
	}
	c.Providers, err = e.providers()
	return err
}

// providers reads the file of identity providers, if there is one.
func (e edges) providers() ([]federation.Issuer, error) {
	if e.IdentityProviders == "" {
		return nil, nil
	}
	f, err := os.Open(e.IdentityProviders)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := federation.Load(f)
	for _, i := range all {
		for _, ours := range i.Roles {
			if _, ok := auth.ParseRole(ours); !ok {
				return nil, fmt.Errorf("identity provider %q maps to %q, which is no role", i.Name, ours)
			}
		}
	}
	return all, err
}

// requireFactor returns the roles that need a second factor: unless it is said,
// those that read others' data, where others can reach the server.
func (e edges) requireFactor(exposed bool) (roles []auth.Role, err error) {
	switch {
	case e.RequireFactor == "none", e.RequireFactor == "" && !exposed:
		return nil, nil
	case e.RequireFactor == "":
		return []auth.Role{auth.Practitioner, auth.Admin, auth.Auditor}, nil
	}
	for name := range strings.SplitSeq(e.RequireFactor, ",") {
		role, ok := auth.ParseRole(strings.TrimSpace(name))
		if !ok {
			return nil, errors.New("--require-factor takes patient, practitioner, admin and auditor with commas between, or none")
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// serve runs the server.
type serve struct {
	listening
	storage
	keyFile
	edges
	restraints
	mailing
	delivery
	trail
	masterKey
	watching
	WebhooksAllowPrivate bool `env:"MEDBOOK_WEBHOOKS_ALLOW_PRIVATE" help:"Let webhooks lead to addresses within the clinic's own net, and without TLS to this machine."`

	Drain            time.Duration `env:"MEDBOOK_DRAIN" default:"0s" placeholder:"DURATION" help:"For how long a server that was told to stop goes on, saying at /readyz that it is not ready, so that a balancer looks elsewhere first. Default: ${default}."`
	AllowNewerSchema bool          `env:"MEDBOOK_ALLOW_NEWER_SCHEMA" help:"Start over a database that a newer version has brought up to date, if that version says that this one may: to go back after an upgrade."`

	RetainRecords int `env:"MEDBOOK_RETAIN_RECORDS" default:"3653" placeholder:"DAYS" help:"For how many days after the latest encounter a patient's record must be kept and can't be erased; 0: not at all. Default: ${default}, ten years."`
}

// Help says what the summary has no room for.
func (serve) Help() string {
	return `The database is made or brought up to date first. The log is written to stderr, a line of JSON each; the line "listening" tells the address. While there are no users, a link is printed with which the first admin is made.

On SIGTERM or an interrupt the server waits for --drain, takes no new requests, finishes the ones that are running (at most 30 seconds), and exits with 0.

Other machines are served over TLS only: by --tls-cert and --tls-key, or by a proxy that --trusted-proxies names.`
}

// Run returns when ctx ends and all running requests are finished.
func (s serve) Run(ctx context.Context, o output) error {
	c, err := s.configuration(o)
	if err != nil {
		return err
	}
	if c.Keys, err = s.ring(c.Database, keyring.OpenOrCreate); err != nil {
		return err
	}
	if c.Masters, err = s.masters(s.keyFile, c.Keys, c.Database); err != nil {
		return err
	}
	a, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	if err := invite(ctx, o.stdout, a); err != nil {
		return errors.Join(err, a.Close())
	}
	return a.Run(ctx)
}

// configuration returns what the settings say, all but the keys. It opens and makes
// nothing.
func (s serve) configuration(o output) (c app.Config, err error) {
	database, err := s.url()
	if err != nil {
		return c, err
	}
	c = app.Config{Listen: s.address(), Database: database, Log: app.NewLog(o.stderr)}
	if err := errors.Join(s.edges.into(&c), s.restraints.into(&c), s.delivery.into(&c), s.watching.into(&c), s.trail.into(&c, s.keyFile.path(database))); err != nil {
		return c, err
	}
	if s.RetainRecords < 0 {
		return c, errors.New("--retain-records can't be negative; 0 means that nothing must be kept")
	}
	if s.Drain < 0 {
		return c, errors.New("--drain can't be negative; 0 means that the server stops at once")
	}
	c.RetainRecords, c.WebhooksAllowPrivate = s.RetainRecords, s.WebhooksAllowPrivate
	c.Drain, c.AllowNewerSchema = s.Drain, s.AllowNewerSchema
	c.Mail, err = s.server()
	return c, err
}

// invite prints the link that sets up a clinic that has no users.
func invite(ctx context.Context, w io.Writer, a *app.App) error {
	link, err := a.SetUpURL(ctx)
	if err != nil || link == "" {
		return err
	}
	_, err = fmt.Fprintf(w, "This clinic has no users yet. Make its first admin here, within the hour:\n\n  %s\n\n", link)
	return err
}
