package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"medbook/internal/sqldb/sqltest"
)

// patience is how long a test waits for another process. It is long, for the
// machine may be busy, and only a test that fails ever waits so long.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "medbook-e2e")
	if err != nil {
		panic(err)
	}
	binaries = folder
	defer os.RemoveAll(folder)
	sqltest.Main(m)
}

// binaries is the folder for what the tests build.
var binaries string

// medbook is the path of the program, built when it is first needed.
var medbook = sync.OnceValues(func() (string, error) {
	return build("medbook", append([]string{"-tags", "testclock"}, detector...)...)
})

// released is the path of the program as users get it.
var released = sync.OnceValues(func() (string, error) { return build("release") })

// build builds the program into binaries.
func build(name string, flags ...string) (string, error) {
	path := filepath.Join(binaries, name)
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "medbook/cmd/medbook")...).CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
}

// program returns the path of the program.
func program(t testing.TB) string {
	t.Helper()
	path, err := medbook()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	status         int
}

// run runs a command of the program to its end, in folder, with env beside a
// nearly empty environment.
func run(t *testing.T, folder string, env []string, args ...string) result {
	t.Helper()
	return runFrom(t, program(t), folder, env, args...)
}

// runFrom is run of another build of the program.
func runFrom(t *testing.T, path, folder string, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range args[:max(0, len(args)-1)] {
		if args[i] == "--name" || args[i] == "--email" {
			uttered.add(args[i+1])
		}
	}
	uttered.add(personalTyped(strings.Join(args, "\n"))...)
	cmd := exec.CommandContext(ctx, path, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &stdout, &stderr
	cmd.Env = append(environment(), env...)
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		t.Fatalf("medbook %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// environment is what the program may see of the tests' own.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TMPDIR=" + os.TempDir(),
		// Tests ask for more than any person does.
		"MEDBOOK_RATE_LIMIT_ADDRESS=0", "MEDBOOK_RATE_LIMIT_CREDENTIAL=0", "MEDBOOK_RATE_LIMIT_SECRETS=0", "MEDBOOK_HOLDS_PER_DAY=0", "MEDBOOK_HOLD_COOLDOWN=0",
	}
}

// process is a server that runs.
type process struct {
	cmd    *exec.Cmd
	url    string
	stdout *lines
	stderr *lines
	ended  chan struct{} // closed once the process is gone
}

// start starts "medbook ARGS" and returns when it listens. If it still runs
// when the test ends it is killed. stderr must hold no race, no panic, and nothing
// that is personal.
func start(t testing.TB, folder string, env []string, args ...string) *process {
	t.Helper()
	return listening(t, launch(t, folder, env, args...))
}

// listening returns p when it listens.
func listening(t testing.TB, p *process) *process {
	t.Helper()
	url := ""
	p.stderr.await(t, p.ended, "the line that tells the address", func(line string) bool {
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			url = entry.Address
		}
		return url != ""
	})
	p.url = url
	return p
}

// launch starts "medbook ARGS" and does not wait.
func launch(t testing.TB, folder string, env []string, args ...string) *process {
	t.Helper()
	return launchFrom(t, program(t), folder, env, args...)
}

// launchFrom is launch of another build of the program.
func launchFrom(t testing.TB, path, folder string, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), stdout: newLines(), stderr: newLines(), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = folder, append(environment(), env...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		var reading sync.WaitGroup
		reading.Go(func() { p.stdout.read(stdout) })
		reading.Go(func() { p.stderr.read(stderr) })
		reading.Wait()
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
	}()
	t.Cleanup(func() {
		p.kill(t)
		for _, line := range p.stderr.all() {
			if strings.Contains(line, "DATA RACE") || strings.Contains(line, "panic") || strings.Contains(line, `"level":"ERROR"`) {
				t.Errorf("the program wrote: %s\n%s", line, strings.Join(p.stderr.all(), "\n"))
				break
			}
		}
		tellTale(t, p.stderr.all())
	})
	return p
}

// kill ends the process as a power cut would, as far as a process can tell.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	p.wait(t)
}

// signal asks the process to stop.
func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait returns the status that the process ends with, -1 for a killed one.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the program does not end; it wrote:\n%s", strings.Join(p.stderr.all(), "\n"))
		return 0
	}
}

// lines are what a process has written, and who waits for more.
type lines struct {
	mu   sync.Mutex
	text []string
	more chan struct{} // closed and replaced with each line
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) read(r io.Reader) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l.mu.Lock()
		l.text = append(l.text, scanner.Text())
		close(l.more)
		l.more = make(chan struct{})
		l.mu.Unlock()
	}
}

// all returns the lines so far.
func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.text...)
}

// await returns once a line is what is wanted, or fails the test when the
// process ends without one.
func (l *lines) await(t testing.TB, ended <-chan struct{}, what string, wanted func(line string) bool) {
	t.Helper()
	deadline := time.After(patience)
	for n, over := 0, false; ; {
		l.mu.Lock()
		text, more := l.text, l.more
		l.mu.Unlock()
		for ; n < len(text); n++ {
			if wanted(text[n]) {
				return
			}
		}
		if over {
			t.Fatalf("the program ended without %s; it wrote:\n%s", what, strings.Join(text, "\n"))
		}
		select {
		case <-more:
		case <-ended:
			over = true // once more, for what came last
		case <-deadline:
			t.Fatalf("the program wrote all but %s:\n%s", what, strings.Join(text, "\n"))
		}
	}
}
