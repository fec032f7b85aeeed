package privacy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestWhoErasesWhom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		hired := c.user("hired", auth.Patient) // and works here now
		c.exec(`UPDATE users SET role = $1 WHERE id = $2`, string(auth.Auditor), hired.UserID)
		proved := auth.Actor{UserID: c.admin.UserID, Role: auth.Admin, Via: auth.ViaSession, ProvedAt: c.clock.Now()}
		unproved, stale, all := proved, proved, c.admin
		unproved.ProvedAt, stale.ProvedAt, all.Scopes = time.Time{}, c.clock.Now().Add(-5*time.Minute-time.Microsecond), auth.ScopesOf(auth.All)
		ann, none := c.ann.UserID.String(), directory.ErrPatientNotFound
		for _, tt := range []struct {
			name, patient string
			by            auth.Actor
			want          error
			told          string
		}{
			{"the patient", ann, c.ann, auth.ErrForbidden, "patient patient.erase denied patient-request  x1 []"},
			{"the practitioner", ann, c.grey, auth.ErrForbidden, "practitioner patient.erase denied treatment  x1 []"},
			{"an auditor", ann, c.auditor, auth.ErrForbidden, "auditor patient.erase denied oversight  x1 []"},
			{"an admin without a proof", ann, unproved, auth.ErrStepUp, "admin patient.erase denied operations  x1 []"},
			{"an admin with an old proof", ann, stale, auth.ErrStepUp, "admin patient.erase denied operations  x1 []"},
			{"a key that was not made for it", ann, all, auth.ErrStepUp, "admin patient.erase denied operations  x1 []"},
			{"nobody's id", id.New().String(), c.admin, none, "admin patient.erase denied operations ? x1 [?]"},
			{"no id", "x", c.admin, none, "admin patient.erase denied operations  x1 []"},
			{"no patient", c.grey.UserID.String(), c.admin, none, "admin patient.erase denied operations grey x1 [grey]"},
			{"no patient any more", hired.UserID.String(), c.admin, none, "admin patient.erase denied operations hired x1 [hired]"},
			{"an admin", ann, proved, nil, "admin patient.erase success operations ann x1 [ann]"},
			{"an admin, twice", ann, proved, none, "admin patient.erase denied operations ann x1 [ann]"},
			{"the command line", c.bob.UserID.String(), auth.System, nil, "system patient.erase success operations bob x1 [bob]"},
		} {
			from := c.mark()
			e, err := c.Erase(t.Context(), tt.by, tt.patient)
			wantErr(t, tt.name, err, tt.want)
			if err == nil && (e.Patient.String() != tt.patient || !e.At.Equal(c.clock.Now())) || err != nil && e != (privacy.Erased{}) {
				t.Errorf("%s: %v", tt.name, e)
			}
			c.told(tt.name, from, tt.told)
		}
	})
}

// TestWhatStandsAgainstErasure tries each reason alone and with the others.
func TestWhatStandsAgainstErasure(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.RetainRecords = 10
		c.publish(c.grey)
		for i := range 16 {
			held, kept, booked, waiting := i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0
			name := fmt.Sprintf("held %v, kept %v, booked %v, waiting for a hold %v", held, kept, booked, waiting)
			p := c.user(fmt.Sprint("p", i), auth.Patient)
			var want error
			var a scheduling.Appointment
			if booked {
				a = c.hold(p, slot(c.grey, 2*i+1), true)
				want = scheduling.ErrLiveAppointments
			}
			if waiting {
				c.hold(p, slot(c.grey, 2*i+2), false)
				want = scheduling.ErrLiveAppointments
			}
			if kept {
				c.assign(p, c.grey)
				c.document("visit", c.grey, p, `{}`, false)
				want = privacy.ErrRetained
			}
			if held {
				if _, err := c.PlaceHold(t.Context(), c.admin, p.UserID.String(), phi.Of("x")); err != nil {
					t.Fatal(err)
				}
				want = privacy.ErrLegalHold
			}
			from := c.mark()
			wantErr(t, name, c.erase(p), want)
			if want != nil { // a conflict is no refusal
				c.told(name, from)
			}
			left := c.count(`SELECT COUNT(*) FROM patients WHERE patient_id = $1 AND erased_at IS NULL`, p.UserID)
			if (left == 1) != (want != nil) {
				t.Errorf("%s: %d patients are left", name, left)
			}
			if booked { // what was refused is as it was
				if got, err := c.scheduling.Appointment(t.Context(), c.admin, a.ID.String()); err != nil || got.Reason.Reveal() != "a sore knee" {
					t.Errorf("%s: the appointment's reason is %q, %v", name, got.Reason.Reveal(), err)
				}
			}
		}
	})
}

