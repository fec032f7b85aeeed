package orders_test

import (
	"errors"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestAnOrderIsCheckedAndPreviewedBeforeItIsPlaced: by the channel and with the text
// that its user then gets, and nothing is kept of it.
func TestAnOrderIsCheckedAndPreviewedBeforeItIsPlaced(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db, byEmail(), bySMS())
		for _, tt := range []struct {
			of                          auth.Actor
			kit                         orders.Kit
			asked, channel, takes, name string
		}{
			{c.ann, orders.WholeExome, "", "sms", "sms", "Ann Lee"},
			{c.ann, orders.Genotyping, "", "email", "email", "Ann Lee"},
			{c.ann, orders.WholeExome, "email", "email", "email", "Ann Lee"},
			{c.ann, orders.Targeted, "push", "push", "email", "Ann Lee"}, // which is not set up
			{c.bob, orders.WholeExome, "", "sms", "email", "Bob"},        // has no number
		} {
			n := kit(tt.of)
			n.Kit, n.Channel = tt.kit, tt.asked
			channel, err := c.Check(t.Context(), c.admin, n)
			if err != nil || channel != tt.channel {
				t.Fatalf("%s by %q: %q, %v; want %q", tt.kit, tt.asked, channel, err, tt.channel)
			}
			d, err := c.notify.PreviewOver(t.Context(), c.admin, n.User, notify.OrderPlaced, channel)
			if err != nil {
				t.Fatal(err)
			}
			if want := "Hi " + tt.name + ", your order has been successfully placed."; d.Channel != tt.takes || d.Text.Reveal() != want || d.Subject == "" {
				t.Errorf("%s by %q: %s, %q; want %s, %q", tt.kit, tt.asked, d.Channel, d.Text.Reveal(), tt.takes, want)
			}
		}
		if got := c.told(); len(got) != 0 {
			t.Errorf("previews left %+v", got)
		}
		bad := kit(c.ann)
		bad.Shipping.City = phi.Of(" ")
		if _, err := c.Check(t.Context(), c.admin, bad); !errors.Is(err, orders.ErrInvalidOrder) || errs.As(err).Fields["shipping.city"] == "" {
			t.Errorf("an order without a city: %v", err)
		}
		for _, by := range []auth.Actor{{}, c.ann, {Role: auth.Practitioner}} {
			if _, err := c.Check(t.Context(), by, kit(c.ann)); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("%q checks an order: %v", by.Role, err)
			}
			if _, err := c.notify.PreviewOver(t.Context(), by, c.ann.UserID.String(), notify.OrderPlaced, "email"); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("%q previews a message: %v", by.Role, err)
			}
		}
		for _, kind := range []notify.Kind{auth.MailReset, "nonsense"} {
			if _, err := c.notify.PreviewOver(t.Context(), c.admin, c.ann.UserID.String(), kind, ""); !errors.Is(err, notify.ErrNotFound) {
				t.Errorf("a preview of %s: %v", kind, err)
			}
		}
		if _, err := c.notify.PreviewOver(t.Context(), c.admin, "nope", notify.OrderPlaced, ""); !errors.Is(err, notify.ErrNotFound) {
			t.Errorf("a preview for nobody: %v", err)
		}
	})
}
