package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// link is a row of account_links.
type link struct {
	hash                 []byte
	user                 uuid.UUID // zero for PurposeSetup
	purpose              Purpose
	email                string
	createdAt, expiresAt time.Time
}

func insertLink(ctx context.Context, tx *sqldb.Tx, l link) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_links (hash, user_id, purpose, email, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, l.hash, known(l.user), string(l.purpose),
		sql.NullString{String: l.email, Valid: l.email != ""}, sqldb.Instant(l.createdAt), sqldb.Instant(l.expiresAt))
	return err
}

// takeLink deletes the row and returns it, or ErrLink when there is none.
func takeLink(ctx context.Context, tx *sqldb.Tx, hash []byte, purpose Purpose) (link, error) {
	l, err := sqldb.One(ctx, tx, scanLink, `DELETE FROM account_links WHERE hash = $1 AND purpose = $2
		RETURNING user_id, email, expires_at`, hash, string(purpose))
	if errors.Is(err, sqldb.ErrNoRows) {
		err = ErrLink
	}
	return l, err
}

func scanLink(r sqldb.Row) (l link, err error) {
	var user uuid.NullUUID
	var email sql.NullString
	err = r.Scan(&user, &email, (*sqldb.Instant)(&l.expiresAt))
	l.user, l.email = user.UUID, email.String
	return l, err
}

// removeLinks ends a user's links for a purpose; the zero user's are those of set-up.
func removeLinks(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, purpose Purpose) error {
	if user == uuid.Nil {
		_, err := tx.Exec(ctx, `DELETE FROM account_links WHERE user_id IS NULL AND purpose = $1`, string(purpose))
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM account_links WHERE user_id = $1 AND purpose = $2`, user, string(purpose))
	return err
}

// known is u, or NULL when u is zero.
func known(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: u != uuid.Nil} }
