package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// block is some commands of a page with what they print.
type block struct {
	line     int // where it begins
	commands []command
	shows    bool // whether the page has what they print
	shown    string
}

// command is a line that is typed, with those that it goes on in.
type command struct {
	line int
	text string
}

// commandsOf splits a block of shell into what is typed at once: a here-document, a
// loop and what a backslash continues are one command.
func commandsOf(f fence) ([]command, error) {
	parsed, err := shellOf(f)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(f.text, "\n")
	var starts []int // of commands, from 0
	end := 0         // line of the last one's end, from 1
	for _, s := range parsed.Stmts {
		if from := int(s.Pos().Line()); from > end {
			starts = append(starts, from-1)
		}
		end = max(end, int(s.End().Line()))
	}
	var all []command
	for i, from := range starts {
		to := len(lines)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		all = append(all, command{f.line + from, strings.TrimRight(strings.Join(lines[from:to], ""), "\n")})
	}
	return all, nil
}

// shellOf parses a block as POSIX shell.
func shellOf(f fence) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangPOSIX), syntax.KeepComments(false)).Parse(strings.NewReader(f.text), "")
}

// blocksOf returns what a page has people type, in the order of the page.
func blocksOf(t *testing.T, d *document) (all []block) {
	t.Helper()
	for _, f := range d.fences {
		switch {
		case f.language == "sh":
			commands, err := commandsOf(f)
			if err != nil {
				t.Fatalf("%s: this is no shell: %v", d.at(f.line), err)
			}
			all = append(all, block{line: f.line, commands: commands})
		case f.language == "" && f.after == "sh":
			last := &all[len(all)-1]
			last.shows, last.shown = true, f.text
		}
	}
	return all
}

// shell is a shell to which commands are given one at a time.
type shell struct {
	in      io.Writer
	out     *bufio.Reader // stderr is in it too
	folder  string
	scratch string
	ended   <-chan struct{}
}

// newShell starts a shell in a folder of its own, in which ./medbook is the program.
// It ends, and what it left running too, when the test does, or when it takes too long.
func newShell(t *testing.T, atMost time.Duration, env ...string) *shell {
	t.Helper()
	s := &shell{folder: t.TempDir(), scratch: t.TempDir()}
	if err := os.Symlink(program(t), filepath.Join(s.folder, "medbook")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	cmd := exec.CommandContext(ctx, "sh")
	inItsOwnGroup(cmd)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.folder, env, patience
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	s.in, s.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = ctx.Done()
	t.Cleanup(func() {
		in.Close() // at the end of its input the shell ends what it started
		_ = cmd.Wait()
		cancel()
	})
	s.run(t, "at the beginning", `trap 'trap "" TERM; kill 0; wait' EXIT`)
	return s
}

// run runs a command that stands somewhere, and returns what it printed and the status it ended with.
func (s *shell) run(t *testing.T, where, text string) (printed string, status int) {
	t.Helper()
	const end = '\x01'
	uttered.add(personalTyped(text)...)
	script := filepath.Join(s.scratch, "command") // so that no command reads what is typed next
	if err := os.WriteFile(script, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, ". %s </dev/null\nprintf '\\001%%d\\n' $?\n", script); err != nil {
		t.Fatalf("%s: %s: %v", where, text, err)
	}
	printed, err := s.out.ReadString(end)
	if err != nil {
		select {
		case <-s.ended:
			err = errors.New("it took too long")
		default:
		}
		t.Fatalf("%s: this ended the shell: %v\n%s\nIt printed:\n%s%s", where, err, text, printed, s.logs(t))
	}
	line, err := s.out.ReadString('\n')
	if err == nil {
		status, err = strconv.Atoi(strings.TrimSuffix(line, "\n"))
	}
	if err != nil {
		t.Fatalf("%s: %s: no status: %v", where, text, err)
	}
	return strings.TrimSuffix(printed, string(end)), status
}

// refused finds a problem document among what commands print.
var refused = regexp.MustCompile(`"type":"/docs/problems#[a-z-]+"`)

// follow types what the page has people type, after there, and compares what is
// printed, after back, with what the page shows.
func (s *shell) follow(t *testing.T, d *document, blocks []block, there, back *strings.Replacer) {
	t.Helper()
	for _, b := range blocks {
		var all strings.Builder
		for _, c := range b.commands {
			out, status := s.run(t, d.at(c.line), there.Replace(c.text))
			out = back.Replace(out)
			if status != 0 {
				t.Fatalf("%s: this ends with %d:\n%s\nIt printed:\n%s%s", d.at(c.line), status, c.text, out, s.logs(t))
			}
			all.WriteString(out)
		}
		switch printed := all.String(); {
		case b.shows && !pattern(b.shown).MatchString(printed):
			t.Fatalf("%s: these commands print\n%s\nwhich is not what the page shows:\n%s%s", d.at(b.line), printed, b.shown, s.logs(t))
		case !b.shows && refused.MatchString(printed):
			t.Fatalf("%s: a request is refused, and the page does not show it:\n%s%s", d.at(b.line), printed, s.logs(t))
		}
	}
}

// logs returns the ends of the logs that servers wrote into the folder, for who
// looks for what went wrong.
func (s *shell) logs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range s.logFiles(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "\n%s ends with:\n%s", filepath.Base(name), text[max(0, len(text)-2000):])
	}
	return all.String()
}

func (s *shell) logFiles(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.folder, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// write makes a file and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// given are the addresses that quietAddress has returned.
var given sync.Map

// quietAddress returns an address where nobody listens, another one each time. Its
// port is below those that the system gives to who asks for any, so that nobody
// takes it meanwhile.
func quietAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// TestCommandsAreWhatIsTypedAtOnce shows how a block of shell is split.
func TestCommandsAreWhatIsTypedAtOnce(t *testing.T) {
	t.Parallel()
	f := fence{line: 10, text: "A=1; echo $A\n# a comment\ncat <<END >file\none\n\ntwo\nEND\nuntil true; do\n  false\ndone\n./medbook serve \\\n  --listen x &\nx() { :; }; x\n"}
	got, err := commandsOf(f)
	if err != nil {
		t.Fatal(err)
	}
	want := "[{10 A=1; echo $A\n# a comment} {12 cat <<END >file\none\n\ntwo\nEND} {17 until true; do\n  false\ndone} {20 ./medbook serve \\\n  --listen x &} {22 x() { :; }; x}]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if _, err := commandsOf(fence{text: "if true; then\n"}); err == nil {
		t.Error("half an if is taken for shell")
	}
}
