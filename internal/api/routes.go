package api

import (
	"net/http"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/etag"
	"medbook/internal/federation"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/password"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/vault"
	"medbook/internal/webhooks"
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	patch  = http.MethodPatch
	remove = http.MethodDelete
)

// What a change of a versioned resource can be refused for.
var versioned = refuses(etag.ErrMissing, etag.ErrStale)

// routes is the table of all routes: id, method, path, summary, the line of the
// policy, status, handler, presenter, and what it refuses.
func (s *Server) routes(a *surface) {
	a.systemRoutes(s)
	a.accountRoutes(s)
	a.sessionRoutes(s)
	a.factorRoutes(s)
	a.identityRoutes(s)
	a.keyRoutes(s)
	a.peopleRoutes(s)
	a.patientRoutes(s)
	a.availabilityRoutes(s)
	a.slotRoutes(s)
	a.appointmentRoutes(s)
	a.waitlistRoutes(s)
	a.messageRoutes(s)
	a.orderRoutes(s)
	a.webhookRoutes(s)
	a.encounterRoutes(s)
	a.trailRoutes(s)
	a.privacyRoutes(s)
}

func (a *surface) systemRoutes(s *Server) {
	a.tag = "System"
	route(a, row{"read-status", get, "/status", "Try a credential", readStatus, 200},
		s.status, presentHealth)
	route(a, row{"read-health", get, "/healthz", "Whether the program runs", readHealth, 200},
		s.status, presentHealth)
	route(a, row{"read-readiness", get, "/readyz", "Whether requests can be answered", readReadiness, 200},
		s.readiness, presentReadiness, refuses(errNotReady))
	route(a, row{"read-openapi-json", get, "/openapi.json", "This document as JSON", readOpenAPI, 200},
		a.documentJSON, presentFile, produces("application/json"))
	route(a, row{"read-openapi-yaml", get, "/openapi.yaml", "This document as YAML", readOpenAPI, 200},
		a.documentYAML, presentFile, produces("application/yaml"))
	route(a, row{"read-docs", get, "/docs", "This document to read and try", readDocs, 200},
		s.docsPage, presentFile, produces("text/html"))
	route(a, row{"read-docs-file", get, "/docs/{file}", "A file of the documentation", readDocs, 200},
		a.docsFile, presentFile, produces("text/html", "text/css", "text/javascript"), refuses(errNoRoute))
}

// What a new password, and what a try at a secret, can be refused for.
var (
	hashed = refuses(auth.ErrWeakPassword, password.ErrBusy)
	tried  = refuses(auth.ErrThrottled, password.ErrBusy)
)

func (a *surface) accountRoutes(s *Server) {
	a.tag = "Accounts"
	route(a, row{"register", post, "/v1/auth/register", "Become a patient", register, 201},
		s.register, presentRegistered, hashed, refuses(directory.ErrInvalidUser))
	route(a, row{"verify-address", post, "/v1/auth/verify", "Verify an address", verifyAddress, 204},
		s.verifyAddress, presentNone, tried, refuses(auth.ErrLink, auth.ErrSignIn))
	route(a, row{"request-password-reset", post, "/v1/auth/password-reset", "Ask for a new password", requestPasswordReset, 202},
		s.requestReset, presentNone)
	route(a, row{"reset-password", post, "/v1/auth/password-reset/confirm", "Set a new password with a link", resetPassword, 204},
		s.resetPassword, presentNone, hashed, refuses(auth.ErrLink))
	route(a, row{"change-password", post, "/v1/auth/password", "Change one's password", changePassword, 204},
		s.changePassword, presentNone, hashed, tried, refuses(auth.ErrWrongPassword))
	route(a, row{"request-email-change", post, "/v1/auth/email", "Ask for another address", changeEmail, 202},
		s.askForEmail, presentNone, refuses(directory.ErrInvalidUser))
	route(a, row{"confirm-email-change", post, "/v1/auth/email/confirm", "Make a new address one's own", confirmEmail, 204},
		s.confirmEmail, presentNone, refuses(auth.ErrLink, directory.ErrEmailTaken))
	route(a, row{"set-up-clinic", post, "/v1/setup", "Set a clinic up", setUp, 201},
		s.setUp, presentMe, hashed, refuses(auth.ErrLink, directory.ErrInvalidUser, directory.ErrInvalidClinic, directory.ErrEmailTaken))
}

