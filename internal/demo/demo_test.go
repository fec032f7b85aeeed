package demo

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/keyring"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

// ring makes an installation's keys.
func ring(t *testing.T) *keyring.Ring {
	t.Helper()
	r, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheClinicFitsAnyDay makes the clinic on each day of the week and around
// the changes of daylight-saving time, at hours when its zones have different dates.
func TestTheClinicFitsAnyDay(t *testing.T) {
	days := []time.Time{
		time.Date(2027, 3, 14, 6, 59, 0, 0, time.UTC),  // New York changes
		time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC),  // Berlin changes
		time.Date(2027, 11, 7, 5, 30, 0, 0, time.UTC),  // New York changes back
		time.Date(2028, 2, 29, 18, 20, 0, 0, time.UTC), // a leap day
	}
	for d := range 7 {
		days = append(days, time.Date(2027, 8, 9+d, 3*d, 7*d, d, 123456789, time.UTC))
	}
	for _, now := range days {
		t.Run(now.Format(time.DateTime), func(t *testing.T) {
			t.Parallel()
			database := "sqlite:" + filepath.Join(t.TempDir(), "medbook.db")
			keys := ring(t)
			if err := seed(t.Context(), database, keys, now); err != nil {
				t.Fatal(err)
			}
			s := reopen(t, database, now)
			got := map[scheduling.Status]int{}
			for _, a := range appointments(t, s) {
				got[a.Status]++
				if done := a.Status == scheduling.Completed || a.Status == scheduling.NoShow; done != a.End.Before(now) && a.Status != scheduling.Cancelled && a.Status != scheduling.Expired {
					t.Errorf("an appointment from %v to %v is %s", a.Start, a.End, a.Status)
				}
			}
			for _, b := range allBookings() {
				got[b.outcome]--
			}
			for status, n := range got {
				if n != 0 {
					t.Errorf("%+d appointments are %s", n, status)
				}
			}
			s.Orders.Seal = keys
			all, err := s.Orders.Orders(t.Context(), auth.System, orders.Filter{}, page.Request{Limit: 200})
			if err != nil || len(all.Items) != len(kits) {
				t.Fatalf("%d kits, %v, want %d", len(all.Items), err, len(kits))
			}
			for i, k := range slices.Backward(kits) {
				if o := all.Items[len(kits)-1-i]; o.Kit != k.kit || o.Status != k.outcome || o.UpdatedAt.After(now) || o.Shipping.Line1.Reveal() != k.street {
					t.Errorf("the kit of day %d is %s, %s since %v, want %s, %s", k.day, o.Kit, o.Status, o.UpdatedAt, k.kit, k.outcome)
				}
			}
		})
	}
}

func TestTheClinicIsMadeOnce(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "data", "demo"), time.Now()
	first, err := Prepare(t.Context(), dir, ring(t), now)
	if err != nil {
		t.Fatal(err)
	}
	s := reopen(t, first, now)
	keys, err := Keys(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i, role := range []auth.Role{auth.Admin, auth.Practitioner, auth.Patient, auth.Auditor} {
		by, err := s.Auth.Authenticate(t.Context(), auth.Shown{Key: keys[i].Text}, auth.Actor{})
		if err != nil || by.Role != role || keys[i].Role != role {
			t.Errorf("key %d is one of %q, said to be %q, error %v, want %q", i, by.Role, keys[i].Role, err, role)
		}
	}
	before := len(appointments(t, s))
	again, err := Prepare(t.Context(), dir, ring(t), now.AddDate(0, 0, 3))
	if err != nil || again != first {
		t.Fatalf("the second time: %q, %v, want %q", again, err, first)
	}
	if after := len(appointments(t, s)); after != before || before != len(allBookings()) {
		t.Errorf("%d appointments, then %d, want %d", before, after, len(allBookings()))
	}
	for _, d := range []string{dir, filepath.Join(dir, "clinic")} {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v, want mode 0700", d, info.Mode(), err)
		}
	}
}

// TestHalfAClinicIsNone shows that what a killed program left behind is not
// taken for a clinic, and goes away.
func TestHalfAClinicIsNone(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	left := filepath.Join(dir, "unfinished-1")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "medbook.db"), []byte("half a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	database, err := Prepare(t.Context(), dir, ring(t), now)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(appointments(t, reopen(t, database, now))); got != len(allBookings()) {
		t.Errorf("%d appointments, want %d", got, len(allBookings()))
	}
	if exists(left) {
		t.Error("what was left behind is still there")
	}
}

// TestAFailureLeavesNothing shows that a clinic that can't be finished does not
// appear.
func TestAFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Prepare(ctx, dir, ring(t), time.Now()); err == nil {
		t.Fatal("no error, want the context's")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// reopen opens a finished clinic with a clock that stands at now.
func reopen(t *testing.T, database string, now time.Time) *app.Services {
	t.Helper()
	s, err := app.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	s.DB.Clock = func() time.Time { return now }
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func appointments(t *testing.T, s *app.Services) []scheduling.Appointment {
	t.Helper()
	p, err := s.Scheduling.Appointments(t.Context(), auth.System, scheduling.AppointmentFilter{}, page.Request{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}
