package demo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// TestAFilledClinicIsOne shows that services find what was written past them, that
// its trail is whole, and that nothing is filled twice.
func TestAFilledClinicIsOne(t *testing.T) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqltest.SQLite}, {"postgres", sqltest.Postgres}} {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			f := Filling{
				Database: engine.url(t), Keys: ring(t), Checkpoints: filepath.Join(t.TempDir(), "checkpoints"), Appointments: 3000,
				Now: time.Date(2027, 3, 17, 15, 20, 0, 0, time.UTC),
			}
			done, err := Fill(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			if done.Appointments != 3000 || done.Practitioners != 2 || done.Patients != 375 || done.Encounters == 0 {
				t.Errorf("filled with %+v, want 3000 appointments, 2 practitioners, 375 patients, some encounters", done)
			}
			s := reopen(t, f.Database, f.Now)
			lookAround(t, s, f)
			if _, err := Fill(t.Context(), f); !errors.Is(err, ErrInUse) {
				t.Errorf("the second time: %v, want ErrInUse", err)
			}
		})
	}
}

// lookAround looks at a filled clinic through its services.
func lookAround(t *testing.T, s *app.Services, f Filling) {
	t.Helper()
	got := map[scheduling.Status]int{}
	for _, a := range allAppointments(t, s) {
		got[a.Status]++
		if taken, booked := a.Status == scheduling.Completed || a.Status == scheduling.NoShow, a.Live(); taken && a.End.After(f.Now) || booked && !a.End.After(f.Now) {
			t.Errorf("an appointment from %v to %v is %s", a.Start, a.End, a.Status)
		}
		if a.CreatedAt.After(a.UpdatedAt) || a.UpdatedAt.After(f.Now) || a.CreatedAt.After(a.Start) {
			t.Errorf("an appointment at %v was made at %v and changed at %v", a.Start, a.CreatedAt, a.UpdatedAt)
		}
		if a.Live() {
			slot, err := s.Scheduling.Slot(t.Context(), auth.System, a.SlotID())
			if err != nil || slot.Status == scheduling.SlotAvailable {
				t.Errorf("the slot of a live appointment is %q, %v", slot.Status, err)
			}
		}
	}
	for _, status := range []scheduling.Status{scheduling.Held, scheduling.Confirmed, scheduling.Completed, scheduling.NoShow, scheduling.Cancelled, scheduling.Expired} {
		if got[status] == 0 {
			t.Errorf("no appointment is %s", status)
		}
	}
	keys, err := app.CheckpointKeys(f.Keys)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := os.ReadFile(f.Checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(t.Context(), s.DB, heads, []byte(keys[0])); err != nil || r.Verdict != audit.Intact || r.Covered < 6000 {
		t.Errorf("the trail: %+v, %v, want it intact, of two records for each appointment", r, err)
	}
	patients, err := s.Directory.Patients(t.Context(), auth.System, page.Request{Limit: 1, Count: true})
	if err != nil || *patients.Total != 375 {
		t.Errorf("patients: %v, %v, want 375", patients.Total, err)
	}
}

// allAppointments reads page after page.
func allAppointments(t *testing.T, s *app.Services) (all []scheduling.Appointment) {
	t.Helper()
	for req := (page.Request{Limit: 200}); ; {
		p, err := s.Scheduling.Appointments(t.Context(), auth.System, scheduling.AppointmentFilter{}, req)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Items...)
		if req.After = p.Next; p.Next == "" {
			return all
		}
	}
}
