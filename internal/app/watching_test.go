package app

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

var update = flag.Bool("update", false, "write the list of metrics into docs/operations.md")

const (
	runbook    = "../../docs/operations.md"
	alertsFile = "../../deploy/prometheus/alerts.yaml"
	dashboard  = "../../deploy/grafana/medbook.json"
)

// watchedApp is a server that is measured and does not run.
func watchedApp(t *testing.T, database string) *App {
	t.Helper()
	a, err := New(t.Context(), Config{
		Listen: "127.0.0.1:0", Database: database, Log: NewLog(io.Discard), Keys: newKeys(t),
		Checkpoints: filepath.Join(t.TempDir(), "medbook.checkpoints"), Watching: Watching{Metrics: "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// measured is what is known of a metric before it has a value.
type measured struct{ name, help, labels string }

// metricsOf lists ours in the order of their names.
func metricsOf(t *testing.T, a *App) (all []measured) {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		a.watched.instruments.Registry().Describe(descs)
		close(descs)
	}()
	form := regexp.MustCompile(`^Desc\{fqName: "(medbook_\w+)", help: "(.*?)"(?:, unit: "\w*")?, constLabels: \{\}, variableLabels: \{(.*)\}\}$`)
	for d := range descs {
		if m := form.FindStringSubmatch(d.String()); m != nil {
			all = append(all, measured{m[1], m[2], m[3]})
		} else if strings.Contains(d.String(), `"medbook_`) {
			t.Errorf("a metric has a form of its own: %s", d)
		}
	}
	slices.SortFunc(all, func(x, y measured) int { return cmp.Compare(x.name, y.name) })
	if len(all) < 40 {
		t.Fatalf("there are only %d metrics", len(all))
	}
	return all
}

// TestTheMetricsAreDocumented compares the list in the runbook with what a server
// measures.
func TestTheMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- metrics: made by `go test ./internal/app -run TheMetrics -update` -->\n", "<!-- end of metrics -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatalf("%s has no place for the metrics", runbook)
	}
	table := &strings.Builder{}
	fmt.Fprint(table, "| metric | labels | what it tells |\n|---|---|---|\n")
	for _, m := range metricsOf(t, watchedApp(t, sqltest.SQLite(t))) {
		fmt.Fprintf(table, "| `%s` | %s | %s |\n", m.name, strings.ReplaceAll(m.labels, ",", ", "), m.help)
	}
	want := before + begin + table.String() + end + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(runbook, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has other metrics than the program; run this test with -update", runbook)
	}
}

// TestMetricsAreNamedAsUsual checks names by what Prometheus recommends, and labels
// by what may be one.
func TestMetricsAreNamedAsUsual(t *testing.T) {
	labels := []string{"", "action", "channel", "check", "code", "engine", "event", "kind", "lane", "method", "of", "outcome", "policy", "pool", "reason", "route", "state", "status", "version"}
	for _, m := range metricsOf(t, watchedApp(t, sqltest.SQLite(t))) {
		if m.help == "" || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s is not explained: %q", m.name, m.help)
		}
		if regexp.MustCompile(`_(milliseconds|ms|minutes|megabytes|mb|percent)(_|$)`).MatchString(m.name) {
			t.Errorf("%s has another unit than seconds, bytes or ratios", m.name)
		}
		for l := range strings.SplitSeq(m.labels, ",") {
			if !slices.Contains(labels, l) {
				t.Errorf("%s has the label %q: is there nothing personal in it, and are its values few?", m.name, l)
			}
		}
	}
}

// rule is what the tests look at of an alert.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) (all []rule) {
	t.Helper()
	text, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// TestAlertsAndPanelsAskForWhatIsMeasured looks for each metric that an alert or a
