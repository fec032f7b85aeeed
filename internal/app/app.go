// Package app builds the server from its configuration, runs it, and stops it
// without losing an answer.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"medbook/internal/api"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

// Config says where a server listens and where it keeps its data.
type Config struct {
	Listen   string // host:port; port 0 takes a free one
	Database string // sqlite:PATH or postgres://…
	Log      *slog.Logger
}

// Services are the nouns of the program over one database.
type Services struct {
	DB         *sqldb.DB
	Auth       *auth.Service
	Directory  *directory.Service
	Scheduling *scheduling.Service
}

// Open opens the database, brings its schema up to date, and builds the
// services over it. Several processes may do so at once. The caller closes DB.
func Open(ctx context.Context, database string) (_ *Services, err error) {
	db, err := sqldb.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	db.Clock = clock()
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return NewServices(db), nil
}

// NewServices builds the services over a database whose schema is up to date.
func NewServices(db *sqldb.DB) *Services {
	return &Services{
		DB:         db,
		Auth:       &auth.Service{DB: db},
		Directory:  &directory.Service{DB: db, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		Scheduling: &scheduling.Service{DB: db},
	}
}

// App is a server that holds its address and its database, and does not answer yet.
type App struct {
	*Services
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	runner   *jobs.Runner
}

// New takes the address first, so that a second server started by mistake
// leaves the database alone, and then opens the database.
func New(ctx context.Context, c Config) (*App, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	services, err := Open(ctx, c.Database)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	services.Auth.Log = c.Log
	a := &App{Services: services, log: c.Log, listener: listener}
	a.runner = a.newRunner()
	a.server = newServer(a.handler(), c.Log)
	return a, nil
}

func (a *App) handler() http.Handler {
	s := &api.Server{
		Auth: a.Auth, Directory: a.Directory, Scheduling: a.Scheduling,
		Ready: a.DB.Ready, Log: a.log, Now: a.DB.Now,
	}
	return s.Handler()
}
