package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	return with(ctx, c.storage, func(s *app.Services) error {
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

// signOut ends all sessions of a user.
type signOut struct {
	storage
	Email string `arg:"" help:"E-mail address of the user."`
}

// Help says what the summary has no room for.
func (signOut) Help() string {
	return `For a lost laptop, or somebody who leaves. It holds from the next request on, on every server. Their API keys stay: see key list and key revoke.`
}

// Run says nothing when all is well.
func (c signOut) Run(ctx context.Context) error {
	return with(ctx, c.storage, func(s *app.Services) error {
		return s.Auth.EndSessionsOf(ctx, auth.System, c.Email)
	})
}

// resetFactors takes a user's second factors away.
type resetFactors struct {
	storage
	Email string `arg:"" help:"E-mail address of the user."`
}

// Help says what the summary has no room for.
func (resetFactors) Help() string {
	return `For a user who has lost the phone or key, and the recovery codes. Make sure that it is them who asks. They are signed out everywhere and are told by e-mail; then they sign in by their password alone, and can add a new factor.`
}

// Run says nothing when all is well.
func (c resetFactors) Run(ctx context.Context) error {
	return with(ctx, c.storage, func(s *app.Services) error {
		return s.Auth.ResetFactors(ctx, auth.System, c.Email)
	})
}

// createKey makes an API key.
type createKey struct {
	storage
	Email string `arg:"" help:"E-mail address of the user whom the key stands for."`
	Name  string `default:"command line" placeholder:"NAME" help:"What the key is for. Default: ${default}."`

	Scopes   []string      `placeholder:"SCOPE,…" help:"What it may do. Default: all but what needs step-up; see the documentation of POST /v1/api-keys."`
	Networks []string      `placeholder:"CIDR,…" help:"From which addresses it may be used. Default: any."`
	Life     time.Duration `default:"2160h" placeholder:"DURATION" help:"How long it is good, at most 8784h. Default: 90 days."`
}

// Help says what the summary has no room for.
func (createKey) Help() string {
	return `The key is shown once and stored as a hash. Whoever has it is that user: send it as the header X-API-Key. It works while a server runs:

  KEY=$(medbook key create ada@clinic.example)
  curl -H "X-API-Key: $KEY" http://127.0.0.1:8080/v1/me`
}

// Run prints the key alone, so that a script can take it.
func (c createKey) Run(ctx context.Context, o output) error {
	return with(ctx, c.storage, func(s *app.Services) error {
		_, key, err := s.Auth.CreateKey(ctx, auth.System, c.key(s.DB.Now()))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(o.stdout, key)
		return err
	})
}

func (c createKey) key(now time.Time) auth.NewKey {
	n := auth.NewKey{Email: c.Email, Name: c.Name, Networks: c.Networks, ExpiresAt: now.Add(c.Life)}
	for _, s := range c.Scopes {
		n.Scopes = append(n.Scopes, auth.Scope(s))
	}
	return n
}

// listKeys lists a user's API keys.
type listKeys struct {
	storage
	Email string `arg:"" help:"E-mail address of the user."`
}

// Run prints a line for each key: id, until when, last use, scopes, name.
func (c listKeys) Run(ctx context.Context, o output) error {
	return with(ctx, c.storage, func(s *app.Services) error {
		keys, err := s.Auth.KeysOf(ctx, auth.System, c.Email)
		if err != nil {
			return err
		}
		for _, k := range keys {
			used := "never used"
			if !k.LastUsedAt.IsZero() {
				used = "used " + k.LastUsedAt.Format(time.DateTime)
			}
			if _, err := fmt.Fprintf(o.stdout, "%s  until %s  %s  %s  %s\n", k.ID, k.ExpiresAt.Format(time.DateTime), used, k.Scopes, k.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// revokeKey revokes an API key.
type revokeKey struct {
	storage
	ID string `arg:"" help:"The key's id, as key list prints it."`
}

// Run says nothing when the key is gone.
func (c revokeKey) Run(ctx context.Context) error {
	return with(ctx, c.storage, func(s *app.Services) error {
		return s.Auth.RevokeKey(ctx, auth.System, c.ID)
	})
}

// with runs work on an open database.
func with(ctx context.Context, where storage, work func(*app.Services) error) (err error) {
	database, err := where.url()
	if err != nil {
		return err
	}
	services, err := app.Open(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, services.DB.Close()) }()
	return work(services)
}
