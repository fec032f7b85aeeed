package notify_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const (
	token = "sesame-open-now"
	key   = "k3y-in-the-address"
	phone = "+12125550187"
)

// service is an HTTP delivery service that answers as a test says.
type service struct {
	*httptest.Server

	mu        sync.Mutex
	requests  []posted
	delivered map[string]int // how often, by key
	script    []step         // what becomes of the next requests; then all are taken
	chance    func() step    // or this decides, and requests are only counted
	count     int
}

// posted is a request that came.
type posted struct {
	header http.Header
	body   string
	fields map[string]string
}

// step is what becomes of a request; it reports whether the message is delivered.
type step func(w http.ResponseWriter, r *http.Request) (delivered bool)

func newService(t *testing.T, script ...step) *service {
	t.Helper()
	s := &service{delivered: map[string]int{}, script: script}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p := posted{header: r.Header, body: string(body), fields: map[string]string{}}
	_ = json.Unmarshal(body, &p.fields)
	s.mu.Lock()
	next := step(accept)
	if s.count++; s.chance == nil {
		s.requests = append(s.requests, p)
	} else {
		next = s.chance()
	}
	if len(s.script) > 0 {
		next, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	if next(recording{w, s}, r) {
		s.deliver(r)
	}
}

// deliver honours the key: what came before is not delivered again.
func (s *service) deliver(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := r.Header.Get("Idempotency-Key"); key == "" || s.delivered[key] == 0 {
		s.delivered[key]++
	}
}

// recording lets a step deliver before it answers.
type recording struct {
	http.ResponseWriter
	s *service
}

func accept(w http.ResponseWriter, _ *http.Request) bool {
	w.WriteHeader(http.StatusAccepted)
	return true
}

// says answers with a status, headers, and a text that must not be repeated.
func says(status int, header ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for pair := range slices.Chunk(header, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no mailbox of Ann Lee")
		return false
	}
}

// acceptAndDrop delivers and breaks the connection before it says so.
func acceptAndDrop(w http.ResponseWriter, r *http.Request) bool {
	w.(recording).s.deliver(r)
	panic(http.ErrAbortHandler)
}

// drop breaks the connection.
func drop(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// hang answers when the caller has gone.
func hang(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return false
}

func (s *service) came(t *testing.T, want int) []posted {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) != want {
		t.Fatalf("%d requests came, want %d", len(s.requests), want)
	}
	return slices.Clone(s.requests)
}

func (s *service) deliveries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.delivered)
}

// rootsOf vouches for a server.
func rootsOf(s *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return roots
}

// channel returns one that posts to the service.
func (s *service) channel(t *testing.T, name string, change func(*notify.API)) *notify.HTTP {
	t.Helper()
	a := notify.API{Channel: name, URL: s.URL + "/send?key=" + key, Token: phi.Of(token), Roots: rootsOf(s.Server)}
	if change != nil {
		change(&a)
	}
	h, err := notify.NewHTTP(a)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// has gives Ann a telephone.
func (c *clinic) has(number string) {
	c.t.Helper()
	c.update(execute(`UPDATE user_profiles SET phone = $1 WHERE user_id = $2`, number, c.ann))
}

// order tells Ann of orders that were placed, over a channel.
func (c *clinic) order(channel string, n int) {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		for range n {
			if err := notify.Notify(ctx, tx, c.ann, notify.Event{Kind: notify.OrderPlaced, About: "order"}, channel); err != nil {
				return err
			}
		}
		return nil
	})
}

// became fails the test unless the only message has this status, class and number
// of attempts, and the token and what the service said are nowhere.
func (c *clinic) became(status notify.Status, class notify.Class, attempts int) {
	c.t.Helper()
	n := c.only()
	if n.Status != status || n.LastError != class || n.Attempts != attempts {
		c.t.Fatalf("the message is %s %q after %d attempts, want %s %q after %d", n.Status, n.LastError, n.Attempts, status, class, attempts)
	}
	c.secret()
}

// secret fails the test if what is nobody's business is in the log or the rows.
func (c *clinic) secret() {
	c.t.Helper()
	for _, secret := range []string{"Ann", "Lee", "5550187", "mail.example", "mailbox", "127.0.0.1", key, token} {
		if strings.Contains(c.log.String(), secret) {
			c.t.Errorf("%q is in the log:\n%s", secret, c.log)
		}
		if len(secret) < 4 {
			continue // which is in other words
		}
		for _, where := range []string{"notifications WHERE last_error", "notifications WHERE note", "jobs WHERE payload"} {
			if n := c.count(`SELECT count(*) FROM `+where+` LIKE $1`, "%"+secret+"%"); n != 0 {
				c.t.Errorf("%q is in %d rows of %s", secret, n, where)
			}
		}
	}
}

