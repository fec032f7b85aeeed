// Package vault wraps keys by the transit engine of HashiCorp Vault or OpenBao:
// the key that wraps them never leaves there, and can be taken away there.
package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/tink"

	"medbook/internal/errs"
	"medbook/internal/keyring"
)

// ErrUnavailable is the answer while the vault can't be reached, or does not let
// us in: what it wrapped can't be read.
var ErrUnavailable = errs.New(errs.Unavailable, "key-unavailable", "The key to this record can't be had now. Try again later.")

// patience is how long one question to the vault may take, repeats included.
const patience = 10 * time.Second

// Key is a key of a vault. It is safe for concurrent use.
type Key struct {
	name string
	aead tink.AEAD
}

// Open returns the key at uri, hcvault://HOST[:PORT]/MOUNT/keys/NAME, where
// token lets us in. It does not ask the vault for anything yet.
func Open(uri, token string) (*Key, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "hcvault" || u.Host == "" || u.User != nil || u.RawQuery != "" || !strings.Contains(u.Path, "/keys/") {
		return nil, errors.New("the address of the key is not like hcvault://vault.example:8200/transit/keys/medbook")
	}
	return open("https://"+u.Host, u.Path, token, nil)
}

func open(address, path, token string, client *http.Client) (*Key, error) {
	c := api.DefaultConfig()
	if c.Error != nil {
		return nil, errors.New("the settings of the vault can't be read")
	}
	c.Address, c.Timeout, c.MaxRetries = address, patience, 2
	if client != nil {
		c.HttpClient = client
	}
	vault, err := api.NewClient(c)
	if err != nil {
		return nil, errors.New("the vault can't be used as configured")
	}
	vault.SetToken(token)
	aead, err := hcvault.NewAEAD(path, vault.Logical())
	if err != nil {
		return nil, errors.New("the address of the key in the vault can't be used")
	}
	return &Key{name: "hcvault:" + path, aead: aead}, nil
}

// Name tells which key it is. The vault rotates it without another name.
func (k *Key) Name() string { return k.name }

// Wrap has the vault seal a key. It returns ErrUnavailable.
func (k *Key) Wrap(_ context.Context, key, associated []byte) ([]byte, error) {
	wrapped, err := k.aead.Encrypt(key, associated)
	if err != nil {
		return nil, ErrUnavailable // the error may quote the answer
	}
	return wrapped, nil
}

// Unwrap has the vault open what Wrap made. It returns keyring.ErrSealed for what
// the vault refuses to open, and ErrUnavailable.
func (k *Key) Unwrap(_ context.Context, wrapped, associated []byte) ([]byte, error) {
	key, err := k.aead.Decrypt(wrapped, associated)
	var refused *api.ResponseError
	switch {
	case errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest:
		return nil, fmt.Errorf("%w, says the vault", keyring.ErrSealed)
	case err != nil:
		return nil, ErrUnavailable
	}
	return key, nil
}
