package web

// trailActions are all that is put on record, each with a text in the catalogue.
var trailActions = []string{
	"address.ask", "address.change", "address.verify", "appointment.cancel", "appointment.complete", "appointment.confirm",
	"appointment.expire", "appointment.hold", "appointment.list", "appointment.no_show", "appointment.read",
	"appointment.reschedule", "appointment.set_reason", "availability.change", "availability.list", "availability.preview",
	"availability.publish", "availability.read", "availability.remove", "backup.make", "backup.restore", "calendar.watch", "care_relation.assign",
	"care_relation.end", "care_relation.list", "checkpoint.read", "clinic.change", "clinic.set_up", "credential.refused", "database.copy", "disclosure.list",
	"emergency_access.list", "emergency_access.open", "encounter.amend", "encounter.create", "encounter.list", "encounter.read",
	"encounter.versions", "factor.add", "factor.remove", "factor.reset", "figures.read", "identity.connect", "identity.disconnect",
	"key.create", "key.list", "key.revoke", "keys.rotate", "legal_hold.lift", "legal_hold.place", "legal_hold.read",
	"message.preview", "message.read", "notification.count", "notification.list", "notification.resend", "order.cancel",
	"order.complete", "order.dispatch", "order.list", "order.place", "order.read", "order.receive", "page.open", "password.change",
	"patient.erase", "patient.export", "patient.list", "patient.read", "patient.search", "patient_key.rewrap", "practitioner.change",
	"preferences.change", "preferences.read", "push_subscription.create", "push_subscription.delete", "push_subscription.list",
	"recovery.renew", "recovery.use", "session.create", "session.end", "session.reuse", "session.step_up", "slot.add",
	"slot.change", "slot.remove", "time_off.close", "time_off.end", "time_off.list", "time_off.preview", "time_off.take",
	"trail.export", "trail.prune", "trail.read", "trail.verify", "user.change", "user.change_role", "user.create", "user.list",
	"user.provision", "user.read", "user.register", "visit.find", "visit.open", "waitlist.join", "waitlist.leave", "waitlist.list",
	"waitlist.offer", "webhook.change", "webhook.create", "webhook.disable", "webhook.list", "webhook.read", "webhook.remove",
	"webhook.rotate_secret", "webhook.test", "webhook_delivery.list", "webhook_delivery.resend",
}

// trailThings are the kinds of things that records are about.
var trailThings = []string{
	"api_key", "appointment", "audit_event", "availability", "backup", "care_relation", "checkpoint", "clinic", "credential", "database",
	"emergency_access", "encounter", "installation_keys", "legal_hold", "notification", "order", "page", "patient", "patient_key",
	"practitioner", "push_subscription", "session", "slot", "time_off", "trail", "user", "waitlist_entry", "webhook",
	"webhook_delivery",
}
