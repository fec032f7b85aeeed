package webhooks_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

// accepts reports whether Standard Webhooks' own library takes a message for one that
// was signed with a secret. The clock stands still in tests, so it is not asked.
func accepts(t *testing.T, secret string, m message) bool {
	t.Helper()
	verifier, err := standard.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return verifier.VerifyIgnoringTimestamp(m.body, m.header) == nil
}

func TestAnEventIsSignedAndHoldsIdsOnly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		w, secret := o.subscribe(r.URL+"/hooks?x=1", webhooks.AppointmentHeld)
		at := db.Now()
		e := o.emit(webhooks.AppointmentHeld)[0]
		sqltest.ClockOf(db).Advance(3 * time.Second)
		o.work()
		d := o.is(w, webhooks.Sent, 1, 204, "")
		m := r.one(t)
		if got, want := string(m.body), text(e, webhooks.AppointmentHeld, at); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "User-Agent": "medbook-webhooks", "Webhook-Id": d.EventID.String(),
			"Webhook-Timestamp": strconv.FormatInt(db.Now().Unix(), 10),
		} {
			if got := m.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); err != nil || len(key) != 32 || !strings.HasPrefix(secret, "whsec_") {
			t.Errorf("the secret is no whsec_ of 32 bytes: error %v", err)
		}
		if !accepts(t, secret, m) {
			t.Error("the public library refuses the signature")
		}
		for what, spoil := range map[string]func(m *message){
			"another body": func(m *message) { m.body = append(m.body, ' ') },
			"another id":   func(m *message) { m.header.Set("webhook-id", id.New().String()) },
			"another time": func(m *message) { m.header.Set("webhook-timestamp", "1") },
			"another signature": func(m *message) {
				m.header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
			},
		} {
			bad := message{m.header.Clone(), slices.Clone(m.body)}
			spoil(&bad)
			if accepts(t, secret, bad) {
				t.Errorf("the public library takes %s", what)
			}
		}
	})
}

func TestASecretThatWasRotatedSignsForADayMore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		w, first := o.subscribe(r.URL, webhooks.PatientErased)
		rotate := func() string {
			t.Helper()
			o.admin.ProvedAt = db.Now()
			_, secret, err := o.RotateSecret(t.Context(), o.admin, w.ID.String())
			if err != nil {
				t.Fatal(err)
			}
			return secret
		}
		signedWith := func(when string, want map[string]bool) {
			t.Helper()
			o.emit(webhooks.PatientErased)
			o.work()
			all := r.messages()
			m := all[len(all)-1]
			for secret, good := range want {
				if accepts(t, secret, m) != good {
					t.Errorf("%s: accepted by %.12s… is %v, want %v", when, secret, !good, good)
				}
			}
		}
		second := rotate()
		signedWith("at once", map[string]bool{first: true, second: true})
		sqltest.ClockOf(db).Advance(24*time.Hour - time.Microsecond)
		signedWith("just before a day", map[string]bool{first: true, second: true})
		sqltest.ClockOf(db).Advance(time.Microsecond)
		signedWith("after a day", map[string]bool{first: false, second: true})
		third := rotate()
		fourth := rotate()
		signedWith("after two more", map[string]bool{first: false, second: false, third: true, fourth: true})
	})
}

func TestAnEventGoesToEachWhoWantsIt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		a, b, c, d := receive(t), receive(t), receive(t), receive(t)
		wa, sa := o.subscribe(a.URL, webhooks.AppointmentHeld, webhooks.AppointmentMoved)
		_, sb := o.subscribe(b.URL, webhooks.AppointmentHeld)
		o.subscribe(c.URL, webhooks.AppointmentMoved)
		wd, _ := o.subscribe(d.URL, webhooks.AppointmentHeld)
		if _, err := o.Change(t.Context(), o.admin, wd.ID.String(), "*", webhooks.Change{Enabled: new(bool)}); err != nil {
			t.Fatal(err)
		}
		o.emit(webhooks.AppointmentHeld, webhooks.AppointmentCancelled)
		o.work()
		ma, mb := a.one(t), b.one(t)
		if string(ma.body) != string(mb.body) || ma.header.Get("webhook-id") != mb.header.Get("webhook-id") {
			t.Error("two webhooks got different messages of one event")
		}
		if !accepts(t, sa, ma) || !accepts(t, sb, mb) || accepts(t, sa, mb) {
			t.Error("each webhook must have its own signature")
		}
		if len(c.messages()) != 0 || len(d.messages()) != 0 {
			t.Error("who does not want the event, or is disabled, got it")
		}
		// The job of finding out who wants it may run twice.
		o.execute(`INSERT INTO jobs (id, kind, payload, run_at, attempts, lease_until, created_at) VALUES ($1, 'webhooks.event', $2, 0, 0, 0, 0)`,
			id.New(), `{"ID":"`+ma.header.Get("webhook-id")+`","Event":{"Kind":"appointment.held"},"At":"2027-01-01T00:00:00Z"}`)
		o.work()
		if n := len(o.deliveries(wa)); n != 1 || len(a.messages()) != 1 {
			t.Errorf("an event whose job ran twice has %d deliveries and %d messages, want one", n, len(a.messages()))
		}
	})
}

