package main

import (
	"context"
	"errors"
	"fmt"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
)

// createUser makes a user.
type createUser struct {
	storage
	Role     string `required:"" enum:"patient,practitioner,admin,auditor" placeholder:"ROLE" help:"patient, practitioner, admin or auditor."`
	Name     string `required:"" placeholder:"NAME" help:"Full name."`
	Email    string `required:"" placeholder:"EMAIL" help:"E-mail address; no two users share one."`
	TimeZone string `placeholder:"ZONE" default:"UTC" help:"IANA time zone, such as America/New_York. Default: ${default}."`
}

// Help says what the summary has no room for.
func (createUser) Help() string {
	return `This is how a clinic gets its first admin, who makes the others over the API. It works while a server runs.`
}

// Run prints the id of the user it made.
func (c createUser) Run(ctx context.Context, o output) error {
	return with(ctx, c.url(), func(s *app.Services) error {
		u, err := s.Directory.CreateUser(ctx, auth.System, directory.NewUser{
			Email: phi.Of(c.Email), Name: phi.Of(c.Name), Role: auth.Role(c.Role), TimeZone: c.TimeZone,
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(o.stdout, u.ID)
		return err
	})
}

// createKey makes an API key.
type createKey struct {
	storage
	Email string `arg:"" help:"E-mail address of the user whom the key stands for."`
	Name  string `default:"command line" placeholder:"NAME" help:"What the key is for. Default: ${default}."`
}

// Help says what the summary has no room for.
func (createKey) Help() string {
	return `The key is shown once and stored as a hash. Whoever has it is that user: send it as the header X-API-Key. It works while a server runs:

  KEY=$(medbook key create ada@clinic.example)
  curl -H "X-API-Key: $KEY" http://127.0.0.1:8080/v1/me`
}

// Run prints the key alone, so that a script can take it.
func (c createKey) Run(ctx context.Context, o output) error {
	return with(ctx, c.url(), func(s *app.Services) error {
		key, err := s.Auth.CreateKey(ctx, auth.System, c.Email, c.Name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(o.stdout, key)
		return err
	})
}

// with runs work on an open database.
func with(ctx context.Context, database string, work func(*app.Services) error) (err error) {
	services, err := app.Open(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, services.DB.Close()) }()
	return work(services)
}