// panel of the dashboard names.
func TestAlertsAndPanelsAskForWhatIsMeasured(t *testing.T) {
	a := watchedApp(t, sqltest.SQLite(t))
	known := map[string]bool{"up": true}
	for _, m := range metricsOf(t, a) {
		known[m.name] = true
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			known[m.name+part] = strings.HasSuffix(m.name, "_duration_seconds") || strings.HasSuffix(m.name, "_group_size")
		}
	}
	families, err := a.watched.instruments.Registry().Gather() // of the process and of Go
	if err != nil {
		t.Error(err)
	}
	for _, f := range families {
		known[f.GetName()] = true
	}
	asked := map[string]string{}
	for _, r := range alertRules(t) {
		asked[r.Alert] = r.Expr
	}
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			asked[fmt.Sprintf("panel %s, %d", p.Title, i)] = target.Expr
		}
	}
	n := 0
	for where, expr := range asked {
		for _, name := range regexp.MustCompile(`\b(medbook|process|go)_\w+|\bup\b`).FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`), -1) {
			n++
			if !known[name] {
				t.Errorf("%s asks for %s, which nobody measures", where, name)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d names were looked for", n)
	}
}

// TestEveryAlertHasItsSection compares alerts and the sections of the runbook.
func TestEveryAlertHasItsSection(t *testing.T) {
	text, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile(`(?m)^### (Medbook\w+)$`).FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1])
	}
	var have []string
	for _, r := range alertRules(t) {
		have = append(have, r.Alert)
		if want := "docs/operations.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s leads to %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
	}
	slices.Sort(told)
	slices.Sort(have)
	if !slices.Equal(told, have) {
		t.Errorf("the runbook has the alerts %v,\nthe rules have %v", told, have)
	}
}

// TestReadinessSaysWhy makes each check fail in turn.
func TestReadinessSaysWhy(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		a := watchedApp(t, sqltest.SQLite(t))
		a.DB.Close()
		a.DB = db
		expect := func(what, want string) {
			t.Helper()
			var got []string
			for _, c := range a.Checks(t.Context()) {
				if c.Code != "" {
					got = append(got, fmt.Sprintf("%s %s %v", c.Name, c.Code, c.Fatal))
				}
				if (c.Code == "") != (c.Detail == "") {
					t.Errorf("%s: %q is explained by %q", what, c.Code, c.Detail)
				}
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s: failing are %q, want %q", what, got, want)
			}
		}
		expect("all is well", "")
		a.stopping.Store(true)
		expect("told to stop", "serving stopping true")
		a.stopping.Store(false)
		a.bounds.stalled = -1
		expect("nobody works", "jobs jobs-stalled false, audit audit-stalled false")
		a.bounds = usual
		a.bounds.leastFree = 1 << 62
		expect("no room", "disk disk-nearly-full false")
		a.bounds = usual
		version := func(statement string) {
			t.Helper()
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, statement)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		version("UPDATE goose_db_version SET version_id = version_id + 1000")
		expect("a newer schema that lets it go on", "")
		version("UPDATE schema_compatibility SET oldest_program = 1000")
		expect("a newer schema", "schema database-newer true")
		version("UPDATE goose_db_version SET version_id = version_id - 2000")
		expect("an older schema", "schema database-not-migrated true")
		db.Observe = func(context.Context, string) error { return sqldb.ErrUnavailable }
		expect("no database", "database database-unavailable true")
		db.Observe = nil
	})
}

// TestProfilesAreForThisMachine shows that no other address is taken, and no other
// name answered.
func TestProfilesAreForThisMachine(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "192.0.2.1:6060"} {
		a, err := New(t.Context(), Config{
			Listen: "127.0.0.1:0", Database: sqltest.SQLite(t), Log: NewLog(io.Discard), Keys: newKeys(t), Watching: Watching{Profiles: address},
		})
		if a != nil || err == nil || !strings.Contains(err.Error(), "this machine only") {
			t.Errorf("%s: error %v, want that profiles are for this machine", address, err)
		}
	}
	h := local(profiles())
	for _, tt := range []struct {
		host, path string
		want       int
	}{
		{"127.0.0.1:6060", "/debug/pprof/heap", 200},
		{"localhost", "/debug/pprof/goroutine?debug=1", 200},
		{"[::1]:6060", "/debug/pprof/", 200},
		{"127.0.0.1:6060", "/debug/pprof/cmdline", 404},
		{"evil.example:6060", "/debug/pprof/heap", 403},
		{"", "/debug/pprof/heap", 403},
	} {
		if got := asked(h, tt.host, tt.path); got != tt.want {
			t.Errorf("%s of %q: %d, want %d", tt.path, tt.host, got, tt.want)
		}
	}
}

// asked returns the status with which h answers a request to host.
func asked(h http.Handler, host, path string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}
