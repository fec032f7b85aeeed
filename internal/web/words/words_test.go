package words

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/calendar"
)

// TestEveryLanguageHasEveryKey holds the catalogues against each other: the same
// files, the same keys, the same places in each text.
func TestEveryLanguageHasEveryKey(t *testing.T) {
	place := regexp.MustCompile(`\{\{[^}]*\}\}`)
	placesOf := func(text any) []string {
		content, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		found := place.FindAllString(string(content), -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for part, languages := range parts() {
		if len(languages) != len(choices) {
			t.Errorf("%s is there in %v only", part, languages)
		}
		english := catalogue(t, part, "en")
		for _, l := range languages {
			other := catalogue(t, part, l)
			if a, b := slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(other)); !slices.Equal(a, b) {
				t.Errorf("%s: the keys of en and %s are not the same: %v", part, l, difference(a, b))
			}
			for key, text := range other {
				if a, b := placesOf(english[key]), placesOf(text); !slices.Equal(a, b) {
					t.Errorf("%s.%s: %s has the places %v, English %v", part, l, key, b, a)
				}
			}
		}
	}
}

func catalogue(t *testing.T, part, language string) map[string]any {
	t.Helper()
	content, err := files.ReadFile("catalogue/" + part + "." + language + ".json")
	if err != nil {
		t.Error(err)
		return nil
	}
	texts := map[string]any{}
	if err := json.Unmarshal(content, &texts); err != nil {
		t.Fatalf("%s.%s: %v", part, language, err)
	}
	for key, text := range texts {
		if s, ok := text.(string); ok && strings.TrimSpace(s) != s || text == "" {
			t.Errorf("%s.%s: %s is empty, or begins or ends with a space", part, language, key)
		}
	}
	return texts
}

func difference(a, b []string) (only []string) {
	for _, x := range slices.Concat(a, b) {
		if slices.Contains(a, x) != slices.Contains(b, x) {
			only = append(only, x)
		}
	}
	return only
}

func TestWordsFollowTheReader(t *testing.T) {
	newYork, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2027, 3, 15, 19, 30, 0, 0, time.UTC)
	for _, tt := range []struct{ chosen, accepted, want string }{
		{"", "", "Monday 15 March 2027, 3:30 pm, New York time (UTC−4)"},
		{"", "en-US", "Monday, March 15, 2027, 3:30 pm, New York time (UTC−4)"},
		{"", "en-GB,de", "Monday 15 March 2027, 15:30, New York time (UTC−4)"},
		{"", "fr, de;q=0.5", "Montag, 15. März 2027, 15:30, Ortszeit New York (UTC−4)"},
		{"de", "en-US", "Montag, 15. März 2027, 15:30, Ortszeit New York (UTC−4)"},
		{"en", "de-DE, en-GB;q=0.3", "Monday 15 March 2027, 15:30, New York time (UTC−4)"},
		{"", "fr", "Monday 15 March 2027, 3:30 pm, New York time (UTC−4)"},
		{"xx", "%%", "Monday 15 March 2027, 3:30 pm, New York time (UTC−4)"},
	} {
		if got := For(tt.chosen, tt.accepted, nil).Moment(at, newYork); got != tt.want {
			t.Errorf("For(%q, %q): %q, want %q", tt.chosen, tt.accepted, got, tt.want)
		}
	}
}

// The hour that clocks repeat is told apart, and no other.
func TestTheRepeatedHourIsLabelled(t *testing.T) {
	newYork, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	w := For("en", "", nil)
	first := time.Date(2027, 11, 7, 5, 30, 0, 0, time.UTC) // 1:30 EDT
	for shift, want := range map[time.Duration]string{
		-time.Hour:    "12:30 am",
		0:             "1:30 am (before the clocks go back)",
		time.Hour:     "1:30 am (after the clocks have gone back)",
		2 * time.Hour: "2:30 am",
	} {
		if got := w.Time(first.Add(shift), newYork); got != want {
			t.Errorf("%s after the first: %q, want %q", shift, got, want)
		}
	}
}

func TestLengthsAndNumbers(t *testing.T) {
	en, de := For("en", "", nil), For("de", "", nil)
	for got, want := range map[string]string{
		en.Duration(30 * time.Minute): "30 minutes", en.Duration(0): "0 minutes", en.Duration(time.Hour): "1 hour",
		en.Duration(49*time.Hour + time.Minute): "2 days and 1 hour", de.Duration(25 * time.Hour): "1 Tag und 1 Stunde",
		en.Number(1234567): "1,234,567", de.Number(-1234): "−1.234", en.Number(12): "12",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Texts of the catalogue show in the languages for tests.
func TestPseudoLanguages(t *testing.T) {
	if got := For(accented, "", nil).Say("time.stretch", "From", 1, "To", 2); !strings.HasPrefix(got, "[1 tó 2") {
		t.Errorf("the accented language says %q", got)
	}
	if w := For(mirrored, "", nil); w.Direction() != "rtl" {
		t.Errorf("the mirrored language goes %s", w.Direction())
	}
}
