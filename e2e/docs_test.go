package e2e

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"medbook/internal/sqldb/sqltest"
)

// TestEveryCommandOfTheDocumentsWorks does what each page below docs says, as a
// reader does: in an empty folder with ./medbook in it, one command after the other.
func TestEveryCommandOfTheDocumentsWorks(t *testing.T) {
	t.Parallel()
	all := documents(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		if path.Dir(name) == "." {
			continue // TestTheTourOfTheReadme
		}
		blocks := blocksOf(t, d)
		if len(blocks) == 0 {
			continue
		}
		t.Run(strings.TrimPrefix(name, "docs/"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, d)
			sh := newShell(t, 3*patience, w.environment(t, d)...)
			sh.follow(t, d, blocks, strings.NewReplacer(w.there...), strings.NewReplacer(w.back...))
			w.wasUsed(t)
			for _, name := range sh.logFiles(t) {
				tellTale(t, logOf(t, name))
			}
		})
	}
}

// world is what is outside of a page: the addresses that it names, and who is there.
// In the pages they have names that everybody reads; here they are on this machine.
type world struct {
	there, back []string // pairs of what is replaced, and by what
	mail        *mailbox
	sms         *telephones
	login       func() int // how many have signed in
	roots       string     // file with who vouches for the mail server
}

// The names that pages have for what is elsewhere.
var (
	serverName   = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):\d{4,5}\b`)
	databaseName = regexp.MustCompile(`postgres://medbook@db\.example/(\w+)(\?)?`)
)

const (
	mailName  = "mail.example:587"
	mailName2 = "mail.example:465"
	smsName   = "https://sms.example"
	loginName = "https://login.example"
)

func newWorld(t *testing.T, d *document) *world {
	t.Helper()
	w := &world{}
	typed := w.typed(d)
	for _, name := range unique(serverName.FindAllString(typed, -1)) {
		address := quietAddress(t)
		w.replace(name, address)
	}
	urls := map[string]string{}
	names := unique(databaseName.FindAllString(typed, -1))
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // what goes on with "?" first
	for _, name := range names {
		db, open := strings.CutSuffix(name, "?")
		if urls[db] == "" {
			urls[db] = sqltest.Postgres(t)
		}
		if open {
			w.there = append(w.there, name, urls[db]+"&")
			continue
		}
		w.replace(name, urls[db])
	}
	if strings.Contains(typed, mailName) || strings.Contains(typed, mailName2) {
		w.mail = newMailbox(t)
		w.roots = w.mail.roots
		w.replace(mailName, w.mail.address)
		w.replace(mailName2, w.mail.implicit)
	}
	if strings.Contains(typed, smsName) {
		w.sms = newTelephones(t)
		w.replace(smsName, w.sms.url)
	}
	if strings.Contains(typed, loginName) {
		issuer := signsEverybodyIn(t)
		w.login = func() int { return issuer.Hits("/token") }
		w.replace(loginName, issuer.URL)
	}
	return w
}

// typed is all that a page has people type.
func (*world) typed(d *document) string {
	var b strings.Builder
	for _, f := range d.fences {
		if f.language == "sh" {
			b.WriteString(f.text)
		}
	}
	return b.String()
}

func (w *world) replace(name, address string) {
	w.there = append(w.there, name, address)
	w.back = append(w.back, address, name)
}

// listens finds where a page says itself on which address its server listens.
var listens = regexp.MustCompile(`--listen|MEDBOOK_LISTEN|(?m)^\s*listen\b`)

// environment is what the commands of a page find: a home of their own, and nothing
// of ours. A server that is started without a word on where listens where the page
// calls it.
func (w *world) environment(t *testing.T, d *document) []string {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(), "HOME=" + t.TempDir(), "GOCACHE=" + goCache(t)}
	typed := w.typed(d)
	if address := strings.NewReplacer(w.there...).Replace("127.0.0.1:8080"); !listens.MatchString(typed) {
		env = append(env, "MEDBOOK_LISTEN="+address)
	}
	if w.roots != "" {
		env = append(env, "SSL_CERT_FILE="+w.roots)
	}
	return env
}

// goCache is where Go keeps what it has built, for pages that build something.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// wasUsed fails the test unless whom the page names was reached.
func (w *world) wasUsed(t *testing.T) {
	t.Helper()
	if w.mail != nil && w.mail.count() == 0 {
		t.Error("no e-mail came to the mail server")
	}
	if w.sms != nil && w.sms.count() == 0 {
		t.Error("no SMS came to the service")
	}
	if w.login != nil && w.login() == 0 {
		t.Error("nobody signed in at the provider")
	}
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// TestTheDocumentsAreWellFormed judges the blocks of every page: what each is, and
// whether it is what it says.
func TestTheDocumentsAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		for _, o := range d.odd {
			t.Errorf("%s: %s", d.at(o.line), o.text)
		}
		for _, f := range d.fences {
			if wrong := f.wrong(); wrong != "" {
				t.Errorf("%s: %s", d.at(f.line), wrong)
			}
		}
	}
}

