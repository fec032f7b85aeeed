package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	random "math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

// The shape of a clinic that is filled.
const (
	behind  = 2 * 365 // days of the past that have appointments
	ahead   = 84      // days of the future that have
	perDay  = 24      // appointments of a practitioner on a working day
	perHead = 8       // appointments of a patient

	dayBegins = 8  // o'clock, where the practitioner is
	daySlots  = 32 // of 15 minutes: until four
	holdFor   = 48 * time.Hour
	atOnce    = 1000 // appointments, or patients, that a transaction makes
	recorded  = 200  // records of the trail that a statement writes
	documents = 100  // of so many visits one is documented
)

// ErrInUse is of a database that has a clinic in it.
var ErrInUse = errors.New("the database has users already: fill a new one")

// Filling says what to fill a database with.
type Filling struct {
	Database     string
	Keys         *keyring.Ring
	Checkpoints  string // file of the audit trail's signed heads
	Appointments int
	Now          time.Time
	Tell         func(done int) // called now and then with how many appointments there are; may be nil
}

// Filled says what is in a database that was filled.
type Filled struct {
	Practitioners, Patients, Appointments, Encounters int
	Admin                                             string // the admin's address
}

// Fill makes up a clinic with so many appointments, over two years behind now and
// twelve weeks ahead, in a database that has none: of believable shape, to
// measure by. What it is like does not depend on chance, but for the ids.
//
// Appointments are written in numbers, past the services, with the claims, the
// patients' side and the records of the trail that services would have left; people
// have no messages from it. It returns ErrInUse, having changed nothing.
func Fill(ctx context.Context, f Filling) (done Filled, err error) {
	defer errs.Wrap(&err, "fill")
	db, err := sqldb.Open(ctx, f.Database)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c := &crowd{now: f.Now.Truncate(time.Microsecond), clock: &clock{}, chance: random.New(random.NewPCG(1, 2))} //nolint:gosec // it is to be the same each time
	db.Clock = c.clock.Now
	c.clock.set(c.now.AddDate(0, 0, -behind-28))
	if err := db.Migrate(ctx); err != nil {
		return done, err
	}
	c.Services = app.NewServices(db)
	c.Encounters.Masters, c.Encounters.Seal = []keyring.Master{keyring.NewLive(f.Keys, "")}, f.Keys
	if err := c.mustBeEmpty(ctx); err != nil {
		return done, err
	}
	c.workdays()
	if err := c.staff(ctx, f.Appointments); err != nil {
		return done, err
	}
	if err := c.people(ctx, f.Appointments); err != nil {
		return done, err
	}
	if err := c.live(ctx, f); err != nil {
		return done, err
	}
	c.done.Admin = admin.email
	return c.done, c.seal(ctx, f)
}

// crowd is a large clinic in the making.
type crowd struct {
	*app.Services
	clock  *clock
	now    time.Time
	chance *random.Rand
	days   []calendar.Date // those on which the clinic works, ascending
	by     []auth.Actor    // the practitioners
	zones  []*time.Location
	ids    []uuid.UUID // of the patients
	ends   []visit     // of visits whose end is still to be recorded, about in their order
	done   Filled
}

// visit is an appointment whose practitioner has something to say about it.
type visit struct {
	scheduling.Appointment
	practitioner int
	documented   bool
}

// mustBeEmpty returns ErrInUse if there is anybody in the database.
func (c *crowd) mustBeEmpty(ctx context.Context) error {
	return c.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		has, err := directory.HasUsers(ctx, tx)
		if err == nil && has {
			err = ErrInUse
		}
		return err
	})
}

// workdays lists the days that are no weekends.
func (c *crowd) workdays() {
	for d := -behind; d <= ahead; d++ {
		day := c.now.AddDate(0, 0, d)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			c.days = append(c.days, calendar.DateIn(day, time.UTC))
		}
	}
}

