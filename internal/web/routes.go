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
	return []route{
		{get, "/book", anybody, s.bookLength, "", false, true},
		{get, "/book/who", anybody, s.bookWho, "", false, true},
		{get, "/book/date", anybody, s.bookDate, "", false, true},
		{get, "/book/time", anybody, s.bookTime, "", false, true},
		{get, "/book/hold", patients, s.bookChosen, "", false, false},
		{post, "/book/hold", anybody, s.bookHold, "", false, true},
		{get, "/book/wait", patients, s.bookWait, "", false, false},
		{post, "/book/wait", patients, s.bookJoin, "", false, false},
		{get, "/book/{id}/details", patients, s.bookDetails, "", false, false},
		{post, "/book/{id}/details", patients, s.bookTell, "", false, false},
		{get, "/book/{id}/check", patients, s.bookCheck, "", false, false},
		{post, "/book/{id}/confirm", patients, s.bookConfirm, "", false, false},
		{post, "/book/{id}/release", patients, s.bookRelease, "", false, false},
		{get, "/book/{id}/done", patients, s.bookDone, "", false, false},
		{get, "/book/{id}/calendar.ics", patients, s.bookCalendar, "", false, false},
	}
}

// A single booking, found without signing in.
func (s *Server) visitRoutes() []route {
	return []route{
		{get, "/visit", anybody, s.findVisit, "", false, true},
		{post, "/visit", anybody, s.openVisit, "", true, true},
		{get, "/visit/booking", anybody, s.through(s.byPass, s.ownVisitPage), "", false, true},
		{post, "/visit/confirm", anybody, s.through(s.byPass, s.confirmVisit), "", false, true},
		{get, "/visit/move", anybody, s.through(s.byPass, s.movePage), "", false, true},
		{post, "/visit/move", anybody, s.through(s.byPass, s.moveVisit), "", false, true},
		{get, "/visit/cancel", anybody, s.through(s.byPass, s.cancelPage), "", false, true},
		{post, "/visit/cancel", anybody, s.through(s.byPass, s.cancelVisit), "", false, true},
		{get, "/visit/calendar.ics", anybody, s.through(s.byPass, s.visitCalendar), "", false, true},
		{post, "/visit/forget", anybody, forgetVisit, "", false, true},
	}
}

// What a patient has here.
func (s *Server) portalRoutes() []route {
	return []route{
		{get, "/my", patients, s.portal, "", false, false},
		{get, "/my/visits/{id}", patients, s.through(bySignIn, s.ownVisitPage), "", false, false},
		{get, "/my/visits/{id}/move", patients, s.through(bySignIn, s.movePage), "", false, false},
		{post, "/my/visits/{id}/move", patients, s.through(bySignIn, s.moveVisit), "", false, false},
		{get, "/my/visits/{id}/cancel", patients, s.through(bySignIn, s.cancelPage), "", false, false},
		{post, "/my/visits/{id}/cancel", patients, s.through(bySignIn, s.cancelVisit), "", false, false},
		{get, "/my/visits/{id}/calendar.ics", patients, s.through(bySignIn, s.visitCalendar), "", false, false},
		{get, "/my/visits/{id}/reason", patients, s.through(bySignIn, s.reasonPage), "", false, false},
		{post, "/my/visits/{id}/reason", patients, s.through(bySignIn, s.changeReason), "", false, false},
		{post, "/my/visits/{id}/earlier", patients, s.through(bySignIn, s.waitEarlier), "", false, false},
		{post, "/my/waiting/{id}/leave", patients, s.leaveWaiting, "", false, false},
		{get, "/my/orders", patients, s.portalOrders, "", false, false},
		{get, "/my/records", patients, s.portalRecords, "", false, false},
		{get, "/my/records/{id}", patients, s.portalRecord, "", false, false},
		{get, "/my/looks", patients, s.portalLooks, "", false, false},
		{get, "/my/copy", patients, s.portalCopy, "", false, false},
		{get, "/my/copy/data.html", patients, s.portalCopyPage, "", false, false},
	}
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
	return []route{
		{get, "/hours", carers, s.hoursPage, "", false, false},
		{get, "/hours/weekly", carers, s.weeklyPage, "", false, false},
		{post, "/hours/weekly", carers, s.publishWeekly, "", false, false},
		{get, "/hours/day", carers, s.dayHoursPage, "", false, false},
		{post, "/hours/day", carers, s.publishDay, "", false, false},
		{get, "/hours/off", carers, s.timeOffPage, "", false, false},
		{post, "/hours/off", carers, s.takeTimeOff, "", false, false},
		{get, "/hours/off/{id}/end", carers, s.endTimeOffPage, "", false, false},
		{post, "/hours/off/{id}/end", carers, s.endTimeOff, "", false, false},
		{get, "/hours/policy", carers, s.policyPage, "", false, false},
		{post, "/hours/policy", carers, s.changePolicy, "", false, false},
		{get, "/hours/{id}", carers, s.hoursRowPage, "", false, false},
		{post, "/hours/{id}", carers, s.changeHours, "", false, false},
		{get, "/hours/{id}/remove", carers, s.hoursRemovalPage, "", false, false},
		{post, "/hours/{id}/remove", carers, s.removeHours, "", false, false},
		{get, "/waiting", carers, s.waitingPage, "", false, false},
		{get, "/waiting/{id}/remove", admins, s.unwaitPage, "", false, false},
		{post, "/waiting/{id}/remove", admins, s.unwait, "", false, false},
	}
}

