package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// plain is n as it is judged, and sealed.
func (n NewSubscription) plain() subscription {
	return subscription{Endpoint: n.Endpoint.Reveal(), P256dh: n.P256dh.Reveal(), Auth: n.Auth.Reveal()}
}

// whose ties what is sealed to its row, and to being a subscription.
func whose(user, which uuid.UUID) []byte {
	return append(append([]byte("medbook push subscription "), user[:]...), which[:]...)
}

// putSubscription writes a subscription, over the one that the browser has
// already, and returns its id.
func putSubscription(ctx context.Context, tx *sqldb.Tx, seal Sealer, user uuid.UUID, s subscription) (which uuid.UUID, err error) {
	digest := sha256.Sum256([]byte(s.Endpoint))
	// Whoever subscribes for the same user waits here, so that the limit counts all.
	if _, err := lockUser(ctx, tx, user); err != nil {
		return which, err
	}
	which, err = sqldb.One(ctx, tx, scanID, `SELECT id FROM push_subscriptions WHERE user_id = $1 AND digest = $2`, user, digest[:])
	if errors.Is(err, sqldb.ErrNoRows) {
		which, err = id.New(), nil
	}
	if err != nil {
		return which, err
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return which, err
	}
	sealed, err := seal.Seal(plain, whose(user, which))
	if err != nil {
		return which, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO push_subscriptions (user_id, id, digest, sealed, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at`,
		user, which, digest[:], sealed, sqldb.Instant(s.CreatedAt))
	return which, err
}

func lockUser(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) ([]uuid.UUID, error) {
	return sqldb.All(ctx, tx, scanID, `SELECT id FROM users WHERE id = $1`+tx.ForNoKeyUpdate(), user)
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

// subscribed returns how many subscriptions a user has.
func subscribed(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (int, error) {
	all, err := sqldb.All(ctx, tx, scanID, `SELECT id FROM push_subscriptions WHERE user_id = $1`, user)
	return len(all), err
}

// subscriptionsOf returns a user's subscriptions, the oldest first.
func subscriptionsOf(ctx context.Context, tx *sqldb.Tx, seal Sealer, user uuid.UUID) ([]subscription, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (s subscription, err error) {
		if err := r.Scan(&s.ID, &s.sealed, (*sqldb.Instant)(&s.CreatedAt)); err != nil {
			return s, err
		}
		plain, err := seal.Unseal(s.sealed, whose(user, s.ID))
		if err == nil && json.Unmarshal(plain, &s) != nil { // its error could quote the text
			err = errors.New("notify: a subscription is not in the form in which it is kept")
		}
		return s, err
	}, `SELECT id, sealed, created_at FROM push_subscriptions WHERE user_id = $1 ORDER BY id`, user)
}

// deleteSubscription deletes one, if it still is sealed; nil: whatever it is. It
// returns the number of rows: 0 or 1.
func deleteSubscription(ctx context.Context, tx *sqldb.Tx, user, which uuid.UUID, sealed []byte) (int, error) {
	return tx.Exec(ctx, `DELETE FROM push_subscriptions WHERE user_id = $1 AND id = $2 AND (CAST($3 AS BOOLEAN) OR sealed = $4)`,
		user, which, sealed == nil, sealed)
}
