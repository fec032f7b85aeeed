package notify

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// pruneRows is the most that one transaction of prune changes.
const pruneRows = 500

// body is what is sealed.
type body struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
	Page    string `json:"page,omitempty"`
}

// associated ties what is sealed to its row, and to being a message.
func associated(which uuid.UUID) []byte {
	return append([]byte("medbook notification "), which[:]...)
}

func seal(s Sealer, m Message) ([]byte, error) {
	plain, err := json.Marshal(body{To: m.To.Reveal(), Subject: m.Subject, Text: m.Text.Reveal(), HTML: m.HTML.Reveal(), Page: m.Page})
	if err != nil {
		return nil, err
	}
	return s.Seal(plain, associated(m.ID))
}

// unseal returns the message of a row that has one.
func unseal(s Sealer, n Notification) (m Message, err error) {
	plain, err := s.Unseal(n.sealed, associated(n.ID))
	if err != nil {
		return m, err
	}
	var b body
	if json.Unmarshal(plain, &b) != nil { // its error could quote the text
		return m, errors.New("notify: a message is not in the form in which it is kept")
	}
	return Message{
		ID: n.ID, Key: n.key(), User: n.User, Kind: n.Event.Kind, About: n.About,
		To: phi.Of(b.To), Subject: b.Subject, Text: phi.Of(b.Text), HTML: phi.Of(b.HTML), Page: b.Page, At: n.UpdatedAt,
	}, nil
}

