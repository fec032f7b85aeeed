package sqltest

import "syscall"

// scratch returns where the cluster's folder goes: into memory if there is room
// for its databases, which takes a tenth of the system time. It is not TMPDIR,
// whose length may leave too few of the 107 bytes that a socket's path can have.
func scratch() string {
	const memory, room = "/dev/shm", 1 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= room {
		return memory
	}
	return "/tmp"
}
