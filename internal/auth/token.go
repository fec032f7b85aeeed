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

// token is a secret as its holder has it: <prefix>_<id>_<secret><checksum>, each
// part in base32. The id finds the row that the secret is for. The checksum
// tells a mistyped token without asking the database, and lets scanners find
// leaked ones.
type token struct {
	prefix prefix
	id     uuid.UUID
	secret [32]byte
}

// prefix tells what a token is.
type prefix string

const (
	keyPrefix     prefix = "mb"  // an API key
	accessPrefix  prefix = "mba" // what a session sends with each request
	refreshPrefix prefix = "mbr" // what a session gets its next tokens for
	cookiePrefix  prefix = "mbs" // a browser's session
)

func newToken(p prefix, of uuid.UUID) token {
	t := token{prefix: p, id: of}
	rand.Read(t.secret[:]) // never fails
	return t
}

func newKey() token { return newToken(keyPrefix, id.New()) }

// hash is what is stored of the secret.
func (t token) hash() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// text is the token itself: for its holder's eyes, once.
func (t token) text() string {
	s := string(t.prefix) + "_" + alphabet.EncodeToString(t.id[:]) + "_" + alphabet.EncodeToString(t.secret[:])
	return s + alphabet.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))))
}

// parseToken reads what text made of a token with that prefix, and reports false
// for anything else.
func parseToken(p prefix, text string) (t token, ok bool) {
	rest, found := strings.CutPrefix(text, string(p)+"_")
	idText, rest, _ := strings.Cut(rest, "_")
	n := alphabet.EncodedLen(len(t.secret))
	if !found || len(rest) < n || !decode(t.id[:], idText) || !decode(t.secret[:], rest[:n]) {
		return token{}, false
	}
	t.prefix = p
	if t.text() != text { // the checksum, or another spelling
		return token{}, false
	}
	return t, true
}

func decode(dst []byte, s string) bool {
	b, err := alphabet.DecodeString(s)
	return err == nil && copy(dst, b) == len(dst)
}
