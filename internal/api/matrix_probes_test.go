package api

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// probe is how the matrix calls an operation.
type probe struct {
	*operation
	may access // what is to be expected: the operation's line, or but

	id     *thing                                 // what {id} names, in the path, the query or the body
	query  string                                 // without limit
	body   func(m *matrix, s side) map[string]any // a good one
	lists  *thing                                 // what a list shows of it
	status int                                    // for those who may, where it is not the row's success; with the reason
	but    *access                                // what the policy says in words only
}

// thing is a kind of what has an id.
type thing struct {
	make   func(m *matrix, s side) string
	absent func(m *matrix, s side) []string // ids of nothing: no id at all, then well-formed ones
}

// noRow is absent for ids that are plain.
func noRow(*matrix, side) []string { return []string{"nope", id.New().String()} }

// noKeyed is absent for rows below a patient or a practitioner: also below the
// caller's own.
func noKeyed(lead func(m *matrix, s side) uuid.UUID) func(*matrix, side) []string {
	return func(m *matrix, s side) []string {
		return []string{"nope", id.NewKeyed(lead(m, s)).String(), id.NewKeyed(lead(m, mine(""))).String(), id.NewKeyed(id.New()).String()}
	}
}

func ofPatient(m *matrix, s side) uuid.UUID { return m.users[s.patient].ID }

func ofUser(m *matrix, s side) uuid.UUID { return m.users[s.user].ID }

func ofPractitioner(m *matrix, s side) uuid.UUID { return m.users[s.practitioner].PractitionerID }

func noSlot(m *matrix, s side) []string {
	at := func(practitioner uuid.UUID) string {
		start := m.hour().AddDate(0, 0, 100)
		return id.Slot{Practitioner: practitioner, Start: start, End: start.Add(15 * time.Minute)}.String()
	}
	return []string{"nope", at(ofPractitioner(m, s)), at(ofPractitioner(m, mine(""))), at(id.New())}
}

