package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// userOfRecord is a user as it is kept when it was made at now.
func userOfRecord(userID uuid.UUID, r record, now time.Time) User {
	u := User{
		ID: userID, Email: phi.Of(r.email), Name: phi.Of(r.name), Phone: phi.Of(r.phone), Address: phi.Of(r.address),
		Role: r.role, TimeZone: r.timeZone, CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	if r.dateOfBirth != "" {
		u.DateOfBirth = phi.Of(r.dateOfBirth)
	}
	return u
}

// foldedEmail returns an address as it is kept, and whether it is one.
func foldedEmail(email phi.Value[string]) (string, bool) {
	folded := auth.FoldEmail(email.Reveal())
	return folded, validEmail(folded)
}

// ownerOf returns who has the address, the zero owner if nobody does.
func ownerOf(ctx context.Context, tx *sqldb.Tx, email string) (owner, error) {
	o, err := sqldb.One(ctx, tx, func(r sqldb.Row) (o owner, err error) {
		err = r.Scan(&o.id, &o.verified)
		return o, err
	}, `SELECT u.id, a.user_id IS NULL OR a.verified_at IS NOT NULL
		FROM users u LEFT JOIN accounts a ON a.user_id = u.id WHERE u.email = $1`, email)
	if errors.Is(err, sqldb.ErrNoRows) {
		err = nil
	}
	return o, err
}

// updateEmail raises the version too. The caller has locked the user; the
// unique index refuses an address that somebody else took at the same time.
func updateEmail(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, email string) error {
	if _, err := tx.Exec(ctx, `UPDATE users SET email = $1 WHERE id = $2`, email, userID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE user_profiles SET updated_at = $1, version = version + 1 WHERE user_id = $2`,
		sqldb.Instant(tx.Now()), userID)
	return err
}

func hasUsers(ctx context.Context, tx *sqldb.Tx) (bool, error) {
	return sqldb.One(ctx, tx, scanBool, `SELECT EXISTS (SELECT 1 FROM users)`)
}

func hasAdmin(ctx context.Context, tx *sqldb.Tx) (bool, error) {
	return sqldb.One(ctx, tx, scanBool, `SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')`)
}

func scanBool(r sqldb.Row) (b bool, err error) {
	err = r.Scan(&b)
	return b, err
}
