package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// deaf is a channel by which nothing gets through for good.
type deaf struct{}

func (deaf) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Email, nil
}

func (deaf) Name() string { return "email" }

func (deaf) Keeps() bool { return false }

func (deaf) Send(context.Context, notify.Message) error {
	return &notify.Failure{Class: notify.Rejected, Final: true}
}

// tell writes a message to a user.
func (c *clinic) tell(r *jobs.Runner, who string, subject auth.Subject) {
	c.t.Helper()
	err := c.db.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		return auth.Tell(ctx, tx, c.users[who].ID, subject)
	})
	if err == nil {
		_, err = r.RunDue(c.t.Context())
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// noMail forgets the messages that making the clinic caused.
func (c *clinic) noMail() {
	c.t.Helper()
	err := c.db.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM jobs WHERE kind = 'auth.mail'`)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// items returns the items of a list, newest first.
func (c *clinic) items(by, path string) (items []map[string]any, text string) {
	c.t.Helper()
	r := c.must(200, by, get, path, nil)
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal(r.body, &page); err != nil {
		c.t.Fatal(err)
	}
	return page.Items, string(r.body)
}

func TestMessages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Notify.PublicURL = "https://clinic.example"
		r := &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		c.server.Notify.Work(r)
		c.noMail()
		c.tell(r, "ann", auth.MailReset)
		c.tell(r, "grey", auth.NoticeKey)

		outbox, text := c.items("admin", "/v1/outbox?limit=10")
		if len(outbox) != 2 || outbox[0]["kind"] != "key-made" || outbox[1]["user_id"] != c.users["ann"].ID.String() || len(outbox[0]) != 4 {
			t.Fatalf("outbox = %s", text)
		}
		list, more := c.items("admin", "/v1/notifications?limit=10&status=sent&user_id="+c.users["ann"].ID.String())
		if len(list) != 1 || list[0]["channel"] != "outbox" || list[0]["attempts"] != 0.0 || list[0]["id"] != outbox[1]["id"] {
			t.Fatalf("notifications = %s", more)
		}
		for _, personal := range []string{"ann@example.org", "#", "password\"", "Set a new", "clinic.example"} {
			if strings.Contains(text+more, personal) {
				t.Errorf("a list shows %q:\n%s\n%s", personal, text, more)
			}
		}
		path := "/v1/outbox/" + list[0]["id"].(string)
		m := c.must(200, "admin", get, path, nil).json(t)
		if m["to"] != "ann@example.org" || m["subject"] != "Set a new password" || !strings.Contains(m["text"].(string), "https://clinic.example/account/reset#") {
			t.Errorf("the message is %v", m)
		}
		for _, by := range []string{"ann", "grey", "auditor"} {
			c.refused(c.call(by, get, path, nil), 403, "forbidden")
		}
		c.refused(c.call("admin", get, "/v1/outbox/"+uuid.NewString(), nil), 404, "notification-not-found")
		c.refused(c.call("admin", post, "/v1/notifications/"+uuid.NewString()+"/resend", nil), 404, "notification-not-found")
		c.refused(c.call("admin", post, "/v1/notifications/"+list[0]["id"].(string)+"/resend", nil), 409, "already-sent")
	})
}

// TestResending sends a message that failed again, and repeats the request.
func TestResending(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Notify.Channels = []notify.Channel{deaf{}}
		r := &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		c.server.Notify.Work(r)
		c.noMail()
		c.tell(r, "ann", auth.MailReset)
		c.tell(r, "ann", auth.MailReset)
		list, text := c.items("admin", "/v1/notifications?limit=10&status=failed")
		if len(list) != 2 || list[0]["last_error"] != "rejected" || list[0]["attempts"] != 1.0 {
			t.Fatalf("notifications = %s", text)
		}
		which := list[0]["id"].(string)
		c.refused(c.call("admin", get, "/v1/outbox/"+which, nil), 404, "notification-not-found")
		sqltest.ClockOf(db).Advance(time.Minute)
		path, key := "/v1/notifications/"+which+"/resend", []string{"Idempotency-Key", "once"}
		first := c.must(200, "admin", post, path, nil, key...)
		if got := first.json(t); got["status"] != "pending" || got["last_error"] != nil {
			t.Errorf("resent: %s", first.body)
		}
		if _, err := r.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := c.must(200, "admin", post, path, nil, key...)
		if string(again.body) != string(first.body) || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("repeated: %s, want %s", again.body, first.body)
		}
		if _, err := r.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, text := c.items("admin", "/v1/notifications?limit=10"); list[0]["attempts"] != 2.0 {
			t.Errorf("notifications = %s, want that the repeat sent nothing", text)
		}
	})
}
