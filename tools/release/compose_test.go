package main

import (
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// project reads deploy/compose.yaml as Compose does: against its schema, with
// every name resolved.
func project(t *testing.T, env types.Mapping) *types.Project {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(repository, "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: folder, Environment: env,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(folder, "compose.yaml")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestComposeGivesNobodyMoreThanTheyNeed looks at every service. It can't be
// started on the build machine, which has no Docker.
func TestComposeGivesNobodyMoreThanTheyNeed(t *testing.T) {
	p := project(t, nil)
	if names := p.ServiceNames(); !slices.Equal(names, []string{"database", "mail", "medbook", "proxy"}) {
		t.Errorf("the services are %q", names)
	}
	pinned := regexp.MustCompile(`^\S+:v?\d+\.\d+\S*$`)
	for name, s := range p.Services {
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.Privileged {
			t.Errorf("%s keeps privileges: %q, %q", name, s.CapDrop, s.SecurityOpt)
		}
		if !s.ReadOnly && name != "database" {
			t.Errorf("%s writes to its image", name)
		}
		if s.Build == nil && !pinned.MatchString(s.Image) {
			t.Errorf("the image of %s, %s, names no version", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" && name != "proxy" {
				t.Errorf("%s is to be reached at %s:%s from other machines", name, port.HostIP, port.Published)
			}
		}
	}
	if back := p.Networks["back"]; !back.Internal {
		t.Error("the database's network leads outside")
	}
}

// TestComposeFitsTogether shows what no schema knows.
func TestComposeFitsTogether(t *testing.T) {
	p := project(t, types.Mapping{"MEDBOOK_SITE": "clinic.example"})
	medbook, proxy := p.Services["medbook"], p.Services["proxy"]
	value := func(name string) string {
		if v := medbook.Environment[name]; v != nil {
			return *v
		}
		return ""
	}
	if value("MEDBOOK_PUBLIC_URL") != "https://clinic.example" || *proxy.Environment["MEDBOOK_SITE"] != "clinic.example" {
		t.Errorf("the site is %s for Medbook", value("MEDBOOK_PUBLIC_URL"))
	}
	trusted, err := netip.ParsePrefix(value("MEDBOOK_TRUSTED_PROXIES"))
	if err != nil || !trusted.IsSingleIP() || trusted.Addr().String() != proxy.Networks["front"].Ipv4Address ||
		!netip.MustParsePrefix(p.Networks["front"].Ipam.Config[0].Subnet).Contains(trusted.Addr()) {
		t.Errorf("Medbook trusts %s, and the proxy is at %s (error %v)", trusted, proxy.Networks["front"].Ipv4Address, err)
	}
	if file := value("MEDBOOK_DATABASE_URL_FILE"); file != "/run/secrets/"+medbook.Secrets[0].Source || p.Secrets[medbook.Secrets[0].Source].File == "" {
		t.Errorf("the address of the database is in %s, which is not there", file)
	}
	if mail := p.Services["mail"]; mail.NetworkMode != "service:medbook" || value("MEDBOOK_SMTP") != "127.0.0.1:1025" {
		t.Errorf("mail goes to %s, and the sink is in the network %s", value("MEDBOOK_SMTP"), mail.NetworkMode)
	}
	if !slices.Equal(medbook.HealthCheck.Test, types.HealthCheckTest{"CMD", "/medbook", "health"}) || medbook.Build.Dockerfile != "deploy/Containerfile" {
		t.Errorf("Medbook is built by %s and judged by %q", medbook.Build.Dockerfile, medbook.HealthCheck.Test)
	}
	if caddyfile := string(read(t, filepath.Join(repository, "deploy", "Caddyfile"))); !strings.Contains(caddyfile, "reverse_proxy medbook:8080\n") {
		t.Errorf("the proxy does not lead to Medbook:\n%s", caddyfile)
	}
	knows(t, medbook.Environment.Resolve(func(string) (string, bool) { return "", false }))
}

// knows fails for variables that the program does not have.
func knows(t *testing.T, env types.MappingWithEquals) {
	t.Helper()
	help := must(t, exec.Command(theRelease(t).program(), "serve", "--help"))
	for name := range env {
		if plain := strings.TrimSuffix(name, "_FILE"); !strings.Contains(help, "$"+plain) {
			t.Errorf("medbook serve knows no %s", name)
		}
	}
}
