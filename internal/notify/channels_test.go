package notify_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// pigeon is all that it takes to add a channel, beside its place in Channels.
type pigeon struct{ took []notify.Message }

func (*pigeon) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Name, nil
}

func (*pigeon) Name() string { return "pigeon" }

func (*pigeon) Keeps() bool { return false }

func (p *pigeon) Send(_ context.Context, m notify.Message) error {
	p.took = append(p.took, m)
	return nil
}

func TestAChannelIsOneTypeAndOneRegistration(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := &pigeon{}
		c := newClinic(t, db, newService(t).channel(t, notify.ByEmail, nil), p)
		ann := auth.Actor{UserID: c.ann, Role: auth.Patient}
		match := etag.Match(notify.Defaults().ETag())
		if _, err := c.ChangePreferences(t.Context(), ann, match, notify.PreferencesChange{Channels: map[notify.Kind]string{notify.OrderPlaced: "pigeon"}}); err != nil {
			t.Fatal(err)
		}
		c.order("", 1)
		c.work()
		if n := c.only(); n.Channel != "pigeon" || n.Status != notify.Sent || n.Wanted != "" {
			t.Errorf("the message is %+v, want it sent by pigeon", n)
		}
		if len(p.took) != 1 || p.took[0].To.Reveal() != annName || p.took[0].Kind != notify.OrderPlaced || p.took[0].User != c.ann || p.took[0].About != "order" {
			t.Errorf("the pigeon took %+v", p.took)
		}
	})
}

// stuck is a channel whose provider answers nobody until it is released.
type stuck struct{ begun, release chan bool }

func (stuck) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Email, nil
}

func (stuck) Name() string { return "stuck" }

func (stuck) Keeps() bool { return false }

func (s stuck) Send(context.Context, notify.Message) error {
	s.begun <- true
	<-s.release
	return nil
}

func TestAChannelThatHangsHoldsUpNoOther(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		hanging := stuck{make(chan bool, 100), make(chan bool)}
		taken := make(chan bool)
		s := newService(t, func(w http.ResponseWriter, r *http.Request) bool {
			taken <- true
			return accept(w, r)
		})
		c := newClinic(t, db, hanging, s.channel(t, notify.ByEmail, nil))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			c.run.Run(ctx)
			close(ended)
		}()
		c.order("stuck", 20) // more than there are workers
		c.run.Nudge()
		<-hanging.begun
		c.order(notify.ByEmail, 1)
		c.run.Nudge()
		<-taken
		close(hanging.release)
		stop()
		<-ended
	})
}

// TestADeadDeliveryIsTakenOverAndDecidesNothing lets another runner deliver what
// the first one is still busy with.
func TestADeadDeliveryIsTakenOverAndDecidesNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		began, release := make(chan bool), make(chan bool)
		s := newService(t, func(w http.ResponseWriter, r *http.Request) bool {
			began <- true
			<-release
			w.WriteHeader(http.StatusBadRequest) // which would be final
			return false
		})
		c := newClinic(t, db, s.channel(t, notify.ByEmail, func(a *notify.API) { a.Timeout = time.Hour }))
		c.order(notify.ByEmail, 1)
		done := make(chan bool)
		go func() {
			defer close(done)
			_, _ = c.run.RunDue(t.Context())
		}()
		<-began
		other := &jobs.Runner{DB: db, Log: slog.New(slog.NewTextHandler(c.log, nil))}
		second := &notify.Service{DB: db, Seal: c.Seal, Channels: c.Channels}
		second.Work(other)
		sqltest.ClockOf(db).Advance(59 * time.Second)
		if n, err := other.RunDue(t.Context()); err != nil || n != 1 {
			t.Errorf("the other runner did %d jobs, %v, want 1 within a minute", n, err)
		}
		close(release)
		<-done
		c.became(notify.Sent, "", 2)
		c.later(24 * time.Hour)
		s.came(t, 2)
		if n := c.count(`SELECT count(*) FROM jobs WHERE kind = 'notify.deliver'`); n != 0 {
			t.Errorf("%d deliveries are left, want none", n)
		}
	})
}

func TestAProviderThatIsDownIsAskedOnceAMinute(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t, says(500), drop, says(503), says(401), says(429), says(500))
		c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
		c.order(notify.ByEmail, 20)
		c.work()
		s.came(t, 5) // in a row
		c.later(time.Minute - time.Microsecond)
		s.came(t, 5)
		tried := c.count(`SELECT count(*) FROM notifications WHERE attempts > 0`)
		c.later(time.Minute)
		s.came(t, 6) // one decides that it is not back
		c.later(2 * time.Minute)
		c.later(2 * time.Minute)
		if n := len(c.list(notify.Filter{Status: notify.Sent})); n != 20 {
			t.Errorf("%d messages were sent when the service was back, want 20", n)
		}
		if tried != 5 {
			t.Errorf("%d messages had an attempt counted while it was down, want the 5 that had one", tried)
		}
		if n := c.count(`SELECT sum(attempts) FROM notifications`); n != 26 {
			t.Errorf("%d attempts are counted, want the 26 that were made", n)
		}
		c.secret()
	})
}

// TestWhatIsWrongWithAMessageClosesNoChannel shows that refusals of single
// messages do not count against the provider, and end a row of failures.
func TestWhatIsWrongWithAMessageClosesNoChannel(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	var script []step
	for range 3 {
		script = append(script, says(500), says(500), says(500), says(500), says(400))
	}
	s := newService(t, script...)
	c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
	c.order(notify.ByEmail, 20)
	c.work()
	s.came(t, 20)
}

