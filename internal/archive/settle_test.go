package archive_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/archive"
	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

// ask returns the numbers that a query answers.
func ask(t *testing.T, db *sqldb.DB, query string, args ...any) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatWasDueIsNotDone has work of each kind due before the backup, at the instant
// of the restore, and a microsecond later, and looks at which of it is left.
func TestWhatWasDueIsNotDone(t *testing.T) {
	source, _ := full(t, "sqlite")
	sqltest.ClockOf(source).Set(sqltest.Start)
	restored := sqltest.Start.Add(time.Hour)
	var user uuid.UUID
	err := source.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		user, err = sqldb.One(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
			err = r.Scan(&u)
			return u, err
		}, `SELECT id FROM users WHERE role = 'patient' LIMIT 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pending := ask(t, source, `SELECT COUNT(*) FROM notifications WHERE status = 'pending'`)
	if pending == 0 {
		t.Fatal("the demo clinic has no message that waits")
	}
	err = source.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM jobs WHERE kind <> 'notify.deliver'`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO webhooks (id, url, kinds, enabled, secret, created_at, created_by, version)
			VALUES ($1, 'https://example.com', 'appointment.held', TRUE, $2, 0, $1, 1)`, user, []byte{1})
		for _, at := range []time.Time{sqltest.Start, restored, restored.Add(time.Microsecond)} {
			for _, j := range []jobs.Job{
				auth.Mail{ID: id.New(), User: user, Subject: auth.NoticeKey},
				auth.Mail{ID: id.New(), Subject: auth.MailKnown},
				notify.Write{ID: id.New(), User: user, Event: notify.Event{Kind: notify.ReminderDay, About: "x", Start: at}},
				webhooks.Emitted{ID: id.New(), Event: webhooks.Event{Kind: webhooks.AppointmentHeld, About: "x"}, At: at},
				webhooks.Emitted{ID: id.New(), Event: webhooks.Event{Kind: webhooks.OrderPlaced, About: "x"}, At: at},
				scheduling.HoldEnds{Appointment: "x"},
				scheduling.Freed{Practitioner: user, Start: at, End: at},
			} {
				if err == nil {
					err = jobs.Enqueue(ctx, tx, at, j)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file, _ := backup(t, source)
	for _, e := range engines {
		db := sqltest.Open(t, e.url(t))
		sqltest.ClockOf(db).Set(restored)
		r, err := restore(t, db, file, archive.Restoring{})
		if err != nil {
			t.Fatal(err)
		}
		// Of each of two instants: a message about the account, a reminder, one event that somebody wants.
		if want := pending + 4; r.Settled.Messages != want || r.Settled.Deliveries != 2 || r.Settled.Offers != 2 {
			t.Errorf("%s: settled %+v, want %d messages, 2 deliveries and 2 offers", e.name, r.Settled, want)
		}
		if n := ask(t, db, `SELECT COUNT(*) FROM jobs WHERE run_at <= $1`, sqldb.Instant(restored)); n != 0 {
			t.Errorf("%s: %d jobs are due", e.name, n)
		}
		if n := ask(t, db, `SELECT COUNT(*) FROM jobs WHERE run_at = $1`, sqldb.Instant(restored.Add(time.Microsecond))); n != 7 {
			t.Errorf("%s: %d jobs are left that are due later, want 7", e.name, n)
		}
		failed := ask(t, db, `SELECT COUNT(*) FROM notifications WHERE status = 'failed' AND last_error = 'restored' AND sealed IS NULL`)
		waiting := ask(t, db, `SELECT COUNT(*) FROM notifications WHERE status = 'pending'`)
		if failed != r.Settled.Messages || waiting != 0 {
			t.Errorf("%s: %d messages have failed and %d wait, want %d and none", e.name, failed, waiting, r.Settled.Messages)
		}
		if n := ask(t, db, `SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'failed' AND last_error = 'restored'`); n != 2 {
			t.Errorf("%s: %d deliveries have failed, want 2", e.name, n)
		}
	}
}

// TestARestoredClockThatIsBehindDoesNotCount restores at an instant before the backup.
func TestARestoredClockThatIsBehindDoesNotCount(t *testing.T) {
	source, _ := full(t, "sqlite")
	err := source.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		return jobs.Enqueue(ctx, tx, source.Now(), scheduling.Freed{})
	})
	if err != nil {
		t.Fatal(err)
	}
	file, _ := backup(t, source)
	db := sqltest.Open(t, sqltest.SQLite(t))
	sqltest.ClockOf(db).Set(source.Now().Add(-time.Hour))
	r, err := restore(t, db, file, archive.Restoring{})
	if err != nil || r.Settled.Offers != 1 {
		t.Errorf("settled %+v, %v, want one offer that is not made", r.Settled, err)
	}
}

// TestEverybodyIsSignedOut has a session, a link and a key in the backup.
func TestEverybodyIsSignedOut(t *testing.T) {
	source, _ := full(t, "sqlite")
	user := uuid.New()
	now, later := sqldb.Instant(source.Now()), sqldb.Instant(source.Now().Add(time.Hour))
	err := source.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for statement, args := range map[string][]any{
			`DELETE FROM sessions`: nil, `DELETE FROM account_links`: nil, `DELETE FROM api_keys`: nil,
		} {
			if _, err := tx.Exec(ctx, statement, args...); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, role, created_at) VALUES ($1, 'x@clinic.example', 'X', 'admin', $2)`, user, now); err != nil {
			return err
		}
		for i := range 3 {
			if _, err := tx.Exec(ctx, `INSERT INTO sessions (id, handle, user_id, kind, access_hash, access_expires_at, client_address, user_agent, strong, proved_at, seen_at, created_at, expires_at)
				VALUES ($1, $1, $2, 'tokens', $3, $5, '', '', FALSE, $4, $4, $4, $5)`, uuid.New(), user, []byte{1}, now, later); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO account_links (hash, user_id, purpose, created_at, expires_at) VALUES ($1, $2, 'reset', $3, $4)`, []byte{byte(i)}, user, now, later); err != nil {
				return err
			}
			until := later
			if i == 0 {
				until = now // a key that is over
			}
			if _, err := tx.Exec(ctx, `INSERT INTO api_keys (id, user_id, name, secret_hash, created_at, expires_at) VALUES ($1, $2, 'x', $3, $4, $5)`, uuid.New(), user, []byte{1}, now, until); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file, _ := backup(t, source)
	for _, e := range engines {
		db := sqltest.Open(t, e.url(t))
		sqltest.ClockOf(db).Set(source.Now())
		r, err := restore(t, db, file, archive.Restoring{})
		if err != nil {
			t.Fatal(err)
		}
		left := ask(t, db, `SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM account_links)`)
		if got := fmt.Sprint(r.Settled.Sessions, r.Settled.Links, r.Settled.Keys, left); got != "3 3 2 0" {
			t.Errorf("%s: ended, void, good keys and left: %s, want 3 3 2 0", e.name, got)
		}
	}
}
