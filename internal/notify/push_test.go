package notify_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// here lets a test's own push service be reached.
var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// vapid is a key of P-256: any 32 bytes that are less than its order.
var vapid = base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))

func (s *service) pushing(t *testing.T, db *sqldb.DB, change func(*notify.Pushing)) *notify.Push {
	t.Helper()
	c := notify.Pushing{Contact: "it@clinic.example", Private: phi.Of(vapid), Allowed: here, Roots: rootsOf(s.Server)}
	if change != nil {
		change(&c)
	}
	p, err := notify.NewPush(c)
	if err != nil {
		t.Fatal(err)
	}
	p.DB, p.Seal = db, newSealer(t)
	return p
}

// browser is one that has subscribed.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
	says notify.NewSubscription
}

func newBrowser(t *testing.T, endpoint string) browser {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	return browser{key, secret, notify.NewSubscription{
		Endpoint: phi.Of(endpoint), P256dh: phi.Of(base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())),
		Auth: phi.Of(base64.RawURLEncoding.EncodeToString(secret)),
	}}
}

// read decrypts what a browser was sent (RFC 8291), independently of the library
// that made it.
func (b browser) read(t *testing.T, body []byte) (fields map[string]string) {
	t.Helper()
	salt, theirs := body[:16], body[21:21+int(body[20])]
	public, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, salt, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ikm := derive(shared, b.auth, "WebPush: info\x00"+string(b.key.PublicKey().Bytes())+string(theirs), 32)
	block, err := aes.NewCipher(derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gcm.Open(nil, derive(ikm, salt, "Content-Encoding: nonce\x00", 12), body[21+len(theirs):], nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimRight(string(plain), "\x00")
	if err := json.Unmarshal([]byte(strings.TrimSuffix(text, "\x02")), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func (c *clinic) subscribe(b browser) notify.Subscription {
	c.t.Helper()
	s, err := c.Subscribe(c.t.Context(), auth.Actor{UserID: c.ann, Role: auth.Patient}, b.says)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func TestBrowsersAreTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t)
		c := newClinic(t, db, s.pushing(t, db, nil))
		c.Sources = map[notify.Kind]notify.Source{notify.OrderPlaced: func(context.Context, *sqldb.Tx, uuid.UUID, notify.Event) (notify.Facts, error) {
			return notify.Facts{Page: "/orders"}, nil
		}}
		b := newBrowser(t, s.URL+"/somebody")
		c.subscribe(b)
		c.order(notify.ByPush, 1)
		c.work()
		c.became(notify.Sent, "", 1)
		got := s.came(t, 1)[0]
		want := map[string]string{"id": c.only().ID.String(), "subject": "Your order has been placed", "page": "/orders"}
		if fields := b.read(t, []byte(got.body)); !maps.Equal(fields, want) {
			t.Errorf("the browser reads %q, want %q", fields, want)
		}
		which := c.only().ID
		if topic := got.header.Get("Topic"); topic != base64.RawURLEncoding.EncodeToString(which[:]) {
			t.Errorf("the topic is %q, want the message's id", topic)
		}
		public, err := c.PushKey()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(public)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
		if err != nil {
			t.Fatal(err)
		}
		signed, key, _ := strings.Cut(strings.TrimPrefix(got.header.Get("Authorization"), "vapid t="), ", k=")
		parsed, err := jwt.ParseSigned(signed, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := parsed.Claims(signer, &claims); err != nil || key != public || claims.Subject != "mailto:it@clinic.example" || !claims.Audience.Contains(s.URL) {
			t.Errorf("the VAPID header says %+v by %s, %v", claims, key, err)
		}
		if n := c.count(`SELECT count(*) FROM push_subscriptions WHERE CAST(sealed AS TEXT) LIKE '%somebody%'`); db.Engine() == sqldb.SQLite && n != 0 {
			t.Error("where a browser is can be read in the database")
		}
	})
}

func TestASubscriptionThatIsOverIsDeleted(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			s := newService(t, says(status))
			mail := newService(t)
			c := newClinic(t, db, mail.channel(t, notify.ByEmail, nil), s.pushing(t, db, nil))
			c.subscribe(newBrowser(t, s.URL+"/one"))
			c.order(notify.ByPush, 1)
			c.work()
			c.became(notify.Failed, notify.NoAddress, 1)
			if n := c.count(`SELECT count(*) FROM push_subscriptions`); n != 0 {
				t.Errorf("%d subscriptions are left, want none", n)
			}
			c.order(notify.ByPush, 1) // now they can't be found by push
			c.work()
			if n := c.list(notify.Filter{})[0]; n.Channel != notify.ByEmail || n.Note != notify.NoAddress {
				t.Errorf("the next message is %+v, want it by e-mail", n)
			}
		})
	}
}

