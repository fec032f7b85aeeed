package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/notify"
	"medbook/internal/orders"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestAppointmentsAreListedAndOpened(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/appointments").has(200, "There are no such appointments").leadsTo("/admin/appointments/book")
		slots := c.hours("grey")
		a := c.booked("ann", slots[len(slots)-1])
		open := "/admin/appointments/" + a.ID.String()
		v.get("/admin/appointments").has(200, "A. E.", "Grey Example", "Confirmed", a.Reference, "New York time", "1 in all").lacks("Ann Example", "a stiff neck").leadsTo(open)
		day := calendar.DateIn(a.Start, time.UTC).String()
		for query, n := range map[string]int{
			"status=held": 0, "status=confirmed": 1, "practitioner=" + c.users["brown"].PractitionerID.String(): 0, "from=" + day + "&to=" + day: 1,
			"to=2027-01-01": 0, "patient=" + c.users["bob"].ID.String() + "&past=yes": 0, "patient=" + c.users["ann"].ID.String(): 1,
		} {
			p := v.get("/admin/appointments?" + query).has(200)
			if got := strings.Count(p.body, a.Reference); got != n {
				t.Errorf("%s shows the appointment %d times, want %d", query, got, n)
			}
		}
		v.get("/admin/appointments?from=2027-05-02&to=2027-05-01").has(422, "The end is before the beginning")
		v.get("/admin/appointments?from=soon").has(422, "Give a date")

		before := c.recorded("user.read", "ann")
		v.get(open).has(200, "Ann Example", "a stiff neck", "for a test", "New York time").leadsTo("/calendar/appointments/"+a.ID.String(), "/admin/users/"+a.Patient.String())
		if c.recorded("user.read", "ann") != before+1 || c.recorded("appointment.read", "ann") != 1 {
			t.Error("that the appointment was opened is not on record")
		}
		v.get("/admin/appointments/nope").has(404)
	})
}

func TestStaffBookForAPatient(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.hours("grey")
		v := c.as("admin")
		ann, grey := c.users["ann"].ID.String(), c.users["grey"].PractitionerID.String()
		v.get(bookFor).has(200, "Book for a patient")
		v.post(bookFor, "q", "ann@example.org").has(200, "Ann Example").leadsTo(bookFor + "/" + ann)
		with := bookFor + "/" + ann
		v.get(with).has(200, "With whom?", "A. E.", "Grey Example", "physiotherapy").lacks("Ann Example").leadsTo(with + "/" + grey)
		days := v.get(with+"/"+grey).has(200, "On which day?", "times free", "1 hour").lacks("Ann Example")
		day := ""
		for _, href := range days.attributes("a", "href") {
			if strings.Contains(href, "date=") {
				day = href
				break
			}
		}
		times := v.get(day).has(200, "Morning", "New York time", "The day after")
		last := slots[len(slots)-1]
		_ = times
		check := with + "/" + grey + "/" + last.ID()
		v.get(with+"/"+grey+"?date="+calendar.DateIn(last.Start, time.UTC).String()).has(200, "Grey Example")
		p := v.get(check).has(200, "Check and book", "Ann Example", "Grey Example", "15 minutes").lacks("Patients could not book this time")
		form := []string{"once", p.hidden("once"), "how", "book", "reason", "knee"}
		done := v.post(check, form...).has(200, "The appointment is booked", "Confirmed", "knee", "Ann Example")
		if again := v.post(check, form...).has(200); again.path != done.path {
			t.Errorf("sent twice, the form leads to %s, then to %s", done.path, again.path)
		}
		v.post(check, "once", newOnce(), "how", "book", "reason", "elbow").has(422, "There is a problem")
		v.get(check).has(200, "This time can’t be booked", "It is booked").lacks(`name="override"`)
		held := with + "/" + grey + "/" + slots[len(slots)-3].ID()
		v.post(held, "once", newOnce(), "how", "hold").has(200, "The time is held", "Held until")
		v.post(held+"?slots=2", "once", newOnce(), "how", "hold", "reason", strings.Repeat("x", longestReason+1)).has(422, "Use at most 1,000 characters")

		for _, wrong := range []string{with + "/nope", with + "/" + grey + "/nope", bookFor + "/nope", bookFor + "/" + grey, bookFor + "/" + ann + "/" + c.users["brown"].PractitionerID.String() + "/" + last.ID()} {
			v.get(wrong).has(404)
		}
	})
}

