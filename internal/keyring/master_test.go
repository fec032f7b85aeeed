package keyring

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestKeysAreRotatedWhileAServerRuns rotates the file under one that is in use:
// it opens what the new keys sealed, and from then on seals with them.
func TestKeysAreRotatedWhileAServerRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "medbook.keys")
	r, err := OpenOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	server := NewLive(r, path)
	old, err := server.Wrap(t.Context(), []byte("key"), []byte("ann"))
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := r.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if err := rotated.Save(path); err != nil {
		t.Fatal(err)
	}
	fresh, err := NewLive(rotated, path).Wrap(t.Context(), []byte("new"), []byte("ann"))
	if err != nil {
		t.Fatal(err)
	}
	before := server.Name()
	if got, err := server.Unwrap(t.Context(), fresh, []byte("ann")); string(got) != "new" || err != nil {
		t.Errorf("Unwrap = %q, %v, want what the new key wrapped", got, err)
	}
	if server.Name() == before || server.Name() != NewLive(rotated, path).Name() {
		t.Errorf("the name is %s after %s, want the new key's", server.Name(), before)
	}
	if got, err := server.Unwrap(t.Context(), old, []byte("ann")); string(got) != "key" || err != nil {
		t.Errorf("Unwrap = %q, %v, want what the old key wrapped", got, err)
	}
	for _, l := range []*Live{server, NewLive(r, "")} {
		if got, err := l.Unwrap(t.Context(), fresh, []byte("bob")); !errors.Is(err, ErrSealed) {
			t.Errorf("another patient's key: Unwrap = %q, %v, want ErrSealed", got, err)
		}
	}
	if got, err := NewLive(r, "").Unwrap(t.Context(), fresh, []byte("ann")); !errors.Is(err, ErrSealed) {
		t.Errorf("without the file: Unwrap = %q, %v, want ErrSealed", got, err)
	}
}
