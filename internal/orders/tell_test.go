package orders_test

import (
	"strings"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestTheUserIsToldByTheRightChannel: by the one that was asked for, or the one
// that goes with the kit; who has no number gets an e-mail, and the log says so.
func TestTheUserIsToldByTheRightChannel(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		email, sms := byEmail(), bySMS()
		c := newClinic(t, db, email, sms)
		for _, tt := range []struct {
			of                        auth.Actor
			kit                       orders.Kit
			asked, by, wanted, reason string
		}{
			{c.ann, orders.WholeExome, "", "sms", "", ""},
			{c.ann, orders.WholeGenome, "", "email", "", ""},
			{c.ann, orders.Targeted, "", "email", "", ""},
			{c.ann, orders.Genotyping, "", "email", "", ""},
			{c.ann, orders.WholeExome, "email", "email", "", ""},
			{c.ann, orders.Genotyping, "sms", "sms", "", ""},
			{c.ann, orders.Genotyping, "push", "email", "push", "no-channel"},
			{c.bob, orders.WholeExome, "", "email", "sms", "no-address"}, // has no number
			{c.bob, orders.Genotyping, "sms", "email", "sms", "no-address"},
		} {
			email.sent, sms.sent = nil, nil
			n := kit(tt.of)
			n.Kit, n.Channel = tt.kit, tt.asked
			o, err := c.Place(t.Context(), c.admin, n)
			if err != nil {
				t.Fatal(err)
			}
			got := c.told()[0]
			if got.About != o.ID.String() || got.User != tt.of.UserID || got.By != "admin" || got.Status != notify.Sent ||
				got.Channel != tt.by || got.Wanted != tt.wanted || string(got.Note) != tt.reason {
				t.Errorf("%s by %q is logged as %+v, want %s, wanted %q, %q", tt.kit, tt.asked, got, tt.by, tt.wanted, tt.reason)
			}
			took, other := email, sms
			if tt.by == "sms" {
				took, other = sms, email
			}
			if len(took.sent) != 1 || len(other.sent) != 0 {
				t.Fatalf("%d messages by %s and %d by %s, want 1 and 0", len(took.sent), took.name, len(other.sent), other.name)
			}
			name := map[auth.Actor]string{c.ann: "Ann Lee", c.bob: "Bob"}[tt.of]
			if text := took.sent[0].Text.Reveal(); text != "Hi "+name+", your order has been successfully placed." {
				t.Errorf("the message says %q", text)
			}
			if tt.by == "sms" && took.sent[0].To.Reveal() != "+1 212 555 0111" {
				t.Errorf("the SMS goes to %q", took.sent[0].To.Reveal())
			}
		}
	})
}

// TestWithoutAChannelTheMessageIsInTheOutbox, where admins read it.
func TestWithoutAChannelTheMessageIsInTheOutbox(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for kind, wanted := range map[orders.Kit]string{orders.WholeExome: "sms", orders.Genotyping: ""} {
			n := kit(c.ann)
			n.Kit = kind
			if _, err := c.Place(t.Context(), c.admin, n); err != nil {
				t.Fatal(err)
			}
			got := c.told()[0]
			if got.Channel != "outbox" || got.Status != notify.Sent || got.Wanted != wanted || (got.Note == notify.NoChannel) != (wanted != "") {
				t.Errorf("%s is logged as %+v, want it in the outbox, meant for %q", kind, got, wanted)
			}
			m, err := c.notify.Message(t.Context(), c.admin, got.ID.String())
			if err != nil || m.Text.Reveal() != "Hi Ann Lee, your order has been successfully placed." || m.Subject == "" || strings.Contains(m.Subject, "Ann") {
				t.Errorf("the message is %q, %q, %v", m.Subject, m.Text.Reveal(), err)
			}
		}
	})
}

// TestWhoCantBeGreetedByNameIsGreetedWithout, as in other messages.
func TestWhoCantBeGreetedByNameIsGreetedWithout(t *testing.T) {
	email := byEmail()
	c := newClinic(t, sqltest.Open(t, sqltest.SQLite(t)), email)
	c.placed(c.user("Win at casino.example", auth.Patient, ""))
	c.told()
	if len(email.sent) == 0 || email.sent[len(email.sent)-1].Text.Reveal() != "Hi, your order has been successfully placed." {
		t.Errorf("the messages are %v", phi.Of(email.sent))
	}
}
