// Command medbook is a clinic's booking system: server, administration and demo
// in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"medbook/internal/errs"
	"medbook/internal/settings"
)

const about = `A booking system for clinics and independent practitioners.

Practitioners publish when they work; patients find a slot, hold it, confirm it, move it or cancel it. Nobody is ever double-booked.

  medbook demo     a small clinic to try things out
  medbook serve    your own

By default everything is kept in one file, data/medbook.db. With a postgres:// URL any number of servers share one PostgreSQL database.`

// commands is the command line.
type commands struct {
	ConfigFile settings.File `name:"config" env:"MEDBOOK_CONFIG" placeholder:"FILE" help:"YAML file of settings, such as 'listen: 127.0.0.1:8080', for all commands. Flags and variables win over it; see docs/configuration.md."`

	Serve   serve   `cmd:"" help:"Run the server."`
	Config  config  `cmd:"" help:"Print the server's settings, and where each comes from."`
	Migrate migrate `cmd:"" help:"Bring the database's schema up to date, and stop."`
	User    struct {
		Create       createUser   `cmd:"" help:"Make a user and print its id."`
		SignOut      signOut      `cmd:"" help:"End all sessions of a user."`
		ResetFactors resetFactors `cmd:"" help:"Take a user's second factors away."`
	} `cmd:"" help:"Manage users."`
	Key struct {
		Create createKey `cmd:"" help:"Make an API key for a user and print it."`
		List   listKeys  `cmd:"" help:"List a user's API keys."`
		Revoke revokeKey `cmd:"" help:"Make an API key worth nothing."`
	} `cmd:"" help:"Manage API keys, by which programs sign in."`
	Keys struct {
		Rotate rotateKeys `cmd:"" help:"Add new keys to the installation's own."`
		Rewrap rewrapKeys `cmd:"" help:"Wrap the keys of patients with the present key."`
		Show   showKeys   `cmd:"" help:"Tell which keys there are, without them."`
	} `cmd:"" help:"Manage the installation's own keys, which seal and sign."`
	Audit struct {
		Verify verifyTrail `cmd:"" help:"Tell whether the audit trail is what it was."`
		Export exportTrail `cmd:"" help:"Write the audit trail out, a line of JSON for each record."`
		Key    trailKey    `cmd:"" help:"Print the public keys by which checkpoints are read."`
	} `cmd:"" help:"Judge the audit trail."`
	Check checkDatabase `cmd:"" help:"Tell whether what is in the database can be so."`
	Demo  struct {
		Run  demoClinic `cmd:"" default:"withargs" help:"Make up a small clinic and run it."`
		Fill fillDemo   `cmd:"" help:"Make up a large clinic in a new database, to measure by."`
	} `cmd:"" help:"Make up a clinic."`
	Openapi openAPI `cmd:"" help:"Print the OpenAPI document of the HTTP API."`
	Health  health  `cmd:"" help:"Ask a server whether it is ready."`
	Version version `cmd:"" help:"Print what this program is, and of what it was built."`
}

// The statuses that the program ends with.
const (
	succeeded = 0
	failed    = 1
	misused   = 2 // the command line is wrong, or the configuration
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the arguments say and returns the status to end with. What goes
// wrong is one line on stderr.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	defer stop()
	found := settings.New()
	parser, err := newParser(found,
		kong.Writers(stdout, stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(output{stdout, stderr}),
	)
	if err != nil {
		return complain(stderr, err, failed)
	}
	if err := checkArguments(args); err != nil {
		return complain(stderr, err, misused)
	}
	command, err := parser.Parse(args)
	if invalid, ok := errors.AsType[*settings.InvalidError](err); ok {
		return complain(stderr, invalid, misused)
	}
	if err != nil {
		return complain(stderr, fmt.Errorf("%w; see medbook --help", err), misused)
	}
	err = found.Locate(command.Run())
	if verdict, ok := errors.AsType[verdictError](err); ok {
		return int(verdict)
	}
	if status, ok := errors.AsType[statusError](err); ok {
		return int(status)
	}
	if err != nil {
		return complain(stderr, err, failed)
	}
	return succeeded
}

// newParser reads command lines, and what found finds of settings.
func newParser(found *settings.Settings, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(new(commands), append(options,
		kong.Name("medbook"), kong.Description(about),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"listen": defaultListen, "database": defaultDatabase},
		kong.Bind(found), found,
	)...)
}

// output is where a command writes: what was asked for to stdout, the rest to stderr.
type output struct{ stdout, stderr io.Writer }

// complain writes err as one line without passwords.
func complain(stderr io.Writer, err error, status int) int {
	text := strings.Join(strings.FieldsFunc(explain(err), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	fmt.Fprintln(stderr, "medbook:", settings.MaskWords(text))
	return status
}

// explain returns what a person wants to know of err. Of an error that is made
// to be shown that is its sentence and what is wrong with which field.
func explain(err error) string {
	e := errs.As(err)
	if e == nil || e.Kind == errs.Unavailable { // the cause is about a machine, and of use
		return err.Error()
	}
	text := e.Detail
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		text = strings.TrimSuffix(text, ".") + "; " + field + " " + e.Fields[field]
	}
	return text
}
