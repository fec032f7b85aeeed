package api

import (
	"slices"

	"medbook/internal/auth"
)

// relation says whose data a role reaches on a route. The services keep it, in
// the predicates of their SQL; TestAuthorizationMatrix holds them to it.
type relation string

const (
	never       relation = ""         // the role may never do this: 403
	public      relation = "public"   // no credential is needed
	own         relation = "own"      // the caller, and what is theirs; all else is 404
	ownCalendar relation = "calendar" // the practitioner's own time and who booked it; all else is 404
	inCare      relation = "in care"  // the patients in the practitioner's care; all others are 404
	anyones     relation = "any"      // everybody's
)

// access is a line of the policy: whose data each role reaches, the scope that
// an API key needs (none: any key will do), and the scope of step-up, where a
// session must have shown within 5 minutes whose it is and a key needs that scope
// by name.
type access struct {
	patient, practitioner, admin, auditor relation
	scope, stepUp                         auth.Scope
}

// The policy: one line for each operation. Every route names its line, so that
// one without does not compile.
var (
	//                      patient  practitioner admin    auditor  scope                   step-up
	readStatus    = access{own, own, own, own, "", ""}
	readHealth    = access{public, public, public, public, "", ""}
	readReadiness = access{public, public, public, public, "", ""}
	readOpenAPI   = access{public, public, public, public, "", ""}
	readDocs      = access{public, public, public, public, "", ""}

	register             = access{public, public, public, public, "", ""}
	verifyAddress        = access{public, public, public, public, "", ""}
	logIn                = access{public, public, public, public, "", ""}
	refreshSession       = access{public, public, public, public, "", ""}
	requestPasswordReset = access{public, public, public, public, "", ""}
	resetPassword        = access{public, public, public, public, "", ""}
	confirmEmail         = access{public, public, public, public, "", ""}
	setUp                = access{public, public, public, public, "", ""}
	logOut               = access{own, own, own, own, "", ""}
	stepUp               = access{own, own, own, own, auth.AccountWrite, ""}
	changePassword       = access{own, own, own, own, auth.AccountWrite, ""}
	changeEmail          = access{own, own, own, own, auth.AccountWrite, auth.StepUpAccount}
	passkeyOptions       = access{public, public, public, public, "", ""}
	passkeyLogIn         = access{public, public, public, public, "", ""}
	listProviders        = access{public, public, public, public, "", ""}
	providerLogIn        = access{public, public, public, public, "", ""}
	listIdentities       = access{own, own, own, own, auth.AccountRead, ""}
	changeIdentities     = access{own, own, own, own, auth.AccountWrite, auth.StepUpAccount} // by sessions only
	listFactors          = access{own, own, own, own, auth.AccountRead, ""}
	changeFactors        = access{own, own, own, own, auth.AccountWrite, auth.StepUpAccount} // by sessions only
	listSessions         = access{own, own, own, own, auth.AccountRead, ""}
	endSession           = access{own, own, own, own, auth.AccountWrite, ""}
	createKey            = access{own, own, own, own, auth.AccountWrite, auth.StepUpKeys}
	listKeys             = access{own, own, anyones, own, auth.AccountRead, ""}
	revokeKey            = access{own, own, anyones, own, auth.AccountWrite, ""}

	createUser         = access{never, never, anyones, never, auth.PeopleWrite, ""}
	listUsers          = access{own, own, anyones, own, auth.PeopleRead, ""}
	readUser           = access{own, own, anyones, own, auth.PeopleRead, ""}
	changeUser         = access{own, own, anyones, own, auth.PeopleWrite, ""} // a change of role needs step-up
	readMe             = access{own, own, own, own, "", ""}
	readPractitioners  = access{public, public, public, public, "", ""}
	changePractitioner = access{never, ownCalendar, anyones, never, auth.PeopleWrite, ""}

	readPatients = access{never, inCare, anyones, never, auth.PeopleRead, ""}
	changeCare   = access{never, never, anyones, never, auth.PeopleWrite, ""}

	readAvailability   = access{never, ownCalendar, anyones, never, auth.AvailabilityRead, ""}
	changeAvailability = access{never, ownCalendar, anyones, never, auth.AvailabilityWrite, ""}

	readSlots   = access{public, public, public, public, "", ""} // other than available ones: the practitioner and admins
	changeSlots = access{never, ownCalendar, anyones, never, auth.SlotsWrite, ""}

	holdAppointment       = access{own, never, anyones, never, auth.AppointmentsWrite, ""}
	readAppointments      = access{own, ownCalendar, anyones, never, auth.AppointmentsRead, ""}
	confirmAppointment    = access{own, never, anyones, never, auth.AppointmentsWrite, ""}
	cancelAppointment     = access{own, ownCalendar, anyones, never, auth.AppointmentsWrite, ""}
	rescheduleAppointment = access{own, ownCalendar, anyones, never, auth.AppointmentsWrite, ""}
	closeAppointment      = access{never, ownCalendar, never, never, auth.AppointmentsWrite, ""}

	readPreferences   = access{own, own, own, own, auth.AccountRead, ""}
	changePreferences = access{own, own, own, own, auth.AccountWrite, ""}

	readPushKey         = access{own, own, own, own, auth.AccountRead, ""}
	readSubscriptions   = access{own, own, own, own, auth.AccountRead, ""}
	changeSubscriptions = access{own, own, own, own, auth.AccountWrite, ""}

	readMessages   = access{never, never, anyones, never, auth.MessagesRead, ""}
	resendMessages = access{never, never, anyones, never, auth.MessagesWrite, ""}

	changeOrders  = access{never, never, anyones, never, auth.OrdersWrite, ""}
	readOrders    = access{own, own, anyones, own, auth.OrdersRead, ""}
	createWebhook = access{never, never, anyones, never, auth.WebhooksWrite, auth.StepUpWebhooks}
	readWebhooks  = access{never, never, anyones, never, auth.WebhooksRead, ""}
	changeWebhook = access{never, never, anyones, never, auth.WebhooksWrite, ""} // another address needs step-up
	testWebhook   = access{never, never, anyones, never, auth.WebhooksWrite, ""}

	createEncounter  = access{never, inCare, never, never, auth.EncountersWrite, ""}
	readEncounters   = access{own, inCare, never, never, auth.EncountersRead, ""} // patients: what is shared with them
	amendEncounter   = access{never, inCare, never, never, auth.EncountersWrite, ""}
	readVersions     = access{never, inCare, never, never, auth.EncountersRead, ""}
	openInEmergency  = access{never, anyones, never, never, auth.EncountersWrite, ""} // patients who are not in one's care
	readEmergencies  = access{never, never, never, anyones, auth.AuditRead, ""}
	readTrail        = access{never, never, never, anyones, auth.AuditRead, ""}
	readDisclosures  = access{own, never, never, anyones, auth.PrivacyRead, ""}
	exportPatient    = access{own, inCare, never, never, auth.PrivacyRead, ""}
	erasePatient     = access{never, never, anyones, never, auth.PrivacyWrite, auth.StepUpErase}
	changeLegalHolds = access{never, never, anyones, never, auth.PrivacyWrite, ""}
	readLegalHolds   = access{never, never, anyones, anyones, auth.PrivacyRead, ""}

	joinWaitlist  = access{own, never, never, never, auth.WaitlistWrite, ""}
	readWaitlist  = access{own, ownCalendar, anyones, never, auth.WaitlistRead, ""}
	leaveWaitlist = access{own, never, anyones, never, auth.WaitlistWrite, ""}
)

