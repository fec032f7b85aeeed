package e2e

import (
	"bufio"
	"context"
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
	"testing"
)

// TestTheTourOfTheReadme types the tour into a shell, line by line, and compares
// what it prints with what the README shows. It works on any day.
func TestTheTourOfTheReadme(t *testing.T) {
	t.Parallel()
	blocks := tour(t)
	for i, day := range []string{
		"",                     // today
		"2027-03-12T20:59:59Z", // a Friday evening in New York, before its clocks change
		"2027-11-07T05:30:00Z", // the hour that comes twice there
		"2027-12-31T23:59:59Z",
		"2028-02-29T13:00:00Z",
	} {
		t.Run("on "+day, func(t *testing.T) {
			t.Parallel()
			address := quietAddress(t, 20000+1000*i)
			env := []string{"MEDBOOK_LISTEN=" + address}
			if day != "" {
				env = append(env, "MEDBOOK_TEST_CLOCK="+write(t, "clock", day))
			}
			sh := newShell(t, env...)
			for _, b := range blocks {
				var printed strings.Builder
				for _, command := range b.commands {
					out, status := sh.run(t, strings.ReplaceAll(command, "127.0.0.1:8080", address))
					if status != 0 {
						t.Errorf("%s\nends with %d", command, status)
					}
					printed.WriteString(out)
				}
				if !b.printed.MatchString(printed.String()) {
					t.Fatalf("%s\nprints\n%s\nwhich is not what the README shows:\n%s", strings.Join(b.commands, "\n"), printed.String(), b.shown)
				}
			}
			if complaints := sh.complaints(t); complaints != "" {
				t.Errorf("the tour complains: %s", complaints)
			}
			tellTale(t, logOf(t, filepath.Join(sh.folder, "medbook.log")))
		})
	}
}

// block is some commands of the tour with what they print.
type block struct {
	commands []string
	shown    string
	printed  *regexp.Regexp
}

// tour reads the tour. What a block of commands prints is in the block after it.
func tour(t *testing.T) []block {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "\n## A tour in five minutes\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var blocks []block
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n(?:```\n(.*?)^```\n)?").FindAllStringSubmatch(text, -1) {
		commands := strings.Split(strings.TrimSuffix(m[1], "\n"), "\n")
		blocks = append(blocks, block{commands, m[2], pattern(m[2])})
	}
	if len(blocks) < 8 || strings.Count(text, "```sh\n") != len(blocks) {
		t.Fatalf("found %d blocks of commands in the tour", len(blocks))
	}
	return blocks
}

// pattern matches the text that shown stands for: "…" is any text, and "…" at
// the beginning of a string the rest of that string.
func pattern(shown string) *regexp.Regexp {
	p := regexp.QuoteMeta(shown)
	p = strings.ReplaceAll(p, `"…`, `"[^"\n]*`)
	p = strings.ReplaceAll(p, `…`, `.*`)
	return regexp.MustCompile("^" + p + "$")
}

// shell is a shell to which commands are given one at a time.
type shell struct {
	in     io.Writer
	out    *bufio.Reader
	folder string
	stderr string // the name of a file
}

// newShell starts a shell in a folder of its own, in which ./medbook is the
// program. It ends, and what it left running too, when the test does.
func newShell(t *testing.T, env ...string) *shell {
	t.Helper()
	folder := t.TempDir()
	if err := os.Symlink(program(t), filepath.Join(folder, "medbook")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, "sh")
	s := &shell{folder: folder, stderr: filepath.Join(folder, "stderr")}
	stderr, err := os.Create(s.stderr)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Dir, cmd.Env, cmd.Stderr = folder, append(environment(), env...), stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	cmd.Cancel = in.Close // at the end of its input the shell ends what it started
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		stderr.Close()
		cancel()
	})
	s.run(t, `trap '[ -z "$!" ] || kill $! 2>/dev/null' EXIT`)
	return s
}

// run runs a command and returns what it printed and the status it ended with.
func (s *shell) run(t *testing.T, command string) (printed string, status int) {
	t.Helper()
	const end = '\x01'
	uttered.add(personalTyped(command)...)
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\001%%d\\n' $?\n", command); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	printed, err := s.out.ReadString(end)
	if err != nil {
		t.Fatalf("%s\nended the shell: %v\n%s\n%s", command, err, printed, s.complaints(t))
	}
	line, err := s.out.ReadString('\n')
	if err == nil {
		status, err = strconv.Atoi(strings.TrimSuffix(line, "\n"))
	}
	if err != nil {
		t.Fatalf("%s: no status: %v", command, err)
	}
	return strings.TrimSuffix(printed, string(end)), status
}

// complaints returns what commands have written to stderr.
func (s *shell) complaints(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

// quietAddress returns an address where nobody listens. Its port, one of a
// thousand from the given one on, is below those that the system gives to who
// asks for any, so that nobody takes it meanwhile.
func quietAddress(t *testing.T, from int) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", from+rand.IntN(1000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatalf("no free port from %d on", from)
	return ""
}
