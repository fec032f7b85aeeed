package encounters_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// records is a clinic with documented visits: of Ann a1, which is shared, and a2
// by Grey, of Bob b1, which is shared, by Brown, and of Cleo c1 by Grey.
type records struct {
	*clinic
	a1, a2, b1, c1 encounters.Encounter
}

func newRecords(t *testing.T, db *sqldb.DB) *records {
	t.Helper()
	r := &records{clinic: newClinic(t, db)}
	dated := func(patient auth.Actor, day string, kind encounters.Type, shared bool) encounters.NewEncounter {
		n := r.visit(patient, `{"data":"`+day+`"}`)
		n.Date, n.Type, n.Shared = date(t, day), kind, shared
		return n
	}
	r.a1 = r.document(r.grey, "a1", dated(r.ann, "2027-03-01", encounters.InitialAssessment, true))
	r.a2 = r.document(r.grey, "a2", dated(r.ann, "2027-03-05", encounters.FollowUp, false))
	r.b1 = r.document(r.brown, "b1", dated(r.bob, "2027-03-03", encounters.FollowUp, true))
	r.assign(r.cleo, r.grey)
	r.c1 = r.document(r.grey, "c1", dated(r.cleo, "2027-03-02", encounters.TreatmentSession, false))
	r.endCare(r.cleo, r.grey)
	return r
}

func TestWhoReadsAnEncounter(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		none := encounters.ErrNotFound
		read := func() {
			t.Helper()
			for _, tt := range []struct {
				name      string
				by        auth.Actor
				encounter string
				want      error
				told      string
			}{
				{"in care", r.grey, r.a2.ID.String(), nil, "practitioner encounter.read success treatment a2 x1 [ann]"},
				{"never in care", r.brown, r.a1.ID.String(), none, "practitioner encounter.read denied treatment a1 x1 [ann]"},
				{"care has ended, of one's own", r.grey, r.c1.ID.String(), none, "practitioner encounter.read denied treatment c1 x1 [cleo]"},
				{"the patient, shared", r.ann, r.a1.ID.String(), nil, ""},
				{"the patient, not shared", r.ann, r.a2.ID.String(), none, "patient encounter.read denied patient-request a2 x1 [ann]"},
				{"another patient, shared", r.bob, r.a1.ID.String(), none, "patient encounter.read denied patient-request a1 x1 [ann]"},
				{"an admin", r.admin, r.a1.ID.String(), auth.ErrForbidden, "admin encounter.read denied operations  x1 []"},
				{"an auditor", r.auditor, r.a1.ID.String(), auth.ErrForbidden, "auditor encounter.read denied oversight  x1 []"},
				{"the command line", auth.System, r.a1.ID.String(), auth.ErrForbidden, "system encounter.read denied operations  x1 []"},
				{"nobody", auth.Actor{}, r.a1.ID.String(), auth.ErrForbidden, " encounter.read denied   x1 []"},
				{"no such encounter", r.grey, id.NewKeyed(r.ann.UserID).String(), none, "practitioner encounter.read denied treatment ? x1 [ann]"},
				{"another patient's encounter under this one", r.grey, id.Keyed{Lead: r.ann.UserID, ID: r.b1.ID.ID}.String(), none, "practitioner encounter.read denied treatment ? x1 [ann]"},
				{"no id", r.grey, "x", none, "practitioner encounter.read denied treatment  x1 []"},
			} {
				from := r.mark()
				e, err := r.Encounter(t.Context(), tt.by, tt.encounter)
				wantErr(t, tt.name, err, tt.want)
				if got := e.ClinicalData.Present(); got != (tt.want == nil) || got && e.ID.String() != tt.encounter {
					t.Errorf("%s: read %s, with data: %v", tt.name, r.nameOf(e.ID.String()), got)
				}
				var told []string
				if tt.told != "" {
					told = append(told, tt.told)
				}
				r.told(tt.name, from, told...)
			}
		}
		read()
	})
}

// names are those of the encounters of a list, in its order.
func (c *clinic) list(by auth.Actor, f encounters.Filter, req page.Request) (names []string, p page.Of[encounters.Encounter], err error) {
	c.t.Helper()
	p, err = c.Encounters(c.t.Context(), by, f, req)
	for _, e := range p.Items {
		names = append(names, c.nameOf(e.ID.String()))
		if !e.ClinicalData.Present() {
			c.t.Errorf("%s came without its data", c.nameOf(e.ID.String()))
		}
	}
	return names, p, err
}

