package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestMessagesAreCountedByWhatBecameOfThem compares the counts with the rows, and
// leaves out what is of another time.
func TestMessagesAreCountedByWhatBecameOfThem(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		from := db.Now()
		c.tell(c.ann, auth.MailReset, auth.MailReset, auth.NoticePassword)
		c.work()
		c.update(func(ctx context.Context, tx *sqldb.Tx) error { // as a server that is refused leaves it
			_, err := tx.Exec(ctx, `UPDATE notifications SET status = 'failed', channel = 'email' WHERE kind = $1`, string(auth.NoticePassword))
			return err
		})
		sqltest.ClockOf(db).Advance(time.Hour)
		to := db.Now()
		c.tell(c.ann, auth.MailReset)
		c.work()

		got, err := c.Counts(t.Context(), c.admin, from, to)
		want := []notify.Count{
			{Kind: auth.NoticePassword, Channel: "email", Status: notify.Failed, N: 1},
			{Kind: auth.MailReset, Channel: "outbox", Status: notify.Sent, N: 2},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("the first hour: %v (-want +got):\n%s", err, diff)
		}
		got, err = c.Counts(t.Context(), c.admin, to, to.Add(time.Microsecond))
		if diff := cmp.Diff([]notify.Count{{Kind: auth.MailReset, Channel: "outbox", Status: notify.Sent, N: 1}}, got); err != nil || diff != "" {
			t.Errorf("the instant after: %v (-want +got):\n%s", err, diff)
		}
		for _, role := range []auth.Role{auth.Patient, auth.Practitioner, auth.Auditor, ""} {
			if _, err := c.Counts(t.Context(), auth.Actor{UserID: c.ann, Role: role}, from, to); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("%q: %v, want ErrForbidden", role, err)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM audit_events WHERE action = 'notification.count' AND outcome = 'success' AND count = 1`); n != 2 {
			t.Errorf("%d looks are on record, want 2", n)
		}
	})
}
