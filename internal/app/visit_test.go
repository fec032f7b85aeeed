package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// visiting are the methods that who has a pass may use for the appointment it is for.
var visiting = []string{"Scheduling.Appointment", "Scheduling.Confirm", "Scheduling.Reschedule", "Scheduling.Cancel", "Scheduling.SetReason"}

// anybodys are the methods that do not refuse who is nobody: what is public, and
// what asks for another secret, which is in the arguments.
var anybodys = []string{
	"Auth.ByPass", "Auth.Refresh", "Auth.RequestReset", "Auth.ResetPassword", "Auth.SignIn",
	"Auth.SignInFrom", "Auth.SignInWithPasskey", "Auth.Try", "Auth.VerifyAddress",
	"Directory.Clinic", "Directory.NeedsSetUp", "Directory.ConfirmEmail", "Directory.Register", "Directory.SetUp", "Scheduling.FindVisit", "Scheduling.OpenVisit",
	"Scheduling.Practitioner", "Scheduling.Practitioners", "Scheduling.Slot", "Scheduling.Slots",
	"Scheduling.Days", "Scheduling.Times", "Scheduling.Nearest", "Scheduling.Explain",
	"Encounters.Open", "Orders.Open", // open what the caller has read
}

// TestAPassIsGoodForNothingElse calls every method of every service that asks who
// asks, with the ids of a patient and all that is theirs, as who has a pass for one
// of their appointments. What is not about that appointment answers as it does to
// nobody: with a refusal, unless it is for anybody.
func TestAPassIsGoodForNothingElse(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		services := app.NewServices(db)
		ring, err := keyring.New()
		if err != nil {
			t.Fatal(err)
		}
		services.Auth.Keys, services.Notify.Seal, services.Orders.Seal = ring, ring, ring
		services.Webhooks.Seal, services.Privacy.Seal, services.Encounters.Seal = ring, ring, ring
		services.Encounters.Masters = []keyring.Master{keyring.NewLive(ring, "")}
		v := newVisit(t, services)
		by, nobody := auth.Visit{Appointment: v.own.ID, Patient: v.patient.UserID}.By(auth.Actor{}), auth.Actor{}
		if a, err := services.Scheduling.Appointment(t.Context(), by, v.own.ID.String()); err != nil || a.Patient != v.patient.UserID {
			t.Fatalf("the pass is not good for its own appointment: %v", err)
		}
		texts := []string{
			v.patient.UserID.String(), v.other.ID.String(), v.practitioner.UserID.String(), v.practitioner.PractitionerID.String(),
			v.other.SlotID(), v.free, "",
		}
		called := 0
		for name, method := range methods(services) {
			for _, text := range append(texts, v.own.ID.String()) {
				if slices.Contains(visiting, name) && text == v.own.ID.String() {
					continue
				}
				got := call(t, name, method, by, text)
				if want := call(t, name, method, nobody, text); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s(%q) says %v to who has a pass, want %v, as to nobody", name, text, got, want)
				}
				refused := slices.Contains([]errs.Kind{errs.Unauthenticated, errs.Forbidden, errs.NotFound}, errs.KindOf(got))
				if !refused && !slices.Contains(anybodys, name) {
					t.Errorf("%s(%q) does not refuse who has a pass: %v", name, text, got)
				}
			}
			called++
		}
		if called < 100 {
			t.Errorf("called %d methods; there are more", called)
		}
		for _, name := range append(visiting, anybodys...) {
			if _, ok := methods(services)[name]; !ok {
				t.Errorf("%s is in a list and is no method", name)
			}
		}
	})
}

// visit is a patient with two appointments.
type visit struct {
	patient, practitioner auth.Actor
	own, other            scheduling.Appointment
	free                  string // the id of a slot
}

func newVisit(t *testing.T, s *app.Services) (v visit) {
	t.Helper()
	user := func(name string, role auth.Role) auth.Actor {
		u, err := s.Directory.CreateUser(t.Context(), auth.System, directory.NewUser{Email: phi.Of(name + "@example.org"), Name: phi.Of(name), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return auth.Actor{UserID: u.ID, Role: role, PractitionerID: u.PractitionerID}
	}
	v.patient, v.practitioner = user("ann", auth.Patient), user("grey", auth.Practitioner)
	start := sqltest.Start.Add(48 * time.Hour)
	p, err := s.Scheduling.Publish(t.Context(), v.practitioner, v.practitioner.PractitionerID.String(),
		scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: start, End: start.Add(4 * time.Hour)}})
	if err != nil || p.ID.ID == v.patient.UserID {
		t.Fatal(err)
	}
	slots := make([]string, 3)
	for i := range slots {
		slots[i] = scheduling.Appointment{ID: p.ID, Start: start.Add(time.Duration(i) * time.Hour), End: start.Add(time.Duration(i)*time.Hour + 15*time.Minute), Slots: 1}.SlotID()
	}
	for i, a := range []*scheduling.Appointment{&v.own, &v.other} {
		if *a, err = s.Scheduling.Hold(t.Context(), v.patient, scheduling.HoldRequest{Slot: slots[i]}); err != nil {
			t.Fatal(err)
		}
	}
	v.free = slots[2]
	return v
}

