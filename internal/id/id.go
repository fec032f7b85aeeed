// Package id makes and reads the ids that callers see.
//
// Every id is opaque text of at most 64 characters from [A-Za-z0-9.-], with
// exactly one spelling. Rows that belong to a practitioner or a patient carry
// that lead key in their id, so that every look-up knows where they live.
package id

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"
)

// New returns a new time-ordered id (UUIDv7).
func New() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Parse reads a plain id. It reports false for any other text, which callers
// answer like an unknown id: the form of an id tells nobody anything.
func Parse(s string) (uuid.UUID, bool) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return uuid.Nil, false
	}
	return u, true
}

// Keyed is the id of a row that belongs to a practitioner or a patient.
type Keyed struct {
	Lead uuid.UUID // the practitioner or the patient
	ID   uuid.UUID
}

// NewKeyed returns a new id below lead.
func NewKeyed(lead uuid.UUID) Keyed { return Keyed{Lead: lead, ID: New()} }

// String returns the id's text: 53 characters.
func (k Keyed) String() string { return encode(k.Lead[:]) + "." + encode(k.ID[:]) }

// ParseKeyed reads the text that String made, and reports false for any other.
func ParseKeyed(s string) (k Keyed, ok bool) {
	lead, rest, ok := strings.Cut(s, ".")
	if !ok || !decode(k.Lead[:], lead) || !decode(k.ID[:], rest) {
		return Keyed{}, false
	}
	return k, true
}

// Slot is the id of a slot, which is computed and not stored: whose it is and
// when. Start is inclusive, End exclusive, both on whole minutes in UTC between
// the years 1970 and 2106.
type Slot struct {
	Practitioner uuid.UUID
	Start, End   time.Time
}

// String returns the id's text: 38 characters.
func (s Slot) String() string {
	var b [7]byte
	binary.BigEndian.PutUint32(b[:], uint32(s.Start.Unix()/60))
	minutes := uint32(s.End.Sub(s.Start) / time.Minute)
	b[4], b[5], b[6] = byte(minutes>>16), byte(minutes>>8), byte(minutes)
	return encode(s.Practitioner[:]) + "-" + encode(b[:])
}

// ParseSlot reads the text that String made, and reports false for any other.
func ParseSlot(s string) (Slot, bool) {
	lead, rest, ok := strings.Cut(s, "-")
	var p uuid.UUID
	var b [7]byte
	if !ok || !decode(p[:], lead) || !decode(b[:], rest) {
		return Slot{}, false
	}
	start := time.Unix(int64(binary.BigEndian.Uint32(b[:]))*60, 0).UTC()
	minutes := int(b[4])<<16 | int(b[5])<<8 | int(b[6])
	if minutes == 0 {
		return Slot{}, false
	}
	return Slot{Practitioner: p, Start: start, End: start.Add(time.Duration(minutes) * time.Minute)}, true
}

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func encode(b []byte) string { return alphabet.EncodeToString(b) }

// decode fills dst from s. It accepts only the one spelling that encode makes:
// base32 would also take other values for the unused bits of the last character.
func decode(dst []byte, s string) bool {
	if len(s) != alphabet.EncodedLen(len(dst)) {
		return false
	}
	b, err := alphabet.DecodeString(s)
	if err != nil || len(b) != len(dst) || encode(b) != s {
		return false
	}
	copy(dst, b)
	return true
}