// staff makes an admin, and as many practitioners as have that much to do.
func (c *crowd) staff(ctx context.Context, appointments int) error {
	if _, err := c.Directory.CreateUser(ctx, auth.System, newUser(admin)); err != nil {
		return err
	}
	specialties := [...]string{"general practice", "physiotherapy", "nutrition", "psychotherapy", "genetic counselling"}
	zones := [...]string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu"}
	for i := range max(2, (appointments+perDay*len(c.days)-1)/(perDay*len(c.days))) {
		p := person{role: auth.Practitioner, name: nameOf(i), email: fmt.Sprintf("practitioner%d@clinic.example", i+1), zone: zones[i%len(zones)]}
		n := newUser(p)
		n.Specialty = specialties[i%len(specialties)]
		u, err := c.Directory.CreateUser(ctx, auth.System, n)
		if err != nil {
			return err
		}
		by := auth.Actor{UserID: u.ID, Role: u.Role, PractitionerID: u.PractitionerID}
		zone, err := calendar.Zone(p.zone)
		if err != nil {
			return err
		}
		if err := c.open(ctx, by, zone); err != nil {
			return err
		}
		c.by, c.zones = append(c.by, by), append(c.zones, zone)
	}
	c.done.Practitioners = len(c.by)
	return nil
}

// open publishes a practitioner's week.
func (c *crowd) open(ctx context.Context, by auth.Actor, zone *time.Location) error {
	hold := int(holdFor.Seconds())
	key := by.PractitionerID.String()
	_, err := c.Scheduling.ChangePractitioner(ctx, by, key, "*", scheduling.PractitionerChange{Policy: scheduling.PolicyChange{HoldSeconds: &hold}})
	if err != nil {
		return err
	}
	w := calendar.Weekly{First: calendar.DateIn(c.clock.Now(), zone)}
	if w.Weekdays, err = calendar.ParseWeekdays([]string{"mon", "tue", "wed", "thu", "fri"}); err != nil {
		return err
	}
	if w.From, err = calendar.ParseTime("08:00"); err != nil {
		return err
	}
	if w.To, err = calendar.ParseTime("16:00"); err != nil {
		return err
	}
	_, err = c.Scheduling.Publish(ctx, by, key, scheduling.Hours{Kind: scheduling.KindWeekly, Weekly: w})
	return err
}

// people makes the patients. Each goes to two practitioners, on every other day to
// the same, so that nobody is at two places at once.
func (c *crowd) people(ctx context.Context, appointments int) error {
	n := max(appointments/perHead, 2*len(c.by))
	for from := 0; from < n; from += atOnce {
		var list []directory.NewUser
		for i := from; i < min(from+atOnce, n); i++ {
			list = append(list, newUser(person{
				role: auth.Patient, name: nameOf(i), email: fmt.Sprintf("patient%d@mail.example", i+1), phone: fmt.Sprintf("+1 212 555 %04d", i%10000),
				zone: c.zones[i%len(c.by)].String(), born: fmt.Sprintf("%d-%02d-%02d", 1940+i%80, 1+i%12, 1+i%28),
			}))
		}
		err := c.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			ids, err := directory.Admit(ctx, tx, list)
			if err != nil {
				return err
			}
			var events []audit.Event
			var related []directory.Relation
			for i, patient := range ids {
				events = append(events, auth.System.Event("user.create", "user", patient.String(), patient))
				first := (from + i) % len(c.by)
				related = append(related,
					directory.Relation{Patient: patient, Practitioner: c.by[first].PractitionerID},
					directory.Relation{Patient: patient, Practitioner: c.by[(first+1)%len(c.by)].PractitionerID})
			}
			if err := directory.RelateAll(ctx, tx, related); err != nil {
				return err
			}
			tx.AfterCommit(func() { c.ids = append(c.ids, ids...) })
			return record(ctx, tx, events)
		})
		if err != nil {
			return err
		}
	}
	c.done.Patients = len(c.ids)
	return nil
}

// live goes through the days: their appointments are booked before, and what
// became of them is said after.
func (c *crowd) live(ctx context.Context, f Filling) error {
	for d, day := range c.days {
		n := f.Appointments*(d+1)/len(c.days) - f.Appointments*d/len(c.days)
		at := c.bookedAt(day)
		if err := c.tell(ctx, at); err != nil {
			return err
		}
		list := c.day(day, d, n, at)
		for some := range slices.Chunk(list, atOnce) {
			at = at.Add(time.Second)
			if err := c.book(ctx, some, at); err != nil {
				return err
			}
		}
		if _, err := audit.Seal(ctx, c.DB); err != nil {
			return err
		}
		if f.Tell != nil && d%50 == 49 {
			f.Tell(c.done.Appointments)
		}
	}
	return c.tell(ctx, c.now)
}

