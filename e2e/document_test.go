package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	markdown "github.com/yuin/goldmark/text"
)

// document is a page of Markdown.
type document struct {
	path    string // from the root of the repository
	text    string
	fences  []fence
	links   []named // of pages and of pictures
	spans   []named // inline code
	anchors map[string]bool
	odd     []named // what no page has, and what is wrong with it
}

// fence is a fenced block.
type fence struct {
	line      int    // the one after its opening fence, from 1
	language  string // what stands behind the opening fence
	text      string
	section   string // the heading of level two that it stands under
	after     string // language of the block right before it, if there is one
	explained bool   // whether a paragraph, or an item of a list, is right before it
}

// named is a text with the line where it stands.
type named struct {
	line int
	text string
}

// documents reads every page, by its path: those below docs, and those that
// stand at the root.
func documents(t *testing.T) map[string]*document {
	t.Helper()
	all := map[string]*document{}
	for _, p := range []string{"README.md", "CONTRIBUTING.md"} {
		all[p] = readDocument(t, p)
	}
	err := fs.WalkDir(os.DirFS(".."), "docs", func(p string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(p) == ".md" {
			all[p] = readDocument(t, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readDocument reads the page at a path from the root of the repository.
func readDocument(t *testing.T, p string) *document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(p)))
	if err != nil {
		t.Fatal(err)
	}
	return parseDocument(p, string(text))
}

func parseDocument(p, text string) *document {
	r := &reader{document: &document{path: p, text: text, anchors: map[string]bool{}}, source: []byte(text)}
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(markdown.NewReader(r.source))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			r.read(n)
		}
		return ast.WalkContinue, nil
	})
	return r.document
}

// reader reads a page from top to bottom.
type reader struct {
	*document

	source  []byte
	section string
	line    int // of the last text that was met
}

func (r *reader) read(n ast.Node) {
	if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
		r.line = r.lineOf(n.Lines().At(0).Start)
	}
	switch n := n.(type) {
	case *ast.Heading:
		title := r.inner(n)
		if n.Level == 2 {
			r.section = title
		}
		r.addAnchor(title)
	case *ast.FencedCodeBlock:
		r.fences = append(r.fences, r.fence(n))
	case *ast.CodeBlock:
		r.odd = append(r.odd, named{r.line, "a block of code is indented; fence it and say what it is"})
	case *ast.Text:
		r.line = r.lineOf(n.Segment.Start)
	case *ast.CodeSpan:
		text := strings.ReplaceAll(r.inner(n), "\n", " ") // sets the line too
		r.spans = append(r.spans, named{r.line, text})
	case *ast.Link:
		r.links = append(r.links, named{r.line, string(n.Destination)})
	case *ast.Image:
		r.links = append(r.links, named{r.line, string(n.Destination)})
	}
}

func (r *reader) fence(n *ast.FencedCodeBlock) fence {
	f := fence{section: r.section, text: string(n.Lines().Value(r.source))}
	if n.Info != nil {
		f.language = string(n.Info.Value(r.source))
		f.line = r.lineOf(n.Info.Segment.Start) + 1
	} else if n.Lines().Len() > 0 {
		f.line = r.lineOf(n.Lines().At(0).Start)
	}
	switch before := n.PreviousSibling().(type) {
	case *ast.FencedCodeBlock:
		f.after = "text"
		if before.Info != nil {
			f.after = string(before.Info.Value(r.source))
		}
	case *ast.Paragraph, *ast.TextBlock, *ast.List:
		f.explained = true
	}
	return f
}

// lineOf returns the line of an offset, from 1.
func (r *reader) lineOf(offset int) int { return strings.Count(r.text[:offset], "\n") + 1 }

// inner returns the text inside a node, without its marks.
func (r *reader) inner(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			r.line = r.lineOf(t.Segment.Start)
			b.Write(t.Segment.Value(r.source))
			continue
		}
		b.WriteString(r.inner(c))
	}
	return b.String()
}

// addAnchor adds the name by which a heading is linked to, as the repository's
// host makes it.
func (r *reader) addAnchor(title string) {
	name := strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case unicode.IsLetter(c), unicode.IsDigit(c), c == '-', c == '_':
			return unicode.ToLower(c)
		}
		return -1
	}, title)
	unique := name
	for n := 1; r.anchors[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	r.anchors[unique] = true
}

// at says where something is, as editors and compilers do.
func (d *document) at(line int) string { return fmt.Sprintf("%s:%d", d.path, line) }

// pattern matches the text that shown stands for: "…" is any text within a line,
// at the beginning of a string the rest of that string, and on a line of its own
// any lines, one at least.
func pattern(shown string) *regexp.Regexp {
	p := regexp.QuoteMeta(shown)
	p = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(p, `(?:.*\n)+`)
	p = strings.ReplaceAll(p, `"…`, `"[^"\n]*`)
	p = strings.ReplaceAll(p, `…`, `.*`)
	return regexp.MustCompile("^" + p + "$")
}

// TestPagesAreReadAsTheyAreMeant shows what is found on a page, and where.
func TestPagesAreReadAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	d := parseDocument("docs/x.md", "# A `medbook` page\n\nSee [it](y.md#there), `a` and\n`b c`.\n\n## Do it\n\n- Like this:\n\n  ```json\n  {}\n  ```\n\n```sh\nfalse\n```\n```\n…\n```\n\n## Do it\n\n    hidden\n")
	if len(d.fences) != 3 || d.fences[0].line != 11 || d.fences[0].text != "{}\n" || !d.fences[0].explained ||
		d.fences[1] != (fence{15, "sh", "false\n", "Do it", "", true}) || d.fences[2] != (fence{18, "", "…\n", "Do it", "sh", false}) {
		t.Errorf("the blocks are %+v", d.fences)
	}
	if got := fmt.Sprint(d.links, d.spans, d.odd, d.anchors); got != "[{3 y.md#there}] [{1 medbook} {3 a} {4 b c}] [{23 a block of code is indented; fence it and say what it is}] map[a-medbook-page:true do-it:true do-it-1:true]" {
		t.Errorf("found %s", got)
	}
	for _, tt := range []struct {
		shown, printed string
		want           bool
	}{
		{"", "", true},
		{"", "more\n", false},
		{"a … c\n", "a b c\n", true},
		{"a … c\n", "a b\nc\n", false},
		{`{"id":"…","name":"x"}` + "\n", `{"id":"1","name":"x"}` + "\n", true},
		{`{"id":"…"}` + "\n", `{"id":"1","name":"x"}` + "\n", false},
		{"first\n…\nlast\n", "first\na\nb\nlast\n", true},
		{"first\n…\nlast\n", "first\nlast\n", false},
	} {
		if got := pattern(tt.shown).MatchString(tt.printed); got != tt.want {
			t.Errorf("%q stands for %q: %v, want %v", tt.shown, tt.printed, got, tt.want)
		}
	}
}
