package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"medbook/internal/sqldb"
)

// TestTheVersionIsWhatIsKnown shows that a release says what the linker was
// told, and any other build what the toolchain recorded.
func TestTheVersionIsWhatIsKnown(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	stamped := []debug.BuildSetting{
		{Key: "vcs.revision", Value: revision},
		{Key: "vcs.time", Value: "2026-11-29T22:17:35Z"},
		{Key: "GOOS", Value: "windows"},
		{Key: "GOARCH", Value: "arm64"},
	}
	changed := append([]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, stamped...)
	engines := []*debug.Module{
		{Path: "github.com/jackc/pgx/v5", Version: "v5.12.0"},
		{Path: "modernc.org/sqlite", Version: "v1.60.1"},
	}
	built := "\nsqlite      " + sqldb.SQLiteVersion + " (modernc.org/sqlite v1.60.1)\npostgresql  any from 15 on (github.com/jackc/pgx/v5 v5.12.0)\n"
	for _, tt := range []struct {
		name string
		main string
		seen []debug.BuildSetting
		told origins
		want string
	}{
		{
			"a release, without version control", "(devel)", stamped[2:],
			origins{"v1.2.3", revision, "2026-11-29T22:17:35Z"},
			"medbook v1.2.3\ncommit      " + revision + "\ncommitted   2026-11-29T22:17:35Z\ngo          go1.26.8 windows/arm64" + built,
		},
		{
			"a release, in a tree with changes", "(devel)", changed,
			origins{"v1.2.3", revision, "2026-11-29T22:17:35Z"},
			"medbook v1.2.3\ncommit      " + revision + "\ncommitted   2026-11-29T22:17:35Z\ngo          go1.26.8 windows/arm64" + built,
		},
		{
			"go build in a clone", "v0.0.0-20261129221735-0123456789ab", stamped,
			origins{},
			"medbook v0.0.0-20261129221735-0123456789ab\ncommit      " + revision + "\ncommitted   2026-11-29T22:17:35Z\ngo          go1.26.8 windows/arm64" + built,
		},
		{
			"go build with changes", "v0.0.0-20261129221735-0123456789ab+dirty", changed,
			origins{},
			"medbook v0.0.0-20261129221735-0123456789ab+dirty\ncommit      " + revision + " and changes that are not committed\ncommitted   2026-11-29T22:17:35Z\ngo          go1.26.8 windows/arm64" + built,
		},
		{
			"go build without version control", "", stamped[2:],
			origins{},
			"medbook (devel)\ngo          go1.26.8 windows/arm64" + built,
		},
	} {
		var out strings.Builder
		info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: tt.main}, Deps: engines, Settings: tt.seen}
		if err := describe(info, tt.told).write(&out); err != nil || out.String() != tt.want {
			t.Errorf("%s: got %v\n%swant\n%s", tt.name, err, out.String(), tt.want)
		}
	}
}
