package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"medbook/internal/sqldb"
)

// What a release says of itself. The linker sets them, for a release is built
// without version control beside it; otherwise they are empty and what the Go
// toolchain recorded counts.
var (
	release   string // "v1.2.3"
	commit    string // 40 hexadecimal digits
	committed string // when, RFC 3339 in UTC
)

// version prints what the program is and what it is built of.
type version struct{}

// Help says what the summary has no room for.
func (version) Help() string {
	return `The first line is the version: of a release as in CHANGELOG.md, else as the Go toolchain recorded it, "(devel)" where it could not tell. What is not known is left out.`
}

// Run prints the version on a line of its own, then what it was built of.
func (version) Run(o output) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without version information")
	}
	return describe(info, origins{release, commit, committed}).write(o.stdout)
}

// thisVersion returns the version alone.
func thisVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return describe(info, origins{release, commit, committed}).version
}

// origins are what the linker was told.
type origins struct{ release, commit, committed string }

// description is what there is to say of a build; empty fields are not known.
type description struct {
	version, commit, committed, toolchain, sqlite, postgresql string
}

// describe puts together what the linker was told and what the toolchain saw.
func describe(info *debug.BuildInfo, told origins) description {
	recorded := map[string]string{}
	for _, s := range info.Settings {
		recorded[s.Key] = s.Value
	}
	d := description{
		version:   cmp.Or(told.release, info.Main.Version, "(devel)"),
		commit:    cmp.Or(told.commit, recorded["vcs.revision"]),
		committed: cmp.Or(told.committed, recorded["vcs.time"]),
		toolchain: fmt.Sprintf("%s %s/%s", info.GoVersion, cmp.Or(recorded["GOOS"], runtime.GOOS), cmp.Or(recorded["GOARCH"], runtime.GOARCH)),
		sqlite:    sqldb.SQLiteVersion,
	}
	if told.commit == "" && recorded["vcs.modified"] == "true" {
		d.commit += " and changes that are not committed"
	}
	for _, m := range info.Deps {
		switch m.Path {
		case "modernc.org/sqlite":
			d.sqlite += fmt.Sprintf(" (%s %s)", m.Path, m.Version)
		case "github.com/jackc/pgx/v5":
			d.postgresql = fmt.Sprintf("any from 15 on (%s %s)", m.Path, m.Version)
		}
	}
	return d
}

// write writes a line for each fact that is known.
func (d description) write(w io.Writer) error {
	fmt.Fprintln(w, "medbook", d.version)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"commit", d.commit},
		{"committed", d.committed},
		{"go", d.toolchain},
		{"sqlite", d.sqlite},
		{"postgresql", d.postgresql},
	} {
		if line[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
		}
	}
	return table.Flush()
}
