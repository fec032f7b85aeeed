//go:build !testclock

package app

import (
	"io/fs"
	"time"
)

// clock returns nil: the database's own clock.
func clock() func() time.Time { return nil }

// steps returns nil: the program's own migrations.
func steps() fs.FS { return nil }
