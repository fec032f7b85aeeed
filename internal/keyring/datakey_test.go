package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestADataKeyIsOnePersonsAndComesWrapped(t *testing.T) {
	r := ring(t)
	master := NewLive(r, "")
	k, err := NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal([]byte("secret"), []byte("row 1"))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := k.Wrap(t.Context(), master, []byte("ann"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenDataKey(t.Context(), master, wrapped, []byte("ann"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := opened.Unseal(sealed, []byte("row 1")); string(got) != "secret" || err != nil {
		t.Errorf("Unseal = %q, %v", got, err)
	}
	if got, err := opened.Unseal(sealed, []byte("row 2")); !errors.Is(err, ErrSealed) {
		t.Errorf("for another row: Unseal = %q, %v, want ErrSealed", got, err)
	}
	bent := bytes.Clone(wrapped)
	bent[len(bent)/2] ^= 1
	for name, try := range map[string]func() (*DataKey, error){
		"as another's": func() (*DataKey, error) { return OpenDataKey(t.Context(), master, wrapped, []byte("bob")) },
		"by other keys": func() (*DataKey, error) {
			return OpenDataKey(t.Context(), NewLive(ring(t), ""), wrapped, []byte("ann"))
		},
		"a bit turned": func() (*DataKey, error) { return OpenDataKey(t.Context(), master, bent, []byte("ann")) },
		"nothing":      func() (*DataKey, error) { return OpenDataKey(t.Context(), master, nil, nil) },
	} {
		if k, err := try(); !errors.Is(err, ErrSealed) || k != nil {
			t.Errorf("%s: OpenDataKey = %v, %v, want ErrSealed", name, k, err)
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", k, k, k); got != "[keys] [keys] [keys]" {
		t.Errorf("printed: %s", got)
	}
}