// Patients and their records.
func (s *Server) recordRoutes() []route {
	return []route{
		{get, "/patients", practitioners, s.patientsPage, "", false, false},
		{get, "/patients/search", practitioners, s.searchedPage, "", false, false},
		{post, "/patients/search", practitioners, s.findPatients, "", false, false},
		{get, "/patients/{id}", practitioners, s.recordPage, "", false, false},
		{get, "/patients/{id}/emergency", practitioners, s.emergencyPage, "", false, false},
		{post, "/patients/{id}/emergency", practitioners, s.openEmergency, "", false, false},
		{get, "/patients/{id}/encounters/new", practitioners, s.newEncounterPage, "", false, false},
		{post, "/patients/{id}/encounters/new", practitioners, s.writeEncounter, "", false, false},
		{get, "/encounters/{id}", practitioners, s.encounterPage, "", false, false},
		{get, "/encounters/{id}/amend", practitioners, s.amendPage, "", false, false},
		{post, "/encounters/{id}/amend", practitioners, s.amendEncounter, "", false, false},
		{get, "/encounters/{id}/versions", practitioners, s.versionsPage, "", false, false},
	}
}

// Running the clinic: people, keys, settings.
func (s *Server) adminRoutes() []route {
	return []route{
		{get, "/admin", admins, s.today, "", false, false},
		{get, "/admin/users", admins, s.usersPage, "", false, false},
		{get, "/admin/users/find", admins, s.findUser, "", false, false},
		{post, "/admin/users/find", admins, s.foundUser, "", false, false},
		{get, "/admin/users/new", admins, s.newUser, "", false, false},
		{post, "/admin/users/new", admins, s.createUser, "", false, false},
		{get, "/admin/users/{id}", admins, s.userPage, "", false, false},
		{get, "/admin/users/{id}/edit", admins, s.editUser, "", false, false},
		{post, "/admin/users/{id}/edit", admins, s.changeUser, "", false, false},
		{get, "/admin/users/{id}/role", admins, s.userRole, auth.StepUpRoles, false, false},
		{post, "/admin/users/{id}/role", admins, s.changeRole, auth.StepUpRoles, false, false},
		{post, "/admin/users/{id}/care", admins, s.assignCare, "", false, false},
		{post, "/admin/users/{id}/care/end", admins, s.endCare, "", false, false},
		{get, "/admin/users/{id}/hold", admins, s.legalHold, "", false, false},
		{post, "/admin/users/{id}/hold", admins, s.placeHold, "", false, false},
		{post, "/admin/users/{id}/hold/lift", admins, s.liftHold, "", false, false},
		{get, "/admin/users/{id}/erase", admins, s.eraseUser, auth.StepUpErase, false, false},
		{post, "/admin/users/{id}/erase", admins, s.erasePatient, auth.StepUpErase, false, false},
		{get, "/admin/practitioners", admins, s.practitionersPage, "", false, false},
		{get, "/admin/practitioners/{id}", admins, s.practitionerPage, "", false, false},
		{get, "/admin/practitioners/{id}/edit", admins, s.editPractitioner, "", false, false},
		{post, "/admin/practitioners/{id}/edit", admins, s.changePractitioner, "", false, false},
		{get, "/admin/keys", admins, s.allKeysPage, "", false, false},
		{post, "/admin/keys/{id}/revoke", admins, s.revokeAnyKey, "", false, false},
		{get, "/admin/webhooks", admins, s.webhooksPage, "", false, false},
		{get, "/admin/webhooks/new", admins, s.newWebhook, auth.StepUpWebhooks, false, false},
		{post, "/admin/webhooks/new", admins, s.createWebhook, auth.StepUpWebhooks, false, false},
		{get, "/admin/webhooks/{id}", admins, s.webhookPage, "", false, false},
		{get, "/admin/webhooks/{id}/edit", admins, s.editWebhook, auth.StepUpWebhooks, false, false},
		{post, "/admin/webhooks/{id}/edit", admins, s.changeWebhook, auth.StepUpWebhooks, false, false},
		{get, "/admin/webhooks/{id}/secret", admins, s.renewSecret, auth.StepUpWebhooks, false, false},
		{post, "/admin/webhooks/{id}/secret", admins, s.rotateSecret, auth.StepUpWebhooks, false, false},
		{post, "/admin/webhooks/{id}/test", admins, s.testWebhook, "", false, false},
		{post, "/admin/webhooks/{id}/resend", admins, s.resendDelivery, "", false, false},
		{post, "/admin/webhooks/{id}/remove", admins, s.removeWebhook, "", false, false},
		{get, "/admin/clinic", admins, s.clinicPage, "", false, false},
		{post, "/admin/clinic", admins, s.changeClinic, "", false, false},
	}
}