func (a *surface) sessionRoutes(s *Server) {
	a.tag = "Signing in"
	route(a, row{"log-in", post, "/v1/auth/login", "Sign in with a password", logIn, 200},
		s.logIn, presentSignedIn, tried, refuses(auth.ErrSignIn, auth.ErrFactor, auth.ErrFactorRefused))
	route(a, row{"offer-passkey", post, "/v1/auth/passkey-options", "Begin to use a passkey", passkeyOptions, 200},
		s.offerPasskey, presentOffer, refuses(auth.ErrNoPasskeys))
	route(a, row{"log-in-with-passkey", post, "/v1/auth/passkey", "Sign in with a passkey", passkeyLogIn, 200},
		s.passkeyLogIn, presentSignedIn, refuses(auth.ErrFactorRefused, auth.ErrChallenge, auth.ErrNoPasskeys))
	route(a, row{"refresh-session", post, "/v1/auth/refresh", "Get new tokens", refreshSession, 200},
		s.refresh, presentSignedIn)
	route(a, row{"step-up", post, "/v1/auth/step-up", "Show again who one is", stepUp, 204},
		s.stepUp, presentNone, tried, refuses(auth.ErrWrongPassword, auth.ErrWrongFactor, auth.ErrChallenge, auth.ErrNoSession, auth.ErrNoPasskeys))
	route(a, row{"log-out", post, "/v1/auth/logout", "Sign out", logOut, 204},
		s.logOut, presentLoggedOut)
	list(a, row{"list-sessions", get, "/v1/auth/sessions", "List one's sessions", listSessions, 200},
		s.listSessions, sessionOf)
	route(a, row{"end-session", remove, "/v1/auth/sessions/{id}", "End one of one's sessions", endSession, 204},
		s.endSession, presentNone, refuses(auth.ErrSessionNotFound))
}

func (a *surface) factorRoutes(s *Server) {
	a.tag = "Second factors"
	route(a, row{"offer-factor", post, "/v1/auth/factor-options", "Begin to add a second factor", changeFactors, 200},
		s.offerFactor, presentOffer, refuses(auth.ErrNoSession, auth.ErrNoPasskeys))
	route(a, row{"add-factor", post, "/v1/auth/factors", "Add a second factor", changeFactors, 201},
		s.addFactor, presentAddedFactor, refuses(auth.ErrNoSession, auth.ErrChallenge, auth.ErrWrongFactor, auth.ErrInvalidFactor, auth.ErrNoPasskeys))
	list(a, row{"list-factors", get, "/v1/auth/factors", "List one's second factors", listFactors, 200},
		s.listFactors, factorOf)
	route(a, row{"remove-factor", remove, "/v1/auth/factors/{id}", "Remove a second factor", changeFactors, 204},
		s.removeFactor, presentNone, refuses(auth.ErrNoSession, auth.ErrFactorNotFound))
	route(a, row{"renew-recovery-codes", post, "/v1/auth/recovery-codes", "Get new recovery codes", changeFactors, 200},
		s.renewRecoveryCodes, presentCodes, action("recovery.renew"), refuses(auth.ErrNoSession, auth.ErrFactorNotFound))
}