// bookedAt returns when the appointments of a day are booked: a week before it,
// those of the weeks ahead within the last week, the latest last.
func (c *crowd) bookedAt(day calendar.Date) time.Time {
	const lead = 7 * 24 * time.Hour
	start := calendar.Day(day, time.UTC).Start
	if into := start.Sub(c.now); into > 0 {
		share := into.Hours() / ((ahead + 1) * 24)
		return c.now.Add(-lead + time.Duration(share*float64(lead))).Truncate(time.Second)
	}
	return start.Add(-lead)
}

// day makes up n appointments of a day, the d-th, that are booked at an instant.
func (c *crowd) day(day calendar.Date, d, n int, at time.Time) []visit {
	next := make([]int, len(c.by)) // slot of each practitioner
	list := make([]visit, 0, n)
	for i := range n {
		p := i % len(c.by)
		slot := (7*next[p] + 5*p + 11*d) % daySlots // 7 goes round all of them
		v := visit{Appointment: c.appointment(day, p, slot, at), practitioner: p}
		lead := (p + d%2*(len(c.by)-1)) % len(c.by) // who comes to p on such a day
		each := (len(c.ids) - lead + len(c.by) - 1) / len(c.by)
		v.Patient = c.ids[lead+len(c.by)*c.chance.IntN(each)]
		free := v.Status == scheduling.Cancelled || v.Status == scheduling.Expired
		if !free || c.chance.IntN(2) == 0 { // else somebody else takes the same slot
			next[p]++
		}
		v.documented = v.Status == scheduling.Completed && c.chance.IntN(documents) == 0
		list = append(list, v)
	}
	return list
}

// appointment makes up how an appointment came out, or how it stands.
func (c *crowd) appointment(day calendar.Date, p, slot int, at time.Time) scheduling.Appointment {
	reasons := [...]string{"Check-up", "Results", "Cough", "Back", "Advice", "Follow-up"}
	noon := calendar.Day(day, c.zones[p]).Start
	start := time.Date(noon.In(c.zones[p]).Year(), noon.In(c.zones[p]).Month(), noon.In(c.zones[p]).Day(), dayBegins, 15*slot, 0, 0, c.zones[p]).UTC()
	a := scheduling.Appointment{
		ID: id.NewKeyed(c.by[p].PractitionerID), Start: start, End: start.Add(15 * time.Minute), Slots: 1, Reference: rand.Text()[:10],
		Reason: phi.Of(reasons[c.chance.IntN(len(reasons))]), CreatedAt: at, UpdatedAt: at, Version: 1,
	}
	of100 := c.chance.IntN(100)
	over := !a.End.After(c.now)
	switch {
	case of100 >= 98:
		a.Status, a.HoldExpiresAt = scheduling.Expired, at.Add(30*time.Minute)
	case of100 >= 92:
		a.Status, a.CancelReason = scheduling.Cancelled, phi.Of("Something came up")
	case over && of100 >= 88:
		a.Status = scheduling.NoShow
	case over:
		a.Status = scheduling.Completed
	case of100 >= 86 && at.Add(holdFor).After(c.now):
		a.Status, a.HoldExpiresAt = scheduling.Held, at.Add(holdFor)
	default:
		a.Status = scheduling.Confirmed
	}
	return a
}

// book writes appointments as they will stand, and that they were booked.
func (c *crowd) book(ctx context.Context, list []visit, at time.Time) error {
	c.clock.set(at)
	events, rows := make([]audit.Event, len(list)), make([]scheduling.Appointment, len(list))
	for i, v := range list {
		by := auth.Actor{UserID: v.Patient, Role: auth.Patient, RequestID: id.New().String(), Address: "192.0.2.1", Agent: "Mozilla/5.0"}
		events[i] = by.Event("appointment.hold", "appointment", v.ID.String(), v.Patient)
		if v.CreatedAt = at; v.Status != scheduling.Confirmed && v.Status != scheduling.Held {
			v.UpdatedAt, v.Version = c.endOf(v), 2
			c.ends = append(c.ends, v)
		} else {
			v.UpdatedAt = at
		}
		rows[i] = v.Appointment
	}
	err := c.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := scheduling.Enter(ctx, tx, rows); err != nil {
			return err
		}
		return record(ctx, tx, events)
	})
	if err == nil {
		c.done.Appointments += len(list)
	}
	return err
}