// The kinds of things. Each is new each time, for a call may be its end.
var (
	aUser = &thing{func(m *matrix, s side) string { return m.users[s.user].ID.String() }, noRow}

	aPatient = &thing{func(m *matrix, s side) string { return m.users[s.patient].ID.String() }, noRow}

	aPractitioner = &thing{func(m *matrix, s side) string { return m.practitioner(s.practitioner) }, noRow}

	// Both sides' patients are born on one day, so that one search fits both.
	aPatientInCare = &thing{func(m *matrix, s side) string {
		m.update(func(ctx context.Context, tx *sqldb.Tx) error {
			return directory.Relate(ctx, tx, ofPatient(m, s), ofPractitioner(m, s), directory.SourceAssigned)
		})
		born := directory.UserChange{DateOfBirth: new(phi.Of("1984-02-29"))}
		if _, err := m.server.Directory.ChangeUser(m.t.Context(), auth.System, ofPatient(m, s).String(), "*", born); err != nil {
			m.t.Fatal(err)
		}
		return ofPatient(m, s).String()
	}, noRow}

	aSession = &thing{func(m *matrix, s side) string {
		access, _ := m.signIn(s.user)
		items := m.must(200, "", get, "/v1/auth/sessions?limit=200", nil, bearer(access)...).json(m.t)["items"].([]any)
		for _, item := range items {
			if session := item.(map[string]any); session["current"] == true {
				return session["id"].(string)
			}
		}
		panic("no session is the one that asks")
	}, noRow}

	aKey = &thing{func(m *matrix, s side) string {
		k, _, err := m.server.Auth.CreateKey(m.t.Context(), auth.System, auth.NewKey{Email: s.user + "@example.org", ExpiresAt: m.db.Now().Add(time.Hour)})
		if err != nil {
			m.t.Fatal(err)
		}
		return k.ID.String()
	}, noRow}

	// Sessions and sign-ins come before factors in the table: who has one is asked for it.
	aFactor = &thing{func(m *matrix, s side) string {
		return m.row(`INSERT INTO factors (id, user_id, kind, name, sealed, last_step, created_at)
			VALUES ($1, $2, 'totp', 'x', $3, 0, $4)`, m.users[s.user].ID, []byte("x"), sqldb.Instant(m.db.Now()))
	}, noRow}

	anIdentity = &thing{func(m *matrix, s side) string {
		return m.row(`INSERT INTO identities (id, user_id, subject, issuer, created_at) VALUES ($1, $2, $3, 'https://id.example', $4)`,
			m.users[s.user].ID, m.address(), sqldb.Instant(m.db.Now()))
	}, noRow}

	anAvailability = &thing{func(m *matrix, s side) string {
		return m.made(s.practitioner, "/v1/practitioners/"+m.practitioner(s.practitioner)+"/availability", someTime(m, s))
	}, noKeyed(ofPractitioner)}

	aTimeOff = &thing{func(m *matrix, s side) string {
		return m.made(s.practitioner, "/v1/practitioners/"+m.practitioner(s.practitioner)+"/time-off", someTime(m, s))
	}, noKeyed(ofPractitioner)}

	aSlot = &thing{func(m *matrix, s side) string { return m.slot(s, m.hour()) }, noSlot}

	aHold = &thing{func(m *matrix, s side) string {
		return m.made(s.patient, "/v1/appointments", map[string]any{"slot_id": m.slot(s, m.hour())})
	}, noKeyed(ofPatient)}

	anAppointment = &thing{func(m *matrix, s side) string {
		return m.made(s.patient, "/v1/appointments", map[string]any{"slot_id": m.slot(s, m.hour()), "confirm": true})
	}, noKeyed(ofPatient)}

	aVisit = &thing{func(m *matrix, s side) string { // an appointment that has begun
		slot := m.slot(s, m.db.Now().Truncate(5*time.Minute).Add(10*time.Minute))
		visit := m.made(s.patient, "/v1/appointments", map[string]any{"slot_id": slot, "confirm": true})
		sqltest.ClockOf(m.db).Advance(30 * time.Minute)
		return visit
	}, noKeyed(ofPatient)}

	aWait = &thing{func(m *matrix, s side) string {
		return m.made(s.patient, "/v1/waitlist", waitFor(m, s, m.practitioner(s.practitioner)))
	}, noKeyed(ofPatient)}

	// An encounter of what is one's own is of Ann with Grey; another's of Bob with Brown.
	anEncounter = &thing{func(m *matrix, s side) string {
		m.cared(s)
		return m.made(s.practitioner, "/v1/encounters", encounterFor(m, s, m.users[s.patient].ID.String()))
	}, noKeyed(ofPatient)}

	aCaredPatient = &thing{func(m *matrix, s side) string {
		m.cared(s)
		return m.users[s.patient].ID.String()
	}, noRow}

	// Somebody whom nobody has seen yet.
	aStranger = &thing{func(m *matrix, _ side) string {
		return m.made("admin", "/v1/users", map[string]any{"email": m.address(), "name": "New", "role": "patient"})
	}, noRow}

	aHeldStranger = &thing{func(m *matrix, s side) string {
		patient := aStranger.make(m, s)
		m.must(200, "admin", put, "/v1/patients/"+patient+"/legal-hold", map[string]any{"reason": "A court."})
		return patient
	}, noRow}

	anOrder = &thing{func(m *matrix, s side) string { return m.order(s) }, noKeyed(ofUser)}

	aDispatched = &thing{func(m *matrix, s side) string { return m.order(s, "dispatch") }, noKeyed(ofUser)}

	aReceived = &thing{func(m *matrix, s side) string { return m.order(s, "dispatch", "receive") }, noKeyed(ofUser)}

	aWebhook = &thing{func(m *matrix, _ side) string {
		// Rows beyond the most that there may be are nothing to the matrix.
		return m.row(`INSERT INTO webhooks (id, url, kinds, enabled, secret, created_at, created_by, version)
			VALUES ($1, 'https://hooks.example/x', 'order.placed', TRUE, $2, $3, $4, 1)`, []byte("x"), sqldb.Instant(m.db.Now()), m.users["admin"].ID)
	}, noRow}

	aDelivery = &thing{func(m *matrix, s side) string {
		return m.must(202, "admin", post, "/v1/webhooks/"+aWebhook.make(m, s)+"/test", nil).text(m.t, "id")
	}, noRow}

	aSubscription = &thing{func(m *matrix, s side) string {
		return m.made(s.user, "/v1/me/push-subscriptions", newSubscription(m, s))
	}, noRow}

	aMessage = &thing{func(m *matrix, s side) string {
		m.tell(m.runner, s.user, auth.NoticePassword)
		items, _ := m.items("admin", "/v1/outbox?limit=1")
		return items[0]["id"].(string)
	}, noRow}
)