func (a *surface) identityRoutes(s *Server) {
	a.tag = "Identity providers"
	list(a, row{"list-providers", get, "/v1/auth/providers", "List identity providers", listProviders, 200},
		s.listProviders, providerOf)
	route(a, row{"leave-for-provider", post, "/v1/auth/provider-options", "Begin to sign in at an identity provider", providerLogIn, 200},
		s.signInAt, presentDeparture, refuses(federation.ErrNoProvider))
	route(a, row{"log-in-from-provider", post, "/v1/auth/provider", "Sign in by an identity provider", providerLogIn, 200},
		s.signInFrom, presentSignedIn, refuses(auth.ErrIdentity, auth.ErrChallenge, federation.ErrNoProvider))
	route(a, row{"offer-identity", post, "/v1/auth/identity-options", "Begin to connect with an identity provider", changeIdentities, 200},
		s.connectWith, presentDeparture, refuses(auth.ErrNoSession, federation.ErrNoProvider))
	route(a, row{"connect-identity", post, "/v1/auth/identities", "Connect with an identity provider", changeIdentities, 204},
		s.connect, presentNone, refuses(auth.ErrNoSession, auth.ErrWrongIdentity, auth.ErrIdentityTaken, auth.ErrChallenge, federation.ErrNoProvider))
	list(a, row{"list-identities", get, "/v1/auth/identities", "List one's connections", listIdentities, 200},
		s.listIdentities, identityOf)
	route(a, row{"disconnect-identity", remove, "/v1/auth/identities/{id}", "Disconnect from an identity provider", changeIdentities, 204},
		s.disconnect, presentNone, refuses(auth.ErrNoSession, auth.ErrIdentityNotFound))
}

func (a *surface) keyRoutes(s *Server) {
	a.tag = "API keys"
	route(a, row{"create-api-key", post, "/v1/api-keys", "Make an API key", createKey, 201},
		s.createKey, presentMadeKey, action("key.create"), refuses(auth.ErrInvalidKey))
	list(a, row{"list-api-keys", get, "/v1/api-keys", "List API keys", listKeys, 200},
		s.listKeys, keyOf)
	route(a, row{"revoke-api-key", remove, "/v1/api-keys/{id}", "Revoke an API key", revokeKey, 204},
		s.revokeKey, presentNone, action("key.revoke"), refuses(auth.ErrKeyNotFound))
}

func (a *surface) peopleRoutes(s *Server) {
	a.tag = "People"
	route(a, row{"create-user", post, "/v1/users", "Make a user", createUser, 201},
		s.createUser, presentNewUser, tagged, refuses(directory.ErrEmailTaken, directory.ErrInvalidUser))
	list(a, row{"list-users", get, "/v1/users", "List users", listUsers, 200},
		s.listUsers, userOf)
	route(a, row{"read-user", get, "/v1/users/{id}", "Read a user", readUser, 200},
		s.readUser, presentUser, whole, refuses(directory.ErrUserNotFound))
	route(a, row{"change-user", patch, "/v1/users/{id}", "Change a user", changeUser, 200},
		s.changeUser, presentUser, tagged, versioned,
		refuses(auth.ErrForbidden, auth.ErrStepUp, directory.ErrUserNotFound, directory.ErrInvalidUser))
	route(a, row{"read-me", get, "/v1/me", "Read who I am", readMe, 200},
		s.readMe, presentMe, tagged, refuses(directory.ErrUserNotFound))
	list(a, row{"list-practitioners", get, "/v1/practitioners", "Find practitioners", readPractitioners, 200},
		s.listPractitioners, practitionerOf, tagged)
	route(a, row{"read-practitioner", get, "/v1/practitioners/{id}", "Read a practitioner", readPractitioners, 200},
		s.readPractitioner, presentPractitioner, tagged, refuses(directory.ErrPractitionerNotFound))
	route(a, row{"change-practitioner", patch, "/v1/practitioners/{id}", "Change a profile or a policy", changePractitioner, 200},
		s.changePractitioner, presentPractitioner, tagged, versioned,
		refuses(directory.ErrPractitionerNotFound, scheduling.ErrInvalidPolicy, directory.ErrInvalidPractitioner))
}

