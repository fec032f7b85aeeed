package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"medbook/internal/settings"
)

var update = flag.Bool("update", false, "write the tables of settings into docs/configuration.md")

const (
	settingsDoc = "../../docs/configuration.md"
	tableBegin  = "<!-- settings: made of the flags of cmd/medbook by go test ./cmd/medbook -run TheSettingsAreDocumented -update -->\n"
	tableEnd    = "<!-- end of settings -->\n"
)

// TestTheSettingsAreDocumented compares the tables of docs/configuration.md with the
// flags of the program.
func TestTheSettingsAreDocumented(t *testing.T) {
	content, err := os.ReadFile(settingsDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(content), tableBegin)
	table, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the tables", settingsDoc)
	}
	all, _ := model(t)
	want := settingsTables(all)
	if *update {
		if err := os.WriteFile(settingsDoc, []byte(before+tableBegin+want+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the tables of %s are not those of the flags: run go test ./cmd/medbook -run TheSettingsAreDocumented -update", settingsDoc)
	}
}

// settingsTables is a row for each setting: those of the server, and then, with the
// commands that have them, those of others.
func settingsTables(all []settings.Setting) string {
	var server, others strings.Builder
	server.WriteString("\n| flag | key | variable | default | meaning |\n|---|---|---|---|---|\n")
	for _, s := range all {
		switch {
		case slices.Contains(s.Commands, "serve"):
			server.WriteString(settingRow(s, ""))
		case len(s.Commands) > 0:
			others.WriteString(settingRow(s, " Of "+strings.Join(s.Commands, ", ")+"."))
		}
	}
	server.WriteString("\n")
	if others.Len() == 0 {
		return server.String()
	}
	return server.String() + "The server has no use for these:\n\n| flag | key | variable | default | meaning |\n|---|---|---|---|---|\n" + others.String() + "\n"
}

// variables are named in help texts as a shell does it.
var variables = regexp.MustCompile(`\$(MEDBOOK_\w+)`)

// settingRow writes a setting's row.
func settingRow(s settings.Setting, of string) string {
	usage := "--" + s.Name
	if !s.Flag.IsBool() {
		usage += " " + s.Flag.FormatPlaceHolder()
	}
	meaning, standard, _ := strings.Cut(s.Flag.Help, " Default: ")
	standard = strings.TrimSuffix(cmp.Or(standard, s.Flag.Default, "none"), ".")
	if s.Flag.IsBool() {
		standard = cmp.Or(s.Flag.Default, "false")
	}
	variable := "`" + s.Variable + "`"
	if s.Secret != "" {
		variable += "; what is in it: `" + s.Secret + "`"
	}
	cell := func(text string) string {
		return variables.ReplaceAllString(strings.NewReplacer("|", "\\|", "<", "\\<").Replace(text), "`$1`")
	}
	return fmt.Sprintf("| `%s` | `%s` | %s | %s | %s |\n", cell(usage), s.Name, variable, cell(standard), cell(meaning+of))
}
