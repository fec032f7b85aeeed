package scheduling

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// unsealed keeps messages as they are: what is looked at here is what they say.
type unsealed struct{}

func (unsealed) Seal(plaintext, _ []byte) ([]byte, error) { return plaintext, nil }
func (unsealed) Unseal(sealed, _ []byte) ([]byte, error)  { return sealed, nil }

// post is a clinic whose messages are written, and stay in its outbox.
type post struct {
	*clinic
	notify *notify.Service
	run    *jobs.Runner
}

func newPost(t *testing.T, db *sqldb.DB) *post {
	t.Helper()
	p := &post{clinic: newClinic(t, db), run: &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}}
	p.notify = &notify.Service{DB: db, Seal: unsealed{}, Sources: map[notify.Kind]notify.Source{}, PublicURL: "https://clinic.example"}
	for _, kind := range Tells() {
		p.notify.Sources[kind] = Facts
	}
	p.Work(p.run)
	p.notify.Work(p.run)
	return p
}

// told does what is due and lists the kinds of messages to a user, the oldest first.
func (p *post) told(user auth.Actor) (kinds []string, last notify.Message) {
	p.t.Helper()
	if _, err := p.run.RunDue(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	list, err := p.notify.Notifications(p.t.Context(), p.staff, notify.Filter{User: user.UserID.String()}, page.Request{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	// Reminders have ids that tell nothing of their age.
	slices.SortStableFunc(list.Items, func(a, b notify.Notification) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, n := range list.Items {
		kinds = append(kinds, string(n.Event.Kind))
	}
	if len(list.Items) > 0 {
		if last, err = p.notify.Message(p.t.Context(), p.staff, list.Items[0].ID.String()); err != nil {
			p.t.Fatal(err)
		}
	}
	slices.Reverse(kinds)
	return kinds, last
}

func (p *post) move(by auth.Actor, a Appointment, start string, quiet bool) error {
	to := id.Slot{Practitioner: p.grey.PractitionerID, Start: at(start), End: at(start).Add(15 * time.Minute)}
	_, err := p.Reschedule(p.t.Context(), by, a.ID.String(), RescheduleRequest{Slot: to.String(), Quiet: quiet})
	return err
}

func TestStaffChooseWhetherThePatientIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPost(t, db)
		p.publish(p.grey, hours("2027-03-16 08:00", "2027-03-16 12:00"))
		a := p.book(p.ann, p.slot(p.grey.PractitionerID, at("2027-03-16 08:00")))
		ill := phi.Of("ill")

		want(t, "a quiet move by the patient", p.move(p.ann, a, "2027-03-16 09:00", true), auth.ErrForbidden)
		_, err := p.Cancel(t.Context(), p.ann, a.ID.String(), CancelRequest{Quiet: true})
		want(t, "a quiet cancellation by the patient", err, auth.ErrForbidden)
		want(t, "a quiet move by the practitioner", p.move(p.grey, a, "2027-03-16 09:00", true), nil)
		if kinds, _ := p.told(p.ann); !slices.Equal(kinds, []string{"appointment-confirmed"}) {
			t.Errorf("after a quiet move Ann is told of %v, want of the booking only", kinds)
		}
		want(t, "a move by staff", p.move(p.staff, a, "2027-03-16 10:00", false), nil)
		if kinds, _ := p.told(p.ann); !slices.Equal(kinds, []string{"appointment-confirmed", "appointment-moved"}) {
			t.Errorf("after a move Ann is told of %v", kinds)
		}
		// Moved quietly once more: the reminder is of where it is now.
		want(t, "a quiet move by staff", p.move(p.staff, a, "2027-03-16 11:00", true), nil)
		p.clock.Set(at("2027-03-15 11:00"))
		if kinds, last := p.told(p.ann); len(kinds) != 3 || kinds[2] != "reminder-day" || !strings.Contains(last.Text.Reveal(), "at 11:00") {
			t.Errorf("a day before, Ann is told of %v, want a reminder of 11:00", kinds)
		}
		if _, err := p.Cancel(t.Context(), p.staff, a.ID.String(), CancelRequest{Reason: ill, Quiet: true}); err != nil {
			t.Fatal(err)
		}
		if kinds, _ := p.told(p.ann); len(kinds) != 3 {
			t.Errorf("after a quiet cancellation Ann is told of %v", kinds)
		}
		b := p.book(p.bob, p.slot(p.grey.PractitionerID, at("2027-03-16 11:30")))
		if _, err := p.Cancel(t.Context(), p.grey, b.ID.String(), CancelRequest{Reason: ill}); err != nil {
			t.Fatal(err)
		}
		if kinds, _ := p.told(p.bob); !slices.Contains(kinds, "appointment-cancelled") {
			t.Errorf("after a cancellation Bob is told of %v", kinds)
		}
		const quiet = `SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'success' AND purpose = $2`
		for _, tt := range []struct {
			action, purpose string
			want            int
		}{
			{"appointment.reschedule", "treatment, patient not told", 1},
			{"appointment.reschedule", "operations, patient not told", 1},
			{"appointment.reschedule", "operations", 1},
			{"appointment.cancel", "operations, patient not told", 1},
			{"appointment.cancel", "treatment", 1},
		} {
			if n := p.count(quiet, tt.action, tt.purpose); n != tt.want {
				t.Errorf("%d records of %s for %q, want %d", n, tt.action, tt.purpose, tt.want)
			}
		}
	})
}

func TestAPreviewOfAMessageIsWhatIsThenSent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPost(t, db)
		p.publish(p.grey, hours("2027-03-16 08:00", "2027-03-16 12:00"))
		a := p.book(p.ann, p.slot(p.grey.PractitionerID, at("2027-03-16 08:00")))
		p.told(p.ann)
		ann := p.ann.UserID.String()
		german := notify.PreferencesChange{Language: new("de")}
		if _, err := p.notify.ChangePreferences(t.Context(), p.ann, "*", german); err != nil {
			t.Fatal(err)
		}
		moved := notify.Event{Kind: notify.AppointmentMoved, About: a.ID.String(), Start: at("2027-03-16 09:00")}
		cancelled := notify.Event{Kind: notify.AppointmentCancelled, About: a.ID.String()}
		same := func(what string, d notify.Draft, err error) {
			t.Helper()
			_, m := p.told(p.ann)
			if err != nil || d.Subject != m.Subject || d.Text.Reveal() != m.Text.Reveal() || d.Channel != "outbox" {
				t.Errorf("%s: the preview is %q %q %q, %v, the message %q %q", what, d.Channel, d.Subject, d.Text.Reveal(), err, m.Subject, m.Text.Reveal())
			}
			if !strings.Contains(d.Text.Reveal(), "Uhr") {
				t.Errorf("%s: Ann reads German, and the preview is %q", what, d.Text.Reveal())
			}
		}
		written := p.count(`SELECT count(*) FROM notifications`) + p.count(`SELECT count(*) FROM jobs`)
		d, err := p.notify.Preview(t.Context(), p.grey, ann, moved)
		if n := p.count(`SELECT count(*) FROM notifications`) + p.count(`SELECT count(*) FROM jobs`); n != written {
			t.Errorf("the preview wrote %d messages or jobs", n-written)
		}
		want(t, "move", p.move(p.grey, a, "2027-03-16 09:00", false), nil)
		same("moved", d, err)
		d, err = p.notify.Preview(t.Context(), p.staff, ann, cancelled)
		if _, err := p.Cancel(t.Context(), p.staff, a.ID.String(), CancelRequest{Reason: phi.Of("ill")}); err != nil {
			t.Fatal(err)
		}
		same("cancelled", d, err)
		_, err = p.notify.Preview(t.Context(), p.staff, ann, cancelled)
		want(t, "a preview of what is over", err, notify.ErrNotFound)
		if n := p.count(`SELECT count(*) FROM audit_events e JOIN audit_patients p ON p.event_id = e.id
			WHERE e.action = 'message.preview' AND e.outcome = 'success' AND p.patient_id = $1`, p.ann.UserID); n != 2 {
			t.Errorf("%d looks on record, want 2", n)
		}
	})
}

