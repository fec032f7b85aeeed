// Package prometheus tests deploy/prometheus and deploy/grafana with Prometheus' own
// parser and engine. It is a module of its own, for these need a hundred others.
package prometheus
