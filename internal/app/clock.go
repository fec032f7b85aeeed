//go:build !testclock

package app

import "time"

// clock returns nil: the database's own clock.
func clock() func() time.Time { return nil }
