package app

import (
	"cmp"
	"context"
	"errors"
	stdlog "log"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/idempotency"
	"medbook/internal/jobs"
	"medbook/internal/password"
)

// drain is how long requests that are running may take to finish once the
// server was told to stop.
const drain = 30 * time.Second

// Run answers requests and does jobs until ctx ends. Then it takes no new
// requests, lets those that are running finish, and closes everything. The
// error is nil unless something was cut off.
func (a *App) Run(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(password.GCPercent)
	}
	// Requests and jobs outlive ctx, whose end only tells us to begin to stop.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	work.Go(func() { a.runner.Run(background) })
	work.Go(func() {
		if err := a.Auth.Run(background); err != nil {
			a.log.ErrorContext(background, "refused credentials are not on record", "error", err)
		}
	})
	keeping, endKeeping := context.WithCancel(background)
	defer endKeeping()
	kept := make(chan error, 1)
	go func() { kept <- a.keeper.Run(keeping) }()
	served := make(chan error, 1)
	work.Go(func() { served <- a.serve() })
	a.watched.serve(ctx, a)
	a.log.InfoContext(ctx, "listening", "address", a.URL())
	var err error
	select {
	case err = <-served: // the listener broke
	case <-ctx.Done():
		a.log.InfoContext(background, "stopping")
		a.stopping.Store(true)
		select { // until balancers have seen it at /readyz
		case err = <-served:
		case <-time.After(a.config.Drain):
		}
		err = errors.Join(err, a.shutDown(background))
	}
	stop()
	work.Wait()
	endKeeping() // after all else, so that the last checkpoint covers all
	err = errors.Join(err, <-kept, a.DB.Close())
	a.watched.close(background)
	return err
}

// shutDown waits for the requests that are running, but not for ever.
func (a *App) shutDown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(errors.New("some requests took too long and were cut off"), a.server.Close())
	}
	return err
}

// Close gives back what New took, for an App that will not Run.
func (a *App) Close() error {
	err := errors.Join(a.listener.Close(), a.DB.Close())
	a.watched.close(context.Background())
	return err
}

func (a *App) serve() error {
	if a.config.TLSCert != "" {
		return a.server.ServeTLS(a.listener, "", "")
	}
	return a.server.Serve(a.listener)
}

// URL returns where the server is to be reached from its own machine.
func (a *App) URL() string {
	if a.config.TLSCert != "" {
		return "https://" + a.listener.Addr().String()
	}
	return "http://" + a.listener.Addr().String()
}

// PublicURL returns where people reach the server.
func (a *App) PublicURL() string { return strings.TrimRight(cmp.Or(a.config.PublicURL, a.URL()), "/") }

// SetUpURL returns the link with which a clinic without users gets its first
// admin, good once within an hour, or "" for one that has users.
func (a *App) SetUpURL(ctx context.Context) (string, error) {
	token, err := a.Directory.SetUpLink(ctx, auth.System)
	if err != nil || token == "" {
		return "", err
	}
	return a.PublicURL() + "/account/setup#" + token, nil
}

// newServer bounds what a slow or greedy client can take.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),
	}
}

// newRunner knows every job of the program.
func (a *App) newRunner() *jobs.Runner {
	r := &jobs.Runner{DB: a.DB, Log: a.log, Tracer: a.watched.tracer()}
	a.Notify.Work(r)
	a.Webhooks.Work(r)
	a.Scheduling.Work(r)
	r.Every(time.Hour, "idempotency.clean", func(ctx context.Context) error {
		_, err := idempotency.Clean(ctx, a.DB)
		return err
	})
	r.Every(time.Hour, "auth.clean", a.Auth.Clean)
	r.Every(time.Hour, "directory.index", func(ctx context.Context) error { return directory.IndexPatients(ctx, a.DB) })
	r.Every(time.Hour, "audit.adopt", func(ctx context.Context) error { return audit.Adopt(ctx, a.DB) })
	r.Every(24*time.Hour, "audit.prune", func(ctx context.Context) error {
		if a.config.RetainAudit == 0 {
			return nil
		}
		_, err := audit.Prune(ctx, a.DB, a.config.RetainAudit, a.held)
		return err
	})
	return r
}
