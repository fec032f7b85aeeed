package history

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

var start = time.Date(2027, 3, 13, 14, 0, 0, 0, time.UTC)

// told is what a client was told at some minutes after start. Its call and its
// answer are places in the order of all calls and answers.
type told struct {
	call, answered int
	kind           string
	appointment    string
	minutes        [2]time.Duration // what the clock said at the call and at the answer
	outcome        string
}

func (o told) operation() porcupine.Operation {
	in := operation{kind: o.kind, appointment: o.appointment, earliest: start.Add(o.minutes[0] * time.Minute), latest: start.Add(o.minutes[1] * time.Minute)}
	out := Answer{Status: o.outcome}
	switch {
	case o.kind == hold && o.outcome == held:
		out.Appointment, out.HoldExpiresAt = o.appointment, in.earliest.Add(30*time.Minute)
	case o.outcome == taken, o.outcome == ended, o.outcome == impossible:
		out = Answer{Refusal: o.outcome}
	}
	return porcupine.Operation{Input: in, Output: out, Call: int64(o.call), Return: int64(o.answered)}
}

func TestModel(t *testing.T) {
	at := func(m time.Duration) [2]time.Duration { return [2]time.Duration{m, m} }
	during := func(from, to time.Duration) [2]time.Duration { return [2]time.Duration{from, to} }
	first := told{1, 2, hold, "a", at(0), held}
	for _, tt := range []struct {
		name  string
		after []told // after a has got the slot until minute 30
		legal bool
	}{
		{"taken in the last minute", []told{{3, 4, hold, "", at(29), taken}}, true},
		{"taken when the hold is over", []told{{3, 4, hold, "", at(30), taken}}, false},
		{"somebody else's when the hold is over", []told{{3, 4, hold, "b", at(30), held}}, true},
		{"somebody else's in the last minute", []told{{3, 4, hold, "b", at(29), held}}, false},
		{"somebody else's as the hold ends", []told{{3, 4, hold, "b", during(29, 30), held}}, true},
		{"confirmed in the last minute", []told{{3, 4, confirm, "a", at(29), confirmed}, {5, 6, hold, "", at(60), taken}}, true},
		{"confirmed when the hold is over", []told{{3, 4, confirm, "a", at(30), confirmed}}, false},
		{"over in the last minute", []told{{3, 4, confirm, "a", at(29), ended}}, false},
		{"over when it is over", []told{{3, 4, confirm, "a", at(30), ended}, {5, 6, cancel, "a", at(30), expired}}, true},
		{"confirmed, then over", []told{{3, 4, confirm, "a", at(1), confirmed}, {5, 6, confirm, "a", at(60), ended}}, false},
		{"confirmed after another got it", []told{{3, 4, hold, "b", during(29, 30), held}, {5, 6, confirm, "a", during(29, 30), confirmed}}, false},
		{"confirmed before another got it", []told{{3, 6, hold, "b", during(29, 30), held}, {4, 5, confirm, "a", during(29, 30), confirmed}}, false},
		{"confirmed, and another refused", []told{{3, 6, hold, "", during(29, 30), taken}, {4, 5, confirm, "a", during(29, 30), confirmed}}, true},
		{"cancelled and free at once", []told{{3, 4, cancel, "a", at(1), wasCancelled}, {5, 6, hold, "b", at(1), held}}, true},
		{"cancelled and not free", []told{{3, 4, cancel, "a", at(1), wasCancelled}, {5, 6, hold, "", at(1), taken}}, false},
		{"cancelled before another is refused", []told{{3, 6, cancel, "a", at(1), wasCancelled}, {4, 5, hold, "", at(1), taken}}, true},
		{"cancelled twice, the second time another's", []told{
			{3, 4, cancel, "a", at(1), wasCancelled}, {5, 6, hold, "b", at(1), held}, {7, 8, cancel, "a", at(1), wasCancelled}, {9, 10, hold, "c", at(1), held},
		}, false},
		{"confirmed after cancelled", []told{{3, 4, cancel, "a", at(1), wasCancelled}, {5, 6, confirm, "a", at(1), confirmed}}, false},
		{"impossible after cancelled", []told{{3, 4, cancel, "a", at(1), wasCancelled}, {5, 6, confirm, "a", at(1), impossible}}, true},
		{"cancelled when the hold is over", []told{{3, 4, cancel, "a", at(30), wasCancelled}}, false},
		{"a refusal that nobody expects", []told{{3, 4, hold, "", at(1), "patient-busy"}}, false},
	} {
		h := History{plan: Plan{HoldTime: 30 * time.Minute}, operations: []porcupine.Operation{first.operation()}}
		for _, o := range tt.after {
			h.operations = append(h.operations, o.operation())
		}
		if err := h.Check(); (err == nil) != tt.legal {
			t.Errorf("%s: %v, want legal: %v", tt.name, err, tt.legal)
		}
	}
}

// TestOverIsOver shows what Plan.Snapshots forgives.
func TestOverIsOver(t *testing.T) {
	window := [2]time.Duration{29, 30}
	for _, snapshots := range []bool{false, true} {
		h := History{plan: Plan{HoldTime: 30 * time.Minute, Snapshots: snapshots}}
		for _, o := range []told{
			{1, 2, hold, "a", [2]time.Duration{}, held}, {3, 6, confirm, "a", window, ended}, {4, 5, confirm, "a", window, confirmed},
		} {
			h.operations = append(h.operations, o.operation())
		}
		if err := h.Check(); (err == nil) != snapshots {
			t.Errorf("with snapshots %v: %v", snapshots, err)
		}
	}
}