func (a *surface) patientRoutes(s *Server) {
	a.tag = "Patients"
	list(a, row{"list-patients", get, "/v1/patients", "List patients", readPatients, 200},
		s.listPatients, patientOf)
	route(a, row{"search-patients", post, "/v1/patients/search", "Find patients", readPatients, 200},
		s.searchPatients, presentFound, reads, refuses(directory.ErrInvalidSearch))
	route(a, row{"assign-patient", put, "/v1/patients/{id}/practitioners/{practitioner_id}", "Put a patient into a practitioner's care", changeCare, 204},
		s.assignPatient, presentNone, action("care_relation.assign"),
		refuses(directory.ErrPatientNotFound, directory.ErrPractitionerNotFound))
	route(a, row{"end-care", remove, "/v1/patients/{id}/practitioners/{practitioner_id}", "End a practitioner's care", changeCare, 204},
		s.endCare, presentNone, action("care_relation.end"), refuses(directory.ErrCareRelationNotFound))
}

func (a *surface) availabilityRoutes(s *Server) {
	a.tag = "Availability"
	route(a, row{"publish-availability", post, "/v1/practitioners/{id}/availability", "Publish working hours", changeAvailability, 201},
		s.publishAvailability, presentPublished, tagged, also(http.StatusOK),
		refuses(directory.ErrPractitionerNotFound, scheduling.ErrInvalidHours))
	list(a, row{"list-availability", get, "/v1/practitioners/{id}/availability", "List working hours", readAvailability, 200},
		s.listAvailability, availabilityOf,
		refuses(directory.ErrPractitionerNotFound))
	route(a, row{"read-availability", get, "/v1/availability/{id}", "Read working hours", readAvailability, 200},
		s.readAvailability, presentAvailability, tagged, refuses(scheduling.ErrAvailabilityNotFound))
	route(a, row{"change-availability", patch, "/v1/availability/{id}", "Change working hours", changeAvailability, 200},
		s.changeAvailability, presentChanged, tagged, versioned,
		refuses(scheduling.ErrAvailabilityNotFound, scheduling.ErrInvalidHours))
	route(a, row{"remove-availability", remove, "/v1/availability/{id}", "Remove working hours", changeAvailability, 200},
		s.removeAvailability, presentRemoved, versioned,
		refuses(scheduling.ErrAvailabilityNotFound))
	route(a, row{"take-time-off", post, "/v1/practitioners/{id}/time-off", "Take time off", changeAvailability, 201},
		s.takeTimeOff, presentTimeOff,
		refuses(directory.ErrPractitionerNotFound, scheduling.ErrInvalidHours))
	list(a, row{"list-time-off", get, "/v1/practitioners/{id}/time-off", "List time off", readAvailability, 200},
		s.listTimeOff, timeOffOf,
		refuses(directory.ErrPractitionerNotFound))
	route(a, row{"end-time-off", remove, "/v1/time-off/{id}", "Give time off back", changeAvailability, 204},
		s.endTimeOff, presentNone,
		refuses(scheduling.ErrTimeOffNotFound))
}

func (a *surface) slotRoutes(s *Server) {
	a.tag = "Slots"
	list(a, row{"list-slots", get, "/v1/slots", "Find slots", readSlots, 200},
		s.listSlots, slotOf, tagged, refuses(auth.ErrForbidden, directory.ErrPractitionerNotFound, scheduling.ErrInvalidRange))
	list(a, row{"list-practitioner-slots", get, "/v1/practitioners/{id}/slots", "Find a practitioner's slots", readSlots, 200},
		s.listPractitionerSlots, slotOf, tagged, refuses(auth.ErrForbidden, directory.ErrPractitionerNotFound, scheduling.ErrInvalidRange))
	route(a, row{"add-slot", post, "/v1/practitioners/{id}/slots", "Make a single slot", changeSlots, 201},
		s.addSlot, presentNewSlot, tagged, refuses(directory.ErrPractitionerNotFound, scheduling.ErrInvalidSlot, scheduling.ErrSlotPast, scheduling.ErrSlotOverlap))
	route(a, row{"read-slot", get, "/v1/slots/{id}", "Read a slot", readSlots, 200},
		s.readSlot, presentSlot, tagged, refuses(scheduling.ErrSlotNotFound))
	route(a, row{"change-slot", patch, "/v1/slots/{id}", "Move or block a slot", changeSlots, 200},
		s.changeSlot, presentSlot, tagged, versioned,
		refuses(scheduling.ErrSlotNotFound, scheduling.ErrSlotInUse, scheduling.ErrSlotPast, scheduling.ErrSlotBlocked, scheduling.ErrInvalidSlot, scheduling.ErrSlotOverlap))
	route(a, row{"remove-slot", remove, "/v1/slots/{id}", "Delete a slot", changeSlots, 204},
		s.removeSlot, presentNone, versioned,
		refuses(scheduling.ErrSlotNotFound, scheduling.ErrSlotInUse, scheduling.ErrSlotPast))
}

