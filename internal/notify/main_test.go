package notify_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// aead seals with a key of its own.
type aead struct{ cipher.AEAD }

func newSealer(t *testing.T) aead {
	t.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead{gcm}
}

func (a aead) Seal(plaintext, associated []byte) ([]byte, error) {
	return a.AEAD.Seal(nil, nil, plaintext, associated), nil
}

func (a aead) Unseal(sealed, associated []byte) ([]byte, error) {
	return a.Open(nil, nil, sealed, associated)
}

const (
	annName  = "Ann Lee"
	annEmail = "ann@mail.example"
)

// clinic is a service with the runner of its jobs, and Ann, a patient.
type clinic struct {
	*notify.Service
	t     *testing.T
	run   *jobs.Runner
	log   *lockedBuffer
	ann   uuid.UUID
	admin auth.Actor
}

func newClinic(t *testing.T, db *sqldb.DB, channels ...notify.Channel) *clinic {
	t.Helper()
	c := &clinic{
		Service: &notify.Service{DB: db, Seal: newSealer(t), Channels: channels, Clinic: "Harbour Clinic", PublicURL: "https://clinic.example/"},
		t:       t, log: &lockedBuffer{}, admin: auth.Actor{UserID: id.New(), Role: auth.Admin},
	}
	c.run = &jobs.Runner{DB: db, Log: slog.New(slog.NewTextHandler(c.log, nil))}
	c.Work(c.run)
	ann, err := (&directory.Service{DB: db}).CreateUser(t.Context(), auth.System, directory.NewUser{
		Email: phi.Of(annEmail), Name: phi.Of(annName), Role: auth.Patient, TimeZone: "America/New_York",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.ann = ann.ID
	c.work()
	return c
}

// update runs a transaction.
func (c *clinic) update(fn func(ctx context.Context, tx *sqldb.Tx) error) {
	c.t.Helper()
	if err := c.DB.Update(c.t.Context(), fn); err != nil {
		c.t.Fatal(err)
	}
}

// tell has messages written to a user, without doing the work.
func (c *clinic) tell(user uuid.UUID, subjects ...auth.Subject) {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		for _, subject := range subjects {
			if err := auth.Tell(ctx, tx, user, subject); err != nil {
				return err
			}
		}
		return nil
	})
}

// work does the jobs that are due.
func (c *clinic) work() {
	c.t.Helper()
	if _, err := c.run.RunDue(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// list returns all messages, newest first.
func (c *clinic) list(f notify.Filter) []notify.Notification {
	c.t.Helper()
	p, err := c.Notifications(c.t.Context(), c.admin, f, page.Request{Limit: 100})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Items
}

// only returns the one message that there is.
func (c *clinic) only() notify.Notification {
	c.t.Helper()
	all := c.list(notify.Filter{})
	if len(all) != 1 {
		c.t.Fatalf("there are %d messages, want 1", len(all))
	}
	return all[0]
}

// read returns what a message of the outbox says.
func (c *clinic) read(which uuid.UUID) notify.Message {
	c.t.Helper()
	m, err := c.Message(c.t.Context(), c.admin, which.String())
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// count returns the number that a query answers.
func (c *clinic) count(query string, args ...any) (n int) {
	c.t.Helper()
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// lockedBuffer is a log that several write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// execute returns a transaction of one statement.
func execute(query string, args ...any) func(ctx context.Context, tx *sqldb.Tx) error {
	return func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	}
}

// failing makes statements that begin like this fail.
func failing(prefix string, why error) func(context.Context, string) error {
	return func(_ context.Context, statement string) error {
		if strings.HasPrefix(statement, prefix) {
			return why
		}
		return nil
	}
}
