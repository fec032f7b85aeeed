package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

const recoveryCodes = 10 // of a user, each of 120 bits

// newRecoveryCodes makes codes in six groups: "k3j9-02mz-…". They are long enough
// to be kept as plain hashes (ASVS 6.5.2 wants 112 bits for that).
func newRecoveryCodes() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var b [15]byte
		rand.Read(b[:]) // never fails
		s := alphabet.EncodeToString(b[:])
		codes[i] = strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
	}
	return codes
}

// hashCode is what is kept of a code, however it is spelt.
func hashCode(code string) []byte {
	plain := strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(code))
	sum := sha256.Sum256([]byte("recovery code " + plain))
	return sum[:]
}

// RenewRecoveryCodes gives the caller new codes in the place of those they have.
//
// It returns ErrNoSession, ErrStepUp, or ErrFactorNotFound if they have no second factor.
func (s *Service) RenewRecoveryCodes(ctx context.Context, by Actor) (codes []string, err error) {
	defer errs.Wrap(&err, "renew recovery codes")
	if err := s.mayChangeFactors(by); err != nil {
		return nil, err
	}
	codes = newRecoveryCodes()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := lockUser(ctx, tx, by.UserID); err != nil {
			return err
		}
		if all, err := factorsOf(ctx, tx, by.UserID); err != nil {
			return err
		} else if len(all) == 0 {
			return ErrFactorNotFound
		}
		if err := setRecoveryCodes(ctx, tx, by.UserID, codes); err != nil {
			return err
		}
		if err := tell(ctx, tx, by.UserID, NoticeFactor); err != nil {
			return err
		}
		return recordOwn(ctx, tx, by, by.UserID, "recovery.renew", "user", by.UserID.String())
	})
	return codes, err
}

// useRecoveryCode uses a code up, or returns ErrFactorRefused. That its row is
// deleted, and no look before, is what makes it good for one use.
func useRecoveryCode(ctx context.Context, tx *sqldb.Tx, from Actor, user uuid.UUID, code Secret) error {
	n, err := takeRecoveryCode(ctx, tx, user, hashCode(string(code)))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrFactorRefused
	}
	if err := tell(ctx, tx, user, NoticeRecovery); err != nil {
		return err
	}
	return recordOwn(ctx, tx, from, user, "recovery.use", "user", user.String())
}