func TestNothingIsEnqueuedThatNobodyWants(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.emit(webhooks.AppointmentHeld)
		w, _ := o.subscribe("https://hooks.example", webhooks.AppointmentMoved)
		o.emit(webhooks.AppointmentHeld)
		o.emit(webhooks.AppointmentMoved)
		if n := o.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.event'`); n != 1 {
			t.Errorf("%d events are enqueued, want the one that is wanted", n)
		}
		if _, err := o.Change(t.Context(), o.admin, w.ID.String(), "*", webhooks.Change{Enabled: new(bool)}); err != nil {
			t.Fatal(err)
		}
		o.emit(webhooks.AppointmentMoved)
		if n := o.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.event'`); n != 1 {
			t.Errorf("%d events are enqueued with the webhook disabled, want one", n)
		}
	})
}

func TestNothingIsSentOfWhatWasUndone(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		o.subscribe(r.URL, webhooks.Kinds()...)
		undone := errors.New("undone")
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if err := webhooks.Emit(ctx, tx, webhooks.Event{Kind: webhooks.AppointmentHeld, About: "x"}); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		o.work()
		if n := len(r.messages()); n != 0 {
			t.Errorf("%d messages of a transaction that was undone", n)
		}
	})
}

func TestWhatFailsIsTriedForADayAndCanBeResent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		r.answers(500)
		w, secret := o.subscribe(r.URL, webhooks.OrderPlaced)
		o.emit(webhooks.OrderPlaced)
		o.work()
		d := o.is(w, webhooks.Pending, 1, 500, webhooks.Answered)
		o.work()
		if n := len(r.messages()); n != 1 {
			t.Fatalf("%d attempts at once, want one", n)
		}
		o.pass(2*time.Second - time.Microsecond)
		o.is(w, webhooks.Pending, 1, 500, webhooks.Answered)
		r.answers(301)
		o.pass(2*time.Second + time.Microsecond)
		o.is(w, webhooks.Pending, 2, 301, webhooks.Answered)
		for db.Now().Before(d.CreatedAt.Add(23 * time.Hour)) {
			o.pass(time.Hour)
		}
		if d = o.only(w); d.Status != webhooks.Pending || d.Attempts < 20 || d.Attempts > 60 {
			t.Errorf("after 23 hours it is %s after %d attempts, want pending after some 30", d.Status, d.Attempts)
		}
		for range 3 {
			o.pass(time.Hour)
		}
		d = o.only(w)
		if d.Status != webhooks.Failed || d.LastStatus != 301 {
			t.Errorf("after a day it is %s, answered %d, want failed, 301", d.Status, d.LastStatus)
		}
		attempts := d.Attempts
		o.pass(2 * time.Hour)
		if got := o.only(w).Attempts; got != attempts {
			t.Error("what has failed is tried again")
		}
		r.answers(200)
		if _, err := o.Resend(t.Context(), o.admin, d.ID.String()); err != nil {
			t.Fatal(err)
		}
		o.pass(time.Hour)
		o.is(w, webhooks.Sent, attempts+1, 200, "")
		all := r.messages()
		first, last := all[0], all[len(all)-1]
		if string(first.body) != string(last.body) || first.header.Get("webhook-id") != last.header.Get("webhook-id") ||
			first.header.Get("webhook-timestamp") == last.header.Get("webhook-timestamp") || !accepts(t, secret, last) {
			t.Error("each attempt must have the same body and id, its own time, and a good signature")
		}
		if _, err := o.Resend(t.Context(), o.admin, d.ID.String()); !errors.Is(err, webhooks.ErrDelivered) {
			t.Errorf("resend of what was delivered: %v, want %v", err, webhooks.ErrDelivered)
		}
	})
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		r.answers(410)
		w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
		o.emit(webhooks.OrderPlaced)
		o.work()
		d := o.is(w, webhooks.Failed, 1, 410, webhooks.Gone)
		now, err := o.Webhook(t.Context(), o.admin, w.ID.String())
		if err != nil || now.Enabled || now.Version == w.Version {
			t.Errorf("the webhook is enabled: %v, version %d, error %v, want a new version, disabled", now.Enabled, now.Version, err)
		}
		if n := o.count(`SELECT COUNT(*) FROM audit_events WHERE action = 'webhook.disable' AND resource_id = $1`, w.ID.String()); n != 1 {
			t.Errorf("%d records of disabling it, want 1", n)
		}
		if _, err := o.Resend(t.Context(), o.admin, d.ID.String()); !errors.Is(err, webhooks.ErrDisabled) {
			t.Errorf("resend to a disabled webhook: %v, want %v", err, webhooks.ErrDisabled)
		}
		r.answers(200)
		if d, err = o.Test(t.Context(), o.admin, w.ID.String()); err != nil || d.Status != webhooks.Pending {
			t.Fatalf("test: %v, %v", d.Status, err)
		}
		o.pass(time.Hour)
		if d = o.deliveries(w)[0]; d.Status != webhooks.Sent || d.Event.Kind != "webhook.test" || d.Event.About != w.ID.String() {
			t.Errorf("the test of a disabled webhook is %s of %s, want sent, of webhook.test", d.Status, d.Event.Kind)
		}
	})
}

