package web

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/web/words"
	"medbook/internal/webhooks"
)

// links fails the test unless the page has links to all paths.
func (p shown) leadsTo(paths ...string) shown {
	p.t.Helper()
	all := strings.Join(p.attributes("a", "href"), "\n") + "\n"
	for _, path := range paths {
		if !strings.Contains(all, path+"\n") {
			p.t.Errorf("%s has no link to %s, but to %s", p.path, path, all)
		}
	}
	return p
}

// hours lets a practitioner work on all days of two weeks from tomorrow on, and
// returns the times that can be booked.
func (c *clinic) hours(name string) []scheduling.Slot {
	c.t.Helper()
	start := c.db.Now().Truncate(24 * time.Hour)
	by := c.actor(name)
	_, err := c.server.Scheduling.Publish(c.t.Context(), by, by.PractitionerID.String(), scheduling.Hours{
		Kind: scheduling.KindSpan, Span: calendar.Span{Start: start, End: start.Add(14 * 24 * time.Hour)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := c.server.Scheduling.Slots(c.t.Context(), by, scheduling.SlotQuery{Practitioner: by.PractitionerID.String(), Status: "any"}, pages.Request{Limit: 200})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Items
}

// booked is an appointment of a patient that is confirmed, in that slot.
func (c *clinic) booked(patient string, slot scheduling.Slot) scheduling.Appointment {
	c.t.Helper()
	a, err := c.server.Scheduling.Hold(c.t.Context(), auth.System, scheduling.HoldRequest{
		Slot: slot.ID(), Patient: c.users[patient].ID.String(), Confirm: true, Reason: phi.Of("a stiff neck"), Override: phi.Of("for a test"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// work does the jobs that are due: messages are written.
func (c *clinic) work() {
	c.t.Helper()
	run := &jobs.Runner{DB: c.db, Log: slog.New(slog.DiscardHandler)}
	c.server.Notify.Work(run)
	c.server.Scheduling.Work(run)
	c.server.Webhooks.Work(run)
	if _, err := run.RunDue(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// recorded counts the records of an action whose data is a patient's.
func (c *clinic) recorded(action, patient string) int {
	c.t.Helper()
	n := 0
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, `SELECT count(*) FROM audit_events e JOIN audit_patients p ON p.event_id = e.id WHERE e.action = $1 AND e.outcome = 'success' AND p.patient_id = $2`,
			action, c.users[patient].ID)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func TestTodayShowsWhatIsOnAndWhatIsMissing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		p := v.get("/admin").has(200, "Not set up yet", "Enter working hours", "No e-mail is sent", "There are no appointments today", "Nothing waits for you", "Grey Example", "Brown Example")
		p.leadsTo("/hours?practitioner="+c.users["grey"].PractitionerID.String(), "/admin/outbox")

		slots := c.hours("grey")
		soon := 0
		for i, s := range slots {
			if s.Start.After(db.Now().Add(time.Minute)) {
				soon = i
				break
			}
		}
		a := c.booked("ann", slots[soon])
		if _, err := c.server.Scheduling.Hold(t.Context(), c.actor("bob"), scheduling.HoldRequest{Slot: slots[len(slots)-1].ID()}); err != nil {
			t.Fatal(err)
		}
		p = v.get("/admin").has(200, "A. E.", "Grey Example", "open hold", "Practitioners without hours").lacks("Ann Example", "Bob Example", "a stiff neck")
		p.leadsTo("/admin/appointments/"+a.ID.String(), "/admin/appointments?status=held")
		if strings.Contains(p.text(), "Enter working hours") {
			t.Error("hours are still missing though one has some")
		}
	})
}

func TestPeopleAreListedByInitialsUntilTheyAreOpened(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		ann := c.users["ann"]
		p := v.get("/admin/users").has(200, "A. E.", "Grey Example", "6 in all").lacks("Ann Example", "ann@example.org")
		p.leadsTo("/admin/users/" + ann.ID.String())
		v.get("/admin/users?role=practitioner").has(200, "Grey Example", "Brown Example", "2 in all").lacks("Auditor Example", "A. E.")
		v.get("/admin/users?role=nonsense").has(200, "There is nobody with this role")
		v.get("/admin/users?after=nonsense").has(422)

		before := c.recorded("user.read", "ann")
		v.get("/admin/users/"+ann.ID.String()).has(200, "Ann Example", "ann@example.org", "Nothing was ordered", "Nobody has care", "Legal hold")
		if got := c.recorded("user.read", "ann"); got != before+1 {
			t.Errorf("%d records of a look at ann, want %d", got, before+1)
		}
		v.get("/admin/users/" + c.users["grey"].PractitionerID.String()).has(404)

		found := v.post("/admin/users/find", "q", "ann exa").has(200, "1 patient found", "Ann Example").lacks("Bob")
		found.leadsTo("/admin/users/" + ann.ID.String())
		if strings.Contains(found.path, "ann") {
			t.Errorf("what was searched for is in the address %s", found.path)
		}
		v.post("/admin/users/find", "q", "nobody here").has(200, "Nobody was found")
		v.post("/admin/users/find", "q", "x").has(422, "There is a problem", "Give 2 to 100 characters")
	})
}

func TestLongListsOfPeopleHavePages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for i := range listed {
			c.create("p"+string(rune('a'+i)), auth.Patient)
		}
		v := c.as("admin")
		first := v.get("/admin/users").has(200, "31 in all", "More")
		next := ""
		for _, href := range first.attributes("a", "href") {
			if strings.Contains(href, "after=") {
				next = href
			}
		}
		v.get(next).has(200, "Back to the beginning").leadsTo("/admin/users")
	})
}

// create makes a user without an account.
func (c *clinic) create(name string, role auth.Role) directory.User {
	c.t.Helper()
	u, err := c.server.Directory.CreateUser(c.t.Context(), auth.System, directory.NewUser{Email: phi.Of(name + "@mail.example"), Name: phi.Of(name), Role: role})
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

func TestAnAdminMakesAndChangesPeople(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/users/new?role=practitioner").has(200, "Add a person")
		form := []string{"once", newOnce(), "role", "practitioner", "name", "Dr. White", "email", "white@example.org", "time_zone", "Europe/Berlin", "specialty", "nutrition"}
		made := v.post("/admin/users/new", form...).has(200, "The person is added", "Dr. White", "white@example.org", "Europe/Berlin")
		again := v.post("/admin/users/new", form...).has(200, "Dr. White")
		if again.path != made.path {
			t.Errorf("sent twice, the form leads to %s, then to %s", made.path, again.path)
		}
		p := v.post("/admin/users/new", "once", newOnce(), "role", "patient", "name", "", "email", "ann@example.org", "phone", "call me", "specialty", "x")
		p.has(422, "There is a problem", "Only practitioners have this")
		if got := p.attributes("input", "value"); !strings.Contains(strings.Join(got, " "), "ann@example.org") {
			t.Errorf("the answers are not kept: %q", got)
		}
		v.post("/admin/users/new", "once", newOnce(), "role", "patient", "name", "Ann", "email", "ann@example.org").has(422, "There is a problem")

		ann := "/admin/users/" + c.users["ann"].ID.String()
		stale := v.get(ann+"/edit").has(200, "Ann Example").hidden("etag")
		v.post(ann+"/edit", "etag", stale, "name", "Ann Lee", "phone", "+1 212 555 0100", "time_zone", "Europe/Berlin", "date_of_birth", "1984-02-29").
			has(200, "The profile is changed", "Ann Lee", "+1 212 555 0100", "29 February 1984", "Europe/Berlin")
		p = v.post(ann+"/edit", "etag", stale, "name", "Anna", "phone", "", "time_zone", "Europe/Berlin").
			has(422, "Somebody changed this", "Name is now: Ann Lee", "Telephone is now: +1 212 555 0100")
		if p.hidden("etag") == stale {
			t.Error("the form still has the old version")
		}
		v.post(ann+"/edit", "etag", p.hidden("etag"), "name", "Anna", "time_zone", "nowhere").has(422, "There is a problem").lacks("Somebody changed this")
		v.post(ann+"/edit", "etag", p.hidden("etag"), "name", "Anna", "time_zone", "Europe/Berlin").has(200, "Anna")
		v.post(ann+"/edit", "name", "Anna").has(428)
	})
}