// TestTheDocumentsLeadSomewhere follows the links between pages, looks for the tests
// that they name, and looks whether each page is found from docs/README.md.
func TestTheDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	all := documents(t)
	tests := testNames(t)
	leads := map[string][]string{}
	for name, d := range all {
		for _, l := range d.links {
			target, wrong := follow(all, name, l.text)
			if wrong != "" {
				t.Errorf("%s: a link to %s: %s", d.at(l.line), l.text, wrong)
			}
			leads[name] = append(leads[name], target)
		}
		for _, s := range d.spans {
			if isTestName.MatchString(s.text) && !tests[s.text] {
				t.Errorf("%s: there is no test %s", d.at(s.line), s.text)
			}
		}
	}
	const index = "docs/README.md"
	reached := map[string]bool{index: true}
	for next := []string{index}; len(next) > 0; {
		name := next[0]
		next = next[1:]
		for _, target := range leads[name] {
			if !reached[target] && all[target] != nil {
				reached[target] = true
				next = append(next, target)
			}
		}
	}
	for name := range all {
		if !reached[name] {
			t.Errorf("no way leads from %s to %s: add a link", index, name)
		}
	}
}

// follow returns where a link of a page leads, from the root of the repository, and
// what is wrong with it.
func follow(all map[string]*document, from, link string) (target, wrong string) {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return "", ""
	}
	file, anchor, _ := strings.Cut(link, "#")
	target = from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(target))); err != nil || strings.HasPrefix(target, "..") {
		return target, "there is no such file"
	}
	if anchor != "" && (all[target] == nil || !all[target].anchors[anchor]) {
		return target, "there is no such heading"
	}
	return target, ""
}

var isTestName = regexp.MustCompile(`^(?:Test|Benchmark|Fuzz)[A-Z]\w*$`)

// testNames lists the tests of the program.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, text := range sourceFiles(t, "_test.go") {
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w+)\(`).FindAllStringSubmatch(text, -1) {
			all[m[1]] = true
		}
	}
	return all
}

// sourceFiles returns the texts of the repository's files whose names end so.
func sourceFiles(t *testing.T, suffixes ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("..", func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); base == "node_modules" || base == ".git" || base == "docs" {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			return nil
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheDocumentsNameWhatThereIs looks for every command, flag, setting and target of
// make that a page names.
func TestTheDocumentsNameWhatThereIs(t *testing.T) {
	t.Parallel()
	known := askProgram(t)
	for _, d := range documents(t) {
		for _, s := range d.spans {
			if wrong := known.inline(s.text); wrong != "" {
				t.Errorf("%s: `%s`: %s", d.at(s.line), s.text, wrong)
			}
		}
		for _, f := range d.fences {
			if f.language != "sh" && f.language != "sh elsewhere" {
				continue
			}
			for _, w := range known.script(f) {
				t.Errorf("%s: %s", d.at(w.line), w.text)
			}
		}
		for i, line := range strings.Split(d.text, "\n") {
			for _, name := range isSetting.FindAllString(line, -1) {
				if !known.settings[name] {
					t.Errorf("%s: nothing reads %s", d.at(i+1), name)
				}
			}
		}
	}
}

var (
	isSetting = regexp.MustCompile(`\bMEDBOOK_[A-Z0-9_]*[A-Z0-9]\b`)
	isFlag    = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`)
	isCommand = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)  `)
	isTarget  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// surface is what the program, and make, can be told.
type surface struct {
	commands map[string]map[string]bool // to their flags
	groups   map[string]bool            // the beginnings of commands
	flags    map[string]bool            // of all commands
	settings map[string]bool
	targets  map[string]bool
}

// askProgram asks the program for its help, and reads the Makefile.
func askProgram(t *testing.T) *surface {
	t.Helper()
	s := &surface{commands: map[string]map[string]bool{}, groups: map[string]bool{"": true}, flags: map[string]bool{}, settings: map[string]bool{}, targets: map[string]bool{}}
	help := func(words ...string) string {
		out, err := exec.Command(program(t), append(words, "--help")...).Output()
		if err != nil {
			t.Fatalf("medbook %v --help: %v", words, err)
		}
		return string(out)
	}
	_, list, _ := strings.Cut(help(), "\nCommands:\n")
	for _, m := range isCommand.FindAllStringSubmatch(list, -1) {
		words := strings.Fields(m[1])
		for i := range words {
			s.groups[strings.Join(words[:i], " ")] = true
		}
		text := help(words...)
		_, flags, _ := strings.Cut(text, "\nFlags:\n")
		s.commands[m[1]] = map[string]bool{"help": true}
		for _, f := range isFlag.FindAllStringSubmatch(flags, -1) {
			s.commands[m[1]][f[1]] = true
			s.flags[f[1]] = true
		}
		for _, name := range isSetting.FindAllString(text, -1) {
			s.settings[name] = true
		}
	}
	if len(s.commands) < 10 {
		t.Fatalf("medbook --help lists the commands %v", slices.Collect(maps.Keys(s.commands)))
	}
	makefile := ""
	for name, text := range sourceFiles(t, ".go", "Makefile", ".sh") {
		if !strings.HasSuffix(name, "docs_test.go") {
			for _, setting := range isSetting.FindAllString(text, -1) {
				s.settings[setting] = true
			}
		}
		if name == filepath.Join("..", "Makefile") {
			makefile = text
		}
	}
	for name := range maps.Clone(s.settings) {
		s.settings[name+"_FILE"] = true
	}
	for _, m := range isTarget.FindAllStringSubmatch(makefile, -1) {
		s.targets[m[1]] = true
	}
	return s
}
