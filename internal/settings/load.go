package settings

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// InvalidError is what is wrong with the configuration file and the variables, all
// at once. It repeats no value.
type InvalidError struct{ Problems []string }

// Error returns a sentence for each problem.
func (e *InvalidError) Error() string { return strings.Join(e.Problems, "; ") }

// load finds the settings of the command that was chosen. It looks at all of the
// file and the environment, also at what is meant for other commands, so that a slip
// shows at once. A command without settings is not held up by either.
func (s *Settings) load(ctx *kong.Context) error {
	command := ctx.Selected()
	if s.loaded || command == nil || len(of(command)) == 0 {
		return nil
	}
	s.loaded, s.command = true, command
	wrong := &InvalidError{Problems: s.unknownVariables()}
	wrong.Problems = append(wrong.Problems, s.badVariables()...)
	inFile, err := s.readFile(ctx)
	if err != nil {
		wrong.Problems = append(wrong.Problems, strings.Split(err.Error(), "\n")...)
	}
	s.find(ctx, inFile)
	wrong.Problems = append(wrong.Problems, s.choose(ctx)...)
	if len(wrong.Problems) > 0 {
		return wrong
	}
	return nil
}

// badVariables judges the values of variables as those of flags.
func (s *Settings) badVariables() (problems []string) {
	for _, one := range s.all {
		if text, ok := s.environment[one.Variable]; ok {
			if wrong := judge(one.Flag, text); wrong != "" {
				problems = append(problems, one.Variable+" "+wrong)
			}
		}
	}
	return problems
}

// readFile returns the entries of the configuration file by key, if there is one.
func (s *Settings) readFile(ctx *kong.Context) (map[string]entry, error) {
	for _, flag := range ctx.Model.Flags {
		if !isFile(flag) {
			continue
		}
		s.file = s.environment[variable(flag.Value)]
		if given(ctx, flag) {
			s.file = fmt.Sprint(ctx.FlagValue(flag))
		}
	}
	if s.file == "" {
		return nil, nil
	}
	all, err := readFile(s.file)
	byKey := map[string]entry{}
	for _, e := range all {
		if wrong := s.judgeEntry(e); wrong != "" {
			err = errors.Join(err, errors.New(e.where+": "+wrong))
		} else if e.set {
			byKey[e.key] = e
		}
	}
	return byKey, err
}

// isFile reports whether a flag names the configuration file.
func isFile(flag *kong.Flag) bool { return flag.Target.Type() == reflect.TypeFor[File]() }

// given reports whether a flag stands on the command line.
func given(ctx *kong.Context, flag *kong.Flag) bool {
	return slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag == flag })
}

// judgeEntry returns what is wrong with a line of the file, or "".
func (s *Settings) judgeEntry(e entry) string {
	one, ok := s.byName[e.key]
	switch {
	case e.key == "":
		return e.wrong
	case ok && isFile(one.Flag):
		return e.key + " can be given by a flag or a variable only"
	case !ok:
		for _, secret := range s.all {
			if secret.Secret != "" && e.key == dashed(secret.Secret) {
				return fmt.Sprintf("%s is a secret, which can't stand in this file: name a file that has it with %s, or set %s", e.key, secret.Name, secret.Secret)
			}
		}
		return e.key + " is no setting" + s.meant(e.key, true)
	case e.wrong != "":
		return e.key + " " + e.wrong
	case !e.set:
		return ""
	case e.list && !isList(one.Flag):
		return e.key + " takes one value, not a list"
	case HoldsSecret(e.text):
		instead := "set " + one.Variable
		for _, secret := range s.all {
			if secret.Secret == one.Variable {
				instead += ", or put it into a file and name that with " + secret.Name
			}
		}
		return e.key + " holds a secret, which can't stand in this file: " + instead
	}
	if wrong := judge(one.Flag, e.text); wrong != "" {
		return e.key + " " + wrong
	}
	return ""
}

