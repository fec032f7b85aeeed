package notify

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

// The catalogues: a file for each language. To add a language, add its file, its
// name to languages, and to the CHECK of notification_settings.
//
//go:embed texts
var files embed.FS

// languages are those that there is a catalogue of. The first is for who has not
// chosen.
var languages = []string{"en", "de"}

// wording is what a message of a kind says in a language.
type wording struct {
	subject string // shown on locked screens and kept by mail servers: never personal, nor whose clinic it is
	text    *template.Template
	start   string // the template to begin with: the frame, or the text alone
}

// parts are the sections of a catalogue that are no messages.
var parts = []string{"frame", "not-you", "by"}

// wordings are the texts of all messages by language and kind.
var wordings = func() map[string]map[Kind]wording {
	all := map[string]map[Kind]wording{}
	for _, language := range languages {
		content, err := files.ReadFile("texts/" + language + ".txt")
		if err != nil {
			panic(err)
		}
		all[language] = parseCatalogue(string(content))
	}
	return all
}()

// parseCatalogue reads a file of texts. What is wrong in it is a mistake in the
// program, and panics.
func parseCatalogue(content string) map[Kind]wording {
	shared := template.New("").Option("missingkey=error")
	sections := map[string]string{}
	var order []string
	for _, section := range strings.Split(content, "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		if sections[name] != "" {
			panic("notify: " + name + " comes twice in a catalogue")
		}
		sections[name] = strings.TrimSpace(text)
		order = append(order, name)
	}
	for _, part := range parts {
		text := strings.TrimSpace(sections[part])
		if part == "by" { // it goes on in a sentence
			text = strings.Trim(sections[part], "\n")
		}
		template.Must(shared.New(part).Parse(text))
		delete(sections, part)
	}
	kinds := map[Kind]wording{}
	for _, name := range order {
		text, ok := sections[name]
		if !ok {
			continue
		}
		subject, body, _ := strings.Cut(text, "\n\n")
		kind, whole := strings.CutSuffix(name, " whole")
		w := wording{subject: subject, start: "frame", text: template.Must(shared.Clone())}
		if whole {
			w.start = "text"
		}
		template.Must(w.text.New("text").Parse(body))
		kinds[Kind(kind)] = w
	}
	return kinds
}

// wordingOf returns what a message of the kind says in a language, or in the first
// one if that is not known.
func wordingOf(language string, kind Kind) (wording, error) {
	of, ok := wordings[language]
	if !ok {
		of = wordings[languages[0]]
	}
	w, ok := of[kind]
	if !ok {
		return w, fmt.Errorf("notify: there is no text for %q", kind)
	}
	return w, nil
}
