package webhooks_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// office is a service with the runner of its jobs, and an admin who has just shown
// who they are.
type office struct {
	*webhooks.Service
	t     *testing.T
	run   *jobs.Runner
	log   *lockedBuffer
	admin auth.Actor
}

func newOffice(t *testing.T, db *sqldb.DB) *office {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	o := &office{
		Service: &webhooks.Service{DB: db, Seal: ring, AllowPrivate: true}, t: t, log: &lockedBuffer{},
		admin: auth.Actor{UserID: id.New(), Role: auth.Admin, Via: auth.ViaSession, ProvedAt: db.Now()},
	}
	o.run = &jobs.Runner{DB: db, Log: slog.New(slog.NewTextHandler(o.log, nil))}
	o.Work(o.run)
	return o
}

// subscribe makes a webhook and returns it with its secret.
func (o *office) subscribe(url string, kinds ...webhooks.Kind) (webhooks.Webhook, string) {
	o.t.Helper()
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	o.admin.ProvedAt = o.DB.Now()
	w, secret, err := o.Create(o.t.Context(), o.admin, webhooks.NewWebhook{URL: url, Kinds: names})
	if err != nil {
		o.t.Fatal(err)
	}
	return w, secret
}

// emit emits events of these kinds, about appointments of somebody.
func (o *office) emit(kinds ...webhooks.Kind) (events []webhooks.Event) {
	o.t.Helper()
	err := o.DB.Update(o.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		events = nil
		for _, k := range kinds {
			e := webhooks.Event{Kind: k, Patient: id.New(), Practitioner: id.New()}
			e.About = id.NewKeyed(e.Practitioner).String()
			events = append(events, e)
			if err := webhooks.Emit(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return events
}

// work does the jobs that are due.
func (o *office) work() {
	o.t.Helper()
	if _, err := o.run.RunDue(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// pass lets time pass, and does what is due then.
func (o *office) pass(d time.Duration) {
	o.t.Helper()
	sqltest.ClockOf(o.DB).Advance(d)
	o.work()
}

// deliveries returns all of a webhook, newest first.
func (o *office) deliveries(w webhooks.Webhook) []webhooks.Delivery {
	o.t.Helper()
	p, err := o.Deliveries(o.t.Context(), o.admin, w.ID.String(), "", page.Request{Limit: 200})
	if err != nil {
		o.t.Fatal(err)
	}
	return p.Items
}

// only returns the one delivery that a webhook has.
func (o *office) only(w webhooks.Webhook) webhooks.Delivery {
	o.t.Helper()
	all := o.deliveries(w)
	if len(all) != 1 {
		o.t.Fatalf("there are %d deliveries, want 1", len(all))
	}
	return all[0]
}

// is fails the test unless the one delivery of a webhook has come so far.
func (o *office) is(w webhooks.Webhook, status webhooks.Status, attempts, answered int, class webhooks.Class) webhooks.Delivery {
	o.t.Helper()
	d := o.only(w)
	if d.Status != status || d.Attempts != attempts || d.LastStatus != answered || d.LastError != class {
		o.t.Errorf("the delivery is %s after %d attempts, answered %d, %q; want %s, %d, %d, %q",
			d.Status, d.Attempts, d.LastStatus, d.LastError, status, attempts, answered, class)
	}
	return d
}

// count returns the number that a query answers.
func (o *office) count(query string, args ...any) (n int) {
	o.t.Helper()
	err := o.DB.View(o.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// message is what a receiver got.
type message struct {
	header http.Header
	body   []byte
}

// receiver answers as it is told to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []message
	answer http.HandlerFunc // nil: 204
}

// receive starts a receiver.
func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, message{req.Header.Clone(), body})
		answer := r.answer
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// answers has the receiver answer with a status from now on.
func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// messages returns what the receiver got.
func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

// one returns the one message that the receiver got.
func (r *receiver) one(t *testing.T) message {
	t.Helper()
	all := r.messages()
	if len(all) != 1 {
		t.Fatalf("the receiver got %d messages, want 1", len(all))
	}
	return all[0]
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

// execute runs one statement.
func (o *office) execute(query string, args ...any) {
	o.t.Helper()
	err := o.DB.Update(o.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

func text(e webhooks.Event, kind webhooks.Kind, at time.Time) string {
	return fmt.Sprintf(`{"type":%q,"timestamp":%q,"data":{"id":%q,"patient_id":%q,"practitioner_id":%q}}`,
		kind, at.UTC().Format(time.RFC3339Nano), e.About, e.Patient, e.Practitioner)
}
