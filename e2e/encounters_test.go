package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"medbook/client"
)

// visited is a patient who has been seen by a practitioner and left again.
type visited struct {
	practitioner person
	id           string // the practitioner's in the directory
	appointment  client.Appointment
	now          time.Time // what the clock says
}

// visit has a patient book, confirm and come.
func (c *clinic) visit(patient *client.Client) visited {
	c.t.Helper()
	ctx, v := c.t.Context(), visited{}
	v.practitioner, v.id = c.practitioner(newYork)
	must(v.practitioner.Publish(ctx, v.id, monday))(c.t)
	slot := all(c.t, patient.Slots(client.SlotQuery{PractitionerID: v.id}).All(ctx))[0]
	held := must(patient.Hold(ctx, client.NewAppointment{SlotID: slot.ID, Reason: "knee"}))(c.t)
	v.appointment = must(patient.Confirm(ctx, held.ID))(c.t)
	v.now = v.appointment.StartsAt.Add(10 * time.Minute)
	c.setTime(v.now)
	return v
}

// note is what is documented of the visit.
func (v visited) note(data string) client.NewEncounter {
	return client.NewEncounter{
		PatientID: v.appointment.PatientID, EncounterDate: monday.Date, EncounterType: "initial_assessment",
		ClinicalData: json.RawMessage(data), AppointmentID: v.appointment.ID,
	}
}

// TestTourOfEncounters documents a visit, amends what was written, and shares it.
func TestTourOfEncounters(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ann, bob := c.user("patient", newYork), c.user("patient", newYork)
		v := c.visit(ann.Client)
		mina, other := v.practitioner, c.user("practitioner", newYork)

		early := v.note(`{"complaint":"knee"}`)
		early.EncounterDate = "2027-03-16"
		_, err := mina.Document(ctx, early)
		code(t, err, 422, "invalid-encounter")
		if a := must(mina.Appointment(ctx, v.appointment.ID))(t); a.Status != "confirmed" {
			t.Errorf("a refused encounter made the appointment %s", a.Status)
		}
		var first, second client.Answer
		e := must(mina.Document(ctx, v.note(`{"complaint":"knee","flexion":{"degrees":60.50}}`), client.IdempotencyKey("one"), client.Header(&first)))(t)
		if e.PatientID != ann.ID || e.PractitionerID != v.id || e.AppointmentID != v.appointment.ID || e.Version != 1 || e.Shared || e.ETag == "" ||
			e.Metadata.CreatedBy != mina.ID || !e.Metadata.CreatedAt.Equal(v.now) || string(e.ClinicalData) != `{"complaint":"knee","flexion":{"degrees":60.50}}` {
			t.Errorf("documented: %+v %s", e, e.ClinicalData)
		}
		again := must(mina.Document(ctx, v.note(`{"complaint":"knee","flexion":{"degrees":60.50}}`), client.IdempotencyKey("one"), client.Header(&second)))(t)
		if again.ID != e.ID || !second.Replayed() || first.Header.Get("Location") != "/v1/encounters/"+e.ID {
			t.Errorf("repeated: %+v, replayed %v, at %q", again, second.Replayed(), first.Header.Get("Location"))
		}
		if a := must(ann.Appointment(ctx, v.appointment.ID))(t); a.Status != "completed" {
			t.Errorf("after the encounter the appointment is %s, want completed", a.Status)
		}

		_, err = other.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")
		_, err = other.Amend(ctx, e.ID, e.ETag, client.EncounterChange{Shared: new(true)})
		code(t, err, 404, "encounter-not-found")
		_, err = other.EncounterVersions(e.ID).Page(ctx, client.PageRequest{})
		code(t, err, 404, "encounter-not-found")
		_, err = other.Encounters(client.EncounterQuery{PatientID: ann.ID}).Page(ctx, client.PageRequest{})
		code(t, err, 404, "patient-not-found")
		_, err = other.Document(ctx, v.note(`{}`))
		code(t, err, 404, "patient-not-found")
		_, err = ann.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")
		_, err = ann.Document(ctx, v.note(`{}`))
		code(t, err, 403, "forbidden")

		_, err = mina.Amend(wrong(ctx), e.ID, "", client.EncounterChange{Shared: new(true)})
		code(t, err, 428, "if-match-missing")
		amended := must(mina.Amend(ctx, e.ID, e.ETag, client.EncounterChange{
			EncounterType: new("follow_up"), ClinicalData: json.RawMessage(`{"complaint":"the other knee"}`), Shared: new(true),
		}))(t)
		if amended.Version != 2 || amended.ETag == e.ETag || amended.EncounterType != "follow_up" || amended.EncounterDate != monday.Date || !amended.Shared {
			t.Errorf("amended: %+v", amended)
		}
		_, err = mina.Amend(ctx, e.ID, e.ETag, client.EncounterChange{Shared: new(false)})
		code(t, err, 412, "if-match-stale")
		versions := all(t, mina.EncounterVersions(e.ID).All(ctx))
		if len(versions) != 2 || versions[0].Version != 1 || versions[0].Shared || string(versions[0].ClinicalData) != string(e.ClinicalData) ||
			versions[1].EncounterType != "follow_up" || versions[1].WrittenBy != mina.ID {
			t.Errorf("versions: %+v, want both as they were written", versions)
		}

		seen := must(ann.Encounter(ctx, e.ID))(t)
		if string(seen.ClinicalData) != `{"complaint":"the other knee"}` || seen.Version != 2 {
			t.Errorf("ann reads %+v %s", seen, seen.ClinicalData)
		}
		_, err = ann.EncounterVersions(e.ID).Page(ctx, client.PageRequest{})
		code(t, err, 403, "forbidden")
		_, err = bob.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")
		c.findsEncounters(v, ann.Client, e.ID)
	})
}

