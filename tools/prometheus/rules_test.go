package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"
)

const (
	alertsFile = "../../deploy/prometheus/alerts.yaml"
	casesFile  = "../../deploy/prometheus/alerts_test.yaml"
	dashboard  = "../../deploy/grafana/medbook.json"
)

var promQL = parser.NewParser(parser.Options{})

// cases are what promtool calls unit tests.
type cases struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []struct {
		Name        string         `yaml:"name"`
		Interval    model.Duration `yaml:"interval"`
		InputSeries []struct {
			Series string `yaml:"series"`
			Values string `yaml:"values"`
		} `yaml:"input_series"`
		AlertRuleTest []struct {
			EvalTime  model.Duration `yaml:"eval_time"`
			AlertName string         `yaml:"alertname"`
			ExpAlerts []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// alerts reads the rules as Prometheus does.
func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile(alertsFile, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 || len(groups.Groups) == 0 {
		t.Fatal("there are no rules")
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// TestEveryAlertFiresWhenItMust runs the cases of alerts_test.yaml: each alert has
// one in which it fires, and one in which it does not.
func TestEveryAlertFiresWhenItMust(t *testing.T) {
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	var all cases
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, c := range all.Tests {
		for _, want := range c.AlertRuleTest {
			var series strings.Builder
			fmt.Fprintf(&series, "load %s\n", c.Interval)
			for _, s := range c.InputSeries {
				fmt.Fprintf(&series, "  %s %s\n", s.Series, s.Values)
			}
			rule := named(t, want.AlertName)
			got := firing(t, rule, series.String(), time.Duration(all.EvaluationInterval), time.Duration(want.EvalTime))
			var expected []string
			for _, e := range want.ExpAlerts {
				e.Labels["alertname"] = want.AlertName
				expected = append(expected, labels.FromMap(e.Labels).String()+labels.FromMap(e.Annotations).String())
			}
			slices.Sort(got)
			slices.Sort(expected)
			if !slices.Equal(got, expected) {
				t.Errorf("%s: at %s these fire:\n%s\nwant\n%s", c.Name, want.EvalTime, strings.Join(got, "\n"), strings.Join(expected, "\n"))
			}
			fires[want.AlertName] = fires[want.AlertName] || len(expected) > 0
			quiet[want.AlertName] = quiet[want.AlertName] || len(expected) == 0
		}
	}
	for _, r := range alerts(t) {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s has no case in which it fires, or none in which it does not", r.Alert)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
	}
}

// named returns the rule of an alert.
func named(t *testing.T, alert string) rulefmt.Rule {
	t.Helper()
	for _, r := range alerts(t) {
		if r.Alert == alert {
			return r
		}
	}
	t.Fatalf("there is no alert %s", alert)
	return rulefmt.Rule{}
}

// firing evaluates a rule over series each interval until an instant, and returns
// the labels and annotations of what fires then.
func firing(t *testing.T, r rulefmt.Rule, series string, interval, until time.Duration) (got []string) {
	t.Helper()
	store := promqltest.LoadedStorage(t, series)
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 100000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: promQL})
	expr, err := promQL.ParseExpr(r.Expr)
	if err != nil {
		t.Fatal(err)
	}
	rule := rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), 0, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	for at := time.Duration(0); at <= until; at += interval {
		if _, err := rule.Eval(context.Background(), 0, time.Unix(0, 0).Add(at), rules.EngineQueryFunc(engine, store), nil, 0); err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
	}
	for _, a := range rule.ActiveAlerts() {
		if a.State == rules.StateFiring {
			got = append(got, a.Labels.String()+a.Annotations.String())
		}
	}
	return got
}

// TestTheDashboardsQueriesAreQueries parses what each panel asks.
func TestTheDashboardsQueriesAreQueries(t *testing.T) {
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("the panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			// As Grafana fills the variables in.
			expr := strings.NewReplacer("$__rate_interval", "5m", "$job", "medbook", "$instance", "a|b").Replace(target.Expr)
			if _, err := promQL.ParseExpr(expr); err != nil {
				t.Errorf("%s: %s: %v", p.Title, expr, err)
			}
			n++
		}
	}
	if n < 20 {
		t.Errorf("only %d queries were looked at", n)
	}
}