// What a booking can be refused for, and what a change of one can.
var (
	unbookable = refuses(scheduling.ErrSlotNotFound, scheduling.ErrSlotPast, scheduling.ErrTooLate, scheduling.ErrBeyondHorizon,
		scheduling.ErrSlotBlocked, scheduling.ErrSlotTaken, scheduling.ErrPatientBusy)
	unchangeable = refuses(scheduling.ErrAppointmentNotFound, scheduling.ErrTransition)
)

func (a *surface) appointmentRoutes(s *Server) {
	a.tag = "Appointments"
	route(a, row{"hold-appointment", post, "/v1/appointments", "Hold a slot, or book it at once", holdAppointment, 201},
		s.hold, presentNewAppointment, tagged, unbookable,
		refuses(scheduling.ErrNoPatient, directory.ErrPatientNotFound, scheduling.ErrTooLong, scheduling.ErrTooManyHolds, scheduling.ErrTooManyToday, scheduling.ErrHoldCooldown))
	list(a, row{"list-appointments", get, "/v1/appointments", "List appointments", readAppointments, 200},
		s.listAppointments, appointmentOf,
		refuses(scheduling.ErrInvalidRange))
	route(a, row{"read-appointment", get, "/v1/appointments/{id}", "Read an appointment", readAppointments, 200},
		s.readAppointment, presentAppointment, tagged, refuses(scheduling.ErrAppointmentNotFound))
	route(a, row{"read-appointment-ics", get, "/v1/appointments/{id}/ics", "Read an appointment, for calendar programs", readAppointments, 200},
		s.readEntry, presentPrivateFile, action("appointment.read"), downloads("text/calendar"), named, refuses(scheduling.ErrAppointmentNotFound))
	route(a, row{"confirm-appointment", post, "/v1/appointments/{id}/confirm", "Confirm a hold", confirmAppointment, 200},
		s.confirm, presentAppointment, tagged, unchangeable,
		refuses(scheduling.ErrHoldExpired))
	route(a, row{"put-confirmation", put, "/v1/appointments/{id}/confirm", "Confirm a hold, by PUT", confirmAppointment, 200},
		s.confirm, presentAppointment, tagged, unchangeable,
		refuses(scheduling.ErrHoldExpired), action("appointment.confirm"))
	route(a, row{"cancel-appointment", post, "/v1/appointments/{id}/cancel", "Cancel an appointment, or release a hold", cancelAppointment, 200},
		s.cancel, presentAppointment, tagged, unchangeable,
		refuses(scheduling.ErrWindowClosed, scheduling.ErrNoReason))
	route(a, row{"reschedule-appointment", post, "/v1/appointments/{id}/reschedule", "Move an appointment to another slot", rescheduleAppointment, 200},
		s.reschedule, presentAppointment, tagged, unchangeable, unbookable,
		refuses(scheduling.ErrHoldExpired, scheduling.ErrWindowClosed, scheduling.ErrOtherCalendar))
	route(a, row{"complete-appointment", post, "/v1/appointments/{id}/complete", "Say that it took place", closeAppointment, 200},
		s.complete, presentAppointment, tagged, unchangeable)
	route(a, row{"mark-no-show", post, "/v1/appointments/{id}/no-show", "Say that the patient did not come", closeAppointment, 200},
		s.markNoShow, presentAppointment, tagged, unchangeable,
		action("appointment.no_show"))
}

