// Package tracingtest is a collector of traces for tests: it takes what the program
// exports, by the protocol itself.
package tracingtest

import (
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector listens on loopback.
type Collector struct {
	URL string

	mu   sync.Mutex
	path string
	text strings.Builder
	got  []Span
}

// Span is what came in of one.
type Span struct {
	Name, Trace, ID, Parent string // ids in hex
	Failed                  bool
	Attributes              map[string]string
}

// New starts a collector for as long as the test runs.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("the export can't be read: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return err
		}
	}
	raw, err := io.ReadAll(body)
	var export collector.ExportTraceServiceRequest
	if err = errors.Join(err, proto.Unmarshal(raw, &export)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path = r.URL.Path
	c.text.WriteString(export.String() + "\n")
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.got = append(c.got, read(s))
			}
		}
	}
	return nil
}

func read(s *trace.Span) Span {
	one := Span{
		Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Failed: s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR, Attributes: map[string]string{},
	}
	for _, a := range s.GetAttributes() {
		value := a.GetValue().GetStringValue()
		if value == "" {
			value = strconv.FormatInt(a.GetValue().GetIntValue(), 10)
		}
		one.Attributes[a.GetKey()] = value
	}
	return one
}

// Path is where the last export was sent.
func (c *Collector) Path() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.path
}

// Text is all that came in, as text.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// All returns the spans that came in.
func (c *Collector) All() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.got...)
}

// Named returns those of a name.
func (c *Collector) Named(name string) (all []Span) {
	for _, s := range c.All() {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}
