package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"medbook/internal/archive"
	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// BenchmarkClinic backs up, restores and copies a clinic of 100,000 appointments, or
// as many as MEDBOOK_BENCH_APPOINTMENTS says, with the claims, the patients' side and
// two records of the audit trail for each. It reports seconds.
func BenchmarkClinic(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("MEDBOOK_BENCH_APPOINTMENTS"))
	if err != nil {
		n = 100_000
	}
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			for b.Loop() {
				measure(b, e.name, e.url, n)
			}
		})
	}
}

func measure(b *testing.B, engine string, url func(testing.TB) string, appointments int) {
	ctx := b.Context()
	seconds := func(what string, do func() error) {
		b.Helper()
		began := time.Now()
		if err := do(); err != nil {
			b.Fatalf("%s: %v", what, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), what+"-s")
		b.Logf("%s: %s: %v", engine, what, time.Since(began).Round(100*time.Millisecond))
	}
	source := sqltest.Open(b, url(b))
	seconds("make", func() error { return invent(ctx, source, appointments) })
	path := filepath.Join(b.TempDir(), "clinic.backup")
	var sums []archive.Sum
	seconds("backup", func() error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, sums, err = archive.Backup(ctx, source, f, []age.Recipient{identity().Recipient()}, "bench", nil)
		return err
	})
	rows := int64(0)
	for _, s := range sums {
		rows += s.Rows
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%s: %d rows, %d MB", engine, rows, info.Size()>>20)
	seconds("inspect", func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, _, err = archive.Inspect(f, []age.Identity{identity()})
		return err
	})
	seconds("restore", func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = archive.Restore(ctx, sqltest.Open(b, url(b)), f, archive.Restoring{Identities: []age.Identity{identity()}, Progress: &stopwatch{b: b}})
		return err
	})
	if engine == "sqlite" {
		seconds("copy", func() error {
			_, err := archive.Copy(ctx, source, sqltest.Open(b, sqltest.Postgres(b)), archive.Copying{Progress: &stopwatch{b: b}})
			return err
		})
	}
}

// stopwatch says how long each part took.
type stopwatch struct {
	b     *testing.B
	what  string
	began time.Time
}

func (s *stopwatch) Begin(what string, _ int64) {
	s.what, s.began = what, time.Now()
}
func (s *stopwatch) Add(int) {}
func (s *stopwatch) End() {
	s.b.Logf("  %s: %v", s.what, time.Since(s.began).Round(100*time.Millisecond))
}

// invent fills an empty database with a clinic of a hundred practitioners, each with
// back-to-back appointments.
func invent(ctx context.Context, db *sqldb.DB, appointments int) error {
	newest, err := sqldb.Newest()
	if err != nil {
		return err
	}
	load, _, err := db.StartLoad(ctx, sqldb.Filling{What: "bench", Version: newest})
	if err != nil {
		return err
	}
	defer load.Close()
	tables := map[string]sqldb.Table{}
	for _, t := range load.Layout.Tables {
		tables[t.Name] = t
	}
	const practitioners = 100
	each := appointments / practitioners
	start := sqltest.Start.Add(-time.Duration(each) * 15 * time.Minute / 2)
	var patients []uuid.UUID
	for p := range practitioners {
		practitioner := id.New()
		rows := map[string][][]any{"schedules": {{practitioner, "UTC", int64(15), int64(0), int64(1800), int64(0), int64(180), int64(3), true, int64(1)}}}
		for i := range each {
			appointment, patient := id.New(), id.New()
			patients = append(patients, patient)
			from := start.Add(time.Duration(i) * 15 * time.Minute)
			rows["appointments"] = append(rows["appointments"], []any{
				practitioner, appointment, patient, from.UnixMicro(), from.Add(15 * time.Minute).UnixMicro(), int64(1), "confirmed", nil,
				appointment.String()[26:], "", "", "", start.UnixMicro(), start.UnixMicro(), int64(1),
			})
			rows["patient_calendar"] = append(rows["patient_calendar"], []any{
				patient, appointment, practitioner, from.UnixMicro(), from.Add(15 * time.Minute).UnixMicro(), "confirmed", nil, start.UnixMicro(),
			})
			for c := range int64(3) {
				rows["claims"] = append(rows["claims"], []any{practitioner, from.Unix()/300 + c, appointment, nil})
			}
		}
		_ = p
		for _, name := range []string{"schedules", "appointments", "claims", "patient_calendar"} {
			if err := load.Insert(ctx, tables[name], rows[name]); err != nil {
				return err
			}
		}
	}
	if err := load.BuildIndexes(ctx, func(string) {}); err != nil {
		return err
	}
	if err := load.Done(ctx); err != nil {
		return err
	}
	return record(ctx, db, patients)
}

// record writes two records for each patient.
func record(ctx context.Context, db *sqldb.DB, patients []uuid.UUID) error {
	const some = 125
	for len(patients) > 0 {
		var events []audit.Event
		for _, p := range patients[:min(some, len(patients))] {
			for _, action := range []string{"appointment.hold", "appointment.confirm"} {
				events = append(events, audit.Event{
					Actor: p, ActorRole: "patient", Action: action, ResourceType: "appointment", ResourceID: p.String(), Purpose: "booking",
					RequestID: p.String(), ClientAddress: "192.0.2.17", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", Patients: []uuid.UUID{p},
				})
			}
		}
		patients = patients[min(some, len(patients)):]
		if err := audit.RecordNow(ctx, db, events...); err != nil {
			return err
		}
	}
	_, err := audit.Seal(ctx, db)
	return err
}
