package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// sink takes messages or events, once it is open, and notes what came.
type sink struct {
	*httptest.Server

	mu     sync.Mutex
	closed bool
	bodies []string // of what was taken
	turned int      // requests that were turned away
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{closed: true}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			s.turned++
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.bodies = append(s.bodies, string(body))
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = false
}

// taken returns what came since it was called the last time.
func (s *sink) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies := s.bodies
	s.bodies = nil
	return bodies
}

func (s *sink) wasAsked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turned > 0
}

// bookings are what patients were told, while they all book at once.
type bookings struct {
	mu     sync.Mutex
	visits []client.Appointment
	owners []person
	more   chan struct{}
}

func (b *bookings) add(p person, a client.Appointment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.visits, b.owners = append(b.visits, a), append(b.owners, p)
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// count returns how many there are.
func (b *bookings) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.visits)
}

// TestAClinicIsRestoredElsewhere backs a clinic up while patients book, throws its
// disk away, and restores it on the other engine. All that was answered before the
// backup is there, the trail is what it was, and nothing is sent that was, or may
// have been, before. What lies ahead is.
func TestAClinicIsRestoredElsewhere(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		mail, hook := newSink(t), newSink(t)
		session := c.firstAdmin()
		admin := c.user("admin", newYork)
		c.settings = []string{"MEDBOOK_EMAIL_TOKEN=sesame"}
		c.restartWith("--email-url="+mail.URL, "--webhooks-allow-private")
		w := must(session.CreateWebhook(ctx, client.NewWebhook{URL: hook.URL, Kinds: []string{"appointment.confirmed"}}))(t)

		booked := c.bookAtOnce(60)
		for booked.count() < 20 {
			<-booked.more
		}
		eventually(t, "a message and an event were tried", func() bool { return mail.wasAsked() && hook.wasAsked() })
		folder := t.TempDir()
		recipient := strings.TrimSpace(run(t, folder, nil, "backup", "key", "--to", "backup.key").stdout)
		acknowledged := booked.count()
		made := run(t, folder, c.env(), "backup", "--to", "clinic.backup", "--recipient", recipient)
		if made.status != 0 || !strings.HasPrefix(made.stdout, "backup ") {
			t.Fatalf("backup: %+v", made)
		}
		if whole := run(t, folder, nil, "backup", "inspect", "clinic.backup", "--identity", "backup.key"); whole.status != 0 || !strings.Contains(whole.stdout, ", whole\n") {
			t.Fatalf("inspect: %+v", whole)
		}
		for booked.count() < 60 {
			<-booked.more
		}

		// What was waiting goes out after the backup, and then the disk is gone.
		mail.open()
		hook.open()
		now := sqltest.Start
		eventually(t, "nothing waits any more", func() bool {
			now = now.Add(5 * time.Second) // what rests is waiting for it
			c.setTime(now)
			return len(all(t, admin.Notifications(client.NotificationQuery{Status: "pending"}).All(ctx))) == 0 &&
				len(all(t, admin.WebhookDeliveries(w.ID, "pending").All(ctx))) == 0
		})
		c.server.kill(t)
		mail.taken()
		hook.taken()
		if file, ok := strings.CutPrefix(c.database, "sqlite:"); ok {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(file + suffix)
			}
			c.database = sqltest.Postgres(t)
		} else {
			c.database = "sqlite:" + filepath.Join(folder, "new", "medbook.db")
		}
		restored := run(t, folder, c.env(), "restore", "--from", "clinic.backup", "--identity", "backup.key")
		if restored.status != 0 || !strings.Contains(restored.stdout, "all as they were") || !strings.Contains(restored.stdout, "signed for after the backup") {
			t.Fatalf("restore: %+v", restored)
		}
		if again := run(t, folder, c.env(), "restore", "--from", "clinic.backup", "--identity", "backup.key"); again.status != 1 || !strings.Contains(again.stderr, "not empty") {
			t.Errorf("restore over a clinic: %+v", again)
		}
		c.server = c.serve()
		for i := range acknowledged {
			if got := must(booked.owners[i].Appointment(ctx, booked.visits[i].ID))(t); got.Status != "confirmed" || !got.StartsAt.Equal(booked.visits[i].StartsAt) {
				t.Errorf("booking %d of %d is %+v, want %+v", i, acknowledged, got, booked.visits[i])
			}
		}
		_, err := session.Me(ctx)
		code(t, err, 401, "unauthenticated")
		c.nothingIsResent(admin, w.ID, mail, hook)
		c.trailIsIntact(folder)
	})
}

