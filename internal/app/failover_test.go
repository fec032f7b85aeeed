package app_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestThePatroniOfTheDocumentKeepsWhatItPromises reads the sample configuration.
func TestThePatroniOfTheDocumentKeepsWhatItPromises(t *testing.T) {
	sample := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(document(t, "docs/how-to/fail-over.md"))
	if sample == nil {
		t.Fatal("docs/how-to/fail-over.md has no sample")
	}
	var c struct {
		Scope, Name string
		RestAPI     struct {
			Listen  string
			Connect string `yaml:"connect_address"`
		}
		Etcd3     struct{ Hosts string }
		Watchdog  struct{ Mode string }
		Bootstrap struct {
			DCS struct {
				TTL      int
				LoopWait int    `yaml:"loop_wait"`
				Retry    int    `yaml:"retry_timeout"`
				Start    *int   `yaml:"primary_start_timeout"`
				Mode     string `yaml:"synchronous_mode"`
				Strict   bool   `yaml:"synchronous_mode_strict"`
				Count    int    `yaml:"synchronous_node_count"`

				PostgreSQL struct {
					Rewind     bool `yaml:"use_pg_rewind"`
					Slots      bool `yaml:"use_slots"`
					Parameters map[string]any
				}
			}
			InitDB []any
		}
		PostgreSQL struct {
			Listen         string
			Connect        string `yaml:"connect_address"`
			Data           string `yaml:"data_dir"`
			Bin            string `yaml:"bin_dir"`
			PGPass         string
			Authentication map[string]map[string]string
			HBA            []string `yaml:"pg_hba"`
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(sample[1]))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	d := c.Bootstrap.DCS
	if d.Mode != "quorum" || !d.Strict || d.Count != 1 || d.PostgreSQL.Parameters["synchronous_commit"] != "on" || d.PostgreSQL.Parameters["synchronous_standby_names"] != nil {
		t.Errorf("a commit does not wait for any one standby: %+v", d)
	}
	if d.TTL < 20 || d.TTL < d.LoopWait+2*d.Retry || d.Retry < 3 || d.LoopWait < 1 {
		t.Errorf("Patroni refuses ttl %d, loop_wait %d, retry_timeout %d", d.TTL, d.LoopWait, d.Retry)
	}
	if d.Start == nil || *d.Start != 0 {
		t.Error("a primary that has crashed is not replaced at once")
	}
	for _, address := range append(strings.Split(c.Etcd3.Hosts, ","), c.RestAPI.Connect, c.PostgreSQL.Connect) {
		if _, err := netip.ParseAddrPort(address); err != nil {
			t.Errorf("%q is no address: %v", address, err)
		}
	}
}