// insert reports false when the message is there already.
func insert(ctx context.Context, tx *sqldb.Tx, n Notification) (bool, error) {
	count, err := tx.Exec(ctx, `INSERT INTO notifications
			(id, user_id, kind, about, with_role, channel, wanted, note, status, attempts, last_error, sealed, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
		n.ID, n.User, string(n.Event.Kind), n.About, n.By, n.Channel, n.Wanted, string(n.Note), string(n.Status), string(n.LastError), n.sealed, sqldb.Instant(n.CreatedAt), sqldb.Instant(n.UpdatedAt))
	if count > 0 && n.Status != Pending {
		settled(tx, n)
	}
	return count > 0, err
}

// settled counts a message that is not tried any more.
func settled(tx *sqldb.Tx, n Notification) {
	tx.AfterCommit(func() { tx.Instruments().MessageSettled(n.Channel, string(n.Status)) })
}

// mostCounted is how far a backlog is counted: beyond it, more is all that anybody
// needs to know, and the look stays cheap.
const mostCounted = 10_000

func backlog(ctx context.Context, tx *sqldb.Tx) ([]Waiting, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (w Waiting, err error) {
		err = r.Scan(&w.Channel, &w.N, (*sqldb.Instant)(&w.Since))
		return w, err
	}, `SELECT channel, COUNT(*), MIN(updated_at) FROM (SELECT channel, updated_at FROM notifications
		WHERE status = 'pending' ORDER BY updated_at LIMIT $1) waiting GROUP BY channel ORDER BY channel`, mostCounted)
}

// begin counts an attempt and returns the message. It returns ErrNoRows for one
// that is not to be sent.
func begin(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) (Notification, error) {
	return sqldb.One(ctx, tx, scanPending, `UPDATE notifications SET attempts = attempts + 1 WHERE id = $1 AND status = 'pending'
		RETURNING `+pendingColumns, which)
}

// pending returns a message that is to be sent, or ErrNoRows.
func pending(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) (Notification, error) {
	return sqldb.One(ctx, tx, scanPending, `SELECT `+pendingColumns+` FROM notifications WHERE id = $1 AND status = 'pending'`, which)
}

const pendingColumns = `id, user_id, kind, about, channel, attempts, last_error, sealed, created_at, updated_at`

func scanPending(r sqldb.Row) (n Notification, err error) {
	n.Status = Pending
	err = r.Scan(&n.ID, &n.User, &n.Event.Kind, &n.About, &n.Channel, &n.Attempts, &n.LastError, &n.sealed,
		(*sqldb.Instant)(&n.CreatedAt), (*sqldb.Instant)(&n.UpdatedAt))
	return n, err
}

// recent counts what was written to a user since t and disturbs them, up to the
// most of both: SMS, and messages of all channels. What is about accounts does not
// count, nor what was too much, nor what stayed here.
func recent(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, t time.Time) (sms, all int, err error) {
	// Whoever writes to the same user waits here, so that two do not both write the last one.
	if _, err := lockUser(ctx, tx, user); err != nil {
		return 0, 0, err
	}
	channels, err := sqldb.All(ctx, tx, func(r sqldb.Row) (channel string, err error) {
		err = r.Scan(&channel)
		return channel, err
	}, `SELECT channel FROM notifications
		WHERE user_id = $1 AND created_at > $2 AND about <> '' AND channel <> 'outbox' AND last_error <> 'capped'`, user, sqldb.Instant(t))
	for _, channel := range channels {
		if all++; channel == BySMS {
			sms++
		}
	}
	return sms, all, err
}

// finish writes down what came of an attempt, unless another was begun since.
// What is not tried again loses its text.
func finish(ctx context.Context, tx *sqldb.Tx, n Notification) error {
	if n.Status == Pending {
		_, err := tx.Exec(ctx, `UPDATE notifications SET last_error = $1 WHERE id = $2 AND status = 'pending' AND attempts = $3`,
			string(n.LastError), n.ID, n.Attempts)
		return err
	}
	mine, err := tx.Exec(ctx, `UPDATE notifications SET status = $1, last_error = $2, sealed = NULL, updated_at = $3
		WHERE id = $4 AND status = 'pending' AND attempts = $5`,
		string(n.Status), string(n.LastError), sqldb.Instant(tx.Now()), n.ID, n.Attempts)
	if mine > 0 {
		settled(tx, n)
	}
	return err
}

// lock locks a message, or returns ErrNotFound.
func lock(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) error {
	_, err := sqldb.One(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
		err = r.Scan(&u)
		return u, err
	},
		`SELECT id FROM notifications WHERE id = $1`+tx.ForUpdate(), which)
	return found(err)
}

// replace writes a locked message anew.
func replace(ctx context.Context, tx *sqldb.Tx, n Notification) error {
	_, err := tx.Exec(ctx, `UPDATE notifications SET channel = $1, wanted = $2, note = $3, status = $4, last_error = '', sealed = $5, updated_at = $6
		WHERE id = $7 AND status = 'failed'`, n.Channel, n.Wanted, string(n.Note), string(n.Status), n.sealed, sqldb.Instant(n.UpdatedAt), n.ID)
	return err
}

func eraseBefore(ctx context.Context, tx *sqldb.Tx, t time.Time) (int, error) {
	return tx.Exec(ctx, `UPDATE notifications SET sealed = NULL WHERE id IN (SELECT id FROM notifications
		WHERE updated_at <= $1 AND status <> 'pending' AND sealed IS NOT NULL LIMIT $2)`, sqldb.Instant(t), pruneRows)
}

func removeBefore(ctx context.Context, tx *sqldb.Tx, t time.Time) (int, error) {
	return tx.Exec(ctx, `DELETE FROM notifications WHERE id IN (SELECT id FROM notifications
		WHERE updated_at <= $1 LIMIT $2)`, sqldb.Instant(t), pruneRows)
}

const (
	selectColumns = `SELECT n.id, n.user_id, n.kind, n.about, n.with_role, n.channel, n.wanted, n.note, n.status, n.attempts, n.last_error, n.created_at, n.updated_at,
		u.role = 'patient', n.sealed ` + fromAll
	fromAll = `FROM notifications n JOIN users u ON u.id = n.user_id WHERE `
)

func scan(r sqldb.Row) (n Notification, err error) {
	err = r.Scan(&n.ID, &n.User, &n.Event.Kind, &n.About, &n.By, &n.Channel, &n.Wanted, &n.Note, &n.Status, &n.Attempts, &n.LastError,
		(*sqldb.Instant)(&n.CreatedAt), (*sqldb.Instant)(&n.UpdatedAt), &n.patient, &n.sealed)
	return n, err
}

// byID returns a message, or ErrNotFound.
func byID(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) (Notification, error) {
	n, err := sqldb.One(ctx, tx, scan, selectColumns+`n.id = $1`, which)
	return n, found(err)
}

// pageOf lists messages, newest first, without what is sealed.
func pageOf(ctx context.Context, tx *sqldb.Tx, f Filter, req page.Request) (p page.Of[Notification], err error) {
	before, user := uuid.Max, uuid.Nil // of a filter that is no id: nobody's
	if req.After != "" {
		var ok bool
		if before, ok = id.Parse(req.After); !ok {
			return p, page.ErrCursor
		}
	}
	if f.User != "" {
		user, _ = id.Parse(f.User)
	}
	const matching = `(CAST($1 AS BOOLEAN) OR n.user_id = $2)
		AND (CAST($3 AS TEXT) = '' OR n.status = $3) AND (CAST($4 AS TEXT) = '' OR n.channel = $4)
		AND (NOT CAST($5 AS BOOLEAN) OR n.sealed IS NOT NULL)`
	args := []any{f.User == "", user, string(f.Status), f.Channel, f.Legible}
	items, err := sqldb.All(ctx, tx, scan, selectColumns+matching+` AND n.id < $6 ORDER BY n.id DESC LIMIT $7`,
		append(args, before, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	for i := range items {
		items[i].sealed = nil
	}
	p = page.Cut(items, req, func(n Notification) string { return n.ID.String() })
	if req.Count {
		total, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		},
			`SELECT count(*) `+fromAll+matching, args...)
		if err != nil {
			return p, err
		}
		p.Total = &total
	}
	return p, nil
}

// found puts ErrNotFound in the place of "no row".
func found(err error) error {
	if errors.Is(err, sqldb.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// deleteOf deletes what was written to a user, and how they wanted to be told.
func deleteOf(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	for _, statement := range []string{
		`DELETE FROM notifications WHERE user_id = $1`,
		`DELETE FROM notification_settings WHERE user_id = $1`,
		`DELETE FROM notification_preferences WHERE user_id = $1`,
		`DELETE FROM push_subscriptions WHERE user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, user); err != nil {
			return err
		}
	}
	return nil
}

// messagesTo lists the messages to a user, the oldest first.
func messagesTo(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) ([]Notification, error) {
	return sqldb.All(ctx, tx, scan, selectColumns+`n.user_id = $1 ORDER BY n.id`, user)
}

// countsIn counts the messages that got their status in a range of time.
func countsIn(ctx context.Context, tx *sqldb.Tx, from, to time.Time) ([]Count, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (c Count, err error) {
		err = r.Scan(&c.Kind, &c.Channel, &c.Status, &c.N)
		return c, err
	}, `SELECT kind, channel, status, COUNT(*) FROM notifications
		WHERE updated_at >= $1 AND updated_at < $2
		GROUP BY kind, channel, status ORDER BY kind, channel, status`, sqldb.Instant(from), sqldb.Instant(to))
}
