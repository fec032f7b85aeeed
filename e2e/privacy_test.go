package e2e

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/client"
)

// signs waits for a checkpoint that was signed when the clock said what it says
// now, and returns it.
func (c *clinic) signs(auditor *client.Client, now time.Time) (newest client.Checkpoint) {
	c.t.Helper()
	eventually(c.t, "there is a checkpoint of now", func() bool {
		var err error
		if newest, err = auditor.Checkpoint(c.t.Context()); client.Code(err) == "checkpoint-not-found" {
			return false
		} else if err != nil {
			c.t.Fatal(err)
		}
		return newest.SignedAt.Equal(now.Truncate(time.Second))
	})
	return newest
}

// intact fails the test unless "medbook audit verify" finds the trail intact by
// the checkpoints of a file.
func (c *clinic) intact(checkpoints string) {
	c.t.Helper()
	keys := run(c.t, c.t.TempDir(), c.env(), "audit", "key")
	r := run(c.t, c.t.TempDir(), c.env(), "audit", "verify", "--checkpoints", checkpoints, "--key", write(c.t, "keys", keys.stdout))
	if r.status != 0 || !strings.HasPrefix(r.stdout, "intact: ") || strings.Contains(r.stdout, " 0 of them") {
		c.t.Errorf("medbook audit verify: %+v, want that it is intact", r)
	}
}

// TestTourOfTheTrail finds each look at an encounter on the trail, exports it,
// and has it vouched for.
func TestTourOfTheTrail(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ann, admin, auditor := c.user("patient", newYork), c.user("admin", newYork), c.user("auditor", "UTC")
		v := c.visit(ann.Client)
		mina, other := v.practitioner, c.user("practitioner", newYork)
		e := must(mina.Document(ctx, v.note(`{"complaint":"knee"}`)))(t)
		must(mina.Amend(ctx, e.ID, e.ETag, client.EncounterChange{Shared: new(true)}))(t)
		must(mina.Encounter(ctx, e.ID))(t)
		all(t, mina.Encounters(client.EncounterQuery{}).All(ctx))
		all(t, mina.EncounterVersions(e.ID).All(ctx))
		must(ann.Encounter(ctx, e.ID))(t) // one's own is nobody's business
		_, err := other.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")

		found := all(t, auditor.EncounterEvents(client.EncounterAuditQuery{AuditQuery: client.AuditQuery{PatientID: ann.ID}}).All(ctx))
		var got []string
		for _, l := range found {
			if l.ResourceID != e.ID || l.ResourceType != "encounter" || !l.At.Equal(v.now) || l.ActorRole != "practitioner" {
				t.Errorf("on the trail: %+v, want the encounter, now", l)
			}
			who := map[string]string{mina.ID: "mina", other.ID: "other"}[l.ActorID]
			got = append(got, who+" "+l.Action+" "+l.Outcome)
		}
		slices.Sort(got)
		want := []string{
			"mina encounter.amend success", "mina encounter.create success", "mina encounter.list success",
			"mina encounter.read success", "mina encounter.versions success", "other encounter.read denied",
		}
		if !slices.Equal(got, want) {
			t.Errorf("looks at encounters: %q, want %q", got, want)
		}
		ms := v.now.UnixMilli()
		at := func(start, end int64) int {
			return len(all(t, auditor.EncounterEvents(client.EncounterAuditQuery{StartMS: &start, EndMS: &end}).All(ctx)))
		}
		if at(ms, ms) != len(want) || at(0, ms-1) != 0 || at(ms+1, ms+9) != 0 {
			t.Errorf("in that millisecond: %d, before: %d, after: %d, want %d, 0 and 0", at(ms, ms), at(0, ms-1), at(ms+1, ms+9), len(want))
		}

		byID := client.AuditQuery{ResourceID: e.ID, ActorID: mina.ID, From: v.now, To: v.now.Add(time.Microsecond), Outcome: "success"}
		if n := len(all(t, auditor.AuditEvents(byID).All(ctx))); n != 5 {
			t.Errorf("%d records of what mina did with the encounter, want 5", n)
		}
		byID.From, byID.To = byID.To, byID.From
		_, err = auditor.AuditEvents(byID).Page(ctx, client.PageRequest{})
		code(t, err, 422, "invalid-audit-range")
		_, err = admin.AuditEvents(client.AuditQuery{}).Page(ctx, client.PageRequest{})
		code(t, err, 403, "forbidden")
		_, err = admin.ExportAuditEvents(ctx, client.AuditQuery{}, client.CSV)
		code(t, err, 403, "forbidden")
		_, err = admin.Checkpoint(ctx)
		code(t, err, 403, "forbidden")
		if reads := all(t, auditor.AuditEvents(client.AuditQuery{Action: "trail.read", Outcome: "success"}).All(ctx)); len(reads) < 5 || reads[0].ActorID != auditor.ID {
			t.Errorf("that the trail was read: %+v, want it on record", reads)
		}
		c.exports(auditor.Client, client.AuditQuery{PatientID: ann.ID, ResourceType: "encounter"}, found)

		now := v.now.Add(2 * time.Minute)
		c.setTime(now)
		must(mina.Encounter(ctx, e.ID))(t)
		signed := c.signs(auditor.Client, now)
		if signed.Size < int64(len(want)) || len(signed.RootHash) != 32 {
			t.Errorf("the checkpoint is %+v", signed)
		}
		c.intact(write(t, "checkpoint", signed.Note+"\n"))
	})
}