// methods returns what services offer to an actor: "Scheduling.Hold".
func methods(s *app.Services) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		service, in := v.Field(i), v.Type().Field(i).Name
		for j := range service.NumMethod() {
			m := service.Method(j)
			if m.Type().NumIn() >= 2 && m.Type().In(0) == reflect.TypeFor[context.Context]() && m.Type().In(1) == reflect.TypeFor[auth.Actor]() {
				all[in+"."+service.Type().Method(j).Name] = m
			}
		}
	}
	delete(all, "Directory.Provision") // a part of a transaction, whose caller has asked
	return all
}

// call calls a method with a text for whatever can be one, and returns its error.
func call(t *testing.T, name string, method reflect.Value, by auth.Actor, text string) error {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s(%q) panics: %v", name, text, r)
		}
	}()
	in := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(by)}
	for i := 2; i < method.Type().NumIn(); i++ {
		in = append(in, filled(method.Type().In(i), text))
	}
	out := method.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// filled makes a value of a type with text in its strings.
func filled(of reflect.Type, text string) reflect.Value {
	v := reflect.New(of).Elem()
	switch {
	case of == reflect.TypeFor[phi.Value[string]]():
		v.Set(reflect.ValueOf(phi.Of(text)))
	case of.Kind() == reflect.String:
		v.SetString(text)
	case of.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				v.Field(i).Set(filled(v.Field(i).Type(), text))
			}
		}
	case of.Kind() == reflect.Int:
		v.SetInt(1)
	}
	return v
}

// TestMessagesHaveALinkToTheVisit follows the link of each message that an appointment
// makes, and looks for its token where the database would show it.
func TestMessagesHaveALinkToTheVisit(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		services, runner := app.NewServices(db), &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		ring, err := keyring.New()
		if err != nil {
			t.Fatal(err)
		}
		services.Auth.Keys, services.Notify.Seal, services.Notify.PublicURL = ring, ring, "https://clinic.example"
		services.Notify.Work(runner)
		services.Scheduling.Work(runner)
		v := newVisit(t, services)
		admin := auth.Actor{Role: auth.Admin}
		newest := func(kind notify.Kind) string {
			if _, err := runner.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			all, err := services.Notify.Outbox(t.Context(), admin, page.Request{Limit: 50})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(all.Items, func(n notify.Notification) bool { return n.Event.Kind == kind })
			if i < 0 {
				t.Fatalf("no message of %s", kind)
			}
			m, err := services.Notify.Message(t.Context(), admin, all.Items[i].ID.String())
			if err != nil {
				t.Fatal(err)
			}
			return m.Text.Reveal()
		}
		follow := func(kind notify.Kind) {
			t.Helper()
			text := newest(kind)
			_, token, found := strings.Cut(text, "\n\nhttps://clinic.example/visit#")
			token, _, _ = strings.Cut(token, "\n")
			if !found {
				t.Fatalf("no link in %s:\n%s", kind, text)
			}
			if _, a, err := services.Scheduling.OpenVisit(t.Context(), auth.Actor{}, auth.Secret(token)); err != nil || a.Patient != v.patient.UserID {
				t.Errorf("the link of %s opens %v: %v", kind, a.ID, err)
			}
			if n := holding(t, db, token); n != 0 {
				t.Errorf("%d rows of jobs and messages hold the token of %s", n, kind)
			}
		}
		follow(notify.AppointmentHeld)
		for _, step := range []struct {
			kind notify.Kind
			do   func() (scheduling.Appointment, error)
		}{
			{notify.AppointmentConfirmed, func() (scheduling.Appointment, error) {
				return services.Scheduling.Confirm(t.Context(), v.patient, v.own.ID.String())
			}},
			{notify.AppointmentMoved, func() (scheduling.Appointment, error) {
				return services.Scheduling.Reschedule(t.Context(), v.patient, v.own.ID.String(), scheduling.RescheduleRequest{Slot: v.free})
			}},
		} {
			sqltest.ClockOf(db).Advance(time.Second)
			if _, err := step.do(); err != nil {
				t.Fatal(err)
			}
			follow(step.kind)
		}
		start := sqltest.Start.Add(50 * time.Hour)
		sqltest.ClockOf(db).Advance(start.Add(-24 * time.Hour).Sub(db.Now()))
		follow(notify.ReminderDay)
		sqltest.ClockOf(db).Advance(22 * time.Hour)
		follow(notify.ReminderHours)
	})
}

// holding counts the rows of jobs and messages that have a text in clear.
func holding(t *testing.T, db *sqldb.DB, text string) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for _, query := range []string{`SELECT payload FROM jobs`, `SELECT sealed FROM notifications WHERE sealed IS NOT NULL`} {
			all, err := sqldb.All(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
				err = r.Scan(&b)
				return b, err
			}, query)
			if err != nil {
				return err
			}
			for _, b := range all {
				if strings.Contains(string(b), text) {
					n++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