// judge returns why a text can't be the value of a flag, or "".
func judge(flag *kong.Flag, text string) string {
	scan := kong.Scan().PushTyped(text, kong.FlagValueToken)
	value := reflect.New(flag.Target.Type()).Elem()
	err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, value)
	switch {
	case err == nil && flag.Enum == "" || flag.Enum != "" && slices.Contains(flag.EnumSlice(), text):
		return ""
	case flag.Enum != "":
		names := slices.DeleteFunc(flag.EnumSlice(), func(name string) bool { return name == "" })
		return "takes one of " + strings.Join(names, ", ")
	}
	switch value.Interface().(type) {
	case bool:
		return "takes true or false"
	case time.Duration:
		return "takes a duration such as 30m or 24h"
	}
	switch {
	case value.CanInt(), value.CanUint():
		return "takes a whole number"
	case value.CanFloat():
		return "takes a number"
	}
	return "has a value that can't be used"
}

// find notes what each setting of the command is said to be, by whoever comes first.
func (s *Settings) find(ctx *kong.Context, inFile map[string]entry) {
	for _, flag := range of(s.command) {
		name := variable(flag.Value)
		text, set := s.environment[name]
		e, written := inFile[flag.Name]
		switch {
		case given(ctx, flag):
			s.found[flag] = origin{by: byFlag, where: "--" + flag.Name}
		case set:
			s.found[flag] = origin{by: byVariable, text: text, where: name}
		case written:
			s.found[flag] = origin{by: byFile, text: e.text, where: e.where}
		}
	}
}

// choose leaves, of settings that exclude each other, the one that was said by what
// counts more: a secret and the file that has it, and flags that kong keeps apart.
func (s *Settings) choose(ctx *kong.Context) (problems []string) {
	for _, flag := range of(s.command) {
		if isSecret(flag) {
			problems = append(problems, s.chooseSecret(flag)...)
		}
		for _, other := range s.command.Flags {
			if s.found[flag].by < byFlag && other != flag && given(ctx, other) && slices.ContainsFunc(flag.Xor, func(group string) bool { return slices.Contains(other.Xor, group) }) {
				delete(s.found, flag)
			}
		}
	}
	return problems
}

// chooseSecret decides between a secret and the file that has it.
func (s *Settings) chooseSecret(flag *kong.Flag) []string {
	file, name := s.found[flag], bare(variable(flag.Value))
	itself := origin{}
	if text := s.environment[name]; text != "" {
		itself = origin{by: byVariable, text: text, where: name}
	}
	partner := s.partner(flag)
	if partner != nil {
		itself = s.found[partner]
	}
	switch {
	case itself.by == byNobody:
	case itself.by == file.by:
		return []string{fmt.Sprintf("both %s and %s are given; give one", itself.where, file.where)}
	case itself.by > file.by:
		delete(s.found, flag)
		if partner == nil {
			s.held[flag] = itself
		}
	case partner != nil:
		delete(s.found, partner)
	}
	return nil
}

// partner returns the setting that may hold what the file of a secret has, if that is
// a setting, as --database is that of --database-url-file; else nil.
func (s *Settings) partner(secret *kong.Flag) *kong.Flag {
	for _, flag := range of(s.command) {
		if variable(flag.Value) == bare(variable(secret.Value)) {
			return flag
		}
	}
	return nil
}

// Validate has nothing to add: load has looked at everything.
func (s *Settings) Validate(*kong.Application) error { return nil }

// Resolve returns what a flag is that does not stand on the command line. A secret
// always has a value, of which only the variable is set if no file is named.
func (s *Settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	o, ok := s.found[flag]
	if ok && o.by < byFlag {
		return o.text, nil
	}
	if isSecret(flag) {
		return "", nil
	}
	return nil, nil
}

// spoken finds the flags that a sentence speaks of.
var spoken = regexp.MustCompile(`--[a-z][a-z0-9-]*`)

// locatedError is an error of the program that speaks of flags, and tells where they
// were set instead.
type locatedError struct {
	text string
	err  error
}

func (e *locatedError) Error() string { return e.text }
func (e *locatedError) Unwrap() error { return e.err }

// Locate has an error that speaks of flags say where their values stand, if they come
// from a variable or the configuration file.
func (s *Settings) Locate(err error) error {
	if err == nil {
		return nil
	}
	text := spoken.ReplaceAllStringFunc(err.Error(), func(word string) string {
		for flag, o := range s.found {
			if o.by < byFlag && word == "--"+flag.Name {
				return word + " (" + o.where + ")"
			}
		}
		return word
	})
	if text == err.Error() {
		return err
	}
	return &locatedError{text, err}
}
