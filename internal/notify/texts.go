package notify

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/phi"
)

// wording is what a message says, in English.
type wording struct {
	subject string // shown on locked screens and kept by mail servers: never personal, nor whose clinic it is
	page    string // where the link leads, below the public address; empty without a link
	text    string // a template over letter's view
}

const notYou = `If this was not you, set a new password and tell us, so that we can look into it.`

// wordings are the texts of all messages. What surrounds them is frame.
var wordings = map[auth.Subject]wording{
	auth.MailVerify: {
		"Please confirm your e-mail address", "/account/verify", `you signed up at {{.Clinic}} with this e-mail address. Please confirm that it is yours:

{{.Link}}

The link is good for one use, until {{.Ends}}.

If you did not sign up, you need not do anything: without the link, nobody can use the account.`,
	},
	auth.MailReset: {
		"Set a new password", "/account/reset", `somebody, we hope you, asked to set a new password for your account at {{.Clinic}}. You can do so here:

{{.Link}}

The link is good for one use, until {{.Ends}}. Only the newest link that we sent works.

If you did not ask for this, you need not do anything: your password stays as it is.`,
	},
	auth.MailEmail: {
		"Please confirm your new e-mail address", "/account/email", `you asked to use this e-mail address for your account at {{.Clinic}}. Please confirm that it is yours:

{{.Link}}

The link is good for one use, until {{.Ends}}. Until you use it, your old address stays.

If you did not ask for this, you need not do anything: the address will not be used.`,
	},
	auth.MailKnown: {
		"You have an account already", "", `somebody, perhaps you, tried to sign up at {{.Clinic}} with this e-mail address, {{.When}}. You have an account already.

If it was you, just sign in. If you do not know your password any more, choose "I do not know my password" there.

If it was not you, you need not do anything: nobody was told that you have an account, and nothing about it has changed.`,
	},
	auth.NoticeEmailAsked: {
		"Your e-mail address is about to change", "", `somebody, we hope you, asked to change the e-mail address of your account at {{.Clinic}}, {{.When}}. It changes when the new address is confirmed.

` + notYou,
	},
	auth.NoticeEmail: {
		"Your e-mail address was changed", "", `the e-mail address of your account at {{.Clinic}} was changed to this one, {{.When}}.

` + notYou,
	},
	auth.NoticePassword: {
		"Your password was changed", "", `the password of your account at {{.Clinic}} was set or changed, {{.When}}.

` + notYou,
	},
	auth.NoticeKey: {
		"An API key was made for your account", "", `an API key was made for your account at {{.Clinic}}, {{.When}}. Whoever has it can use your account in your name.

If this was not you, revoke the key, set a new password and tell us.`,
	},
	auth.NoticeFactor: {
		"Your second factor was changed", "", `a second factor of your account at {{.Clinic}}, or its recovery codes, were added, renewed or removed, {{.When}}.

` + notYou,
	},
	auth.NoticeIdentity: {
		"A way to sign in was changed", "", `your account at {{.Clinic}} was connected with an identity provider, or disconnected from one, {{.When}}.

` + notYou,
	},
	auth.NoticeRecovery: {
		"A recovery code was used", "", `somebody, we hope you, used one of the recovery codes of your account at {{.Clinic}}, {{.When}}. It is worth nothing now.

` + notYou,
	},
	auth.NoticeTokenReused: {
		"You were signed out for your safety", "", `we ended a session of your account at {{.Clinic}}, {{.When}}, because what it proves itself with was used twice. Somebody may have got hold of it. You can sign in again as usual.

` + notYou,
	},
	OrderPlaced: {
		"Your order has been placed", "", `Hi{{with .Name}} {{.}}{{end}}, your order has been successfully placed.`,
	},
	AppointmentHeld: {
		"Please confirm your appointment", "", `we are holding an appointment for you at {{.Clinic}}, {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}. Please confirm it until {{.Until}}; after that the time may go to somebody else.

Your reference is {{.Reference}}.`,
	},
	AppointmentConfirmed: {
		"Your appointment is confirmed", "", `your appointment at {{.Clinic}} is confirmed: {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}.

Your reference is {{.Reference}}. If you can't come, please cancel in time.`,
	},
	AppointmentMoved: {
		"Your appointment was moved", "", `your appointment at {{.Clinic}} was moved{{with .By}} by {{if eq . "patient"}}you{{else}}the clinic{{end}}{{end}}. It is now {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}.

Your reference is {{.Reference}}.`,
	},
	AppointmentCancelled: {
		"Your appointment was cancelled", "", `your appointment at {{.Clinic}}, {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}, was cancelled{{with .By}} by {{if eq . "patient"}}you{{else}}the clinic{{end}}{{end}}.

Your reference was {{.Reference}}.`,
	},
	HoldExpired: {
		"Your reservation is over", "", `we held an appointment for you at {{.Clinic}}, {{.Start}}, and it was not confirmed in time. It is free for others now; you can book another.`,
	},
	ReminderDay: {
		"Your appointment is tomorrow", "", `this is to remind you of your appointment at {{.Clinic}}: {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}.

Your reference is {{.Reference}}.`,
	},
	ReminderHours: {
		"Your appointment is soon", "", `this is to remind you of your appointment at {{.Clinic}}: {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}.

Your reference is {{.Reference}}.`,
	},
	WaitlistOffer: {
		"A time has become free", "", `you asked us to tell you when something becomes free at {{.Clinic}}. We are holding this for you: {{.Start}}{{with .Practitioner}}, with {{.}}{{end}}. Please confirm it until {{.Until}}; after that it is offered to somebody else.

Your reference is {{.Reference}}.`,
	},
	EncounterShared: {
		"Something new is in your record", "", `{{with .Practitioner}}{{.}}{{else}}a practitioner{{end}} of {{.Clinic}} has shared a note about a visit with you. Sign in to read it.`,
	},
	auth.NoticeEmergency: {
		"A patient's record was opened in an emergency", "", `a practitioner of {{.Clinic}} opened the record of a patient who is not in their care, {{.When}}. Please look into it: GET /v1/emergency-access lists who it was, whose record, and why.`,
	},
}

