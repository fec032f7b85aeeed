package web

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/web/ui"
	"medbook/internal/webhooks"
)

// webhookLine is a subscription in a list.
type webhookLine struct {
	href, url, made string
	kinds           []string
	state           tag
}

// webhooksView is the list of subscriptions.
type webhooksView struct {
	lines []webhookLine
	pager pager
}

func (c *call) webhookTag(enabled bool) tag {
	if enabled {
		return tag{"good", c.say("admin.webhook-enabled")}
	}
	return tag{"", c.say("admin.webhook-disabled")}
}

// webhooksPage lists which programs are told: GET /admin/webhooks.
func (s *Server) webhooksPage(c *call) error {
	p, err := s.Webhooks.Webhooks(c.context(), c.by, c.part())
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := webhooksView{pager: c.pager(p.Next, p.Total)}
	for _, w := range p.Items {
		v.lines = append(v.lines, c.webhookLine(w, zone))
	}
	return c.show(page{title: c.say("admin.webhooks")}, webhooksContent(v))
}

func (c *call) webhookLine(w webhooks.Webhook, zone *time.Location) webhookLine {
	l := webhookLine{href: "/admin/webhooks/" + w.ID.String(), url: w.URL, made: c.stampIn(w.CreatedAt, zone), state: c.webhookTag(w.Enabled)}
	for _, k := range w.Kinds {
		l.kinds = append(l.kinds, c.eventName(string(k)))
	}
	return l
}

// eventName says what a program is told of.
func (c *call) eventName(kind string) string { return c.words.Or("admin.event."+kind, kind) }

func (c *call) eventOptions() []ui.Option {
	var options []ui.Option
	for _, k := range webhooks.Kinds() {
		options = append(options, ui.Option{Value: string(k), Text: c.eventName(string(k)), Hint: string(k)})
	}
	return options
}

// webhookFormView is the form of a subscription.
type webhookFormView struct {
	form        ui.Form
	path        string // of the webhook; empty: it is a new one
	url         string
	kinds       string // chosen, with commas
	enabled     string
	options     []ui.Option
	etag        string
	differences []difference
}

// newWebhook asks whom to tell of what: GET /admin/webhooks/new.
func (s *Server) newWebhook(c *call) error { return s.showNewWebhook(c, ui.Form{}) }

func (s *Server) showNewWebhook(c *call, f ui.Form) error {
	return c.show(page{title: c.say("admin.new-webhook"), form: f}, webhookFormContent(webhookFormView{form: f, options: c.eventOptions()}))
}

// secretView shows the secret of a webhook, this once.
type secretView struct{ path, url, secret, old string }

// createWebhook subscribes a program: POST /admin/webhooks/new. Its answer shows the
// secret, which no other page does.
func (s *Server) createWebhook(c *call) error {
	w, secret, err := s.Webhooks.Create(c.context(), c.by, webhooks.NewWebhook{URL: c.field("url"), Kinds: c.form["kinds"]})
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showNewWebhook(c, f)
	}
	v := secretView{path: "/admin/webhooks/" + w.ID.String(), url: w.URL, secret: secret}
	return c.show(page{title: c.say("admin.webhook-secret")}, secretContent(v))
}

// deliveryLine is an event on its way to a program.
type deliveryLine struct {
	id, what, about, at, attempts, wrong string
	status                               tag
	failed                               bool
}

var deliveryTags = map[webhooks.Status]string{webhooks.Pending: "warn", webhooks.Sent: "good", webhooks.Failed: "bad"}

// webhookView is a subscription with what was sent to it.
type webhookView struct {
	webhookLine
	form     ui.Form
	filters  ui.Form
	old      string
	statuses []ui.Option
	lines    []deliveryLine
	pager    pager
	etag     string
}

// webhookPage shows one: GET /admin/webhooks/{id}.
func (s *Server) webhookPage(c *call) error { return s.showWebhook(c, ui.Form{}) }

