package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestOldRecordsArePrunedIfTheOperatorSaysSo(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		retain time.Duration
		held   bool
		want   int
	}{
		{"for ever", 0, false, 2},
		{"for 400 days", 400 * day, false, 1}, // what says that one was pruned
		{"for 400 days, but on hold", 400 * day, true, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				log := slog.New(slog.NewTextHandler(io.Discard, nil))
				signer, err := audit.NewSigner(bytes.Repeat([]byte{7}, 32))
				if err != nil {
					t.Fatal(err)
				}
				ann := id.New()
				for range 2 {
					if err := audit.RecordNow(t.Context(), db, audit.Event{Action: "user.read", Patients: []uuid.UUID{ann}}); err != nil {
						t.Fatal(err)
					}
				}
				ended, end := context.WithCancel(t.Context())
				end()
				if err := (&audit.Keeper{DB: db, Log: log, Signer: signer}).Run(ended); err != nil {
					t.Fatal(err)
				}
				a := &App{Services: NewServices(db), config: Config{RetainAudit: tt.retain}, log: log}
				if tt.held {
					a.held = func(_ context.Context, _ *sqldb.Tx, patients []uuid.UUID) ([]uuid.UUID, error) { return patients, nil }
				}
				runner := a.newRunner()
				for _, wait := range []time.Duration{0, 399 * day, 2 * day} {
					sqltest.ClockOf(db).Advance(wait)
					if _, err := runner.RunDue(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				var left int
				err = db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
					left, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
						err = r.Scan(&n)
						return n, err
					}, `SELECT COUNT(*) FROM audit_events`)
					return err
				})
				if err != nil || left != tt.want {
					t.Errorf("%d records are left, %v, want %d", left, err, tt.want)
				}
			})
		})
	}
}
