package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
)

// Check returns all that is wrong with a configuration and can be told without taking
// the address, opening the database or asking anybody: New refuses that first. It
// reads the certificate, and needs Keys.
func (c Config) Check() error {
	_, err := c.channels()
	err = errors.Join(err, sqldb.CheckAddress(c.Database))
	if c.inClear() {
		err = errors.Join(err, errPlain)
	}
	_, port, wrong := net.SplitHostPort(c.Listen)
	if wrong == nil {
		_, wrong = net.LookupPort("tcp", port)
	}
	if wrong != nil {
		err = errors.Join(err, fmt.Errorf("--listen takes HOST:PORT: %w", wrong))
	}
	if c.TLSCert != "" {
		if _, wrong := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); wrong != nil {
			err = errors.Join(err, fmt.Errorf("read the certificate: %w", wrong))
		}
	}
	_, wrong = auth.NewPasskeys(c.PublicURL)
	return errors.Join(err, wrong)
}
