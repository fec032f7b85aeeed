package webhooks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"github.com/google/uuid"

	"medbook/internal/id"
	"medbook/internal/keyring"
)

// dial asks the client of a service that allows no private addresses to connect.
func dial(t *testing.T, network, address string) error {
	t.Helper()
	c, err := newTransport(false).DialContext(t.Context(), network, address)
	if err == nil {
		c.Close()
	}
	return err
}

// TestNothingWithinTheNetIsDialled dials addresses at which something listens where
// that can be had, so that a guard that is off shows.
func TestNothingWithinTheNetIsDialled(t *testing.T) {
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "localhost", // a name that leads to loopback
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00::1", "fd00:ec2::254",
		"224.0.0.1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::1", "255.255.255.255",
	} {
		if err := dial(t, "tcp", net.JoinHostPort(host, port)); !errors.Is(err, ssrf.ErrProhibitedIP) || classOf(err) != Refused {
			t.Errorf("dialling %s: %v, of class %q, want refused", host, err, classOf(err))
		}
	}
	if reached.Load() {
		t.Error("something within the net was reached")
	}
	if guard.Safe("tcp4", "1.1.1.1:8443", nil) != nil || guard.Safe("tcp6", "[2606:4700:4700::1111]:443", nil) != nil {
		t.Error("a public address is refused")
	}
}

// TestANameIsJudgedByWhereItLeads sends to a name that leads to loopback, by the whole
// way of an attempt.
func TestANameIsJudgedByWhereItLeads(t *testing.T) {
	s, w := sender(t, "https://localhost:1/")
	if o := s.send(t.Context(), w, Delivery{}, time.Unix(0, 0)); o.class != Refused {
		t.Errorf("a name that leads to this machine: %q, want refused", o.class)
	}
}

func TestNoRedirectIsFollowedAndNoProxyIsAsked(t *testing.T) {
	var reached atomic.Int64
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inner.Close()
	outer := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusTemporaryRedirect))
	defer outer.Close()
	t.Setenv("HTTP_PROXY", inner.URL)
	t.Setenv("HTTPS_PROXY", inner.URL)
	t.Setenv("ALL_PROXY", inner.URL)
	s, w := sender(t, outer.URL)
	s.AllowPrivate = true
	if o := s.send(t.Context(), w, Delivery{}, time.Unix(0, 0)); o.class != Answered || o.status != http.StatusTemporaryRedirect || reached.Load() != 0 {
		t.Errorf("a redirect: %+v, followed %d times, want answered, 307, never", o, reached.Load())
	}
	if newTransport(true).Proxy != nil {
		t.Error("a proxy would dial in our place")
	}
}

func TestWhoDoesNotAnswerInTimeIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	s, w := sender(t, server.URL)
	s.AllowPrivate = true
	if got := s.post.get(true).Timeout; got != 10*time.Second {
		t.Errorf("an attempt may take %v, want 10s", got)
	}
	s.post.client.Timeout = 20 * time.Millisecond
	if o := s.send(t.Context(), w, Delivery{}, time.Unix(0, 0)); o.class != Timeout {
		t.Errorf("who does not answer: %q, want timeout", o.class)
	}
}

// TestWhatIsKeptIsJudgedAgain is about rows that another version, or an operator who has
// changed their mind, left behind.
func TestWhatIsKeptIsJudgedAgain(t *testing.T) {
	s, w := sender(t, "http://hooks.invalid/")
	if o := s.send(t.Context(), w, Delivery{}, time.Unix(0, 0)); o.class != Refused {
		t.Errorf("without TLS: %q, want refused", o.class)
	}
}

// sender is a service without a database, and a webhook with a secret.
func sender(t *testing.T, url string) (*Service, Webhook) {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{Seal: ring}
	w := Webhook{ID: id.New(), URL: url, Enabled: true}
	if _, w.secret, err = s.newSecret(w.ID); err != nil {
		t.Fatal(err)
	}
	return s, w
}

