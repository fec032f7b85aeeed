package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// heading begins the section of a version, as keepachangelog.com has it.
var heading = regexp.MustCompile(`(?m)^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$`)

// reference is where a link leads.
var reference = regexp.MustCompile(`(?m)^\[[^\]]+\]: `)

// changesOf returns a version of CHANGELOG.md at root and its section, the
// newest if version is empty. A version that has none is refused: what is handed
// out says what is new in it.
func changesOf(root, version string) (found, section string, err error) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return "", "", err
	}
	if version != "" && (!semver.IsValid(version) || semver.Canonical(version) != version) {
		return "", "", fmt.Errorf("%q is no version such as v1.2.3 or v1.2.3-rc.1", version)
	}
	body := string(text)
	if at := reference.FindStringIndex(body); at != nil { // links, at the end
		body = body[:at[0]]
	}
	all := heading.FindAllStringSubmatchIndex(body, -1)
	for i, h := range all {
		name := body[h[2]:h[3]]
		if name == "Unreleased" || version != "" && "v"+name != version {
			continue
		}
		if h[4] < 0 {
			return "", "", fmt.Errorf("CHANGELOG.md does not say when %s was released", name)
		}
		end := len(body)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		if section = strings.TrimSpace(body[h[1]:end]); section == "" {
			return "", "", fmt.Errorf("CHANGELOG.md says nothing of %s", name)
		}
		return "v" + name, section + "\n", nil
	}
	if version == "" {
		return "", "", fmt.Errorf("CHANGELOG.md has no version")
	}
	return "", "", fmt.Errorf("CHANGELOG.md has no section for %s: write one, \"## [%s] - YYYY-MM-DD\"", version, strings.TrimPrefix(version, "v"))
}