func TestAnExceptionNeedsAReason(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var soon scheduling.Slot
		for _, s := range c.hours("grey") {
			if s.Start.After(db.Now().Add(time.Hour)) {
				soon = s
				break
			}
		}
		v := c.as("admin")
		page := bookFor + "/" + c.users["ann"].ID.String() + "/" + c.users["grey"].PractitionerID.String()
		v.get(page+"?date="+calendar.DateIn(soon.Start, zoneNamed("America/New_York")).String()).has(200, "by exception").leadsTo(page + "/" + soon.ID())
		check := page + "/" + soon.ID()
		v.get(check).has(200, "Patients could not book this time", "It begins too soon: patients book at least 1 day before")
		v.post(check, "once", newOnce(), "how", "book", "reason", "tooth").has(422, "There is a problem", "tooth")
		v.post(check, "once", newOnce(), "how", "book", "override", "an emergency").has(200, "The appointment is booked", "an emergency")
		if n := c.recorded("appointment.hold", "ann"); n != 1 {
			t.Errorf("%d records that it was booked, want 1", n)
		}
	})
}

// orderForm is what an order's form sends.
func orderForm(pairs ...string) []string {
	form := map[string]string{
		"kit_type": "whole-exome-sequencing", "shipping.name": "Ann Example", "shipping.line1": "1 Main Street", "shipping.postal_code": "10001",
		"shipping.city": "New York", "shipping.country": "us", "notification_channel": "",
	}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = pairs[i+1]
	}
	var all []string
	for name, value := range form {
		all = append(all, name, value)
	}
	return all
}

func TestAnOrderIsPlacedOnceAndTakenOn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/orders").has(200, "There are no such orders")
		place := "/admin/orders/place/" + c.users["ann"].ID.String()
		v.post("/admin/orders/place", "q", "ann").has(200, "Ann Example").leadsTo(place)
		v.get(place).has(200, "Order a kit", "For Ann Example", "Genotyping array")
		p := v.post(place, orderForm("shipping.city", "", "shipping.country", "Germany", "kit_type", "magic")...).has(422, "There is a problem", "Choose a kit")
		if !strings.Contains(strings.Join(p.attributes("input", "value"), "|"), "1 Main Street") {
			t.Error("the answers are not kept")
		}
		v.post(place, orderForm("shipping.city", "", "shipping.country", "Germany")...).has(422, "Please fill this in", "code of two letters")
		check := v.post(place, orderForm()...).has(200, "Check your order", "Whole exome sequencing", "1 Main Street", "10001 New York", "US",
			"By: Outbox", "Hi Ann Example, your order has been successfully placed")
		if n := len(c.orders()); n != 0 {
			t.Fatalf("the check has placed %d orders", n)
		}
		v.post(place, orderForm("change", "yes")...).has(200, "Order a kit").lacks("There is a problem")
		form := orderForm("once", check.hidden("once"), "shipping.country", "US")
		made := v.post(place+"/now", form...).has(200, "The kit is ordered", "Whole exome sequencing", "Ann Example", "1 Main Street")
		if again := v.post(place+"/now", form...).has(200); again.path != made.path || len(c.orders()) != 1 {
			t.Errorf("sent twice, the form leads to %s and %s, and there are %d orders", made.path, again.path, len(c.orders()))
		}
		v.post(place+"/now", orderForm("once", newOnce(), "shipping.line1", "")...).has(422, "Please fill this in")

		v.get("/admin/orders").has(200, "A. E.", "Whole exome sequencing", "Ordered", "1 in all").lacks("Ann Example", "1 Main Street").leadsTo(made.path)
		v.get("/admin/orders?status=completed").has(200, "There are no such orders")
		v.get("/admin/orders?user="+c.users["bob"].ID.String()).has(200, "There are no such orders")
		v.get("/admin/users/"+c.users["ann"].ID.String()).has(200, "Whole exome sequencing")
		v.get("/admin").has(200, "order to send")

		v.post(made.path, "step", "receive").has(422, "does not stand where it did")
		v.post(made.path, "step", "fly").has(400)
		v.post(made.path, "step", "dispatch").has(200, "The kit is on its way", "The sample has come", "Cancel the order")
		v.post(made.path, "step", "receive").has(200, "The sample is received").lacks("Cancel the order")
		v.post(made.path, "step", "complete").has(200, "The order is completed")
		c.work()
		v.get(made.path).has(200, "Message by Outbox: Sent")
		v.get("/admin/orders/nope").has(404)
		v.get("/admin/orders/place/nope").has(404)
	})
}

// orders lists all orders.
func (c *clinic) orders() []orders.Order {
	c.t.Helper()
	p, err := c.server.Orders.Orders(c.t.Context(), auth.System, orders.Filter{}, pages.Request{Limit: 10})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Items
}

