package idempotency

import "medbook/internal/check"

// Questions are what is so of the package's table at every moment.
func Questions() []check.Question {
	return []check.Question{{
		Name: "repeats", Says: "requests that may be repeated have their answers", Rows: &check.Rows{
			Table: "idempotency_keys", Key: []string{"caller", "route", "key"},
			Broken: []check.Broken{{When: `r.status IS NULL OR r.created_at IS NULL`, Says: "has no answer"}},
		},
	}}
}
