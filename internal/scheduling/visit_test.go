package scheduling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// stranger is somebody who did not sign in.
func stranger(address string) auth.Actor { return auth.Actor{Address: address} }

// visits lets people find bookings at the clinic without signing in. Ann was born
// on a day that is known, Bob was not.
func (c *clinic) visits() {
	c.t.Helper()
	ring, err := keyring.New()
	if err != nil {
		c.t.Fatal(err)
	}
	c.Auth = &auth.Service{DB: c.DB, Keys: ring}
	c.exec(`UPDATE user_profiles SET date_of_birth = '1961-04-30' WHERE user_id = $1`, c.ann.UserID)
}

func (c *clinic) update(do func(context.Context, *sqldb.Tx) error) {
	c.t.Helper()
	if err := c.DB.Update(c.t.Context(), do); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) exec(statement string, args ...any) {
	c.t.Helper()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	})
}

// trail returns what is on record of visits and of refused secrets, oldest first.
func (c *clinic) trail() (all []string) {
	c.t.Helper()
	if err := c.Auth.Flush(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, audit.Filter{}, page.Request{Limit: 1000})
		all = nil
		for _, e := range slices.Backward(p.Items) {
			if e.ActorRole == "visitor" || e.Action == "credential.refused" {
				all = append(all, fmt.Sprintf("%s %s %s %s x%d", e.ActorRole, e.Action, e.Outcome, e.ClientAddress, e.Count))
			}
		}
		return err
	})
	return all
}

func (c *clinic) find(from auth.Actor, reference, born string) (string, Appointment, error) {
	return c.FindVisit(c.t.Context(), from, reference, phi.Of(born))
}

func (c *clinic) link(a Appointment) auth.Secret { return auth.VisitLink(c.Auth.Keys, a.visit()) }

// pass opens a visit by its link and returns who the pass stands for.
func (c *clinic) pass(a Appointment) auth.Actor {
	c.t.Helper()
	pass, _, err := c.OpenVisit(c.t.Context(), stranger("192.0.2.1"), c.link(a))
	if err != nil {
		c.t.Fatal(err)
	}
	by, err := c.Auth.ByPass(c.t.Context(), stranger("192.0.2.1"), auth.Secret(pass))
	if err != nil {
		c.t.Fatal(err)
	}
	return by
}

func TestAVisitIsFoundByReferenceAndBirth(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.visits()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		c.publish(c.brown, hours("2027-03-16 09:00", "2027-03-16 12:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		b := c.book(c.bob, c.slot(c.brown.PractitionerID, at("2027-03-16 09:00")))
		other := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 10:00")))
		c.exec(`UPDATE appointments SET reference = 'ABCDEFGH23' WHERE id = $1 OR id = $2`, a.ID.ID, b.ID.ID)
		const born = "1961-04-30"
		refusals := map[string]bool{}
		for i, tt := range []struct {
			name, reference, born string
			found                 bool
		}{
			{"as it is", "ABCDEFGH23", born, true},
			{"as people type it", " abcde-fgh 23", born, true},
			{"another day", "ABCDEFGH23", "1961-04-29", false},
			{"no day", "ABCDEFGH23", "", false},
			{"what is no day", "ABCDEFGH23", "1961-04-30\x00", false},
			{"an unknown reference", "ABCDEFGH24", born, false},
			{"no reference", "", born, false},
			{"what is no reference", "\x00\xff%", born, false},
			{"a part of one", "ABCDEFGH2", born, false},
			{"one's own, the date of nobody", b.Reference, "1970-01-01", false},
		} {
			pass, got, err := c.find(stranger(fmt.Sprint("192.0.2.", i)), tt.reference, tt.born)
			if tt.found {
				if err != nil || got.ID != a.ID || pass == "" {
					t.Errorf("%s: %v %v, want Ann's appointment and a pass", tt.name, got.ID, err)
				}
				continue
			}
			want(t, tt.name, err, ErrVisitNotFound)
			if pass != "" || got.ID != (Appointment{}).ID {
				t.Errorf("%s: got a pass, want none", tt.name)
			}
			refusals[fmt.Sprint(err)] = true
		}
		if len(refusals) != 1 {
			t.Errorf("refusals differ: %v", refusals)
		}
		c.exec(`UPDATE appointments SET reference = 'ABCDEFGH23' WHERE id = $1`, other.ID.ID)
		_, _, err := c.find(stranger("192.0.2.50"), "ABCDEFGH23", born)
		want(t, "two of hers with one reference", err, ErrVisitNotFound)

		c.clock.Advance(time.Minute)
		got := c.trail()
		wantTrail := []string{"visitor visit.find success 192.0.2.0 x1", "visitor visit.find success 192.0.2.1 x1"}
		if len(got) != 11 || !slices.Equal(got[:2], wantTrail) || !slices.Contains(got, " credential.refused denied 192.0.2.2 x1") {
			t.Errorf("on record is %q", got)
		}
	})
}

