package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestFactorsNeedAFreshProof asks the service itself, whoever stands before it.
func TestFactorsNeedAFreshProof(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	s := newService(db)
	by := Actor{UserID: addUser(t, db, "ann@example.org", Patient), Role: Patient, Via: ViaSession, CredentialID: uuid.New()}
	by.ProvedAt = db.Now().Add(-freshFor - time.Microsecond)
	change := map[string]func() error{
		"offer":  func() error { _, err := s.OfferFactor(t.Context(), by, TOTP); return err },
		"add":    func() error { _, _, err := s.AddFactor(t.Context(), by, NewFactor{Name: "x"}); return err },
		"remove": func() error { return s.RemoveFactor(t.Context(), by, uuid.NewString()) },
		"renew":  func() error { _, err := s.RenewRecoveryCodes(t.Context(), by); return err },
	}
	for name, try := range change {
		if err := try(); !errors.Is(err, ErrStepUp) {
			t.Errorf("%s with an old proof: %v, want step-up", name, err)
		}
	}
	by.ProvedAt = db.Now()
	for name, want := range map[string]error{"offer": nil, "add": ErrChallenge, "remove": ErrFactorNotFound, "renew": ErrFactorNotFound} {
		if err := change[name](); !errors.Is(err, want) {
			t.Errorf("%s with a fresh proof: %v, want %v", name, err, want)
		}
	}
	if err := s.ResetFactors(t.Context(), by, "ann@example.org"); !errors.Is(err, ErrForbidden) {
		t.Errorf("reset by a user: %v, want forbidden", err)
	}
	if err := s.EndSessionsOf(t.Context(), by, "ann@example.org"); !errors.Is(err, ErrForbidden) {
		t.Errorf("end of sessions by a user: %v, want forbidden", err)
	}
	if err := s.EndSessionsOf(t.Context(), System, "nobody@example.org"); !errors.Is(err, ErrUserNotFound) {
		t.Errorf("end of nobody's sessions: %v, want not found", err)
	}
	if err := s.ResetFactors(t.Context(), System, "nobody@example.org"); !errors.Is(err, ErrUserNotFound) {
		t.Errorf("reset of nobody: %v, want not found", err)
	}
}

// TestAFactorThatGoesDuringStepUp is not made up for by nothing.
func TestAFactorThatGoesDuringStepUp(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	s := newService(db)
	by := Actor{UserID: addUser(t, db, "ann@example.org", Patient), Role: Patient, Via: ViaSession, CredentialID: uuid.New()}
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		const had = true // when the password was not asked for
		return s.stepUp(ctx, tx, by, Proof{}, had)
	})
	if !errors.Is(err, ErrWrongFactor) {
		t.Errorf("step-up with nothing: %v, want a wrong factor", err)
	}
}