func (a *surface) waitlistRoutes(s *Server) {
	a.tag = "Waiting list"
	route(a, row{"join-waitlist", post, "/v1/waitlist", "Wait for something to free up", joinWaitlist, 201},
		s.joinWaitlist, presentWait,
		refuses(directory.ErrPractitionerNotFound, directory.ErrPatientNotFound, scheduling.ErrInvalidRange))
	list(a, row{"list-waitlist", get, "/v1/waitlist", "List who waits", readWaitlist, 200},
		s.listWaitlist, waitOf)
	route(a, row{"leave-waitlist", remove, "/v1/waitlist/{id}", "Wait no longer", leaveWaitlist, 204},
		s.leaveWaitlist, presentNone,
		refuses(scheduling.ErrWaitNotFound))
}

func (a *surface) messageRoutes(s *Server) {
	a.tag = "Messages"
	list(a, row{"list-notifications", get, "/v1/notifications", "List what was sent to people", readMessages, 200},
		s.listNotifications, notificationOf)
	route(a, row{"resend-notification", post, "/v1/notifications/{id}/resend", "Send a message that failed again", resendMessages, 200},
		s.resendNotification, presentNotification,
		refuses(notify.ErrNotFound, notify.ErrAlreadySent, notify.ErrOutdated))
	list(a, row{"list-outbox", get, "/v1/outbox", "List messages that can be read here", readMessages, 200},
		s.listOutbox, outboxEntryOf, action("message.list"))
	route(a, row{"read-message", get, "/v1/outbox/{id}", "Read a message of the outbox", readMessages, 200},
		s.readMessage, presentMessage, refuses(notify.ErrNotFound))
	route(a, row{"read-notification-preferences", get, "/v1/me/notification-preferences", "Read how one is told", readPreferences, 200},
		s.readPreferences, presentPreferences, tagged)
	route(a, row{"change-notification-preferences", patch, "/v1/me/notification-preferences", "Say how one wants to be told", changePreferences, 200},
		s.changePreferences, presentPreferences, tagged, versioned, refuses(notify.ErrInvalidPreferences))
	route(a, row{"read-push-key", get, "/v1/push-key", "Read what browsers subscribe with", readPushKey, 200},
		s.readPushKey, presentPushKey, refuses(notify.ErrNoPush))
	route(a, row{"create-push-subscription", post, "/v1/me/push-subscriptions", "Be told by one more browser", changeSubscriptions, 201},
		s.subscribe, presentSubscription, refuses(notify.ErrNoPush, notify.ErrInvalidSubscription, notify.ErrTooManySubscriptions))
	list(a, row{"list-push-subscriptions", get, "/v1/me/push-subscriptions", "List one's browsers that are told", readSubscriptions, 200},
		s.listSubscriptions, subscriptionOf)
	route(a, row{"delete-push-subscription", remove, "/v1/me/push-subscriptions/{id}", "Have a browser told no more", changeSubscriptions, 204},
		s.unsubscribe, presentNone, refuses(notify.ErrSubscriptionNotFound))
}

func (a *surface) orderRoutes(s *Server) {
	a.tag = "Orders"
	route(a, row{"place-order", post, "/v1/orders", "Order a kit for a user", changeOrders, 201},
		s.placeOrder, presentNewOrder, tagged, refuses(directory.ErrUserNotFound, orders.ErrInvalidOrder))
	list(a, row{"list-orders", get, "/v1/orders", "List orders", readOrders, 200},
		s.listOrders, orderOf)
	route(a, row{"read-order", get, "/v1/orders/{id}", "Read an order", readOrders, 200},
		s.readOrder, presentOrder, tagged, refuses(orders.ErrNotFound))
	unmovable := refuses(orders.ErrNotFound, orders.ErrTransition)
	route(a, row{"dispatch-order", post, "/v1/orders/{id}/dispatch", "Say that the kit was sent", changeOrders, 200},
		s.dispatchOrder, presentOrder, tagged, unmovable)
	route(a, row{"receive-order", post, "/v1/orders/{id}/receive", "Say that the sample has come", changeOrders, 200},
		s.receiveOrder, presentOrder, tagged, unmovable)
	route(a, row{"complete-order", post, "/v1/orders/{id}/complete", "Say that all is done", changeOrders, 200},
		s.completeOrder, presentOrder, tagged, unmovable)
	route(a, row{"cancel-order", post, "/v1/orders/{id}/cancel", "Cancel an order", changeOrders, 200},
		s.cancelOrder, presentOrder, tagged, unmovable)
}

