package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func ring(t *testing.T) *Ring {
	t.Helper()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatIsSealedIsReadForTheSameUseOnly(t *testing.T) {
	r := ring(t)
	sealed, err := r.Seal([]byte("secret"), []byte("row 1"))
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("Seal = %q, %v", sealed, err)
	}
	if got, err := r.Unseal(sealed, []byte("row 1")); string(got) != "secret" || err != nil {
		t.Errorf("Unseal = %q, %v", got, err)
	}
	bent := bytes.Clone(sealed)
	bent[len(bent)-1] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"another row":  func() ([]byte, error) { return r.Unseal(sealed, []byte("row 2")) },
		"other keys":   func() ([]byte, error) { return ring(t).Unseal(sealed, []byte("row 1")) },
		"a bit turned": func() ([]byte, error) { return r.Unseal(bent, []byte("row 1")) },
		"nothing":      func() ([]byte, error) { return r.Unseal(nil, nil) },
	} {
		if got, err := try(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: Unseal = %q, %v, want ErrSealed", name, got, err)
		}
	}
}

func TestDerivedSecretsBelongToKeysPurposeAndData(t *testing.T) {
	r := ring(t)
	want := r.Derive("a", []byte("b"))
	if len(want) != 32 || !bytes.Equal(want, r.Derive("a", []byte("b"))) {
		t.Errorf("Derive = %x, then %x, want the same 32 bytes", want, r.Derive("a", []byte("b")))
	}
	for name, other := range map[string][]byte{
		"another purpose": r.Derive("c", []byte("b")), "other data": r.Derive("a", []byte("c")),
		"the border moved": r.Derive("a b", nil), "other keys": ring(t).Derive("a", []byte("b")),
	} {
		if bytes.Equal(other, want) {
			t.Errorf("%s gives the same secret", name)
		}
	}
}

func TestRotatedKeysReadWhatTheOldOnesSealed(t *testing.T) {
	old := ring(t)
	sealed, _ := old.Seal([]byte("secret"), nil)
	r, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Unseal(sealed, nil); string(got) != "secret" {
		t.Errorf("Unseal = %q, %v", got, err)
	}
	fresh, _ := r.Seal([]byte("secret"), nil)
	if _, err := old.Unseal(fresh, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("the old keys read what the new ones sealed: %v", err)
	}
	if bytes.Equal(old.Derive("a", nil), r.Derive("a", nil)) {
		t.Error("the new keys derive what the old ones did")
	}
	if all := r.DeriveAll("a", nil); len(all) != 2 || !bytes.Equal(all[0], r.Derive("a", nil)) || !bytes.Equal(all[1], old.Derive("a", nil)) {
		t.Errorf("DeriveAll = %x, want what the new keys derive, then what the old ones did", all)
	}
	if n := len(r.Keys()); n != 4 || r.Keys()[0].Primary || !r.Keys()[1].Primary {
		t.Errorf("keys: %+v, want two of each kind, the newer ones first in use", r.Keys())
	}
}

func TestTheFileIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "medbook.keys")
	if _, err := Open(path); err == nil {
		t.Fatal("a file that is not there was opened")
	}
	rings := make([]*Ring, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			r, err := OpenOrCreate(path)
			if err != nil {
				t.Error(err)
			}
			rings[i] = r
		})
	}
	wg.Wait()
	for _, r := range rings {
		if t.Failed() || !r.Same(rings[0]) {
			t.Fatal("two programs that start at once have different keys")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v, want the one file", left, err)
	}
	rotated, err := rings[0].Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if err := rotated.Save(path); err != nil {
		t.Fatal(err)
	}
	if r, err := Open(path); err != nil || !r.Same(rotated) || r.Same(rings[0]) {
		t.Errorf("after Save: %v, want the rotated keys", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: error %v", err)
	}
}

func TestWhatIsNoFileOfKeysIsRefused(t *testing.T) {
	for _, text := range []string{"", "{}", "x", `{"encryption":{},"signing":{}}`, `{"encryption":{"key":[]},"signing":{"key":[]},"more":1}`} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was read as keys", text)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	r := ring(t)
	var file, log bytes.Buffer
	if err := r.Write(&file); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "ring", r)
	asJSON, _ := json.Marshal(struct{ R *Ring }{r})
	for _, text := range []string{fmt.Sprint(r), fmt.Sprintf("%+v %#v %s %d", r, r, r, r), log.String(), string(asJSON)} {
		if !strings.Contains(text, "[keys]") || len(text) > 200 {
			t.Errorf("printed: %s", text)
		}
	}
}
