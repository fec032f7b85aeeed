package id

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

var form = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

func TestIDsAreReadAsWritten(t *testing.T) {
	k := NewKeyed(New())
	s := Slot{Practitioner: New(), Start: time.Date(2027, 8, 13, 8, 0, 0, 0, time.UTC)}
	s.End = s.Start.Add(15 * time.Minute)
	for _, text := range []string{New().String(), k.String(), s.String()} {
		if !form.MatchString(text) {
			t.Errorf("id %q does not match %v", text, form)
		}
	}
	if got, ok := ParseKeyed(k.String()); !ok || got != k {
		t.Errorf("ParseKeyed(%q) = %v, %v, want %v", k, got, ok, k)
	}
	if got, ok := ParseSlot(s.String()); !ok || got != s {
		t.Errorf("ParseSlot(%q) = %v, %v, want %v", s, got, ok, s)
	}
	if u := New(); u.Version() != 7 {
		t.Errorf("version of %v is %d, want 7", u, u.Version())
	}
}

func TestOnlyOneSpellingIsAnID(t *testing.T) {
	k, s := NewKeyed(New()).String(), Slot{Practitioner: New(), Start: time.Unix(600, 0), End: time.Unix(1500, 0)}.String()
	for _, text := range []string{
		"", ".", "-", "x", strings.ToUpper(k), k + "0", k[1:], k[:len(k)-1] + "z", s[:len(s)-1], strings.Repeat("0", 26) + "-" + strings.Repeat("0", 12),
		"{0190a0f0-0000-7000-8000-000000000000}", "0190A0F0-0000-7000-8000-000000000000", "0190a0f000007000800000000000000000000",
	} {
		if _, ok := Parse(text); ok {
			t.Errorf("Parse(%q) accepted it", text)
		}
		if _, ok := ParseKeyed(text); ok {
			t.Errorf("ParseKeyed(%q) accepted it", text)
		}
		if _, ok := ParseSlot(text); ok {
			t.Errorf("ParseSlot(%q) accepted it", text)
		}
	}
}

// FuzzParse shows that whatever a parser accepts is the one spelling of what it read.
func FuzzParse(f *testing.F) {
	f.Add(New().String())
	f.Add(NewKeyed(New()).String())
	f.Add(Slot{Practitioner: New(), Start: time.Unix(600, 0), End: time.Unix(1500, 0)}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if k, ok := ParseKeyed(text); ok && k.String() != text {
			t.Errorf("ParseKeyed(%q).String() = %q", text, k)
		}
		if s, ok := ParseSlot(text); ok && s.String() != text {
			t.Errorf("ParseSlot(%q).String() = %q", text, s)
		}
		if u, ok := Parse(text); ok && u.String() != text {
			t.Errorf("Parse(%q).String() = %q", text, u)
		}
	})
}
