package notify

import (
	"testing"
	"time"
)

// TestOneAttemptDecidesWhetherAProviderIsBack has others ask meanwhile.
func TestOneAttemptDecidesWhetherAProviderIsBack(t *testing.T) {
	now := time.Date(2027, 3, 13, 14, 0, 0, 0, time.UTC)
	var b breakers
	down := &Failure{Class: ServerError}
	enter := func(name string, want bool) {
		t.Helper()
		back, why := b.enter(name, now)
		if got := back.IsZero(); got != want || !got && (why != ServerError || !back.After(now) || back.After(now.Add(3*restFor))) {
			t.Fatalf("%s may be asked: %v, come back at %s, %s; want %v", name, got, back, why, want)
		}
	}
	for range inARow {
		enter("a", true)
		b.leave("a", now, down)
	}
	enter("a", false)
	enter("b", true)
	now = now.Add(restFor - 1)
	enter("a", false)
	now = now.Add(1)
	enter("a", true)
	enter("a", false) // while one decides
	b.leave("a", now, &Failure{Class: Unsendable})
	enter("a", true) // that one decided nothing
	b.leave("a", now, down)
	enter("a", false)
	now = now.Add(restFor)
	enter("a", true)
	b.leave("a", now, &Failure{Class: Deferred}) // it answers
	for range 2 * inARow {
		enter("a", true)
	}
	if len(b.of) != 0 {
		t.Errorf("%d providers are remembered that recovered", len(b.of))
	}

	for range inARow {
		b.leave("c", now, &Failure{Class: Throttled, After: time.Hour})
	}
	now = now.Add(restAsk - 1)
	if back, _ := b.enter("c", now); back.IsZero() {
		t.Error("who asks to be left alone is asked after less than ten minutes")
	}
	now = now.Add(1)
	if back, _ := b.enter("c", now); !back.IsZero() {
		t.Error("who asks to be left alone for an hour is not asked after ten minutes")
	}
}