// bookAtOnce has patients book so many slots, all of which are told of in the end.
func (c *clinic) bookAtOnce(most int) *bookings {
	c.t.Helper()
	ctx := c.t.Context()
	practitioner, id := c.practitioner(newYork)
	for _, day := range []string{"2027-03-16", "2027-03-17", "2027-03-18"} {
		must(practitioner.Publish(ctx, id, client.Hours{Date: day, From: "08:00", To: "15:00"}))(c.t)
	}
	slots := all(c.t, practitioner.Slots(client.SlotQuery{PractitionerID: id}).All(ctx))[:most]
	b := &bookings{more: make(chan struct{}, 1)}
	const patients = 4
	for n := range patients {
		p := c.user("patient", newYork)
		go func() {
			for i := n; i < most; i += patients {
				a, err := p.Hold(ctx, client.NewAppointment{SlotID: slots[i].ID, Confirm: true})
				if err != nil {
					c.t.Error(err)
				}
				b.add(p, a)
			}
		}()
	}
	return b
}

// nothingIsResent has the restored clinic do what it has to do now, and then one more
// thing, which is all that goes out.
func (c *clinic) nothingIsResent(admin person, webhook string, mail, hook *sink) {
	t, ctx := c.t, c.t.Context()
	t.Helper()
	failed := all(t, admin.Notifications(client.NotificationQuery{Status: "failed"}).All(ctx))
	if len(failed) == 0 || failed[0].LastError != "restored" {
		t.Fatalf("the messages that are not sent are %+v, want some that failed as restored", failed)
	}
	events := all(t, admin.WebhookDeliveries(webhook, "failed").All(ctx))
	if len(events) == 0 || events[0].LastError != "restored" {
		t.Fatalf("the events that are not sent are %+v, want some that failed as restored", events)
	}
	must(admin.Resend(ctx, failed[0].ID))(t)
	must(admin.ResendWebhookDelivery(ctx, events[0].ID))(t)
	eventually(t, "what was sent again has arrived", func() bool {
		mail.mu.Lock()
		defer mail.mu.Unlock()
		hook.mu.Lock()
		defer hook.mu.Unlock()
		return len(mail.bodies) > 0 && len(hook.bodies) > 0
	})
	if messages, told := mail.taken(), hook.taken(); len(messages) != 1 || len(told) != 1 {
		t.Errorf("the restored clinic sent %d messages and %d events, want the one of each that was asked for", len(messages), len(told))
	}
	// A day before the first of the visits its patient is reminded of it.
	c.setTime(time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC))
	eventually(t, "the reminder has come", func() bool {
		mail.mu.Lock()
		defer mail.mu.Unlock()
		return len(mail.bodies) > 0
	})
}

// trailIsIntact stops the server and judges the trail by what it signed.
func (c *clinic) trailIsIntact(folder string) {
	c.t.Helper()
	c.server.signal(c.t, syscall.SIGTERM)
	if status := c.server.wait(c.t); status != 0 {
		c.t.Errorf("the server ended with %d, want 0", status)
	}
	keys := run(c.t, folder, c.env(), "audit", "key")
	if err := os.WriteFile(filepath.Join(folder, "trail.keys"), []byte(keys.stdout), 0o600); err != nil {
		c.t.Fatal(err)
	}
	r := run(c.t, folder, c.env(), "audit", "verify", "--checkpoints", c.clock+".checkpoints", "--key", "trail.keys")
	if r.status != 0 || !strings.HasPrefix(r.stdout, "intact: ") {
		c.t.Errorf("audit verify: %+v", r)
	}
}

// TestAClinicMovesToTheOtherEngine copies a clinic, which it can't while a server has
// it open, and goes on there.
func TestAClinicMovesToTheOtherEngine(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, slots, ann := t.Context(), c.opened(), c.user("patient", newYork)
		visit := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID, Confirm: true}))(t)
		to := "sqlite:" + filepath.Join(t.TempDir(), "medbook.db")
		if strings.HasPrefix(c.database, "sqlite:") {
			to = sqltest.Postgres(t)
		}
		copies := func() result { return run(t, t.TempDir(), c.env(), "copy", "--to", to) }
		if r := copies(); r.status != 1 || !strings.Contains(r.stderr, "stop it first") {
			t.Errorf("copy while a server runs: %+v", r)
		}
		c.server.signal(t, syscall.SIGTERM)
		c.server.wait(t)
		if r := copies(); r.status != 0 || !strings.Contains(r.stdout, "the same in both") {
			t.Fatalf("copy: %+v", r)
		}
		if r := copies(); r.status != 1 || !strings.Contains(r.stderr, "not empty") {
			t.Errorf("copy over a copy: %+v", r)
		}
		c.database = to
		c.server = c.serve()
		if got := must(ann.Appointment(ctx, visit.ID))(t); got.Status != "confirmed" {
			t.Errorf("after the move the visit is %+v", got)
		}
		if got := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[1].ID}))(t); got.Status != "held" {
			t.Errorf("a hold after the move is %+v", got)
		}
	})
}
