package auth

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// factorRow is a row of factors.
type factorRow struct {
	Factor
	user       uuid.UUID
	credential []byte // a passkey's id
	sealed     []byte
	lastStep   int64 // of a TOTP
}

// lockUser makes those who change the same user's factors take turns.
func lockUser(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
		err = r.Scan(&u)
		return u, err
	}, `SELECT id FROM users WHERE id = $1`+tx.ForUpdate(), user)
	return err
}

// insertFactor reports 0 for a passkey that is there already.
func insertFactor(ctx context.Context, tx *sqldb.Tx, f factorRow) (int, error) {
	return tx.Exec(ctx, `INSERT INTO factors (id, user_id, kind, name, credential_id, sealed, last_step, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (credential_id) DO NOTHING`,
		f.ID, f.user, string(f.Kind), f.Name, f.credential, f.sealed, f.lastStep, sqldb.Instant(f.CreatedAt))
}

// factorsOf returns all factors of a user.
func factorsOf(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) ([]factorRow, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (f factorRow, err error) {
		f.user = user
		err = r.Scan(&f.ID, &f.Kind, &f.credential, &f.sealed)
		return f, err
	}, `SELECT id, kind, credential_id, sealed FROM factors WHERE user_id = $1 ORDER BY id`, user)
}

// factorPage lists the factors of a user, without what they are checked by.
func factorPage(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, req page.Request) (page.Of[Factor], error) {
	return listing[Factor]{
		columns: `id, kind, name, created_at, last_used_at`, from: `FROM factors WHERE user_id = $1`, args: []any{user},
		scan: func(r sqldb.Row) (f Factor, err error) {
			var used sql.Null[sqldb.Instant]
			err = r.Scan(&f.ID, &f.Kind, &f.Name, (*sqldb.Instant)(&f.CreatedAt), &used)
			f.LastUsedAt = time.Time(used.V)
			return f, err
		},
		id: func(f Factor) uuid.UUID { return f.ID },
	}.page(ctx, tx, req)
}

// useStep reports 0 when a code of that step, or of a later one, was used.
func useStep(ctx context.Context, tx *sqldb.Tx, factor uuid.UUID, step int64) (int, error) {
	return tx.Exec(ctx, `UPDATE factors SET last_step = $1, last_used_at = $2 WHERE id = $3 AND last_step < $1`,
		step, sqldb.Instant(tx.Now()), factor)
}

func setPasskey(ctx context.Context, tx *sqldb.Tx, f factorRow) error {
	_, err := tx.Exec(ctx, `UPDATE factors SET sealed = $1, last_used_at = $2 WHERE id = $3`, f.sealed, sqldb.Instant(tx.Now()), f.ID)
	return err
}

func removeFactor(ctx context.Context, tx *sqldb.Tx, user, factor uuid.UUID) (int, error) {
	return tx.Exec(ctx, `DELETE FROM factors WHERE id = $1 AND user_id = $2`, factor, user)
}

func removeFactors(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM factors WHERE user_id = $1`, user)
	return err
}

// forgetFactors takes away what only counts beside a factor.
func forgetFactors(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	if err := setRecoveryCodes(ctx, tx, user, nil); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE sessions SET strong = $1 WHERE user_id = $2`, false, user)
	return err
}

// setStrong says that a session's user has just shown a second factor.
func setStrong(ctx context.Context, tx *sqldb.Tx, session uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET strong = $1, proved_at = $2 WHERE id = $3`, true, sqldb.Instant(tx.Now()), session)
	return err
}

// insertSpent reports 0 for a challenge that was answered already.
func insertSpent(ctx context.Context, tx *sqldb.Tx, challenge uuid.UUID, expires time.Time) (int, error) {
	return tx.Exec(ctx, `INSERT INTO spent_challenges (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		challenge, sqldb.Instant(expires))
}

// takeRecoveryCode reports 0 for a code that the user does not have.
func takeRecoveryCode(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, hash []byte) (int, error) {
	return tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2`, user, hash)
}

// setRecoveryCodes puts codes in the place of all that the user has.
func setRecoveryCodes(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, codes []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, user); err != nil {
		return err
	}
	for _, code := range codes {
		if _, err := tx.Exec(ctx, `INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)`, user, hashCode(code)); err != nil {
			return err
		}
	}
	return nil
}