func TestAServiceTakesMessagesAsItIsSetUp(t *testing.T) {
	tests := []struct {
		name, channel string
		change        func(*notify.API)
		phone         string
		want          map[string]string // fields; the text is looked for
		text          string            // the field of the text
	}{
		{"as it is", notify.BySMS, nil, "+1 (212) 555-0187", map[string]string{"recipient": phone}, "message"},
		{"SMS", notify.BySMS, func(a *notify.API) { a.Recipient, a.Text, a.Region = "phone_number", "text", "US" }, "212.555.0187", map[string]string{"phone_number": phone}, "text"},
		{"e-mail", notify.ByEmail, func(a *notify.API) { a.Recipient, a.Subject = "email", "subject" }, "", map[string]string{"email": annEmail, "subject": "Your order has been placed"}, "message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := newService(t)
				c := newClinic(t, db, s.channel(t, tt.channel, tt.change))
				c.has(tt.phone)
				c.order(tt.channel, 1)
				c.work()
				c.became(notify.Sent, "", 1)
				got := s.came(t, 1)[0]
				if !strings.Contains(got.fields[tt.text], "your order has been successfully placed.") {
					t.Errorf("the text is %q", got.fields[tt.text])
				}
				delete(got.fields, tt.text)
				if !maps.Equal(got.fields, tt.want) {
					t.Errorf("sent %q, want %q and the text", got.fields, tt.want)
				}
				for name, want := range map[string]string{
					"Authorization": "Bearer " + token, "Idempotency-Key": c.only().ID.String(), "Content-Type": "application/json",
				} {
					if got := got.header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
			})
		})
	}
}

func TestWhoseNumberIsNoneIsToldOtherwise(t *testing.T) {
	s, mail := newService(t), newService(t)
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), mail.channel(t, notify.ByEmail, nil), s.channel(t, notify.BySMS, nil))
	for i, number := range []string{"", "212 555 0187", "+1", "+1 212 555 0187 22222222", "none", "+999 1234567"} {
		c.has(number)
		c.order(notify.BySMS, 1)
		c.work()
		if n := c.list(notify.Filter{})[0]; n.Channel != notify.ByEmail || n.Wanted != notify.BySMS || n.Note != notify.NoAddress || n.Status != notify.Sent {
			t.Errorf("with the number %q the message is %+v, want it by e-mail", number, n)
		}
		mail.came(t, i+1)
	}
	s.came(t, 0)
}

// TestAccountsAreNotReachedByTelephone shows that a link to an account goes to the
// address that was shown to be its user's, or stays here.
func TestAccountsAreNotReachedByTelephone(t *testing.T) {
	s := newService(t)
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), s.channel(t, notify.BySMS, nil))
	c.has(phone)
	c.tell(c.ann, auth.MailReset)
	c.work()
	if n := c.only(); n.Channel != "outbox" || n.Status != notify.Sent {
		t.Errorf("the message is %+v, want it in the outbox", n)
	}
	s.came(t, 0)
}

func TestAnswersHaveClasses(t *testing.T) {
	elsewhere := newService(t)
	tests := []struct {
		name   string
		answer step
		status notify.Status
		want   notify.Class
	}{
		{"400", says(400), notify.Failed, notify.Rejected},
		{"404", says(404), notify.Failed, notify.Rejected},
		{"409", says(409), notify.Failed, notify.Rejected},
		{"422", says(422), notify.Failed, notify.Rejected},
		{"401", says(401), notify.Pending, notify.Login},
		{"403", says(403), notify.Pending, notify.Login},
		{"408", says(408), notify.Pending, notify.Deferred},
		{"425", says(425), notify.Pending, notify.Deferred},
		{"429", says(429), notify.Pending, notify.Throttled},
		{"500", says(500), notify.Pending, notify.ServerError},
		{"503", says(503), notify.Pending, notify.ServerError},
		{"a redirect", says(307, "Location", elsewhere.URL), notify.Pending, notify.ServerError},
		{"a redirect that changes the method", says(303, "Location", elsewhere.URL), notify.Pending, notify.ServerError},
		{"no answer", drop, notify.Pending, notify.Unreachable},
		{"no end", hang, notify.Pending, notify.Timeout},
		{"200", says(200), notify.Sent, ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(204); return true }, notify.Sent, ""},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) bool {
			for range 100 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					break
				}
			}
			return true
		}, notify.Sent, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newService(t, tt.answer)
			c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), s.channel(t, notify.ByEmail, func(a *notify.API) {
				a.Roots.AddCert(elsewhere.Certificate())
				if tt.want == notify.Timeout {
					a.Timeout = 50 * time.Millisecond
				}
			}))
			c.order(notify.ByEmail, 1)
			c.work()
			s.came(t, 1)
			c.became(tt.status, tt.want, 1)
			c.later(time.Hour)
			if tt.status == notify.Pending {
				s.came(t, 2)
				c.became(notify.Sent, "", 2)
				return
			}
			s.came(t, 1)
		})
	}
	elsewhere.came(t, 0)
}

