package main

import (
	"cmp"
	"context"

	"medbook/internal/app"
)

const (
	defaultListen   = "127.0.0.1:8080"
	defaultDatabase = "sqlite:./data/medbook.db"
)

// storage is the flag of every command that works on a database.
type storage struct {
	Database string `default:"${database}" env:"MEDBOOK_DATABASE_URL" placeholder:"URL" help:"Where the data is: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Default: ${default}."`
}

// url treats an empty value like none: containers like to set variables to nothing.
func (s storage) url() string { return cmp.Or(s.Database, defaultDatabase) }

// listening is the flag of every command that listens.
type listening struct {
	Listen string `default:"${listen}" env:"MEDBOOK_LISTEN" placeholder:"HOST:PORT" help:"Address to listen on; port 0 takes a free one. Default: ${default}."`
}

// address treats an empty value like none: to net.Listen it means every address
// of the machine.
func (l listening) address() string { return cmp.Or(l.Listen, defaultListen) }

// serve runs the server.
type serve struct {
	listening
	storage
}

// Help says what the summary has no room for.
func (serve) Help() string {
	return `The database is made or brought up to date first. The log is written to stderr, a line of JSON each; the line "listening" tells the address.

On SIGTERM or an interrupt the server takes no new requests, finishes the ones that are running (at most 30 seconds), and exits with 0.

The server speaks plain HTTP. To be reached from other machines, put a proxy that does TLS before it.`
}

// Run returns when ctx ends and all running requests are finished.
func (s serve) Run(ctx context.Context, o output) error {
	a, err := app.New(ctx, app.Config{Listen: s.address(), Database: s.url(), Log: app.NewLog(o.stderr)})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// migrate brings a database up to date.
type migrate struct {
	storage
}

// Help says what the summary has no room for.
func (migrate) Help() string {
	return `"medbook serve" does the same when it starts. A database that a newer medbook has migrated is refused. There is no way back but a backup.`
}

// Run migrates and says nothing when all is well.
func (m migrate) Run(ctx context.Context) error {
	services, err := app.Open(ctx, m.url())
	if err != nil {
		return err
	}
	return services.DB.Close()
}