// beforeFactor are the operations that are open to a session of a role that needs
// a second factor before it has shown one: what it takes to get there, or away.
var beforeFactor = []string{
	"log-out", "step-up", "list-factors", "offer-factor", "add-factor", "list-sessions", "end-session",
	"change-password", "read-me", "read-status",
}

// of returns whose data a role reaches.
func (p access) of(r auth.Role) relation {
	return map[auth.Role]relation{
		auth.Patient: p.patient, auth.Practitioner: p.practitioner, auth.Admin: p.admin, auth.Auditor: p.auditor,
	}[r]
}

// public reports whether no credential is needed.
func (p access) public() bool { return p.patient == public }

// roles lists who may call at all.
func (p access) roles() []auth.Role {
	all := []auth.Role{auth.Patient, auth.Practitioner, auth.Admin, auth.Auditor}
	return slices.DeleteFunc(all, func(r auth.Role) bool { return p.of(r) == never })
}

// admits returns why by may not call the route: 401 without a credential, 403
// with the wrong role, without the second factor that the role needs, or with too
// narrow a key.
func (o *operation) admits(by auth.Actor) error {
	switch {
	case o.May.public():
		return nil
	case by.Anonymous():
		return auth.ErrUnauthenticated
	case by.Weak && !slices.Contains(beforeFactor, o.ID):
		return auth.ErrFactorMissing
	case o.May.of(by.Role) == never:
		return auth.ErrForbidden
	}
	return by.Allows(o.May.scope)
}
