package web

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clinicalFields are the members of clinical data that the form names, in its order.
var clinicalFields = []string{"complaint", "findings", "assessment", "plan"}

// mostFormed is how long clinical data is at most that the form shows, in bytes. What
// is longer is written as JSON.
const mostFormed = 64 << 10

// member is a member of a JSON object, with its value as it was written.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf reads the members of a JSON object in their order. It reports false for
// what is none.
func membersOf(text string) (all []member, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		m := member{name: name.(string)} //nolint:forcetypeassert // what the decoder gives for a name
		if d.Decode(&m.value) != nil {
			return nil, false
		}
		all = append(all, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return all, err == io.EOF
}

// formable returns the members of clinical data that the form can show without
// losing anything: it is not long, and no two members have one name.
func formable(text string) (all []member, ok bool) {
	all, ok = membersOf(text)
	names := map[string]bool{}
	for _, m := range all {
		ok = ok && !names[m.name]
		names[m.name] = true
	}
	return all, ok && len(text) <= mostFormed
}

// objectOf writes members as a JSON object.
func objectOf(all []member) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.Write(jsonText(m.name))
		b.WriteString(": ")
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.String()
}

// jsonText writes a text as JSON, with nothing escaped that need not be.
func jsonText(text string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can always be written
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// spread writes JSON over lines, for people. What is none stays as it is.
func spread(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// text returns a member's value if it is a text, and if the fields of a form can
// hold both it and the name.
func (m member) text() (text string, ok bool) {
	if len(m.value) == 0 || m.value[0] != '"' || json.Unmarshal(m.value, &text) != nil {
		return "", false
	}
	return text, m.name != "" && m.name == strings.TrimSpace(m.name) && fits(m.name, "") && fits(text, "\n\r\t")
}

// fits reports whether a field can hold a text: nothing in it but what can be typed.
func fits(text, allowed string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune(allowed, r)
	})
}

// textOf returns the text of a name, if it is there and can be shown.
func textOf(all []member, name string) (text string, ok bool) {
	if i := memberAt(all, name); i >= 0 {
		return all[i].text()
	}
	return "", false
}

func memberAt(all []member, name string) int {
	return slices.IndexFunc(all, func(m member) bool { return m.name == name })
}

// clinical is clinical data as the form shows it.
type clinical struct {
	Named map[string]string // by clinicalFields
	Rows  []clinicalRow     // other texts
	Kept  []member          // what the form can't show, and never changes
}

// clinicalRow is a text with a name of its own. Was is the name that it had before;
// empty: it is new.
type clinicalRow struct{ Was, Name, Value string }

func (r clinicalRow) empty() bool {
	return strings.TrimSpace(r.Name) == "" && strings.TrimSpace(r.Value) == ""
}

// clinicalOf is clinical data for the form.
func clinicalOf(all []member) clinical {
	f := clinical{Named: map[string]string{}}
	for _, m := range all {
		text, ok := m.text()
		switch {
		case !ok:
			f.Kept = append(f.Kept, m)
		case slices.Contains(clinicalFields, m.name):
			f.Named[m.name] = text
		default:
			f.Rows = append(f.Rows, clinicalRow{m.name, m.name, text})
		}
	}
	return f
}

// sameText reports whether two texts differ in nothing but what a form does to them
// on its way: how lines end, and one that is empty before the first.
func sameText(a, b string) bool { return asSent(a) == asSent(b) }

func asSent(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return strings.TrimPrefix(text, "\n")
}

// wrongField is what is wrong with a field of clinical data, in a key of the
// catalogue.
type wrongField struct{ field, key string }

// merging is how what the form was filled in with goes into the members that it was
// made of. What it did not show, or shows as it was, stays as it was written.
type merging struct {
	base, all []member       // all begins with base
	gone      map[int]bool   // places in all
	at        map[int]string // fields that name a place in all
	wrong     []wrongField
}

// into returns what members become that the form was filled in for.
func (f clinical) into(base []member) ([]member, []wrongField) {
	m := merging{base: base, all: slices.Clone(base), gone: map[int]bool{}, at: map[int]string{}}
	for _, name := range clinicalFields {
		m.named(name, f.Named[name])
	}
	for n, r := range f.Rows {
		m.row(n, r)
	}
	var left []member
	for i, one := range m.all {
		if m.gone[i] {
			continue
		}
		if field, ok := m.at[i]; ok && m.twice(one.name) {
			m.wrong = append(m.wrong, wrongField{field, "record.wrong-twice"})
		}
		left = append(left, one)
	}
	return left, m.wrong
}

// named puts in what a field says whose name the form gives.
func (m *merging) named(name, typed string) {
	i := memberAt(m.base, name)
	text, ok := textOf(m.base, name)
	switch {
	case ok && sameText(text, typed):
	case strings.TrimSpace(typed) == "":
		if ok {
			m.gone[i] = true
		}
	case i < 0:
		m.all = append(m.all, member{name, jsonText(asSent(typed))})
	case !ok:
		m.wrong = append(m.wrong, wrongField{clinicalName(name), "record.wrong-kept"})
	default:
		m.all[i].value = jsonText(asSent(typed))
	}
}

// row puts in a text with a name of its own.
func (m *merging) row(n int, r clinicalRow) {
	i := memberAt(m.base, r.Was)
	text, ok := textOf(m.base, r.Was)
	name := strings.TrimSpace(r.Name)
	switch {
	case r.empty():
		if ok {
			m.gone[i] = true
		}
		return
	case name == "":
		m.wrong = append(m.wrong, wrongField{rowName(n, "name"), "record.wrong-unnamed"})
		return
	case !ok: // it is new, or what it was is no text any more
		i = len(m.all)
		m.all = append(m.all, member{name, jsonText(asSent(r.Value))})
	default:
		m.all[i].name = name
		if !sameText(text, r.Value) {
			m.all[i].value = jsonText(asSent(r.Value))
		}
	}
	m.at[i] = rowName(n, "name")
}

// twice reports whether two members that stay have that name.
func (m *merging) twice(name string) bool {
	n := 0
	for i, one := range m.all {
		if one.name == name && !m.gone[i] {
			n++
		}
	}
	return n > 1
}

// onto returns the form for members as they are now, of which some were changed by
// somebody else since: what this form left as it was shows what is there now.
func (f clinical) onto(old, now []member) clinical {
	next := clinical{Named: map[string]string{}, Kept: clinicalOf(now).Kept}
	for _, name := range clinicalFields {
		was, _ := textOf(old, name)
		next.Named[name] = f.Named[name]
		if sameText(was, f.Named[name]) {
			next.Named[name], _ = textOf(now, name)
		}
	}
	shown := map[string]bool{}
	for _, r := range f.Rows {
		was, ok := textOf(old, r.Was)
		is, still := textOf(now, r.Was)
		untouched := ok && r.Name == r.Was && sameText(was, r.Value)
		shown[r.Was] = true
		switch {
		case untouched && still:
			next.Rows = append(next.Rows, clinicalRow{r.Was, r.Was, is})
		case untouched:
		case still:
			next.Rows = append(next.Rows, r)
		default:
			next.Rows = append(next.Rows, clinicalRow{"", r.Name, r.Value})
		}
	}
	for _, r := range clinicalOf(now).Rows {
		if !shown[r.Was] {
			next.Rows = append(next.Rows, r)
		}
	}
	return next
}
