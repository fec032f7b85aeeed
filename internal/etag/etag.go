// Package etag compares versions of resources, as RFC 9110 section 13.1 says.
//
// Services make a resource's tag and judge If-Match in the transaction that
// writes; api judges If-None-Match on what a read returned.
package etag

import (
	"strings"

	"medbook/internal/errs"
)

// What a caller gets who changes a versioned resource without its version, or with an older one.
var (
	ErrMissing = errs.New(errs.PreconditionRequired, "if-match-missing", "This change needs an If-Match header with the ETag that was last read.")
	ErrStale   = errs.New(errs.PreconditionFailed, "if-match-stale", "This was changed in the meantime; read it again.")
)

// Match is an If-Match or If-None-Match header as it was sent: "*" or a list of
// entity tags. Empty means that it was not sent.
type Match string

// Check judges an If-Match header against the current tag. It returns
// ErrMissing when none was sent and ErrStale when none of its tags is current.
// A weak tag never matches.
func (m Match) Check(current string) error {
	switch {
	case m == "":
		return ErrMissing
	case m.has(current, false):
		return nil
	default:
		return ErrStale
	}
}

// Holds reports whether an If-None-Match header names the current tag, so that
// the answer is 304. Weak and strong forms of a tag are equal here.
func (m Match) Holds(current string) bool { return m != "" && m.has(current, true) }

func (m Match) has(current string, weak bool) bool {
	if strings.TrimSpace(string(m)) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(string(m), ",") {
		tag = strings.TrimSpace(tag)
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == current {
			return true
		}
	}
	return false
}

// Quote makes an entity tag of s, which must hold no quote and no comma.
func Quote(s string) string { return `"` + s + `"` }
