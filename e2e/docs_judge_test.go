package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"mvdan.cc/sh/v3/syntax"
)

// wrong says what is wrong with a fenced block; empty: nothing.
func (f fence) wrong() string {
	var err error
	switch f.language {
	case "sh":
		_, err = shellOf(f)
	case "sh elsewhere":
		if !f.explained {
			return "commands that can't be tried here need a sentence before them that says where they are for"
		}
		_, err = shellOf(f)
	case "":
		if f.after != "sh" && f.after != "sh elsewhere" {
			return "a block without a language is what the commands right before it print; what is something else says so: text, yaml, …"
		}
	case "text":
		if looksTyped.MatchString(f.text) {
			return "commands are in a block of text, where nobody tries them: " + looksTyped.FindString(f.text)
		}
	case "yaml":
		err = readsYAML(f.text)
	case "json":
		if !json.Valid([]byte(f.text)) {
			err = errors.New("it does not parse")
		}
	case "ini":
		err = readsINI(f.text)
	case "go":
		_, err = format.Source([]byte(f.text))
	case "sql", "mermaid", "nginx", "haproxy", "caddy", "nix": // other programs read these
	default:
		return fmt.Sprintf("%q is not a kind of block that CONTRIBUTING.md knows", f.language)
	}
	if err != nil {
		return fmt.Sprintf("this is no %s: %v", f.language, err)
	}
	return ""
}

// looksTyped finds what somebody is meant to type.
var looksTyped = regexp.MustCompile(`(?m)^ *(?:[$#] .*|(?:sudo |\./)?(?:make [a-z-]+|go (?:build|run|test|tool) .*|(?:medbook|curl|docker|systemctl|psql|export) [-/.a-zA-Z].*))$`)