// TestTriesAtVisitsAreSlowedDown guesses a date of birth, from one address and
// then from many.
func TestTriesAtVisitsAreSlowedDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.visits()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		one := stranger("192.0.2.1")
		spelled := []string{a.Reference, strings.ToLower(a.Reference), a.Reference[:5] + "-" + a.Reference[5:]}
		for i := range 5 {
			_, _, err := c.find(one, spelled[i%3], fmt.Sprintf("1961-04-%02d", i+1))
			want(t, fmt.Sprint("guess ", i), err, ErrVisitNotFound)
		}
		_, _, err := c.find(one, a.Reference, "1961-04-30")
		want(t, "the right day, too soon", err, auth.ErrThrottled)
		c.clock.Advance(time.Second)
		_, _, err = c.find(one, a.Reference, "1961-04-30")
		want(t, "the right day", err, nil)
		for i := range 20 {
			_, _, err := c.find(stranger(fmt.Sprintf("198.51.100.%d", i)), a.Reference, "1961-05-01")
			want(t, fmt.Sprint("guess from address ", i), err, ErrVisitNotFound)
		}
		_, _, err = c.find(stranger("198.51.100.99"), a.Reference, "1961-04-30")
		want(t, "the right day from a new address, too soon", err, auth.ErrThrottled)

		for i := range 51 {
			_, _, err := c.find(stranger("203.0.113.1"), fmt.Sprintf("ABCDEFGH%c%c", 'A'+i%26, 'A'+i/26), "1961-04-30")
			if i == 50 {
				want(t, "one guess at references too many", err, auth.ErrThrottled)
				break
			}
			want(t, "a guess at a reference", err, ErrVisitNotFound)
		}
	})
}

func TestALinkOpensItsVisitUntilADayAfter(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.visits()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		b := c.book(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 10:00")))
		open := func(token auth.Secret) error {
			_, got, err := c.OpenVisit(t.Context(), stranger("192.0.2.1"), token)
			if err == nil && got.ID != a.ID {
				t.Errorf("opened %v, want %v", got.ID, a.ID)
			}
			return err
		}
		token := c.link(a)
		want(t, "the link", open(token), nil)
		want(t, "the link again", open(token), nil)
		for i := range token {
			other := []byte(token)
			other[i] = map[bool]byte{true: '1', false: '0'}[other[i] == '0']
			want(t, fmt.Sprint("changed at ", i), open(auth.Secret(other)), ErrVisitNotFound)
		}
		for _, wrong := range []auth.Secret{"", "x", token[1:], token + "0", auth.Secret(strings.ToUpper(string(token)))} {
			want(t, "what is no token", open(wrong), ErrVisitNotFound)
		}
		mixed := a.visit()
		mixed.Patient = b.Patient
		want(t, "of another patient", open(auth.VisitLink(c.Auth.Keys, mixed)), ErrVisitNotFound)
		foreign, err := keyring.New()
		if err != nil {
			t.Fatal(err)
		}
		want(t, "by other keys", open(auth.VisitLink(foreign, a.visit())), ErrVisitNotFound)
		if c.Auth.Keys, err = c.Auth.Keys.Rotate(); err != nil {
			t.Fatal(err)
		}
		want(t, "after the keys were rotated", open(token), nil)
		if newer := c.link(a); newer == token {
			t.Error("the new keys make the old token")
		}

		moved, err := c.Reschedule(t.Context(), c.ann, a.ID.String(), RescheduleRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-15 11:00"))})
		want(t, "move", err, nil)
		c.clock.Advance(a.End.Add(24 * time.Hour).Sub(c.clock.Now()))
		want(t, "a day after the old end", open(token), nil)
		c.clock.Advance(moved.End.Add(24*time.Hour - time.Microsecond).Sub(c.clock.Now()))
		want(t, "just before the last instant", open(token), nil)
		_, _, err = c.find(stranger("192.0.2.2"), a.Reference, "1961-04-30")
		want(t, "by reference just then", err, nil)
		c.clock.Advance(time.Microsecond)
		want(t, "a day after the end", open(token), ErrVisitNotFound)
		_, _, err = c.find(stranger("192.0.2.2"), a.Reference, "1961-04-30")
		want(t, "by reference a day after the end", err, ErrVisitNotFound)
	})
}