// order orders a kit for a side's user, and takes it some steps.
func (m *matrix) order(s side, steps ...string) string {
	m.t.Helper()
	order := m.made("admin", "/v1/orders", orderFor(m.users[s.user].ID.String()))
	for _, step := range steps {
		m.must(200, "admin", post, "/v1/orders/"+order+"/"+step, nil)
	}
	return order
}

// orderFor is the body of an order.
func orderFor(user string) map[string]any {
	return map[string]any{"user_id": user, "kit_type": "genotyping-array", "shipping": map[string]any{
		"name": "Ann Example", "line1": "1 Main Street", "city": "New York", "postal_code": "10001", "country": "US",
	}}
}

// newSubscription is what a browser says of itself, a new one each time.
func newSubscription(*matrix, side) map[string]any {
	return map[string]any{"endpoint": "https://push.example/" + id.New().String(), "keys": map[string]any{
		"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "auth": "BTBZMqHH6r4Tts7J_aSIgg",
	}}
}

// cared puts a side's patient into its practitioner's care.
func (m *matrix) cared(s side) {
	m.update(func(ctx context.Context, tx *sqldb.Tx) error {
		return directory.Relate(ctx, tx, m.users[s.patient].ID, m.users[s.practitioner].PractitionerID, directory.SourceAssigned)
	})
}

// encounterFor is the body of an encounter of today.
func encounterFor(m *matrix, _ side, patient string) map[string]any {
	return map[string]any{
		"patient_id": patient, "encounter_date": m.db.Now().AddDate(0, 0, -1).Format(time.DateOnly), "encounter_type": "follow_up",
		"clinical_data": map[string]any{"finding": "x"}, "shared_with_patient": true,
	}
}

// row makes a row with a new id and the other values, and returns the id.
func (m *matrix) row(insert string, more ...any) string {
	m.t.Helper()
	which := id.New()
	m.update(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, insert, append([]any{which}, more...)...)
		return err
	})
	return which.String()
}

// made makes something by a call and returns its id.
func (m *matrix) made(by, path string, body any) string {
	m.t.Helper()
	return m.must(201, by, post, path, body).text(m.t, "id")
}

// slot makes a slot by hand.
func (m *matrix) slot(s side, start time.Time) string {
	m.t.Helper()
	return m.made(s.practitioner, "/v1/practitioners/"+m.practitioner(s.practitioner)+"/slots", map[string]any{
		"starts_at": start.Format(time.RFC3339), "ends_at": start.Add(15 * time.Minute).Format(time.RFC3339),
	})
}

// someTime is the body of half an hour that nothing is in.
func someTime(m *matrix, _ side) map[string]any {
	start := m.hour()
	return map[string]any{"starts_at": start.Format(time.RFC3339), "ends_at": start.Add(30 * time.Minute).Format(time.RFC3339)}
}

func waitFor(m *matrix, _ side, practitioner string) map[string]any {
	from := m.hour()
	return map[string]any{"practitioner_id": practitioner, "from": from.Format(time.RFC3339), "to": from.Add(time.Hour).Format(time.RFC3339)}
}

