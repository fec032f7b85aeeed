package encounters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestWhoMayDocumentWhom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.user("dora", auth.Patient, "UTC")
		c.open(c.brown, c.ann)
		text := func(as auth.Actor) string { return as.UserID.String() }
		tests := []struct {
			name    string
			by      auth.Actor
			patient string
			want    error
			told    string
			care    string // of grey with ann and cleo, of brown with ann, after it
		}{
			{"in care", c.grey, text(c.ann), nil, "practitioner encounter.create success treatment new x1 [ann]", "assigned|assigned ended|"},
			{"never in care", c.grey, text(c.bob), directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 [bob]", "assigned|assigned ended|"},
			{"care has ended", c.grey, text(c.cleo), directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 [cleo]", "assigned|assigned ended|"},
			{"erased", c.grey, text(c.eve), directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 [eve]", "assigned|assigned ended|"},
			{"nobody's id", c.grey, text(nobody), directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 [?]", "assigned|assigned ended|"},
			{"no id", c.grey, "x", directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 []", "assigned|assigned ended|"},
			{"not a patient", c.grey, text(c.brown), directory.ErrPatientNotFound, "practitioner encounter.create denied treatment  x1 [brown]", "assigned|assigned ended|"},
			{"the patient", c.ann, text(c.ann), auth.ErrForbidden, "patient encounter.create denied patient-request  x1 []", "assigned|assigned ended|"},
			{"an admin", c.admin, text(c.ann), auth.ErrForbidden, "admin encounter.create denied operations  x1 []", "assigned|assigned ended|"},
			{"an auditor", c.auditor, text(c.ann), auth.ErrForbidden, "auditor encounter.create denied oversight  x1 []", "assigned|assigned ended|"},
			{"nobody", auth.Actor{}, text(c.ann), auth.ErrForbidden, " encounter.create denied   x1 []", "assigned|assigned ended|"},
			{"in an emergency, which begins care", c.brown, text(c.ann), nil, "practitioner encounter.create success emergency new x1 [ann]", "assigned|assigned ended|encounter"},
			{"in care since", c.brown, text(c.ann), nil, "practitioner encounter.create success treatment new x1 [ann]", "assigned|assigned ended|encounter"},
		}
		for _, tt := range tests {
			from := c.mark()
			n := c.visit(c.ann, `{"pain":3}`)
			n.Patient = tt.patient
			e, err := c.Create(t.Context(), tt.by, n)
			wantErr(t, tt.name, err, tt.want)
			if err == nil {
				c.name(e.ID.String(), "new")
			}
			c.told(tt.name, from, tt.told)
			if got := c.careOf(c.ann, c.grey) + "|" + c.careOf(c.cleo, c.grey) + "|" + c.careOf(c.ann, c.brown); got != tt.care {
				t.Errorf("%s: care is %q, want %q", tt.name, got, tt.care)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM encounters`); n != 3 {
			t.Errorf("%d encounters, want 3", n)
		}
	})
}

func TestCareThatHasEndedIsNotBegunByAnEmergency(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.open(c.grey, c.cleo)
		c.document(c.grey, "new", c.visit(c.cleo, `{}`))
		if got := c.careOf(c.cleo, c.grey); got != "assigned ended" {
			t.Errorf("care is %q, want %q", got, "assigned ended")
		}
	})
}

func TestAnEncounterIsWhatWasDocumented(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		n := c.visit(c.ann, `{"pain": 3, "Namen": "Müller"}`)
		n.Type, n.Shared, n.Date = encounters.TreatmentSession, true, date(t, "2027-02-28")
		made := c.document(c.grey, "new", n)
		read, err := c.Encounter(t.Context(), c.grey, made.ID.String())
		if err != nil {
			t.Fatal(err)
		}
		for what, e := range map[string]encounters.Encounter{"made": made, "read": read} {
			got := fmt.Sprintln(e.Patient() == c.ann.UserID, e.Practitioner == c.grey.PractitionerID, e.CreatedBy == c.grey.UserID, e.Appointment == id.Keyed{},
				e.Date, e.Type, e.Shared, e.Version, e.ETag(), e.CreatedAt.Equal(sqltest.Start), e.UpdatedAt.Equal(sqltest.Start), e.ClinicalData.Reveal())
			want := `true true true true 2027-02-28 treatment_session true 1 "1" true true {"pain": 3, "Namen": "Müller"}` + "\n"
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
	})
}

func TestAnEncounterIsNotOfTomorrowWhereItsPractitionerIs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		at := func(text string) time.Time {
			when, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				t.Fatal(err)
			}
			return when
		}
		tests := []struct {
			name    string
			by      auth.Actor
			patient auth.Actor
			now     string
			date    string
			want    error
		}{
			{"yesterday", c.brown, c.bob, "2027-03-13T14:00:00Z", "2027-03-12", nil},
			{"today", c.brown, c.bob, "2027-03-13T14:00:00Z", "2027-03-13", nil},
			{"before midnight in Kathmandu", c.brown, c.bob, "2027-03-13T18:14:59.999999Z", "2027-03-14", encounters.ErrInvalidEncounter},
			{"midnight in Kathmandu", c.brown, c.bob, "2027-03-13T18:15:00Z", "2027-03-14", nil},
			{"UTC's tomorrow is New York's too", c.grey, c.ann, "2027-03-13T18:15:00Z", "2027-03-14", encounters.ErrInvalidEncounter},
			{"UTC's today is not New York's", c.grey, c.ann, "2027-03-14T00:00:00Z", "2027-03-14", encounters.ErrInvalidEncounter},
			{"before midnight in New York", c.grey, c.ann, "2027-03-14T04:59:59.999999Z", "2027-03-14", encounters.ErrInvalidEncounter},
			{"midnight in New York", c.grey, c.ann, "2027-03-14T05:00:00Z", "2027-03-14", nil},
			{"before midnight in New York's summer", c.grey, c.ann, "2027-03-15T03:59:59.999999Z", "2027-03-15", encounters.ErrInvalidEncounter},
			{"midnight in New York's summer", c.grey, c.ann, "2027-03-15T04:00:00Z", "2027-03-15", nil},
		}
		n := c.visit(c.ann, `{}`)
		n.Date = calendar.Date{}
		_, err := c.Create(t.Context(), c.grey, n)
		wantErr(t, "no day", err, encounters.ErrInvalidEncounter)
		for _, tt := range tests {
			c.clock.Set(at(tt.now))
			old := c.document(tt.by, "old", func() encounters.NewEncounter {
				n := c.visit(tt.patient, `{}`)
				n.Date = date(t, "2027-01-01")
				return n
			}())
			from, n := c.mark(), c.visit(tt.patient, `{}`)
			n.Date = date(t, tt.date)
			_, err := c.Create(t.Context(), tt.by, n)
			wantErr(t, tt.name, err, tt.want)
			_, err = c.Amend(t.Context(), tt.by, old.ID.String(), `"1"`, encounters.Change{Date: new(date(t, tt.date))})
			wantErr(t, tt.name+", amended", err, tt.want)
			if tt.want != nil {
				c.told(tt.name, from)
			}
		}
	})
}

func TestClinicalDataIsAnObjectOfAtMost256KiB(t *testing.T) {
	long := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		old := c.document(c.grey, "old", c.visit(c.ann, `{}`))
		version := 1
		for _, tt := range []struct {
			name, data string
			want       error
		}{
			{"no member", `{}`, nil},
			{"nested", `{"a":{"b":[1,null]}}`, nil},
			{"256 KiB", long(256 << 10), nil},
			{"a byte more", long(256<<10 + 1), encounters.ErrInvalidEncounter},
			{"nothing", ``, encounters.ErrInvalidEncounter},
			{"null", `null`, encounters.ErrInvalidEncounter},
			{"a list", `[{}]`, encounters.ErrInvalidEncounter},
			{"a text", `"{}"`, encounters.ErrInvalidEncounter},
			{"a number", `1`, encounters.ErrInvalidEncounter},
			{"no JSON", `{`, encounters.ErrInvalidEncounter},
			{"two objects", `{}{}`, encounters.ErrInvalidEncounter},
		} {
			from := c.mark()
			e, err := c.Create(t.Context(), c.grey, c.visit(c.ann, tt.data))
			wantErr(t, tt.name, err, tt.want)
			match := fmt.Sprintf(`"%d"`, version)
			_, amending := c.Amend(t.Context(), c.grey, old.ID.String(), "*", encounters.Change{ClinicalData: new(phi.Of(tt.data))})
			wantErr(t, tt.name+", amended with "+match, amending, tt.want)
			if tt.want != nil {
				c.told(tt.name, from)
				if errs.As(err).Fields["clinical_data"] == "" {
					t.Errorf("%s: %v does not name the field", tt.name, errs.As(err).Fields)
				}
				continue
			}
			version++
			read, err := c.Encounter(t.Context(), c.grey, e.ID.String())
			if err != nil || read.ClinicalData.Reveal() != tt.data {
				t.Errorf("%s: read %d bytes, %v, want the %d that were written", tt.name, len(read.ClinicalData.Reveal()), err, len(tt.data))
			}
		}
		n := c.visit(c.ann, `{}`)
		n.Type = "chat"
		_, err := c.Create(t.Context(), c.grey, n)
		wantErr(t, "no type", err, encounters.ErrInvalidEncounter)
		_, err = c.Amend(t.Context(), c.grey, old.ID.String(), "*", encounters.Change{Type: new(encounters.Type(""))})
		wantErr(t, "no type, amended", err, encounters.ErrInvalidEncounter)
	})
}

func TestAnEncounterCompletesItsAppointment(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		visit, late := c.book("visit", c.grey, c.ann, 2), c.book("late", c.grey, c.ann, 8)
		gone, bobs := c.book("gone", c.grey, c.ann, 4), c.book("bobs", c.grey, c.bob, 5)
		browns := c.book("browns", c.brown, c.ann, 6)
		missed := c.book("missed", c.grey, c.ann, 1)
		if _, err := c.scheduling.Cancel(t.Context(), c.admin, gone.ID.String(), scheduling.CancelRequest{Reason: phi.Of("ill")}); err != nil {
			t.Fatal(err)
		}
		c.clock.Set(visit.Start)
		if _, err := c.scheduling.MarkNoShow(t.Context(), c.grey, missed.ID.String()); err != nil {
			t.Fatal(err)
		}
		created := "practitioner encounter.create success treatment new x1 [ann]"
		completed := "practitioner appointment.complete success treatment visit x1 [ann]"
		denied := "practitioner encounter.create denied treatment  x1 [ann]"
		tests := []struct {
			name, appointment string
			want              error
			told              []string
		}{
			{"not begun", late.ID.String(), scheduling.ErrTransition, nil},
			{"cancelled", gone.ID.String(), scheduling.ErrTransition, nil},
			{"not shown up for", missed.ID.String(), scheduling.ErrTransition, nil},
			{"another patient's", bobs.ID.String(), scheduling.ErrAppointmentNotFound, []string{denied}},
			{"another practitioner's", browns.ID.String(), scheduling.ErrAppointmentNotFound, []string{denied}},
			{"nobody's", id.NewKeyed(c.grey.PractitionerID).String(), scheduling.ErrAppointmentNotFound, []string{denied}},
			{"no id", "x", scheduling.ErrAppointmentNotFound, []string{denied}},
			{"at its start", visit.ID.String(), nil, []string{completed, created}},
			{"twice", visit.ID.String(), nil, []string{completed, created}},
		}
		for _, tt := range tests {
			from, before := c.mark(), c.count(`SELECT COUNT(*) FROM encounters`)
			n := c.visit(c.ann, `{}`)
			n.Appointment = tt.appointment
			e, err := c.Create(t.Context(), c.grey, n)
			wantErr(t, tt.name, err, tt.want)
			wantMore := 0
			if tt.want == nil {
				wantMore = 1
				c.name(e.ID.String(), "new")
				if e.Appointment.String() != tt.appointment {
					t.Errorf("%s: the encounter is of %q, want the appointment", tt.name, c.nameOf(e.Appointment.String()))
				}
				_, err := c.Encounter(t.Context(), c.ann, e.ID.String())
				wantErr(t, tt.name+", read by the patient", err, encounters.ErrNotFound)
				if read, err := c.Encounter(t.Context(), c.grey, e.ID.String()); err != nil || read.Appointment != e.Appointment {
					t.Errorf("%s: read with appointment %q, %v, want that of the encounter", tt.name, read.Appointment, err)
				}
				tt.told = append(tt.told, "patient encounter.read denied patient-request new x1 [ann]", "practitioner encounter.read success treatment new x1 [ann]")
			}
			c.told(tt.name, from, tt.told...)
			if got := c.count(`SELECT COUNT(*) FROM encounters`) - before; got != wantMore {
				t.Errorf("%s: %d encounters more, want %d", tt.name, got, wantMore)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM appointments WHERE status = 'completed'`); n != 1 {
			t.Errorf("%d appointments are completed, want 1", n)
		}
	})
}

func TestARepeatedEncounterIsOne(t *testing.T) {
	request := idempotency.Request{
		Caller: "grey", Route: "POST /v1/encounters", Key: "k",
		Encode: func(result any, err error) (idempotency.Answer, error) {
			e, _ := result.(encounters.Encounter)
			return idempotency.Answer{Status: 201, Body: []byte(e.ID.String())}, err
		},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, request := newClinic(t, db), request
		request.Seal = c.ring
		ctx, n := idempotency.With(t.Context(), request), c.visit(c.ann, `{}`)
		first, err := c.Create(ctx, c.grey, n)
		if err != nil {
			t.Fatal(err)
		}
		from := c.mark()
		again, err := c.Create(ctx, c.grey, n)
		var replay *idempotency.Replay
		if !errors.As(err, &replay) || string(replay.Answer.Body) != first.ID.String() || again.ID != (id.Keyed{}) {
			t.Errorf("a repeat: %v, %v, want the first answer", again.ID, err)
		}
		c.told("a repeat", from, "practitioner encounter.create success treatment  x1 [ann]")
		c.endCare(c.ann, c.grey)
		from = c.mark()
		_, err = c.Create(ctx, c.grey, n)
		wantErr(t, "a repeat after care ended", err, directory.ErrPatientNotFound)
		c.told("a repeat after care ended", from, "practitioner encounter.create denied treatment  x1 [ann]")
		c.open(c.grey, c.ann)
		from = c.mark()
		_, err = c.Create(ctx, c.grey, n)
		if !errors.As(err, &replay) {
			t.Errorf("a repeat in an emergency: %v, want the first answer", err)
		}
		c.told("a repeat in an emergency", from, "practitioner encounter.create success emergency  x1 [ann]")
		if n := c.count(`SELECT COUNT(*) FROM encounters`); n != 1 {
			t.Errorf("%d encounters, want 1", n)
		}
	})
}

// TestCareThatEndsMeanwhileEndsIt has care end between what is done outside of
// the transaction and the transaction.
func TestCareThatEndsMeanwhileEndsIt(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  string // of idempotency; the second use of one is a repeat
		do   func(ctx context.Context, s *encounters.Service, c *clinic, old encounters.Encounter) error
		want error
	}{
		{"create", "", create, directory.ErrPatientNotFound},
		{"a repeat", "k", create, directory.ErrPatientNotFound},
		{"amend", "", func(ctx context.Context, s *encounters.Service, c *clinic, old encounters.Encounter) error {
			_, err := s.Amend(ctx, c.grey, old.ID.String(), `"1"`, encounters.Change{Shared: new(true)})
			return err
		}, encounters.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				old := c.document(c.grey, "old", c.visit(c.ann, `{}`))
				ctx := t.Context()
				if tt.key != "" {
					ctx = idempotency.With(ctx, idempotency.Request{
						Caller: "grey", Route: "r", Key: tt.key, Seal: c.ring,
						Encode: func(any, error) (idempotency.Answer, error) { return idempotency.Answer{Status: 201}, nil },
					})
					if err := tt.do(ctx, c.Service, c, old); err != nil {
						t.Fatal(err)
					}
				}
				before := c.count(`SELECT COUNT(*) FROM encounter_versions`)
				elsewhere := c.server(&master{Master: c.Masters[0], onUnwrap: func(context.Context) { c.endCare(c.ann, c.grey) }})
				wantErr(t, tt.name, tt.do(ctx, elsewhere, c, old), tt.want)
				if n := c.count(`SELECT COUNT(*) FROM encounter_versions`); n != before {
					t.Errorf("%d versions, want %d", n, before)
				}
			})
		})
	}
}

func create(ctx context.Context, s *encounters.Service, c *clinic, _ encounters.Encounter) error {
	_, err := s.Create(ctx, c.grey, c.visit(c.ann, `{}`))
	return err
}
