package auth

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// storedSession is a row of sessions.
type storedSession struct {
	id, handle, user          uuid.UUID
	browser                   bool
	accessHash                []byte
	accessExpiresAt           time.Time // exclusive
	refreshHash, previousHash []byte
	rotatedAt                 time.Time // zero before the first refresh
	address, agent            string
	strong                    bool // a second factor was shown
	provedAt, seenAt          time.Time
	createdAt, expiresAt      time.Time
}

func insertSession(ctx context.Context, tx *sqldb.Tx, s storedSession) error {
	kind := "tokens"
	if s.browser {
		kind = "browser"
	}
	_, err := tx.Exec(ctx, `INSERT INTO sessions (id, handle, user_id, kind, access_hash, access_expires_at, refresh_hash,
			client_address, user_agent, strong, proved_at, seen_at, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		s.id, s.handle, s.user, kind, s.accessHash, sqldb.Instant(s.accessExpiresAt), s.refreshHash,
		s.address, s.agent, s.strong, sqldb.Instant(s.provedAt), sqldb.Instant(s.seenAt), sqldb.Instant(s.createdAt), sqldb.Instant(s.expiresAt))
	return err
}

// lockSession returns the session with that handle, locked.
func lockSession(ctx context.Context, tx *sqldb.Tx, handle uuid.UUID) (storedSession, error) {
	return sqldb.One(ctx, tx, scanSession, `SELECT id, handle, user_id, kind = 'browser', access_hash, access_expires_at, refresh_hash,
			previous_hash, rotated_at, client_address, user_agent, proved_at, seen_at, created_at, expires_at
		FROM sessions WHERE handle = $1`+tx.ForUpdate(), handle)
}

func scanSession(r sqldb.Row) (s storedSession, err error) {
	var rotated sql.Null[sqldb.Instant]
	err = r.Scan(&s.id, &s.handle, &s.user, &s.browser, &s.accessHash, (*sqldb.Instant)(&s.accessExpiresAt), &s.refreshHash,
		&s.previousHash, &rotated, &s.address, &s.agent, (*sqldb.Instant)(&s.provedAt), (*sqldb.Instant)(&s.seenAt),
		(*sqldb.Instant)(&s.createdAt), (*sqldb.Instant)(&s.expiresAt))
	s.rotatedAt = time.Time(rotated.V)
	return s, err
}

// setTokens puts new tokens in the place of a session's. The caller has locked it.
func setTokens(ctx context.Context, tx *sqldb.Tx, s storedSession, c credentials, now, accessExpires time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET access_hash = $1, access_expires_at = $2, refresh_hash = $3,
			previous_hash = $4, rotated_at = $5, seen_at = $5 WHERE id = $6`,
		c.access.hash(), sqldb.Instant(accessExpires), c.refresh.hash(), s.refreshHash, sqldb.Instant(now), s.id)
	return err
}

// setSeen moves forward only: requests may overtake each other.
func setSeen(ctx context.Context, tx *sqldb.Tx, session uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, sqldb.Instant(now), session)
	return err
}

// setProved says that the session has just shown whose it is.
func setProved(ctx context.Context, tx *sqldb.Tx, session uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET proved_at = $1 WHERE id = $2`, sqldb.Instant(tx.Now()), session)
	return err
}

// removeSession ends a session of the user's, and tells whether it was there.
func removeSession(ctx context.Context, tx *sqldb.Tx, user, session uuid.UUID) (int, error) {
	return tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND user_id = $2`, session, user)
}

// removeSessions ends all sessions of the user but one, which may be zero.
func removeSessions(ctx context.Context, tx *sqldb.Tx, user, but uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, user, but)
	return err
}

// sessionHolder is a session with whose it is.
type sessionHolder struct {
	storedSession
	role           Role
	practitionerID uuid.UUID
	hasFactor      bool
}

func holderByHandle(ctx context.Context, tx *sqldb.Tx, handle uuid.UUID) (sessionHolder, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (h sessionHolder, err error) {
		var practitioner uuid.NullUUID
		err = r.Scan(&h.id, &h.browser, &h.accessHash, (*sqldb.Instant)(&h.accessExpiresAt), &h.strong, (*sqldb.Instant)(&h.provedAt),
			(*sqldb.Instant)(&h.seenAt), (*sqldb.Instant)(&h.expiresAt), &h.user, &h.role, &practitioner, &h.hasFactor)
		h.practitionerID = practitioner.UUID
		return h, err
	}, `SELECT s.id, s.kind = 'browser', s.access_hash, s.access_expires_at, s.strong, s.proved_at, s.seen_at, s.expires_at, u.id, u.role, p.id,
			EXISTS (SELECT 1 FROM factors f WHERE f.user_id = u.id)
		FROM sessions s
		JOIN users u ON u.id = s.user_id
		LEFT JOIN practitioners p ON p.user_id = u.id AND u.role = 'practitioner'
		WHERE s.handle = $1`, handle)
}

// liveSessions counts the sessions that by may have come with: one or none.
func liveSessions(ctx context.Context, tx *sqldb.Tx, by Actor) (int, error) {
	now := tx.Now()
	return sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = $1 AND s.user_id = $2 AND u.role = $3 AND s.expires_at > $4 AND s.access_expires_at > $4 AND (s.kind = 'tokens' OR s.seen_at > $5)`,
		by.CredentialID, by.UserID, string(by.Role), sqldb.Instant(now), sqldb.Instant(now.Add(-idle(by.Role))))
}

// sessionsOf lists the sessions of by's user that are not over.
func sessionsOf(ctx context.Context, tx *sqldb.Tx, by Actor, req page.Request) (page.Of[Session], error) {
	now := tx.Now()
	return listing[Session]{
		columns: `id, kind = 'browser', client_address, user_agent, created_at, seen_at, expires_at`,
		from:    `FROM sessions WHERE user_id = $1 AND expires_at > $2 AND (kind = 'tokens' OR seen_at > $3)`,
		args:    []any{by.UserID, sqldb.Instant(now), sqldb.Instant(now.Add(-idle(by.Role)))},
		scan: func(r sqldb.Row) (s Session, err error) {
			err = r.Scan(&s.ID, &s.Browser, &s.Address, &s.Agent, (*sqldb.Instant)(&s.CreatedAt),
				(*sqldb.Instant)(&s.SeenAt), (*sqldb.Instant)(&s.ExpiresAt))
			s.Current = by.Via == ViaSession && s.ID == by.CredentialID
			return s, err
		},
		id: func(s Session) uuid.UUID { return s.ID },
	}.page(ctx, tx, req)
}

// noteDevice writes down from where a user signs in. It returns how many other
// places are known of them, and whether this one is new.
func noteDevice(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, digest []byte) (others int, fresh bool, err error) {
	now := sqldb.Instant(tx.Now())
	n, err := tx.Exec(ctx, `INSERT INTO known_devices (user_id, digest, seen_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, user, digest, now)
	if err != nil {
		return 0, false, err
	}
	if n == 0 {
		_, err = tx.Exec(ctx, `UPDATE known_devices SET seen_at = $3 WHERE user_id = $1 AND digest = $2`, user, digest, now)
		return 0, false, err
	}
	others, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM known_devices WHERE user_id = $1 AND digest <> $2`, user, digest)
	return others, true, err
}
