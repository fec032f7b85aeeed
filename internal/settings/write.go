package settings

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// Write writes what holds for each setting of the command, and where that comes from,
// as a configuration file that can be used. Secrets are masked and in comments, as is
// what is not set. What nobody has set is what stands in the command's fields.
func (s *Settings) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	file := "a configuration file, of which there is none"
	if s.file != "" {
		file = s.file
	}
	fmt.Fprintf(out, "# What holds: flags, else variables, else %s, else defaults.\n", oneLine(file))
	for _, flag := range of(s.command) {
		line, err := s.line(flag)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line)
	}
	return out.Flush()
}

// line writes one setting.
func (s *Settings) line(flag *kong.Flag) (string, error) {
	text, o := textOf(flag), s.found[flag]
	hidden, masked, from := HoldsSecret(text), Mask(text), s.secretly(flag)
	if s.mayHoldSecret(flag) && text != "" && !strings.HasPrefix(text, "sqlite:") && !address.MatchString(text) {
		hidden, masked = true, "***" // who knows what this is
	}
	switch {
	case o.by != byNobody:
		from = o.where
	case from != "" && isSecret(flag) && text == "":
		return fmt.Sprintf("# %s: \"***\"  # %s", dashed(bare(variable(flag.Value))), from), nil
	case from != "":
		hidden = true
	default:
		from = "default"
	}
	if text == "" && o.by == byNobody {
		return "# " + flag.Name + ":  # not set", nil
	}
	value, err := written(flag, masked)
	line := fmt.Sprintf("%s: %s  # %s", flag.Name, value, oneLine(from))
	if hidden {
		line = "# " + line
	}
	return line, err
}

// secretly tells where a setting comes from whose value was read as a secret, or is
// one and was not read: the variable, the file or the credential. Else it is "".
func (s *Settings) secretly(flag *kong.Flag) string {
	if !isSecret(flag) {
		for _, secret := range of(s.command) {
			if isSecret(secret) && s.partner(secret) == flag {
				if from := s.secretly(secret); from != "" {
					return from
				}
				return s.found[secret].where
			}
		}
		return ""
	}
	one, _ := flag.Target.Interface().(Secret)
	if o, ok := s.held[flag]; ok {
		return o.where
	}
	partner := s.partner(flag)
	if one.File == "" && one.credential() != "" && (partner == nil || s.found[partner].by == byNobody) {
		return "the credential " + one.Credential()
	}
	return ""
}

// mayHoldSecret reports whether a setting can be given by a secret as well.
func (s *Settings) mayHoldSecret(flag *kong.Flag) bool {
	return slices.ContainsFunc(of(s.command), func(secret *kong.Flag) bool { return isSecret(secret) && s.partner(secret) == flag })
}

// textOf returns the value of a flag as it would be given.
func textOf(flag *kong.Flag) string {
	switch v := flag.Target.Interface().(type) {
	case Secret:
		return v.File
	case time.Duration:
		text := v.String()
		for _, none := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(text, none) {
				text = text[:len(text)-2]
			}
		}
		return text
	}
	if flag.Target.Kind() == reflect.Slice {
		var parts []string
		for i := range flag.Target.Len() {
			parts = append(parts, fmt.Sprint(flag.Target.Index(i)))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(flag.Target)
}

// written writes a value as YAML in one line, as text unless it is a number, a
// duration or true or false.
func written(flag *kong.Flag, text string) (string, error) {
	if kind := flag.Target.Kind(); kind != reflect.String && kind != reflect.Slice && kind != reflect.Struct {
		return text, nil
	}
	node := scalarOf(text)
	if isList(flag) && text != "" {
		node = yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for part := range strings.SplitSeq(text, ",") {
			one := scalarOf(strings.TrimSpace(part))
			node.Content = append(node.Content, &one)
		}
	}
	out, err := yaml.Dump(node, yaml.WithLineWidth(-1))
	return strings.TrimSpace(string(out)), err
}

func scalarOf(text string) yaml.Node {
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if oneLine(text) != text {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

// oneLine replaces what would end a line, or a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}
