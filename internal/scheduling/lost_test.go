package scheduling

import (
	"context"
	"errors"
	"sync"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/idempotency"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestCancelledInABatch has requests cancelled that wait for SQLite's writer or
// share a transaction with others.
func TestCancelledInABatch(t *testing.T) {
	s := newStage(t, sqltest.Open(t, sqltest.SQLite(t)))
	patients := s.patients(4)
	hold := func(i int, name string) *call {
		c := s.start(name, func(ctx context.Context) error {
			_, err := s.Hold(ctx, patients[i], HoldRequest{Slot: april(s.grey, i)})
			return err
		})
		<-c.asked
		return c
	}
	writing, leaving := s.before("first", storing), s.before("leaves", storing)
	first := hold(0, "first")
	first.at(writing)
	commits := s.committed()
	gone, leaves, last := hold(1, "gone"), hold(2, "leaves"), hold(3, "last")

	gone.cancel()
	want(t, "cancelled in the queue", gone.result(), context.Canceled) // though the writer is busy
	writing.end()
	leaves.at(leaving)
	leaves.cancel()
	leaving.end()
	want(t, "before", first.result(), nil)
	want(t, "cancelled while its closure ran", leaves.result(), nil)
	want(t, "behind", last.result(), nil)
	if n := s.committed() - commits; n != 1 {
		t.Errorf("%d commits, want one for all", n)
	}
	for i, want := range []int{1, 0, 1, 1} {
		if n := s.count(`SELECT count(*) FROM appointments WHERE patient_id = $1`, patients[i].UserID); n != want {
			t.Errorf("patient %d has %d appointments, want %d", i, n, want)
		}
	}
	s.checkInvariants()
}

// TestCancelledWithWhatAnotherWants shows that a request that is cancelled in
// the middle is done or not, and the other one told so.
func TestCancelledWithWhatAnotherWants(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		hold := func(name string, by auth.Actor) *call {
			return s.start(name, func(ctx context.Context) error {
				_, err := s.Hold(ctx, by, HoldRequest{Slot: april(s.grey, 0)})
				return err
			})
		}
		stalled := s.before("ann", storing)
		ann := hold("ann", s.ann)
		ann.at(stalled)
		bob := hold("bob", s.bob)
		s.await(bob)
		ann.cancel()
		stalled.end()
		patient := s.ann
		if s.together() {
			patient = s.bob
			want(t, "ann, who was cancelled", ann.result(), context.Canceled)
			want(t, "bob, who waited for her", bob.result(), nil)
		} else {
			want(t, "ann, whom the others' transaction takes along", ann.result(), nil)
			want(t, "bob, who waited for her", bob.result(), ErrSlotTaken)
		}
		if n := s.count(`SELECT count(*) FROM appointments WHERE patient_id = $1`, patient.UserID); n != 1 {
			t.Errorf("who was told so has %d appointments, want 1", n)
		}
		s.checkInvariants()
	})
}

// write is one of the ways to change an appointment, of a slot of its own.
type write struct {
	name string
	slot int
	do   func(ctx context.Context, s *stage) (Appointment, error)
}

// writes makes an appointment for each write that needs one.
func writes(s *stage) []write {
	confirmed, cancelled, moved := s.hold(s.ann, april(s.grey, 1)), s.hold(s.ann, april(s.grey, 2)), s.hold(s.ann, april(s.grey, 3))
	return []write{
		{"hold", 0, func(ctx context.Context, s *stage) (Appointment, error) {
			return s.Hold(ctx, s.ann, HoldRequest{Slot: april(s.grey, 0)})
		}},
		{"confirm", 1, func(ctx context.Context, s *stage) (Appointment, error) {
			return s.Confirm(ctx, s.ann, confirmed.ID.String())
		}},
		{"cancel", 2, func(ctx context.Context, s *stage) (Appointment, error) {
			return s.Cancel(ctx, s.ann, cancelled.ID.String(), CancelRequest{})
		}},
		{"reschedule", 3, func(ctx context.Context, s *stage) (Appointment, error) {
			return s.Reschedule(ctx, s.ann, moved.ID.String(), RescheduleRequest{Slot: april(s.grey, 4)})
		}},
	}
}

var sealer = sync.OnceValue(func() *keyring.Ring {
	r, err := keyring.New()
	if err != nil {
		panic(err)
	}
	return r
})

// keyed adds an idempotency key, whose kept answer is the appointment as text.
func keyed(ctx context.Context, key string) context.Context {
	return idempotency.With(ctx, idempotency.Request{
		Caller: "ann", Route: "POST", Key: key, Seal: sealer(),
		Encode: func(result any, err error) (idempotency.Answer, error) {
			if err != nil {
				return idempotency.Answer{}, err
			}
			return idempotency.Answer{Status: 200, Body: []byte(tell(result.(Appointment)))}, nil
		},
	})
}

func tell(a Appointment) string { return string(a.Status) + " " + a.SlotID() + " " + a.ID.String() }

// again repeats a write with its key, and checks that it is answered what is
// so, and that it was replayed or not.
func (s *stage) again(w write, replayed bool) {
	s.t.Helper()
	a, err := w.do(keyed(s.t.Context(), w.name), s)
	kept, found := errors.AsType[*idempotency.Replay](err)
	said := ""
	switch {
	case found:
		said = string(kept.Answer.Body)
	case err == nil:
		said = tell(a)
	}
	if said == "" || found != replayed {
		s.t.Fatalf("%s again: %v, replayed: %v, want %v", w.name, err, found, replayed)
	}
	p, err := s.Appointments(s.t.Context(), s.ann, AppointmentFilter{}, page.Request{Limit: 200})
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, a := range p.Items {
		all = append(all, tell(a))
	}
	if len(all) != 4 || said != all[w.slot] {
		s.t.Errorf("%s again: told %q, want one of %q", w.name, said, all)
	}
	s.checkInvariants()
}

// TestLostAnswerToCommit loses the answer to COMMIT, or COMMIT itself, on the
// way to PostgreSQL, and repeats the request with its key.
func TestLostAnswerToCommit(t *testing.T) {
	for name, lose := range map[string]func(p *sqltest.Proxy){
		"answer":   func(p *sqltest.Proxy) { p.LoseAnswer("COMMIT\x00") },
		"question": func(p *sqltest.Proxy) { p.LoseQuestion("COMMIT\x00") },
	} {
		t.Run(name, func(t *testing.T) {
			p := sqltest.NewProxy(t)
			s := newStage(t, sqltest.Open(t, p.URL))
			for _, w := range writes(s) {
				lose(p)
				_, err := w.do(keyed(t.Context(), w.name), s)
				want(t, w.name, err, sqldb.ErrOutcomeUnknown)
				s.again(w, name == "answer")
			}
		})
	}
}

// TestCommitStalls has the caller leave while COMMIT runs, which is then too
// late, or COMMIT fail for certain, and repeats the request with its key.
func TestCommitStalls(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, tt := range []struct {
		name   string
		commit error
	}{
		{"and the caller leaves", nil},
		{"and fails", broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				for _, w := range writes(s) {
					stalled := s.before("", committing)
					stalled.failure = tt.commit
					c := s.start(w.name, func(ctx context.Context) error {
						_, err := w.do(keyed(ctx, w.name), s)
						return err
					})
					c.at(stalled)
					c.cancel()
					stalled.end()
					want(t, w.name, c.result(), tt.commit)
					s.again(w, tt.commit == nil)
				}
			})
		})
	}
}