func TestFiltersOfEncountersAndTogether(t *testing.T) {
	type filter = encounters.Filter
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		r.assign(r.bob, r.grey)
		ann, bob, grey, brown := r.ann.UserID.String(), r.bob.UserID.String(), r.grey.PractitionerID.String(), r.brown.PractitionerID.String()
		tests := []struct {
			name string
			by   auth.Actor
			f    filter
			want string
			err  error
			told string // of a refusal
		}{
			{"all of one's patients, the newest first", r.grey, filter{}, "a2 b1 a1", nil, ""},
			{"of a patient", r.grey, filter{Patient: ann}, "a2 a1", nil, ""},
			{"of a practitioner", r.grey, filter{Practitioner: brown}, "b1", nil, ""},
			{"of a patient and a practitioner", r.grey, filter{Patient: ann, Practitioner: brown}, "", nil, ""},
			{"of a practitioner who is none", r.grey, filter{Practitioner: "x"}, "", nil, ""},
			{"of a type", r.grey, filter{Type: encounters.FollowUp}, "a2 b1", nil, ""},
			{"of a type and a patient", r.grey, filter{Type: encounters.FollowUp, Patient: bob}, "b1", nil, ""},
			{"from a day on, it included", r.grey, filter{From: date(t, "2027-03-03")}, "a2 b1", nil, ""},
			{"from the day after", r.grey, filter{From: date(t, "2027-03-04")}, "a2", nil, ""},
			{"until a day, it included", r.grey, filter{To: date(t, "2027-03-03")}, "b1 a1", nil, ""},
			{"until the day before", r.grey, filter{To: date(t, "2027-03-02")}, "a1", nil, ""},
			{"one day", r.grey, filter{From: date(t, "2027-03-03"), To: date(t, "2027-03-03")}, "b1", nil, ""},
			{"everything at once", r.grey, filter{ann, grey, date(t, "2027-03-05"), date(t, "2027-03-05"), encounters.FollowUp}, "a2", nil, ""},
			{"everything at once, one wrong", r.grey, filter{ann, grey, date(t, "2027-03-05"), date(t, "2027-03-05"), encounters.InitialAssessment}, "", nil, ""},
			{"inverted", r.grey, filter{From: date(t, "2027-03-04"), To: date(t, "2027-03-03")}, "", encounters.ErrInvalidRange, ""},
			{"of a patient whose care has ended", r.grey, filter{Patient: r.cleo.UserID.String()}, "", directory.ErrPatientNotFound, "practitioner encounter.list denied treatment  x1 [cleo]"},
			{"of nobody", r.grey, filter{Patient: nobody.UserID.String()}, "", directory.ErrPatientNotFound, "practitioner encounter.list denied treatment  x1 [?]"},
			{"of an erased patient", r.grey, filter{Patient: r.eve.UserID.String()}, "", directory.ErrPatientNotFound, "practitioner encounter.list denied treatment  x1 [eve]"},
			{"of no id", r.grey, filter{Patient: "x"}, "", directory.ErrPatientNotFound, "practitioner encounter.list denied treatment  x1 []"},
			{"a practitioner's own patients only", r.brown, filter{}, "b1", nil, ""},
			{"a patient's shared ones", r.ann, filter{}, "a1", nil, ""},
			{"a patient's own, by name", r.ann, filter{Patient: ann}, "a1", nil, ""},
			{"another patient's", r.ann, filter{Patient: bob}, "", directory.ErrPatientNotFound, "patient encounter.list denied patient-request  x1 []"},
			{"nothing shared", r.cleo, filter{}, "", nil, ""},
			{"an admin", r.admin, filter{}, "", auth.ErrForbidden, "admin encounter.list denied operations  x1 []"},
			{"an auditor", r.auditor, filter{}, "", auth.ErrForbidden, "auditor encounter.list denied oversight  x1 []"},
		}
		for _, tt := range tests {
			from := r.mark()
			names, p, err := r.list(tt.by, tt.f, page.Request{Limit: 10, Count: true})
			wantErr(t, tt.name, err, tt.err)
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("%s: listed %q, want %q", tt.name, got, tt.want)
			}
			if err == nil && (*p.Total != len(names) || p.Next != "" || p.Items == nil) {
				t.Errorf("%s: %d of %d, next %q, want all on a page", tt.name, len(names), *p.Total, p.Next)
			}
			var told []string
			if tt.told != "" {
				told = append(told, tt.told)
			}
			for _, name := range names {
				if tt.by.Is(auth.Practitioner) {
					told = append(told, fmt.Sprintf("practitioner encounter.list success treatment %s x1 [%s]", name, map[byte]string{'a': "ann", 'b': "bob"}[name[0]]))
				}
			}
			r.told(tt.name, from, told...)
		}
		for _, cursor := range []string{"x", "2027-03-01", "2027-03-01.x", "." + r.a1.ID.String(), "1.2"} {
			_, _, err := r.list(r.grey, filter{}, page.Request{Limit: 1, After: cursor})
			wantErr(t, cursor, err, page.ErrCursor)
		}
	})
}

