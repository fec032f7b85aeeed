package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/phi"
)

// managed are the kinds of messages by which an appointment can be managed.
var managed = []Kind{AppointmentHeld, AppointmentConfirmed, AppointmentMoved, ReminderDay, ReminderHours, WaitlistOffer}

// TestEachLanguageHasEveryText compares the catalogues, and renders every text.
func TestEachLanguageHasEveryText(t *testing.T) {
	for kind := range wordings[languages[0]] {
		for _, language := range languages {
			for _, by := range []string{"", "patient", "admin"} {
				l := letter{
					event: Event{Kind: kind, By: by}, language: language, name: phi.Of("Ann Lee"), zone: "America/New_York", clinic: "Harbour Clinic",
					url: "https://clinic.example", at: time.Unix(0, 0), ends: time.Unix(1, 0), token: "x",
					facts: Facts{Start: time.Unix(2, 0), Until: time.Unix(3, 0), Practitioner: "Dr. Grey", Reference: "K7M2QXW4TA", Visit: "/visit#secret"},
				}
				r, err := l.render()
				if err != nil {
					t.Errorf("%s in %s: %v", kind, language, err)
					continue
				}
				text := r.text.Reveal()
				if r.subject == "" || !strings.Contains(text, "Ann Lee") || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
					t.Errorf("%s in %s: %q\n%s", kind, language, r.subject, text)
				}
				if manages := slices.Contains(managed, kind); strings.Contains(text, "\n\nhttps://clinic.example/visit#secret\n\n") != manages ||
					strings.Contains(r.html.Reveal(), `href="https://clinic.example/visit#secret"`) != manages || manages && !strings.Contains(text, "K7M2QXW4TA") {
					t.Errorf("%s in %s: has its reference and a link to the visit: want %v\n%s", kind, language, manages, text)
				}
				l.facts.Visit = ""
				if r, err := l.render(); err != nil || strings.Contains(r.text.Reveal(), "cancel it:") || strings.Contains(r.text.Reveal(), "absagen:") {
					t.Errorf("%s in %s without a link: %v\n%s", kind, language, err, r.text.Reveal())
				}
				for _, personal := range []string{"Ann", "Grey", "Harbour", "K7M2QXW4TA", "/visit"} {
					if strings.Contains(r.subject, personal) {
						t.Errorf("%s in %s: the subject line has %s", kind, language, personal)
					}
				}
			}
		}
	}
	for _, language := range languages {
		if n, want := len(wordings[language]), len(wordings[languages[0]]); n != want {
			t.Errorf("%s has %d texts, want %d", language, n, want)
		}
		for _, kind := range Choosable {
			if _, err := wordingOf(language, kind); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := wordingOf("fr", auth.MailReset); err != nil {
		t.Errorf("in a language without a catalogue: %v, want the first one's", err)
	}
}

// TestTimesAreInTheReadersWords writes an instant in each language.
func TestTimesAreInTheReadersWords(t *testing.T) {
	at := time.Date(2027, 3, 13, 14, 0, 0, 0, time.UTC)
	got := []string{letter{}.when(at, "America/New_York"), letter{language: "de"}.when(at, "Europe/Berlin"), letter{}.when(at, "nowhere"), letter{}.when(time.Time{}, "UTC")}
	want := []string{
		"on Saturday, 13 March 2027 at 09:00 (America/New_York time)", "am Samstag, 13. März 2027, um 15:00 Uhr (Zeitzone Europe/Berlin)",
		"on Saturday, 13 March 2027 at 14:00 (UTC time)", "",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTheTextOfAnOrder holds it to the words that were asked for.
func TestTheTextOfAnOrder(t *testing.T) {
	for name, want := range map[string]string{
		"Ann": "Hi Ann, your order has been successfully placed.", "see https://evil.example": "Hi, your order has been successfully placed.",
	} {
		r, err := letter{event: Event{Kind: OrderPlaced}, name: phi.Of(name)}.render()
		if err != nil || r.text.Reveal() != want {
			t.Errorf("%q, %v, want %q", r.text.Reveal(), err, want)
		}
	}
}
