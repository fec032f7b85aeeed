package auth

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// credential is a key with whose it is.
type credential struct {
	hash           []byte
	expiresAt      time.Time // exclusive
	userID         uuid.UUID
	role           Role
	practitionerID uuid.UUID
}

func credentialByID(ctx context.Context, tx *sqldb.Tx, keyID uuid.UUID) (credential, error) {
	return sqldb.One(ctx, tx, scanCredential, `SELECT k.secret_hash, k.expires_at, u.id, u.role, p.id
		FROM api_keys k
		JOIN users u ON u.id = k.user_id
		LEFT JOIN practitioners p ON p.user_id = u.id AND u.role = 'practitioner'
		WHERE k.id = $1`, keyID)
}

func scanCredential(r sqldb.Row) (c credential, err error) {
	var practitioner uuid.NullUUID
	err = r.Scan(&c.hash, (*sqldb.Instant)(&c.expiresAt), &c.userID, &c.role, &practitioner)
	c.practitionerID = practitioner.UUID
	return c, err
}

func userByEmail(ctx context.Context, tx *sqldb.Tx, email string) (user uuid.UUID, role Role, err error) {
	c, err := sqldb.One(ctx, tx, func(r sqldb.Row) (c credential, err error) {
		err = r.Scan(&c.userID, &c.role)
		return c, err
	}, `SELECT id, role FROM users WHERE email = $1`, email)
	return c.userID, c.role, err
}

// storedKey is a new row of api_keys.
type storedKey struct {
	id, user  uuid.UUID
	name      string
	hash      []byte
	createdAt time.Time
}

func insertKey(ctx context.Context, tx *sqldb.Tx, k storedKey) error {
	_, err := tx.Exec(ctx, `INSERT INTO api_keys (id, user_id, name, secret_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		k.id, k.user, k.name, k.hash, sqldb.Instant(k.createdAt), sqldb.Instant(k.createdAt.Add(keyLife)))
	return err
}
