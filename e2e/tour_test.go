package e2e

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const newYork = "America/New_York"

// monday is a day that everybody can book when the clock says sqltest.Start.
var monday = client.Hours{Date: "2027-03-15", From: "08:00", To: "15:00"}

// TestTour is a clinic's first day: publish, list, hold, confirm, move, cancel.
func TestTour(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, public := t.Context(), c.as("")
		practitioner, id := c.practitioner(newYork)
		ann, bob, admin := c.user("patient", newYork), c.user("patient", newYork), c.user("admin", newYork)

		published := must(practitioner.Publish(ctx, id, monday))(t)
		if published.SlotsCreated != 28 || published.SlotsExisting != 0 {
			t.Errorf("08:00 to 15:00 made %d slots and found %d, want 28 and 0", published.SlotsCreated, published.SlotsExisting)
		}
		slots := all(t, public.Slots(client.SlotQuery{PractitionerID: id, Date: "2027-03-15"}).All(ctx))
		if len(slots) != 28 || !slots[0].StartsAt.Equal(time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)) || slots[0].TimeZone != newYork {
			t.Fatalf("%d slots, the first at %v, want 28 from 12:00 UTC on", len(slots), slots[0].StartsAt)
		}

		held := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID, Reason: "knee"}))(t)
		if held.Status != "held" || held.PatientID != ann.ID || held.HoldExpiresAt == nil || !held.HoldExpiresAt.Equal(sqltest.Start.Add(30*time.Minute)) {
			t.Errorf("held: %+v, want a hold of half an hour", held)
		}
		_, err := bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID})
		code(t, err, 409, "slot-taken")
		if n := len(all(t, public.Slots(client.SlotQuery{PractitionerID: id, Date: "2027-03-15"}).All(ctx))); n != 27 {
			t.Errorf("%d slots are open while one is held, want 27", n)
		}

		confirmed := must(ann.Confirm(ctx, held.ID))(t)
		again := must(ann.Confirm(ctx, held.ID))(t)
		if confirmed.Status != "confirmed" || confirmed.HoldExpiresAt != nil || again.ETag != confirmed.ETag {
			t.Errorf("confirmed: %+v, then %+v, want the same twice", confirmed, again)
		}
		seen := must(practitioner.Appointment(ctx, held.ID))(t)
		if seen.Reason != "knee" || seen.Reference != held.Reference {
			t.Errorf("the practitioner sees %+v", seen)
		}
		file := string(must(ann.AppointmentICS(ctx, held.ID))(t))
		if !strings.Contains(file, "\r\nUID:"+held.ID+"\r\n") || !strings.Contains(file, "\r\nSTATUS:CONFIRMED\r\n") || strings.Contains(file, "knee") {
			t.Errorf("for calendar programs: %q", file)
		}
		_, err = bob.AppointmentICS(ctx, held.ID)
		code(t, err, 404, "appointment-not-found")
		_, err = bob.Appointment(ctx, held.ID)
		code(t, err, 404, "appointment-not-found")

		moved := must(ann.Reschedule(ctx, held.ID, slots[5].ID, nil))(t)
		if moved.ID != held.ID || moved.SlotID != slots[5].ID || !moved.StartsAt.Equal(slots[5].StartsAt) || moved.Status != "confirmed" {
			t.Errorf("moved: %+v, want the same appointment at %v", moved, slots[5].StartsAt)
		}
		must(bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}))(t)

		cancelled := must(ann.Cancel(ctx, held.ID, "feeling better"))(t)
		if cancelled.Status != "cancelled" || cancelled.CancelReason != "feeling better" {
			t.Errorf("cancelled: %+v", cancelled)
		}
		booked := must(admin.Hold(ctx, client.NewAppointment{SlotID: slots[5].ID, PatientID: bob.ID, Confirm: true}))(t)
		if booked.Status != "confirmed" || booked.PatientID != bob.ID {
			t.Errorf("booked by staff: %+v", booked)
		}
		must(ann.Cancel(ctx, held.ID, ""))(t) // does not free what is somebody else's now
		if got := must(bob.Appointment(ctx, booked.ID))(t); got.Status != "confirmed" {
			t.Errorf("another's second cancellation made the appointment %s", got.Status)
		}
		if mine := all(t, ann.Appointments(client.AppointmentQuery{}).All(ctx)); len(mine) != 1 || mine[0].ID != held.ID {
			t.Errorf("ann's appointments: %+v, want the cancelled one", mine)
		}
	})
}