func TestARoleIsChangedWithAFreshProof(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		bob := "/admin/users/" + c.users["bob"].ID.String()
		tag := v.get(bob+"/role").has(200, "Change the role", "Runs the clinic").hidden("etag")
		v.post(bob+"/role", "etag", tag, "role", "queen").has(422, "There is a problem", "Choose a role")
		v.post(bob+"/role", "etag", tag, "role", "practitioner").has(200, "The role is changed", "Profile and rules as a practitioner")
		v.post(bob+"/role", "etag", tag, "role", "admin").has(422, "There is a problem")

		late := db.Now().Add(6 * time.Minute)
		db.Clock = func() time.Time { return late }
		for _, page := range []string{bob + "/role", bob + "/erase", "/admin/webhooks/new"} {
			if p := v.get(page); !strings.HasPrefix(p.path, "/confirm-identity?") {
				t.Errorf("%s without a fresh proof leads to %s", page, p.path)
			}
			if p := v.post(page, "etag", "*", "role", "admin", "sure", "yes"); !strings.HasPrefix(p.path, "/confirm-identity?") {
				t.Errorf("a form to %s without a fresh proof leads to %s", page, p.path)
			}
		}
		if u, err := c.server.Directory.User(t.Context(), auth.System, c.users["bob"].ID.String()); err != nil || u.Role != auth.Practitioner {
			t.Errorf("bob is %s, %v", u.Role, err)
		}
	})
}