func (a *surface) webhookRoutes(s *Server) {
	a.tag = "Webhooks"
	route(a, row{"create-webhook", post, "/v1/webhooks", "Subscribe an address to events", createWebhook, 201},
		s.createWebhook, presentMadeWebhook, tagged, refuses(webhooks.ErrInvalidWebhook, webhooks.ErrTooMany))
	list(a, row{"list-webhooks", get, "/v1/webhooks", "List webhooks", readWebhooks, 200},
		s.listWebhooks, webhookOf)
	route(a, row{"read-webhook", get, "/v1/webhooks/{id}", "Read a webhook", readWebhooks, 200},
		s.readWebhook, presentWebhook, tagged, refuses(webhooks.ErrNotFound))
	route(a, row{"change-webhook", patch, "/v1/webhooks/{id}", "Change a webhook", changeWebhook, 200},
		s.changeWebhook, presentWebhook, tagged, versioned, refuses(auth.ErrStepUp, webhooks.ErrNotFound, webhooks.ErrInvalidWebhook))
	route(a, row{"remove-webhook", remove, "/v1/webhooks/{id}", "End a subscription", changeWebhook, 204},
		s.removeWebhook, presentNone, versioned, refuses(webhooks.ErrNotFound))
	route(a, row{"rotate-webhook-secret", post, "/v1/webhooks/{id}/rotate-secret", "Get a new secret", createWebhook, 200},
		s.rotateWebhookSecret, presentMadeWebhook, tagged, action("webhook.rotate_secret"), refuses(webhooks.ErrNotFound))
	route(a, row{"test-webhook", post, "/v1/webhooks/{id}/test", "Send an event for a test", testWebhook, 202},
		s.testWebhook, presentWebhookDelivery, refuses(webhooks.ErrNotFound))
	list(a, row{"list-webhook-deliveries", get, "/v1/webhooks/{id}/deliveries", "List what was sent to a webhook", readWebhooks, 200},
		s.listWebhookDeliveries, webhookDeliveryOf, action("webhook_delivery.list"), refuses(webhooks.ErrNotFound))
	route(a, row{"resend-webhook-delivery", post, "/v1/webhook-deliveries/{id}/resend", "Send an event that failed again", testWebhook, 200},
		s.resendWebhookDelivery, presentWebhookDelivery, action("webhook_delivery.resend"),
		refuses(webhooks.ErrDeliveryNotFound, webhooks.ErrDelivered, webhooks.ErrDisabled))
}

func (a *surface) encounterRoutes(s *Server) {
	a.tag = "Encounters"
	route(a, row{"create-encounter", post, "/v1/encounters", "Document a visit", createEncounter, 201},
		s.createEncounter, presentNewEncounter, tagged,
		refuses(directory.ErrPatientNotFound, encounters.ErrInvalidEncounter, scheduling.ErrAppointmentNotFound, scheduling.ErrTransition, vault.ErrUnavailable))
	list(a, row{"list-encounters", get, "/v1/encounters", "Find encounters", readEncounters, 200},
		s.listEncounters, encounterOf,
		refuses(directory.ErrPatientNotFound, encounters.ErrInvalidRange, vault.ErrUnavailable))
	route(a, row{"read-encounter", get, "/v1/encounters/{id}", "Read an encounter", readEncounters, 200},
		s.readEncounter, presentEncounter, tagged, refuses(encounters.ErrNotFound, vault.ErrUnavailable))
	route(a, row{"amend-encounter", patch, "/v1/encounters/{id}", "Amend an encounter", amendEncounter, 200},
		s.amendEncounter, presentEncounter, tagged, versioned,
		refuses(encounters.ErrNotFound, encounters.ErrInvalidEncounter, vault.ErrUnavailable))
	list(a, row{"list-encounter-versions", get, "/v1/encounters/{id}/versions", "List what an encounter said", readVersions, 200},
		s.listVersions, versionOf, action("encounter.versions"), refuses(encounters.ErrNotFound, vault.ErrUnavailable))
	route(a, row{"open-in-emergency", post, "/v1/patients/{id}/emergency-access", "Open a record in an emergency", openInEmergency, 201},
		s.openInEmergency, presentEmergency, action("emergency_access.open"),
		refuses(directory.ErrPatientNotFound, encounters.ErrInCare, encounters.ErrInvalidEncounter))
	list(a, row{"list-emergency-access", get, "/v1/emergency-access", "List records opened in emergencies", readEmergencies, 200},
		s.listEmergencies, emergencyOf, action("emergency_access.list"))
}