func TestErasureWaitsForItsDay(t *testing.T) {
	midnight := time.Date(2027, time.March, 24, 0, 0, 0, 0, time.UTC) // after 10 whole days
	for _, tt := range []struct {
		name   string
		retain int
		at     time.Time
		want   error
	}{
		{"the day of the encounter", 10, sqltest.Start, privacy.ErrRetained},
		{"the last microsecond of the tenth day after it", 10, midnight.Add(-time.Microsecond), privacy.ErrRetained},
		{"the eleventh day", 10, midnight, nil},
		{"nothing has to be kept", 0, sqltest.Start, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				c.RetainRecords = tt.retain
				c.clock.Set(sqltest.Start.AddDate(0, 0, -1))
				c.document("older", c.grey, c.ann, `{}`, false)
				c.clock.Set(sqltest.Start)
				c.document("latest", c.grey, c.ann, `{}`, false)
				c.clock.Set(tt.at)
				wantErr(t, tt.name, c.erase(c.ann), tt.want)
			})
		})
	}
}

func TestErasureWaitsForAppointments(t *testing.T) {
	for _, tt := range []struct {
		name    string
		confirm bool
		at      func(a scheduling.Appointment) time.Time
		want    error
	}{
		{"a hold that lives", false, func(a scheduling.Appointment) time.Time { return a.HoldExpiresAt.Add(-time.Microsecond) }, scheduling.ErrLiveAppointments},
		{"a hold that is over", false, func(a scheduling.Appointment) time.Time { return a.HoldExpiresAt }, nil},
		{"an appointment under way", true, func(a scheduling.Appointment) time.Time { return a.End.Add(-time.Microsecond) }, scheduling.ErrLiveAppointments},
		{"an appointment that is over", true, func(a scheduling.Appointment) time.Time { return a.End }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				c.publish(c.grey)
				a := c.hold(c.bob, slot(c.grey, 8), tt.confirm)
				c.clock.Set(tt.at(a))
				wantErr(t, tt.name, c.erase(c.bob), tt.want)
			})
		})
	}
}

// marks are what tells of Mara, each found nowhere else.
var marks = []string{
	"mara", "quincey", "555-0199", "elm road", "1987-06-05", "limping", "rescheduled twice", "glioma", "collapsed", "ward nine", "walkthrough-bio", "osteopath",
}

