//go:build unix

package e2e

import (
	"errors"
	"os/exec"
	"syscall"
)

// inItsOwnGroup has a command and all that it starts be one group of processes,
// which is killed when the command's context ends.
func inItsOwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
			return err
		}
		return nil
	}
}
