//go:build !unix

package sqltest

import (
	"errors"
	"syscall"
)

// unprivileged says that the tests start PostgreSQL on Unix only.
func unprivileged(string) (*syscall.SysProcAttr, error) {
	return nil, errors.New("sqltest can start PostgreSQL on Unix only")
}
