package keyring

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// DataKey seals what is kept of one person. It is stored only as a Master wrapped
// it, so that all that it sealed is gone when the wrapped key is deleted. It is
// safe for concurrent use.
type DataKey struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

// NewDataKey makes a key.
func NewDataKey() (*DataKey, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return newDataKey(h)
}

// OpenDataKey opens a key that Wrap wrapped with m, for the same associated data.
func OpenDataKey(ctx context.Context, m Master, wrapped, associated []byte) (*DataKey, error) {
	by := &wrapping{ctx: ctx, master: m}
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), by, associated)
	if by.failed != nil {
		return nil, by.failed
	}
	if err != nil {
		return nil, ErrSealed
	}
	return newDataKey(h)
}

func newDataKey(h *keyset.Handle) (*DataKey, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, err
	}
	return &DataKey{handle: h, aead: a}, nil
}

// Wrap returns the key in the form in which it is stored. The associated data
// says whose it is.
func (k *DataKey) Wrap(ctx context.Context, m Master, associated []byte) ([]byte, error) {
	var b bytes.Buffer
	by := &wrapping{ctx: ctx, master: m}
	err := k.handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), by, associated)
	if by.failed != nil {
		return nil, by.failed
	}
	return b.Bytes(), err
}

// Seal encrypts plaintext for the use that the associated data names.
func (k *DataKey) Seal(plaintext, associated []byte) ([]byte, error) {
	return k.aead.Encrypt(plaintext, associated)
}

// Unseal reads what Seal made. It returns ErrSealed for anything else.
func (k *DataKey) Unseal(sealed, associated []byte) ([]byte, error) {
	plaintext, err := k.aead.Decrypt(sealed, associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// Format writes "[keys]", whatever the verb.
func (k *DataKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// wrapping is a Master in the form that keyset asks for. It keeps the error,
// which keyset would wrap in a text of its own.
type wrapping struct {
	ctx    context.Context
	master Master
	failed error
}

func (w *wrapping) Encrypt(key, associated []byte) (wrapped []byte, err error) {
	wrapped, w.failed = w.master.Wrap(w.ctx, key, associated)
	return wrapped, w.failed
}

func (w *wrapping) Decrypt(wrapped, associated []byte) (key []byte, err error) {
	key, w.failed = w.master.Unwrap(w.ctx, wrapped, associated)
	return key, w.failed
}