// endOf returns when it was said what became of a visit.
func (c *crowd) endOf(v visit) time.Time {
	at := v.End.Add(12 * time.Hour).Truncate(24 * time.Hour) // in the evening, all at once
	switch v.Status {
	case scheduling.Expired:
		at = v.HoldExpiresAt
	case scheduling.Cancelled:
		at = v.CreatedAt.Add(24 * time.Hour)
	}
	if at.After(c.now) {
		return c.now
	}
	return at
}

// tell puts on record what became of the visits until an instant, and documents
// some of them.
func (c *crowd) tell(ctx context.Context, until time.Time) error {
	var due, rest []visit
	for _, v := range c.ends {
		if v.UpdatedAt.After(until) {
			rest = append(rest, v)
		} else {
			due = append(due, v)
		}
	}
	c.ends = rest
	c.clock.set(until)
	var events []audit.Event
	for _, v := range due {
		by := c.by[v.practitioner]
		if v.documented {
			if err := c.document(ctx, by, v.Appointment); err != nil {
				return err
			}
			continue
		}
		action := map[scheduling.Status]string{
			scheduling.Completed: "appointment.complete", scheduling.NoShow: "appointment.no_show",
			scheduling.Cancelled: "appointment.cancel", scheduling.Expired: "appointment.expire",
		}[v.Status]
		events = append(events, by.Event(action, "appointment", v.ID.String(), v.Patient))
	}
	for some := range slices.Chunk(events, atOnce) {
		err := c.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return record(ctx, tx, some) })
		if err != nil {
			return err
		}
	}
	return nil
}

// record puts many events on record, as part of tx.
func record(ctx context.Context, tx *sqldb.Tx, events []audit.Event) error {
	for some := range slices.Chunk(events, recorded) {
		if err := audit.Record(ctx, tx, some...); err != nil {
			return err
		}
	}
	return nil
}

// document writes down what happened at a visit.
func (c *crowd) document(ctx context.Context, by auth.Actor, a scheduling.Appointment) error {
	c.done.Encounters++
	n := notes[c.done.Encounters%len(notes)]
	text, err := clinicalData(a, booking{reason: "Check-up"}, n.finding, n.plan)
	if err != nil {
		return err
	}
	_, err = c.Encounters.Create(ctx, by, encounters.NewEncounter{
		Patient: a.Patient.String(), Date: calendar.DateIn(a.Start, time.UTC), Type: encounters.FollowUp, ClinicalData: text, Appointment: a.ID.String(),
	})
	return err
}

// seal signs the head of the trail.
func (c *crowd) seal(ctx context.Context, f Filling) error {
	signer, err := app.CheckpointSigner(f.Keys)
	if err != nil {
		return err
	}
	keeper := &audit.Keeper{DB: c.DB, Log: slog.New(slog.DiscardHandler), Signer: signer, File: f.Checkpoints}
	ended, end := context.WithCancel(ctx)
	end() // so that it does what is left, and no more
	return keeper.Run(ended)
}

func newUser(p person) directory.NewUser {
	return directory.NewUser{
		Role: p.role, Email: phi.Of(p.email), Name: phi.Of(p.name), Phone: optional(p.phone), DateOfBirth: optional(p.born), TimeZone: p.zone,
	}
}

// nameOf makes up a name.
func nameOf(i int) string {
	given := [...]string{"Ada", "Ben", "Clara", "Dimitri", "Elif", "Farid", "Gita", "Hugo", "Ines", "Jun", "Karim", "Lena", "Mika", "Nora", "Omar", "Priya", "Rosa", "Sven", "Tara", "Yusuf"}
	family := [...]string{"Moreno", "Adeyemi", "Nilsson", "Weiss", "Kaya", "Rahimi", "Thapa", "Bennett", "Costa", "Dubois", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito", "Jensen", "Kowalski", "Lopez", "Meyer", "Novak", "Okafor", "Petrov", "Quinn"}
	return given[i%len(given)] + " " + family[i/len(given)%len(family)]
}
