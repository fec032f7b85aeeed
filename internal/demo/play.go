package demo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// step is something that happens in the clinic.
type step struct {
	at time.Time
	do func(ctx context.Context) error
}

// later has something happen at an instant, today at the latest. Steps of one instant
// happen in the order in which they were planned.
func (c *clinic) later(at time.Time, do func(ctx context.Context) error) {
	if at.After(c.today) {
		at = c.today
	}
	c.steps = append(c.steps, step{at, do})
}

// pass lets time pass an instant, so that what is due then is done.
func (c *clinic) pass(at time.Time) {
	if at.Before(c.today) {
		c.later(at, func(context.Context) error { return nil })
	}
}

// play has all steps happen, each at its time, and the work between them done. What
// today brings is left to the server that opens the clinic.
func (c *clinic) play(ctx context.Context) error {
	work := &jobs.Runner{DB: c.DB, Log: slog.New(slog.DiscardHandler)}
	c.Notify.Work(work)
	c.Scheduling.Work(work)
	for len(c.steps) > 0 {
		first := 0
		for i, s := range c.steps {
			if s.at.Before(c.steps[first].at) {
				first = i
			}
		}
		next := c.steps[first]
		c.steps = append(c.steps[:first], c.steps[first+1:]...)
		c.clock.set(next.at)
		if err := next.do(ctx); err != nil {
			return err
		}
		if !next.at.Before(c.today) {
			continue
		}
		if _, err := work.RunDue(ctx); err != nil {
			return err
		}
	}
	return nil
}

const (
	outage = 3 * time.Hour // for how long before today nothing has gone out
	moved  = 5             // the patient whose mailbox is not there any more
)

// carrier stands for a provider while the past is made up, when nothing may leave the
// program. One mailbox is not there any more, and of late nothing goes out.
type carrier struct {
	name    string
	clinic  *clinic
	address func(u directory.User) phi.Value[string]
}

func (c *clinic) carriers() []notify.Channel {
	return []notify.Channel{
		carrier{notify.ByEmail, c, func(u directory.User) phi.Value[string] { return u.Email }},
		carrier{notify.BySMS, c, func(u directory.User) phi.Value[string] { return u.Phone }},
	}
}

// Name returns the name of a channel that clinics have.
func (c carrier) Name() string { return c.name }

// Keeps returns false.
func (c carrier) Keeps() bool { return false }

// Address returns where the provider would find the user.
func (c carrier) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return c.address(u), nil
}

// Send takes the message nowhere.
func (c carrier) Send(_ context.Context, m notify.Message) error {
	switch {
	case m.Tried.After(c.clinic.today.Add(-outage)):
		return &notify.Failure{Class: notify.Unreachable}
	case c.name == notify.ByEmail && m.User == c.clinic.patients[moved].UserID:
		return &notify.Failure{Class: notify.Rejected, Final: true, Alone: true}
	}
	return nil
}

// admit lets everybody sign in with the password of the demo.
func (c *clinic) admit(ctx context.Context) error {
	hash, err := c.Directory.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return c.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for p, by := range c.accounts {
			if err := auth.CheckPassword("password", password, p.email, p.name); err != nil {
				return err
			}
			if err := auth.AddAccount(ctx, tx, by.UserID, hash, true); err != nil {
				return err
			}
		}
		return nil
	})
}
