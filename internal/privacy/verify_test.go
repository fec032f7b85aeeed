package privacy_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// sign has the head of the trail signed, and the service know the key.
func (c *clinic) sign() {
	c.t.Helper()
	seed := bytes.Repeat([]byte{7}, 32)
	signer, err := audit.NewSigner(seed)
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := audit.VerifierKey(seed)
	if err != nil {
		c.t.Fatal(err)
	}
	c.TrailKeys = []string{key}
	ended, end := context.WithCancel(c.t.Context())
	end()
	if err := (&audit.Keeper{DB: c.DB, Signer: signer}).Run(ended); err != nil {
		c.t.Fatal(err)
	}
}

func TestAuditorsVerifyTheTrail(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for role, by := range c.others() {
			from := c.mark()
			_, err := c.Verify(t.Context(), by)
			wantErr(t, role, err, auth.ErrForbidden)
			c.told(role, from, fmt.Sprintf("%s trail.verify denied %s  x1 []", role, by.Event("", "", "").Purpose))
		}
		if r, err := c.Verify(t.Context(), c.auditor); err != nil || r.Verdict != audit.Incomplete {
			t.Errorf("before anything is signed: %+v, %v, want incomplete", r, err)
		}
		c.sign()
		c.clock.Advance(time.Minute)
		c.sign()
		from := c.mark()
		r, err := c.Verify(t.Context(), c.auditor)
		if err != nil || r.Verdict != audit.Intact || r.Covered == 0 || r.Records < r.Covered {
			t.Errorf("as it was signed: %+v, %v, want intact", r, err)
		}
		c.told("verify", from, "auditor trail.verify success oversight  x1 []")

		end := privacy.Verifying(c.Service)
		_, err = c.Verify(t.Context(), c.auditor)
		wantErr(t, "while somebody else verifies", err, privacy.ErrVerifying)
		end()

		c.exec(`UPDATE audit_events SET outcome = 'success' WHERE outcome = 'denied' AND action = 'trail.verify'`)
		if r, err = c.Verify(t.Context(), c.auditor); err != nil || r.Verdict != audit.Tampered || !strings.Contains(r.Why, "is not what was recorded") {
			t.Errorf("after a record was changed: %+v, %v, want tampered", r, err)
		}
	})
}

func TestVerifyingTellsHowFarItCame(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.sign()
		r, err := privacy.VerifyWithin(t.Context(), c.Service, 0, nil)
		if err != nil || r.Verdict != audit.Incomplete || r.Why != "record 0 and those after it were not read" {
			t.Errorf("without time: %+v, %v, want that nothing was read", r, err)
		}
	})
}
