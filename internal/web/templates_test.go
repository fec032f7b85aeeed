package web

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplatesAreGenerated generates the code of all templates anew, and compares
// it with what is committed.
func TestTemplatesAreGenerated(t *testing.T) {
	there, generated := t.TempDir(), 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".templ" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		copied := filepath.Join(there, name)
		if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
			return err
		}
		return os.WriteFile(copied, content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	// #nosec G204 -- the tool is pinned, and the folder is the test's own
	if out, err := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../tools/go.mod", "templ", "generate", "-path", there).CombinedOutput(); err != nil {
		t.Fatalf("templ: %v\n%s", err, out)
	}
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_templ.go") {
			return err
		}
		generated++
		want, err := os.ReadFile(filepath.Join(there, name))
		if err != nil {
			t.Errorf("%s has no template any more", name)
			return nil //nolint:nilerr // the test has failed, and goes on
		}
		got, err := os.ReadFile(name)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s is not what its template says: run make generate", name)
		}
		return err
	})
	if err != nil || generated < 5 {
		t.Errorf("%d templates, %v", generated, err)
	}
}
