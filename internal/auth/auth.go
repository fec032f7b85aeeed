// Package auth knows who is asking. It makes an Actor of a credential and owns
// passwords, second factors, sessions, API keys, who is whom at identity
// providers, the links that are sent to an address, and passes to one visit;
// users, patients and practitioners it only reads.
//
// Tokens and keys are kept as the SHA-256 of their secret, which is random and
// long enough that nothing slower is needed; passwords as argon2id. Every
// credential that is not good gets the same answer, whatever is wrong with it.
// Each request reads the credential, the user and the role anew, so that ending
// a session, revoking a key or changing a role holds from the next request on,
// on every server.
package auth

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/federation"
	"medbook/internal/keyring"
	"medbook/internal/password"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrUnauthenticated = errs.New(errs.Unauthenticated, "unauthenticated", "A valid credential is needed.")
	ErrForbidden       = errs.New(errs.Forbidden, "forbidden", "Your role does not allow this.")
	ErrUserNotFound    = errs.New(errs.NotFound, "user-not-found", "There is no such user, or it is not you.")
	ErrInvalidKey      = errs.New(errs.Invalid, "invalid-key", "This key can't be made.")
)

// Role is what a user is to the clinic.
type Role string

// The roles of users.
const (
	Patient      Role = "patient"      // books care
	Practitioner Role = "practitioner" // gives care
	Admin        Role = "admin"        // runs the clinic; sees no clinical data
	Auditor      Role = "auditor"      // reads the audit trail; sees no clinical data

	system Role = "system" // the command line; no user has it
)

// ParseRole returns the role that a user can have under that name.
func ParseRole(s string) (Role, bool) {
	r := Role(s)
	return r, slices.Contains([]Role{Patient, Practitioner, Admin, Auditor}, r)
}

// Actor is who asks, and from where. The zero Actor is nobody.
type Actor struct {
	UserID         uuid.UUID
	Role           Role
	PractitionerID uuid.UUID // zero unless Role is Practitioner
	CredentialID   uuid.UUID // the API key or session that was shown

	Via      Via       // what kind of credential it was
	Scopes   ScopeSet  // what a key or a provider's token may be used for
	ProvedAt time.Time // when a session last showed whose it is
	Weak     bool      // role or user needs a second factor, and none was shown

	visit Visit // of a pass, which is all that such an actor may manage

	RequestID string // of the HTTP request, like what follows
	Address   string // IP address of the client, without port
	Agent     string // User-Agent
}

// Via is a kind of credential.
type Via string

// The kinds of credentials.
const (
	ViaKey     Via = "key"
	ViaSession Via = "session"
	ViaToken   Via = "token" // an access token of an identity provider
	ViaLink    Via = "link"  // a pass: a link that was sent, or a reference and a date of birth
)

// System acts for whoever runs the program's command line: an admin without a user.
var System = Actor{Role: system}

// Anonymous reports whether nobody signed in.
func (a Actor) Anonymous() bool { return a.Role == "" }

// Is reports whether a has one of the roles. System counts as Admin.
func (a Actor) Is(roles ...Role) bool {
	return slices.Contains(roles, a.Role) || a.Role == system && slices.Contains(roles, Admin)
}

// Event begins the record of what a does: "appointment.hold" to the resource of
// that type and id (empty for a list), which is data of the patients. Of who has a
// pass it names no user, for nobody signed in, so that the patient sees among the
// disclosures that the link was used; the credential is then the appointment.
func (a Actor) Event(action, resourceType, resourceID string, patients ...uuid.UUID) audit.Event {
	if a.Via == ViaLink {
		a.UserID, a.Role = uuid.Nil, visitor
	}
	return audit.Event{
		Actor: a.UserID, ActorRole: string(a.Role), Credential: a.CredentialID, Purpose: purposes[a.Role],
		Action: action, ResourceType: resourceType, ResourceID: resourceID, Patients: patients,
		RequestID: a.RequestID, ClientAddress: a.Address, UserAgent: a.Agent,
	}
}

// Intends is Event for what a wants to see.
func (a Actor) Intends(action, resourceType, resourceID string, patients ...uuid.UUID) audit.Intent {
	return audit.Intent{Event: a.Event(action, resourceType, resourceID, patients...), Self: a.UserID}
}

// purposes are what each role acts for, as the audit trail has it. PurposeEmergency
// stands in the place of treatment where somebody else's care is broken into.
var purposes = map[Role]string{
	Patient: "patient-request", visitor: "patient-request", Practitioner: "treatment", Admin: "operations", Auditor: "oversight", system: "operations",
}

// PurposeEmergency is the purpose of looks at a patient of whom one has no care.
const PurposeEmergency = "emergency"

// FoldEmail returns the one form in which an e-mail address is kept and looked for.
func FoldEmail(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// Service checks credentials and makes them. Its methods are safe for concurrent use.
type Service struct {
	DB        *sqldb.DB
	Log       *slog.Logger // for Run
	Keys      *keyring.Ring
	Passwords *password.Hasher
	Passkeys  *webauthn.WebAuthn // nil: there are none

	Federation    *federation.Service // nil: no identity providers
	Provision     Provisioner         // makes users of who comes from one; nil: nobody is made
	PublicURL     string              // to which identity providers send people back
	RequireFactor []Role              // whose sessions can do nothing much without a second factor

	// Clinic reads what authenticators call us; nil: Medbook.
	Clinic func(ctx context.Context, tx *sqldb.Tx) (string, error)

	refusals refusals
}

// product is what we are called where there is no clinic to name.
const product = "Medbook"

func (s *Service) clinic(ctx context.Context, tx *sqldb.Tx) (string, error) {
	if s.Clinic == nil {
		return product, nil
	}
	return s.Clinic(ctx, tx)
}
