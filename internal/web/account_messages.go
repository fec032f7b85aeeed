package web

import (
	"errors"
	"slices"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/notify"
	listing "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// messagesView is how somebody wants to be told of what.
type messagesView struct {
	tabs               []ui.Link
	form               ui.Form
	kinds              []messageKind
	channels           []ui.Option
	quietFrom, quietTo string
	language, version  string
	languages          []ui.Option
	pushKey            string // what browsers subscribe with; empty: there is no push
	browsers           []browserView
}

// messageKind is something to be told of, and by which channel. now says which it
// became meanwhile, where the form's answers are shown again.
type messageKind struct{ field, label, channel, now string }

// browserView is a browser that is told by push.
type browserView struct{ id, service, since string }

// messagesPage shows them: GET /account/messages.
func (s *Server) messagesPage(c *call) error { return s.showMessages(c, ui.Form{}, false) }

func (s *Server) showMessages(c *call, f ui.Form, stale bool) error {
	p, err := s.Notify.Preferences(c.context(), c.by)
	if err != nil {
		return err
	}
	v := messagesView{
		tabs: c.accountTabs(), form: f, quietFrom: p.QuietFrom.String(), quietTo: p.QuietTo.String(),
		language: p.Language, languages: languages(), version: p.ETag(), channels: s.channels(c, p),
	}
	for _, kind := range notify.Choosable {
		channel, chosen := p.Channels[kind]
		if !chosen {
			channel = notify.ByEmail
		}
		k := messageKind{field: channelField(kind), label: c.say("message-kind." + string(kind)), channel: channel}
		if stale && f.Value(k.field, channel) != channel {
			k.now = c.say("messages.now", "Channel", c.words.Or("channel."+channel, channel))
		}
		v.kinds = append(v.kinds, k)
	}
	if err := s.fillInPush(c, &v); err != nil {
		return err
	}
	return c.show(page{title: c.say("messages.title"), form: f, scripts: []string{"push.js"}}, messagesContent(v))
}

// channels lists what can be chosen: what is set up, and what was chosen before.
func (s *Server) channels(c *call, p notify.Preferences) (options []ui.Option) {
	names := []string{notify.ByEmail}
	for _, channel := range s.Notify.Channels {
		if !channel.Keeps() {
			names = append(names, channel.Name())
		}
	}
	for _, kind := range notify.Choosable {
		if p.Channels[kind] != "" {
			names = append(names, p.Channels[kind])
		}
	}
	names = append(slices.DeleteFunc(names, func(n string) bool { return n == notify.ByNone }), notify.ByNone)
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			options = append(options, ui.Option{Value: name, Text: c.words.Or("channel."+name, name)})
		}
	}
	return options
}

func channelField(k notify.Kind) string { return "channel." + string(k) }

// fillInPush adds what there is to say of browsers that are told by push.
func (s *Server) fillInPush(c *call, v *messagesView) error {
	key, err := s.Notify.PushKey()
	if errors.Is(err, notify.ErrNoPush) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := s.Notify.Subscriptions(c.context(), c.by, listing.Request{Limit: 100})
	if err != nil {
		return err
	}
	v.pushKey = key
	for _, b := range all.Items {
		v.browsers = append(v.browsers, browserView{b.ID.String(), b.Service, c.stamp(b.CreatedAt)})
	}
	return nil
}

// errQuiet is what a form shows whose quiet hours are no times of day.
var errQuiet = errs.New(errs.Invalid, "quiet-hours-malformed", "Quiet hours begin and end at times of day, such as 21:00.")

// changeMessages changes them: POST /account/messages.
func (s *Server) changeMessages(c *call) error {
	change, err := c.messagesChange()
	var p notify.Preferences
	if err == nil {
		p, err = s.Notify.ChangePreferences(c.context(), c.by, etag.Match(c.field("version")), change)
	}
	if err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		f.Values.Del("version") // a stale one is not sent twice
		return s.showMessages(c, f, stale)
	}
	c.keepLanguage(p.Language)
	return c.done("/account/messages", "done.messages")
}

// messagesChange reads the form.
func (c *call) messagesChange() (notify.PreferencesChange, error) {
	language := c.field("language")
	change := notify.PreferencesChange{Language: &language, Channels: map[notify.Kind]string{}}
	from, err := calendar.ParseTime(c.field("quiet_from"))
	if err != nil {
		return change, errQuiet.Field("quiet_from", "is not a time of day")
	}
	to, err := calendar.ParseTime(c.field("quiet_to"))
	if err != nil {
		return change, errQuiet.Field("quiet_to", "is not a time of day")
	}
	change.QuietFrom, change.QuietTo = &from, &to
	for _, kind := range notify.Choosable {
		if c.form.Has(channelField(kind)) {
			change.Channels[kind] = c.field(channelField(kind))
		}
	}
	return change, nil
}

// subscribe has the browser that asks told by push: POST /account/messages/push.
func (s *Server) subscribe(c *call) error {
	_, err := s.Notify.Subscribe(c.context(), c.by, notify.NewSubscription{
		Endpoint: phi.Of(c.field("endpoint")), P256dh: phi.Of(c.field("p256dh")), Auth: phi.Of(c.field("auth")),
	})
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		f.Values = nil // the page's other form was not sent
		return s.showMessages(c, f, false)
	}
	return c.done("/account/messages", "done.subscribed")
}

// unsubscribe ends that for one: POST /account/messages/push/{id}/end.
func (s *Server) unsubscribe(c *call) error {
	if err := s.Notify.Unsubscribe(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/account/messages", "done.unsubscribed")
}
