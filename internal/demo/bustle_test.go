package demo

import (
	"context"
	"math/rand/v2"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
)

// bustle does what patients do, by chance, until ctx ends, and tells how often it
// worked. Time passes with it, so that some holds run out.
func bustle(ctx context.Context, s *app.Services, clock *clock, seed uint64) (done int) {
	chance := rand.New(rand.NewPCG(seed, 0))
	people, err := s.Directory.Patients(ctx, auth.System, page.Request{Limit: 200})
	if err != nil {
		return 0
	}
	all, err := s.Scheduling.Practitioners(ctx, auth.System, directory.PractitionerFilter{}, page.Request{Limit: 10})
	if err != nil {
		return 0
	}
	var mine []scheduling.Appointment
	for ctx.Err() == nil {
		patient := auth.Actor{UserID: people.Items[chance.IntN(len(people.Items))].ID, Role: auth.Patient}
		slots, err := s.Scheduling.Slots(ctx, patient, scheduling.SlotQuery{Practitioner: all.Items[chance.IntN(len(all.Items))].ID.String()}, page.Request{Limit: 50})
		if err != nil || len(slots.Items) == 0 {
			continue
		}
		slot := slots.Items[chance.IntN(len(slots.Items))]
		a, err := s.Scheduling.Hold(ctx, patient, scheduling.HoldRequest{Slot: slot.ID()})
		if err == nil {
			mine = append(mine, a)
			done++
		}
		if len(mine) == 0 {
			continue
		}
		a = mine[chance.IntN(len(mine))]
		owner := auth.Actor{UserID: a.Patient, Role: auth.Patient}
		switch chance.IntN(4) {
		case 0:
			_, err = s.Scheduling.Confirm(ctx, owner, a.ID.String())
		case 1:
			_, err = s.Scheduling.Cancel(ctx, owner, a.ID.String(), scheduling.CancelRequest{Reason: phi.Of("No time")})
		case 2:
			_, err = s.Scheduling.Reschedule(ctx, owner, a.ID.String(), scheduling.RescheduleRequest{Slot: slot.ID()})
		case 3:
			clock.set(clock.Now().Add(time.Hour))
		}
		if err == nil {
			done++
		}
	}
	return done
}