func TestCareIsAssignedAndEnded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		ann, grey := "/admin/users/"+c.users["ann"].ID.String(), c.users["grey"].PractitionerID.String()
		v.post(ann+"/care", "practitioner", grey).has(200, "The patient is assigned", "An assignment by an admin", "End care of Grey Example")
		v.post(ann+"/care/end", "practitioner", grey).has(200, "The care is ended", "Nobody has care")
		v.post(ann+"/care/end", "practitioner", grey).has(404)
		v.post(ann+"/care", "practitioner", c.users["bob"].ID.String()).has(404)
	})
}

func TestAPatientIsHeldAndErased(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		ann := "/admin/users/" + c.users["ann"].ID.String()
		v.get(ann+"/hold").has(200, "Place a legal hold", "Ann Example")
		v.post(ann+"/hold", "reason", " ").has(422, "There is a problem", "Please fill this in")
		v.post(ann+"/hold", "reason", strings.Repeat("x", longestReason+1)).has(422, "Use at most 1,000 characters")
		v.post(ann+"/hold", "reason", "Court, file 12").has(200, "The legal hold is placed", "Court, file 12")
		v.get(ann+"/erase").has(200, "A legal hold is on this patient’s data", "What goes").lacks("Erase for good")
		v.post(ann+"/erase", "sure", "yes").has(422, "nothing of it may be erased")
		v.post(ann+"/hold/lift").has(200, "The legal hold is lifted")

		slots := c.hours("grey")
		a := c.booked("ann", slots[len(slots)-1])
		v.post(ann+"/erase").has(422, "Say that you are sure")
		v.post(ann+"/erase", "sure", "yes").has(422, "Cancel them first")
		if _, err := c.server.Scheduling.Cancel(t.Context(), auth.System, a.ID.String(), scheduling.CancelRequest{Reason: phi.Of("erased")}); err != nil {
			t.Fatal(err)
		}
		v.post(ann+"/erase", "sure", "yes").has(200, "The patient is erased", "Erased").lacks("A. E.")
		v.get(ann).has(200, "Who this was is erased").lacks("Ann Example", "ann@example.org", "/erase\"")
		v.get("/admin/appointments?past=yes&status=cancelled").has(200, "No initials").lacks("Ann Example")

		for _, of := range []string{"grey", "admin"} { // who works here is no patient
			v.get("/admin/users/" + c.users[of].ID.String() + "/erase").has(404)
			v.get("/admin/users/" + c.users[of].ID.String() + "/hold").has(404)
		}
	})
}