func TestOneBrowserIsEnough(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		good, bad := newService(t), newService(t, says(500), says(410))
		roots := rootsOf(good.Server)
		roots.AddCert(bad.Certificate())
		c := newClinic(t, db, good.pushing(t, db, func(p *notify.Pushing) { p.Roots = roots }))
		c.subscribe(newBrowser(t, good.URL))
		c.subscribe(newBrowser(t, bad.URL))
		c.order(notify.ByPush, 1)
		c.work()
		c.became(notify.Sent, "", 1)
		good.came(t, 1)
		bad.came(t, 1)
		c.order(notify.ByPush, 1)
		c.work()
		good.came(t, 2)
		if n := c.count(`SELECT count(*) FROM push_subscriptions`); n != 1 {
			t.Errorf("%d subscriptions are left, want the one that is good", n)
		}
	})
}

// TestAPushServiceLeadsNowherePrivate subscribes a user's own address: this
// machine, by name and by number.
func TestAPushServiceLeadsNowherePrivate(t *testing.T) {
	s := newService(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	for _, endpoint := range []string{
		s.URL, "https://localhost:" + port, "https://[::1]:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://2130706433:" + port,
		"https://10.0.0.1", "https://192.168.1.1", "https://169.254.169.254", "https://[fe80::1]", "https://[fd00::1]", "https://100.64.0.1", "https://0.0.0.0", "https://8.8.8.8:22",
	} {
		db := sqltest.Open(t, sqltest.SQLite(t))
		c := newClinic(t, db, s.pushing(t, db, func(p *notify.Pushing) { p.Allowed, p.Timeout = nil, 5*time.Second }))
		c.subscribe(newBrowser(t, endpoint))
		c.order(notify.ByPush, 1)
		c.work()
		if n := c.only(); n.LastError != notify.Prohibited && n.LastError != notify.Unreachable || n.LastError == notify.Unreachable && !strings.Contains(endpoint, "2130706433") {
			t.Errorf("%s: the message is %s %q, want it prohibited", endpoint, n.Status, n.LastError)
		}
	}
	s.came(t, 0)
}

// TestAUsersOwnServiceStopsNobodyElse has somebody subscribe an address that
// always fails.
func TestAUsersOwnServiceStopsNobodyElse(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		bad := newService(t)
		s := newService(t)
		c := newClinic(t, db, s.pushing(t, db, nil))
		own := c.subscribe(newBrowser(t, strings.Replace(bad.URL, "127.0.0.1", "127.0.0.2", 1)))
		bad.Close()
		c.order(notify.ByPush, 12)
		c.work()
		if n := c.count(`SELECT count(*) FROM notifications WHERE status = 'pending' AND attempts = 1 AND last_error = 'refused'`); n != 12 {
			t.Errorf("%d messages found the service down, want 12", n)
		}
		if err := c.Unsubscribe(t.Context(), auth.Actor{UserID: c.ann, Role: auth.Patient}, own.ID.String()); err != nil {
			t.Fatal(err)
		}
		c.subscribe(newBrowser(t, s.URL))
		c.order(notify.ByPush, 1)
		c.work()
		s.came(t, 1)
	})
}

func TestSubscriptionsAreTheirUsersOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t)
		c := newClinic(t, db, s.pushing(t, db, nil))
		ann, eve := auth.Actor{UserID: c.ann, Role: auth.Patient}, auth.Actor{UserID: id.New(), Role: auth.Patient}
		b := newBrowser(t, "https://push.example/x")
		first, second := c.subscribe(b), c.subscribe(newBrowser(t, "https://push.example/y"))
		if again := c.subscribe(b); again.ID != first.ID {
			t.Errorf("a browser that comes again has the id %s, want %s", again.ID, first.ID)
		}
		p, err := c.Subscriptions(t.Context(), ann, page.Request{Limit: 1, Count: true})
		if err != nil || *p.Total != 2 || p.Items[0].ID != first.ID || p.Items[0].Service != "push.example" {
			t.Fatalf("the first page is %+v, %v", p, err)
		}
		p, err = c.Subscriptions(t.Context(), ann, page.Request{Limit: 1, After: p.Next})
		if err != nil || len(p.Items) != 1 || p.Items[0].ID != second.ID || p.Next != "" {
			t.Fatalf("the second page is %+v, %v", p, err)
		}
		if p, err := c.Subscriptions(t.Context(), eve, page.Request{Limit: 1}); err != nil || len(p.Items) != 0 {
			t.Errorf("another user sees %+v, %v", p, err)
		}
		for _, which := range []string{first.ID.String(), "nope", id.New().String()} {
			if err := c.Unsubscribe(t.Context(), eve, which); !errors.Is(err, notify.ErrSubscriptionNotFound) {
				t.Errorf("another user ends %s: %v, want not found", which, err)
			}
		}
		for i := range 8 {
			c.subscribe(newBrowser(t, fmt.Sprintf("https://push.example/%d", i)))
		}
		if _, err := c.Subscribe(t.Context(), ann, newBrowser(t, "https://push.example/more").says); !errors.Is(err, notify.ErrTooManySubscriptions) {
			t.Errorf("the eleventh: %v, want that there are too many", err)
		}
		c.subscribe(b)
		for _, which := range []uuid.UUID{first.ID, second.ID} {
			if err := c.Unsubscribe(t.Context(), ann, which.String()); err != nil {
				t.Error(err)
			}
		}
		if n := c.count(`SELECT count(*) FROM audit_events WHERE action LIKE 'push_subscription.%' AND outcome = 'success'`); n != 14 {
			t.Errorf("%d deeds are on record, want 14", n)
		}
		c.update(func(ctx context.Context, tx *sqldb.Tx) error { return notify.Forget(ctx, tx, c.ann) })
		if n := c.count(`SELECT count(*) FROM push_subscriptions`); n != 0 {
			t.Errorf("%d subscriptions of who was forgotten are left", n)
		}
	})
}

func TestSubscriptionsThatCanNotBe(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	s := newService(t)
	c := newClinic(t, db, s.pushing(t, db, nil))
	good := newBrowser(t, "https://push.example/x").says
	for field, bad := range map[string][]phi.Value[string]{
		"endpoint": {phi.Of(""), phi.Of("http://push.example"), phi.Of("https://"), phi.Of("https://a:b@push.example"), phi.Of("https://push.example/#x"), phi.Of("https://push.example/" + strings.Repeat("x", 1000)), phi.Of("file:///etc/passwd")},
		"p256dh":   {phi.Of(""), phi.Of("!"), good.Auth, phi.Of(base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{4}, make([]byte, 64))))},
		"auth":     {phi.Of(""), phi.Of("!"), good.P256dh},
	} {
		for _, value := range bad {
			n := good
			*map[string]*phi.Value[string]{"endpoint": &n.Endpoint, "p256dh": &n.P256dh, "auth": &n.Auth}[field] = value
			_, err := c.Subscribe(t.Context(), auth.Actor{UserID: c.ann, Role: auth.Patient}, n)
			if !errors.Is(err, notify.ErrInvalidSubscription) {
				t.Errorf("%s %q: %v, want that it is invalid", field, value.Reveal(), err)
			}
		}
	}
	c.Channels = nil
	if _, err := c.Subscribe(t.Context(), auth.Actor{UserID: c.ann, Role: auth.Patient}, good); !errors.Is(err, notify.ErrNoPush) {
		t.Errorf("without push: %v, want that there is none", err)
	}
	if _, err := c.PushKey(); !errors.Is(err, notify.ErrNoPush) {
		t.Errorf("without push: %v, want that there is none", err)
	}
}

func TestPushThatCanNotBe(t *testing.T) {
	for name, p := range map[string]notify.Pushing{
		"no key":        {Contact: "it@clinic.example"},
		"no base64":     {Contact: "it@clinic.example", Private: phi.Of("!")},
		"no P-256":      {Contact: "it@clinic.example", Private: phi.Of(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))},
		"nobody":        {Private: phi.Of(vapid)},
		"no address":    {Contact: "us", Private: phi.Of(vapid)},
		"not encrypted": {Contact: "http://clinic.example", Private: phi.Of(vapid)},
	} {
		if _, err := notify.NewPush(p); err == nil || strings.Contains(err.Error(), vapid) {
			t.Errorf("%s: error %v, want one that does not tell", name, err)
		}
	}
}
