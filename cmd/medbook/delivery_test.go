package main

import (
	"strings"
	"testing"

	"medbook/internal/app"
	"medbook/internal/settings"
)

func TestDeliveryFlags(t *testing.T) {
	t.Setenv("MEDBOOK_SMS_TOKEN", "sesame")
	t.Setenv("MEDBOOK_MESSAGE_WEBHOOK_SECRET", "whsec_x")
	var c app.Config
	d := delivery{
		SMSURL: "https://sms.example", SMSFields: "phone_number, text", SMSRegion: "US",
		Push: "it@clinic.example", PushNetworks: "10.0.0.0/8, fd00::/8", MessageWebhook: "https://hook.example",
		SMSToken: settings.Secret{Variable: "MEDBOOK_SMS_TOKEN"}, MessageSecret: settings.Secret{Variable: "MEDBOOK_MESSAGE_WEBHOOK_SECRET"},
	}
	if err := d.into(&c); err != nil {
		t.Fatal(err)
	}
	if s := c.SMS; s.Channel != "sms" || s.URL != d.SMSURL || s.Token.Reveal() != "sesame" || s.Recipient != "phone_number" || s.Text != "text" || s.Subject != "" || s.Region != "US" {
		t.Errorf("SMS go out by %+v", s)
	}
	if c.Email.URL != "" || c.Push.Contact != d.Push || c.Push.Private.Present() || len(c.Push.Allowed) != 2 || c.Hook.URL != d.MessageWebhook || c.Hook.Secret.Reveal() != "whsec_x" {
		t.Errorf("the configuration is %+v", c)
	}
	for _, fields := range []string{"one", "a,b,c,d", "a,", ",", " ,b"} {
		err := delivery{SMSURL: "https://sms.example", SMSFields: fields}.into(&c)
		if err == nil || !strings.Contains(err.Error(), "--sms-fields") {
			t.Errorf("the fields %q: %v, want an error", fields, err)
		}
	}
	if err := (delivery{Push: "x@y", PushNetworks: "10.0.0.1"}).into(&c); err == nil {
		t.Error("an address was taken for a network")
	}
}