// exports reads what q chooses as lines of JSON and as a table, and compares both
// with what a list has found.
func (c *clinic) exports(auditor *client.Client, q client.AuditQuery, want []client.AuditEvent) {
	c.t.Helper()
	read := func(format string) []byte {
		export := must(auditor.ExportAuditEvents(c.t.Context(), q, format))(c.t)
		defer export.Close()
		return must(io.ReadAll(export))(c.t)
	}
	var ids []string
	for lines := bufio.NewScanner(bytes.NewReader(read(client.NDJSON))); lines.Scan(); {
		var e client.AuditEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			c.t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	table := must(csv.NewReader(bytes.NewReader(read(client.CSV))).ReadAll())(c.t)
	if len(table) != len(want)+1 || len(ids) != len(want) || !slices.Equal(table[0][:3], []string{"seq", "id", "at"}) {
		c.t.Fatalf("exported are %d lines and %d rows, want %d and a header", len(ids), len(table), len(want))
	}
	for i, e := range want {
		if ids[i] != e.ID || table[i+1][1] != e.ID || table[i+1][6] != e.Action || table[i+1][9] != strings.Join(e.PatientIDs, " ") {
			c.t.Errorf("record %d is %s as JSON and %q in the table, want %+v", i, ids[i], table[i+1], e)
		}
	}
}

// TestTourOfPrivacy shows a patient who saw what is theirs, gives it to them, and
// erases it when nothing stands against that any more.
func TestTourOfPrivacy(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		admin := c.firstAdmin()
		c.restartWith("--retain-records", "30")
		ann := c.enrol(admin.Client, "ann@mail.example")
		id := must(ann.Me(ctx))(t).ID
		bob, auditor := c.user("patient", newYork), c.user("auditor", "UTC")
		v := c.visit(ann.Client)
		admin, ann = c.signIn("ruth@clinic.example", passphrase), c.signIn("ann@mail.example", passphrase) // days have passed
		e := must(v.practitioner.Document(ctx, v.note(`{"complaint":"<knee> & \"hip\""}`)))(t)
		second := v.note(`{"complaint":"between us, \u004b\u00f6rper"}`)
		second.AppointmentID = ""
		must(v.practitioner.Document(ctx, second))(t)
		must(v.practitioner.Amend(ctx, e.ID, e.ETag, client.EncounterChange{Shared: new(true)}))(t)

		told := all(t, ann.Disclosures(id).All(ctx))
		if !slices.ContainsFunc(told, func(d client.Disclosure) bool {
			return d.Action == "encounter.amend" && d.PractitionerID == v.id && d.ResourceID == e.ID && d.Role == "practitioner" && d.Purpose == "treatment"
		}) {
			t.Errorf("ann is told of %+v, want that mina amended", told)
		}
		_, err := bob.Disclosures(id).Page(ctx, client.PageRequest{})
		code(t, err, 404, "patient-not-found")
		_, err = v.practitioner.Disclosures(id).Page(ctx, client.PageRequest{})
		code(t, err, 403, "forbidden")
		c.copies(v, ann.Client, id)
		_, err = bob.ExportPatient(ctx, id)
		code(t, err, 404, "patient-not-found")
		_, err = bob.ExportPatientPage(ctx, id)
		code(t, err, 404, "patient-not-found")
		_, err = admin.ExportPatient(ctx, id)
		code(t, err, 403, "forbidden")

		c.holdsAndRetains(admin, v, id)
		now := time.Date(2027, 4, 15, 0, 0, 0, 0, time.UTC)
		c.setTime(now)
		admin, ann = c.signIn("ruth@clinic.example", passphrase), c.signIn("ann@mail.example", passphrase)
		erased := must(admin.ErasePatient(ctx, id, client.IdempotencyKey("one")))(t)
		if erased.PatientID != id || !erased.ErasedAt.Equal(now) {
			t.Errorf("erased: %+v", erased)
		}
		var again client.Answer
		if must(admin.ErasePatient(ctx, id, client.IdempotencyKey("one"), client.Header(&again)))(t); !again.Replayed() {
			t.Error("the repeated request was not answered as the first")
		}
		_, err = admin.ErasePatient(ctx, id)
		code(t, err, 404, "patient-not-found")

		dead(ctx, t, "a session of who is erased", ann.Client)
		_, err = c.with().LogIn(ctx, "ann@mail.example", passphrase)
		code(t, err, 401, "sign-in-failed")
		_, err = v.practitioner.Encounter(ctx, e.ID)
		code(t, err, 404, "encounter-not-found")
		_, err = v.practitioner.ExportPatient(ctx, id)
		code(t, err, 404, "patient-not-found")
		_, err = v.practitioner.OpenInEmergency(ctx, id, "who was it")
		code(t, err, 404, "patient-not-found")
		if kept := all(t, auditor.AuditEvents(client.AuditQuery{PatientID: id, Action: "encounter.create"}).All(ctx)); len(kept) != 2 {
			t.Errorf("the trail has %+v of who is erased, want that both encounters were written", kept)
		}
		c.setTime(now.Add(2 * time.Minute))
		all(t, auditor.EmergencyAccesses().All(ctx))
		c.signs(auditor.Client, now.Add(2*time.Minute))
		c.intact(c.clock + ".checkpoints")
	})
}

