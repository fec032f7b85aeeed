// Package words has what pages say, in the reader's language: texts from the
// catalogue, dates, times, numbers and zones. A key that a language lacks is a
// mistake that a test finds; a reader gets the English text then.
//
// To add a language, add its files to the catalogue and its line to languages.
package words

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// The catalogue: for each part of the pages a file in each language.
//
//go:embed catalogue
var files embed.FS

// Of the two languages for tests one is English in accents and longer, as other
// languages are, and one is that from right to left. Texts of pages that stay
// plain in them do not come from the catalogue.
const (
	accented = "en-XA"
	mirrored = "ar-XB"
)

// bundle has all texts of all languages, and keys all their keys.
var bundle, keys = func() (*i18n.Bundle, map[string]bool) {
	b, keys := i18n.NewBundle(language.English), map[string]bool{}
	names, err := fs.Glob(files, "catalogue/*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		file, err := b.LoadMessageFileFS(files, name)
		if err != nil {
			panic("words: " + name + ": " + err.Error())
		}
		for _, m := range file.Messages {
			keys[m.ID] = true
		}
	}
	return b, keys
}()

// Words are those of one reader. They are not changed after For, and may be
// shared.
type Words struct {
	Language string         // "en", "de"
	Zone     *time.Location // the reader's; nil: unknown, then times are shown in that of the place

	format format
	text   *i18n.Localizer
	pseudo func(string) string // of the languages for tests
}

// Languages lists the languages that one can choose, with their own names.
func Languages() []Choice { return slices.Clone(choices) }

// Choice is a language by its own name.
type Choice struct{ Language, Name string }

var choices = []Choice{{"en", "English"}, {"de", "Deutsch"}}

// For returns the words of who chose a language, or sends an Accept-Language header
// if they chose none. What is not known is English.
func For(chosen, accepted string, zone *time.Location) *Words {
	w := &Words{Zone: zone}
	switch chosen {
	case accented, mirrored:
		w.Language, w.format = chosen, formats["en"]
		w.text, w.pseudo = i18n.NewLocalizer(bundle, "en"), pseudos[chosen]
		return w
	}
	known := []language.Tag{language.English, language.German}
	wanted, _, err := language.ParseAcceptLanguage(accepted)
	if tag, wrong := language.Parse(chosen); wrong == nil && chosen != "" {
		// The region still is the browser's: it tells 12 from 24 hours.
		region := slices.IndexFunc(wanted, func(t language.Tag) bool { b, _ := t.Base(); c, _ := tag.Base(); return b == c })
		if err == nil && region >= 0 {
			tag = wanted[region]
		}
		wanted = []language.Tag{tag}
	}
	_, i, _ := language.NewMatcher(known).Match(wanted...)
	base, _ := known[i].Base()
	w.Language = base.String()
	w.format = formats[w.Language]
	if len(wanted) > 0 {
		if b, _ := wanted[0].Base(); b == base {
			w.format = w.format.of(wanted[0])
		}
	}
	w.text = i18n.NewLocalizer(bundle, w.Language)
	return w
}

// Direction is the way the language is written: "ltr" or "rtl".
func (w *Words) Direction() string {
	if w.Language == mirrored {
		return "rtl"
	}
	return "ltr"
}

// Say returns the text of a key. The pairs after it fill its places:
// w.Say("time.stretch", "From", a, "To", b).
func (w *Words) Say(key string, pairs ...any) string {
	return w.say(&i18n.LocalizeConfig{MessageID: key, TemplateData: data(pairs)})
}

// Count returns the text of a key for n things, which {{.N}} stands for in it.
func (w *Words) Count(key string, n int, pairs ...any) string {
	return w.say(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: data(append(pairs, "N", w.Number(n)))})
}

func (w *Words) say(c *i18n.LocalizeConfig) string {
	text, err := w.text.Localize(c)
	if text == "" && err != nil {
		text = c.MessageID // which tests know as a mistake
	}
	if w.pseudo != nil {
		return w.pseudo(text)
	}
	return text
}

// Has reports whether the catalogue has a key.
func Has(key string) bool { return keys[key] }

// HasBelow reports whether the catalogue has keys that begin so.
func HasBelow(prefix string) bool {
	for key := range keys {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// Or returns the text of a key, or another one where there is none.
func (w *Words) Or(key, otherwise string) string {
	if Has(key) {
		return w.Say(key)
	}
	return otherwise
}

func data(pairs []any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// files of the catalogue, for tests: name without language -> languages.
func parts() map[string][]string {
	all := map[string][]string{}
	names, _ := fs.Glob(files, "catalogue/*.json")
	for _, name := range names {
		part, tag, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), ".")
		all[part] = append(all[part], tag)
	}
	return all
}
