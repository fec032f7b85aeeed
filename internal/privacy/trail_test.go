package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// others are those who have nothing to do with the trail, and what each acts for.
func (c *clinic) others() map[string]auth.Actor {
	return map[string]auth.Actor{"patient": c.ann, "practitioner": c.grey, "admin": c.admin, "system": auth.System, "": {}}
}

func TestReadingTheTrailIsOnRecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.clock.Advance(time.Hour)
		read := func(by auth.Actor, f audit.Filter, req page.Request) (page.Of[audit.Entry], error) {
			return c.Events(t.Context(), by, f, req)
		}
		for role, by := range c.others() {
			from := c.mark()
			p, err := read(by, audit.Filter{}, page.Request{Limit: 10})
			wantErr(t, role, err, auth.ErrForbidden)
			if len(p.Items) != 0 {
				t.Errorf("%s: sees %d records", role, len(p.Items))
			}
			c.told(role, from, fmt.Sprintf("%s trail.read denied %s  x1 []", role, by.Event("", "", "").Purpose))
		}
		now := c.clock.Now()
		for _, tt := range []struct {
			name  string
			f     audit.Filter
			req   page.Request
			items int
			want  error
			told  string
		}{
			{"a page", audit.Filter{}, page.Request{Limit: 3}, 3, nil, "auditor trail.read success oversight  x3 []"},
			{"of a patient", audit.Filter{Patient: c.ann.UserID, Action: "user.create"}, page.Request{Limit: 3}, 1, nil, "auditor trail.read success oversight  x1 [ann]"},
			{"that is empty", audit.Filter{Action: "nothing"}, page.Request{Limit: 3}, 0, nil, "auditor trail.read success oversight  x1 []"},
			{"that is empty, of a patient", audit.Filter{Patient: c.ann.UserID, Action: "nothing"}, page.Request{Limit: 3}, 0, nil, "auditor trail.read success oversight  x1 [ann]"},
			{"of no time", audit.Filter{From: now, To: now}, page.Request{Limit: 3}, 0, nil, "auditor trail.read success oversight  x1 []"},
			{"of time that runs backwards", audit.Filter{From: now, To: now.Add(-time.Microsecond)}, page.Request{Limit: 3}, 0, privacy.ErrInvalidRange, ""},
			{"after nowhere", audit.Filter{}, page.Request{Limit: 3, After: "x"}, 0, page.ErrCursor, ""},
		} {
			from := c.mark()
			p, err := read(c.auditor, tt.f, tt.req)
			wantErr(t, tt.name, err, tt.want)
			if len(p.Items) != tt.items {
				t.Errorf("%s: %d records, want %d", tt.name, len(p.Items), tt.items)
			}
			var told []string
			if tt.told != "" {
				told = append(told, tt.told)
			}
			c.told(tt.name, from, told...)
		}
		c.clock.Advance(time.Second)
		if _, err := read(c.auditor, audit.Filter{}, page.Request{Limit: 1}); err != nil {
			t.Fatal(err)
		}
		p, err := read(c.auditor, audit.Filter{}, page.Request{Limit: 1})
		if err != nil || p.Items[0].Action != "trail.read" || p.Items[0].Actor != c.auditor.UserID {
			t.Errorf("the newest record: %+v, %v, want the look before", p.Items, err)
		}
	})
}

