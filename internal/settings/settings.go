// Package settings finds what holds for each setting of the program: what its flag
// says, else its variable in the environment, else the one configuration file, else
// the default.
//
// A setting is a flag of a command that has a variable (the tag env). There is no
// second list of them: names, types, defaults and what is allowed are read off the
// command line's model. A setting that is a secret has the type Secret; its flag, its
// key and its variable name a file that has it.
//
// What is wrong is told with the file's line, or the variable, and never with a value.
package settings

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// prefix is how the names of the program's variables begin.
const prefix = "MEDBOOK_"

// File is the type of the flag, of the whole program, that names the
// configuration file.
type File string

// Settings are those of a command line, and what holds of them. It is an option of
// kong.New, and after Parse it tells where the values of the command come from.
type Settings struct {
	environment map[string]string // the program's variables that are not empty
	all         []Setting
	byName      map[string]Setting

	loaded  bool
	file    string // the configuration file; empty: none
	command *kong.Node
	found   map[*kong.Flag]origin // what the command's settings are; those not in it have their default
	held    map[*kong.Flag]origin // of secrets: the variable that has it, where no file does
}

// Setting is something that can be set.
type Setting struct {
	Name     string   // of the flag, without dashes, and of the key
	Variable string   // in the environment
	Secret   string   // the variable that has the secret itself; empty if this is none
	Commands []string // that have it, such as "keys rewrap"

	Flag *kong.Flag // of the first of them
}

// Setter tells how a setting came to its value: the higher one wins.
type setter int

const (
	byNobody setter = iota
	byFile
	byVariable
	byFlag
)

// origin is a value and where it stands.
type origin struct {
	by    setter
	text  string
	where string // "--listen", "MEDBOOK_LISTEN" or "medbook.yaml:3"
}

// New reads the environment. A variable that is empty counts as none, for
// containers like to set variables to nothing.
func New() *Settings {
	s := &Settings{environment: map[string]string{}, byName: map[string]Setting{}, found: map[*kong.Flag]origin{}, held: map[*kong.Flag]origin{}}
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, prefix) && value != "" {
			s.environment[name] = value
		}
	}
	return s
}

// Apply makes s part of a parser.
func (s *Settings) Apply(k *kong.Kong) error {
	for _, o := range []kong.Option{kong.PostBuild(s.learn), kong.ValueFormatter(help), kong.WithBeforeResolve(s.load), kong.Resolvers(s)} {
		if err := o.Apply(k); err != nil {
			return err
		}
	}
	return nil
}

// learn reads the settings off the model, and has kong leave the variables alone:
// it would take empty ones for values, let the file win, and repeat values.
func (s *Settings) learn(k *kong.Kong) error {
	return kong.Visit(k.Model.Node, func(v kong.Visitable, next kong.Next) error {
		flag, ok := v.(*kong.Flag)
		if !ok {
			return next(nil)
		}
		flag.Tag.Envs, flag.Envs = nil, nil
		if variable(flag.Value) != "" {
			s.add(flag)
		}
		return next(nil)
	})
}

func (s *Settings) add(flag *kong.Flag) {
	i := slices.IndexFunc(s.all, func(o Setting) bool { return o.Name == flag.Name })
	if i < 0 {
		i = len(s.all)
		one := Setting{Name: flag.Name, Variable: variable(flag.Value), Flag: flag}
		if isSecret(flag) {
			one.Secret = bare(one.Variable)
		}
		s.all = append(s.all, one)
	}
	s.byName[flag.Name] = s.all[i]
}

// All returns the settings of all commands, in the order of the model.
func (s *Settings) All(k *kong.Kong) []Setting {
	all := slices.Clone(s.all)
	for _, command := range k.Model.Leaves(true) {
		for _, flag := range command.Flags {
			for i := range all {
				if all[i].Name == flag.Name && variable(flag.Value) != "" {
					all[i].Commands = append(all[i].Commands, command.Path())
				}
			}
		}
	}
	return all
}

// of returns the settings of a command, in its order.
func of(command *kong.Node) (all []*kong.Flag) {
	for _, flag := range command.Flags {
		if variable(flag.Value) != "" {
			all = append(all, flag)
		}
	}
	return all
}

// variable returns the name of a setting's variable; of other flags it is empty.
func variable(v *kong.Value) string { return v.Tag.Get("env") }

// bare returns the variable that has what that one names a file of.
func bare(name string) string { return strings.TrimSuffix(name, "_FILE") }

// isSecret reports whether a flag names a file that has a secret.
func isSecret(flag *kong.Flag) bool { return flag.Target.Type() == reflect.TypeFor[Secret]() }

// isList reports whether a flag takes several values with commas between.
func isList(flag *kong.Flag) bool { return flag.IsSlice() || strings.Contains(flag.PlaceHolder, ",") }

// variables returns the names of all that the program reads.
func (s *Settings) variables() []string {
	names := map[string]bool{}
	for _, one := range s.all {
		names[one.Variable] = true
		if one.Secret != "" {
			names[one.Secret] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// help writes the help of a flag: with its variables, which kong does not know of.
func help(v *kong.Value) string {
	name := variable(v)
	if name == "" {
		return v.Help
	}
	suffix := " ($" + name + ")"
	if isSecret(v.Flag) {
		suffix = " ($" + name + "; what is in it: $" + bare(name) + ")"
	}
	if text, ok := strings.CutSuffix(v.Help, "."); ok {
		return text + suffix + "."
	}
	return strings.TrimSpace(v.Help + suffix)
}