func TestPoliciesAreChangedInWords(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		grey := c.users["grey"].PractitionerID.String()
		v.get("/admin/practitioners").has(200, "Grey Example", "physiotherapy", "2 in all").leadsTo("/admin/practitioners/" + grey)
		v.get("/admin/practitioners/"+grey).has(200, "15 minutes", "1 day", "180 days", "30 minutes").leadsTo("/calendar?practitioner="+grey, "/hours?practitioner="+grey)
		form := []string{
			"specialty", "massage", "bio", "Ten years.\r\nTwo cats.", "time_zone", "America/New_York", "slot_minutes", "20", "notice_hours", "1.5",
			"horizon_days", "90", "hold_minutes", "10", "max_open_holds", "2", "window_hours", "48",
		}
		edit := func(tag string, changes ...string) shown {
			all := append([]string{"etag", tag}, form...)
			for i := 0; i < len(changes); i += 2 {
				for j := range all {
					if all[j] == changes[i] && j%2 == 0 {
						all[j+1] = changes[i+1]
					}
				}
			}
			return v.post("/admin/practitioners/"+grey+"/edit", all...)
		}
		tag := v.get("/admin/practitioners/"+grey+"/edit").has(200, "Rules for booking").hidden("etag")
		edit(tag, "slot_minutes", "7").has(422, "From 5 to 240, in steps of 5")
		edit(tag, "notice_hours", "soon", "max_open_holds", "").has(422, "Give a number")
		edit(tag, "window_hours", "99999").has(422, "There is a problem", "Length of a time").leadsTo("#f-window_hours")
		edit(tag, "time_zone", "Mars").has(422, "There is a problem").leadsTo("#f-time_zone")
		edit(tag).has(200, "The profile and the rules are changed", "massage", "1 hour and 30 minutes", "20 minutes", "90 days", "2 days")
		edit(tag).has(422, "Somebody changed this").lacks("is now: massage")
		p, err := c.server.Scheduling.Practitioner(t.Context(), auth.Actor{}, grey)
		if err != nil || p.Policy.NoticeSeconds != 5400 || p.Policy.CancellationWindowSeconds != 48*3600 || p.Policy.HoldSeconds != 600 || p.Bio != "Ten years.\nTwo cats." {
			t.Errorf("the practitioner is %+v, %v", p, err)
		}
		v.get("/admin/practitioners/" + c.users["ann"].ID.String()).has(404)
	})
}

func TestKeysOfEverybodyAreRevoked(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/keys").has(200, "There are no keys")
		k, text, err := c.server.Auth.CreateKey(t.Context(), auth.System, auth.NewKey{Email: "grey@example.org", Name: "calendar sync"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.server.Auth.CreateKey(t.Context(), auth.System, auth.NewKey{Email: "ann@example.org"}); err != nil {
			t.Fatal(err)
		}
		v.get("/admin/keys").has(200, "calendar sync", "Grey Example", "A. E.", "Never", "2 in all").lacks(text, "Ann Example")
		v.get("/admin/keys?user="+c.users["grey"].ID.String()).has(200, "calendar sync", "1 in all").lacks("A. E.")
		v.post("/admin/keys/"+k.ID.String()+"/revoke", "back", "user="+c.users["grey"].ID.String()).has(200, "worth nothing", "There are no keys")
		v.post("/admin/keys/" + k.ID.String() + "/revoke").has(404)
		if _, err := c.server.Auth.Authenticate(t.Context(), auth.Shown{Key: text}, auth.Actor{}); err == nil {
			t.Error("the key is still good")
		}
	})
}

