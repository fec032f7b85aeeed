package auth

import "testing"

// FuzzParseToken shows that whatever is accepted is the one spelling of a key, so
// that no change to a key goes unnoticed.
func FuzzParseToken(f *testing.F) {
	f.Add(token{prefix: keyPrefix}.text())
	f.Add("mb__")
	f.Fuzz(func(t *testing.T, text string) {
		if k, ok := parseToken(keyPrefix, text); ok && k.text() != text {
			t.Errorf("parseToken(%q) is the key %q", text, k.text())
		}
	})
}

func TestAKeyIsReadAsWrittenAndNoChangeOfItIs(t *testing.T) {
	want := newKey()
	text := want.text()
	if got, ok := parseToken(keyPrefix, text); !ok || got != want {
		t.Fatalf("parseToken(%q) = %v, %v, want %v", text, got, ok, want)
	}
	for i := range text {
		for _, c := range []byte("\n-_0kz") {
			changed := []byte(text)
			changed[i] = c
			if _, ok := parseToken(keyPrefix, string(changed)); ok && string(changed) != text {
				t.Errorf("parseToken(%q) accepts another spelling of %q", changed, text)
			}
		}
	}
}
