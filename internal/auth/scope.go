package auth

import (
	"slices"
	"strings"
	"time"

	"medbook/internal/errs"
	"medbook/internal/federation"
)

// Scope is a part of what its owner may do that an API key may be made for. A
// key can do less than its owner's role, never more.
type Scope string

// The scopes of keys. All stands for each that is not listed below StepUp…,
// which a key has only if it was made with it by name: they are for what a
// session must have a fresh proof for.
const (
	All               Scope = "all"
	PeopleRead        Scope = "people:read"
	PeopleWrite       Scope = "people:write"
	AvailabilityRead  Scope = "availability:read"
	AvailabilityWrite Scope = "availability:write"
	SlotsRead         Scope = "slots:read"
	SlotsWrite        Scope = "slots:write"
	AppointmentsRead  Scope = "appointments:read"
	AppointmentsWrite Scope = "appointments:write"
	EncountersRead    Scope = "encounters:read"
	EncountersWrite   Scope = "encounters:write"
	OrdersRead        Scope = "orders:read"
	OrdersWrite       Scope = "orders:write"
	AuditRead         Scope = "audit:read"
	PrivacyRead       Scope = "privacy:read"
	PrivacyWrite      Scope = "privacy:write"
	WaitlistRead      Scope = "waitlist:read"
	WaitlistWrite     Scope = "waitlist:write"
	MessagesRead      Scope = "messages:read"
	MessagesWrite     Scope = "messages:write"
	WebhooksRead      Scope = "webhooks:read"
	WebhooksWrite     Scope = "webhooks:write"
	AccountRead       Scope = "account:read"
	AccountWrite      Scope = "account:write"

	StepUpRoles    Scope = "step-up:roles"    // change a user's role
	StepUpKeys     Scope = "step-up:keys"     // make API keys
	StepUpAccount  Scope = "step-up:account"  // change the e-mail address
	StepUpErase    Scope = "step-up:erase"    // erase a patient
	StepUpWebhooks Scope = "step-up:webhooks" //nolint:gosec // a name: make and rotate webhooks' secrets, and say where events go
)

var scopes = []Scope{
	All, PeopleRead, PeopleWrite, AvailabilityRead, AvailabilityWrite, SlotsRead, SlotsWrite, AppointmentsRead,
	AppointmentsWrite, EncountersRead, EncountersWrite, OrdersRead, OrdersWrite, AuditRead, PrivacyRead, PrivacyWrite, WaitlistRead, WaitlistWrite, MessagesRead, MessagesWrite, WebhooksRead, WebhooksWrite, AccountRead, AccountWrite,
	StepUpRoles, StepUpKeys, StepUpAccount, StepUpErase, StepUpWebhooks,
}

// Scopes lists every scope, for documents and forms.
func Scopes() []Scope { return slices.Clone(scopes) }

func (s Scope) stepUp() bool { return strings.HasPrefix(string(s), "step-up:") }

// ScopeSet is what a key may be used for: scopes with a space between, as they
// are kept.
type ScopeSet string

// ScopesOf makes a set.
func ScopesOf(list ...Scope) ScopeSet {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return ScopeSet(strings.Join(words, " "))
}

// List returns the scopes of the set.
func (set ScopeSet) List() []Scope {
	var list []Scope
	for word := range strings.FieldsSeq(string(set)) {
		list = append(list, Scope(word))
	}
	return list
}

// Has reports whether the set allows what needs s.
func (set ScopeSet) Has(s Scope) bool {
	list := set.List()
	return slices.Contains(list, s) || !s.stepUp() && slices.Contains(list, All)
}

// Covers reports whether all that other allows is allowed by set too.
func (set ScopeSet) Covers(other ScopeSet) bool {
	return !slices.ContainsFunc(other.List(), func(s Scope) bool { return !set.Has(s) })
}

// What a caller is told whose credential is good, but not for this.
var (
	ErrScope  = errs.New(errs.Forbidden, "scope-missing", "This API key or token was not made for this; make one with the scope that the documentation names.")
	ErrStepUp = errs.New(errs.Forbidden, "step-up-required", "This needs a fresh proof that it is you: call POST /v1/auth/step-up and try again within 5 minutes.")
)

// freshFor is how long a proof counts for what needs a fresh one.
const freshFor = 5 * time.Minute

// Allows returns ErrScope for a key, or a provider's token, that was not made for
// what needs scope s. Sessions can do all that the role may. The empty scope is
// needed by what any credential may do.
func (a Actor) Allows(s Scope) error {
	if a.Via != ViaKey && a.Via != ViaToken || s == "" || a.Scopes.Has(s) {
		return nil
	}
	return ErrScope
}

// delegated are the scopes of a provider's token: those of ours that it names or,
// if it names none of any kind, all but those of step-up.
func delegated(c federation.Claims) ScopeSet {
	if !c.Scoped {
		return ScopesOf(All)
	}
	var list []Scope
	for _, s := range c.Scopes {
		if ours := Scope(s); slices.Contains(scopes, ours) && !ours.stepUp() {
			list = append(list, ours)
		}
	}
	return ScopesOf(list...)
}

// StepUp returns ErrStepUp unless a showed within the last 5 minutes, the instant
// 5 minutes after included, who it is, or shows a key that was made for s. System
// needs no proof.
func (a Actor) StepUp(s Scope, now time.Time) error {
	switch {
	case a.Role == system:
		return nil
	case a.Via == ViaKey && a.Scopes.Has(s):
		return nil
	case a.Via == ViaSession && !a.ProvedAt.IsZero() && !now.After(a.ProvedAt.Add(freshFor)):
		return nil
	}
	return ErrStepUp
}
