package main

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"medbook/internal/app"
	"medbook/internal/keyring"
	"medbook/internal/origin"
	"medbook/internal/settings"
)

// config prints what the server would run with.
type config struct {
	serve
	Check bool `help:"Print nothing; end with 0 if medbook serve would start with these settings, as far as can be told without opening anything."`
}

// Help says what the summary has no room for.
func (config) Help() string {
	return `Takes the flags of "medbook serve", and prints each setting with its value and where that comes from: a flag, a variable, a line of the configuration file, or the default. What it prints is a configuration file. Secrets are masked, and stand in comments, like what is not set.

What is wrong with the file or a variable is told, with the line, and ends it with 2. With --check it also looks at the values together, as the server does before it opens anything, and at the files that they name; then it ends with 1. It makes no file, and asks neither the database nor a vault.`
}

// Run prints the settings, or checks them.
func (c *config) Run(ctx context.Context, o output, found *settings.Settings) error {
	if c.Check {
		return c.check(ctx, o)
	}
	if err := c.settle(); err != nil {
		return err
	}
	return found.Write(o.stdout)
}

// check judges the settings as serve does. Keys that are not there yet are stood in for.
func (c *config) check(ctx context.Context, o output) error {
	all, err := c.configuration(o)
	if err != nil {
		return err
	}
	all.Keys, err = c.ring(all.Database, keyring.Open)
	if errors.Is(err, fs.ErrNotExist) {
		all.Keys, err = keyring.New()
	}
	if err != nil {
		return err
	}
	_, err = c.masters(c.keyFile, all.Keys, all.Database)
	return errors.Join(err, all.Check(ctx))
}

// settle fills in the defaults that other settings make.
func (c *config) settle() (err error) {
	c.Listen = c.address()
	if c.Database, err = c.url(); err != nil {
		return err
	}
	keys := c.keyFile.path(c.Database)
	text, err := c.text()
	if err != nil {
		return err
	}
	if text == "" {
		c.Keys.File = keys
	}
	c.AuditCheckpoints = c.trail.path(keys)
	proxies, _ := origin.ParseProxies(c.TrustedProxies)
	roles, err := c.requireFactor(app.Config{Listen: c.Listen, TrustedProxies: proxies}.Exposed())
	if c.RequireFactor != "" || err != nil {
		return nil //nolint:nilerr // --check tells what is wrong with it
	}
	c.RequireFactor = "none"
	if len(roles) > 0 {
		names := make([]string, len(roles))
		for i, role := range roles {
			names[i] = string(role)
		}
		c.RequireFactor = strings.Join(names, ",")
	}
	return nil
}
