package web

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"medbook/internal/calendar"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// deepest is how many lists of facts stand within each other. What is deeper is told
// in one line each, with the names on the way to it.
const deepest = 4

// facts reads a JSON object as facts, in its order, in the reader's words. Names are
// as their writer chose them, with spaces.
func facts(w *words.Words, object string) ([]ui.Datum, error) {
	d := json.NewDecoder(strings.NewReader(object))
	d.UseNumber()
	all, err := datumOf(w, d, "", 0)
	if err != nil {
		// The error would tell what is in it.
		return nil, fmt.Errorf("clinical data of %d bytes is no JSON", len(object))
	}
	return all.Parts, nil
}

// datumOf reads the next value, whose name is known.
func datumOf(w *words.Words, d *json.Decoder, name string, depth int) (ui.Datum, error) {
	f := ui.Datum{Name: name}
	token, err := d.Token()
	if err != nil {
		return f, err
	}
	switch v := token.(type) {
	case json.Delim:
		f.List = v == '['
		for d.More() {
			part := ""
			if !f.List {
				key, err := d.Token()
				if err != nil {
					return f, err
				}
				part = spelled(fmt.Sprint(key))
			}
			one, err := datumOf(w, d, part, depth+1)
			if err != nil {
				return f, err
			}
			f.Parts = append(f.Parts, one)
		}
		if _, err := d.Token(); err != nil {
			return f, err
		}
		if len(f.Parts) == 0 {
			f.Text, f.List = w.Say("portal.fact-none"), false
		}
		if depth == deepest {
			f.Parts = flat(f.Parts, "")
			f.List = true
		}
	case string:
		f.Text = factText(w, v)
	case json.Number:
		f.Text = v.String()
	case bool:
		f.Text = w.Say("portal.fact-no")
		if v {
			f.Text = w.Say("portal.fact-yes")
		}
	case nil:
		f.Text = w.Say("portal.fact-none")
	}
	return f, nil
}

// flat turns parts into lines that say the names on the way to each.
func flat(parts []ui.Datum, way string) (lines []ui.Datum) {
	for _, p := range parts {
		name := way
		if p.Name != "" {
			name = strings.TrimPrefix(way+" › "+p.Name, " › ")
		}
		if len(p.Parts) > 0 {
			lines = append(lines, flat(p.Parts, name)...)
			continue
		}
		if name != "" {
			p.Text = name + ": " + p.Text
		}
		lines = append(lines, ui.Datum{Text: p.Text})
	}
	return lines
}

// factText writes a text; a date in words.
func factText(w *words.Words, s string) string {
	if strings.TrimSpace(s) == "" {
		return w.Say("portal.fact-none")
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return w.ShortDate(calendar.DateIn(day, time.UTC))
	}
	return s
}

// camel finds where a name goes on with another word: painScale, but neither HbA1c nor
// mmHg, which are words of their own.
var camel = regexp.MustCompile(`(\p{Ll})(\p{Lu}\p{Ll}{2})`)

// spelled writes a name of a program as people write: blood_pressure and bloodPressure
// are "Blood pressure".
func spelled(name string) string {
	text := camel.ReplaceAllStringFunc(name, func(s string) string {
		_, n := utf8.DecodeRuneInString(s)
		return s[:n] + " " + strings.ToLower(s[n:])
	})
	text = strings.Join(strings.Fields(strings.NewReplacer("_", " ", "-", " ").Replace(text)), " ")
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 || strings.ContainsFunc(text[n:], unicode.IsUpper) {
		return text // pH, mmHg
	}
	return string(unicode.ToUpper(first)) + text[n:]
}
