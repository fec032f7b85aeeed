package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is a system to build for, by Go's names.
type target struct{ os, arch string }

// all are the systems that a release is for.
var all = []target{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// parseTargets reads names with commas between; none are all.
func parseTargets(text string) (chosen []target, err error) {
	if text == "" {
		return all, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(all, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is none of %v", name, all)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (t target) String() string { return t.os + "/" + t.arch }

// program is what the program's file is called there.
func (t target) program() string {
	if t.os == "windows" {
		return "medbook.exe"
	}
	return "medbook"
}

// suffix is that of the archive.
func (t target) suffix() string {
	if t.os == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// environment is what the Go toolchain sees: of our own what says where its
// files are, and nothing that changes what it builds.
func (t target) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		kept := []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOROOT", "GOTOOLCHAIN", "GOTMPDIR", "GOINSECURE", "GOPRIVATE", "GOAUTH"}
		return (strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_")) && !slices.Contains(kept, name)
	})
	return append(env, "GOENV=off", "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
}

// flags are those of go build. Paths are left out, and so is what the toolchain
// would see of version control: a build from an archive of the source has none.
func (r release) flags() []string {
	return []string{
		"-trimpath", "-buildvcs=false",
		"-ldflags", fmt.Sprintf("-s -w -X main.release=%s -X main.commit=%s -X main.committed=%s", r.version, r.commit, r.time.rfc3339()),
	}
}

// compile builds the program.
func (r release) compile(ctx context.Context, program string, t target) error {
	_, err := r.goTool(ctx, t, append(append([]string{"build"}, r.flags()...), "-o", program, "./cmd/medbook")...)
	return err
}

// goTool runs the go command in the repository and returns what it prints.
func (r release) goTool(ctx context.Context, t target, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // arguments of our own
	cmd.Env = t.environment()
	return r.output(cmd)
}

// git returns what a command of git prints, without the last line's end.
func (r release) git(ctx context.Context, args ...string) (string, error) {
	out, err := r.output(exec.CommandContext(ctx, "git", args...)) //nolint:gosec // arguments of our own
	return strings.TrimSpace(string(out)), err
}

// output runs a command in the repository. Its error has what was complained of.
func (r release) output(cmd *exec.Cmd) ([]byte, error) {
	var complaints bytes.Buffer
	cmd.Dir, cmd.Stderr = r.root, &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaints.String())
	}
	return out, nil
}

// stamp is an instant in whole seconds, UTC.
type stamp struct{ time.Time }

// parseStamp reads seconds since 1970.
func parseStamp(text string) (stamp, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	return stamp{time.Unix(seconds, 0).UTC()}, err
}

func (s stamp) rfc3339() string { return s.Format(time.RFC3339) }