// TestAPassManagesItsVisit has who did not sign in read, confirm, move and cancel
// one appointment, and nothing of the patient's other one.
func TestAPassManagesItsVisit(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, ctx := newClinic(t, db), t.Context()
		c.visits()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		a := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		other := c.hold(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 10:00")))
		by := c.pass(a)
		if !by.Anonymous() || by.Is(auth.Patient) || by.UserID != (auth.Actor{}).UserID {
			t.Errorf("a pass makes %v, who is more than nobody", by)
		}
		if by.Visits() != a.ID.String() || c.ann.Visits() != "" {
			t.Errorf("the pass is for %q and Ann's for %q, want %s and none", by.Visits(), c.ann.Visits(), a.ID)
		}
		read, err := c.Appointment(ctx, by, a.ID.String())
		if want(t, "read", err, nil); read.Reference != a.Reference {
			t.Errorf("read %v", read.ID)
		}
		confirmed, err := c.Confirm(ctx, by, a.ID.String())
		if want(t, "confirm", err, nil); confirmed.Status != Confirmed {
			t.Errorf("confirmed: %v", confirmed.Status)
		}
		to := RescheduleRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-15 11:00"))}
		forced := to
		forced.Override = phi.Of("because")
		_, err = c.Reschedule(ctx, by, a.ID.String(), forced)
		want(t, "override the policy", err, auth.ErrForbidden)
		moved, err := c.Reschedule(ctx, by, a.ID.String(), to)
		if want(t, "move", err, nil); !moved.Start.Equal(at("2027-03-15 11:00")) {
			t.Errorf("moved to %v", moved.Start)
		}
		text := other.ID.String()
		_, err = c.Appointment(ctx, by, text)
		want(t, "read another", err, ErrAppointmentNotFound)
		_, err = c.Confirm(ctx, by, text)
		want(t, "confirm another", err, auth.ErrForbidden)
		_, err = c.Reschedule(ctx, by, text, to)
		want(t, "move another", err, auth.ErrForbidden)
		_, err = c.Cancel(ctx, by, text, CancelRequest{})
		want(t, "cancel another", err, auth.ErrForbidden)
		_, err = c.Complete(ctx, by, a.ID.String())
		want(t, "complete", err, auth.ErrForbidden)
		_, err = c.Appointments(ctx, by, AppointmentFilter{}, page.Request{Limit: 10})
		want(t, "list", err, auth.ErrForbidden)
		cancelled, err := c.Cancel(ctx, by, a.ID.String(), CancelRequest{Reason: phi.Of("ill")})
		if want(t, "cancel", err, nil); cancelled.Status != Cancelled {
			t.Errorf("cancelled: %v", cancelled.Status)
		}
		by = c.pass(a) // still opens
		_, err = c.Confirm(ctx, by, a.ID.String())
		want(t, "confirm what is cancelled", err, ErrTransition)

		got := c.trail()
		for _, line := range []string{
			"visitor visit.open success 192.0.2.1 x1", "visitor appointment.confirm success 192.0.2.1 x1",
			"visitor appointment.reschedule success 192.0.2.1 x1", "visitor appointment.cancel success 192.0.2.1 x1",
			"visitor appointment.cancel denied 192.0.2.1 x1",
		} {
			if !slices.Contains(got, line) {
				t.Errorf("%q is not on record: %q", line, got)
			}
		}
	})
}

// TestAPassEnds shows that it is good for 30 minutes, for one use, by the keys of
// the installation, and not for who was erased.
func TestAPassEnds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, ctx := newClinic(t, db), t.Context()
		c.visits()
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 12:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 09:00")))
		begun := c.clock.Now()
		token := c.link(a)
		pass, _, err := c.OpenVisit(ctx, stranger("192.0.2.1"), token)
		want(t, "open", err, nil)
		by := func(pass string) error {
			_, err := c.Auth.ByPass(ctx, stranger("192.0.2.1"), auth.Secret(pass))
			return err
		}
		want(t, "a new pass", by(pass), nil)
		for _, wrong := range []string{"", pass[1:], pass + "A", pass + "\n", string(token)} {
			want(t, "what is no pass", by(wrong), auth.ErrUnauthenticated)
		}
		_, _, err = c.OpenVisit(ctx, stranger("192.0.2.1"), auth.Secret(pass))
		want(t, "a pass as a link", err, ErrVisitNotFound)
		c.clock.Advance(begun.Add(30*time.Minute - time.Microsecond).Sub(c.clock.Now()))
		want(t, "just before the 30th minute", by(pass), nil)
		c.clock.Advance(time.Microsecond)
		want(t, "at the 30th minute", by(pass), auth.ErrUnauthenticated)

		pass, _, err = c.OpenVisit(ctx, stranger("192.0.2.1"), token)
		want(t, "open again", err, nil)
		if c.Auth.Keys, err = c.Auth.Keys.Rotate(); err != nil {
			t.Fatal(err)
		}
		want(t, "after the keys were rotated", by(pass), nil)
		_, err = c.Cancel(ctx, c.ann, a.ID.String(), CancelRequest{})
		want(t, "cancel", err, nil)
		c.update(func(ctx context.Context, tx *sqldb.Tx) error {
			return errors.Join(Forget(ctx, tx, c.ann.UserID), directory.Forget(ctx, tx, c.ann.UserID))
		})
		want(t, "the pass of who was erased", by(pass), auth.ErrUnauthenticated)
		_, _, err = c.OpenVisit(ctx, stranger("192.0.2.1"), token)
		want(t, "the link of who was erased", err, ErrVisitNotFound)
		c.exec(`UPDATE user_profiles SET date_of_birth = '1961-04-30' WHERE user_id = $1`, c.ann.UserID)
		_, _, err = c.find(stranger("192.0.2.2"), a.Reference, "1961-04-30")
		want(t, "the reference of who was erased", err, ErrVisitNotFound)
	})
}
