package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

const (
	day      = 24 * time.Hour
	opening  = 56 * day // how long ago the clinic opened
	bookedBy = 6 * 24   // how many hours before their day appointments are booked
	search   = 4 * day  // how far after their day a slot may be: longer than any weekend
)

// clinic is a clinic in the making.
type clinic struct {
	*app.Services
	clock         *clock
	today         time.Time
	admin         auth.Actor
	patients      []auth.Actor
	practitioners []auth.Actor
	accounts      map[person]auth.Actor
	steps         []step // what is still to happen
}

// seed fills a new database with the clinic as it is on the given day.
func seed(ctx context.Context, database string, keys *keyring.Ring, today time.Time) (err error) {
	db, err := sqldb.Open(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c := &clinic{today: today, clock: &clock{}, accounts: map[person]auth.Actor{}}
	c.clock.set(c.today.Add(-opening))
	db.Clock = c.clock.Now
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	c.Services = app.NewServices(db)
	c.Orders.Seal, c.Notify.Seal, c.Privacy.Seal = keys, keys, keys
	c.Encounters.Masters, c.Encounters.Seal = []keyring.Master{keyring.NewLive(keys, "")}, keys
	c.Notify.Channels = c.carriers()
	if err := c.hire(ctx); err != nil {
		return err
	}
	if err := c.admit(ctx); err != nil {
		return err
	}
	c.book()
	c.ship()
	c.plan()
	return c.play(ctx)
}

// hire names the clinic and makes everybody's account and the practitioners' weeks.
func (c *clinic) hire(ctx context.Context) error {
	var err error
	if c.admin, err = c.enter(ctx, admin, "", ""); err != nil {
		return err
	}
	name, zone := "Linden Clinic", admin.zone
	if _, err := c.Directory.ChangeClinic(ctx, c.admin, "*", directory.ClinicChange{Name: &name, TimeZone: &zone}); err != nil {
		return err
	}
	if _, err := c.enter(ctx, auditor, "", ""); err != nil {
		return err
	}
	for _, p := range patients {
		by, err := c.enter(ctx, p, "", "")
		if err != nil {
			return err
		}
		c.patients = append(c.patients, by)
	}
	for _, p := range practitioners {
		by, err := c.enter(ctx, p.person, p.specialty, p.bio)
		if err != nil {
			return err
		}
		if err := c.publish(ctx, by, p); err != nil {
			return fmt.Errorf("%s: %w", p.specialty, err)
		}
		c.practitioners = append(c.practitioners, by)
	}
	return nil
}

// enter makes an account and returns its holder.
func (c *clinic) enter(ctx context.Context, p person, specialty, bio string) (auth.Actor, error) {
	u, err := c.Directory.CreateUser(ctx, auth.System, directory.NewUser{
		Role: p.role, Email: phi.Of(p.email), Name: phi.Of(p.name), Phone: optional(p.phone), DateOfBirth: optional(p.born),
		TimeZone: p.zone, Specialty: specialty, Bio: bio,
	})
	by := auth.Actor{UserID: u.ID, Role: u.Role, PractitionerID: u.PractitionerID}
	c.accounts[p] = by
	return by, err
}

// optional wraps what is known.
func optional(s string) phi.Value[string] {
	if s == "" {
		return phi.Value[string]{}
	}
	return phi.Of(s)
}

// publish sets a practitioner's policy and working week, without an end.
func (c *clinic) publish(ctx context.Context, by auth.Actor, p practitioner) error {
	id := by.PractitionerID.String()
	if _, err := c.Scheduling.ChangePractitioner(ctx, by, id, "*", scheduling.PractitionerChange{Policy: p.policy}); err != nil {
		return err
	}
	zone, err := calendar.Zone(p.zone)
	if err != nil {
		return err
	}
	for _, r := range p.week {
		w := calendar.Weekly{First: calendar.DateIn(c.clock.Now(), zone)}
		if w.Weekdays, err = calendar.ParseWeekdays(r.weekdays); err != nil {
			return err
		}
		if w.From, err = calendar.ParseTime(r.from); err != nil {
			return err
		}
		if w.To, err = calendar.ParseTime(r.to); err != nil {
			return err
		}
		if _, err := c.Scheduling.Publish(ctx, by, id, scheduling.Hours{Kind: scheduling.KindWeekly, Weekly: w}); err != nil {
			return err
		}
	}
	return nil
}

// book plans all appointments.
func (c *clinic) book() {
	for i, b := range allBookings() {
		at := c.today.AddDate(0, 0, b.day).Add(-time.Duration(cmp.Or(b.ahead, bookedBy)) * time.Hour)
		if b.outcome == scheduling.Held {
			at = c.today
		}
		if opened := c.today.Add(-opening + day); at.Before(opened) {
			at = opened
		}
		c.later(at, func(ctx context.Context) error {
			if err := c.appointment(ctx, i, b); err != nil {
				return fmt.Errorf("appointment %d, of day %d: %w", i, b.day, err)
			}
			return nil
		})
	}
}

// appointment books the first slot that the patient has time for, and plans how it
// ends. i is its place among all.
func (c *clinic) appointment(ctx context.Context, i int, b booking) error {
	patient := c.patients[b.patient]
	a, err := c.hold(ctx, patient, b)
	if err != nil || b.outcome == scheduling.Held {
		return err
	}
	if b.outcome == scheduling.Expired {
		c.pass(a.HoldExpiresAt)
		return nil
	}
	key := a.ID.String()
	if _, err := c.Scheduling.Confirm(ctx, patient, key); err != nil {
		return err
	}
	for _, reminder := range [...]time.Duration{day, 2 * time.Hour} {
		if at := a.Start.Add(-reminder); at.After(c.clock.Now()) {
			c.pass(at)
		}
	}
	practitioner := c.practitioners[b.practitioner]
	switch b.outcome {
	case scheduling.Cancelled:
		_, err = c.Scheduling.Cancel(ctx, patient, key, scheduling.CancelRequest{Reason: phi.Of("Something came up")})
	case scheduling.Completed:
		c.later(a.End, func(ctx context.Context) error { return c.document(ctx, practitioner, a, i, b) })
	case scheduling.NoShow:
		c.later(a.End, func(ctx context.Context) error {
			_, err := c.Scheduling.MarkNoShow(ctx, practitioner, key)
			return err
		})
	}
	return err
}

// hold takes the slot after those to skip, or the first later one at which the patient
// is not elsewhere.
func (c *clinic) hold(ctx context.Context, patient auth.Actor, b booking) (a scheduling.Appointment, err error) {
	from := c.today.AddDate(0, 0, b.day)
	slots, err := c.Scheduling.Slots(ctx, patient, scheduling.SlotQuery{
		Practitioner: c.practitioners[b.practitioner].PractitionerID.String(), From: from, To: from.Add(search),
	}, page.Request{Limit: b.skip + 8})
	if err != nil {
		return a, err
	}
	if len(slots.Items) == 0 {
		return a, errors.New("there is no free slot")
	}
	for _, slot := range slots.Items[min(b.skip, len(slots.Items)-1):] {
		a, err = c.Scheduling.Hold(ctx, patient, scheduling.HoldRequest{Slot: slot.ID(), Reason: phi.Of(b.reason)})
		if !errors.Is(err, scheduling.ErrPatientBusy) {
			return a, err
		}
	}
	return a, err
}

// document writes down what happened at an appointment, which completes it. Every
// other visit is shared with the patient; every third is written anew on the next
// day, and some are shared only then.
func (c *clinic) document(ctx context.Context, by auth.Actor, a scheduling.Appointment, i int, b booking) error {
	zone, err := calendar.Zone(a.TimeZone)
	if err != nil {
		return err
	}
	n := notes[b.practitioner]
	visit, err := clinicalData(a, b, n.finding, n.plan)
	if err != nil {
		return err
	}
	kind := [...]encounters.Type{encounters.TreatmentSession, encounters.InitialAssessment, encounters.FollowUp}[i%3]
	e, err := c.Encounters.Create(ctx, by, encounters.NewEncounter{
		Patient: a.Patient.String(), Date: calendar.DateIn(a.Start, zone), Type: kind, ClinicalData: visit,
		Appointment: a.ID.String(), Shared: i%2 == 0,
	})
	if err != nil || i%3 > 0 {
		return err
	}
	c.later(a.End.Add(20*time.Hour), func(ctx context.Context) error {
		anew, err := clinicalData(a, b, n.finding, n.later)
		if err != nil {
			return err
		}
		shared := true
		_, err = c.Encounters.Amend(ctx, by, e.ID.String(), "*", encounters.Change{ClinicalData: &anew, Shared: &shared})
		return err
	})
	return nil
}

func clinicalData(a scheduling.Appointment, b booking, finding, plan string) (phi.Value[string], error) {
	text, err := json.Marshal(map[string]any{
		"complaint": b.reason, "findings": finding, "plan": plan, "duration_minutes": a.End.Sub(a.Start).Minutes(),
	})
	return phi.Of(string(text)), err
}

// ship plans kits and how far each comes.
func (c *clinic) ship() {
	for _, k := range kits {
		at := c.today.AddDate(0, 0, k.day)
		if k.day == 0 {
			at = c.today.Add(-2 * time.Hour)
		}
		c.later(at, func(ctx context.Context) error {
			if err := c.order(ctx, k); err != nil {
				return fmt.Errorf("kit of day %d: %w", k.day, err)
			}
			return nil
		})
	}
}

// order orders a kit and plans its way.
func (c *clinic) order(ctx context.Context, k shipment) error {
	o, err := c.Orders.Place(ctx, c.admin, orders.NewOrder{
		User: c.patients[k.patient].UserID.String(), Kit: k.kit,
		Shipping: orders.Address{
			Name: phi.Of(patients[k.patient].name), Line1: phi.Of(k.street), City: phi.Of(k.city), PostalCode: phi.Of(k.postal), Country: phi.Of(k.country),
		},
	})
	if err != nil {
		return err
	}
	for i, take := range map[orders.Status][]func(context.Context, auth.Actor, string) (orders.Order, error){
		orders.Dispatched:     {c.Orders.Dispatch},
		orders.SampleReceived: {c.Orders.Dispatch, c.Orders.Receive},
		orders.Completed:      {c.Orders.Dispatch, c.Orders.Receive, c.Orders.Complete},
		orders.Cancelled:      {c.Orders.Cancel},
	}[k.outcome] {
		c.later(c.today.AddDate(0, 0, k.day+1+9*i), func(ctx context.Context) error { // sent on the next day, and then it takes a while
			if _, err := take(ctx, c.admin, o.ID.String()); err != nil {
				return fmt.Errorf("kit of day %d: %w", k.day, err)
			}
			return nil
		})
	}
	return nil
}

// plan is what happens beside appointments: how people want to be told, what must be
// kept, an emergency, and what is ahead: time off, and who waits.
func (c *clinic) plan() {
	c.later(c.today.Add(-opening), c.choose)
	c.later(c.today.AddDate(0, 0, -12), func(ctx context.Context) error {
		_, err := c.Privacy.PlaceHold(ctx, c.admin, c.patients[3].UserID.String(), phi.Of("The insurer asks about the treatment of this spring"))
		return err
	})
	c.later(c.today.AddDate(0, 0, -7), func(ctx context.Context) error {
		_, err := c.Encounters.OpenInEmergency(ctx, c.practitioners[3], c.patients[6].UserID.String(), phi.Of("Fainted in the waiting room"))
		return err
	})
	for _, t := range timesOff {
		c.later(c.today, func(ctx context.Context) error {
			by := c.practitioners[t.practitioner]
			start := c.today.AddDate(0, 0, t.day).Truncate(day)
			_, err := c.Scheduling.TakeTimeOff(ctx, by, by.PractitionerID.String(), scheduling.Hours{
				Kind: scheduling.KindSpan, Span: calendar.Span{Start: start.Add(t.from), End: start.Add(t.to)},
			}, phi.Of(t.reason))
			return err
		})
	}
	for _, w := range waiting {
		c.later(c.today, func(ctx context.Context) error {
			_, err := c.Scheduling.JoinWaitlist(ctx, c.patients[w.patient], scheduling.WaitRequest{
				Practitioner: c.practitioners[w.practitioner].PractitionerID.String(),
				From:         c.today.AddDate(0, 0, w.from), To: c.today.AddDate(0, 0, w.to),
			})
			return err
		})
	}
}

// choose has people say how they want to be told.
func (c *clinic) choose(ctx context.Context) error {
	german := "de"
	for patient, wish := range map[int]notify.PreferencesChange{
		1: {Channels: map[notify.Kind]string{notify.ReminderDay: notify.BySMS, notify.AppointmentConfirmed: notify.BySMS}},
		2: {Language: &german},
		7: {Channels: map[notify.Kind]string{notify.ReminderHours: notify.ByNone}},
	} {
		if _, err := c.Notify.ChangePreferences(ctx, c.patients[patient], "*", wish); err != nil {
			return err
		}
	}
	return nil
}
