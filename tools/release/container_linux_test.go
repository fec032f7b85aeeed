package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// image is what the last stage of the Containerfile says.
type image struct {
	build                        string // the shell command that builds the program
	user, folder                 string
	volumes, env, start, healthy []string
}

// stages parses the Containerfile. BuildKit, which builds it elsewhere, must find
// nothing to complain of.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	tree, err := parser.Parse(bytes.NewReader(read(t, filepath.Join(repository, "deploy", "Containerfile"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Warnings {
		t.Errorf("the Containerfile: %s", w.Short)
	}
	lint := linter.New(&linter.Config{ExperimentalAll: true, Warn: func(rule, _, _, message string, _ []parser.Range) {
		t.Errorf("the Containerfile: %s: %s", rule, message)
	}})
	all, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Fatalf("the Containerfile has %d stages, want one that builds and one that runs", len(all))
	}
	return all
}

// theImage returns what the Containerfile says.
func theImage(t *testing.T) (m image) {
	t.Helper()
	all := stages(t)
	for _, c := range all[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(run.CmdLine[0], "go build") {
			m.build = run.CmdLine[0]
		}
	}
	for _, c := range all[1].Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			m.user = c.User
		case *instructions.WorkdirCommand:
			m.folder = c.Path
		case *instructions.VolumeCommand:
			m.volumes = c.Volumes
		case *instructions.EnvCommand:
			for _, e := range c.Env {
				m.env = append(m.env, e.Key+"="+e.Value)
			}
		case *instructions.EntrypointCommand:
			m.start = append(slices.Clone(c.CmdLine), m.start...)
		case *instructions.CmdCommand:
			m.start = append(m.start, c.CmdLine...)
		case *instructions.HealthCheckCommand:
			m.healthy = c.Health.Test
		case *instructions.RunCommand:
			t.Error("there is nothing to run in the last stage: it has no shell")
		}
	}
	return m
}

// TestTheImageIsSmallAndNobodysRoot says what the Containerfile must say.
func TestTheImageIsSmallAndNobodysRoot(t *testing.T) {
	all, m := stages(t), theImage(t)
	if all[1].BaseName != "scratch" || m.user != "65532:65532" || !slices.Equal(m.volumes, []string{"/data"}) || m.folder != "/" ||
		!slices.Equal(m.start, []string{"/medbook", "serve"}) || !slices.Equal(m.healthy, []string{"CMD", "/medbook", "health"}) || !slices.Equal(m.env, []string{"MEDBOOK_LISTEN=:8080"}) {
		t.Errorf("the image is %+v, from %s", m, all[1].BaseName)
	}
	mod, err := modfile.ParseLax("go.mod", read(t, filepath.Join(repository, "go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	tag := regexp.MustCompile(`^golang:(\d+\.\d+\.\d+)-bookworm$`).FindStringSubmatch(all[0].BaseName)
	if tag == nil || semver.Compare("v"+tag[1], "v"+mod.Go.Version) < 0 {
		t.Errorf("the image is built by %s, which names no version of Go from %s on", all[0].BaseName, mod.Go.Version)
	}
}

// context returns a folder with what .dockerignore lets into a build.
func buildContext(t *testing.T) string {
	t.Helper()
	patterns, err := ignorefile.ReadAll(bytes.NewReader(read(t, filepath.Join(repository, ".dockerignore"))))
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return copyTree(t, func(name string) bool {
		ignored, err := matcher.MatchesOrParentMatches(name)
		if err != nil {
			t.Fatal(err)
		}
		return !ignored
	})
}

// TestTheImageHasTheReleasesProgram runs the line of the Containerfile that builds
// the program, in a folder with what the line would find, and compares what it
// builds with the release's.
func TestTheImageHasTheReleasesProgram(t *testing.T) {
	r, m := theRelease(t), theImage(t)
	folder, out := buildContext(t), t.TempDir()
	for _, name := range []string{"README.md", ".git", "deploy", "e2e", "cmd/medbook/main_test.go"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			t.Errorf("%s is sent to who builds images", name)
		}
	}
	sh := exec.Command("sh", "-ec", strings.ReplaceAll(m.build, "/out/", out+"/"))
	sh.Dir = folder
	sh.Env = append(target{}.environment(), "TARGETOS="+here.os, "TARGETARCH="+here.arch, "VERSION="+r.version, "COMMIT="+r.commit, "COMMITTED="+r.time.rfc3339())
	must(t, sh)
	if !bytes.Equal(read(t, filepath.Join(out, "medbook")), read(t, r.program())) {
		t.Error("the image's program is not the release's")
	}
}

// TestTheProgramRunsInAnEmptyRoot starts the server as the image does: nothing
// there but the program and certificates, nothing to write to but the volume, and
// nobody's user. There is no Docker on the build machine; the mounts are those
// that it would make.
func TestTheProgramRunsInAnEmptyRoot(t *testing.T) {
	r, m := theRelease(t), theImage(t)
	sandbox(t)
	root := t.TempDir()
	mount(t, "none", root, "tmpfs", 0, "")
	defer unmount(t, root)
	folders(t, root, "etc/ssl/certs", "data")
	for to, from := range map[string]string{"medbook": r.program(), "etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"} {
		if err := os.WriteFile(filepath.Join(root, to), read(t, from), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "none", filepath.Join(root, "data"), "tmpfs", 0, "uid=65532,gid=65532,mode=0700")
	mount(t, "none", root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")

	address := freeAddress(t)
	container := jail{root: root, uid: 65532, gid: 65532, env: []string{"MEDBOOK_LISTEN=" + address}}
	server := container.command(m.start...)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if out, err := container.command(append(slices.Clone(m.healthy[1:]), "--wait=2m")...).CombinedOutput(); err != nil {
		t.Errorf("the health check ends with %v: %s", err, out)
	}
	must(t, container.command(m.healthy[1:]...))
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if !strings.Contains(log.String(), "Make its first admin here") {
		t.Errorf("the server said\n%s", log.String())
	}
	if out, err := container.command(m.healthy[1:]...).CombinedOutput(); err == nil {
		t.Errorf("the health check of a server that has ended says %q", out)
	}
	for _, name := range []string{"medbook.db", "medbook.keys"} {
		if uid, _, mode := owner(t, filepath.Join(root, "data", name)); uid != 65532 || mode != 0o600 {
			t.Errorf("%s is of user %d and has mode %o", name, uid, mode)
		}
	}
}

// freeAddress returns one of this machine at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
