package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// credential is a key with whose it is.
type credential struct {
	hash           []byte
	expiresAt      time.Time // exclusive
	lastUsedAt     time.Time
	networks       string
	userID         uuid.UUID
	role           Role
	practitionerID uuid.UUID
	scopes         ScopeSet
}

func credentialByID(ctx context.Context, tx *sqldb.Tx, keyID uuid.UUID) (credential, error) {
	return sqldb.One(ctx, tx, scanCredential, `SELECT k.secret_hash, k.expires_at, k.last_used_at, k.scopes, k.networks, u.id, u.role, p.id
		FROM api_keys k
		JOIN users u ON u.id = k.user_id
		LEFT JOIN practitioners p ON p.user_id = u.id AND u.role = 'practitioner'
		WHERE k.id = $1`, keyID)
}

func scanCredential(r sqldb.Row) (c credential, err error) {
	var practitioner uuid.NullUUID
	var used sql.Null[sqldb.Instant]
	err = r.Scan(&c.hash, (*sqldb.Instant)(&c.expiresAt), &used, &c.scopes, &c.networks, &c.userID, &c.role, &practitioner)
	c.practitionerID, c.lastUsedAt = practitioner.UUID, time.Time(used.V)
	return c, err
}

// userOf returns the user whom System means by an address, or ErrUserNotFound.
func userOf(ctx context.Context, tx *sqldb.Tx, email string) (user uuid.UUID, role Role, err error) {
	user, role, err = userByEmail(ctx, tx, FoldEmail(email))
	if errors.Is(err, sqldb.ErrNoRows) {
		err = ErrUserNotFound
	}
	return user, role, err
}

func userByEmail(ctx context.Context, tx *sqldb.Tx, email string) (user uuid.UUID, role Role, err error) {
	c, err := sqldb.One(ctx, tx, func(r sqldb.Row) (c credential, err error) {
		err = r.Scan(&c.userID, &c.role)
		return c, err
	}, `SELECT id, role FROM users WHERE email = $1`, email)
	return c.userID, c.role, err
}

func insertKey(ctx context.Context, tx *sqldb.Tx, k Key, hash []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO api_keys (id, user_id, name, secret_hash, scopes, networks, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.User, k.Name, hash, string(k.Scopes), k.Networks, sqldb.Instant(k.CreatedAt), sqldb.Instant(k.ExpiresAt))
	return err
}

// setUsed moves forward only: requests may overtake each other.
func setUsed(ctx context.Context, tx *sqldb.Tx, keyID uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)`,
		sqldb.Instant(now), keyID)
	return err
}

func keysOf(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (int, error) {
	n, err := count(ctx, tx, `SELECT COUNT(*) FROM api_keys WHERE user_id = $1 AND expires_at > $2`, user, sqldb.Instant(tx.Now()))
	return *n, err
}

// keysIn lists the keys that by may see, of one user unless that is zero.
func keysIn(ctx context.Context, tx *sqldb.Tx, by Actor, user uuid.UUID, req page.Request) (page.Of[Key], error) {
	return listing[Key]{
		columns: `id, user_id, name, scopes, networks, created_at, expires_at, last_used_at`,
		from:    `FROM api_keys WHERE (user_id = $1 OR CAST($2 AS BOOLEAN)) AND (CAST($3 AS BOOLEAN) OR user_id = $4)`,
		args:    []any{by.UserID, by.Is(Admin), user == uuid.Nil, user},
		scan:    scanKey,
		id:      func(k Key) uuid.UUID { return k.ID },
	}.page(ctx, tx, req)
}

func scanKey(r sqldb.Row) (k Key, err error) {
	var used sql.Null[sqldb.Instant]
	err = r.Scan(&k.ID, &k.User, &k.Name, &k.Scopes, &k.Networks, (*sqldb.Instant)(&k.CreatedAt), (*sqldb.Instant)(&k.ExpiresAt), &used)
	k.LastUsedAt = time.Time(used.V)
	return k, err
}

// removeKey deletes a key that by may revoke, and tells whether there was one.
func removeKey(ctx context.Context, tx *sqldb.Tx, by Actor, key uuid.UUID) (int, error) {
	return tx.Exec(ctx, `DELETE FROM api_keys WHERE id = $1 AND (user_id = $2 OR CAST($3 AS BOOLEAN))`, key, by.UserID, by.Is(Admin))
}