func TestAnExportIsWholeAndOnRecordBeforeItBegins(t *testing.T) {
	const many = 1100
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var events []audit.Event
		for i := range many {
			events = append(events, audit.Event{Action: "test.many", ResourceID: fmt.Sprint(i), Patients: []uuid.UUID{c.ann.UserID}})
		}
		if err := audit.RecordNow(t.Context(), db, events...); err != nil {
			t.Fatal(err)
		}
		f := audit.Filter{Patient: c.ann.UserID, Action: "test.many"}
		exports := func() int { return c.count(`SELECT COUNT(*) FROM audit_events WHERE action = 'trail.export'`) }
		for role, by := range c.others() {
			from := c.mark()
			wantErr(t, role, c.Export(t.Context(), by, f, func([]audit.Entry) error {
				t.Errorf("%s: is handed records", role)
				return nil
			}), auth.ErrForbidden)
			c.told(role, from, fmt.Sprintf("%s trail.export denied %s  x1 [ann]", role, by.Event("", "", "").Purpose))
		}
		before, from, seen := exports(), c.mark(), map[string]int{}
		var sizes []int
		err := c.Export(t.Context(), c.auditor, f, func(some []audit.Entry) error {
			if n := exports() - before; n != 1 {
				t.Errorf("when page %d is handed out, %d records tell of it, want 1", len(sizes), n)
			}
			sizes = append(sizes, len(some))
			for _, e := range some {
				seen[e.ResourceID]++
			}
			return audit.RecordNow(t.Context(), db, audit.Event{Action: "test.many", ResourceID: "late", Patients: []uuid.UUID{c.ann.UserID}})
		})
		if err != nil || len(seen) != many || fmt.Sprint(sizes) != "[500 500 100]" {
			t.Errorf("exported %d of %d records in pages of %v, %v", len(seen), many, sizes, err)
		}
		for resource, n := range seen {
			if n != 1 || resource == "late" {
				t.Errorf("record %s was exported %d times", resource, n)
			}
		}
		if got := c.trail(from)[0]; got != "auditor trail.export success oversight  x1 [ann]" {
			t.Errorf("the export is on record as %q", got)
		}
		broken := errors.New("the line is dead")
		from = c.mark()
		calls := 0
		err = c.Export(t.Context(), c.auditor, audit.Filter{}, func([]audit.Entry) error {
			calls++
			return broken
		})
		if !errors.Is(err, broken) || calls != 1 {
			t.Errorf("an export that breaks off: %d calls, %v, want one and %v", calls, err, broken)
		}
		c.told("an export that breaks off", from, "auditor trail.export success oversight  x1 []")
		from = c.mark()
		wantErr(t, "of time that runs backwards", c.Export(t.Context(), c.auditor, audit.Filter{From: sqltest.Start, To: sqltest.Start.Add(-1)}, nil), privacy.ErrInvalidRange)
		c.told("of time that runs backwards", from)
		from = c.mark()
		if err := c.Export(t.Context(), c.auditor, audit.Filter{Action: "nothing"}, func([]audit.Entry) error { return nil }); err != nil {
			t.Error(err)
		}
		c.told("of nothing", from, "auditor trail.export success oversight  x1 []")
	})
}

// keeper returns a keeper that signs the trail, and the key to verify it.
func keeper(t *testing.T, db *sqldb.DB) (*audit.Keeper, []byte) {
	t.Helper()
	seed := bytes.Repeat([]byte{7}, 32)
	signer, err := audit.NewSigner(seed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.VerifierKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return &audit.Keeper{DB: db, Signer: signer, File: filepath.Join(t.TempDir(), "checkpoints")}, []byte(key)
}

// sign has a keeper do its last turn: place what waits and sign it.
func sign(t *testing.T, k *audit.Keeper) {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := k.Run(ended); err != nil {
		t.Fatal(err)
	}
}

func TestAuditorsReadTheNewestCheckpoint(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		_, err := c.Checkpoint(t.Context(), c.auditor)
		wantErr(t, "none yet", err, audit.ErrNoCheckpoint)
		k, _ := keeper(t, db)
		sign(t, k)
		n := c.mark()
		got, err := c.Checkpoint(t.Context(), c.auditor)
		if err != nil || int(got.Size) != n || got.Note == "" {
			t.Errorf("checkpoint of %d records, %v, want %d", got.Size, err, n)
		}
		for role, by := range c.others() {
			from := c.mark()
			got, err := c.Checkpoint(t.Context(), by)
			wantErr(t, role, err, auth.ErrForbidden)
			if got.Note != "" {
				t.Errorf("%s: sees it", role)
			}
			c.told(role, from, fmt.Sprintf("%s checkpoint.read denied %s  x1 []", role, by.Event("", "", "").Purpose))
		}
	})
}

