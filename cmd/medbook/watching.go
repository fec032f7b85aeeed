package main

import (
	"errors"
	"net"

	"medbook/internal/app"
	"medbook/internal/tracing"
)

// watching are the flags of how a server is watched.
type watching struct {
	MetricsListen string  `name:"metrics-listen" env:"MEDBOOK_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Address of /metrics for Prometheus, /healthz and /readyz, in plain HTTP; for the clinic's own net. Default: none."`
	PprofListen   string  `name:"pprof-listen" env:"MEDBOOK_PPROF_LISTEN" placeholder:"HOST:PORT" help:"Address of /debug/pprof/, on this machine only. Default: none."`
	OTLPEndpoint  string  `name:"otlp-endpoint" env:"MEDBOOK_OTLP_ENDPOINT" placeholder:"URL" help:"Collector that takes traces by OTLP over HTTP, such as http://127.0.0.1:4318. Headers that it wants come from $$OTEL_EXPORTER_OTLP_HEADERS. Default: none."`
	TraceRatio    float64 `name:"trace-ratio" env:"MEDBOOK_TRACE_RATIO" default:"1" placeholder:"N" help:"Which part of the traces is recorded, 0 to 1. Default: ${default}."`
}

// into adds the flags to a configuration.
func (w watching) into(c *app.Config) error {
	for flag, address := range map[string]string{"--metrics-listen": w.MetricsListen, "--pprof-listen": w.PprofListen} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return errors.New(flag + " takes an address such as 127.0.0.1:9090")
		}
	}
	if w.OTLPEndpoint != "" && tracing.CheckEndpoint(w.OTLPEndpoint) != nil {
		return errors.New("--otlp-endpoint takes an address such as http://127.0.0.1:4318, without a password")
	}
	if !(w.TraceRatio >= 0 && w.TraceRatio <= 1) { // NaN is neither
		return errors.New("--trace-ratio takes a number from 0 to 1")
	}
	c.Watching = app.Watching{Metrics: w.MetricsListen, Profiles: w.PprofListen, Traces: w.OTLPEndpoint, Ratio: w.TraceRatio, Version: thisVersion()}
	return nil
}