func (a *surface) trailRoutes(s *Server) {
	a.tag = "Audit trail"
	list(a, row{"list-audit-events", get, "/v1/audit/events", "Find records of the audit trail", readTrail, 200},
		s.listEvents, auditEventOf, action("trail.read"), refuses(privacy.ErrInvalidRange))
	streamed(a, row{"export-audit-events", get, "/v1/audit/events/export", "Export records of the audit trail", readTrail, 200},
		s.exportEvents, action("trail.export"), downloads("application/x-ndjson", "text/csv"), refuses(privacy.ErrInvalidRange))
	list(a, row{"list-encounter-events", get, "/v1/audit/encounters", "Find who saw or changed encounters", readTrail, 200},
		s.listEncounterEvents, auditEventOf, action("trail.read"), refuses(privacy.ErrInvalidRange))
	route(a, row{"read-checkpoint", get, "/v1/audit/checkpoint", "Read the newest checkpoint", readTrail, 200},
		s.readCheckpoint, presentCheckpoint, refuses(audit.ErrNoCheckpoint))
}

func (a *surface) privacyRoutes(s *Server) {
	a.tag = "Privacy"
	list(a, row{"list-disclosures", get, "/v1/patients/{id}/disclosures", "List who saw a patient's data", readDisclosures, 200},
		s.listDisclosures, disclosureOf, refuses(directory.ErrPatientNotFound))
	route(a, row{"export-patient", get, "/v1/patients/{id}/export", "Export all of a patient's data", exportPatient, 200},
		s.exportPatient, presentCopy, refuses(directory.ErrPatientNotFound, vault.ErrUnavailable))
	route(a, row{"export-patient-page", get, "/v1/patients/{id}/export/page", "Export all of a patient's data, to read", exportPatient, 200},
		s.exportPatientPage, presentPrivateFile, action("patient.export"), downloads("text/html"), refuses(directory.ErrPatientNotFound, vault.ErrUnavailable))
	route(a, row{"erase-patient", post, "/v1/patients/{id}/erase", "Erase a patient", erasePatient, 200},
		s.erasePatient, presentErased,
		refuses(directory.ErrPatientNotFound, privacy.ErrLegalHold, privacy.ErrRetained, scheduling.ErrLiveAppointments))
	route(a, row{"place-legal-hold", put, "/v1/patients/{id}/legal-hold", "Place a legal hold", changeLegalHolds, 200},
		s.placeLegalHold, legalHoldOf, refuses(directory.ErrPatientNotFound, privacy.ErrInvalidHold))
	route(a, row{"read-legal-hold", get, "/v1/patients/{id}/legal-hold", "Read a legal hold", readLegalHolds, 200},
		s.readLegalHold, legalHoldOf, refuses(privacy.ErrHoldNotFound))
	route(a, row{"lift-legal-hold", remove, "/v1/patients/{id}/legal-hold", "Lift a legal hold", changeLegalHolds, 204},
		s.liftLegalHold, presentNone, refuses(privacy.ErrHoldNotFound))
}
