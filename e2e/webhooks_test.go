package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"medbook/client"
)

// TestTourOfWebhooks has a program told of a booking, which it knows to be ours by the
// public library, and walks through what admins can do.
func TestTourOfWebhooks(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		type message struct {
			header http.Header
			body   string
		}
		got := make(chan message, 100)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- message{r.Header.Clone(), string(body)}
		}))
		defer receiver.Close()
		admin := c.firstAdmin()
		key := c.as(must(admin.CreateKey(ctx, client.NewKey{Name: "a program"}))(t).Text)
		ann := c.user("patient", newYork)
		practitioner, id := c.practitioner(newYork)
		hooks := client.NewWebhook{URL: receiver.URL, Kinds: []string{"appointment.confirmed"}}
		_, err := key.CreateWebhook(ctx, hooks)
		code(t, err, 403, "step-up-required")
		_, err = admin.CreateWebhook(ctx, hooks) // who has just signed in
		code(t, err, 422, "invalid-webhook")

		c.restartWith("--webhooks-allow-private")
		w := must(admin.CreateWebhook(ctx, hooks))(t)
		verifier := must(standard.NewWebhook(w.Secret))(t)
		must(practitioner.Publish(ctx, id, monday))(t)
		slot := all(t, ann.Slots(client.SlotQuery{PractitionerID: id}).All(ctx))[0]
		visit := must(ann.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Reason: "left knee", Confirm: true}))(t)
		m := <-got
		if !strings.Contains(m.body, `"appointment.confirmed"`) || !strings.Contains(m.body, visit.ID) || !strings.Contains(m.body, ann.ID) || strings.Contains(m.body, "left knee") {
			t.Errorf("the program is told %s", m.body)
		}
		if err := verifier.VerifyIgnoringTimestamp([]byte(m.body), m.header); err != nil { // the server's clock stands still
			t.Error(err)
		}
		if verifier.VerifyIgnoringTimestamp([]byte(m.body+" "), m.header) == nil {
			t.Error("another body is taken for ours")
		}

		// One that is at work has the next one wait for a second, and the clock stands still.
		eventually(t, "the delivery is over", func() bool { return len(all(t, admin.WebhookDeliveries(w.ID, "sent").All(ctx))) == 1 })
		rotated := must(admin.RotateWebhookSecret(ctx, w.ID))(t)
		asked := must(key.TestWebhook(ctx, w.ID))(t)
		m = <-got
		for _, secret := range []string{w.Secret, rotated.Secret} {
			if err := must(standard.NewWebhook(secret))(t).VerifyIgnoringTimestamp([]byte(m.body), m.header); err != nil {
				t.Errorf("after the rotation: %v", err)
			}
		}
		if m.header.Get("webhook-id") != asked.EventID || asked.Type != "webhook.test" {
			t.Errorf("the test is %+v", asked)
		}
		var sent []client.WebhookDelivery
		eventually(t, "both deliveries are sent", func() bool {
			sent = all(t, admin.WebhookDeliveries(w.ID, "sent").All(ctx))
			return len(sent) == 2
		})
		if sent[0].ID != asked.ID || sent[1].About != visit.ID || sent[1].PatientID != ann.ID || sent[1].PractitionerID != id || sent[1].LastStatus != 200 {
			t.Errorf("the deliveries are %+v", sent)
		}
		_, err = admin.ResendWebhookDelivery(ctx, asked.ID)
		code(t, err, 409, "webhook-delivered")

		read := must(admin.Webhook(ctx, w.ID))(t)
		if list := all(t, admin.Webhooks().All(ctx)); len(list) != 1 || list[0].ID != w.ID || !read.Enabled || read.OldSecretUntil == nil {
			t.Errorf("the webhooks are %+v, the one %+v", list, read)
		}
		changed := must(admin.ChangeWebhook(ctx, w.ID, read.ETag, client.WebhookChange{Enabled: new(false)}))(t)
		if changed.Enabled {
			t.Error("it is still enabled")
		}
		code(t, admin.RemoveWebhook(ctx, w.ID, read.ETag), 412, "if-match-stale")
		if err := admin.RemoveWebhook(ctx, w.ID, changed.ETag); err != nil {
			t.Error(err)
		}
		_, err = admin.Webhook(ctx, w.ID)
		code(t, err, 404, "webhook-not-found")
		_, err = ann.Webhook(ctx, w.ID)
		code(t, err, 403, "forbidden")
	})
}
