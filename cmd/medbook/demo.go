package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"medbook/internal/app"
	"medbook/internal/demo"
	"medbook/internal/keyring"
)

// demoClinic makes up a clinic and serves it.
type demoClinic struct {
	listening
	Data string `default:"./data/demo" placeholder:"DIR" help:"Folder for the clinic. Default: ${default}."`
}

// Help says what the summary has no room for.
func (demoClinic) Help() string {
	return `Five practitioners in three time zones, their patients, and appointments past and to come, all invented. The first start makes them; later ones find the clinic as it was left. Delete the folder to start afresh.

Prints the server's address, as whom to sign in with which password, and a new key for each role.`
}

// Run returns when ctx ends and all running requests are finished.
func (c demoClinic) Run(ctx context.Context, o output) error {
	file := filepath.Join(c.Data, "medbook.keys")
	ring, err := keyring.OpenOrCreate(file)
	if err != nil {
		return err
	}
	database, err := demo.Prepare(ctx, c.Data, ring, time.Now())
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Config{
		Listen: c.address(), Database: database, Keys: ring, Log: app.NewLog(o.stderr),
		Demo:        demo.People(),
		Checkpoints: filepath.Join(c.Data, "medbook.checkpoints"), Masters: []keyring.Master{keyring.NewLive(ring, file)},
	})
	if err != nil {
		return err
	}
	keys, err := demo.Keys(ctx, a.Services)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	c.welcome(o.stdout, a.URL(), keys)
	return a.Run(ctx)
}

func (c demoClinic) welcome(w io.Writer, url string, keys []demo.Key) {
	fmt.Fprintf(w, "The demo clinic is open: %s\n\n", url)
	fmt.Fprintf(w, "  documentation  %s/docs\n", url)
	fmt.Fprintf(w, "  data           %s (delete it to start afresh)\n\n", c.Data)
	fmt.Fprintf(w, "Sign in as one of these people:\n\n")
	for _, p := range demo.People() {
		fmt.Fprintf(w, "  %-13s %-22s password %q  (%s: %s)\n", p.Role, p.Email, p.Password, p.Name, p.Note)
	}
	fmt.Fprintf(w, "\nKeys, to be sent as the header X-API-Key:\n\n")
	for _, k := range keys {
		fmt.Fprintf(w, "  %-13s %s  (%s)\n", k.Role, k.Text, k.Name)
	}
	fmt.Fprintf(w, "\nTry: curl -H 'X-API-Key: %s' %s/v1/me\n", keys[0].Text, url)
	fmt.Fprintf(w, "Stop it with Ctrl-C.\n")
}

// fillDemo makes up a large clinic.
type fillDemo struct {
	storage
	keyFile
	trail
	Appointments int `default:"100000" placeholder:"N" help:"How many appointments the clinic has. Default: ${default}."`
}

// Help says what the summary has no room for.
func (fillDemo) Help() string {
	return `Fills a new database, which must have no users, with a clinic of the size that is asked for: practitioners, patients, appointments over two years behind and twelve weeks ahead, visits that are documented, and the audit trail of all that. Everybody in it is invented, and nobody has a password. Make a key to look at it by medbook key create.

It is there to measure by: how long a backup takes, or a start. A million appointments take minutes and some gigabytes.`
}

// Run prints what there is.
func (c fillDemo) Run(ctx context.Context, o output) error {
	if c.Appointments < 1 {
		return errors.New("--appointments must be 1 at the least")
	}
	database, err := c.url()
	if err != nil {
		return err
	}
	ring, err := c.ring(database, keyring.OpenOrCreate)
	if err != nil {
		return err
	}
	done, err := demo.Fill(ctx, demo.Filling{
		Database: database, Keys: ring, Checkpoints: c.trail.path(c.keyFile.path(database)), Appointments: c.Appointments, Now: time.Now(),
		Tell: func(n int) { fmt.Fprintf(o.stderr, "%d of %d appointments\n", n, c.Appointments) },
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.stdout, "%d practitioners, %d patients, %d appointments, %d encounters; the admin is %s\n",
		done.Practitioners, done.Patients, done.Appointments, done.Encounters, done.Admin)
	return err
}