// always is a body that is the same each time; {id} stands for the id.
func always(pairs ...string) func(*matrix, side) map[string]any {
	return func(*matrix, side) map[string]any {
		body := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			body[pairs[i]] = pairs[i+1]
		}
		return body
	}
}

// address is an e-mail address that nobody has had.
func (m *matrix) address() string {
	m.hours++
	return fmt.Sprintf("somebody%d@example.org", m.hours)
}

// withLink is the body of a call with a link of that purpose to the spare user.
func withLink(purpose auth.Purpose, password string) func(*matrix, side) map[string]any {
	return func(m *matrix, _ side) map[string]any {
		email := ""
		if purpose == auth.PurposeEmail {
			email = m.address()
		}
		body := map[string]any{"token": m.link(m.users["spare"].ID, purpose, email)}
		if password != "" {
			body["password"] = password
		}
		return body
	}
}

// probes has one or more for each operation.
func probes() map[string][]probe {
	one := func(p probe) []probe { return []probe{p} }
	all := map[string][]probe{
		"read-status": one(probe{}), "read-health": one(probe{}), "read-readiness": one(probe{}), "read-openapi-json": one(probe{}),
		"read-openapi-yaml": one(probe{}), "read-docs": one(probe{}), "read-docs-file": one(probe{}),

		"list-practitioners":  one(probe{lists: aPractitioner}),
		"read-practitioner":   one(probe{id: aPractitioner}),
		"change-practitioner": one(probe{id: aPractitioner, body: always("bio", "Backs.")}),

		"create-user": one(probe{body: func(m *matrix, _ side) map[string]any {
			return map[string]any{"email": m.address(), "name": "New", "role": "patient"}
		}}),
		"list-users":  one(probe{lists: aUser}),
		"read-user":   one(probe{id: aUser}),
		"change-user": one(probe{id: aUser, body: always("name", "Other")}),
		"read-me":     one(probe{lists: aUser}),

		"list-patients":   one(probe{lists: aPatientInCare}),
		"assign-patient":  one(probe{id: aPatient}),
		"end-care":        one(probe{id: aPatientInCare}),
		"search-patients": one(probe{lists: aPatientInCare, body: always("q", "1984-02-29")}),

		"list-notifications":              {probe{lists: aMessage}, probe{id: aUser, query: "user_id={id}"}},
		"resend-notification":             one(probe{id: aMessage, status: 409}), // it was sent
		"read-notification-preferences":   one(probe{}),
		"change-notification-preferences": one(probe{body: always("language", "de")}),
		"read-push-key":                   one(probe{}),
		"create-push-subscription":        one(probe{body: newSubscription}),
		"list-push-subscriptions":         one(probe{lists: aSubscription}),
		"delete-push-subscription":        one(probe{id: aSubscription}),
		"list-outbox":                     one(probe{lists: aMessage}),
		"read-message":                    one(probe{id: aMessage}),
	}
	for _, more := range []map[string][]probe{accountProbes(), timeProbes(), bookingProbes(), orderProbes(), recordProbes(), webhookProbes()} {
		for name, list := range more {
			all[name] = list
		}
	}
	return all
}

func passkeyAnswer(*matrix, side) map[string]any {
	return map[string]any{"challenge": "x", "credential": map[string]any{}}
}