// findsEncounters lists and filters encounters, of which there is one.
func (c *clinic) findsEncounters(v visited, patient *client.Client, encounter string) {
	c.t.Helper()
	ctx, t := c.t.Context(), c.t
	for want, queries := range map[int][]client.EncounterQuery{
		1: {
			{},
			{PatientID: v.appointment.PatientID, PractitionerID: v.id},
			{StartDate: monday.Date, EndDate: monday.Date, EncounterType: "follow_up"},
		},
		0: {
			{EncounterType: "initial_assessment"},
			{StartDate: "2027-03-16"},
			{EndDate: "2027-03-14"},
		},
	} {
		for _, q := range queries {
			for who, by := range map[string]*client.Client{"the practitioner": v.practitioner.Client, "the patient": patient} {
				list := all(t, by.Encounters(q).All(ctx))
				if len(list) != want || want == 1 && (list[0].ID != encounter || string(list[0].ClinicalData) != `{"complaint":"the other knee"}`) {
					t.Errorf("%s finds %+v by %+v, want %d", who, list, q, want)
				}
			}
		}
	}
	_, err := patient.Encounters(client.EncounterQuery{StartDate: "2027-03-16", EndDate: "2027-03-15"}).Page(ctx, client.PageRequest{})
	code(t, err, 422, "invalid-date-range")
}

// TestTourOfEmergencies opens the record of a patient who is somebody else's, and
// finds it closed again half an hour later.
func TestTourOfEmergencies(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ann, admin, auditor := c.user("patient", newYork), c.user("admin", newYork), c.user("auditor", "UTC")
		v := c.visit(ann.Client)
		e := must(v.practitioner.Document(ctx, v.note(`{"allergy":"penicillin"}`)))(t)
		helper, helperID := c.practitioner(newYork)

		_, err := helper.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")
		_, err = helper.OpenInEmergency(wrong(ctx), ann.ID, " ")
		code(t, err, 422, "invalid-request")
		_, err = helper.OpenInEmergency(ctx, helper.ID, "who is this")
		code(t, err, 404, "patient-not-found")
		_, err = v.practitioner.OpenInEmergency(ctx, ann.ID, "curious")
		code(t, err, 409, "already-in-care")
		_, err = admin.OpenInEmergency(ctx, ann.ID, "curious")
		code(t, err, 403, "forbidden")
		opened := must(helper.OpenInEmergency(ctx, ann.ID, "Unconscious in the waiting room."))(t)
		if opened.PatientID != ann.ID || opened.PractitionerID != helperID || opened.UserID != helper.ID ||
			!opened.OpenedAt.Equal(v.now) || !opened.ExpiresAt.Equal(v.now.Add(30*time.Minute)) {
			t.Errorf("opened: %+v", opened)
		}
		seen := must(helper.Encounter(ctx, e.ID))(t)
		if string(seen.ClinicalData) != `{"allergy":"penicillin"}` {
			t.Errorf("the helper reads %s", seen.ClinicalData)
		}

		var mail client.Message
		eventually(t, "the auditor is told", func() bool {
			for _, m := range all(t, admin.Outbox().All(ctx)) {
				if m.Kind == "emergency-access" && m.UserID == auditor.ID {
					mail = must(admin.Message(ctx, m.ID))(t)
				}
			}
			return mail.ID != ""
		})
		if mail.Subject != "A patient's record was opened in an emergency" || strings.Contains(mail.Text, "Unconscious") || strings.Contains(mail.Text, "The patient") {
			t.Errorf("the message is %+v, want one that names nobody and no reason", mail)
		}
		_, err = admin.EmergencyAccesses().Page(ctx, client.PageRequest{})
		code(t, err, 403, "forbidden")
		if list := all(t, auditor.EmergencyAccesses().All(ctx)); len(list) != 1 || list[0].ID != opened.ID || list[0].Reason != "Unconscious in the waiting room." {
			t.Errorf("the auditor finds %+v, want what was opened, and why", list)
		}

		c.setTime(opened.ExpiresAt.Add(-time.Microsecond))
		must(helper.Encounter(ctx, e.ID))(t)
		c.setTime(opened.ExpiresAt)
		_, err = helper.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")

		looks := all(t, auditor.EncounterEvents(client.EncounterAuditQuery{AuditQuery: client.AuditQuery{ActorID: helper.ID}}).All(ctx))
		outcomes := map[string]int{}
		for _, l := range looks {
			if l.ResourceID != e.ID || l.Action != "encounter.read" || len(l.PatientIDs) != 1 || l.PatientIDs[0] != ann.ID {
				t.Errorf("a look at the encounter: %+v", l)
			}
			outcomes[l.Outcome+" "+l.Purpose] += l.Count
		}
		if outcomes["success emergency"] != 2 || outcomes["denied treatment"] != 2 || len(outcomes) != 2 {
			t.Errorf("the looks of the helper: %v, want two in the emergency, and those before and after it refused", outcomes)
		}
		for _, d := range all(t, ann.Disclosures(ann.ID).All(ctx)) {
			if d.PractitionerID == helperID && d.Purpose != "emergency" {
				t.Errorf("ann is told of %+v, want the purpose emergency", d)
			}
		}
	})
}
