package scheduling

import (
	"context"

	"medbook/internal/check"
)

// checkInvariants fails the test for everything that no moment may break and that is
// broken now: what medbook check asks of these tables.
func (c *clinic) checkInvariants() {
	c.t.Helper()
	err := check.Run(context.Background(), c.DB, Questions(), func(a check.Answer) {
		for _, f := range a.Findings {
			c.t.Errorf("%s: %s", a.Name, f)
		}
		if a.Verdict == check.Unknown {
			c.t.Errorf("%s: %s", a.Name, a.Note)
		}
	})
	if err != nil {
		c.t.Error(err)
	}
}