func accountProbes() map[string][]probe {
	return map[string][]probe{
		"register": {{body: func(m *matrix, _ side) map[string]any {
			return map[string]any{"email": m.address(), "name": "New", "password": passphrase}
		}}},
		"verify-address":         {{body: withLink(auth.PurposeVerify, passphrase)}},
		"request-password-reset": {{body: func(m *matrix, _ side) map[string]any { return map[string]any{"email": m.address()} }}},
		"reset-password":         {{body: withLink(auth.PurposeReset, passphrase)}},
		"confirm-email-change":   {{body: withLink(auth.PurposeEmail, "")}},
		"set-up-clinic": {{status: 422, body: func(m *matrix, _ side) map[string]any { // there are users
			return map[string]any{"token": "x", "email": m.address(), "name": "Eve", "password": passphrase}
		}}},
		"log-in": {{body: always("email", "bob@example.org", "password", passphrase)}},
		"refresh-session": {{body: func(m *matrix, _ side) map[string]any {
			_, refresh := m.signIn("bob")
			return map[string]any{"refresh_token": refresh}
		}}},

		"change-password": {{status: 409, body: always("password", another, "new_password", "ten quiet giraffes")}}, // it is another
		"request-email-change": {{body: func(m *matrix, _ side) map[string]any {
			return map[string]any{"email": m.address()}
		}}},
		"step-up": {{status: 409, body: always("password", passphrase)}}, // a key has no session
		"log-out": {{}},

		// The clinic has no host name and no identity provider, and a key, which is
		// what the matrix calls with, may change nothing by which one signs in.
		"offer-passkey":        {{status: 409}},
		"log-in-with-passkey":  {{status: 409, body: passkeyAnswer}},
		"offer-factor":         {{status: 409, body: always("kind", "totp")}},
		"add-factor":           {{status: 409, body: always("challenge", "x", "name", "x", "code", "x")}},
		"list-factors":         {{lists: aFactor}},
		"remove-factor":        {{id: aFactor, status: 409}},
		"renew-recovery-codes": {{status: 409}},
		"list-providers":       {{}},
		"leave-for-provider":   {{status: 404, body: always("provider", "nowhere")}},
		"log-in-from-provider": {{status: 422, body: always("challenge", "x", "state", "x", "code", "x")}},
		"offer-identity":       {{status: 409, body: always("provider", "nowhere")}},
		"connect-identity":     {{status: 409, body: always("challenge", "x", "state", "x", "code", "x")}},
		"list-identities":      {{lists: anIdentity}},
		"disconnect-identity":  {{id: anIdentity, status: 409}},

		"list-sessions":  {{lists: aSession}},
		"end-session":    {{id: aSession}},
		"create-api-key": {{body: always("name", "one more")}},
		"list-api-keys":  {{lists: aKey}, {id: aUser, query: "user_id={id}"}},
		"revoke-api-key": {{id: aKey}},
	}
}

func timeProbes() map[string][]probe {
	// Other slots than available ones are the practitioner's. Whose they are not
	// learns from the status alone that they are not.
	taken := access{never, ownCalendar, anyones, never, "", ""}
	return map[string][]probe{
		"publish-availability": {{id: aPractitioner, body: someTime}},
		"list-availability":    {{id: aPractitioner}},
		"read-availability":    {{id: anAvailability}},
		"change-availability":  {{id: anAvailability, body: someTime}},
		"remove-availability":  {{id: anAvailability}},
		"take-time-off":        {{id: aPractitioner, body: someTime}},
		"list-time-off":        {{id: aPractitioner}},
		"end-time-off":         {{id: aTimeOff}},

		"list-slots":              {{lists: aSlot}, {id: aPractitioner, query: "practitioner_id={id}"}, {id: aPractitioner, query: "status=any&practitioner_id={id}", but: &taken}},
		"list-practitioner-slots": {{id: aPractitioner}, {id: aPractitioner, query: "status=booked", but: &taken}},
		"add-slot":                {{id: aPractitioner, body: someTime}},
		"read-slot":               {{id: aSlot}},
		"change-slot":             {{id: aSlot, body: always("status", "blocked")}},
		"remove-slot":             {{id: aSlot}},
	}
}