func TestOnlyAdminsAndTheirPractitionerPreviewMessages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := newPost(t, db)
		p.publish(p.grey, hours("2027-03-16 08:00", "2027-03-16 12:00"))
		a := p.book(p.ann, p.slot(p.grey.PractitionerID, at("2027-03-16 08:00")))
		ann := p.ann.UserID.String()
		e := notify.Event{Kind: notify.AppointmentCancelled, About: a.ID.String()}
		for _, tt := range []struct {
			name string
			by   auth.Actor
			user string
			e    notify.Event
			want error
		}{
			{"the patient", p.ann, ann, e, auth.ErrForbidden},
			{"nobody", auth.Actor{}, ann, e, auth.ErrForbidden},
			{"an auditor", auth.Actor{UserID: id.New(), Role: auth.Auditor}, ann, e, auth.ErrForbidden},
			{"another practitioner", p.brown, ann, e, notify.ErrNotFound},
			{"to another patient", p.grey, p.bob.UserID.String(), e, notify.ErrNotFound},
			{"to nobody", p.staff, id.New().String(), e, notify.ErrNotFound},
			{"to no id", p.staff, "x", e, notify.ErrNotFound},
			{"of nothing", p.staff, ann, notify.Event{Kind: e.Kind}, notify.ErrNotFound},
			{"of an account", p.staff, ann, notify.Event{Kind: auth.MailReset, About: a.ID.String()}, notify.ErrNotFound},
			{"its practitioner", p.grey, ann, e, nil},
			{"staff", p.staff, ann, e, nil},
		} {
			d, err := p.notify.Preview(t.Context(), tt.by, tt.user, tt.e)
			want(t, tt.name, err, tt.want)
			if (err == nil) != d.Text.Present() {
				t.Errorf("%s: a text %v with %v", tt.name, d.Text.Present(), err)
			}
		}
		off := notify.PreferencesChange{Channels: map[notify.Kind]string{e.Kind: notify.ByNone}}
		if _, err := p.notify.ChangePreferences(t.Context(), p.ann, "*", off); err != nil {
			t.Fatal(err)
		}
		if d, err := p.notify.Preview(t.Context(), p.staff, ann, e); err != nil || d.Channel != notify.ByNone || !d.Text.Present() {
			t.Errorf("to a patient who wants no such message: %q, %v, want a text and %q", d.Channel, err, notify.ByNone)
		}
	})
}