func TestPatientsSeeWhoElseSawTheirData(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.document("visit", c.grey, c.ann, `{}`, true)
		c.clock.Advance(time.Minute)
		look := func(by auth.Actor, want bool) {
			t.Helper()
			if _, err := c.Encounters.Encounter(t.Context(), by, e.ID.String()); (err == nil) != want {
				t.Fatalf("look of %s: %v", by.Role, err)
			}
			c.clock.Advance(time.Minute)
		}
		look(c.grey, true)
		look(c.ann, true)
		look(c.brown, false)
		look(c.bob, false)
		c.assign(c.bob, c.brown)
		c.document("bobs", c.brown, c.bob, `{}`, false)
		want := []string{
			"grey practitioner encounter.read success treatment visit x1 [ann]", "grey practitioner encounter.create success treatment visit x1 [ann]",
			" system care_relation.assign success operations ? x1 [ann]", " system user.create success operations ann x1 [ann]",
		}
		for _, limit := range []int{1, 3, 4, 10} {
			from := c.mark()
			if got := c.disclosures(c.ann, limit); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%d a page: disclosures %q, want %q", limit, got, want)
			}
			c.told("the patient's own look", from)
		}
		from, looked := c.mark(), "auditor disclosure.list success oversight ann x1 [ann]"
		if got := c.disclosures(c.auditor, 10); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("an auditor: disclosures %q, want %q", got, want)
		}
		c.told("an auditor's look", from, looked)
		if got := c.disclosures(c.ann, 10)[0]; got != " "+looked {
			t.Errorf("the newest disclosure is %q, want the auditor's look", got)
		}
	})
}

// disclosures lists those of Ann, each with the practitioner whom it names.
func (c *clinic) disclosures(by auth.Actor, limit int) (all []string) {
	c.t.Helper()
	names := map[uuid.UUID]string{uuid.Nil: "", c.grey.PractitionerID: "grey"}
	for req := (page.Request{Limit: limit, Count: true}); ; {
		p, err := c.Disclosures(c.t.Context(), by, c.ann.UserID.String(), req)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, d := range p.Items {
			name, ok := names[d.Practitioner]
			if !ok {
				name = "?"
			}
			all = append(all, name+" "+c.line(d.Entry))
		}
		if p.Next == "" {
			if *p.Total != len(all) {
				c.t.Errorf("%d disclosures of %d", len(all), *p.Total)
			}
			return all
		}
		req.After = p.Next
	}
}

func TestWhoSeesDisclosures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		eve := c.user("eve", auth.Patient)
		if err := c.erase(eve); err != nil {
			t.Fatal(err)
		}
		ann := c.ann.UserID.String()
		none := directory.ErrPatientNotFound
		for _, tt := range []struct {
			name, patient string
			by            auth.Actor
			want          error
			told          string
		}{
			{"another patient", ann, c.bob, none, "patient disclosure.list denied patient-request  x1 []"},
			{"the practitioner", ann, c.grey, auth.ErrForbidden, "practitioner disclosure.list denied treatment  x1 []"},
			{"an admin", ann, c.admin, auth.ErrForbidden, "admin disclosure.list denied operations  x1 []"},
			{"an auditor, of nobody", id.New().String(), c.auditor, none, "auditor disclosure.list denied oversight ? x1 [?]"},
			{"an auditor, of no id", "x", c.auditor, none, "auditor disclosure.list denied oversight  x1 []"},
			{"an auditor, of an erased patient", eve.UserID.String(), c.auditor, none, "auditor disclosure.list denied oversight eve x1 [eve]"},
			{"an erased patient", eve.UserID.String(), eve, none, "patient disclosure.list denied patient-request eve x1 [eve]"},
		} {
			from := c.mark()
			p, err := c.Disclosures(t.Context(), tt.by, tt.patient, page.Request{Limit: 10})
			wantErr(t, tt.name, err, tt.want)
			if len(p.Items) != 0 {
				t.Errorf("%s: sees %d", tt.name, len(p.Items))
			}
			c.told(tt.name, from, tt.told)
		}
		from := c.mark()
		_, err := c.Disclosures(t.Context(), c.auditor, ann, page.Request{Limit: 1, After: "x"})
		wantErr(t, "after nowhere", err, page.ErrCursor)
		c.told("after nowhere", from)
	})
}
