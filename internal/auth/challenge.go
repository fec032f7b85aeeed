package auth

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrChallenge is the answer to a challenge that is over, was answered, or is
// for something or somebody else.
var ErrChallenge = errs.New(errs.Invalid, "challenge-invalid", "This challenge is not valid: it was answered, it is older than 5 minutes, or it was made for something else. Ask for a new one.")

// challengeLife is how long a challenge may be answered, its last instant excluded.
const challengeLife = 5 * time.Minute

// challenge is what must be remembered between the two requests of an exchange.
// The caller keeps it, sealed, so that strangers who ask for many fill no table;
// only what was answered is kept, until it is over.
type challenge struct {
	ID      uuid.UUID       `json:"id"`
	User    uuid.UUID       `json:"user"` // zero: whoever answers
	Expires time.Time       `json:"expires"`
	Data    json.RawMessage `json:"data"`
}

// The purposes of challenges.
const (
	challengeTOTP    = "totp"    // to add one
	challengePasskey = "passkey" // to add one
	challengeSignIn  = "sign-in" // with a passkey

	challengeProvider = "provider" // to sign in at an identity provider
	challengeIdentity = "identity" // to connect with one
)

// ask returns the text of a challenge to the user, who may be zero.
func (s *Service) ask(purpose string, user uuid.UUID, data any) (string, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	c := challenge{ID: uuid.New(), User: user, Expires: s.DB.Now().Add(challengeLife), Data: raw}
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	sealed, err := s.Keys.Seal(plain, []byte("medbook challenge "+purpose))
	return alphabet.EncodeToString(sealed), err
}

// asked reads into data what the user was asked, and returns ErrChallenge for
// what we did not ask them for this, or too long ago. It does not tell whether
// it was answered before: answered does.
func (s *Service) asked(text, purpose string, user uuid.UUID, data any) (c challenge, err error) {
	sealed, err := alphabet.DecodeString(text)
	if err != nil {
		return c, ErrChallenge
	}
	plain, err := s.Keys.Unseal(sealed, []byte("medbook challenge "+purpose))
	if err != nil {
		return c, ErrChallenge
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return c, err
	}
	if c.User != user || !s.DB.Now().Before(c.Expires) {
		return c, ErrChallenge
	}
	return c, json.Unmarshal(c.Data, data)
}

// answered uses a challenge up, or returns ErrChallenge if it was.
func (c challenge) answered(ctx context.Context, tx *sqldb.Tx) error {
	n, err := insertSpent(ctx, tx, c.ID, c.Expires)
	if err == nil && n == 0 {
		err = ErrChallenge
	}
	return err
}
