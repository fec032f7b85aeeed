package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/keyring"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

const (
	opening  = 42 * 24 * time.Hour // how long ago the clinic opened
	bookedBy = 6 * 24 * time.Hour  // how long before their day appointments are booked
	search   = 4 * 24 * time.Hour  // how far after their day a slot may be: longer than any weekend
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// clinic is a clinic in the making.
type clinic struct {
	*app.Services
	clock         *clock
	today         time.Time
	admin         auth.Actor
	patients      []auth.Actor
	practitioners []auth.Actor
}

// seed fills a new database with the clinic as it is on the given day.
func seed(ctx context.Context, database string, keys *keyring.Ring, today time.Time) (err error) {
	db, err := sqldb.Open(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c := clinic{today: today, clock: &clock{}}
	c.clock.set(c.today.Add(-opening))
	db.Clock = c.clock.Now
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	c.Services = app.NewServices(db)
	c.Orders.Seal = keys
	c.Encounters.Masters = []keyring.Master{keyring.NewLive(keys, "")}
	if err := c.hire(ctx); err != nil {
		return err
	}
	if err := c.book(ctx); err != nil {
		return err
	}
	if err := c.ship(ctx); err != nil {
		return err
	}
	c.clock.set(c.today)
	return c.plan(ctx)
}

// hire makes everybody's account and the practitioners' weeks.
func (c *clinic) hire(ctx context.Context) error {
	var err error
	if c.admin, err = c.enter(ctx, admin, "", ""); err != nil {
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
	return auth.Actor{UserID: u.ID, Role: u.Role, PractitionerID: u.PractitionerID}, err
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

// book makes all appointments and brings them to where they stand.
func (c *clinic) book(ctx context.Context) error {
	for _, b := range bookings {
		day := c.today.AddDate(0, 0, b.day)
		at := day.Add(-bookedBy)
		if at.After(c.today) || b.outcome == scheduling.Held {
			at = c.today
		}
		c.clock.set(at)
		if err := c.appointment(ctx, b, day); err != nil {
			return fmt.Errorf("appointment of day %d: %w", b.day, err)
		}
	}
	return nil
}

func (c *clinic) appointment(ctx context.Context, b booking, day time.Time) error {
	patient, practitioner := c.patients[b.patient], c.practitioners[b.practitioner]
	slots, err := c.Scheduling.Slots(ctx, patient, scheduling.SlotQuery{
		Practitioner: practitioner.PractitionerID.String(), From: day, To: day.Add(search),
	}, page.Request{Limit: b.skip + 1})
	if err != nil {
		return err
	}
	if len(slots.Items) == 0 {
		return errors.New("there is no free slot")
	}
	a, err := c.Scheduling.Hold(ctx, patient, scheduling.HoldRequest{
		Slot: slots.Items[len(slots.Items)-1].ID(), Reason: phi.Of(b.reason),
	})
	if err != nil || b.outcome == scheduling.Held {
		return err
	}
	id := a.ID.String()
	if _, err := c.Scheduling.Confirm(ctx, patient, id); err != nil {
		return err
	}
	switch b.outcome {
	case scheduling.Cancelled:
		_, err = c.Scheduling.Cancel(ctx, patient, id, scheduling.CancelRequest{Reason: phi.Of("Something came up")})
	case scheduling.Completed:
		c.clock.set(a.End)
		err = c.document(ctx, practitioner, a, b)
	case scheduling.NoShow:
		c.clock.set(a.End)
		_, err = c.Scheduling.MarkNoShow(ctx, practitioner, id)
	}
	return err
}

// document writes down what happened at an appointment, which completes it.
func (c *clinic) document(ctx context.Context, by auth.Actor, a scheduling.Appointment, b booking) error {
	zone, err := calendar.Zone(a.TimeZone)
	if err != nil {
		return err
	}
	visit, err := json.Marshal(map[string]any{"complaint": b.reason, "plan": "Exercises, twice a day", "duration_minutes": a.End.Sub(a.Start).Minutes()})
	if err != nil {
		return err
	}
	kind := encounters.TreatmentSession
	if b.skip == 0 {
		kind = encounters.InitialAssessment
	}
	_, err = c.Encounters.Create(ctx, by, encounters.NewEncounter{
		Patient: a.Patient.String(), Date: calendar.DateIn(a.Start, zone), Type: kind, ClinicalData: phi.Of(string(visit)),
		Appointment: a.ID.String(), Shared: b.patient%2 == 0,
	})
	return err
}

// ship orders kits and takes each to where it stands.
func (c *clinic) ship(ctx context.Context) error {
	for _, k := range kits {
		p := patients[k.patient]
		c.clock.set(c.today.AddDate(0, 0, k.day))
		o, err := c.Orders.Place(ctx, c.admin, orders.NewOrder{
			User: c.patients[k.patient].UserID.String(), Kit: k.kit,
			Shipping: orders.Address{
				Name: phi.Of(p.name), Line1: phi.Of(k.street), City: phi.Of(k.city), PostalCode: phi.Of(k.postal), Country: phi.Of(k.country),
			},
		})
		if err != nil {
			return fmt.Errorf("kit of day %d: %w", k.day, err)
		}
		for i, step := range map[orders.Status][]func(context.Context, auth.Actor, string) (orders.Order, error){
			orders.Dispatched:     {c.Orders.Dispatch},
			orders.SampleReceived: {c.Orders.Dispatch, c.Orders.Receive},
			orders.Completed:      {c.Orders.Dispatch, c.Orders.Receive, c.Orders.Complete},
			orders.Cancelled:      {c.Orders.Cancel},
		}[k.outcome] {
			c.clock.set(c.today.AddDate(0, 0, k.day+1+9*i)) // sent on the next day, and then it takes a while
			if _, err := step(ctx, c.admin, o.ID.String()); err != nil {
				return fmt.Errorf("kit of day %d: %w", k.day, err)
			}
		}
	}
	return nil
}

// plan is what is ahead beside appointments: a holiday, and somebody who waits.
func (c *clinic) plan(ctx context.Context) error {
	away, back := c.today.AddDate(0, 0, 20).Truncate(24*time.Hour), c.today.AddDate(0, 0, 27).Truncate(24*time.Hour)
	maya := c.practitioners[2]
	_, err := c.Scheduling.TakeTimeOff(ctx, maya, maya.PractitionerID.String(), scheduling.Hours{
		Kind: scheduling.KindSpan, Span: calendar.Span{Start: away, End: back},
	}, phi.Of("Holiday"))
	if err != nil {
		return err
	}
	_, err = c.Scheduling.JoinWaitlist(ctx, c.patients[4], scheduling.WaitRequest{
		Practitioner: c.practitioners[3].PractitionerID.String(), From: c.today, To: c.today.AddDate(0, 0, 3),
	})
	return err
}
