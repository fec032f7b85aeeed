package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/tracing/tracingtest"
)

// watchedAt returns the address that a server logs for what operators watch:
// "metrics" or "profiles".
func watchedAt(t testing.TB, p *process, what string) (url string) {
	t.Helper()
	p.stderr.await(t, p.ended, "the address of "+what, func(line string) bool {
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == what+" are served" {
			url = entry.Address
		}
		return url != ""
	})
	return url
}

// fetch returns the status and the body of what is at an address.
func fetch(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// samples reads metrics: the value by name and labels, as they are written.
func samples(t testing.TB, url string) map[string]string {
	t.Helper()
	status, text := fetch(t, url+"/metrics")
	if status != 200 {
		t.Fatalf("/metrics: %d %s", status, text)
	}
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && line[0] != '#' {
			all[name+"}"] = value
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && line[0] != '#' {
			all[name] = value
		}
	}
	return all
}

// identity is what no label may hold: ids, addresses of machines and of mail.
var identity = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{24}|\d+\.\d+\.\d+\.\d+|@`)

// TestAServerIsWatched books over a server that is measured and traced, and looks
// at what it tells.
func TestAServerIsWatched(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		traces := tracingtest.New(t)
		var mu sync.Mutex
		var carried []string // by deliveries to the webhook
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			carried = append(carried, r.Header.Get("Traceparent"))
		}))
		defer hook.Close()
		c.restartWith("--metrics-listen=127.0.0.1:0", "--pprof-listen=127.0.0.1:0", "--otlp-endpoint="+traces.URL, "--webhooks-allow-private")
		metrics := watchedAt(t, c.server, "metrics")
		ctx, admin, patient := t.Context(), c.firstAdmin(), c.user("patient", newYork)
		must(admin.CreateWebhook(ctx, client.NewWebhook{URL: hook.URL, Kinds: []string{"appointment.held"}}))(t)
		practitioner, id := c.practitioner(newYork)
		must(practitioner.Publish(ctx, id, monday))(t)
		slot := all(t, patient.Slots(client.SlotQuery{PractitionerID: id}).All(ctx))[0]
		held := must(patient.Hold(ctx, client.NewAppointment{SlotID: slot.ID}))(t)
		must(patient.Confirm(ctx, held.ID))(t)
		must(patient.Cancel(ctx, held.ID, ""))(t)
		_, err := patient.Confirm(ctx, held.ID)
		code(t, err, 409, "illegal-transition")
		_, err = c.as("mb_nobody").Me(ctx)
		code(t, err, 401, "unauthenticated")

		want := map[string]string{
			`medbook_appointments_total{event="held"}`:                                                         "1",
			`medbook_appointments_total{event="confirmed"}`:                                                    "1",
			`medbook_webhook_attempts_total{outcome="sent"}`:                                                   "1",
			`medbook_job_runs_total{kind="webhooks.deliver",outcome="done"}`:                                   "1",
			`medbook_appointments_total{event="cancelled"}`:                                                    "1",
			`medbook_scheduling_refusals_total{action="appointment.confirm",code="illegal-transition"}`:        "1",
			`medbook_http_requests_total{method="POST",route="/v1/appointments/{id}/confirm",status="409"}`:    "1",
			`medbook_http_request_duration_seconds_count{method="POST",route="/v1/appointments/{id}/confirm"}`: "2",
			`medbook_credential_refusals_total`:                                                                "1",
			`medbook_check_failing{check="database"}`:                                                          "0",
			`medbook_database_transactions_total{kind="write",outcome="unknown"}`:                              "0",
			`medbook_audit_seal_lag_seconds`:                                                                   "0",
			`medbook_webhook_deliveries_pending`:                                                               "0",
			`medbook_database_info{engine="` + map[bool]string{true: "postgres", false: "sqlite"}[strings.HasPrefix(c.database, "postgres")] + `"}`: "1",
		}
		var missing []string
		defer func() {
			if len(missing) > 0 {
				t.Errorf("these are not as they should be: %q", missing)
			}
		}()
		eventually(t, "all is counted", func() bool {
			got := samples(t, metrics)
			missing = nil
			for name, value := range want {
				if got[name] != value {
					missing = append(missing, name+" "+got[name])
				}
			}
			return len(missing) == 0
		})
		for name := range samples(t, metrics) {
			if strings.HasPrefix(name, "medbook_") && !strings.HasPrefix(name, "medbook_build_info") && identity.MatchString(name) {
				t.Errorf("a label may hold an identity: %s", name)
			}
		}
		if status, text := fetch(t, watchedAt(t, c.server, "profiles")+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(text, "medbook/internal/app") {
			t.Errorf("a profile is %d %.200s", status, text)
		}
		c.watchesOneTrace(traces)
		delivery := traces.Named("deliver event")
		if len(delivery) != 1 || len(carried) != 1 || !strings.HasPrefix(carried[0], "00-"+delivery[0].Trace+"-") {
			t.Errorf("the webhook was sent %q, in the trace of %v", carried, delivery)
		}
	})
}

// watchesOneTrace sends a request with a traceparent, and finds it again in the
// answer, the log and at the collector.
func (c *clinic) watchesOneTrace(traces *tracingtest.Collector) {
	c.t.Helper()
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.server.url+"/v1/practitioners?limit=1", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	c.server.stderr.await(c.t, c.server.ended, "the line of the request", func(line string) bool {
		return strings.Contains(line, `"trace_id":"`+trace+`"`) && strings.Contains(line, `"msg":"request"`)
	})
	c.server.signal(c.t, syscall.SIGTERM) // which sends what is left
	if status := c.server.wait(c.t); status != 0 {
		c.t.Errorf("the server ended with %d", status)
	}
	var request tracingtest.Span
	for _, s := range traces.All() {
		if s.Trace == trace && s.Parent == parent {
			request = s
		}
	}
	if request.Name != "GET /v1/practitioners" || request.Attributes["http.route"] != "/v1/practitioners" || request.Attributes["http.response.status_code"] != "200" ||
		request.Attributes["medbook.request_id"] != resp.Header.Get("X-Request-ID") {
		c.t.Errorf("the request is told as %v", request)
	}
	if got, want := resp.Header.Get("Traceparent"), "00-"+trace+"-"+request.ID+"-01"; got != want {
		c.t.Errorf("answered Traceparent %q, want %q", got, want)
	}
	parts := slices.DeleteFunc(traces.All(), func(s tracingtest.Span) bool { return s.Parent != request.ID })
	if len(parts) == 0 || parts[0].Name != "transaction" || parts[0].Attributes["medbook.kind"] != "read" {
		c.t.Errorf("the parts of the request are %v", parts)
	}
	for _, s := range traces.All() {
		if identity.MatchString(s.Name) {
			c.t.Errorf("a span has a name that may hold an identity: %s", s.Name)
		}
		for key, value := range s.Attributes {
			if key != "medbook.request_id" && identity.MatchString(value) {
				c.t.Errorf("an attribute may hold an identity: %s %s=%s", s.Name, key, value)
			}
		}
	}
}

// TestAServerSaysThatItStops asks a server at /readyz that was told to stop, until
// its delay is over.
func TestAServerSaysThatItStops(t *testing.T) {
	t.Parallel()
	c := open(t, sqltest.SQLite(t))
	c.restartWith("--metrics-listen=127.0.0.1:0", "--drain=2s")
	metrics := watchedAt(t, c.server, "metrics")
	if status, text := fetch(t, metrics+"/readyz"); status != 200 || !strings.Contains(text, `{"name":"schema","status":"ok"}`) {
		t.Errorf("/readyz is %d %s", status, text)
	}
	c.server.signal(t, syscall.SIGTERM)
	c.server.stderr.await(t, c.server.ended, "that it stops", func(line string) bool { return strings.Contains(line, `"msg":"stopping"`) })
	var text string
	eventually(t, "it says so", func() bool {
		var status int
		status, text = fetch(t, c.server.url+"/readyz")
		return status == http.StatusServiceUnavailable
	})
	if !strings.Contains(text, `"errors":[{"location":"serving","message":"stopping"}]`) {
		t.Errorf("/readyz is %s", text)
	}
	if status, _ := fetch(t, c.server.url+"/v1/practitioners?limit=1"); status != 200 {
		t.Errorf("while it waits, requests are answered with %d", status)
	}
	if status, text := fetch(t, metrics+"/readyz"); status != 503 || !strings.Contains(text, "told to stop") {
		t.Errorf("operators are told %d %s", status, text)
	}
	if status := c.server.wait(t); status != 0 {
		t.Errorf("the server ended with %d", status)
	}
}

// TestADeadCollectorHoldsUpNobody runs a server whose collector takes connections
// and never answers.
func TestADeadCollectorHoldsUpNobody(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := open(t, sqltest.SQLite(t))
	c.restartWith("--metrics-listen=127.0.0.1:0", "--otlp-endpoint=http://"+silent.Addr().String())
	metrics := watchedAt(t, c.server, "metrics")
	for range 100 {
		if status, _ := fetch(t, c.server.url+"/v1/practitioners?limit=1"); status != 200 {
			t.Fatalf("answered %d", status)
		}
	}
	eventually(t, "spans are lost", func() bool {
		lost := samples(t, metrics)[`medbook_trace_spans_total{outcome="failed"}`]
		return lost != "" && lost != "0"
	})
	c.server.signal(t, syscall.SIGTERM)
	if status := c.server.wait(t); status != 0 {
		t.Errorf("the server ended with %d", status)
	}
	told := 0
	for _, line := range c.server.stderr.all() {
		if strings.Contains(line, "collector of traces does not take spans") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("that spans are lost was told %d times, want once", told)
	}
}

// TestFlagsOfWatchingAreChecked starts servers that must not start.
func TestFlagsOfWatchingAreChecked(t *testing.T) {
	t.Parallel()
	for flag, says := range map[string]string{
		"--pprof-listen=0.0.0.0:0": "this machine only", "--pprof-listen=6060": "an address such as", "--metrics-listen=9090": "an address such as",
		"--otlp-endpoint=collector:4318": "an address such as", "--otlp-endpoint=https://user:word@x": "without a password",
		"--trace-ratio=2": "from 0 to 1", "--trace-ratio=NaN": "from 0 to 1", "--drain=-1s": "negative",
	} {
		r := run(t, t.TempDir(), nil, "serve", "--listen=127.0.0.1:0", flag)
		if r.status == 0 || !strings.Contains(r.stderr, says) || bytes.Count([]byte(r.stderr), []byte("\n")) != 1 {
			t.Errorf("%s: %d %s, want a line with %q", flag, r.status, r.stderr, says)
		}
	}
}
