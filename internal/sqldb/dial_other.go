//go:build !linux

package sqldb

import "syscall"

// limitSilence has nothing to set here; statements have limits of their own.
func limitSilence(string, string, syscall.RawConn) error { return nil }
