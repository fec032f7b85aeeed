package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medbook/client"
)

// TestTourOfDelivery has a server send e-mail by an HTTP service, whose token is
// in a file, and browsers subscribe.
func TestTourOfDelivery(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		const token = "sesame-open-now"
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		taken := make(chan map[string]string, 10)
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fields := map[string]string{"authorization": r.Header.Get("Authorization"), "key": r.Header.Get("Idempotency-Key")}
			if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
				t.Error(err)
			}
			taken <- fields
			w.WriteHeader(http.StatusAccepted)
		}))
		defer service.Close()
		ann := c.user("patient", newYork)
		_, err := ann.PushKey(ctx)
		code(t, err, 404, "push-not-set-up")
		_, err = ann.SubscribeToPush(ctx, client.NewPushSubscription{Endpoint: "https://push.example/x", Keys: client.PushKeys{P256dh: "x", Auth: "x"}})
		code(t, err, 404, "push-not-set-up")

		c.settings = []string{"MEDBOOK_EMAIL_TOKEN_FILE=" + file}
		c.restartWith("--email-url", service.URL, "--email-fields", "email,text,subject", "--push", "it@clinic.example")
		bob, admin := c.user("patient", newYork), c.user("admin", newYork)
		var got map[string]string
		for got == nil || !strings.Contains(got["text"], "an API key was made") {
			got = <-taken
		}
		if got["authorization"] != "Bearer "+token || got["subject"] != "An API key was made for your account" || !strings.Contains(got["email"], "@") {
			t.Errorf("the service took %q", got)
		}
		eventually(t, "the message is known to be sent", func() bool {
			sent := all(t, admin.Notifications(client.NotificationQuery{UserID: bob.ID, Status: "sent"}).All(ctx))
			return len(sent) == 1 && sent[0].Channel == "email" && sent[0].Attempts == 1
		})

		// A browser subscribes with the server's key, and leaves.
		key, err := bob.PushKey(ctx)
		if err != nil || len(key) != 87 {
			t.Errorf("the key is %q, %v, want 65 bytes in base64url", key, err)
		}
		subscribed, err := bob.SubscribeToPush(ctx, client.NewPushSubscription{Endpoint: "https://push.example/x", Keys: client.PushKeys{P256dh: key, Auth: "BTBZMqHH6r4Tts7J_aSIgg"}})
		if err != nil || subscribed.Service != "push.example" {
			t.Fatalf("subscribed: %+v, %v", subscribed, err)
		}
		if list := all(t, bob.PushSubscriptions().All(ctx)); len(list) != 1 || list[0] != subscribed {
			t.Errorf("bob's browsers are %+v, want %+v", list, subscribed)
		}
		code(t, admin.EndPushSubscription(ctx, subscribed.ID), 404, "push-subscription-not-found")
		if err := bob.EndPushSubscription(ctx, subscribed.ID); err != nil {
			t.Error(err)
		}
		if log := strings.Join(c.server.stderr.all(), "\n"); strings.Contains(log, token) || strings.Contains(log, service.URL) {
			t.Errorf("the log tells of the service:\n%s", log)
		}
	})
}
