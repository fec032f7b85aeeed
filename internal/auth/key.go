package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/id"
)

// key is an API key as its holder has it: mb_<id>_<secret><checksum>, each part
// in base32. The checksum tells a mistyped key without asking the database, and
// lets scanners find leaked keys.
type key struct {
	id     uuid.UUID
	secret [32]byte
}

func newKey() key {
	k := key{id: id.New()}
	rand.Read(k.secret[:]) // never fails
	return k
}

// hash is what is stored of the secret.
func (k key) hash() []byte {
	sum := sha256.Sum256(k.secret[:])
	return sum[:]
}

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// text is the key itself: for its holder's eyes, once.
func (k key) text() string {
	t := "mb_" + alphabet.EncodeToString(k.id[:]) + "_" + alphabet.EncodeToString(k.secret[:])
	return t + alphabet.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(t))))
}

// parseKey reads what text made, and reports false for anything else.
func parseKey(text string) (k key, ok bool) {
	idText, rest, _ := strings.Cut(strings.TrimPrefix(text, "mb_"), "_")
	n := alphabet.EncodedLen(len(k.secret))
	if len(rest) < n || !decode(k.id[:], idText) || !decode(k.secret[:], rest[:n]) {
		return key{}, false
	}
	if k.text() != text { // the checksum, or another spelling
		return key{}, false
	}
	return k, true
}

func decode(dst []byte, s string) bool {
	b, err := alphabet.DecodeString(s)
	return err == nil && copy(dst, b) == len(dst)
}
