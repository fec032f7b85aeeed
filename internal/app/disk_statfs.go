//go:build linux || darwin

package app

import "syscall"

// diskSpace returns how many bytes are free for the program on the disk of a path,
// and how many there are; false if that is not known.
func diskSpace(path string) (free, size uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, false
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), true
}