func TestServicesThatCanNotBeReached(t *testing.T) {
	tests := map[notify.Class]func(s *service, a *notify.API){
		notify.Refused:     func(s *service, _ *notify.API) { s.Close() },
		notify.TLS:         func(_ *service, a *notify.API) { a.Roots = nil },
		notify.Unreachable: func(_ *service, a *notify.API) { a.URL = "https://service.invalid/" },
	}
	for class, change := range tests {
		t.Run(string(class), func(t *testing.T) {
			s := newService(t)
			c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), s.channel(t, notify.ByEmail, func(a *notify.API) { change(s, a) }))
			c.order(notify.ByEmail, 1)
			c.work()
			c.became(notify.Pending, class, 1)
		})
	}
}

func TestAFailureOfTheServiceIsTriedAgainWithTheSameKey(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t, says(500), says(502), says(500))
		c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
		c.order(notify.ByEmail, 1)
		c.work()
		for range 3 {
			c.became(notify.Pending, notify.ServerError, len(s.requests))
			c.later(time.Minute)
		}
		c.became(notify.Sent, "", 4)
		for _, p := range s.came(t, 4) {
			if got, want := p.header.Get("Idempotency-Key"), c.only().ID.String(); got != want || p.body != s.requests[0].body {
				t.Errorf("an attempt has the key %q and says %s, want %q and the same each time", got, p.body, want)
			}
		}
	})
}

func TestAnAnswerThatIsLostDeliversOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t, acceptAndDrop)
		c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
		c.order(notify.ByEmail, 1)
		c.work()
		c.became(notify.Pending, notify.Unreachable, 1)
		c.later(time.Minute)
		c.became(notify.Sent, "", 2)
		s.came(t, 2)
		if n := s.deliveries(); n != 1 {
			t.Errorf("who honours the key delivered %d messages, want 1", n)
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	tests := []struct {
		name, header string
		status       int
		rest         time.Duration // zero: no more than without the header
	}{
		{"seconds", "3600", 429, time.Hour},
		{"a date", sqltest.Start.Add(2 * time.Hour).Format(http.TimeFormat), 429, 2 * time.Hour},
		{"out of order", "600", 503, 10 * time.Minute},
		{"nonsense", "soon", 429, 0},
		{"nothing", "0", 429, 0},
		{"a date that is over", sqltest.Start.Add(-time.Hour).Format(http.TimeFormat), 429, 0},
		{"of another status", "3600", 500, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := newService(t, says(tt.status, "Retry-After", tt.header))
				c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
				c.order(notify.ByEmail, 1)
				c.work()
				s.came(t, 1)
				if tt.rest > 0 {
					c.later(tt.rest - time.Microsecond)
					s.came(t, 1)
					c.later(time.Microsecond)
				} else {
					c.later(2 * time.Second)
				}
				s.came(t, 2)
				c.became(notify.Sent, "", 2)
			})
		})
	}
}

func TestWhoWantsToWaitForADayHasFailed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t, says(429, "Retry-After", "86400"))
		c := newClinic(t, db, s.channel(t, notify.ByEmail, nil))
		c.order(notify.ByEmail, 1)
		c.work()
		c.became(notify.Failed, notify.Throttled, 1)

		// What the service remembers of it does not stand in the way of another try.
		c.later(time.Hour)
		if _, err := c.Resend(t.Context(), c.admin, c.only().ID.String()); err != nil {
			t.Fatal(err)
		}
		c.work()
		c.became(notify.Sent, "", 2)
		if all := s.came(t, 2); all[0].header.Get("Idempotency-Key") == all[1].header.Get("Idempotency-Key") {
			t.Error("what is sent again has the key of what failed")
		}
	})
}

func TestServicesThatCanNotBe(t *testing.T) {
	good := notify.API{Channel: notify.BySMS, URL: "https://sms.example/" + key, Token: phi.Of(token)}
	for name, change := range map[string]func(*notify.API){
		"no address":       func(a *notify.API) { a.URL = "" },
		"no encryption":    func(a *notify.API) { a.URL = "http://sms.example/" + key },
		"nearly here":      func(a *notify.API) { a.URL = "http://localhost.example/" + password },
		"another protocol": func(a *notify.API) { a.URL = "ftp://sms.example/" + key },
		"no token":         func(a *notify.API) { a.Token = phi.Value[string]{} },
		"two lines":        func(a *notify.API) { a.Token = phi.Of(token + "\r\nX: y") },
		"no channel":       func(a *notify.API) { a.Channel = "" },
		"one field":        func(a *notify.API) { a.Recipient, a.Text = "x", "x" },
		"one field, again": func(a *notify.API) { a.Subject = "message" },
		"no such region":   func(a *notify.API) { a.Region = "ZZ" },
	} {
		a := good
		change(&a)
		if _, err := notify.NewHTTP(a); err == nil || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: error %v, want one that does not tell", name, err)
		}
	}
	for _, address := range []string{good.URL, "http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/"} {
		good.URL = address
		if _, err := notify.NewHTTP(good); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
