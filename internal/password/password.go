// Package password says which passwords may be kept, and hashes them with
// argon2id, few at a time.
//
// There are no rules of composition: a password is long, is none of the 10,000
// most common ones or made of one, and does not hold what is known of its
// owner. What is typed is brought to one Unicode form first (NFKC), so that the
// same password comes out of every keyboard.
package password

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	_ "embed"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"medbook/internal/errs"
)

// ErrBusy is the answer when so many passwords are being hashed that one more
// would slow down everybody else.
var ErrBusy = errs.New(errs.Limited, "sign-in-busy", "Too many people are signing in at this moment. Try again in a second.")

const (
	least = 12  // characters
	most  = 128 // characters, of at most four bytes
)

// cost is OWASP's first choice for argon2id: 19 MiB and two passes.
var cost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// GCPercent is the garbage collector's GOGC for a program that hashes: each hash
// leaves 19 MiB behind, more than all else that lives, so that by Go's own 100 the
// collector runs for every second hash and everybody waits for it. With this, holds
// take half as long while 50 people a second sign in.
const GCPercent = 400

//go:embed common.txt
var commonText string

// common are the most common passwords, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(commonText) {
		m[strings.ToLower(word)] = true
	}
	return m
})

// Check returns what is wrong with a password, "" if it may be kept. known is
// what others may know of its owner, such as a name; parts of less than four
// characters do not matter.
func Check(password string, known ...string) string {
	p := norm.NFKC.String(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(p, unicode.IsControl):
		return "may not hold control characters"
	case utf8.RuneCountInString(p) < least:
		return "must have at least 12 characters"
	case utf8.RuneCountInString(p) > most:
		return "must have at most 128 characters"
	}
	folded := strings.ToLower(p)
	if isCommon(folded) {
		return "is one of the most common passwords, or made of one"
	}
	for _, k := range known {
		for part := range strings.FieldsFuncSeq(strings.ToLower(norm.NFKC.String(k)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(part) >= 4 && strings.Contains(folded, part) {
				return "may not hold your name or address"
			}
		}
	}
	return ""
}

// isCommon reports whether a password is a common one, one with digits and
// signs around it, or one over and over.
func isCommon(folded string) bool {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, base := range []string{folded, strings.TrimFunc(folded, notLetter), strings.TrimRightFunc(folded, notLetter)} {
		if common()[base] {
			return true
		}
		for n := 1; n <= len(base)/2; n++ {
			if len(base)%n == 0 && strings.Repeat(base[:n], len(base)/n) == base && (n <= 3 || common()[base[:n]]) {
				return true
			}
		}
	}
	return strings.TrimFunc(folded, notLetter) == ""
}

// Hasher hashes and checks passwords, as many at a time as leave the machine
// room for other work. Its zero value is ready, and safe for concurrent use.
type Hasher struct {
	once    sync.Once
	running chan struct{} // has a place for each hash at work
	waiting chan struct{} // and for each that is at work or waits
}

// queue is how many may wait for each that is at work.
const queue = 4

func (h *Hasher) open() {
	h.once.Do(func() {
		n := max(1, runtime.GOMAXPROCS(0)/2)
		h.running, h.waiting = make(chan struct{}, n), make(chan struct{}, n*(1+queue))
	})
}

// enter waits for a place to hash in. It returns ErrBusy when too many wait
// already, or the context's error; else the caller calls leave.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	h.open()
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return func() { <-h.running; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, ctx.Err()
	}
}

// Hash returns what is to be kept of a password. It takes tens of milliseconds;
// never call it in a transaction. It returns ErrBusy or the context's error.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(norm.NFKC.String(password), cost)
}

// nobodys is compared with where there is no hash, so that a password of nobody
// takes as long as another. No password fits it that passes Check.
const nobodys = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Verify reports whether a password is the one of that hash. An empty hash is
// nobody's, and takes as long. It returns ErrBusy or the context's error.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if hash == "" {
		_, err := argon2id.ComparePasswordAndHash(norm.NFKC.String(password), nobodys)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(norm.NFKC.String(password), hash)
}
