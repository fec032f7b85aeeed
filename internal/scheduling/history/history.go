// Package history records what concurrent clients are told who hold, confirm
// and cancel a practitioner's slots while time passes, and judges whether the
// answers can be explained: whether there is an order of the operations, each
// at some instant between its call and its answer, in which one slot at a time
// would have given the same ones.
//
// It is for tests only, of the service and of the program through its front door.
package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// Clinic is what is tested: one practitioner's slots and some patients, both
// numbered from 0. Slots do not overlap, are far from every limit of notice,
// horizon and cancellation window, and were never held; no limit on holds is in
// the way. Its methods are called concurrently. An error is one of the test and
// not the clinic's answer: it ends the recording.
type Clinic interface {
	Hold(ctx context.Context, patient, slot int) (Answer, error)
	Confirm(ctx context.Context, patient int, appointment string) (Answer, error)
	Cancel(ctx context.Context, patient int, appointment string) (Answer, error)
	// SetTime makes it now, for all who ask after it has returned and perhaps
	// for some who ask before.
	SetTime(ctx context.Context, now time.Time) error
}

// Answer is what a client is told.
type Answer struct {
	Refusal       string // the code; empty when the operation was done
	Appointment   string
	Status        string    // the appointment's, after the operation
	HoldExpiresAt time.Time // of a hold
}

// Plan says what to record.
type Plan struct {
	Operations, Clients, Patients, Slots int
	HoldTime                             time.Duration
	Start                                time.Time // what the clinic's clock says at first
	Seed                                 uint64    // of the clients' choices

	// Snapshots says that a refusal may be of rows as they were when its
	// transaction began and of the time as it was later, as SERIALIZABLE has
	// it. Then somebody who hears that a hold is over may be overtaken by
	// somebody who still confirms or cancels it.
	Snapshots bool
}

// History is what was recorded.
type History struct {
	plan       Plan
	operations []porcupine.Operation
}

// The operations.
const (
	hold    = "hold"
	confirm = "confirm"
	cancel  = "cancel"
)

// operation is what a client asks for. The clinic's clock says at least
// earliest and at most latest while it is asked.
type operation struct {
	kind             string
	patient, slot    int
	appointment      string // of confirm and cancel
	earliest, latest time.Time
}

// recorder is a recording under way.
type recorder struct {
	Plan
	clinic Clinic
	stamp  atomic.Int64 // grows with every call and every answer
	begun  atomic.Int64 // operations

	ticking sync.Mutex        // held by who moves the clock
	running [2]sync.WaitGroup // operations begun after an even and after an odd number of ticks

	mu               sync.Mutex
	ticks            int
	earliest, latest time.Time // the clock says one of them; they differ while it is moved
	made             [][]operation
	history          History
}

// Record has the clients of a plan do their operations and records them.
func Record(ctx context.Context, c Clinic, p Plan) (History, error) {
	r := &recorder{
		Plan: p, clinic: c, earliest: p.Start, latest: p.Start,
		made: make([][]operation, p.Slots), history: History{plan: p},
	}
	failures := make([]error, p.Clients)
	var clients sync.WaitGroup
	for client := range p.Clients {
		clients.Go(func() { failures[client] = r.client(ctx, client) })
	}
	clients.Wait()
	return r.history, errors.Join(failures...)
}

// client does operations by chance until all are begun.
func (r *recorder) client(ctx context.Context, client int) error {
	choice := rand.New(rand.NewPCG(r.Seed, uint64(client)))
	for r.begun.Add(1) <= int64(r.Operations) {
		if choice.IntN(6) == 0 {
			if err := r.tick(ctx); err != nil {
				return err
			}
		}
		if err := r.do(ctx, client, r.choose(choice)); err != nil {
			return err
		}
	}
	return nil
}

// choose picks an operation: a hold, or what may become of one of the slot's
// latest.
func (r *recorder) choose(choice *rand.Rand) operation {
	o := operation{kind: hold, patient: choice.IntN(r.Patients), slot: choice.IntN(r.Slots)}
	kind, back := choice.IntN(4), 1+choice.IntN(4)/3
	r.mu.Lock()
	defer r.mu.Unlock()
	if made := r.made[o.slot]; kind > 1 && len(made) >= back {
		o = made[len(made)-back]
		o.kind = []string{confirm, cancel}[kind-2]
	}
	return o
}

// tick moves the clock, in turns by half a hold time, by a microsecond less
// than that, and by the microsecond, so that it stops right before the end of
// many holds and right at it. It waits for the operations that have seen the
// tick before, for none is to see two: a hold must not end while it is made.
func (r *recorder) tick(ctx context.Context) error {
	r.ticking.Lock()
	defer r.ticking.Unlock()
	r.running[(r.ticks+1)%2].Wait()
	step := []time.Duration{r.HoldTime / 2, r.HoldTime/2 - time.Microsecond, time.Microsecond}[r.ticks%3]
	r.mu.Lock()
	r.latest = r.earliest.Add(step)
	r.mu.Unlock()
	if err := r.clinic.SetTime(ctx, r.latest); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.earliest = r.latest
	r.ticks++
	return nil
}

// do does an operation and records it.
func (r *recorder) do(ctx context.Context, client int, o operation) error {
	r.mu.Lock()
	o.earliest = r.earliest
	running := &r.running[r.ticks%2]
	running.Add(1)
	r.mu.Unlock()
	defer running.Done()

	called := r.stamp.Add(1)
	answer, err := r.ask(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w", o.kind, err)
	}
	returned := r.stamp.Add(1)

	r.mu.Lock()
	defer r.mu.Unlock()
	o.latest = r.latest
	if o.kind == hold && answer.Refusal == "" {
		made := o
		made.appointment = answer.Appointment
		r.made[o.slot] = append(r.made[o.slot], made)
	}
	r.history.operations = append(r.history.operations, porcupine.Operation{
		ClientId: client, Input: o, Call: called, Output: answer, Return: returned,
	})
	return nil
}

func (r *recorder) ask(ctx context.Context, o operation) (Answer, error) {
	switch o.kind {
	case confirm:
		return r.clinic.Confirm(ctx, o.patient, o.appointment)
	case cancel:
		return r.clinic.Cancel(ctx, o.patient, o.appointment)
	}
	return r.clinic.Hold(ctx, o.patient, o.slot)
}

// Outcomes counts the answers of each sort, such as "hold slot-taken" or
// "cancel expired".
func (h History) Outcomes() map[string]int {
	n := map[string]int{}
	for _, op := range h.operations {
		a := op.Output.(Answer)
		n[op.Input.(operation).kind+" "+a.Refusal+a.Status]++
	}
	return n
}
