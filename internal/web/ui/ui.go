// Package ui has the components that pages are built of: the frame, forms,
// notices, lists, tables. /design shows each in every state. They know nothing of
// what is shown in them.
package ui

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"medbook/internal/web/words"
)

type wordsKey struct{}

// With puts the reader's words into the context that components are rendered with.
func With(ctx context.Context, w *words.Words) context.Context {
	return context.WithValue(ctx, wordsKey{}, w)
}

// Words returns those of the reader.
func Words(ctx context.Context) *words.Words {
	w, ok := ctx.Value(wordsKey{}).(*words.Words)
	if !ok {
		panic("ui: no words in the context")
	}
	return w
}

// Say returns the text of a key in the reader's language; see words.Words.Say.
func Say(ctx context.Context, key string, pairs ...any) string { return Words(ctx).Say(key, pairs...) }

// Count returns the text of a key for n things; see words.Words.Count.
func Count(ctx context.Context, key string, n int, pairs ...any) string {
	return Words(ctx).Count(key, n, pairs...)
}

// Link leads somewhere.
type Link struct {
	Href, Text string
	Current    bool // it leads to the page that is shown, or to the part that has it
}

// Frame is what stands around every page.
type Frame struct {
	Title   string // of the page; the clinic's name follows
	Clinic  string
	Nav     []Link
	Signed  bool   // somebody is signed in
	Path    string // of the page, to come back to from a choice of language
	Scripts []string
	Failed  bool    // a form was refused, which the title says first
	Done    *Notice // what came of the page before
	Refresh string  // path to go to when the page is over, empty: none
	After   int     // seconds until then
}

// Notice tells something. Its kind is "", "good", "warn" or "bad".
type Notice struct{ Kind, Title, Text string }

// Form is what a form shows: what was filled in, and what is wrong with it.
type Form struct {
	Values  url.Values
	Wrong   map[string]string // by field, in the reader's words
	Problem string            // what is wrong with all of it
}

// Failed reports whether the form was refused.
func (f Form) Failed() bool { return f.Problem != "" || len(f.Wrong) > 0 }

// Value returns what a field has: what was filled in, or else what there was before.
func (f Form) Value(name, before string) string {
	if f.Values == nil || !f.Values.Has(name) {
		return before
	}
	return f.Values.Get(name)
}

// Checked reports whether a choice of a field is taken.
func (f Form) Checked(name, value, before string) bool {
	if f.Values == nil {
		return slices.Contains(strings.Split(before, ","), value)
	}
	return slices.Contains(f.Values[name], value)
}

// fields lists the fields that are wrong, in a stable order.
func (f Form) fields() []string {
	var names []string
	for name := range f.Wrong {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Input is a field of a form.
type Input struct {
	Name, Label, Hint string
	Type              string // "text" when empty; "email", "password", "tel", "date", "time", "number", "textarea", "select"
	Value             string // what there was before
	Class             string // "short", "medium", or empty: as wide as there is room
	Autocomplete      string
	Required          bool
	Max               int // characters; 0: the browser says nothing
	Rows              int
	Options           []Option // of a select, radios and checkboxes; of others: a list to choose from
	Pattern, Mode     string   // pattern and inputmode
	Least, Most, Step string   // min, max, step
	Attributes        templ.Attributes
	Inline            bool // radios and checkboxes stand in a row
}

// Option is one of several. Its value is what the form sends.
type Option struct{ Value, Text, Hint string }

func (i Input) kind() string {
	if i.Type == "" {
		return "text"
	}
	return i.Type
}

func (i Input) attributes() templ.Attributes { return i.Attributes }

// id is the HTML id of a field, and of one of its choices.
func id(name, choice string) string {
	if choice == "" {
		return "f-" + name
	}
	return "f-" + name + "-" + strings.Map(func(r rune) rune {
		if r == ' ' || r == '"' || r == '\'' {
			return '-'
		}
		return r
	}, choice)
}

// described names what belongs to a field: its hint, and what is wrong.
func described(f Form, i Input) string {
	var ids []string
	if i.Hint != "" {
		ids = append(ids, id(i.Name, "")+"-hint")
	}
	if f.Wrong[i.Name] != "" {
		ids = append(ids, id(i.Name, "")+"-wrong")
	}
	return strings.Join(ids, " ")
}
