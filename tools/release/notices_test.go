package main

import (
	"debug/buildinfo"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoticesNameEverybody compares the notices with what the program says that
// it is built of.
func TestNoticesNameEverybody(t *testing.T) {
	r := theRelease(t)
	text := string(read(t, filepath.Join(r.stage, noticesName)))
	info, err := buildinfo.ReadFile(r.program())
	if err != nil {
		t.Fatal(err)
	}
	rule := "\n" + strings.Repeat("=", 80) + "\n"
	sections := map[string]string{}
	for section := range strings.SplitSeq(text, rule) {
		name, said, _ := strings.Cut(section, "\n")
		sections[name] = said
	}
	wanted := []string{"Go's standard library", "Embedded in Medbook: internal/web/assets", "Embedded in Medbook: internal/api/assets", "Embedded in Medbook: internal/password"}
	for _, m := range info.Deps {
		wanted = append(wanted, m.Path+" "+m.Version)
	}
	if len(wanted) < 40 {
		t.Errorf("the program says that it is built of %d modules; there are more", len(info.Deps))
	}
	for _, name := range wanted {
		if len(sections[name]) < 200 {
			t.Errorf("the notices say of %s: %q", name, sections[name])
		}
	}
	if extra := len(sections) - 1 - len(wanted); extra != 0 {
		t.Errorf("the notices are of %d works more than the program has", extra)
	}
	for _, want := range []string{"Permission to use, copy, modify, and/or distribute this software", "htmx.LICENSE", "swagger-ui.NOTICE", "Redistributions in binary form must reproduce"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notices lack %q", want)
		}
	}
}

// TestEverybodySaysWhatMayBeDone shows that for no system anything is linked that
// bears no licence.
func TestEverybodySaysWhatMayBeDone(t *testing.T) {
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range all {
		works, err := sample(root).works(t.Context(), target)
		if err != nil || len(works) < 40 {
			t.Errorf("%s: %d works, error %v", target, len(works), err)
		}
	}
}

// TestNothingIsHandedOutThatSaysNothing looks at a folder without a licence.
func TestNothingIsHandedOutThatSaysNothing(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "LICENCE.md": true, "License.txt": true, "COPYING": true, "NOTICE": true, "PATENTS": true, "LICENSE-MIT": true, "htmx.LICENSE": true,
		"swagger-ui-bundle.js.LICENSE.txt": true, "license.go": true, "relicense.txt": false, "licenses": false, "README": false, "notices.go": false,
	} {
		if legal.MatchString(name) != want {
			t.Errorf("%s: taken for legal %t, want %t", name, !want, want)
		}
	}
}

// TestTheBillHasEveryModule reads the SBOM.
func TestTheBillHasEveryModule(t *testing.T) {
	r := theRelease(t)
	var bill struct {
		BomFormat, SpecVersion, SerialNumber string
		Metadata                             struct {
			Timestamp string
			Component struct{ Name, Version, Purl string }
		}
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(read(t, filepath.Join(r.out, "medbook_1.2.3_linux_"+here.arch+".cdx.json")), &bill); err != nil {
		t.Fatal(err)
	}
	if bill.BomFormat != "CycloneDX" || bill.SpecVersion != "1.6" || bill.Metadata.Component.Name != "medbook" || bill.Metadata.Component.Version != "v1.2.3" || bill.Metadata.Timestamp+bill.SerialNumber != "" {
		t.Errorf("the SBOM is %+v", bill.Metadata)
	}
	found := map[string]bool{}
	for _, c := range bill.Components {
		found[c.Name+" "+c.Version] = strings.HasPrefix(c.Purl, "pkg:golang/")
	}
	info, err := buildinfo.ReadFile(r.program())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !found[m.Path+" "+m.Version] {
			t.Errorf("the SBOM lacks %s %s", m.Path, m.Version)
		}
	}
	if !found["std "+info.GoVersion] {
		t.Errorf("the SBOM lacks Go's standard library, %s", info.GoVersion)
	}
}
