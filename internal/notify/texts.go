package notify

import (
	"cmp"
	"fmt"
	htmltemplate "html/template"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/phi"
)

// pages are where the links of messages lead, below the public address.
var pages = map[Kind]string{
	auth.MailVerify: "/account/verify",
	auth.MailReset:  "/account/reset",
	auth.MailEmail:  "/account/email",
}

// letter is what a message is made of.
type letter struct {
	event       Event
	facts       Facts
	language    string
	name        phi.Value[string]
	zone        string // IANA name
	clinic, url string
	at          time.Time // when what it tells of happened
	token       string    // of the link, if it has one
	ends        time.Time // of the link
}

// view is what the templates see.
type view struct {
	Name, Clinic, Link, Ends, When string

	Start, Until, Practitioner, Reference, By, Page, Visit string // of what it is about
}

// rendered is a message in words.
type rendered struct {
	subject    string
	text, html phi.Value[string]
}

// render writes the message.
func (l letter) render() (r rendered, err error) {
	w, err := wordingOf(l.language, l.event.Kind)
	if err != nil {
		return r, err
	}
	var b strings.Builder
	if err := w.text.ExecuteTemplate(&b, w.start, l.view()); err != nil {
		return r, err
	}
	text := strings.TrimSpace(b.String())
	if w.start == "frame" {
		text += "\n"
	}
	html, err := l.html(w.subject, text)
	return rendered{w.subject, phi.Of(text), phi.Of(html)}, err
}

// view is what there is to say, in words of the letter's language and times of its
// reader's zone.
func (l letter) view() view {
	v := view{
		Name: greeted(l.name.Reveal()), Clinic: cmp.Or(l.clinic, "Medbook"), When: l.when(l.at, l.zone),
		Start: l.when(l.facts.Start, cmp.Or(l.zone, l.facts.Zone)), Until: l.when(l.facts.Until, l.zone),
		Practitioner: l.facts.Practitioner, Reference: l.facts.Reference, By: l.event.By,
	}
	if page := pages[l.event.Kind]; page != "" {
		// The token is in the fragment, which browsers send to no server.
		v.Link, v.Ends = strings.TrimRight(l.url, "/")+page+"#"+l.token, l.when(l.ends, l.zone)
	}
	if l.facts.Page != "" {
		v.Page = strings.TrimRight(l.url, "/") + l.facts.Page
	}
	if l.facts.Visit != "" {
		v.Visit = strings.TrimRight(l.url, "/") + string(l.facts.Visit)
	}
	return v
}

var layout = htmltemplate.Must(htmltemplate.ParseFS(files, "texts/layout.html"))

// paragraph is a piece of a text: words, or a link alone.
type paragraph struct{ Text, Link string }

// html writes the same as a page.
func (l letter) html(subject, text string) (string, error) {
	page := struct {
		Language, Subject string
		Paragraphs        []paragraph
	}{Language: cmp.Or(l.language, languages[0]), Subject: subject}
	for piece := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		p := paragraph{Text: piece}
		if l.url != "" && strings.HasPrefix(piece, l.url) && !strings.ContainsAny(piece, " \n") {
			p = paragraph{Link: piece}
		}
		page.Paragraphs = append(page.Paragraphs, p)
	}
	var b strings.Builder
	err := layout.Execute(&b, page)
	return b.String(), err
}

var (
	tage   = [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"}
	monate = [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
)

// when writes an instant on the user's clock, with the zone's name; "" for none.
func (l letter) when(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	local, err := calendar.Zone(zone)
	if err != nil {
		local, zone = time.UTC, "UTC"
	}
	at := t.In(local)
	if l.language == "de" {
		return fmt.Sprintf("am %s, %d. %s %d, um %s Uhr (Zeitzone %s)",
			tage[at.Weekday()], at.Day(), monate[at.Month()-1], at.Year(), at.Format("15:04"), zone)
	}
	return at.Format("on Monday, 2 January 2006 at 15:04") + " (" + zone + " time)"
}

// linkish is what mail programs make links of, or what looks like one.
var linkish = regexp.MustCompile(`[/\\:@<>]|[\pL\d-]{2,}\.\pL{2,}`)

// greeted returns the name to greet by, or none: whoever signs up somebody else's
// address chooses the name, and must not be able to say more by it.
func greeted(name string) string {
	if utf8.RuneCountInString(name) > 60 || linkish.MatchString(name) {
		return ""
	}
	return name
}