func TestWhatIsSeenInAnEmergencyIsOnRecordAsSuch(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		r.open(r.brown, r.ann)
		look := func(name, want string, told ...string) {
			t.Helper()
			from := r.mark()
			names, _, err := r.list(r.brown, encounters.Filter{}, page.Request{Limit: 10})
			if got := strings.Join(names, " "); got != want || err != nil {
				t.Errorf("%s: listed %q, %v, want %q", name, got, err, want)
			}
			r.told(name, from, told...)
		}
		own := "practitioner encounter.list success treatment b1 x1 [bob]"
		look("open", "a2 b1 a1", own, "practitioner encounter.list success emergency a1 x1 [ann]", "practitioner encounter.list success emergency a2 x1 [ann]")
		from := r.mark()
		if _, err := r.Encounter(t.Context(), r.brown, r.a2.ID.String()); err != nil {
			t.Error(err)
		}
		if _, err := r.Versions(t.Context(), r.brown, r.a2.ID.String(), page.Request{Limit: 1}); err != nil {
			t.Error(err)
		}
		if _, err := r.Amend(t.Context(), r.brown, r.a2.ID.String(), "*", encounters.Change{Shared: new(false)}); err != nil {
			t.Error(err)
		}
		if _, err := r.Encounter(t.Context(), r.brown, r.b1.ID.String()); err != nil {
			t.Error(err)
		}
		r.told("one by one", from,
			"practitioner encounter.read success emergency a2 x1 [ann]", "practitioner encounter.versions success emergency a2 x1 [ann]",
			"practitioner encounter.amend success emergency a2 x1 [ann]", "practitioner encounter.read success treatment b1 x1 [bob]")
		r.clock.Advance(30*time.Minute - time.Microsecond)
		look("a microsecond before its end", "a2 b1 a1", own, "practitioner encounter.list success emergency a1 x1 [ann]", "practitioner encounter.list success emergency a2 x1 [ann]")
		r.clock.Advance(time.Microsecond)
		look("at its end", "b1", own)
		_, err := r.Encounter(t.Context(), r.brown, r.a1.ID.String())
		wantErr(t, "read at its end", err, encounters.ErrNotFound)
		_, err = r.Amend(t.Context(), r.brown, r.a1.ID.String(), "*", encounters.Change{Shared: new(false)})
		wantErr(t, "amend at its end", err, encounters.ErrNotFound)
		_, err = r.Create(t.Context(), r.brown, r.visit(r.ann, `{}`))
		wantErr(t, "create at its end", err, directory.ErrPatientNotFound)
		r.open(r.brown, r.ann)
		r.assign(r.ann, r.brown)
		look("in care, and open", "a2 b1 a1", own, "practitioner encounter.list success treatment a1 x1 [ann]", "practitioner encounter.list success treatment a2 x1 [ann]")
	})
}

// TestPagesOfEncountersAreWhole pages through a list while others are added
// before and after where the reader is.
func TestPagesOfEncountersAreWhole(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.assign(c.bob, c.grey)
		add := func(name string, patient auth.Actor, day string) {
			n := c.visit(patient, `{}`)
			n.Date = date(t, day)
			c.document(c.grey, name, n)
		}
		var want []string
		for i, day := range []string{"2027-03-01", "2027-03-02", "2027-03-02", "2027-03-02", "2027-03-03"} {
			for patient, by := range map[string]auth.Actor{"ann": c.ann, "bob": c.bob} {
				name := fmt.Sprint(patient, i)
				add(name, by, day)
				want = append(want, name)
			}
		}
		for _, limit := range []int{1, 2, 3, 10, 11} {
			var got []string
			req := page.Request{Limit: limit}
			for i := 0; ; i++ {
				names, p, err := c.list(c.grey, encounters.Filter{}, req)
				if err != nil || len(names) > limit {
					t.Fatalf("%d encounters, %v, want at most %d", len(names), err, limit)
				}
				got = append(got, names...)
				if p.Next == "" {
					break
				}
				req.After = p.Next
				add(fmt.Sprint("before", limit, i), c.ann, "2027-03-13")
				add(fmt.Sprint("after", limit, i), c.bob, "2027-02-01")
			}
			if !slices.IsSorted(days(c, got)) {
				t.Errorf("%d a page: the order is %v, want the newest first", limit, got)
			}
			seen := map[string]int{}
			for _, name := range got {
				if seen[name]++; seen[name] > 1 {
					t.Errorf("%d a page: %s came twice", limit, name)
				}
			}
			for _, name := range want {
				if seen[name] != 1 {
					t.Errorf("%d a page: %s came %d times, want once", limit, name, seen[name])
				}
			}
		}
	})
}

// days are how old the encounters with these names are: larger is older.
func days(c *clinic, names []string) []int {
	c.t.Helper()
	p, err := c.Encounters(c.t.Context(), c.grey, encounters.Filter{}, page.Request{Limit: 1000})
	if err != nil {
		c.t.Fatal(err)
	}
	at := map[string]int{}
	for _, e := range p.Items {
		at[c.nameOf(e.ID.String())] = -(int(e.Date.Month)*100 + e.Date.Day)
	}
	list := make([]int, len(names))
	for i, name := range names {
		list[i] = at[name]
	}
	return list
}