func (s *Server) showWebhook(c *call, f ui.Form) error {
	w, err := s.Webhooks.Webhook(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	p, err := s.Webhooks.Deliveries(c.context(), c.by, c.id("id"), webhooks.Status(c.query("status")), c.part())
	if err != nil {
		return err
	}
	v := webhookView{
		webhookLine: c.webhookLine(w, zone), form: f, filters: c.filters(), etag: w.ETag(),
		statuses: c.choices("desk.any-status", "desk.message-status.", "pending", "sent", "failed"), pager: c.pager(p.Next, p.Total),
	}
	if w.OldUntil.After(s.Now()) {
		v.old = c.stampIn(w.OldUntil, zone)
	}
	for _, d := range p.Items {
		v.lines = append(v.lines, c.deliveryLine(d, zone))
	}
	return c.show(page{title: c.say("admin.webhook"), form: f}, webhookContent(v))
}

func (c *call) deliveryLine(d webhooks.Delivery, zone *time.Location) deliveryLine {
	l := deliveryLine{
		id: d.ID.String(), what: c.eventName(string(d.Event.Kind)), about: d.Event.About, at: c.stampIn(d.UpdatedAt, zone), attempts: c.words.Number(d.Attempts),
		status: tag{deliveryTags[d.Status], c.say("desk.message-status." + string(d.Status))}, failed: d.Status == webhooks.Failed,
	}
	if d.LastError != "" {
		l.wrong = c.words.Or("admin.delivery-failure."+string(d.LastError), string(d.LastError))
	}
	if d.LastStatus != 0 {
		l.wrong = strings.TrimSpace(l.wrong + " (" + strconv.Itoa(d.LastStatus) + ")")
	}
	return l
}

// editWebhook asks what is to be another: GET /admin/webhooks/{id}/edit.
func (s *Server) editWebhook(c *call) error { return s.showEditWebhook(c, ui.Form{}, false) }

func (s *Server) showEditWebhook(c *call, f ui.Form, stale bool) error {
	w, err := s.Webhooks.Webhook(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	v := webhookFormView{form: f, path: "/admin/webhooks/" + w.ID.String(), url: w.URL, options: c.eventOptions(), etag: w.ETag()}
	var kinds []string
	for _, k := range w.Kinds {
		kinds = append(kinds, string(k))
	}
	v.kinds = strings.Join(kinds, ",")
	if w.Enabled {
		v.enabled = "yes"
	}
	if stale {
		f.Values.Set("etag", v.etag)
		v.differences = c.differ([]difference{{"url", v.url}})
	}
	return c.show(page{title: c.say("admin.edit-webhook"), form: f}, webhookFormContent(v))
}

// changeWebhook changes it: POST /admin/webhooks/{id}/edit.
func (s *Server) changeWebhook(c *call) error {
	url, enabled, kinds := c.field("url"), c.field("enabled") == "yes", c.form["kinds"]
	if kinds == nil {
		kinds = []string{} // none was chosen, which is not the same as not asked
	}
	_, err := s.Webhooks.Change(c.context(), c.by, c.id("id"), etag.Match(c.form.Get("etag")), webhooks.Change{URL: &url, Kinds: kinds, Enabled: &enabled})
	if err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showEditWebhook(c, f, stale)
	}
	return c.done("/admin/webhooks/"+c.id("id"), "done.admin-webhook-changed")
}

// renewSecret says what a new secret means: GET /admin/webhooks/{id}/secret.
func (s *Server) renewSecret(c *call) error {
	w, err := s.Webhooks.Webhook(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	return c.show(page{title: c.say("admin.rotate")}, rotateContent(secretView{path: "/admin/webhooks/" + w.ID.String(), url: w.URL}))
}

// rotateSecret gives a webhook a new one: POST /admin/webhooks/{id}/secret.
func (s *Server) rotateSecret(c *call) error {
	w, secret, err := s.Webhooks.RotateSecret(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := secretView{path: "/admin/webhooks/" + w.ID.String(), url: w.URL, secret: secret, old: c.stampIn(w.OldUntil, zone)}
	return c.show(page{title: c.say("admin.webhook-secret")}, secretContent(v))
}

// testWebhook has something sent to it: POST /admin/webhooks/{id}/test.
func (s *Server) testWebhook(c *call) error {
	_, err := s.Webhooks.Test(c.context(), c.by, c.id("id"))
	return s.webhookDeed(c, err, "done.admin-webhook-tested")
}

// resendDelivery has a delivery that failed tried again:
// POST /admin/webhooks/{id}/resend.
func (s *Server) resendDelivery(c *call) error {
	_, err := s.Webhooks.Resend(c.context(), c.by, c.field("delivery"))
	return s.webhookDeed(c, err, "done.admin-delivery-resent")
}

func (s *Server) webhookDeed(c *call, err error, key string) error {
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showWebhook(c, f)
	}
	return c.done("/admin/webhooks/"+c.id("id"), key)
}

// removeWebhook ends a subscription: POST /admin/webhooks/{id}/remove.
func (s *Server) removeWebhook(c *call) error {
	err := s.Webhooks.Remove(c.context(), c.by, c.id("id"), etag.Match(c.form.Get("etag")))
	if errs.KindOf(err) == errs.PreconditionFailed {
		return s.webhookDeed(c, err, "")
	}
	if err != nil {
		return err
	}
	return c.done("/admin/webhooks", "done.admin-webhook-removed")
}
