package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// sandbox lets the rest of the test mount what it likes: its mounts are seen by
// it and by what it starts only, and end with it. That takes root.
func sandbox(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test mounts file systems: run it as root")
		}
		t.Skip("this test mounts file systems, for which one must be root")
	}
	runtime.LockOSThread() // for good: the thread ends with the test
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		t.Fatalf("a name space of mounts: %v", err)
	}
	mount(t, "none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
}

func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount %s on %s: %v", source, target, err)
	}
}

// folders makes folders below root.
func folders(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// jail is a root for programs, and whose they are there.
type jail struct {
	root     string
	uid, gid uint32
	env      []string
}

// command is a program of the jail.
func (j jail) command(args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: args[0], Args: args, Dir: "/", Env: j.env,
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     j.root,
			Credential: &syscall.Credential{Uid: j.uid, Gid: j.gid},
			Pdeathsig:  syscall.SIGKILL,
		},
	}
}

// owner returns whose a file is, and its mode.
func owner(t *testing.T, name string) (uid, gid uint32, mode os.FileMode) {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid, info.Mode().Perm()
}

// unmount takes a file system away, so that its folder can be removed.
func unmount(t *testing.T, target string) {
	t.Helper()
	if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", target, err)
	}
}
