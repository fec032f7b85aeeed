package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"medbook/internal/web/words"
)

// inSource finds the keys of texts in Go code and templates. One that ends with a
// dot is the beginning of several, of which the code chooses one.
var inSource = regexp.MustCompile(`\b(?:[Ss]ay|Count|done|Or)\((?:ctx, |[^"()\n]*(?:\([^()\n]*\))?[^"()\n]*, )?"([a-z0-9-]+\.[a-z0-9.-]*)"|\bkey: *"([a-z0-9-]+\.[a-z0-9.-]+)"`)

// TestEveryTextIsThere looks for the keys that pages name in the catalogue.
func TestEveryTextIsThere(t *testing.T) {
	found := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") ||
			filepath.Ext(name) != ".go" && filepath.Ext(name) != ".templ" {
			return err
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range inSource.FindAllStringSubmatch(string(source), -1) {
			key := m[1] + m[2]
			found++
			if !words.Has(key) && !strings.HasSuffix(key, ".") {
				t.Errorf("%s names %q, of which there is no text", name, key)
			}
			if strings.HasSuffix(key, ".") && !words.HasBelow(key) {
				t.Errorf("%s chooses a text below %q, where there is none", name, key)
			}
		}
		return nil
	})
	if err != nil || found < 20 {
		t.Errorf("%d keys, %v", found, err)
	}
}
