package notify_test

import (
	"context"
	"crypto/sha256"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const newEmail = "ann.new@mail.example"

// askForNewEmail does what a change of address does.
func (c *clinic) askForNewEmail() {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO accounts (user_id, pending_email) VALUES ($1, $2)`, c.ann, newEmail)
		return err
	})
}

var link = regexp.MustCompile(`https?://\S+`)

// linkOf returns page and token of the one link in a text.
func (c *clinic) linkOf(text string) (page, token string) {
	c.t.Helper()
	links := link.FindAllString(text, -1)
	if len(links) != 1 {
		c.t.Fatalf("the text has the links %q, want one:\n%s", links, text)
	}
	page, token, _ = strings.Cut(links[0], "#")
	return page, token
}

// good reports whether a token would be taken: its hash is what is kept.
func (c *clinic) good(token, purpose string) bool {
	c.t.Helper()
	sum := sha256.Sum256([]byte(token))
	return c.count(`SELECT count(*) FROM account_links WHERE hash = $1 AND purpose = $2 AND user_id = $3`, sum[:], purpose, c.ann) == 1
}

func TestEachSubjectHasItsText(t *testing.T) {
	tests := []struct {
		kind          auth.Subject
		page, purpose string // of its link
		says          []string
	}{
		{auth.MailVerify, "/account/verify", "verify", []string{"until on Sunday, 14 March 2027 at 10:00 (America/New_York time)", "If you did not"}},
		{auth.MailReset, "/account/reset", "reset", []string{"until on Saturday, 13 March 2027 at 09:15 (America/New_York time)", "If you did not"}},
		{auth.MailEmail, "/account/email", "email", []string{"until on Saturday, 13 March 2027 at 10:00 (America/New_York time)", "If you did not"}},
		{auth.MailKnown, "", "", []string{"perhaps you", "sign up", "If it was not you"}},
		{auth.NoticeEmailAsked, "", "", []string{"asked to change the e-mail address", "If this was not you"}},
		{auth.NoticeEmail, "", "", []string{"was changed to this one", "If this was not you"}},
		{auth.NoticePassword, "", "", []string{"password", "on Saturday, 13 March 2027 at 09:00 (America/New_York time)", "If this was not you"}},
		{auth.NoticeKey, "", "", []string{"API key", "revoke"}},
		{auth.NoticeFactor, "", "", []string{"second factor", "If this was not you"}},
		{auth.NoticeIdentity, "", "", []string{"connected", "If this was not you"}},
		{auth.NoticeRecovery, "", "", []string{"recovery code", "If this was not you"}},
		{auth.NoticeTokenReused, "", "", []string{"ended a session", "If this was not you"}},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.askForNewEmail()
		for _, tt := range tests {
			c.tell(c.ann, tt.kind)
			c.work()
			n := c.list(notify.Filter{})[0]
			if n.Kind != tt.kind || n.User != c.ann || n.Channel != "outbox" || n.Status != notify.Sent || n.Attempts != 0 || n.LastError != "" {
				t.Errorf("%s was kept as %+v", tt.kind, n)
			}
			m := c.read(n.ID)
			text := m.Text.Reveal()
			for _, part := range append(tt.says, "Hello "+annName+",", "Harbour Clinic") {
				if !strings.Contains(text, part) {
					t.Errorf("%s does not say %q:\n%s", tt.kind, part, text)
				}
			}
			for _, secret := range []string{"Ann", "Lee", "mail.example", "Harbour"} {
				if m.Subject == "" || strings.Contains(m.Subject, secret) {
					t.Errorf("the subject line of %s is %q", tt.kind, m.Subject)
				}
			}
			if to := map[bool]string{true: newEmail, false: annEmail}[tt.kind == auth.MailEmail]; m.To.Reveal() != to {
				t.Errorf("%s goes to %s, want %s", tt.kind, m.To.Reveal(), to)
			}
			if tt.page == "" {
				if link.MatchString(text) {
					t.Errorf("%s has a link", tt.kind)
				}
				continue
			}
			page, token := c.linkOf(text)
			if page != "https://clinic.example"+tt.page || !c.good(token, tt.purpose) {
				t.Errorf("%s links to %s, want %s with a good token", tt.kind, page, tt.page)
			}
		}
		if n := c.count(`SELECT count(*) FROM account_links WHERE email = $1 AND purpose = 'email'`, newEmail); n != 1 {
			t.Errorf("%d links are for the new address, want 1", n)
		}
	})
}

// TestMessagesAreSignedByTheClinicAsItIsCalled shows that a name that is set while
// the server runs is in the next message, and that the configured one wins.
func TestMessagesAreSignedByTheClinicAsItIsCalled(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		people := &directory.Service{DB: db}
		for _, tt := range []struct{ configured, set, want string }{
			{"Harbour Clinic", "", "at Harbour Clinic."}, {"", "", "at Medbook."}, {"", "Lakeside", "at Lakeside."}, {"Harbour Clinic", "Lakeside", "at Harbour Clinic."},
		} {
			c.Clinic = tt.configured
			if tt.set != "" {
				if _, err := people.ChangeClinic(t.Context(), auth.System, "*", directory.ClinicChange{Name: &tt.set}); err != nil {
					t.Fatal(err)
				}
			}
			c.tell(c.ann, auth.MailReset)
			c.work()
			if text := c.read(c.list(notify.Filter{})[0].ID).Text.Reveal(); !strings.Contains(text, tt.want) {
				t.Errorf("configured %q, set %q: the message lacks %q:\n%s", tt.configured, tt.set, tt.want, text)
			}
		}
	})
}

func TestAJobThatRunsTwiceWritesOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		twice := func(kind auth.Subject) uuid.UUID {
			job := auth.Mail{ID: id.New(), User: c.ann, Subject: kind}
			c.update(func(ctx context.Context, tx *sqldb.Tx) error {
				if err := jobs.Enqueue(ctx, tx, time.Time{}, job); err != nil {
					return err
				}
				return jobs.Enqueue(ctx, tx, time.Time{}, job)
			})
			c.work()
			return job.ID
		}
		n := twice(auth.MailReset)
		if got := c.only().ID; got != n {
			t.Errorf("the message is %s, want %s", got, n)
		}
		_, token := c.linkOf(c.read(n).Text.Reveal())
		if !c.good(token, "reset") || c.count(`SELECT count(*) FROM account_links`) != 1 {
			t.Error("the second run replaced the link of the message that the first one wrote")
		}
		if c.log.String() != "" {
			t.Errorf("log = %s, want none", c.log)
		}
	})
}

// TestAJobThatRunsTwiceAtOnceWritesOnce is the same for two runners.
func TestAJobThatRunsTwiceAtOnceWritesOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for round := range 10 {
			job := auth.Mail{ID: id.New(), User: c.ann, Subject: auth.MailReset}
			c.update(func(ctx context.Context, tx *sqldb.Tx) error {
				for range 4 {
					if err := jobs.Enqueue(ctx, tx, time.Time{}, job); err != nil {
						return err
					}
				}
				return nil
			})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, err := c.run.RunDue(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			_, token := c.linkOf(c.read(job.ID).Text.Reveal())
			if n := len(c.list(notify.Filter{})); n != round+1 || !c.good(token, "reset") {
				t.Fatalf("round %d: %d messages, link good %v", round, n, c.good(token, "reset"))
			}
		}
	})
}

func TestALinkReplacesTheOneBefore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var tokens []string
		for range 2 {
			c.tell(c.ann, auth.MailReset)
			c.work()
			_, token := c.linkOf(c.read(c.list(notify.Filter{})[0].ID).Text.Reveal())
			tokens = append(tokens, token)
		}
		if c.good(tokens[0], "reset") || !c.good(tokens[1], "reset") {
			t.Error("want the second link good and the first one not")
		}
	})
}

func TestNobodyIsToldNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.tell(uuid.Nil, auth.MailReset)
		c.tell(id.New(), auth.MailReset)
		c.tell(c.ann, auth.MailEmail) // without a new address
		c.work()
		if all := c.list(notify.Filter{}); len(all) != 0 {
			t.Errorf("messages were written: %+v", all)
		}
		if n := c.count(`SELECT count(*) FROM jobs WHERE kind = 'auth.mail'`); n != 0 || c.log.String() != "" {
			t.Errorf("%d jobs are left, log %q, want none", n, c.log)
		}
		if n := c.count(`SELECT count(*) FROM account_links`); n != 0 {
			t.Errorf("%d links were made, want none", n)
		}
	})
}

func TestAnUnknownSubjectIsNotSwallowed(t *testing.T) {
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)))
	c.tell(c.ann, "no-such-subject")
	c.work()
	if n := c.count(`SELECT count(*) FROM jobs WHERE kind = 'auth.mail'`); n != 1 || len(c.list(notify.Filter{})) != 0 {
		t.Errorf("%d jobs wait for a program that knows the subject, want 1", n)
	}
}

// TestANameSaysNothingMore shows that whoever signs up somebody else's address
// can't write them by the name.
func TestANameSaysNothingMore(t *testing.T) {
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)))
	for name, greeting := range map[string]string{
		"Zoë van der Berg-O'Neil":            "Hello Zoë van der Berg-O'Neil,",
		"J.R. Smith Jr.":                     "Hello J.R. Smith Jr.,",
		"Win at casino.example":              "Hello,",
		"http://x":                           "Hello,",
		"mail me@x":                          "Hello,",
		strings.Repeat("very ", 13) + "long": "Hello,",
		"{{.Link}} <b>":                      "Hello,",
		"{{.Link}}":                          "Hello {{.Link}},",
	} {
		u, err := (&directory.Service{DB: c.DB}).CreateUser(t.Context(), auth.System, directory.NewUser{
			Email: phi.Of(id.New().String() + "@mail.example"), Name: phi.Of(name), Role: auth.Patient,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.tell(u.ID, auth.NoticePassword)
		c.work()
		if text := c.read(c.list(notify.Filter{})[0].ID).Text.Reveal(); !strings.HasPrefix(text, greeting+"\n\n") {
			t.Errorf("who is called %q is greeted with %q, want %q", name, strings.SplitN(text, "\n", 2)[0], greeting)
		}
	}
}