func readsYAML(text string) error {
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var v any
		if err := d.Decode(&v); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

var isINI = regexp.MustCompile(`^(?:|[#;].*|\[[\w .-]+\]|[\w.-]+ ?=.*)$`)

func readsINI(text string) error {
	continued := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !continued && !isINI.MatchString(line) {
			return fmt.Errorf("%q is neither a section nor a setting", line)
		}
		continued = strings.HasSuffix(line, `\`)
	}
	return nil
}

// inline says what is wrong with inline code that names a command, a flag or a
// target of make; empty: nothing, or it names something else.
func (s *surface) inline(text string) string {
	words := strings.Fields(text)
	switch {
	case len(words) == 0:
		return ""
	case strings.HasPrefix(text, "--") && len(words[0]) > 2:
		if name := flagName(words[0]); !s.flags[name] && name != "help" && !strings.Contains(name, "…") {
			return "no command takes --" + name
		}
	case words[0] == "medbook" || words[0] == "./medbook":
		return s.command(words[1:])
	case words[0] == "make" && len(words) == 2:
		return s.target(words[1])
	}
	return ""
}

func (s *surface) target(name string) string {
	if isTarget.MatchString(name+":") && !s.targets[name] {
		return "the Makefile has no target " + name
	}
	return ""
}

// flagName is the name of a flag as it is written: --name, --name=VALUE.
func flagName(word string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
	return strings.TrimRight(name, ",;")
}

// command judges the words behind "medbook".
func (s *surface) command(words []string) string {
	name := ""
	for len(words) > 0 && s.commands[name] == nil {
		longer := strings.TrimSpace(name + " " + words[0])
		if s.commands[longer] == nil && !s.groups[longer] {
			break
		}
		name, words = longer, words[1:]
	}
	flags := s.commands[name]
	if flags == nil && len(words) > 0 {
		if w := words[0]; w == strings.ToUpper(w) || w == "--help" || w == "…" { // a placeholder
			return ""
		}
		return fmt.Sprintf("there is no command %q", strings.TrimSpace(name+" "+words[0]))
	}
	for _, w := range words {
		if f := flagName(w); strings.HasPrefix(w, "--") && f != "" && !flags[f] {
			return fmt.Sprintf("medbook %s takes no --%s", name, f)
		}
	}
	return ""
}

// script judges all calls of the program, and of make, in a block of shell.
func (s *surface) script(f fence) (wrong []named) {
	parsed, err := shellOf(f)
	if err != nil {
		return nil // TestTheDocumentsAreWellFormed says so
	}
	syntax.Walk(parsed, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		words := make([]string, len(call.Args))
		for i, a := range call.Args {
			words[i] = literal(a)
		}
		complaint := ""
		for i, w := range words {
			switch {
			case path.Base(w) == "medbook" && (i == 0 || i+1 < len(words) && s.groups[words[i+1]] || i+1 < len(words) && s.commands[words[i+1]] != nil):
				complaint = s.command(words[i+1:])
			case w == "make" && i == 0 && len(words) > 1:
				complaint = s.target(words[1])
			}
		}
		if complaint != "" {
			wrong = append(wrong, named{f.line + int(call.Pos().Line()) - 1, complaint})
		}
		return true
	})
	return wrong
}

// literal is a word as far as it is written out; what is put in when it runs is "$".
func literal(w *syntax.Word) string {
	var b strings.Builder
	var add func(parts []syntax.WordPart)
	add = func(parts []syntax.WordPart) {
		for _, p := range parts {
			switch p := p.(type) {
			case *syntax.Lit:
				b.WriteString(p.Value)
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				add(p.Parts)
			default:
				b.WriteString("$")
			}
		}
	}
	add(w.Parts)
	return b.String()
}

// TestWhatIsWrongOnAPageIsFound judges blocks and names that are wrong, each in one way.
func TestWhatIsWrongOnAPageIsFound(t *testing.T) {
	t.Parallel()
	for _, f := range []fence{
		{language: "bash", text: "true\n"},
		{language: "sh", text: "if true\n"},
		{language: "sh elsewhere", text: "true\n"},
		{language: "sh elsewhere", text: "'\n", explained: true},
		{language: "", text: "printed\n"},
		{language: "", text: "printed\n", after: "yaml"},
		{language: "text", text: "Do this:\n\n  curl -s http://x.example\n"},
		{language: "text", text: "$ ls\n"},
		{language: "yaml", text: "a: [\n"},
		{language: "json", text: "{a: 1}\n"},
		{language: "ini", text: "[Unit]\nwhat is this\n"},
		{language: "go", text: "func {\n"},
	} {
		if f.wrong() == "" {
			t.Errorf("%+v is taken for good", f)
		}
	}
	for _, f := range []fence{
		{language: "sh elsewhere", text: "sudo make\n", explained: true},
		{language: "", text: "printed\n", after: "sh"},
		{language: "text", text: "cmd/medbook   the command line\n  make the program go faster\n"},
		{language: "yaml", text: "a: 1\n---\nb: 2\n"},
		{language: "ini", text: "# x\n[Unit]\nExecStart=/bin/a \\\n  --b\n"},
	} {
		if wrong := f.wrong(); wrong != "" {
			t.Errorf("%+v: %s", f, wrong)
		}
	}
	known := askProgram(t)
	for text, want := range map[string]string{
		"medbook": "", "medbook.db": "", "medbook serve --listen HOST:PORT": "", "medbook audit": "", "medbook COMMAND --help": "",
		"medbook --help": "", "--listen": "", "--listen=:80": "", "make test": "", "make it so": "", "medbook keys rewrap --all": "",
		"medbook srve": "no command", "medbook audit verfy": "no command", "medbook serve --prot 1": "no --prot", "medbook migrate --listen x": "no --listen",
		"--prot": "no command takes", "make tset": "no target",
	} {
		if got := known.inline(text); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	f := fence{line: 5, text: "export A=1\nsudo -u medbook medbook srve\nsystemctl stop medbook\nB=$(./medbook key crate x)\nsudo -u x /usr/bin/medbook serve --prot 1\nmake tset\n"}
	var lines []int
	for _, w := range known.script(f) {
		lines = append(lines, w.line)
	}
	if !slices.Equal(lines, []int{8, 9, 10}) {
		t.Errorf("wrong are lines %v, want 8, 9 and 10", lines)
	}
	const at = "docs/design.md"
	all := map[string]*document{at: parseDocument(at, "# One\n")}
	for link, want := range map[string]string{
		"https://x.example/y": "", "#one": "", "../README.md": "", "design.md#one": "", "x.md": "no such file", "#two": "no such heading", "../README.md#two": "no such heading", "../../x": "no such file",
	} {
		if _, got := follow(all, at, link); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
}