// TestTourOfPeople walks through accounts and the directory.
func TestTourOfPeople(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, public := t.Context(), c.as("")
		admin, ann := c.user("admin", newYork), c.user("patient", newYork)

		made := must(admin.CreateUser(ctx, client.NewUser{
			Email: "Hannah@Clinic.example", Name: "Hannah Brandt", Role: "practitioner", TimeZone: "Europe/Berlin",
			Specialty: "physiotherapy", Bio: "Backs and knees.", Phone: "+49 30 23125 014",
		}))(t)
		if made.Email != "hannah@clinic.example" || made.PractitionerID == "" || made.Orders == nil {
			t.Errorf("made: %+v", made)
		}
		_, err := admin.CreateUser(ctx, client.NewUser{Email: "hannah@clinic.example", Name: "Other", Role: "patient"})
		code(t, err, 409, "email-taken")
		_, err = ann.CreateUser(ctx, client.NewUser{Email: "x@clinic.example", Name: "X", Role: "patient"})
		code(t, err, 403, "forbidden")

		found := all(t, public.Practitioners(client.PractitionerQuery{Specialty: "physiotherapy"}).All(ctx))
		if len(found) != 1 || found[0].ID != made.PractitionerID || found[0].Policy.SlotMinutes != 15 {
			t.Fatalf("the directory has %+v, want Hannah with the default policy", found)
		}
		p := must(admin.Practitioner(ctx, made.PractitionerID))(t)
		changed := must(admin.ChangePractitioner(ctx, p.ID, p.ETag, client.PractitionerChange{
			Bio: new("Backs, knees, shoulders."), Policy: &client.PolicyChange{SlotMinutes: new(30)},
		}))(t)
		if changed.Bio != "Backs, knees, shoulders." || changed.Policy.SlotMinutes != 30 || changed.Policy.HoldSeconds != 1800 || changed.ETag == p.ETag {
			t.Errorf("changed: %+v", changed)
		}
		_, err = admin.ChangePractitioner(ctx, p.ID, p.ETag, client.PractitionerChange{Bio: new("lost")})
		code(t, err, 412, "if-match-stale")

		me := must(ann.Me(ctx))(t)
		me = must(ann.ChangeUser(ctx, me.ID, me.ETag, client.UserChange{Phone: new("+1 212 555 0111")}))(t)
		if me.Phone != "+1 212 555 0111" {
			t.Errorf("ann's telephone is %q", me.Phone)
		}
		_, err = ann.ChangeUser(wrong(ctx), me.ID, "", client.UserChange{Phone: new("")})
		code(t, err, 428, "if-match-missing")
		_, err = ann.User(ctx, made.ID)
		code(t, err, 404, "user-not-found")
		if users := all(t, ann.Users(client.UserQuery{}).All(ctx)); len(users) != 1 || users[0].ID != ann.ID {
			t.Errorf("ann sees %d users, want herself", len(users))
		}
		if page := must(admin.Users(client.UserQuery{}).Page(ctx, client.PageRequest{Limit: 1, Count: true}))(t); page.Total == nil || *page.Total != 3 || page.NextCursor == nil {
			t.Errorf("the first page of users: %+v, want one of three", page)
		}
		_, err = public.Me(wrong(ctx))
		code(t, err, 401, "unauthenticated")
		_, err = c.as("mb_nonsense").Practitioner(ctx, p.ID)
		code(t, err, 401, "unauthenticated")
	})
}

