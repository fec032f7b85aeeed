package auth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Offer is a second factor that may be added: what an authenticator needs, and
// the challenge that goes back with its answer.
type Offer struct {
	Challenge string
	ExpiresIn time.Duration
	Secret    string          // of a TOTP, in base32
	URI       string          // otpauth: what a QR code of it holds
	Passkey   json.RawMessage // PublicKeyCredentialCreationOptionsJSON, or …RequestOptionsJSON
}

// NewFactor is an authenticator's answer to an Offer.
type NewFactor struct {
	Challenge  string
	Name       string
	Code       Secret // of a TOTP
	Credential []byte // of a passkey, as WebAuthn's JSON
}

// OfferFactor begins the adding of a second factor. Nothing is kept of it.
//
// It returns ErrNoSession, ErrStepUp or ErrNoPasskeys.
func (s *Service) OfferFactor(ctx context.Context, by Actor, kind FactorKind) (o Offer, err error) {
	defer errs.Wrap(&err, "offer factor")
	if err := s.mayChangeFactors(by); err != nil {
		return o, err
	}
	var a account
	var present []factorRow
	var clinic string
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if a, err = accountByUser(ctx, tx, by.UserID); err != nil {
			return err
		}
		if present, err = factorsOf(ctx, tx, by.UserID); err != nil {
			return err
		}
		clinic, err = s.clinic(ctx, tx)
		return err
	})
	if err != nil {
		return o, err
	}
	if kind == TOTP {
		return s.offerTOTP(a, clinic)
	}
	return s.offerPasskey(a, present, clinic)
}

// AddFactor adds the second factor that answered an Offer. With the first one
// come recovery codes, which are shown this once; the caller's session counts as
// strong from then on, and their others, begun without it, end.
//
// It returns ErrNoSession, ErrStepUp, ErrChallenge, ErrWrongFactor or ErrInvalidFactor.
func (s *Service) AddFactor(ctx context.Context, by Actor, n NewFactor) (f Factor, codes []string, err error) {
	defer errs.Wrap(&err, "add factor")
	if err := s.mayChangeFactors(by); err != nil {
		return f, nil, err
	}
	if err := checkLabel(n.Name); err != nil {
		return f, nil, err
	}
	row, c, err := s.answerOf(by, n)
	if err != nil {
		return f, nil, err
	}
	fresh := newRecoveryCodes()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		codes = nil
		row.CreatedAt = tx.Now()
		if err := c.answered(ctx, tx); err != nil {
			return err
		}
		first, err := addFactor(ctx, tx, by, row)
		if err == nil && first {
			codes = fresh
			err = setRecoveryCodes(ctx, tx, by.UserID, fresh)
		}
		return err
	})
	return row.Factor, codes, err
}

// answerOf checks an authenticator's answer and returns the row to keep.
func (s *Service) answerOf(by Actor, n NewFactor) (row factorRow, c challenge, err error) {
	which := id.New()
	if n.Credential != nil {
		row, c, err = s.answeredPasskey(by, n, which)
	} else {
		row, c, err = s.answeredTOTP(by, n, which)
	}
	row.ID, row.Name, row.user = which, n.Name, by.UserID
	return row, c, err
}

// addFactor keeps a factor and does what follows from that. It reports whether
// it is the user's first. The lock of the user's row makes two at once take turns.
func addFactor(ctx context.Context, tx *sqldb.Tx, by Actor, row factorRow) (first bool, err error) {
	if err := lockUser(ctx, tx, by.UserID); err != nil {
		return false, err
	}
	present, err := factorsOf(ctx, tx, by.UserID)
	if err != nil {
		return false, err
	}
	if len(present) >= mostFactors {
		return false, ErrInvalidFactor.Field("name", "is one too many: remove another first")
	}
	if n, err := insertFactor(ctx, tx, row); err != nil || n == 0 {
		if err == nil {
			err = ErrInvalidFactor.Field("credential", "is known already")
		}
		return false, err
	}
	first = len(present) == 0
	if first {
		if err := removeSessions(ctx, tx, by.UserID, by.CredentialID); err != nil {
			return false, err
		}
	}
	if err := setStrong(ctx, tx, by.CredentialID); err != nil {
		return false, err
	}
	if err := tell(ctx, tx, by.UserID, NoticeFactor); err != nil {
		return false, err
	}
	return first, recordOwn(ctx, tx, by, by.UserID, "factor.add", "factor", row.ID.String())
}

// sealedFor ties what is sealed to the factor and its user.
func sealedFor(user, factor uuid.UUID) []byte {
	return append(append([]byte("medbook factor "), user[:]...), factor[:]...)
}
