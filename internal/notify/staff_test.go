package notify_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestReadingTheOutboxIsOnRecordBeforeItIsAnswered(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.tell(c.ann, auth.MailReset)
		c.work()
		n := c.only()
		const recorded = `SELECT count(*) FROM audit_events e JOIN audit_patients p ON p.event_id = e.id
			WHERE e.action = 'message.read' AND e.outcome = 'success' AND e.resource_id = $1 AND e.actor_id = $2 AND p.patient_id = $3`
		c.read(n.ID)
		if got := c.count(recorded, n.ID.String(), c.admin.UserID, c.ann); got != 1 {
			t.Errorf("%d records of one look, want 1", got)
		}
		broken := errors.New("broken disk")
		db.Observe = failing("INSERT INTO audit_events", broken)
		if m, err := c.Message(t.Context(), c.admin, n.ID.String()); !errors.Is(err, broken) || m.Text.Present() {
			t.Errorf("without a record the answer is %v, want an error and no message", err)
		}
		if p, err := c.Notifications(t.Context(), c.admin, notify.Filter{}, page.Request{Limit: 1}); !errors.Is(err, broken) || len(p.Items) != 0 {
			t.Errorf("without a record the list is %v, %v, want an error", p, err)
		}
	})
}

func TestOnlyAdminsSeeMessages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.tell(c.ann, auth.MailReset)
		c.work()
		n := c.only()
		for i, by := range []auth.Actor{{}, {UserID: c.ann, Role: auth.Patient}, {UserID: id.New(), Role: auth.Practitioner}, {UserID: id.New(), Role: auth.Auditor}} {
			_, list := c.Notifications(t.Context(), by, notify.Filter{}, page.Request{Limit: 1})
			_, outbox := c.Outbox(t.Context(), by, page.Request{Limit: 1})
			_, read := c.Message(t.Context(), by, n.ID.String())
			_, resend := c.Resend(t.Context(), by, n.ID.String())
			for _, err := range []error{list, outbox, read, resend} {
				if !errors.Is(err, auth.ErrForbidden) {
					t.Errorf("%q gets %v, want forbidden", by.Role, err)
				}
			}
			if got, want := c.count(`SELECT count(*) FROM audit_events WHERE outcome = 'denied'`), 4*(i+1); got != want {
				t.Errorf("%d refusals on record, want %d", got, want)
			}
		}
		for _, which := range []string{"", "nope", id.New().String()} {
			if _, err := c.Message(t.Context(), c.admin, which); !errors.Is(err, notify.ErrNotFound) {
				t.Errorf("message %q: %v, want not found", which, err)
			}
			if _, err := c.Resend(t.Context(), c.admin, which); !errors.Is(err, notify.ErrNotFound) {
				t.Errorf("resend %q: %v, want not found", which, err)
			}
		}
		if _, err := c.Resend(t.Context(), c.admin, n.ID.String()); !errors.Is(err, notify.ErrAlreadySent) {
			t.Errorf("resend of what was sent: %v, want already sent", err)
		}
	})
}

func TestListsOfMessages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, kind := range []auth.Subject{auth.NoticeKey, auth.NoticePassword, auth.NoticeEmailAsked} {
			c.tell(c.ann, kind)
		}
		c.work()
		var kinds []auth.Subject
		req := page.Request{Limit: 2, Count: true}
		for {
			p, err := c.Notifications(t.Context(), c.admin, notify.Filter{User: c.ann.String(), Status: notify.Sent}, req)
			if err != nil || *p.Total != 3 {
				t.Fatalf("total %v, error %v, want 3", p.Total, err)
			}
			for _, n := range p.Items {
				kinds = append(kinds, n.Kind)
			}
			if req.After = p.Next; p.Next == "" {
				break
			}
		}
		if want := []auth.Subject{auth.NoticeEmailAsked, auth.NoticePassword, auth.NoticeKey}; !slices.Equal(kinds, want) {
			t.Errorf("listed %q, want %q", kinds, want)
		}
		for _, f := range []notify.Filter{{User: "nope"}, {User: id.New().String()}, {User: uuid.Nil.String()}, {Status: notify.Failed}, {Channel: "email"}} {
			if all := c.list(f); len(all) != 0 {
				t.Errorf("%+v matches %d messages, want none", f, len(all))
			}
		}
		if _, err := c.Notifications(t.Context(), c.admin, notify.Filter{}, page.Request{Limit: 1, After: "x"}); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a wrong position: %v, want a wrong cursor", err)
		}
	})
}

func TestWhatMessagesSayIsSealedAndTied(t *testing.T) {
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)))
	c.tell(c.ann, auth.NoticeKey, auth.NoticePassword)
	c.work()
	if n := c.count(`SELECT count(*) FROM notifications WHERE instr(sealed, CAST('Ann' AS BLOB)) > 0`); n != 0 {
		t.Error("a message can be read in the database")
	}
	all := c.list(notify.Filter{})
	c.update(execute(`UPDATE notifications SET sealed = (SELECT o.sealed FROM notifications o WHERE o.id = $1) WHERE id = $2`, all[0].ID, all[1].ID))
	if _, err := c.Message(t.Context(), c.admin, all[1].ID.String()); err == nil {
		t.Error("a text that belongs to another message was taken")
	}
}

func TestMessagesAreForgotten(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		after          time.Duration
		readable, kept bool
	}{
		{30*day - time.Microsecond, true, true},
		{30 * day, false, true},
		{90*day - time.Microsecond, false, true},
		{90 * day, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.after.String(), func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				c.tell(c.ann, auth.NoticeKey)
				c.work()
				n := c.only()
				sqltest.ClockOf(db).Advance(tt.after)
				c.work()
				_, err := c.Message(t.Context(), c.admin, n.ID.String())
				if readable := err == nil; readable != tt.readable || !readable && !errors.Is(err, notify.ErrNotFound) {
					t.Errorf("read: %v, want readable %v", err, tt.readable)
				}
				if kept := len(c.list(notify.Filter{})) == 1; kept != tt.kept {
					t.Errorf("kept %v, want %v", kept, tt.kept)
				}
				outbox, err := c.Outbox(t.Context(), c.admin, page.Request{Limit: 1})
				if got := len(outbox.Items) == 1; err != nil || got != tt.readable {
					t.Errorf("in the list of the outbox %v, %v, want %v", got, err, tt.readable)
				}
			})
		})
	}
}
