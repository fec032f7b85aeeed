package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someChanges = `# Changes

[A link](https://example.com) at the beginning of a line.

## [Unreleased]

Not yet.

## [1.3.0]

No day.

## [1.2.3] - 2026-11-29

### Added

- A [thing](docs/a.md).

## [1.2.2-rc.1] - 2026-10-01

- Another.

## [1.2.1] - 2026-09-01

## [1.2.0] - 2026-08-01

The last.

[1.2.3]: https://example.com/1.2.3
`

func TestAReleaseHasASectionOfTheChanges(t *testing.T) {
	folder := t.TempDir()
	for _, tt := range []struct {
		name, text, version string
		found, section      string // empty: refused
		says                string
	}{
		{"in the middle", someChanges, "v1.2.3", "v1.2.3", "### Added\n\n- A [thing](docs/a.md).\n", ""},
		{"before a release", someChanges, "v1.2.2-rc.1", "v1.2.2-rc.1", "- Another.\n", ""},
		{"at the end", someChanges, "v1.2.0", "v1.2.0", "The last.\n", ""},
		{"the newest", strings.Replace(someChanges, "## [1.3.0]", "", 1), "", "v1.2.3", "### Added\n\n- A [thing](docs/a.md).\n", ""},
		{"without a day", someChanges, "v1.3.0", "", "", "when 1.3.0 was released"},
		{"without a word", someChanges, "v1.2.1", "", "", "nothing of 1.2.1"},
		{"without a section", someChanges, "v9.9.9", "", "", "no section for v9.9.9"},
		{"what is not released", someChanges, "Unreleased", "", "", "no version"},
		{"without the v", someChanges, "1.2.3", "", "", "no version"},
		{"not in full", someChanges, "v1.2", "", "", "no version"},
		{"with what a build adds", someChanges, "v1.2.3+meta", "", "", "no version"},
		{"of nothing", "# Changes\n", "", "", "", "has no version"},
	} {
		if err := os.WriteFile(filepath.Join(folder, "CHANGELOG.md"), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		found, section, err := changesOf(folder, tt.version)
		if found != tt.found || section != tt.section || (err == nil) != (tt.found != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %q, %q and error %v", tt.name, found, section, err)
		}
	}
}

// TestThisRepositoryHasChanges shows that make release works here.
func TestThisRepositoryHasChanges(t *testing.T) {
	version, section, err := changesOf(repository, "")
	if err != nil || !strings.Contains(section, "- **") {
		t.Errorf("got %s, %q and error %v", version, section, err)
	}
}
