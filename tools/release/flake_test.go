package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nix-community/go-nix/pkg/nar"
)

var update = flag.Bool("update", false, "write the hash of the vendored modules into flake.nix")

// vendorHash finds in flake.nix what the modules must hash to.
var vendorHash = regexp.MustCompile(`vendorHash = "(sha256-[A-Za-z0-9+/=]{44})";`)

// TestTheFlakeParses has Nix read it, which finds syntax errors and names that
// nobody defines. To evaluate it takes nixpkgs, which the build machine can't
// reach.
func TestTheFlakeParses(t *testing.T) {
	flake := filepath.Join(repository, "flake.nix")
	must(t, exec.Command("nix-instantiate", "--parse", flake))
	broken := filepath.Join(t.TempDir(), "flake.nix")
	if err := os.WriteFile(broken, bytes.Replace(read(t, flake), []byte("pkgs.lib.licenses"), []byte("pkg.lib.licenses"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("nix-instantiate", "--parse", broken).CombinedOutput(); err == nil {
		t.Errorf("a name that nobody defines passes: %s", out)
	}
}

// TestTheFlakeKnowsTheModules hashes what "go mod vendor" writes, as Nix does.
func TestTheFlakeKnowsTheModules(t *testing.T) {
	flake := filepath.Join(repository, "flake.nix")
	text := read(t, flake)
	found := vendorHash.FindSubmatch(text)
	if found == nil {
		t.Fatal("flake.nix has no vendorHash")
	}
	vendored := filepath.Join(t.TempDir(), "vendor")
	cmd := exec.Command("go", "mod", "vendor", "-o", vendored)
	cmd.Dir = repository
	must(t, cmd)
	hash := sha256.New()
	if err := nar.DumpPath(hash, vendored); err != nil {
		t.Fatal(err)
	}
	want := "sha256-" + base64.StdEncoding.EncodeToString(hash.Sum(nil))
	if got := string(found[1]); got != want && *update {
		if err := os.WriteFile(flake, bytes.Replace(text, found[1], []byte(want), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("the vendorHash of flake.nix is %s, want %s: go -C tools/release test -run Flake -update", got, want)
	}
}