// copies exports a patient to the patient and to the practitioner.
func (c *clinic) copies(v visited, ann *client.Client, id string) {
	c.t.Helper()
	ctx, t := c.t.Context(), c.t
	mine := must(ann.ExportPatient(ctx, id))(t)
	if mine.Patient.Name != "Ann Lee" || mine.Patient.Email != "ann@mail.example" || len(mine.Appointments) != 1 || mine.Appointments[0].Reason != "knee" ||
		len(mine.Encounters) != 1 || string(mine.Encounters[0].Encounter.ClinicalData) != `{"complaint":"<knee> & \"hip\""}` || len(mine.Encounters[0].Versions) != 0 ||
		mine.NotShared != 1 || len(mine.Messages) == 0 || len(mine.Disclosures) == 0 || !mine.ExportedAt.Equal(v.now) {
		t.Errorf("ann's copy is %+v", mine)
	}
	whole := must(v.practitioner.ExportPatient(ctx, id))(t)
	if len(whole.Encounters) != 2 || whole.NotShared != 0 || len(whole.Encounters[0].Versions) == 0 {
		t.Errorf("the practitioner's copy is %+v, want all encounters with their versions", whole)
	}
	if page := c.page(v.practitioner.Client, id); !strings.Contains(page, "between us, Körper") {
		t.Error("the practitioner's page lacks what is not shared, in letters")
	}
	page := c.page(ann, id)
	for what, want := range map[string]bool{"Ann Lee": true, "&lt;knee&gt;": true, "<knee>": false, "between us": false, "<script": false} {
		if strings.Contains(page, what) != want {
			t.Errorf("the page has %q: %v, want %v", what, !want, want)
		}
	}
}

// page exports a patient as a page.
func (c *clinic) page(by *client.Client, id string) string {
	c.t.Helper()
	var a client.Answer
	text := must(by.ExportPatientPage(c.t.Context(), id, client.Header(&a)))(c.t)
	defer text.Close()
	page := string(must(io.ReadAll(text))(c.t))
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || a.Header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		c.t.Errorf("the page comes with %v", a.Header)
	}
	return page
}

// holdsAndRetains tries to erase a patient of whom something must be kept.
func (c *clinic) holdsAndRetains(admin session, v visited, id string) {
	c.t.Helper()
	ctx, t := c.t.Context(), c.t
	const court = "Order of the district court, file 12 C 34/27."
	_, err := c.as(c.command("key", "create", "ruth@clinic.example")).ErasePatient(ctx, id)
	code(t, err, 403, "step-up-required")
	_, err = admin.LegalHold(ctx, id)
	code(t, err, 404, "legal-hold-not-found")
	_, err = v.practitioner.PlaceLegalHold(ctx, id, court)
	code(t, err, 403, "forbidden")
	must(admin.PlaceLegalHold(ctx, id, "by telephone"))(t)
	held := must(admin.PlaceLegalHold(ctx, id, court))(t)
	if held.PatientID != id || held.Reason != court || !held.Since.Equal(v.now) || held.PlacedBy != must(admin.Me(ctx))(t).ID {
		t.Errorf("the hold is %+v", held)
	}

	c.setTime(time.Date(2027, 4, 14, 23, 59, 59, 0, time.UTC)) // the last day of 30
	fresh := c.signIn("ruth@clinic.example", passphrase)
	_, err = fresh.ErasePatient(ctx, id)
	code(t, err, 409, "legal-hold")
	if got := must(fresh.LegalHold(ctx, id))(t); got != held {
		t.Errorf("the hold is %+v, want %+v", got, held)
	}
	if err := fresh.LiftLegalHold(ctx, id); err != nil {
		t.Fatal(err)
	}
	code(t, fresh.LiftLegalHold(ctx, id), 404, "legal-hold-not-found")
	_, err = fresh.ErasePatient(ctx, id)
	code(t, err, 409, "retention-running")
}
