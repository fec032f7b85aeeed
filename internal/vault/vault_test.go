package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"medbook/internal/keyring"
)

// transit answers like a vault's transit engine with one key.
func transit(t *testing.T) (*Key, *httptest.Server) {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Plaintext  []byte `json:"plaintext"`
			Ciphertext string `json:"ciphertext"`
			Associated []byte `json:"associated_data"`
		}
		if r.Header.Get("X-Vault-Token") != "secret" {
			http.Error(w, `{"errors":["permission denied"]}`, http.StatusForbidden)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		out := map[string]string{}
		switch r.URL.Path {
		case "/v1/transit/encrypt/medbook":
			sealed, err := ring.Seal(in.Plaintext, in.Associated)
			if err != nil {
				t.Error(err)
			}
			out["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(sealed)
		case "/v1/transit/decrypt/medbook":
			sealed, _ := base64.StdEncoding.DecodeString(in.Ciphertext[len("vault:v1:"):])
			key, err := ring.Unseal(sealed, in.Associated)
			if err != nil {
				http.Error(w, `{"errors":["cipher: message authentication failed"]}`, http.StatusBadRequest)
				return
			}
			out["plaintext"] = base64.StdEncoding.EncodeToString(key)
		default:
			t.Errorf("asked for %s", r.URL.Path)
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"data": out}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	k, err := open(server.URL, "/transit/keys/medbook", "secret", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return k, server
}

func TestAVaultWrapsKeys(t *testing.T) {
	k, server := transit(t)
	wrapped, err := k.Wrap(t.Context(), []byte("key"), []byte("ann"))
	if err != nil || bytes.Contains(wrapped, []byte("key")) {
		t.Fatalf("Wrap = %q, %v", wrapped, err)
	}
	if got, err := k.Unwrap(t.Context(), wrapped, []byte("ann")); string(got) != "key" || err != nil {
		t.Errorf("Unwrap = %q, %v", got, err)
	}
	if got, err := k.Unwrap(t.Context(), wrapped, []byte("bob")); !errors.Is(err, keyring.ErrSealed) {
		t.Errorf("for another patient: Unwrap = %q, %v, want ErrSealed", got, err)
	}
	stranger, err := open(server.URL, "/transit/keys/medbook", "wrong", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stranger.Unwrap(t.Context(), wrapped, []byte("ann")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the token: Unwrap = %q, %v, want ErrUnavailable", got, err)
	}
	if _, err := stranger.Wrap(t.Context(), []byte("key"), []byte("ann")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without the token: Wrap: %v, want ErrUnavailable", err)
	}
}

func TestTheAddressOfAKeyIsChecked(t *testing.T) {
	if k, err := Open("hcvault://vault.example:8200/transit/keys/medbook", "x"); err != nil || k.Name() != "hcvault:/transit/keys/medbook" {
		t.Errorf("Open = %v, %v", k, err)
	}
	for _, uri := range []string{"", "https://vault.example/transit/keys/x", "hcvault:///transit/keys/x", "hcvault://vault.example/transit/x", "hcvault://a:b@vault.example/transit/keys/x"} {
		if _, err := Open(uri, "x"); err == nil {
			t.Errorf("%s was taken for the address of a key", uri)
		}
	}
}