const frame = `{{define "all"}}Hello{{with .Name}} {{.}}{{end}},

{{template "text" .}}

{{.Clinic}}

This message was written by a program; nobody reads answers to it.
{{end}}`

// bare stands in the place of frame where the text is all that is said.
const bare = `{{define "all"}}{{template "text" .}}{{end}}`

// templates are the parsed texts.
var templates = func() map[auth.Subject]*template.Template {
	all := map[auth.Subject]*template.Template{}
	for kind, w := range wordings {
		t := template.Must(template.New("text").Option("missingkey=error").Parse(w.text))
		around := frame
		if kind == OrderPlaced { // its text is all that it says
			around = bare
		}
		all[kind] = template.Must(t.Parse(around))
	}
	return all
}()

// letter is what a message is made of.
type letter struct {
	event       Event
	facts       Facts
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

	Start, Until, Practitioner, Reference, By, Page string // of what it is about
}

// render returns the subject and the text.
func (l letter) render() (subject string, text phi.Value[string], err error) {
	w, ok := wordings[l.event.Kind]
	if !ok {
		return "", text, fmt.Errorf("notify: there is no text for %q", l.event.Kind)
	}
	v := view{
		Name: greeted(l.name.Reveal()), Clinic: cmp.Or(l.clinic, "Medbook"), When: when(l.at, l.zone),
		Practitioner: l.facts.Practitioner, Reference: l.facts.Reference, By: l.event.By,
	}
	if zone := cmp.Or(l.zone, l.facts.Zone); !l.facts.Start.IsZero() {
		v.Start = when(l.facts.Start, zone)
	}
	if !l.facts.Until.IsZero() {
		v.Until = when(l.facts.Until, l.zone)
	}
	if l.facts.Page != "" {
		v.Page = strings.TrimRight(l.url, "/") + l.facts.Page
	}
	if w.page != "" {
		// The token is in the fragment, which browsers send to no server.
		v.Link, v.Ends = strings.TrimRight(l.url, "/")+w.page+"#"+l.token, when(l.ends, l.zone)
	}
	var b strings.Builder
	if err := templates[l.event.Kind].ExecuteTemplate(&b, "all", v); err != nil {
		return "", text, err
	}
	return w.subject, phi.Of(b.String()), nil
}

// when writes an instant on the user's clock, with the zone's name.
func when(t time.Time, zone string) string {
	local, err := calendar.Zone(zone)
	if err != nil {
		local, zone = time.UTC, "UTC"
	}
	return t.In(local).Format("on Monday, 2 January 2006 at 15:04") + " (" + zone + " time)"
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
