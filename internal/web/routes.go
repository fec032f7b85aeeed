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
	}
}

// Signing in and out, signing up, and where links in messages lead.
func (s *Server) entryRoutes() []route {
	return []route{
		{get, "/sign-in", anybody, s.signInPage, "", false, true},
		{post, "/sign-in", anybody, s.signIn, "", true, true},
		{post, "/sign-out", anybody, s.signOut, "", false, true},
	}
}

// One's own account.
func (s *Server) accountRoutes() []route {
	return nil
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
	return nil
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
		{get, "/admin/keys", admins, s.keysPage, "", false, false},
		{post, "/admin/keys/{id}/revoke", admins, s.revokeKey, "", false, false},
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
		{get, "/admin/appointments/{id}", admins, s.appointmentPage, "", false, false},
		{get, bookFor, admins, s.bookForWhom, "", false, false},
		{post, bookFor, admins, s.bookForFound, "", false, false},
		{get, bookFor + "/{patient}", admins, s.bookWithWhom, "", false, false},
		{get, bookFor + "/{patient}/{practitioner}", admins, s.bookWhen, "", false, false},
		{get, bookFor + "/{patient}/{practitioner}/{slot}", admins, s.bookCheck, "", false, false},
		{post, bookFor + "/{patient}/{practitioner}/{slot}", admins, s.bookDone, "", false, false},
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
		{get, "/admin/messages", admins, s.messagesPage, "", false, false},
		{post, "/admin/messages/{id}/resend", admins, s.resendMessage, "", false, false},
		{get, "/admin/outbox", admins, s.outboxPage, "", false, false},
		{get, "/admin/outbox/{id}", admins, s.outboxMessage, "", false, false},
	}
}

// The audit trail.
func (s *Server) trailRoutes() []route {
	return nil
}

// Figures.
func (s *Server) chartRoutes() []route {
	return nil
}

// asset answers with a file that pages load.
func asset(c *call) error {
	c.answered = true
	if !assets.Serve(c.w, c.r) {
		return errNoPage
	}
	return nil
}