func TestTheOutboxShowsWhatWasNotSent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Notify.PublicURL = "https://clinic.example/"
		v := c.as("admin")
		v.get("/admin/outbox").has(200, "The outbox is empty", "Nothing leaves this machine")
		if err := c.server.Auth.RequestReset(t.Context(), auth.Actor{}, "ann@example.org"); err != nil {
			t.Fatal(err)
		}
		c.work()
		list := v.get("/admin/outbox").has(200, "Set a new password", "A. E.").lacks("Ann Example", "ann@example.org")
		message := ""
		for _, href := range list.attributes("a", "href") {
			if strings.HasPrefix(href, "/admin/outbox/") {
				message = href
			}
		}
		before := c.recorded("message.read", "ann")
		p := v.get(message).has(200, "This message was not sent to anybody", "ann@example.org", "somebody, we hope you, asked to set a new password")
		if got := strings.Join(p.attributes("a", "href"), " "); !strings.Contains(got, "/account/reset#") {
			t.Errorf("the message's link is not among %q", got)
		}
		if got := c.recorded("message.read", "ann"); got != before+1 {
			t.Errorf("%d records of a look at the message, want %d", got, before+1)
		}
		v.get("/admin/outbox/nope").has(404)
	})
}

func TestFailedMessagesAreSentAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/messages").has(200, "There are no such messages")
		c.work()
		if err := c.server.Auth.RequestReset(t.Context(), auth.Actor{}, "ann@example.org"); err != nil {
			t.Fatal(err)
		}
		c.work()
		p, err := c.server.Notify.Notifications(t.Context(), auth.System, notify.Filter{User: c.users["ann"].ID.String()}, pages.Request{Limit: 10})
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("messages to ann: %v, %v", p.Items, err)
		}
		id := p.Items[0].ID
		v.post("/admin/messages/"+id.String()+"/resend").has(422, "This message was sent already")
		err = db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE notifications SET status = 'failed', last_error = 'rejected', attempts = 3 WHERE id = $1`, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		v.get("/admin/messages?status=failed").has(200, "Failed", "refused for good", "Send again", "A. E.", "1 in all").lacks("Ann Example")
		v.get("/admin").has(200, "message failed within 7 days", "refused for good")
		v.post("/admin/messages/"+id.String()+"/resend", "back", "status=failed").has(200, "The message is sent again", "There are no such messages")
		v.post("/admin/messages/nope/resend").has(404)
	})
}

func TestAClosureIsPreviewedDoneAndGivenBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.hours("grey")
		a := c.booked("ann", slots[len(slots)-1])
		v := c.as("admin")
		v.get("/admin/closures").has(200, "No time off is planned")
		v.get("/admin/closures/new").has(200, "Close the clinic", "Grey Example", "Brown Example")
		day := calendar.DateIn(a.Start, zoneNamed("America/New_York")).String()
		v.post("/admin/closures/new", "first", "", "from", "9").has(422, "Give a date", "Give a time of day")
		v.post("/admin/closures/new", "first", day, "last", "2027-01-01").has(422, "The end is before the beginning")
		v.post("/admin/closures/new", "first", day, "from", "12:00", "to", "09:00").has(422, "The end is before the beginning")
		v.post("/admin/closures/new", "first", "2027-01-01").has(422, "There is a problem")
		v.post("/admin/closures/new/now", "first", "2027-01-01").has(422, "There is a problem")
		v.post("/admin/closures/new", "first", day, "practitioner", "nope").has(200) // nobody's
		check := v.post("/admin/closures/new", "first", day, "reason", "works outing").has(200, "Check the closure", "works outing", "A. E.", "These appointments stay", "Close now").lacks("Ann Example")
		check.leadsTo("/admin/appointments/" + a.ID.String())
		v.post("/admin/closures/new", "first", day, "reason", "works outing", "change", "yes").has(200, "Close the clinic")
		v.get("/admin/closures").has(200, "No time off is planned")
		done := v.post("/admin/closures/new/now", "first", day, "reason", "works outing").has(200, "The time is closed", "Brown Example, Grey Example", "works outing")
		var ids []string
		for n := range done.tree.Descendants() {
			at := map[string]string{}
			for _, x := range n.Attr {
				at[x.Key] = x.Val
			}
			if at["name"] == "id" {
				ids = append(ids, "id", at["value"])
			}
		}
		if len(ids) != 4 {
			t.Fatalf("time off of two practitioners has the ids %q", ids)
		}
		v.post("/admin/closures/end", ids...).has(200, "The time is given back", "No time off is planned")
		v.post("/admin/closures/end", ids...).has(200)
		last := calendar.DateIn(a.Start, time.UTC).AddDays(3).String()
		v.post("/admin/closures/new", "first", day, "last", last, "practitioner", c.users["grey"].PractitionerID.String()).has(200, "Grey Example").lacks("Brown Example")
		v.post("/admin/closures/new/now", "first", day, "last", last, "practitioner", c.users["grey"].PractitionerID.String()).has(200, "The time is closed", "Grey Example").lacks("Brown Example")
	})
}
