package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestWhichPasswordsMayBeKept(t *testing.T) {
	for _, tt := range []struct {
		password string
		known    []string
		wrong    string
	}{
		{"seven tall giraffes", nil, ""},
		{"correct horse battery", []string{"Ann Lee", "ann@example.org"}, ""},
		{"elf Zeichen!", nil, ""},
		{"elf Zeichen", nil, "must have at least 12 characters"},
		{"ööööäääüüßß", nil, "must have at least 12 characters"},
		{strings.Repeat("sieben große ", 10)[:130], nil, ""},
		{strings.Repeat("x y", 43), nil, "must have at most 128 characters"},
		{"with\x00a NUL in it", nil, "may not hold control characters"},
		{"not UTF-8 at all \xff", nil, "may not hold control characters"},
		{"Password123456", nil, "is one of the most common passwords, or made of one"},
		{"!!Dragon!!!!", nil, "is one of the most common passwords, or made of one"},
		{"passwordpassword", nil, "is one of the most common passwords, or made of one"},
		{"abcabcabcabc", nil, "is one of the most common passwords, or made of one"},
		{"123456789012", nil, "is one of the most common passwords, or made of one"},
		{"qwertyuiop12", nil, "is one of the most common passwords, or made of one"},
		{"aaaaaaaaaaaa", nil, "is one of the most common passwords, or made of one"},
		{"giraffes of lindqvist", []string{"ruth@clinic.example", "Ruth Lindqvist"}, "may not hold your name or address"},
		{"my ruth of old times", []string{"ruth@clinic.example"}, "may not hold your name or address"},
		{"an hour with bo", []string{"Bo An"}, ""},
	} {
		if got := Check(tt.password, tt.known...); got != tt.wrong {
			t.Errorf("%q: %q, want %q", tt.password, got, tt.wrong)
		}
	}
	if n := len(common()); n < 9_900 {
		t.Errorf("the list has %d passwords, want the 10,000 most common", n)
	}
}

func TestAHashFitsItsPasswordOnly(t *testing.T) {
	var h Hasher
	hash, err := h.Hash(t.Context(), "café of Zürich")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", hash, err)
	}
	for password, want := range map[string]bool{
		"café of Zürich": true, "cafe\u0301 of Zu\u0308rich": true, // typed on another keyboard
		"cafe of Zurich": false, "": false,
	} {
		if got, err := h.Verify(t.Context(), password, hash); got != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v, want %v", password, got, err, want)
		}
	}
	if got, err := h.Verify(t.Context(), "", ""); got || err != nil {
		t.Errorf("Verify of nobody's password = %v, %v, want false", got, err)
	}
	if again, _ := h.Hash(t.Context(), "café of Zürich"); again == hash {
		t.Error("the same password has the same hash twice: no salt")
	}
}

// TestFewAreHashedAtOnce fills all places, and shows that one more is turned
// away, and that one who leaves while waiting gives the place back.
func TestFewAreHashedAtOnce(t *testing.T) {
	var h Hasher
	h.open()
	for range cap(h.running) {
		if _, err := h.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range cap(h.running) * queue {
		wg.Go(func() {
			if _, err := h.Hash(ctx, "seven tall giraffes"); !errors.Is(err, context.Canceled) {
				t.Errorf("Hash of one who left: error %v", err)
			}
		})
	}
	for len(h.waiting) < cap(h.waiting) {
		if t.Context().Err() != nil {
			t.Fatal("they do not come to wait")
		}
	}
	if _, err := h.Verify(t.Context(), "x", ""); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: error %v, want ErrBusy", err)
	}
	cancel()
	wg.Wait()
	if len(h.waiting) != cap(h.running) || len(h.running) != cap(h.running) {
		t.Errorf("%d of %d places are taken, want those at work only", len(h.waiting), cap(h.waiting))
	}
}

func BenchmarkVerify(b *testing.B) {
	var h Hasher
	for b.Loop() {
		if _, err := h.Verify(b.Context(), "seven tall giraffes", ""); err != nil {
			b.Fatal(err)
		}
	}
}
