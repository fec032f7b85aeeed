package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const repository = "../.."

// here is the system that the tests build for: this machine's, and Linux, for
// that has all forms.
var here = target{"linux", runtime.GOARCH}

// built is a release as the tests hand it out.
type built struct {
	release
	stage, out string // folders: with the program, and with what is handed out
}

func (b built) program() string { return filepath.Join(b.stage, here.program()) }

// sample returns a release of what is at root, whatever is committed there.
func sample(root string) release {
	return release{
		root: root, version: "v1.2.3", commit: "0123456789abcdef0123456789abcdef01234567",
		time: stamp{time.Date(2026, 11, 29, 22, 17, 35, 0, time.UTC)}, changes: "Nothing.\n",
	}
}

// folder is for what is built once for all tests.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "medbook-release-test"); err != nil {
		panic(err)
	}
	status := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		panic(err)
	}
	os.Exit(status)
}

// once builds the release of this tree for here.
var once = sync.OnceValues(func() (b built, err error) {
	root, err := filepath.Abs(repository)
	if err != nil {
		return b, err
	}
	b = built{sample(root), filepath.Join(folder, "stage"), filepath.Join(folder, "out")}
	if err := os.MkdirAll(b.stage, 0o755); err != nil {
		return b, err
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return b, err
	}
	ctx := context.Background()
	if err := b.compile(ctx, b.program(), here); err != nil {
		return b, err
	}
	return b, errors.Join(b.pack(ctx, b.program(), b.out, here), writeSums(b.out))
})

// theRelease returns what is built of this tree.
func theRelease(t *testing.T) built {
	t.Helper()
	b, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// copyTree copies what the repository has into a new folder: files that git
// knows, if wanted says so.
func copyTree(t *testing.T, wanted func(name string) bool) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if os.IsNotExist(err) || !wanted(name) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// must runs a command to its end and returns what it prints.
func must(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheSameSourceGivesTheSameBytes builds everything a second time: in another
// folder, with nothing of the first build at hand, and with settings that must
// make no difference.
func TestTheSameSourceGivesTheSameBytes(t *testing.T) {
	first := theRelease(t)
	second := built{sample(copyTree(t, func(string) bool { return true })), t.TempDir(), t.TempDir()}
	t.Setenv("GOFLAGS", "-tags=testclock")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("TZ", "America/St_Johns")
	t.Setenv("SOURCE_DATE_EPOCH", "1")
	cache := goCache(t)
	t.Setenv("GOCACHE", t.TempDir())
	if err := second.compile(t.Context(), second.program(), here); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, second.program()), read(t, first.program())) {
		t.Fatal("the programs differ")
	}
	t.Setenv("GOCACHE", cache)
	t.Setenv("GOFLAGS", "")
	if err := second.pack(t.Context(), second.program(), second.out, here); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(second.out)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("built %v, want an archive, a package and an SBOM", entries)
	}
	for _, e := range entries {
		if !bytes.Equal(read(t, filepath.Join(first.out, e.Name())), read(t, filepath.Join(second.out, e.Name()))) {
			t.Errorf("%s differs", e.Name())
		}
	}
}

func goCache(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(must(t, exec.Command("go", "env", "GOCACHE")))
}

// TestAReleaseSaysWhatItIs runs the program.
func TestAReleaseSaysWhatItIs(t *testing.T) {
	r := theRelease(t)
	said := must(t, exec.Command(r.program(), "version"))
	for _, want := range []string{"medbook v1.2.3\n", "commit      " + r.commit + "\n", "committed   2026-11-29T22:17:35Z\n", runtime.Version() + " linux/"} {
		if !strings.Contains(said, want) {
			t.Errorf("medbook version says\n%swant %q", said, want)
		}
	}
}

func TestChecksumsAreOfEverything(t *testing.T) {
	r := theRelease(t)
	check := exec.Command("sha256sum", "--check", "--strict", sumsName)
	check.Dir = r.out
	must(t, check)
	entries, err := os.ReadDir(r.out)
	if err != nil {
		t.Fatal(err)
	}
	sums := string(read(t, filepath.Join(r.out, sumsName)))
	for _, e := range entries {
		if e.Name() != sumsName && !strings.Contains(sums, "  "+e.Name()+"\n") {
			t.Errorf("%s lacks %s", sumsName, e.Name())
		}
	}
}

func TestTargetsAreChosenByName(t *testing.T) {
	for _, tt := range []struct {
		names string
		want  int
	}{{"", 6}, {"linux/amd64", 1}, {"windows/arm64,darwin/amd64", 2}, {"plan9/amd64", 0}, {"linux", 0}, {"linux/amd64,", 0}} {
		chosen, err := parseTargets(tt.names)
		if len(chosen) != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%q: got %v and error %v, want %d", tt.names, chosen, err, tt.want)
		}
	}
}

// TestUncommittedChangesAreRefused shows that nothing is handed out that nobody
// could build again.
func TestUncommittedChangesAreRefused(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "CHANGELOG.md"), []byte("## [1.2.3] - 2026-11-29\n\nNew.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = root
		return must(t, cmd)
	}
	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message=x", "--date=2020-01-01T00:00:00Z")
	r, err := prepare(t.Context(), root, "")
	if err != nil || r.version != "v1.2.3" || r.changes != "New.\n" || r.commit != strings.TrimSpace(git("rev-parse", "HEAD")) || r.time.Year() < 2026 {
		t.Errorf("a clean tree: got %+v and error %v", r, err)
	}
	if err := os.WriteFile(filepath.Join(root, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(t.Context(), root, ""); err == nil || !strings.Contains(err.Error(), "not committed:\n?? new") {
		t.Errorf("a tree with a new file: error %v", err)
	}
}
