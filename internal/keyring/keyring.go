// Package keyring holds the keys of an installation: one set that seals what
// the database may not show, and one that derives secrets from others.
//
// The keys lie in clear in a file of mode 0600, beside and never in the
// database: who has a copy of the database has nothing without it, and who has
// both has all. A backup needs both, kept apart. Servers that share a database
// share a copy of the file. Rotate adds new keys and keeps the old ones, so that
// what they sealed can be read.
package keyring

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrSealed is the error of what is not sealed by these keys, or for another use.
var ErrSealed = errors.New("keyring: this was not sealed with these keys for this use")

// Ring is the keys. It is safe for concurrent use and does not change. It shows
// nothing of them when it is printed.
type Ring struct {
	encryption, signing *keyset.Handle
	aead                tink.AEAD
	derive              *prf.Set
}

// New makes a ring of new keys.
func New() (*Ring, error) {
	encryption, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	signing, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, err
	}
	return newRing(encryption, signing)
}

func newRing(encryption, signing *keyset.Handle) (*Ring, error) {
	r := &Ring{encryption: encryption, signing: signing}
	var err error
	if r.aead, err = aead.New(encryption); err != nil {
		return nil, err
	}
	r.derive, err = prf.NewPRFSet(signing)
	return r, err
}

// Seal encrypts plaintext. It can be read again only with the same associated
// data, which says what it is and whose: the row that it stands in, say.
func (r *Ring) Seal(plaintext, associated []byte) ([]byte, error) {
	return r.aead.Encrypt(plaintext, associated)
}

// Unseal reads what Seal made with this ring, or with one that this one was
// rotated from. It returns ErrSealed for anything else.
func (r *Ring) Unseal(sealed, associated []byte) ([]byte, error) {
	plaintext, err := r.aead.Decrypt(sealed, associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// Derive returns 32 bytes that only who has the newest signing key can make of
// data, and that are of no use for another purpose.
func (r *Ring) Derive(purpose string, data []byte) []byte {
	return derived(r.derive.PRFs[r.derive.PrimaryID], purpose, data)
}

// DeriveAll returns what Derive does, and then what it did with each older key.
func (r *Ring) DeriveAll(purpose string, data []byte) [][]byte {
	all := [][]byte{r.Derive(purpose, data)}
	for _, k := range slices.Backward(r.Keys()) {
		if one, ok := r.derive.PRFs[k.ID]; ok && k.For == "signing" && !k.Primary {
			all = append(all, derived(one, purpose, data))
		}
	}
	return all
}

func derived(key prf.PRF, purpose string, data []byte) []byte {
	in := append([]byte(fmt.Sprintf("medbook %d %s ", len(purpose), purpose)), data...)
	out, err := key.ComputePRF(in, 32)
	if err != nil {
		panic("keyring: " + err.Error()) // the length is one that the key allows
	}
	return out
}

// Rotate returns a ring with new keys for what is sealed and derived from now
// on, which still reads what r sealed.
func (r *Ring) Rotate() (*Ring, error) {
	encryption, err := grown(r.encryption, aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	signing, err := grown(r.signing, prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, err
	}
	return newRing(encryption, signing)
}

// grown adds a new first key to a set.
func grown(h *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	m := keyset.NewManagerFromHandle(h)
	added, err := m.Add(template)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(added); err != nil {
		return nil, err
	}
	return m.Handle()
}

// Key tells of a key what is no secret.
type Key struct {
	ID      uint32
	For     string // "encryption" or "signing"
	Primary bool   // used for what is new
}

// Keys lists the keys, encryption before signing, each from the oldest on.
func (r *Ring) Keys() []Key {
	var all []Key
	for _, set := range []struct {
		use    string
		handle *keyset.Handle
	}{{"encryption", r.encryption}, {"signing", r.signing}} {
		info := set.handle.KeysetInfo()
		for _, k := range info.GetKeyInfo() {
			all = append(all, Key{ID: k.GetKeyId(), For: set.use, Primary: k.GetKeyId() == info.GetPrimaryKeyId()})
		}
	}
	return all
}

// Same reports whether both rings hold the same keys.
func (r *Ring) Same(other *Ring) bool {
	return slices.Equal(r.Keys(), other.Keys()) && subtle.ConstantTimeCompare(r.Derive("same", nil), other.Derive("same", nil)) == 1
}

// stored is the form of the file.
type stored struct {
	Encryption json.RawMessage `json:"encryption"`
	Signing    json.RawMessage `json:"signing"`
}

// Write writes the keys, in clear.
func (r *Ring) Write(w io.Writer) error {
	var s stored
	for _, set := range []struct {
		handle *keyset.Handle
		into   *json.RawMessage
	}{{r.encryption, &s.Encryption}, {r.signing, &s.Signing}} {
		var b bytes.Buffer
		if err := insecurecleartextkeyset.Write(set.handle, keyset.NewJSONWriter(&b)); err != nil {
			return err
		}
		*set.into = b.Bytes()
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// Parse reads what Write wrote.
func Parse(text []byte) (*Ring, error) {
	var s stored
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || len(s.Encryption) == 0 || len(s.Signing) == 0 {
		return nil, errors.New("this is no file of keys")
	}
	encryption, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(s.Encryption)))
	if err != nil {
		return nil, errors.New("the encryption keys can't be read")
	}
	signing, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(s.Signing)))
	if err != nil {
		return nil, errors.New("the signing keys can't be read")
	}
	return newRing(encryption, signing)
}

const redacted = "[keys]"

// Format writes "[keys]", whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[keys]".
func (r *Ring) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[keys]" as a JSON string.
func (r *Ring) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
