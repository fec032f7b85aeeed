package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// slot is what one slot has come to. It is comparable, and never changed in place.
type slot struct {
	taker     string // the appointment that has it, or had it last; empty when it was given back
	confirmed bool
	over      bool  // somebody was told that the taker's hold is over
	until     int64 // the end of the taker's hold, microseconds since 1970
	cancelled string
}

// Codes and statuses as the program says them.
const (
	taken      = "slot-taken"
	ended      = "hold-expired"
	impossible = "illegal-transition"

	held         = "held"
	confirmed    = "confirmed"
	wasCancelled = "cancelled"
	expired      = "expired"
)

// live reports whether the slot may be somebody's at an instant of o.
func (s slot) live(o operation) bool {
	return s.taker != "" && (s.confirmed || !s.over && s.until > o.earliest.UnixMicro())
}

// was reports whether the appointment was cancelled.
func (s slot) was(appointment string) bool { return strings.Contains(s.cancelled, appointment+" ") }

// step returns what becomes of the slot by o, and whether o can be answered by a.
func (s slot) step(o operation, a Answer, p Plan) (slot, bool) {
	switch o.kind + " " + a.Refusal + a.Status {
	case hold + " " + held:
		// Somebody who reads the clock later than o may end a hold before o
		// takes its place: the program has a worker that does nothing else.
		free := s.taker == "" || !s.confirmed && s.until <= o.latest.UnixMicro()
		made := a.HoldExpiresAt.Add(-p.HoldTime)
		next := slot{taker: a.Appointment, until: a.HoldExpiresAt.UnixMicro(), cancelled: s.cancelled}
		return next, free && !made.Before(o.earliest) && !made.After(o.latest)
	case hold + " " + taken:
		return s, s.live(o)
	case confirm + " " + confirmed:
		possible := s.taker == o.appointment && s.live(o)
		s.confirmed = true
		return s, possible
	case confirm + " " + impossible:
		return s, s.was(o.appointment)
	case confirm + " " + ended, cancel + " " + expired:
		if s.taker != o.appointment {
			return s, !s.was(o.appointment) // whoever took the slot, it was over
		}
		s.over = !p.Snapshots
		return s, !s.confirmed && s.until <= o.latest.UnixMicro()
	case cancel + " " + wasCancelled:
		if s.was(o.appointment) {
			return s, true
		}
		possible := s.taker == o.appointment && s.live(o)
		return slot{cancelled: s.cancelled + o.appointment + " "}, possible
	}
	return s, false
}

// model judges each slot by itself.
func (h History) model() porcupine.Model {
	return porcupine.Model{
		Partition: bySlot,
		Init:      func() any { return slot{} },
		Step: func(state, input, output any) (bool, any) {
			next, possible := state.(slot).step(input.(operation), output.(Answer), h.plan)
			return possible, next
		},
	}
}

func bySlot(all []porcupine.Operation) [][]porcupine.Operation {
	var slots [][]porcupine.Operation
	for _, op := range all {
		n := op.Input.(operation).slot
		for len(slots) <= n {
			slots = append(slots, nil)
		}
		slots[n] = append(slots[n], op)
	}
	return slots
}

// Check returns an error that tells of one slot's operations, if no order
// explains what was answered.
func (h History) Check() error {
	if porcupine.CheckOperations(h.model(), h.operations) {
		return nil
	}
	_, info := porcupine.CheckOperationsVerbose(h.model(), h.operations, 0)
	for n, orders := range info.PartialLinearizationsOperations() {
		var longest []porcupine.Operation
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
		if all := bySlot(h.operations)[n]; len(longest) < len(all) {
			return fmt.Errorf("slot %d: no order explains the answers:\n%s", n, h.tell(longest, all))
		}
	}
	return nil
}

// tell writes the end of what can be explained, and the beginning of what can't.
func (h History) tell(explained, all []porcupine.Operation) string {
	const few = 12
	var b strings.Builder
	in := map[int64]bool{}
	for _, op := range explained {
		in[op.Call] = true
	}
	for _, op := range explained[max(0, len(explained)-few):] {
		h.line(&b, "  ", op)
	}
	slices.SortFunc(all, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for n, i := 0, 0; i < len(all) && n < few; i++ {
		if !in[all[i].Call] {
			h.line(&b, "? ", all[i])
			n++
		}
	}
	return b.String()
}

func (h History) line(b *strings.Builder, mark string, op porcupine.Operation) {
	o, a := op.Input.(operation), op.Output.(Answer)
	at := func(t time.Time) string { return t.Format("15:04:05.000000") }
	fmt.Fprintf(b, "%s%5d-%-5d %s-%s %-7s patient %d %.30s -> %s%s", mark, op.Call, op.Return, at(o.earliest), at(o.latest),
		o.kind, o.patient, lastPart(o.appointment), a.Refusal, a.Status)
	if o.kind == hold && a.Refusal == "" {
		fmt.Fprintf(b, " %s until %s", lastPart(a.Appointment), at(a.HoldExpiresAt))
	}
	b.WriteByte('\n')
}

// lastPart shortens an id to the part that differs.
func lastPart(id string) string { return id[max(0, len(id)-8):] }
