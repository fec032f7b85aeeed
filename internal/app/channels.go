package app

import (
	"crypto/ecdh"
	"encoding/base64"
	"errors"

	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/phi"
)

// channels returns those by which messages go out, the first one for who can't be
// reached as they wish. Where none is set up, all stays in the outbox.
func (c Config) channels() (all []notify.Channel, err error) {
	add := func(wanted bool, build func() (notify.Channel, error)) {
		if !wanted || err != nil {
			return
		}
		var one notify.Channel
		if one, err = build(); err == nil {
			all = append(all, one)
		}
	}
	if c.Mail.Host != "" && c.Email.URL != "" {
		return nil, errors.New("e-mail goes out by a mail server or by an HTTP service, not by both")
	}
	add(c.Mail.Host != "", func() (notify.Channel, error) { return notify.NewEmail(c.Mail) })
	add(c.Email.URL != "", func() (notify.Channel, error) { return notify.NewHTTP(c.Email) })
	add(c.SMS.URL != "", func() (notify.Channel, error) { return notify.NewHTTP(c.SMS) })
	add(c.Push.Contact != "", func() (notify.Channel, error) {
		if !c.Push.Private.Present() {
			c.Push.Private = phi.Of(vapidKey(c.Keys))
		}
		return notify.NewPush(c.Push)
	})
	add(c.Hook.URL != "", func() (notify.Channel, error) { return notify.NewWebhook(c.Hook) })
	if len(all) == 0 {
		all = append(all, notify.Outbox{})
	}
	return all, err
}

// vapidKey makes the key of push messages. Browsers subscribe to one key, so it
// is the oldest one's and stays when the installation's keys are rotated.
func vapidKey(ring *keyring.Ring) string {
	for i := byte(0); ; i++ {
		every := ring.DeriveAll("web push", []byte{i})
		raw := every[len(every)-1]
		if _, err := ecdh.P256().NewPrivateKey(raw); err == nil { // one in 2^32 is none
			return base64.RawURLEncoding.EncodeToString(raw)
		}
	}
}

// open gives channels what they keep.
func (a *App) open(channels []notify.Channel) {
	a.Notify.Channels = channels
	for _, c := range channels {
		if push, ok := c.(*notify.Push); ok {
			push.DB, push.Seal = a.DB, a.config.Keys
		}
	}
}
