package app

import (
	"context"
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
func (c Config) Check(ctx context.Context) error {
	_, err := c.channels()
	err = errors.Join(err, sqldb.CheckAddress(c.Database))
	if c.inClear() {
		err = errors.Join(err, errPlain)
	}
	if _, port, wrong := net.SplitHostPort(c.Listen); wrong != nil {
		err = errors.Join(err, fmt.Errorf("--listen takes HOST:PORT: %w", wrong))
	} else if _, wrong := new(net.Resolver).LookupPort(ctx, "tcp", port); wrong != nil {
		err = errors.Join(err, fmt.Errorf("--listen takes HOST:PORT: %w", wrong))
	}
	if c.TLSCert != "" {
		if _, wrong := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); wrong != nil {
			err = errors.Join(err, fmt.Errorf("read the certificate: %w", wrong))
		}
	}
	_, wrong := auth.NewPasskeys(c.PublicURL)
	return errors.Join(err, wrong)
}
