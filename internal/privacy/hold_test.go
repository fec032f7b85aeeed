package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestLegalHoldsArePlacedReadAndLifted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		second := c.user("second", auth.Admin)
		place := func(reason string) func(ctx context.Context, by auth.Actor, patient string) (privacy.LegalHold, error) {
			return func(ctx context.Context, by auth.Actor, patient string) (privacy.LegalHold, error) {
				v := phi.Of(reason)
				if reason == "" {
					v = phi.Value[string]{}
				}
				return c.PlaceHold(ctx, by, patient, v)
			}
		}
		read := c.Hold
		lift := func(ctx context.Context, by auth.Actor, patient string) (privacy.LegalHold, error) {
			return privacy.LegalHold{}, c.LiftHold(ctx, by, patient)
		}
		ann, nobody := c.ann.UserID.String(), id.New().String()
		none := privacy.ErrHoldNotFound
		for _, tt := range []struct {
			name    string
			do      func(ctx context.Context, by auth.Actor, patient string) (privacy.LegalHold, error)
			by      auth.Actor
			patient string
			want    error
			hold    string // reason, since, by whom
			told    string
		}{
			{"none to read", read, c.admin, ann, none, "", "admin legal_hold.read denied operations ann x1 [ann]"},
			{"none to lift", lift, c.admin, ann, none, "", "admin legal_hold.lift denied operations ann x1 [ann]"},
			{"without a reason", place(""), c.admin, ann, privacy.ErrInvalidHold, "", ""},
			{"on nobody", place("x"), c.admin, nobody, directory.ErrPatientNotFound, "", "admin legal_hold.place denied operations ? x1 [?]"},
			{"on no id", place("x"), c.admin, "x", directory.ErrPatientNotFound, "", "admin legal_hold.place denied operations  x1 []"},
			{"on somebody else than a patient", place("x"), c.admin, c.grey.UserID.String(), directory.ErrPatientNotFound, "", "admin legal_hold.place denied operations grey x1 [grey]"},
			{"by the patient", place("x"), c.ann, ann, auth.ErrForbidden, "", "patient legal_hold.place denied patient-request  x1 []"},
			{"by the practitioner", place("x"), c.grey, ann, auth.ErrForbidden, "", "practitioner legal_hold.place denied treatment  x1 []"},
			{"by an auditor", place("x"), c.auditor, ann, auth.ErrForbidden, "", "auditor legal_hold.place denied oversight  x1 []"},
			{"placed", place("court order 12"), c.admin, ann, nil, "court order 12 10h0m0s admin", "admin legal_hold.place success operations ann x1 [ann]"},
			{"read by an admin", read, second, ann, nil, "court order 12 10h0m0s admin", "admin legal_hold.read success operations ann x1 [ann]"},
			{"read by an auditor", read, c.auditor, ann, nil, "court order 12 10h0m0s admin", "auditor legal_hold.read success oversight ann x1 [ann]"},
			{"read by the patient", read, c.ann, ann, auth.ErrForbidden, "", "patient legal_hold.read denied patient-request  x1 []"},
			{"read by the practitioner", read, c.grey, ann, auth.ErrForbidden, "", "practitioner legal_hold.read denied treatment  x1 []"},
			{"read of no id", read, c.admin, "x", none, "", "admin legal_hold.read denied operations  x1 []"},
			{"placed again, by another", place("court order 13"), second, ann, nil, "court order 13 10h0m0s admin", "admin legal_hold.place success operations ann x1 [ann]"},
			{"read again", read, c.admin, ann, nil, "court order 13 10h0m0s admin", "admin legal_hold.read success operations ann x1 [ann]"},
			{"lifted by an auditor", lift, c.auditor, ann, auth.ErrForbidden, "", "auditor legal_hold.lift denied oversight  x1 []"},
			{"lifted by the patient", lift, c.ann, ann, auth.ErrForbidden, "", "patient legal_hold.lift denied patient-request  x1 []"},
			{"lifted of another", lift, c.admin, c.bob.UserID.String(), none, "", "admin legal_hold.lift denied operations bob x1 [bob]"},
			{"lifted of no id", lift, c.admin, "x", none, "", "admin legal_hold.lift denied operations  x1 []"},
			{"read all the same", read, c.admin, ann, nil, "court order 13 10h0m0s admin", "admin legal_hold.read success operations ann x1 [ann]"},
			{"lifted", lift, c.admin, ann, nil, "", "admin legal_hold.lift success operations ann x1 [ann]"},
			{"read after that", read, c.admin, ann, none, "", "admin legal_hold.read denied operations ann x1 [ann]"},
			{"placed anew", place("court order 14"), second, ann, nil, "court order 14 25h0m0s second", "admin legal_hold.place success operations ann x1 [ann]"},
		} {
			c.clock.Advance(time.Hour)
			from := c.mark()
			h, err := tt.do(t.Context(), tt.by, tt.patient)
			wantErr(t, tt.name, err, tt.want)
			got := ""
			if h.Reason.Present() || h.PlacedBy != uuid.Nil {
				got = fmt.Sprintf("%s %s %s", h.Reason.Reveal(), h.Since.Sub(sqltest.Start), c.nameOf(h.PlacedBy.String()))
			}
			if got != tt.hold {
				t.Errorf("%s: hold %q, want %q", tt.name, got, tt.hold)
			}
			var told []string
			if tt.told != "" {
				told = append(told, tt.told)
			}
			c.told(tt.name, from, told...)
		}
	})
}

func TestTheReasonOfAHoldBelongsToItsPatient(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for patient, reason := range map[string]string{c.ann.UserID.String(): "court order 12", c.bob.UserID.String(): "court order 13"} {
			if _, err := c.PlaceHold(t.Context(), c.admin, patient, phi.Of(reason)); err != nil {
				t.Fatal(err)
			}
		}
		var held []uuid.UUID
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			reasons, err := sqldb.All(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
				err = r.Scan(&b)
				return b, err
			}, `SELECT reason FROM legal_holds`)
			if len(reasons) != 2 || bytes.Contains(bytes.Join(reasons, nil), []byte("court")) {
				t.Errorf("%d reasons, in clear: %q", len(reasons), reasons)
			}
			if err != nil {
				return err
			}
			held, err = privacy.Held(ctx, tx, []uuid.UUID{c.grey.UserID, c.bob.UserID})
			return err
		})
		if err != nil || len(held) != 1 || held[0] != c.bob.UserID {
			t.Errorf("Held = %v, %v, want bob alone", held, err)
		}
		c.exec(`UPDATE legal_holds SET reason = (SELECT o.reason FROM legal_holds o WHERE o.patient_id = $1)`, c.bob.UserID)
		h, err := c.Hold(t.Context(), c.admin, c.ann.UserID.String())
		if !errors.Is(err, keyring.ErrSealed) || h.Reason.Reveal() != "" {
			t.Errorf("another's reason: %v, want %v", err, keyring.ErrSealed)
		}
	})
}
