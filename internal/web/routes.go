package web

import (
	"net/http"
	"slices"

	"medbook/internal/auth"
	"medbook/internal/web/assets"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// route is a line of the table of pages.
type route struct {
	method, path string
	may          roles // who; empty: anybody
	act          func(*call) error
	stepUp       auth.Scope // what one shows again for who one is; empty: nothing
	secret       bool       // tries at a secret, which are counted
	early        bool       // also before a second factor was shown
}

type roles []auth.Role

// Who a page is for.
var (
	anybody       roles
	signedIn      = roles{auth.Patient, auth.Practitioner, auth.Admin, auth.Auditor}
	patients      = roles{auth.Patient}
	practitioners = roles{auth.Practitioner}
	admins        = roles{auth.Admin}
	auditors      = roles{auth.Auditor}
	carers        = roles{auth.Practitioner, auth.Admin}
)

// routes is the table of all pages: method, path, who may, and what it does.
func (s *Server) routes() []route {
	return slices.Concat(
		s.openRoutes(), s.entryRoutes(), s.accountRoutes(), s.bookingRoutes(), s.visitRoutes(), s.portalRoutes(),
		s.calendarRoutes(), s.hoursRoutes(), s.recordRoutes(), s.adminRoutes(), s.deskRoutes(), s.trailRoutes(), s.chartRoutes(),
	)
}

// What anybody can read.
func (s *Server) openRoutes() []route {
	return []route{
		{get, "/{$}", anybody, s.home, "", false, true},
		{get, "/assets/{hash}/{name}", anybody, asset, "", false, true},
		{post, "/language", anybody, chooseLanguage, "", false, true},
		{get, "/design", anybody, designPage, "", false, true},
		{get, "/privacy", anybody, s.privacyPage, "", false, true},
		{get, "/accessibility", anybody, s.accessibilityPage, "", false, true},
	}
}

// Signing in and out, signing up, and where links in messages lead.
func (s *Server) entryRoutes() []route {
	return []route{
		{get, "/sign-in", anybody, s.signInPage, "", false, true},
		{post, "/sign-in", anybody, s.signIn, "", true, true},
		{post, "/sign-in/passkey", anybody, s.signInPasskey, "", true, true},
		{post, "/sign-in/provider", anybody, s.leaveForProvider, "", false, true},
		{get, "/account/sign-in", anybody, s.arrivePage, "", false, true}, // where identity providers send people back to
		{post, "/account/sign-in", anybody, s.arriveFromProvider, "", true, true},
		{post, "/sign-out", anybody, s.signOut, "", false, true},

		{get, "/sign-up", anybody, s.signUpPage, "", false, true},
		{post, "/sign-up", anybody, s.signUp, "", true, true},
		{get, "/sign-up/sent", anybody, signUpSent, "", false, true},
		{get, "/forgotten", anybody, s.forgottenPage, "", false, true},
		{post, "/forgotten", anybody, s.askForReset, "", true, true},
		{get, "/forgotten/sent", anybody, forgottenSent, "", false, true},

		{get, "/account/verify", anybody, s.verifyPage, "", false, true},
		{post, "/account/verify", anybody, s.verifyAddress, "", true, true},
		{get, "/account/reset", anybody, s.resetPage, "", false, true},
		{post, "/account/reset", anybody, s.resetPassword, "", true, true},
		{get, "/account/email", anybody, s.confirmEmailPage, "", false, true},
		{post, "/account/email", anybody, s.confirmEmail, "", true, true},
		{get, "/account/setup", anybody, s.setupPage, "", false, true},
		{post, "/account/setup", anybody, s.setUpClinic, "", true, true},
		{get, "/welcome", admins, s.welcome, "", false, false},
	}
}

// One's own account.
func (s *Server) accountRoutes() []route {
	return []route{
		{get, "/account", signedIn, s.profilePage, "", false, false},
		{post, "/account", signedIn, s.changeProfile, "", false, false},
		{get, "/account/password", signedIn, passwordPage, "", false, false},
		{post, "/account/password", signedIn, s.changePassword, "", true, false},
		{get, "/account/address", signedIn, addressPage, auth.StepUpAccount, false, false},
		{post, "/account/address", signedIn, s.askForAddress, auth.StepUpAccount, false, false},
		{get, "/account/messages", signedIn, s.messagesPage, "", false, false},
		{post, "/account/messages", signedIn, s.changeMessages, "", false, false},
		{post, "/account/messages/push", signedIn, s.subscribe, "", false, false},
		{post, "/account/messages/push/{id}/end", signedIn, s.unsubscribe, "", false, false},
		{get, "/account/sessions", signedIn, s.sessionsPage, "", false, false},
		{post, "/account/sessions/end", signedIn, s.endSessions, "", false, false},
		{post, "/account/sessions/{id}/end", signedIn, s.endSession, "", false, false},
		{get, "/account/connections", signedIn, s.connectionsPage, "", false, false},
		{post, "/account/connections", signedIn, s.leaveToConnect, auth.StepUpAccount, false, false},
		{get, "/account/connections/{id}/end", signedIn, disconnectPage, auth.StepUpAccount, false, false},
		{post, "/account/connections/{id}/end", signedIn, s.disconnect, auth.StepUpAccount, false, false},
		{get, "/account/keys", signedIn, s.keysPage, "", false, false},
		{get, "/account/keys/new", signedIn, newKeyPage, auth.StepUpKeys, false, false},
		{post, "/account/keys/new", signedIn, s.makeKey, auth.StepUpKeys, false, false},
		{get, "/account/keys/{id}/revoke", signedIn, revokeKeyPage, "", false, false},
		{post, "/account/keys/{id}/revoke", signedIn, s.revokeKey, "", false, false},

		// Who must show a second factor can do so, or add the first one.
		{get, "/confirm-identity", signedIn, s.identityPage, "", false, true},
		{post, "/confirm-identity", signedIn, s.proveIdentity, "", true, true},
		{get, "/account/second-factor", signedIn, s.factorsPage, "", false, true},
		{get, "/account/second-factor/app", signedIn, s.appPage, auth.StepUpAccount, false, true},
		{post, "/account/second-factor/app", signedIn, s.addApp, auth.StepUpAccount, true, true},
		{get, "/account/second-factor/passkey", signedIn, s.passkeyPage, auth.StepUpAccount, false, true},
		{post, "/account/second-factor/passkey", signedIn, s.addPasskey, auth.StepUpAccount, true, true},
		{get, "/account/second-factor/codes", signedIn, renewCodesPage, auth.StepUpAccount, false, false},
		{post, "/account/second-factor/codes", signedIn, s.renewCodes, auth.StepUpAccount, false, false},
		{get, "/account/second-factor/{id}/remove", signedIn, removeFactorPage, auth.StepUpAccount, false, false},
		{post, "/account/second-factor/{id}/remove", signedIn, s.removeFactor, auth.StepUpAccount, false, false},
	}
}

// Booking, from the question what for to the confirmation.
func (s *Server) bookingRoutes() []route {
	return nil
}

// A single booking, found without signing in.
func (s *Server) visitRoutes() []route {
	return nil
}

// What a patient has here.
func (s *Server) portalRoutes() []route {
	return nil
}

// A practitioner's week and days, and the appointments in them.
func (s *Server) calendarRoutes() []route {
	return []route{
		{get, "/calendar", carers, s.weekPage, "", false, false},
		{get, "/calendar/part", carers, s.weekPart, "", false, false},
		{get, "/calendar/live", carers, s.calendarLive, "", false, false},
		{get, "/calendar/list", carers, s.weekList, "", false, false},
		{get, "/calendar/day", carers, s.dayPage, "", false, false},
		{get, "/calendar/new-slot", carers, s.newSlotPage, "", false, false},
		{post, "/calendar/new-slot", carers, s.addSlot, "", false, false},
		{get, "/calendar/slots/{id}", carers, s.slotPage, "", false, false},
		{get, "/calendar/slots/{id}/move", carers, s.slotMovePage, "", false, false},
		{post, "/calendar/slots/{id}/move", carers, s.moveSlot, "", false, false},
		{post, "/calendar/slots/{id}/block", carers, s.blockSlot, "", false, false},
		{post, "/calendar/slots/{id}/unblock", carers, s.unblockSlot, "", false, false},
		{post, "/calendar/slots/{id}/delete", carers, s.removeSlot, "", false, false},
		{get, "/calendar/appointments/{id}", carers, s.appointmentPage, "", false, false},
		{post, "/calendar/appointments/{id}/confirm", admins, s.confirmAppointment, "", false, false},
		{post, "/calendar/appointments/{id}/complete", practitioners, s.completeAppointment, "", false, false},
		{post, "/calendar/appointments/{id}/no-show", practitioners, s.missAppointment, "", false, false},
		{post, "/calendar/appointments/{id}/reason", carers, s.rewordAppointment, "", false, false},
		{get, "/calendar/appointments/{id}/cancel", carers, s.cancelAppointmentPage, "", false, false},
		{post, "/calendar/appointments/{id}/cancel", carers, s.cancelAppointment, "", false, false},
		{get, "/calendar/appointments/{id}/move", carers, s.moveAppointmentPage, "", false, false},
		{post, "/calendar/appointments/{id}/move", carers, s.moveAppointment, "", false, false},
		{get, "/book/live", anybody, s.bookLive, "", false, true},
	}
}

// When a practitioner works.
func (s *Server) hoursRoutes() []route {
	return nil
}

// Patients and their records.
func (s *Server) recordRoutes() []route {
	return nil
}

// Running the clinic: people, keys, settings.
func (s *Server) adminRoutes() []route {
	return nil
}

// The front desk: appointments, orders, messages.
func (s *Server) deskRoutes() []route {
	return nil
}

// The audit trail.
func (s *Server) trailRoutes() []route {
	return []route{
		{get, "/trail", auditors, s.trailPage, "", false, false},
		{get, "/trail/encounters", auditors, s.encounterTrailPage, "", false, false},
		{get, "/trail/export", auditors, s.exportTrail, "", false, false},
		{get, "/trail/patients/{id}", auditors, s.disclosuresPage, "", false, false},
		{get, "/trail/emergencies", auditors, s.emergenciesPage, "", false, false},
		{get, "/trail/verify", auditors, s.trailVerifyPage, "", false, false},
		{post, "/trail/verify", auditors, s.verifyTrail, "", false, false},
	}
}

// Figures.
func (s *Server) chartRoutes() []route {
	return []route{
		{get, "/figures", carers, s.figuresPage, "", false, false},
	}
}

// asset answers with a file that pages load.
func asset(c *call) error {
	c.answered = true
	if !assets.Serve(c.w, c.r) {
		return errNoPage
	}
	return nil
}
