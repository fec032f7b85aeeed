package main

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"medbook/internal/app"
	"medbook/internal/gate"
	"medbook/internal/scheduling"
)

// restraints are the flags of how much anybody may ask for.
type restraints struct {
	RateLimitAddress    int           `env:"MEDBOOK_RATE_LIMIT_ADDRESS" default:"600" placeholder:"N" help:"Requests a minute from a client's address; 0: any number. Default: ${default}."`
	RateLimitCredential int           `env:"MEDBOOK_RATE_LIMIT_CREDENTIAL" default:"600" placeholder:"N" help:"Requests a minute with one API key or session; 0: any number. Default: ${default}."`
	RateLimitSecrets    int           `env:"MEDBOOK_RATE_LIMIT_SECRETS" default:"30" placeholder:"N" help:"Requests a minute from an address that sign in or try a secret; 0: any number. Default: ${default}."`
	HoldsPerDay         int           `env:"MEDBOOK_HOLDS_PER_DAY" default:"20" placeholder:"N" help:"Slots that a patient may hold or book within 24 hours; 0: any number. Default: ${default}."`
	HoldCooldown        time.Duration `env:"MEDBOOK_HOLD_COOLDOWN" default:"1h" placeholder:"DURATION" help:"For how long a patient holds no more after three holds that ran out within 24 hours; 0: not at all. Default: ${default}."`
	CORSOrigins         string        `name:"cors-origins" env:"MEDBOOK_CORS_ORIGINS" placeholder:"ORIGIN,…" help:"Origins whose pages may call the API with tokens or keys, such as https://app.example. Default: none."`
}

// into adds the flags to a configuration.
func (r restraints) into(c *app.Config) error {
	for _, limit := range []struct {
		flag  string
		value int
	}{
		{"--rate-limit-address", r.RateLimitAddress},
		{"--rate-limit-credential", r.RateLimitCredential},
		{"--rate-limit-secrets", r.RateLimitSecrets},
		{"--holds-per-day", r.HoldsPerDay},
		{"--hold-cooldown", int(r.HoldCooldown)},
	} {
		if limit.value < 0 {
			return errors.New(limit.flag + " can't be negative; 0 means that there is no limit")
		}
	}
	c.Limits = gate.Limits{Address: r.RateLimitAddress, Credential: r.RateLimitCredential, Secrets: r.RateLimitSecrets}
	c.Restraint = scheduling.Restraint{HoldsPerDay: r.HoldsPerDay, Cooldown: r.HoldCooldown}
	for part := range strings.SplitSeq(r.CORSOrigins, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		u, err := url.Parse(part)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || part != u.Scheme+"://"+strings.ToLower(u.Host) || u.Host == "" || strings.Contains(part, "*") {
			return errors.New("--cors-origins takes origins such as https://app.example with commas between, without a path")
		}
		c.Origins = append(c.Origins, part)
	}
	return nil
}