// TestTourOfPatients finds patients, who are in a practitioner's care once they
// have booked.
func TestTourOfPatients(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		practitioner, id := c.practitioner(newYork)
		ann, bob, admin := c.user("patient", newYork), c.user("patient", newYork), c.user("admin", newYork)
		must(practitioner.Publish(ctx, id, monday))(t)
		slot := all(t, ann.Slots(client.SlotQuery{PractitionerID: id}).All(ctx))[0]
		if mine := all(t, practitioner.Patients().All(ctx)); len(mine) != 0 {
			t.Errorf("patients before anybody booked: %+v", mine)
		}
		must(ann.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Confirm: true}))(t)

		mine := all(t, practitioner.Patients().All(ctx))
		if len(mine) != 1 || mine[0].ID != ann.ID || mine[0].Name != "The patient" || mine[0].Since == nil || !mine[0].Since.Equal(sqltest.Start) {
			t.Errorf("the practitioner's patients: %+v, want ann since now", mine)
		}
		page := must(admin.Patients().Page(ctx, client.PageRequest{Limit: 1, Count: true}))(t)
		if page.Total == nil || *page.Total != 2 || page.NextCursor == nil || page.Items[0].Since != nil {
			t.Errorf("the first page of all patients: %+v, want one of two", page)
		}
		me := must(ann.Me(ctx))(t)
		must(ann.ChangeUser(ctx, ann.ID, me.ETag, client.UserChange{Name: new("Ann Lee"), DateOfBirth: new("1984-02-29")}))(t)
		for _, query := range []string{"LEE ann", "1984-02-29", me.Email} {
			if found := must(practitioner.FindPatients(ctx, client.PatientSearch{Query: query}))(t); len(found) != 1 || found[0].ID != ann.ID {
				t.Errorf("%q finds %+v, want ann", query, found)
			}
		}
		if found := must(practitioner.FindPatients(ctx, client.PatientSearch{Query: "patient"}))(t); len(found) != 0 {
			t.Errorf("the practitioner finds %+v, who are others' patients", found)
		}
		if found := must(admin.FindPatients(ctx, client.PatientSearch{Query: "patient", Limit: 1}))(t); len(found) != 1 || found[0].ID != bob.ID {
			t.Errorf("the admin finds %+v, want bob", found)
		}
		_, err := admin.FindPatients(wrong(ctx), client.PatientSearch{Query: "x"})
		code(t, err, 422, "invalid-request")
		_, err = ann.FindPatients(ctx, client.PatientSearch{Query: "lee"})
		code(t, err, 403, "forbidden")

		if err := errors.Join(admin.AssignPatient(ctx, bob.ID, id), admin.AssignPatient(ctx, bob.ID, id), admin.EndCare(ctx, ann.ID, id)); err != nil {
			t.Fatal(err)
		}
		if mine := all(t, practitioner.Patients().All(ctx)); len(mine) != 1 || mine[0].ID != bob.ID {
			t.Errorf("after bob came and ann went: %+v", mine)
		}
		code(t, admin.EndCare(ctx, ann.ID, id), 404, "care-relation-not-found")
		code(t, admin.AssignPatient(ctx, id, id), 404, "patient-not-found")
		code(t, admin.AssignPatient(ctx, bob.ID, bob.ID), 404, "practitioner-not-found")
		code(t, practitioner.AssignPatient(ctx, bob.ID, id), 403, "forbidden")
	})
}

// TestPatientsFromBeforeTheSearchAreFound shows that the server mends what
// patients are searched by.
func TestPatientsFromBeforeTheSearchAreFound(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		c.user("patient", newYork)
		admin := c.user("admin", newYork)
		err := sqltest.Open(t, c.database).Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM patient_search")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		c.setTime(sqltest.Start.Add(2 * time.Hour))
		eventually(t, "the patient is found", func() bool {
			return len(must(admin.FindPatients(t.Context(), client.PatientSearch{Query: "the patient"}))(t)) == 1
		})
	})
}

