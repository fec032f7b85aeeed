package auth

import "testing"

// FuzzParseKey shows that whatever is accepted is the one spelling of a key, so
// that no change to a key goes unnoticed.
func FuzzParseKey(f *testing.F) {
	f.Add(key{}.text())
	f.Add("mb__")
	f.Fuzz(func(t *testing.T, text string) {
		if k, ok := parseKey(text); ok && k.text() != text {
			t.Errorf("parseKey(%q) is the key %q", text, k.text())
		}
	})
}

func TestAKeyIsReadAsWrittenAndNoChangeOfItIs(t *testing.T) {
	want := newKey()
	text := want.text()
	if got, ok := parseKey(text); !ok || got != want {
		t.Fatalf("parseKey(%q) = %v, %v, want %v", text, got, ok, want)
	}
	for i := range text {
		for _, c := range []byte("\n-_0kz") {
			changed := []byte(text)
			changed[i] = c
			if _, ok := parseKey(string(changed)); ok && string(changed) != text {
				t.Errorf("parseKey(%q) accepts another spelling of %q", changed, text)
			}
		}
	}
}