func TestWebhooksAreManaged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/webhooks").has(200, "No program is told of anything")
		v.get("/admin/webhooks/new").has(200, "Appointment confirmed")
		v.post("/admin/webhooks/new", "url", "http://example.org/hook").has(422, "begins with https://", "Choose at least one event")
		made := v.post("/admin/webhooks/new", "url", "https://example.org/hook", "kinds", "appointment.confirmed", "kinds", "order.placed").has(200, "You see this secret once only", "whsec_")
		w := ""
		for _, href := range made.attributes("a", "href") {
			if strings.HasPrefix(href, "/admin/webhooks/") {
				w = href
			}
		}
		v.get("/admin/webhooks").has(200, "https://example.org/hook", "Kit ordered", "On").lacks("whsec_").leadsTo(w)
		v.get(w).has(200, "Nothing was sent yet").lacks("whsec_")
		v.post(w+"/test").has(200, "A test is on its way", "Being sent")

		tag := v.get(w+"/edit").has(200, "Change the webhook").hidden("etag")
		v.post(w+"/edit", "etag", tag, "url", "https://example.org/hook").has(422, "Choose at least one event")
		v.post(w+"/edit", "etag", tag, "url", "https://example.org/other", "kinds", "patient.erased").has(200, "The webhook is changed", "https://example.org/other", "Patient erased", "Off")
		v.post(w+"/edit", "etag", tag, "url", "https://example.org/third", "kinds", "patient.erased").has(422, "Somebody changed this", "is now: https://example.org/other")
		v.get(w+"/secret").has(200, "one that it has is good for a day more").lacks("whsec_")
		v.post(w+"/secret").has(200, "whsec_", "The secret before it is good until")
		v.get(w).has(200, "Old secret")

		failed := c.delivery(w, "failed")
		v.get(w+"?status=failed").has(200, "Failed", "Send again")
		v.post(w+"/resend", "delivery", failed).has(200, "The event is sent again", "Being sent")
		v.post(w+"/resend", "delivery", c.delivery(w, "sent")).has(422, "its receiver has it")
		v.post(w+"/resend", "delivery", "nope").has(404)
		v.post(w+"/remove", "etag", tag).has(422, "There is a problem")
		v.post(w+"/remove", "etag", v.get(w).hidden("etag")).has(200, "The webhook is removed", "No program is told of anything")
		v.get(w).has(404)
	})
}

// delivery makes the one delivery of a webhook stand at a status, and returns its id.
func (c *clinic) delivery(path, status string) string {
	c.t.Helper()
	p, err := c.server.Webhooks.Deliveries(c.t.Context(), auth.System, path[strings.LastIndex(path, "/")+1:], "", pages.Request{Limit: 2})
	if err != nil || len(p.Items) != 1 {
		c.t.Fatalf("deliveries: %v, %v", p.Items, err)
	}
	err = c.db.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE webhook_deliveries SET status = $1 WHERE id = $2`, status, p.Items[0].ID)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Items[0].ID.String()
}

func TestTheClinicIsNamed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("admin")
		v.get("/admin/clinic").has(200, "Harbour Clinic", "The name is set in the configuration", "No mail server is set up").lacks(`name="name"`)
		c.server.Directory.ClinicName = ""
		tag := v.get("/admin/clinic").has(200, "It is on every page").hidden("etag")
		v.post("/admin/clinic", "etag", tag, "name", "", "time_zone", "Mars").has(422, "Please fill this in").leadsTo("#f-time_zone")
		v.post("/admin/clinic", "etag", tag, "name", "Hillside", "time_zone", "Europe/Berlin").has(200, "The clinic is changed", "Hillside")
		v.post("/admin/clinic", "etag", tag, "name", "Riverside", "time_zone", "Europe/Berlin").has(422, "Somebody changed this", "Name is now: Hillside")
	})
}

func TestEveryKindOfEventAndMessageHasItsWords(t *testing.T) {
	c := &call{words: words.For("de", "", nil)}
	for _, k := range webhooks.Kinds() {
		if c.eventName(string(k)) == string(k) {
			t.Errorf("the event %s has no name", k)
		}
	}
	for _, k := range append(slices.Clone(notify.Choosable), auth.MailVerify, auth.MailReset, auth.MailEmail, auth.MailKnown, auth.NoticeEmailAsked, auth.NoticeEmail,
		auth.NoticePassword, auth.NoticeKey, auth.NoticeFactor, auth.NoticeIdentity, auth.NoticeRecovery, auth.NoticeTokenReused, auth.NoticeSignIn, auth.NoticeEmergency) {
		if c.messageKind(k) == string(k) {
			t.Errorf("the message %s has no name", k)
		}
	}
}