func TestWhatADisabledOrRemovedWebhookWasToGetIsNotSent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		r.answers(500)
		w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
		gone, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
		o.emit(webhooks.OrderPlaced)
		o.work()
		n := len(r.messages())
		if _, err := o.Change(t.Context(), o.admin, w.ID.String(), "*", webhooks.Change{Enabled: new(bool)}); err != nil {
			t.Fatal(err)
		}
		if err := o.Remove(t.Context(), o.admin, gone.ID.String(), "*"); err != nil {
			t.Fatal(err)
		}
		o.pass(time.Hour)
		if d := o.only(w); d.Status != webhooks.Failed || d.LastError != webhooks.Disabled {
			t.Errorf("the delivery is %s, %q, want failed, disabled", d.Status, d.LastError)
		}
		if got := len(r.messages()); got != n {
			t.Errorf("%d messages, want %d", got, n)
		}
		if left := o.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.deliver'`); left != 0 {
			t.Errorf("%d jobs are left, want none", left)
		}
		if left := o.count(`SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = $1`, gone.ID); left != 0 {
			t.Errorf("%d deliveries of a webhook that is gone are left after an hour, want none", left)
		}
	})
}

func TestDeliveriesAreForgottenAfterThirtyDays(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
		o.work() // the hourly job has run, and runs again an hour later
		o.emit(webhooks.OrderPlaced)
		o.work()
		o.pass(30*24*time.Hour - time.Microsecond)
		o.is(w, webhooks.Sent, 1, 204, "")
		o.pass(time.Hour)
		if n := len(o.deliveries(w)); n != 0 {
			t.Errorf("%d deliveries after 30 days, want none", n)
		}
	})
}

func TestWhoHangsHoldsUpNobodyElse(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, hangs, well := newOffice(t, db), receive(t), receive(t)
		release, asked, told := make(chan struct{}), make(chan struct{}, 10), make(chan struct{}, 10)
		hangs.answer = func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-release }
		well.answer = func(http.ResponseWriter, *http.Request) { told <- struct{}{} }
		other := make(chan struct{}, 1)
		o.run.Every(time.Hour, "other", func(context.Context) error { other <- struct{}{}; return nil })
		o.subscribe(hangs.URL, webhooks.OrderPlaced)
		o.emit(webhooks.OrderPlaced, webhooks.OrderPlaced, webhooks.OrderPlaced, webhooks.OrderPlaced, webhooks.OrderPlaced)
		o.subscribe(well.URL, webhooks.PatientErased)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { o.run.Run(ctx); close(ended) }()
		<-asked
		o.emit(webhooks.PatientErased)
		<-told
		<-other
		if n := len(hangs.messages()); n != 1 {
			t.Errorf("who hangs is asked %d times at once, want once", n)
		}
		close(release)
		stop()
		<-ended
	})
}