// TestTourOfMessages reads what the server wrote to Ann, whose key was made.
func TestTourOfMessages(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		admin, ann := c.user("admin", newYork), c.user("patient", newYork)
		const nobody = "01890a5d-ac96-774b-bcce-b302099a8057"
		var list []client.Notification
		eventually(t, "Ann is told of her key", func() bool {
			list = all(t, admin.Notifications(client.NotificationQuery{UserID: ann.ID, Status: "sent"}).All(ctx))
			return len(list) == 1
		})
		if list[0].Kind != "key-made" || list[0].Channel != "outbox" {
			t.Errorf("messages to ann: %+v, want that of her key in the outbox", list)
		}
		if kept := all(t, admin.Outbox().All(ctx)); len(kept) == 0 {
			t.Error("the outbox is empty")
		}
		m, err := admin.Message(ctx, list[0].ID)
		if err != nil || !strings.Contains(m.Text, "an API key was made for your account") {
			t.Errorf("the message is %+v, %v", m, err)
		}
		_, err = admin.Resend(ctx, list[0].ID)
		code(t, err, 409, "already-sent")
		_, err = admin.Message(ctx, nobody)
		code(t, err, 404, "notification-not-found")
		_, err = admin.Resend(ctx, nobody)
		code(t, err, 404, "notification-not-found")
		_, err = ann.Message(ctx, list[0].ID)
		code(t, err, 403, "forbidden")
	})
}

// TestTourOfOrders orders kits for Ann and takes them to their ends.
func TestTourOfOrders(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		admin, ann, bob := c.user("admin", newYork), c.user("patient", newYork), c.user("patient", newYork)
		home := client.Address{Name: "Ann Lee", Line1: "17 Quay Street", City: "New York", Region: "NY", PostalCode: "10001", Country: "US"}
		made := must(admin.PlaceOrder(ctx, client.NewOrder{UserID: ann.ID, KitType: "whole-exome-sequencing", Shipping: home}))(t)
		if made.Status != "placed" || made.UserID != ann.ID || made.Shipping == nil || *made.Shipping != home || made.CreatedBy != admin.ID || made.ETag == "" {
			t.Errorf("placed: %+v", made)
		}
		var told []client.Notification
		eventually(t, "Ann is told of her order", func() bool {
			told = all(t, admin.Notifications(client.NotificationQuery{UserID: ann.ID}).All(ctx))
			return len(told) > 0 && told[0].Kind == "order-placed"
		})
		if told[0].Channel != "outbox" || told[0].Wanted != "sms" || told[0].Note != "no-channel" {
			t.Errorf("the message is logged as %+v, want an SMS that stayed in the outbox", told[0])
		}
		if m := must(admin.Message(ctx, told[0].ID))(t); m.Text != "Hi The patient, your order has been successfully placed." {
			t.Errorf("the message says %q", m.Text)
		}

		for status, step := range map[string]func(context.Context, string, ...client.CallOption) (client.Order, error){
			"sample_received": admin.ReceiveOrder, "completed": admin.CompleteOrder,
		} {
			_, err := step(ctx, made.ID)
			code(t, err, 409, "illegal-order-transition")
			if got := must(ann.Order(ctx, made.ID))(t); got.Status != "placed" || got.ETag != made.ETag {
				t.Errorf("an order that can't be %s yet is %+v", status, got)
			}
		}
		sent := must(admin.DispatchOrder(ctx, made.ID))(t)
		if again := must(admin.DispatchOrder(ctx, made.ID))(t); sent.Status != "dispatched" || again.ETag != sent.ETag {
			t.Errorf("dispatched: %+v, then %+v, want the same twice", sent, again)
		}
		must(admin.ReceiveOrder(ctx, made.ID))(t)
		_, err := admin.CancelOrder(ctx, made.ID)
		code(t, err, 409, "illegal-order-transition")
		must(admin.CompleteOrder(ctx, made.ID))(t)
		other := must(admin.PlaceOrder(ctx, client.NewOrder{UserID: ann.ID, KitType: "genotyping-array", Shipping: home, Channel: "push"}))(t)
		must(admin.CancelOrder(ctx, other.ID))(t)

		if list := all(t, ann.Orders(client.OrderQuery{}).All(ctx)); len(list) != 2 || list[0].ID != other.ID || list[1].Status != "completed" {
			t.Errorf("ann's orders: %+v", list)
		}
		if list := all(t, admin.Orders(client.OrderQuery{UserID: ann.ID, Status: "cancelled"}).All(ctx)); len(list) != 1 || list[0].ID != other.ID {
			t.Errorf("what was cancelled for ann: %+v", list)
		}
		for _, u := range all(t, admin.Users(client.UserQuery{}).All(ctx)) {
			if want := map[string]int{ann.ID: 2}[u.ID]; len(u.Orders) != want || u.Orders == nil {
				t.Errorf("%s has the orders %+v, want %d", u.Email, u.Orders, want)
			}
		}
		if orders := must(ann.User(ctx, ann.ID))(t).Orders; len(orders) != 2 || orders[0].ID != other.ID || orders[0].Shipping != nil {
			t.Errorf("ann carries %+v", orders)
		}
		_, err = bob.Order(ctx, made.ID)
		code(t, err, 404, "order-not-found")
		_, err = bob.PlaceOrder(ctx, client.NewOrder{UserID: bob.ID, KitType: "genotyping-array", Shipping: home})
		code(t, err, 403, "forbidden")
		_, err = admin.PlaceOrder(ctx, client.NewOrder{UserID: "01890a5d-ac96-774b-bcce-b302099a8057", KitType: "genotyping-array", Shipping: home})
		code(t, err, 404, "user-not-found")
		for _, n := range []client.NewOrder{
			{UserID: bob.ID, KitType: "ancestry", Shipping: home}, {UserID: bob.ID, KitType: "genotyping-array", Shipping: home, Channel: "fax"},
		} {
			_, err = admin.PlaceOrder(wrong(ctx), n)
			code(t, err, 422, "invalid-request")
		}
		if list := all(t, bob.Orders(client.OrderQuery{}).All(ctx)); len(list) != 0 {
			t.Errorf("bob's orders: %+v, want none", list)
		}
	})
}

