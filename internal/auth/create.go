package auth

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// keyLife is how long a key is good.
const keyLife = 90 * 24 * time.Hour

// CreateKey makes an API key for the user with that e-mail address and returns
// it; there is no other time at which it can be seen. name, which may be empty,
// tells its holder what it is for. Only System makes keys for others.
//
// It returns ErrForbidden, ErrUserNotFound or ErrInvalidKey.
func (s *Service) CreateKey(ctx context.Context, by Actor, email, name string) (text string, err error) {
	defer errs.Wrap(&err, "create key")
	if by.Role != system {
		return "", ErrForbidden
	}
	name = strings.TrimSpace(name)
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 100 || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrInvalidKey.Field("name", "must be at most 100 printable characters")
	}
	k := newKey()
	hash := k.hash()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, role, err := userByEmail(ctx, tx, FoldEmail(email))
		if errors.Is(err, sqldb.ErrNoRows) {
			return ErrUserNotFound
		}
		if err != nil {
			return err
		}
		if err := insertKey(ctx, tx, storedKey{k.id, user, name, hash, tx.Now()}); err != nil {
			return err
		}
		var patients []uuid.UUID
		if role == Patient {
			patients = append(patients, user)
		}
		return audit.Record(ctx, tx, by.Event("key.create", "api_key", k.id.String(), patients...))
	})
	if err != nil {
		return "", err
	}
	return k.text(), nil
}
