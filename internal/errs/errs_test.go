package errs

import (
	"errors"
	"fmt"
	"testing"
)

var errTaken = New(Conflict, "slot-taken", "Someone else has just booked this slot.")

func TestErrorKeepsItsIdentity(t *testing.T) {
	err := fmt.Errorf("hold: %w", errTaken.With("Another text.").Field("slot_id", "is taken"))
	if !errors.Is(err, errTaken) {
		t.Errorf("errors.Is(%v, errTaken) = false, want true", err)
	}
	if got := KindOf(err); got != Conflict {
		t.Errorf("KindOf = %v, want Conflict", got)
	}
	if got := As(err).Fields["slot_id"]; got != "is taken" {
		t.Errorf("field slot_id = %q, want %q", got, "is taken")
	}
	if len(errTaken.Fields) != 0 {
		t.Errorf("Field changed its receiver: %v", errTaken.Fields)
	}
	if errors.Is(err, New(Conflict, "patient-busy", "")) {
		t.Error("errors with other codes are equal, want different")
	}
}

func TestWrap(t *testing.T) {
	f := func(in error) (err error) {
		defer Wrap(&err, "hold slot %d", 7)
		return in
	}
	if err := f(nil); err != nil {
		t.Errorf("Wrap of nil = %v, want nil", err)
	}
	err := f(errTaken)
	if want := "hold slot 7: slot-taken: Someone else has just booked this slot."; err.Error() != want {
		t.Errorf("Wrap = %q, want %q", err, want)
	}
	if KindOf(errors.New("x")) != Internal || As(nil) != nil {
		t.Error("a foreign error is internal, and nil holds no Error")
	}
}