// TestTourOfHours walks through availability, time off, single slots and the
// waiting list.
func TestTourOfHours(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		practitioner, id := c.practitioner(newYork)
		ann := c.user("patient", newYork)
		open := func() []client.Slot {
			return all(t, practitioner.Slots(client.SlotQuery{PractitionerID: id, Date: "2027-03-15", Status: "any"}).All(ctx))
		}

		weekly := must(practitioner.Publish(ctx, id, client.Hours{
			Weekdays: []string{"mon"}, From: "08:00", To: "10:00", ValidFrom: "2027-03-15", ValidUntil: "2027-03-22",
		}))(t)
		if weekly.SlotsCreated != 16 {
			t.Errorf("two Mondays made %d slots, want 16", weekly.SlotsCreated)
		}
		repeat := must(practitioner.Publish(ctx, id, client.Hours{
			Weekdays: []string{"mon"}, From: "08:00", To: "10:00", ValidFrom: "2027-03-15", ValidUntil: "2027-03-22",
		}))(t)
		if repeat.ID != weekly.ID || repeat.SlotsCreated != 0 || repeat.SlotsExisting != 16 {
			t.Errorf("the same hours again: %+v, want the first", repeat)
		}
		read := must(practitioner.Availability(ctx, weekly.ID))(t)
		longer := must(practitioner.ChangeAvailability(ctx, weekly.ID, read.ETag, client.AvailabilityChange{To: new("11:00")}))(t)
		if longer.SlotsCreated != 8 || longer.SlotsExisting != 16 {
			t.Errorf("an hour more made %d slots and found %d, want 8 and 16", longer.SlotsCreated, longer.SlotsExisting)
		}
		booked := must(ann.Hold(ctx, client.NewAppointment{SlotID: open()[0].ID, Confirm: true}))(t)

		off := must(practitioner.TakeTimeOff(ctx, id, client.Hours{Date: "2027-03-15", From: "08:00", To: "09:00"}, "dentist"))(t)
		if len(off.Conflicts) != 1 || off.Conflicts[0].ID != booked.ID {
			t.Errorf("time off hits %+v, want ann's appointment", off.Conflicts)
		}
		blocked := 0
		for _, s := range open() {
			if s.Status == "blocked" {
				blocked++
			}
		}
		if blocked != 3 {
			t.Errorf("%d slots are blocked, want 3", blocked)
		}
		if list := all(t, practitioner.TimeOffs(id).All(ctx)); len(list) != 1 || list[0].Reason != "dentist" {
			t.Errorf("time off: %+v", list)
		}
		if err := practitioner.EndTimeOff(ctx, off.ID); err != nil {
			t.Error(err)
		}

		added := must(practitioner.AddSlot(ctx, id, client.NewSlot{StartsAt: time.Date(2027, 3, 15, 20, 0, 0, 0, time.UTC)}))(t)
		if added.EndsAt.Sub(added.StartsAt) != 15*time.Minute {
			t.Errorf("a slot of %v, want the policy's 15 minutes", added.EndsAt.Sub(added.StartsAt))
		}
		added = must(practitioner.Slot(ctx, added.ID))(t)
		later := must(practitioner.ChangeSlot(ctx, added.ID, added.ETag, client.SlotChange{EndsAt: new(added.EndsAt.Add(30 * time.Minute))}))(t)
		if later.ID == added.ID {
			t.Error("a changed slot kept its id")
		}
		_, err := practitioner.Slot(ctx, added.ID)
		code(t, err, 404, "slot-not-found")
		later = must(practitioner.Slot(ctx, later.ID))(t)
		if err := practitioner.RemoveSlot(ctx, later.ID, later.ETag); err != nil {
			t.Error(err)
		}

		wait := must(ann.JoinWaitlist(ctx, client.NewWait{PractitionerID: id, From: sqltest.Start, To: sqltest.Start.AddDate(0, 0, 7)}))(t)
		if list := all(t, ann.Waitlist().All(ctx)); len(list) != 1 || list[0].ID != wait.ID {
			t.Errorf("the waiting list: %+v, want one entry", list)
		}
		if err := ann.LeaveWaitlist(ctx, wait.ID); err != nil {
			t.Error(err)
		}

		read = must(practitioner.Availability(ctx, weekly.ID))(t)
		removed := must(practitioner.RemoveAvailability(ctx, weekly.ID, read.ETag))(t)
		if len(removed.KeptSlots) != 1 || removed.KeptSlots[0].Status != "booked" {
			t.Errorf("kept slots: %+v, want ann's", removed.KeptSlots)
		}
		if list := all(t, practitioner.Availabilities(id).All(ctx)); len(list) != 0 {
			t.Errorf("availability: %+v, want none", list)
		}
		c.setTime(booked.EndsAt)
		if done := must(practitioner.Complete(ctx, booked.ID))(t); done.Status != "completed" {
			t.Errorf("completed: %+v", done)
		}
		_, err = practitioner.MarkNoShow(ctx, booked.ID)
		code(t, err, 409, "illegal-transition")
	})
}

// TestTourOfSystem asks what needs no database rows.
func TestTourOfSystem(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, public := t.Context(), c.as("")
		if err := errors.Join(public.Health(ctx), public.Ready(ctx)); err != nil {
			t.Error(err)
		}
		code(t, public.Status(wrong(ctx)), 401, "unauthenticated")
		if err := c.user("auditor", "UTC").Status(ctx); err != nil {
			t.Error(err)
		}
		document := must(public.OpenAPI(ctx))(t)
		printed := run(t, t.TempDir(), nil, "openapi", "--json")
		if string(document) != printed.stdout {
			t.Error("the document that is served is not the one that is printed")
		}
	})
}

// all collects a list.
func all[T any](t *testing.T, items iter.Seq2[T, error]) []T {
	t.Helper()
	var list []T
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, item)
	}
	return list
}