func TestAFailureIsToldInAWord(t *testing.T) {
	o := newOffice(t, sqltest.Open(t, sqltest.SQLite(t)))
	closed, plain := receive(t), receive(t)
	closed.Close()
	unknown := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknown.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	unknown.StartTLS()
	defer unknown.Close()
	breaks := receive(t)
	breaks.answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for url, want := range map[string]webhooks.Class{
		closed.URL:  webhooks.Unreachable,
		breaks.URL:  webhooks.Unreachable,
		unknown.URL: webhooks.TLS,
		strings.Replace(plain.URL, "http://", "https://", 1): webhooks.TLS,
	} {
		w, _ := o.subscribe(url, webhooks.OrderPlaced)
		if _, err := o.Test(t.Context(), o.admin, w.ID.String()); err != nil {
			t.Fatal(err)
		}
		o.work()
		o.is(w, webhooks.Pending, 1, 0, want)
	}
}

func TestLargeAnswersAreDropped(t *testing.T) {
	o, r := newOffice(t, sqltest.Open(t, sqltest.SQLite(t))), receive(t)
	written := make(chan int, 1)
	r.answer = func(w http.ResponseWriter, _ *http.Request) {
		n := 0
		for {
			m, err := w.Write(make([]byte, 32<<10))
			if n += m; err != nil {
				written <- n
				return
			}
		}
	}
	w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
	o.emit(webhooks.OrderPlaced)
	o.work()
	o.is(w, webhooks.Sent, 1, 200, "")
	<-written // the connection is closed, or the receiver would write for ever
}

func TestTheLogAndTheRowsHoldNoSecret(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		w, secret := o.subscribe(r.URL, webhooks.OrderPlaced)
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		o.emit(webhooks.OrderPlaced)
		o.work()
		if n := o.count(`SELECT COUNT(*) FROM webhooks WHERE secret = $1 OR secret = $2 OR secret = $3`, key, []byte(secret), []byte(secret[6:])); n != 0 {
			t.Error("a secret is kept in clear")
		}
		if strings.Contains(o.log.String(), secret[6:]) {
			t.Error("a secret is in the log")
		}
		// It is tied to its row.
		other, _ := o.subscribe(r.URL, webhooks.PatientErased)
		o.execute(`UPDATE webhooks SET secret = (SELECT o.secret FROM webhooks o WHERE o.id = $1) WHERE id = $2`, w.ID, other.ID)
		o.emit(webhooks.PatientErased)
		o.work()
		o.is(other, webhooks.Pending, 1, 0, webhooks.Unreadable)
	})
}

func TestListsOfDeliveries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, r := newOffice(t, db), receive(t)
		w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
		for range 3 {
			o.emit(webhooks.OrderPlaced)
			o.work()
		}
		var seen []string
		req := page.Request{Limit: 2, Count: true}
		for {
			p, err := o.Deliveries(t.Context(), o.admin, w.ID.String(), webhooks.Sent, req)
			if err != nil || *p.Total != 3 {
				t.Fatalf("total %v, error %v, want 3", p.Total, err)
			}
			for _, d := range p.Items {
				seen = append(seen, d.ID.String())
			}
			if req.After = p.Next; p.Next == "" {
				break
			}
		}
		if want := slices.Sorted(slices.Values(seen)); len(seen) != 3 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("listed %q, want %q backwards", seen, want)
		}
		if p, err := o.Deliveries(t.Context(), o.admin, w.ID.String(), webhooks.Failed, page.Request{Limit: 2}); err != nil || len(p.Items) != 0 {
			t.Errorf("%d failed ones, error %v, want none", len(p.Items), err)
		}
		if _, err := o.Deliveries(t.Context(), o.admin, w.ID.String(), "", page.Request{Limit: 2, After: "x"}); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a wrong position: %v, want a wrong cursor", err)
		}
	})
}
