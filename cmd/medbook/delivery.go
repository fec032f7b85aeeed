package main

import (
	"errors"
	"net/netip"
	"strings"

	"medbook/internal/app"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/settings"
)

// delivery are the flags of the ways, beside a mail server, by which messages go out.
type delivery struct {
	EmailURL       string          `name:"email-url" env:"MEDBOOK_EMAIL_URL" placeholder:"URL" help:"HTTP service that takes e-mail, instead of a mail server: https://…, or http://… on this machine."`
	EmailFields    string          `name:"email-fields" env:"MEDBOOK_EMAIL_FIELDS" placeholder:"TO,TEXT[,SUBJECT]" help:"The JSON fields that it takes, such as email,message. Default: recipient,message."`
	EmailToken     settings.Secret `name:"email-token-file" env:"MEDBOOK_EMAIL_TOKEN_FILE" placeholder:"FILE" help:"File with the token of the service that takes e-mail."`
	SMSURL         string          `name:"sms-url" env:"MEDBOOK_SMS_URL" placeholder:"URL" help:"HTTP service that takes SMS."`
	SMSFields      string          `name:"sms-fields" env:"MEDBOOK_SMS_FIELDS" placeholder:"TO,TEXT" help:"The JSON fields that it takes, such as phone_number,text. Default: recipient,message."`
	SMSRegion      string          `name:"sms-region" env:"MEDBOOK_SMS_REGION" placeholder:"COUNTRY" help:"Whose telephone numbers those without a country's code are, such as US. Default: nobody's, they get no SMS."`
	SMSToken       settings.Secret `name:"sms-token-file" env:"MEDBOOK_SMS_TOKEN_FILE" placeholder:"FILE" help:"File with the token of the service that takes SMS."`
	Push           string          `name:"push" env:"MEDBOOK_PUSH" placeholder:"CONTACT" help:"Send push messages to browsers that ask for them. Push services are told this e-mail address or https://… to write to."`
	PushNetworks   string          `name:"push-networks" env:"MEDBOOK_PUSH_NETWORKS" placeholder:"CIDR,…" help:"Private networks where push services may be. Default: none, and only port 443."`
	VAPIDKey       settings.Secret `name:"vapid-key-file" env:"MEDBOOK_VAPID_KEY_FILE" placeholder:"FILE" help:"File with the key that signs push messages. Default: made of the keys."`
	MessageWebhook string          `name:"message-webhook" env:"MEDBOOK_MESSAGE_WEBHOOK" placeholder:"URL" help:"Program that is told what messages are about, and delivers them itself."`
	MessageSecret  settings.Secret `name:"message-webhook-secret-file" env:"MEDBOOK_MESSAGE_WEBHOOK_SECRET_FILE" placeholder:"FILE" help:"File with what signs the messages to that program, whsec_…."`
}

// into adds the flags to a configuration.
func (d delivery) into(c *app.Config) (err error) {
	if c.Email, err = serviceOf(notify.ByEmail, d.EmailURL, "--email-fields", d.EmailFields, d.EmailToken); err != nil {
		return err
	}
	if c.SMS, err = serviceOf(notify.BySMS, d.SMSURL, "--sms-fields", d.SMSFields, d.SMSToken); err != nil {
		return err
	}
	c.SMS.Region = d.SMSRegion
	if d.Push != "" {
		key, err := d.VAPIDKey.Read()
		if err != nil {
			return err
		}
		if c.Push.Contact = d.Push; key != "" {
			c.Push.Private = phi.Of(key)
		}
		if c.Push.Allowed, err = networks(d.PushNetworks); err != nil {
			return err
		}
	}
	if d.MessageWebhook != "" {
		signs, err := d.MessageSecret.Read()
		if err != nil {
			return err
		}
		c.Hook = notify.Hook{URL: d.MessageWebhook, Secret: phi.Of(signs)}
	}
	return nil
}

// serviceOf returns the HTTP service of a channel, if there is one.
func serviceOf(channel, address, flag, fields string, secret settings.Secret) (a notify.API, err error) {
	if address == "" {
		return a, nil
	}
	token, err := secret.Read()
	if err != nil {
		return a, err
	}
	a = notify.API{Channel: channel, URL: address, Token: phi.Of(token)}
	if fields == "" {
		return a, nil
	}
	names := strings.Split(fields, ",")
	for i, name := range names {
		if names[i] = strings.TrimSpace(name); names[i] == "" {
			names = nil
			break
		}
	}
	switch len(names) {
	case 3:
		a.Subject = names[2]
		fallthrough
	case 2:
		a.Recipient, a.Text = names[0], names[1]
		return a, nil
	}
	return a, errors.New(flag + " takes two names of fields with a comma between, of the recipient and of the text, and perhaps a third, of the subject")
}

// networks reads prefixes with commas between.
func networks(text string) (all []netip.Prefix, err error) {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			return nil, errors.New("--push-networks takes prefixes such as 10.0.0.0/8, with commas between")
		}
		all = append(all, p)
	}
	return all, nil
}