func TestAttemptsAtOnce(t *testing.T) {
	var g gate
	now := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	a, b, c := id.New(), id.New(), id.New()
	if g.enter(a, now) != 0 || g.enter(a, now) == 0 {
		t.Error("a webhook must have one attempt at a time")
	}
	if g.enter(b, now) != 0 || g.enter(c, now) == 0 {
		t.Error("two webhooks at a time, no more")
	}
	g.leave(a, false, now)
	if g.enter(c, now) != 0 {
		t.Error("who leaves must let the next one in")
	}
	g.leave(c, false, now)
	g.leave(b, false, now)
	for n := 1; n <= 20; n++ {
		if d := g.enter(a, now); d != 0 {
			t.Fatalf("after %d failures and the rest: wait %v, want none", n-1, d)
		}
		g.leave(a, true, now)
		rested := min(5*time.Minute, 2*time.Second<<(n-1))
		if d := g.enter(a, now.Add(rested-time.Microsecond)); d == 0 {
			t.Errorf("after %d failures it rests for less than %v", n, rested)
		}
		now = now.Add(rested)
	}
	if g.enter(a, now) != 0 {
		t.Fatal("it must have rested")
	}
	g.leave(a, false, now)
	if g.enter(a, now) != 0 {
		t.Error("after a success it need not rest")
	}
}

func TestOneThatIsAloneWaitsNoLessThanItsWebhookRests(t *testing.T) {
	for n := 1; n < 40; n++ {
		for range 50 {
			if d := wait(n); d < rest(n) || d > time.Hour {
				t.Errorf("after %d failures a delivery waits %v and its webhook rests %v", n, d, rest(n))
			}
		}
	}
}

func TestKindsAreKeptAsWords(t *testing.T) {
	if got := parted(joined(Kinds())); !slices.Equal(got, Kinds()) {
		t.Errorf("kept and read again: %v", got)
	}
	seen := map[Kind]bool{}
	for _, k := range Kinds() {
		if seen[k] || strings.ContainsRune(string(k), ' ') || k == test {
			t.Errorf("%q is not fit for a kind", k)
		}
		seen[k] = true
	}
}

// FuzzKindOf shows that nothing but a kind of the list is one, and that what is kept
// of it is read again.
func FuzzKindOf(f *testing.F) {
	for _, k := range append(Kinds(), test, "", "order.placed ", "ORDER.PLACED") {
		f.Add(string(k))
	}
	f.Fuzz(func(t *testing.T, name string) {
		k, ok := kindOf(name)
		if ok != slices.Contains(Kinds(), Kind(name)) || string(k) != name {
			t.Errorf("kindOf(%q) = %q, %v", name, k, ok)
		}
		if ok && !slices.Equal(parted(joined([]Kind{k})), []Kind{k}) {
			t.Errorf("%q is not read as it was kept", name)
		}
	})
}

// FuzzCheckURL shows that an address that is taken can be asked for, by https.
func FuzzCheckURL(f *testing.F) {
	for _, text := range []string{"https://hooks.example/", "http://127.0.0.1", "https://[::1]", "https://a b", "https://\x00", "https://%31"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if new(Service).checkURL(text) != "" {
			return
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, text, http.NoBody)
		if err != nil || req.URL.Scheme != "https" || req.URL.Hostname() == "" || req.URL.User != nil {
			t.Errorf("%q is taken: %v", text, err)
		}
	})
}

func TestABodyHasNoMoreThanThereIs(t *testing.T) {
	d := Delivery{Event: Event{Kind: test, About: "x"}, HappenedAt: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)}
	body, err := d.body()
	if want := `{"type":"webhook.test","timestamp":"2027-03-01T00:00:00Z","data":{"id":"x"}}`; err != nil || string(body) != want {
		t.Errorf("%s, %v, want %s", body, err, want)
	}
	d.Event.Patient = uuid.MustParse("0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21")
	if body, _ := d.body(); !strings.HasSuffix(string(body), `"data":{"id":"x","patient_id":"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"}}`) {
		t.Errorf("%s lacks the patient", body)
	}
}
