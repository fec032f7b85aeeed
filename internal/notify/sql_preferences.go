package notify

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/sqldb"
)

// preferencesOf returns a user's preferences, the defaults if they have none.
func preferencesOf(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (Preferences, error) {
	p, err := sqldb.One(ctx, tx, func(r sqldb.Row) (p Preferences, err error) {
		var from, to string
		if err := r.Scan(&p.Language, &from, &to, &p.Version); err != nil {
			return p, err
		}
		if p.QuietFrom, err = calendar.ParseTime(from); err != nil {
			return p, err
		}
		p.QuietTo, err = calendar.ParseTime(to)
		return p, err
	}, `SELECT language, quiet_from, quiet_to, version FROM notification_settings WHERE user_id = $1`, user)
	if errors.Is(err, sqldb.ErrNoRows) {
		return Defaults(), nil
	}
	if err != nil {
		return p, err
	}
	p.Channels = map[Kind]string{}
	_, err = sqldb.All(ctx, tx, func(r sqldb.Row) (_ struct{}, err error) {
		var kind Kind
		var channel string
		err = r.Scan(&kind, &channel)
		p.Channels[kind] = channel
		return struct{}{}, err
	}, `SELECT kind, channel FROM notification_preferences WHERE user_id = $1`, user)
	return p, err
}

// putPreferences writes p if the version before it is the one that is there, and
// returns the number of rows: 0 or 1.
func putPreferences(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, p Preferences) (int, error) {
	n, err := tx.Exec(ctx, `INSERT INTO notification_settings (user_id, language, quiet_from, quiet_to, version)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) DO UPDATE SET language = excluded.language, quiet_from = excluded.quiet_from,
			quiet_to = excluded.quiet_to, version = excluded.version
		WHERE notification_settings.version = excluded.version - 1`,
		user, p.Language, p.QuietFrom.String(), p.QuietTo.String(), p.Version)
	if err != nil || n == 0 {
		return n, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM notification_preferences WHERE user_id = $1`, user); err != nil || len(p.Channels) == 0 {
		return n, err
	}
	var rows [][]any
	for kind, channel := range p.Channels {
		rows = append(rows, []any{user, string(kind), channel})
	}
	groups, args := sqldb.Values(rows...)
	_, err = tx.Exec(ctx, `INSERT INTO notification_preferences (user_id, kind, channel) VALUES `+groups, args...)
	return n, err
}
