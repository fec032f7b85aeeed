package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrLink is the answer to a link's token that is unknown, used, over, or for
// something else.
var ErrLink = errs.New(errs.Invalid, "link-invalid", "This link is not valid: it was used, it is too old, or there is a newer one. Ask for a new one.")

// Purpose is what a link is good for.
type Purpose string

// The purposes of links.
const (
	PurposeVerify Purpose = "verify" // says that an address is the user's
	PurposeReset  Purpose = "reset"  // sets a new password
	PurposeEmail  Purpose = "email"  // says that a new address is the user's, and makes it theirs
	PurposeSetup  Purpose = "setup"  // makes the first admin
)

// life is how long a link is good, its last instant excluded.
func (p Purpose) life() time.Duration {
	switch p {
	case PurposeReset:
		return 15 * time.Minute
	case PurposeVerify:
		return 24 * time.Hour
	}
	return time.Hour
}

// LinkSecret is what a link's token is made of: 256 bits of chance.
type LinkSecret [32]byte

// NewLinkSecret makes a secret. Make it outside of the transaction that mints
// the link, whose closure may run more than once.
func NewLinkSecret() (s LinkSecret) {
	rand.Read(s[:]) // never fails
	return s
}

// Token is what the link carries.
func (s LinkSecret) Token() string { return alphabet.EncodeToString(s[:]) }

func hashLink(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// MintLink makes secret's token good for one use by the user, in place of all
// links for the same purpose that were sent before, and returns when it ends.
// email is the new address of PurposeEmail, else empty.
func MintLink(ctx context.Context, tx *sqldb.Tx, secret LinkSecret, user uuid.UUID, purpose Purpose, email string) (ends time.Time, err error) {
	defer errs.Wrap(&err, "mint link %s", purpose)
	if err := removeLinks(ctx, tx, user, purpose); err != nil {
		return ends, err
	}
	now := tx.Now()
	ends = now.Add(purpose.life())
	return ends, insertLink(ctx, tx, link{hash: hashLink(secret.Token()), user: user, purpose: purpose, email: email, createdAt: now, expiresAt: ends})
}

// redeemLink uses a token up and returns whose it was, or ErrLink. That the row
// is deleted, and no look before, is what makes it good for one use.
func redeemLink(ctx context.Context, tx *sqldb.Tx, token string, purpose Purpose) (link, error) {
	l, err := takeLink(ctx, tx, hashLink(token), purpose)
	if err == nil && !tx.Now().Before(l.expiresAt) {
		err = ErrLink
	}
	return l, err
}