// mara is a patient of whom every table has something.
func (c *clinic) mara() auth.Actor {
	c.t.Helper()
	ctx := c.t.Context()
	mara := c.create("mara", directory.NewUser{
		Email: phi.Of("Mara.Q@mail.example"), Name: phi.Of("Mara Quincey"), Role: auth.Practitioner, Specialty: "osteopath", Bio: "walkthrough-bio",
		Phone: phi.Of("+1 555-0199"), Address: phi.Of("7 Elm Road"), DateOfBirth: phi.Of("1987-06-05"), TimeZone: "Asia/Kathmandu",
	})
	if _, err := c.directory.ChangeUser(ctx, auth.System, mara.UserID.String(), "*", directory.UserChange{Role: new(auth.Patient)}); err != nil {
		c.t.Fatal(err)
	}
	mara = auth.Actor{UserID: mara.UserID, Role: auth.Patient}
	c.publish(c.grey)
	c.assign(mara, c.grey)
	a, err := c.scheduling.Hold(ctx, c.admin, scheduling.HoldRequest{
		Slot: slot(c.grey, 9), Patient: mara.UserID.String(), Confirm: true, Reason: phi.Of("limping"), Override: phi.Of("ward nine"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.scheduling.Cancel(ctx, c.admin, a.ID.String(), scheduling.CancelRequest{Reason: phi.Of("rescheduled twice")}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.scheduling.JoinWaitlist(ctx, mara, scheduling.WaitRequest{Practitioner: c.grey.PractitionerID.String(), From: sqltest.Start, To: sqltest.Start.Add(time.Hour)}); err != nil {
		c.t.Fatal(err)
	}
	e := c.document("visit", c.grey, mara, `{"finding":"glioma"}`, true)
	if _, err := c.Encounters.Amend(ctx, c.grey, e.ID.String(), "*", encounters.Change{ClinicalData: new(phi.Of(`{"finding":"no glioma"}`))}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.Encounters.OpenInEmergency(ctx, c.brown, mara.UserID.String(), phi.Of("collapsed")); err != nil {
		c.t.Fatal(err)
	}
	c.tell(mara)
	c.signIns(mara)
	return mara
}

// tell has a message written to a user.
func (c *clinic) tell(user auth.Actor) {
	c.t.Helper()
	err := c.DB.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		return auth.Tell(ctx, tx, user.UserID, auth.NoticePassword)
	})
	if err == nil {
		_, err = c.run.RunDue(c.t.Context())
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// signIns gives a user every way to sign in, and every state of it.
func (c *clinic) signIns(user auth.Actor) {
	c.t.Helper()
	c.exec(`INSERT INTO accounts (user_id, password_hash, pending_email) VALUES ($1, 'hash', 'new.mara@mail.example')`, user.UserID)
	c.exec(`INSERT INTO sessions (id, handle, user_id, kind, access_hash, access_expires_at, client_address, user_agent, strong, proved_at, seen_at, created_at, expires_at)
		VALUES ($1, $2, $3, 'tokens', $4, 0, '', '', FALSE, 0, 0, 0, 0)`, id.New(), id.New(), user.UserID, []byte("h"))
	c.exec(`INSERT INTO account_links (hash, user_id, purpose, email, created_at, expires_at) VALUES ($1, $2, 'email', 'new.mara@mail.example', 0, 0)`, []byte("h"), user.UserID)
	c.exec(`INSERT INTO factors (id, user_id, kind, name, sealed, last_step, created_at) VALUES ($1, $2, 'totp', 'Mara''s phone', $3, 0, 0)`, id.New(), user.UserID, []byte("h"))
	c.exec(`INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)`, user.UserID, []byte("h"))
	c.exec(`INSERT INTO identities (issuer, subject, id, user_id, created_at) VALUES ('https://id.example', 'mara', $1, $2, 0)`, id.New(), user.UserID)
	c.exec(`INSERT INTO api_keys (id, user_id, name, secret_hash, created_at, expires_at) VALUES ($1, $2, 'Mara''s calendar', $3, 0, 0)`, id.New(), user.UserID, []byte("h"))
	c.exec(`INSERT INTO idempotency_keys (caller, route, key, body_hash, status, header, body, created_at)
		VALUES ($1, 'POST /v1/appointments', 'k', $2, 201, '{}', $3, 0)`, user.UserID.String(), make([]byte, 32), []byte(`{"name":"Mara Quincey"}`))
}

// dump returns all that is in the database, each value with its table and column,
// in lower case.
func (c *clinic) dump() (all []string) {
	c.t.Helper()
	columns := `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'`
	if c.DB.Engine() == sqldb.SQLite {
		columns = `SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p ON TRUE WHERE m.type = 'table'`
	}
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		all = nil
		places, err := sqldb.All(ctx, tx, func(r sqldb.Row) (p [2]string, err error) {
			err = r.Scan(&p[0], &p[1])
			return p, err
		}, columns)
		for _, p := range places {
			values, err := sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
				var v any
				err := r.Scan(&v)
				if text, ok := v.([]byte); ok {
					v = string(text)
				}
				return strings.ToLower(fmt.Sprintf("%s.%s: %v", p[0], p[1], v)), err
			}, fmt.Sprintf("SELECT %s FROM %s WHERE %s IS NOT NULL", p[1], p[0], p[1]))
			if err != nil {
				return err
			}
			all = append(all, values...)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

func (c *clinic) finds(word string) (where []string) {
	c.t.Helper()
	for _, value := range c.dump() {
		if _, text, _ := strings.Cut(value, ":"); strings.Contains(text, word) {
			where = append(where, value)
		}
	}
	return where
}

func TestNothingThatIdentifiesIsLeftOfAPatient(t *testing.T) {
	sealed := map[string]bool{"glioma": true, "collapsed": true} // never in clear
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		mara := c.mara()
		for _, mark := range marks {
			if where := c.finds(mark); (len(where) == 0) != sealed[mark] {
				t.Errorf("before: %q stands in %q", mark, where)
			}
		}
		others := len(c.finds(c.ann.UserID.String()))
		c.clock.Advance(3 * time.Hour)
		if err := c.erase(mara); err != nil {
			t.Fatal(err)
		}
		for _, mark := range marks {
			if where := c.finds(mark); len(where) != 0 {
				t.Errorf("after: %q stands in %q", mark, where)
			}
		}
		if n := len(c.finds(c.ann.UserID.String())); n != others {
			t.Errorf("another patient is named %d times, want %d as before", n, others)
		}
		for left, want := range map[string]int{
			`sessions WHERE user_id = $1`: 0, `api_keys WHERE user_id = $1`: 0, `factors WHERE user_id = $1`: 0, `recovery_codes WHERE user_id = $1`: 0,
			`identities WHERE user_id = $1`: 0, `account_links WHERE user_id = $1`: 0, `accounts WHERE user_id = $1`: 0, `notifications WHERE user_id = $1`: 0,
			`waitlist WHERE patient_id = $1`: 0, `patient_search WHERE patient_id = $1`: 0, `care_relations WHERE patient_id = $1 AND ended_at IS NULL`: 0,
			`patient_keys WHERE patient_id = $1 AND (wrapped IS NOT NULL OR destroyed_at IS NULL)`:                              0,
			`encounter_versions WHERE patient_id = $1 AND length(sealed) > 0`:                                                   0,
			`emergency_access WHERE patient_id = $1 AND reason IS NOT NULL`:                                                     0,
			`appointments WHERE patient_id = $1`:                                                                                1,
			`encounters WHERE patient_id = $1`:                                                                                  1,
			`encounter_versions WHERE patient_id = $1`:                                                                          2,
			`users WHERE id = $1 AND name = 'Erased' AND email LIKE 'erased-%@erased.invalid'`:                                  1,
			`user_profiles WHERE user_id = $1 AND time_zone = 'UTC' AND phone = '' AND date_of_birth IS NULL`:                   1,
			`patients WHERE patient_id = $1 AND erased_at = ` + fmt.Sprint(c.clock.Now().UnixMicro()):                           1,
			`audit_patients p JOIN audit_events e ON e.id = p.event_id AND action = 'encounter.create' WHERE p.patient_id = $1`: 1,
		} {
			if n := c.count(`SELECT COUNT(*) FROM `+left, mara.UserID); n != want {
				t.Errorf("%s: %d rows, want %d", left, n, want)
			}
		}
		c.tell(mara)
		if n := c.count(`SELECT COUNT(*) FROM notifications WHERE user_id = $1`, mara.UserID); n != 0 {
			t.Errorf("%d messages are written to who was erased, want none", n)
		}
	})
}

func TestAnErasedPatientIsUnknown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		mara := c.mara()
		visit := c.document("visit", c.grey, mara, `{}`, true).ID.String()
		if err := c.erase(mara); err != nil {
			t.Fatal(err)
		}
		who, none := mara.UserID.String(), directory.ErrPatientNotFound
		for name, tt := range map[string]struct {
			do   func(ctx context.Context) error
			want error
		}{
			"a copy":                      {func(ctx context.Context) error { _, err := c.CopyOf(ctx, mara, who); return err }, none},
			"a copy, by the practitioner": {func(ctx context.Context) error { _, err := c.CopyOf(ctx, c.grey, who); return err }, none},
			"an encounter":                {func(ctx context.Context) error { _, err := c.Encounters.Encounter(ctx, c.grey, visit); return err }, encounters.ErrNotFound},
			"an encounter, by who opened the record": {func(ctx context.Context) error {
				_, err := c.Encounters.Encounter(ctx, c.brown, visit)
				return err
			}, encounters.ErrNotFound},
			"an encounter, by the patient": {func(ctx context.Context) error { _, err := c.Encounters.Encounter(ctx, mara, visit); return err }, encounters.ErrNotFound},
			"an amendment": {func(ctx context.Context) error {
				_, err := c.Encounters.Amend(ctx, c.grey, visit, "*", encounters.Change{})
				return err
			}, encounters.ErrNotFound},
			"an emergency": {func(ctx context.Context) error {
				_, err := c.Encounters.OpenInEmergency(ctx, c.brown, who, phi.Of("x"))
				return err
			}, none},
			"a hold": {func(ctx context.Context) error {
				_, err := c.scheduling.Hold(ctx, c.admin, hold(mara, slot(c.grey, 9), true))
				return err
			}, none},
			"a legal hold": {func(ctx context.Context) error { _, err := c.PlaceHold(ctx, c.admin, who, phi.Of("x")); return err }, none},
			"care": {func(ctx context.Context) error {
				return c.directory.Assign(ctx, auth.System, who, c.grey.PractitionerID.String())
			}, none},
			"another name": {func(ctx context.Context) error {
				_, err := c.directory.ChangeUser(ctx, c.admin, who, "*", directory.UserChange{Name: new(phi.Of("Mara"))})
				return err
			}, directory.ErrUserNotFound},
			"their own name": {func(ctx context.Context) error {
				_, err := c.directory.ChangeUser(ctx, mara, who, "*", directory.UserChange{Name: new(phi.Of("Mara"))})
				return err
			}, directory.ErrUserNotFound},
			"a wait": {func(ctx context.Context) error {
				_, err := c.scheduling.JoinWaitlist(ctx, mara, scheduling.WaitRequest{Practitioner: c.grey.PractitionerID.String(), From: sqltest.Start, To: sqltest.Start.Add(time.Hour)})
				return err
			}, none},
		} {
			wantErr(t, name, tt.do(t.Context()), tt.want)
		}
		for name, by := range map[string]auth.Actor{"admin": c.admin, "practitioner": c.grey} {
			p, err := c.directory.Patients(t.Context(), by, page.Request{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range p.Items {
				if one.ID == mara.UserID {
					t.Errorf("%s: the list of patients has who was erased", name)
				}
			}
		}
	})
}

func TestTheTrailStaysWhenAPatientIsErased(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		mara := c.mara()
		k, keys := keeper(t, db)
		verify := func(when string) {
			t.Helper()
			sign(t, k)
			signed, err := os.ReadFile(k.File)
			if err != nil {
				t.Fatal(err)
			}
			r, err := audit.Verify(t.Context(), db, signed, keys)
			if err != nil || r.Verdict != audit.Intact || int(r.Covered) != c.mark() {
				t.Errorf("%s: %+v, %v, want %d records that are intact", when, r, err, c.mark())
			}
		}
		verify("before")
		before := c.trail(0)
		if err := c.erase(mara); err != nil {
			t.Fatal(err)
		}
		verify("after")
		if got := c.trail(0); strings.Join(got[:len(before)], "\n") != strings.Join(before, "\n") || len(got) != len(before)+1 {
			t.Errorf("the trail has %d records, want the %d from before, and the erasure", len(got), len(before))
		}
	})
}