func TestADayWithoutTheProviderIsAFailure(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t)
		c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
		s.Close()
		c.order(notify.ByEmail, 8)
		c.work()
		c.later(23 * time.Hour)
		if n := len(c.list(notify.Filter{Status: notify.Pending})); n != 8 {
			t.Errorf("%d messages wait after 23 hours, want 8", n)
		}
		c.later(time.Hour)
		for range 4 {
			c.later(30 * time.Minute)
		}
		for _, n := range c.list(notify.Filter{}) {
			if n.Status != notify.Failed || n.LastError != notify.Refused {
				t.Errorf("after a day a message is %s %q, want failed, refused", n.Status, n.LastError)
			}
		}
	})
}

func TestNoSMSComesInQuietHours(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		sms, mail := newService(t), newService(t)
		c := newClinic(t, db, mail.channel(t, notify.ByEmail, nil), sms.channel(t, notify.BySMS, nil))
		c.has(phone)
		clock := sqltest.ClockOf(db)
		at := func(text string) {
			now, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			clock.Set(now)
			c.work()
		}
		// The night in which New York's clocks go forward: it is over an hour sooner.
		at("2027-03-13T21:00:00-05:00")
		c.order(notify.BySMS, 1)
		c.order(notify.ByEmail, 1)
		c.work()
		mail.came(t, 1)
		at("2027-03-14T07:59:59-04:00")
		sms.came(t, 0)
		if n := c.list(notify.Filter{Status: notify.Pending})[0]; n.Attempts != 0 || n.LastError != "" || n.Channel != notify.BySMS {
			t.Errorf("the SMS that waits is %+v, want it without an attempt", n)
		}
		at("2027-03-14T08:00:00-04:00")
		sms.came(t, 1)

		// What was written before is judged when it would go out.
		at("2027-03-14T20:59:59-04:00")
		c.update(func(ctx context.Context, tx *sqldb.Tx) error {
			return notify.At(ctx, tx, clock.Now().Add(time.Second), c.ann, notify.Event{Kind: notify.OrderPlaced, About: "order"}, notify.BySMS)
		})
		at("2027-03-14T21:00:00-04:00")
		sms.came(t, 1)

		// Who wants them at any time gets them, from the next look on.
		always := calendar.TimeOfDay(0)
		match := etag.Match(notify.Defaults().ETag())
		_, err := c.ChangePreferences(t.Context(), auth.Actor{UserID: c.ann, Role: auth.Patient}, match, notify.PreferencesChange{QuietFrom: &always, QuietTo: &always})
		if err != nil {
			t.Fatal(err)
		}
		c.order(notify.BySMS, 1)
		c.work()
		sms.came(t, 2)
		at("2027-03-15T08:00:00-04:00")
		sms.came(t, 3)
	})
}

// TestWhoIsNeverToBeDisturbedIsNot shows that what has no hour fails in the end.
func TestWhoIsNeverToBeDisturbedIsNot(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t)
		c := newClinic(t, db, s.channel(t, notify.BySMS, nil))
		c.has(phone)
		c.update(execute(`INSERT INTO notification_settings (user_id, language, quiet_from, quiet_to, version) VALUES ($1, 'en', '00:00', '24:00', 1)`, c.ann))
		c.order(notify.BySMS, 1)
		for range 3 {
			c.later(24 * time.Hour)
		}
		c.became(notify.Failed, notify.QuietHours, 0)
		s.came(t, 0)
	})
}

func TestNobodyGetsMoreThanIsGoodForThem(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		sms, mail := newService(t), newService(t)
		c := newClinic(t, db, mail.channel(t, notify.ByEmail, nil), sms.channel(t, notify.BySMS, nil))
		c.has(phone)
		for range 12 {
			c.tell(c.ann, auth.NoticeKey) // by e-mail; does not count
		}
		c.order(notify.BySMS, 12)
		c.work()
		sms.came(t, 10)
		mail.came(t, 12)
		capped := c.list(notify.Filter{Status: notify.Failed})
		if len(capped) != 2 || capped[0].LastError != notify.Capped || capped[0].Attempts != 0 {
			t.Errorf("beyond the cap are %+v, want two", capped)
		}
		c.order(notify.ByEmail, 45)
		c.work()
		mail.came(t, 12+40)
		if n := len(c.list(notify.Filter{Status: notify.Failed})); n != 7 {
			t.Errorf("%d messages were too much, want 7", n)
		}
		c.tell(c.ann, auth.NoticeKey)
		c.work()
		mail.came(t, 12+40+1)

		// An admin may send one all the same.
		if _, err := c.Resend(t.Context(), c.admin, capped[0].ID.String()); err != nil {
			t.Fatal(err)
		}
		c.work()
		sms.came(t, 11)

		c.later(24*time.Hour - time.Microsecond)
		c.order(notify.BySMS, 1)
		c.work()
		sms.came(t, 11)
		c.later(time.Microsecond)
		c.order(notify.BySMS, 1)
		c.work()
		sms.came(t, 12)
	})
}

// TestTheCapHoldsWhoeverWrites has several runners write to one user at once.
func TestTheCapHoldsWhoeverWrites(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t)
		c := newClinic(t, db, s.channel(t, notify.BySMS, nil))
		c.has(phone)
		c.order(notify.BySMS, 30)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if _, err := c.run.RunDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.work()
		s.came(t, 10)
	})
}
