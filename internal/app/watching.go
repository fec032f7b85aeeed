package app

import (
	"context"
	"encoding/json"
	"errors"
	stdlog "log"
	"net"
	"net/http"
	"net/http/pprof" // it adds itself to http.DefaultServeMux, which nobody here serves
	"time"

	"medbook/internal/measure"
	"medbook/internal/tracing"
)

// Watching says how a server is watched. The zero Watching is: by its log alone.
type Watching struct {
	Metrics  string  // host:port of /metrics, /healthz and /readyz in plain HTTP; empty: nowhere
	Profiles string  // host:port of /debug/pprof/, on this machine; empty: nowhere
	Traces   string  // collector of spans, by OTLP over HTTP; empty: none
	Ratio    float64 // of the traces, which are recorded
	Version  string  // of the program, as it is told
}

// errProfiles is what an operator reads who would show profiles to the world.
var errProfiles = errors.New("profiles are for this machine only: give an address such as 127.0.0.1:6060")

// watch is what a server is watched by.
type watch struct {
	instruments *measure.Instruments // nil: there are no metrics
	exporter    *tracing.Exporter    // nil: there are no traces
	servers     []watchServer
}

// watchServer answers to operators, on an address of its own.
type watchServer struct {
	what     string
	listener net.Listener
	server   *http.Server
}

// watch takes the addresses and begins to measure, if that is wanted.
func (a *App) watch(ctx context.Context) (err error) {
	c := a.config.Watching
	if c.Profiles != "" && !loopback(c.Profiles) {
		return errProfiles
	}
	if c.Metrics != "" {
		a.watched.instruments = measure.New(c.Version)
		a.DB.Instruments = a.watched.instruments
		a.watched.instruments.Register(newGauges(a))
		err = a.watched.open(ctx, a, "metrics", c.Metrics, a.metrics())
	}
	if err == nil && c.Profiles != "" {
		err = a.watched.open(ctx, a, "profiles", c.Profiles, local(profiles()))
	}
	if err == nil && c.Traces != "" {
		a.watched.exporter, err = tracing.Export(ctx, tracing.Config{
			Endpoint: c.Traces, Ratio: c.Ratio, Version: c.Version, Log: a.log, Exported: a.watched.instruments.SpansExported,
		})
	}
	return err
}

// tracer begins traces, if there is a collector.
func (w *watch) tracer() (t tracing.Tracer) {
	if w.exporter != nil {
		t = w.exporter.Tracer()
	}
	return t
}

func (w *watch) open(ctx context.Context, a *App, what, address string, h http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	w.servers = append(w.servers, watchServer{what: what, listener: listener, server: &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(serverLog{a.log}, "", 0),
	}})
	return nil
}

// serve answers operators until close.
func (w *watch) serve(ctx context.Context, a *App) {
	for _, s := range w.servers {
		a.log.InfoContext(ctx, s.what+" are served", "address", "http://"+s.listener.Addr().String())
		go func() { _ = s.server.Serve(s.listener) }() // it ends with close, or nobody can watch
	}
}

// close ends it, after all that is worth watching.
func (w *watch) close(ctx context.Context) {
	if w.exporter != nil {
		w.exporter.Close(ctx)
	}
	for _, s := range w.servers {
		_, _ = s.server.Close(), s.listener.Close()
	}
}

// metrics answers those who watch: with numbers, and with the checks in words.
func (a *App) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.watched.instruments.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", a.explainReadiness)
	return mux
}

// explainReadiness answers as /readyz does, with a sentence for each check that fails.
func (a *App) explainReadiness(w http.ResponseWriter, r *http.Request) {
	type line struct {
		Name   string `json:"name"`
		Status string `json:"status"`
		Code   string `json:"code,omitempty"`
		Detail string `json:"detail,omitempty"`
	}
	status, word, lines := http.StatusOK, "ok", []line{}
	for _, c := range a.Checks(r.Context()) {
		one := line{Name: c.Name, Status: "ok", Code: c.Code, Detail: c.Detail}
		switch {
		case c.Code == "":
		case c.Fatal:
			one.Status, word, status = "failing", "failing", http.StatusServiceUnavailable
		default:
			one.Status = "failing"
			if word == "ok" {
				word = "degraded"
			}
		}
		lines = append(lines, one)
	}
	answerJSON(w, status, map[string]any{"status": word, "checks": lines})
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who has gone needs no answer
}

// profiles answers with profiles of the running program. The command line is not
// shown: it is told by the system to who may know.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// local refuses requests that were sent to another name than this machine's: a page
// on the web could give its own name our address, and have a browser here ask.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "Ask for this machine by its address.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
