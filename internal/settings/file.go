package settings

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// most is how long a configuration file may be, in bytes.
const most = 1 << 20

// entry is a key of the file, and its value as text.
type entry struct {
	key   string // empty if it can't be the name of anything
	where string // "medbook.yaml:3"
	set   bool   // whether there is a value; an empty one counts as none
	text  string // of a list: its parts with commas between
	list  bool
	wrong string // why no setting can stand like that
}

// readFile returns the entries of a configuration file: one mapping from the names
// of settings to values and lists of values. Its errors
// name lines and keys, and repeat no value.
func readFile(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(text) > most {
		return nil, fmt.Errorf("%s is longer than a configuration can be", path)
	}
	var documents []yaml.Node
	if err := yaml.Load(text, &documents, yaml.WithAllDocuments()); err != nil {
		return nil, notYAML(path, err)
	}
	if len(documents) > 1 {
		return nil, fmt.Errorf("%s has more than one document", path)
	}
	if len(documents) == 0 || isNothing(documents[0].Content[0]) {
		return nil, nil
	}
	return entries(path, documents[0].Content[0])
}

// lines finds where the reader of YAML met something wrong.
var lines = regexp.MustCompile(`\bline ([0-9]+)`)

// notYAML says where the text is wrong. What the reader says may quote the text.
func notYAML(path string, err error) error {
	where := path
	if all := lines.FindAllStringSubmatch(err.Error(), -1); len(all) > 0 {
		where += ":" + all[len(all)-1][1]
	}
	return fmt.Errorf("%s: this is not YAML: look for a quote, a colon or a bracket too many or too few, and for a tab", where)
}

// entries returns the keys of a mapping in their order, the wrong ones too.
func entries(path string, root *yaml.Node) (all []entry, err error) {
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: a configuration has lines such as listen: 127.0.0.1:8080", path, root.Line)
	}
	lineOf := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		e := entry{where: fmt.Sprintf("%s:%d", path, key.Line)}
		if key.Kind == yaml.ScalarNode && nameable.MatchString(key.Value) {
			e.key = key.Value
		}
		switch {
		case e.key == "":
			e.wrong = "this key is no setting"
		case lineOf[e.key] > 0:
			e.wrong = fmt.Sprintf("stands in line %d already", lineOf[e.key])
		case !isNothing(value):
			e.read(value)
		}
		lineOf[e.key] = key.Line
		all = append(all, e)
	}
	return all, nil
}

// nameable are keys that may be repeated to the reader: they are names.
var nameable = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// isNothing reports whether a value is empty, which counts as none.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Value == "" || n.ShortTag() == "!!null")
}

// read takes the value as it is written: what type it has, the setting knows.
func (e *entry) read(n *yaml.Node) {
	e.set = true
	switch n.Kind {
	case yaml.ScalarNode:
		e.text, e.wrong = scalar(n)
	case yaml.SequenceNode:
		e.list = true
		var parts []string
		for _, part := range n.Content {
			text, wrong := scalar(part)
			switch {
			case wrong != "":
				e.wrong = wrong
			case text == "" || isNothing(part):
				e.wrong = "has an empty value in its list"
			case strings.Contains(text, ","):
				e.wrong = "has a comma within a value of its list"
			}
			parts = append(parts, text)
		}
		e.text = strings.Join(parts, ",")
	default:
		e.wrong = "takes one value, or a list of values"
	}
}

// scalar returns a value's text, or what is wrong with it.
func scalar(n *yaml.Node) (text, wrong string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", "takes one value, or a list of values"
	case n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return "", "has an anchor or a tag, which a configuration does without"
	case strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "takes one line of text"
	}
	return n.Value, ""
}
