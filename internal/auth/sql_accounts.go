package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

const selectAccount = `SELECT u.id, u.email, a.password_hash, a.verified_at
	FROM users u LEFT JOIN accounts a ON a.user_id = u.id WHERE `

// accountByEmail returns ErrNoRows when nobody has the address.
func accountByEmail(ctx context.Context, tx *sqldb.Tx, folded string) (account, error) {
	return sqldb.One(ctx, tx, scanAccount, selectAccount+`u.email = $1`, folded)
}

func accountByUser(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (account, error) {
	return sqldb.One(ctx, tx, scanAccount, selectAccount+`u.id = $1`, user)
}

func scanAccount(r sqldb.Row) (a account, err error) {
	var hash sql.NullString
	var verified sql.Null[sqldb.Instant]
	err = r.Scan(&a.user, &a.email, &hash, &verified)
	a.passwordHash, a.verified = hash.String, verified.Valid
	return a, err
}

// setPassword makes the user's account if there is none. An address that is
// verified stays so.
func setPassword(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, hash string, verified bool) error {
	now := sqldb.Instant(tx.Now())
	at := sql.Null[sqldb.Instant]{V: now, Valid: verified}
	_, err := tx.Exec(ctx, `INSERT INTO accounts (user_id, password_hash, password_changed_at, verified_at)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash,
			password_changed_at = excluded.password_changed_at,
			verified_at = COALESCE(accounts.verified_at, excluded.verified_at)`, user, hash, now, at)
	return err
}

func setVerified(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE accounts SET verified_at = $1 WHERE user_id = $2 AND verified_at IS NULL`,
		sqldb.Instant(tx.Now()), user)
	return err
}

// setPendingEmail keeps the address that a user asked for; empty for none.
func setPendingEmail(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, folded string) error {
	email := sql.NullString{String: folded, Valid: folded != ""}
	_, err := tx.Exec(ctx, `INSERT INTO accounts (user_id, verified_at, pending_email) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET pending_email = excluded.pending_email`, user, sqldb.Instant(tx.Now()), email)
	return err
}

func pendingEmail(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (string, error) {
	email, err := sqldb.One(ctx, tx, func(r sqldb.Row) (s sql.NullString, err error) {
		err = r.Scan(&s)
		return s, err
	}, `SELECT pending_email FROM accounts WHERE user_id = $1`, user)
	if errors.Is(err, sqldb.ErrNoRows) {
		err = nil
	}
	return email.String, err
}

// emailOfLink returns the address of the user of a link that is still good, or ErrNoRows.
func emailOfLink(ctx context.Context, tx *sqldb.Tx, hash []byte, purpose Purpose, now time.Time) (string, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (s string, err error) {
		err = r.Scan(&s)
		return s, err
	}, `SELECT u.email FROM account_links l JOIN users u ON u.id = l.user_id
		WHERE l.hash = $1 AND l.purpose = $2 AND l.expires_at > $3`, hash, string(purpose), sqldb.Instant(now))
}

func keyCheck(ctx context.Context, tx *sqldb.Tx) ([]byte, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, `SELECT sealed FROM key_checks WHERE id = 1`)
}

// insertKeyCheck keeps the row that is there already.
func insertKeyCheck(ctx context.Context, tx *sqldb.Tx, sealed []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO key_checks (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING`, sealed)
	return err
}

// deleteAccount deletes the rows of a user in every table of this package.
func deleteAccount(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	for _, statement := range []string{
		`DELETE FROM sessions WHERE user_id = $1`,
		`DELETE FROM known_devices WHERE user_id = $1`,
		`DELETE FROM api_keys WHERE user_id = $1`,
		`DELETE FROM factors WHERE user_id = $1`,
		`DELETE FROM recovery_codes WHERE user_id = $1`,
		`DELETE FROM identities WHERE user_id = $1`,
		`DELETE FROM account_links WHERE user_id = $1`,
		`DELETE FROM accounts WHERE user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, user); err != nil {
			return err
		}
	}
	return nil
}

// addressVerified is true also for who has no row: an admin made them.
func addressVerified(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (bool, error) {
	n, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM accounts WHERE user_id = $1 AND verified_at IS NULL`, user)
	return n == 0, err
}