// The front desk: appointments, orders, messages.
func (s *Server) deskRoutes() []route {
	return []route{
		{get, "/admin/appointments", admins, s.appointmentsPage, "", false, false},
		{get, "/admin/appointments/{id}", admins, s.deskAppointmentPage, "", false, false},
		{get, bookFor, admins, s.bookForWhom, "", false, false},
		{post, bookFor, admins, s.bookForFound, "", false, false},
		{get, bookFor + "/{patient}", admins, s.bookWithWhom, "", false, false},
		{get, bookFor + "/{patient}/{practitioner}", admins, s.bookWhen, "", false, false},
		{get, bookFor + "/{patient}/{practitioner}/{slot}", admins, s.deskBookCheck, "", false, false},
		{post, bookFor + "/{patient}/{practitioner}/{slot}", admins, s.deskBookDone, "", false, false},
		{get, "/admin/closures", admins, s.closuresPage, "", false, false},
		{get, "/admin/closures/new", admins, s.newClosure, "", false, false},
		{post, "/admin/closures/new", admins, s.checkClosure, "", false, false},
		{post, "/admin/closures/new/now", admins, s.closeClinic, "", false, false},
		{post, "/admin/closures/end", admins, s.endClosure, "", false, false},
		{get, "/admin/orders", admins, s.ordersPage, "", false, false},
		{get, "/admin/orders/place", admins, s.orderForWhom, "", false, false},
		{post, "/admin/orders/place", admins, s.orderForFound, "", false, false},
		{get, "/admin/orders/place/{user}", admins, s.newOrder, "", false, false},
		{post, "/admin/orders/place/{user}", admins, s.checkOrder, "", false, false},
		{post, "/admin/orders/place/{user}/now", admins, s.placeOrder, "", false, false},
		{get, "/admin/orders/{id}", admins, s.orderPage, "", false, false},
		{post, "/admin/orders/{id}", admins, s.orderStep, "", false, false},
		{get, "/admin/messages", admins, s.messageLogPage, "", false, false},
		{post, "/admin/messages/{id}/resend", admins, s.resendMessage, "", false, false},
		{get, "/admin/outbox", admins, s.outboxPage, "", false, false},
		{get, "/admin/outbox/{id}", admins, s.outboxMessage, "", false, false},
	}
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
