package sqldb

import (
	"strings"
	"syscall"
	"time"
)

// silenceFor is how long what was sent may stay without an acknowledgement of the
// peer's kernel. The kernel's own limit is a quarter of an hour.
const silenceFor = 20 * time.Second

// limitSilence sets TCP_USER_TIMEOUT, which package syscall does not name.
func limitSilence(network, _ string, c syscall.RawConn) error {
	const userTimeout = 0x12
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	controlling := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(silenceFor.Milliseconds()))
	})
	if controlling != nil {
		return controlling
	}
	return err
}