func bookingProbes() map[string][]probe {
	return map[string][]probe{
		"hold-appointment": {{id: aPatient, body: func(m *matrix, s side) map[string]any {
			return map[string]any{"slot_id": m.slot(s, m.hour()), "patient_id": "{id}"}
		}}},
		"list-appointments":    {{lists: anAppointment}, {id: aPatient, query: "patient_id={id}"}, {id: aPractitioner, query: "practitioner_id={id}"}},
		"read-appointment":     {{id: anAppointment}},
		"read-appointment-ics": {{id: anAppointment}},
		"confirm-appointment":  {{id: aHold}},
		"put-confirmation":     {{id: aHold}},
		"cancel-appointment":   {{id: anAppointment, body: always("reason", "Ill.")}},
		"reschedule-appointment": {{id: anAppointment, body: func(m *matrix, s side) map[string]any {
			return map[string]any{"slot_id": m.slot(s, m.hour())}
		}}},
		"complete-appointment": {{id: aVisit}},
		"mark-no-show":         {{id: aVisit}},
		"join-waitlist": {{id: aPractitioner, but: &access{anyones, never, never, never, auth.WaitlistWrite, ""}, // anybody's calendar will do
			body: func(m *matrix, s side) map[string]any { return waitFor(m, s, "{id}") }}},
		"list-waitlist":  {{lists: aWait}},
		"leave-waitlist": {{id: aWait}},
	}
}

func orderProbes() map[string][]probe {
	return map[string][]probe{
		"place-order":    {{id: aUser, body: func(*matrix, side) map[string]any { return orderFor("{id}") }}},
		"list-orders":    {{lists: anOrder}, {id: aUser, query: "user_id={id}"}},
		"read-order":     {{id: anOrder}},
		"dispatch-order": {{id: anOrder}},
		"receive-order":  {{id: aDispatched}},
		"complete-order": {{id: aReceived}},
		"cancel-order":   {{id: anOrder}},
	}
}

func recordProbes() map[string][]probe {
	encounter := func(m *matrix, s side) map[string]any { return encounterFor(m, s, "{id}") }
	return map[string][]probe{
		"create-encounter":        {{id: aCaredPatient, body: encounter}},
		"list-encounters":         {{lists: anEncounter}, {id: aCaredPatient, query: "patient_id={id}"}},
		"read-encounter":          {{id: anEncounter}},
		"amend-encounter":         {{id: anEncounter, body: always("encounter_type", "treatment_session")}},
		"list-encounter-versions": {{id: anEncounter}},
		"open-in-emergency":       {{id: aStranger, body: always("reason", "Unconscious.")}},
		"list-emergency-access":   {{}},
		"list-audit-events":       {{}},
		"export-audit-events":     {{}},
		"list-encounter-events":   {{lists: anEncounter}},
		"read-checkpoint":         {{status: 404}}, // nobody signs one here
		"list-disclosures":        {{id: aPatient}},
		"export-patient":          {{id: aCaredPatient}},
		"export-patient-page":     {{id: aCaredPatient}},
		"erase-patient":           {{id: aStranger}},
		"place-legal-hold":        {{id: aStranger, body: always("reason", "A court.")}},
		"read-legal-hold":         {{id: aHeldStranger}},
		"lift-legal-hold":         {{id: aHeldStranger}},
	}
}

func webhookProbes() map[string][]probe {
	few := func(m *matrix, _ side) map[string]any { // there may be so many
		m.update(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM webhooks`)
			return err
		})
		return map[string]any{"url": "https://hooks.example/x", "kinds": []any{"order.placed"}}
	}
	return map[string][]probe{
		"create-webhook":          {{body: few}},
		"list-webhooks":           {{lists: aWebhook}},
		"read-webhook":            {{id: aWebhook}},
		"change-webhook":          {{id: aWebhook, body: always("url", "https://hooks.example/y")}},
		"remove-webhook":          {{id: aWebhook}},
		"rotate-webhook-secret":   {{id: aWebhook}},
		"test-webhook":            {{id: aWebhook}},
		"list-webhook-deliveries": {{id: aWebhook}},
		"resend-webhook-delivery": {{id: aDelivery}},
	}
}
