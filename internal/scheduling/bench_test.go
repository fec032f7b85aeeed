package scheduling

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb/sqltest"
)

// engines runs a benchmark on a fresh clinic on either engine, with Dr. Grey
// working around the clock.
func engines(b *testing.B, run func(b *testing.B, c *clinic)) {
	for _, e := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqltest.SQLite}, {"postgres", sqltest.Postgres}} {
		b.Run(e.name, func(b *testing.B) {
			c := newClinic(b, sqltest.Open(b, e.url(b)))
			every := PractitionerChange{Policy: PolicyChange{HorizonDays: new(3650), MaxOpenHolds: new(1000)}}
			if _, err := c.ChangePractitioner(b.Context(), c.grey, c.grey.PractitionerID.String(), "*", every); err != nil {
				b.Fatal(err)
			}
			c.publish(c.grey, Hours{Kind: KindWeekly, Weekly: calendar.Weekly{Weekdays: 0x7f, To: 24 * 60, First: calendar.Date{Year: 2027, Month: 3, Day: 1}}})
			run(b, c)
		})
	}
}

// BenchmarkHold holds slots one after another on one practitioner, by 32
// patients at a time.
func BenchmarkHold(b *testing.B) {
	engines(b, func(b *testing.B, c *clinic) {
		patients := make([]auth.Actor, 32)
		for i := range patients {
			patients[i] = c.user(fmt.Sprint("patient", i), auth.Patient, "UTC")
		}
		first := at("2027-03-16 00:00")
		var n atomic.Int64
		b.SetParallelism(16) // times GOMAXPROCS
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := n.Add(1)
				start := first.Add(time.Duration(i) * 15 * time.Minute)
				slot := id.Slot{Practitioner: c.grey.PractitionerID, Start: start, End: start.Add(15 * time.Minute)}
				if _, err := c.Hold(b.Context(), patients[i%32], HoldRequest{Slot: slot.String(), Confirm: true}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkSlots lists a free day of one practitioner.
func BenchmarkSlots(b *testing.B) {
	engines(b, func(b *testing.B, c *clinic) {
		q := SlotQuery{Practitioner: c.grey.PractitionerID.String(), Date: calendar.Date{Year: 2027, Month: 3, Day: 20}}
		for b.Loop() {
			p, err := c.Slots(b.Context(), auth.Actor{}, q, page.Request{Limit: 200})
			if err != nil || len(p.Items) != 96 {
				b.Fatalf("%d slots, %v, want 96", len(p.Items), err)
			}
		}
	})
}
