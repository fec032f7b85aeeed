package notify_test

import (
	"encoding/base64"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

var hookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("twenty-four bytes or more"))

func (s *service) hook(t *testing.T) *notify.Webhook {
	t.Helper()
	w, err := notify.NewWebhook(notify.Hook{URL: s.URL, Secret: phi.Of(hookSecret), Roots: rootsOf(s.Server)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWebhookIsSignedAndSaysNoMoreThanItMust(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(t, says(500))
		c := newClinic(t, db, s.hook(t))
		c.order("webhook", 1)
		c.work()
		c.became(notify.Pending, notify.ServerError, 1)
		c.later(time.Hour)
		c.became(notify.Sent, "", 2)
		verifier, err := standardwebhooks.NewWebhook(hookSecret)
		if err != nil {
			t.Fatal(err)
		}
		n := c.only()
		for i, p := range s.came(t, 2) {
			if err := verifier.VerifyIgnoringTimestamp([]byte(p.body), p.header); err != nil {
				t.Errorf("the receiver's library refuses it: %v", err)
			}
			if verifier.VerifyIgnoringTimestamp([]byte(p.body+" "), p.header) == nil {
				t.Error("another body is taken too")
			}
			// Receivers refuse what was signed long ago: each attempt is signed anew.
			at := sqltest.Start.Add(time.Duration(i) * time.Hour)
			if got, want := p.header.Get("webhook-timestamp"), strconv.FormatInt(at.Unix(), 10); got != want {
				t.Errorf("attempt %d is of %s, want %s", i, got, want)
			}
			if got := p.header.Get("webhook-id"); got != n.ID.String() {
				t.Errorf("the id is %s, want %s each time", got, n.ID)
			}
			want := map[string]string{"id": n.ID.String(), "user_id": c.ann.String(), "kind": "order-placed", "about": "order"}
			if !maps.Equal(p.fields, want) {
				t.Errorf("it says %s, want %q", p.body, want)
			}
		}
	})
}

func TestWebhooksThatCanNotBe(t *testing.T) {
	short := "whsec_" + base64.StdEncoding.EncodeToString([]byte("too short"))
	for name, h := range map[string]notify.Hook{
		"no address":       {Secret: phi.Of(hookSecret)},
		"no encryption":    {URL: "http://hook.example/", Secret: phi.Of(hookSecret)},
		"no secret":        {URL: "https://hook.example/"},
		"no prefix":        {URL: "https://hook.example/", Secret: phi.Of(strings.TrimPrefix(hookSecret, "whsec_"))},
		"no base64":        {URL: "https://hook.example/", Secret: phi.Of("whsec_!")},
		"too short to use": {URL: "https://hook.example/", Secret: phi.Of(short)},
	} {
		if _, err := notify.NewWebhook(h); err == nil || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: error %v, want one that does not tell", name, err)
		}
	}
}
