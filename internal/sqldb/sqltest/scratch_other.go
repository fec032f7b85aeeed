//go:build !linux

package sqltest

// scratch returns where the cluster's folder goes. It is not TMPDIR, whose
// length may leave too few of the 107 bytes that a socket's path can have.
func scratch() string { return "/tmp" }
