package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"medbook/client"
	"medbook/internal/federation/federationtest"
	"medbook/internal/sqldb/sqltest"
)

const site = "https://clinic.example" // where the clinic's people believe to be

// TestTourOfFactors adds an app and a passkey, and signs in with both.
func TestTourOfFactors(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ruth := c.firstAdmin()
		c.restartWith("--public-url", site, "--require-factor", "admin")
		_, err := ruth.Me(ctx)
		if err != nil {
			t.Errorf("Ruth reads who she is: %v", err)
		}
		_, err = ruth.Outbox().Page(ctx, client.PageRequest{})
		code(t, err, 403, "factor-missing")

		now := sqltest.Start
		offer := must(ruth.OfferFactor(ctx, "totp"))(t)
		show := func() string { return must(totp.GenerateCode(offer.Secret, now))(t) }
		added := must(ruth.AddFactor(ctx, client.NewFactor{Challenge: offer.Challenge, Name: "phone", Code: show()}))(t)
		if len(added.RecoveryCodes) != 10 {
			t.Errorf("%d recovery codes, want 10", len(added.RecoveryCodes))
		}
		if _, err := ruth.Outbox().Page(ctx, client.PageRequest{}); err != nil {
			t.Errorf("with the factor: %v", err)
		}
		_, err = c.with().LogIn(ctx, "ruth@clinic.example", passphrase)
		code(t, err, 401, "factor-required")
		_, err = c.with().LogInWithCode(ctx, "ruth@clinic.example", passphrase, show()) // it was used
		code(t, err, 401, "factor-refused")
		now = now.Add(10 * time.Minute)
		c.setTime(now)
		in := must(c.with().LogInWithCode(ctx, "ruth@clinic.example", passphrase, show()))(t)
		ruth = session{c.with(client.Token(in.AccessToken)), in}
		c.passkey(ruth)

		now = now.Add(6 * time.Minute)
		c.setTime(now)
		_, err = ruth.RenewRecoveryCodes(ctx)
		code(t, err, 403, "step-up-required")
		code(t, ruth.StepUp(ctx, passphrase), 409, "factor-wrong")
		if err := ruth.Prove(ctx, client.Proof{Code: show()}); err != nil {
			t.Fatal(err)
		}
		codes := must(ruth.RenewRecoveryCodes(ctx))(t)
		must(c.with().LogInWithCode(ctx, "ruth@clinic.example", passphrase, codes[0]))(t)
		for _, f := range all(t, ruth.Factors().All(ctx)) {
			if err := ruth.RemoveFactor(ctx, f.ID); err != nil {
				t.Error(err)
			}
		}
		_, err = ruth.Outbox().Page(ctx, client.PageRequest{})
		code(t, err, 403, "factor-missing")
	})
}

// newPasskey makes the key of a passkey. The library leaves leading zeros of a
// coordinate out, which no authenticator does; such keys are not taken.
func newPasskey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// passkey adds a passkey to a user and signs in with it.
func (c *clinic) passkey(user session) {
	c.t.Helper()
	ctx := c.t.Context()
	me := must(user.Me(ctx))(c.t)
	party := virtualwebauthn.RelyingParty{Name: "Medbook", ID: "clinic.example", Origin: site}
	device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: handle(c.t, me.ID)})
	key := newPasskey()

	offer := must(user.OfferFactor(ctx, "passkey"))(c.t)
	wanted := must(virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + string(offer.PublicKey) + `}`))(c.t)
	made := virtualwebauthn.CreateAttestationResponse(party, device, key, *wanted)
	must(user.AddFactor(ctx, client.NewFactor{Challenge: offer.Challenge, Name: "key", Credential: json.RawMessage(made)}))(c.t)

	offer = must(c.with().OfferPasskey(ctx))(c.t)
	ask := must(virtualwebauthn.ParseAssertionOptions(`{"publicKey":` + string(offer.PublicKey) + `}`))(c.t)
	answer := virtualwebauthn.CreateAssertionResponse(party, device, key, *ask)
	in := must(c.with().LogInWithPasskey(ctx, offer.Challenge, json.RawMessage(answer)))(c.t)
	if got := must(c.with(client.Token(in.AccessToken)).Me(ctx))(c.t); got.ID != me.ID {
		c.t.Errorf("signed in as %s, want %s", got.ID, me.ID)
	}
	_, err := c.with().LogInWithPasskey(ctx, offer.Challenge, json.RawMessage(answer))
	code(c.t, err, 422, "challenge-invalid")
}

// TestTourOfIdentities signs people in at an identity provider that the server
// was told of in a file.
func TestTourOfIdentities(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ruth := c.firstAdmin()
		hospital := federationtest.New(t, "hospital", func() time.Time { return sqltest.Start })
		c.restartWith("--public-url", site, "--identity-providers", providersFile(t, hospital))
		if list := all(t, c.with().Providers().All(ctx)); len(list) != 1 || list[0].Name != "hospital" {
			t.Fatalf("providers: %+v", list)
		}
		hospital.SignIn(federationtest.Map{"sub": "ruth", "roles": []string{"clinic-staff"}})
		_, err := c.with().LogInFromProvider(ctx, visit(t, must(c.with().LeaveForProvider(ctx, "hospital"))(t)))
		code(t, err, 401, "identity-refused")
		if err := ruth.ConnectIdentity(ctx, visit(t, must(ruth.OfferIdentity(ctx, "hospital"))(t))); err != nil {
			t.Fatal(err)
		}
		in := must(c.with().LogInFromProvider(ctx, visit(t, must(c.with().LeaveForProvider(ctx, "hospital"))(t))))(t)
		me := must(ruth.Me(ctx))(t)
		for _, token := range []string{in.AccessToken, hospital.Mint("RS256", sqltest.Start, nil)} {
			if got := must(c.with(client.Token(token)).Me(ctx))(t); got.ID != me.ID {
				t.Errorf("is %s, want Ruth", got.ID)
			}
		}
		bearer := c.with(client.Token(hospital.Mint("ES256", sqltest.Start, nil)))
		connections := all(t, ruth.Identities().All(ctx))
		if len(connections) != 1 || connections[0].Provider != "hospital" {
			t.Fatalf("connections: %+v", connections)
		}
		if err := ruth.DisconnectIdentity(ctx, connections[0].ID); err != nil {
			t.Fatal(err)
		}
		dead(ctx, t, "a token of who is not connected", bearer)
	})
}

// providersFile writes the file that --identity-providers takes, with the secret
// in a file of its own.
func providersFile(t *testing.T, i *federationtest.Issuer) string {
	t.Helper()
	folder := t.TempDir()
	secret := filepath.Join(folder, "secret")
	config := i.Config()
	config.ClientSecretFile, config.Provision = secret, false
	text, err := json.Marshal([]any{config})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "providers.json")
	for name, content := range map[string]string{secret: federationtest.ClientSecret + "\n", file: string(text)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// visit goes where a departure leads, and returns what a browser comes back with.
func visit(t *testing.T, d client.Departure) client.Return {
	t.Helper()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Scheme+"://"+back.Host+back.Path != site+"/account/sign-in" {
		t.Fatalf("came back to %q", resp.Header.Get("Location"))
	}
	q := back.Query()
	return client.Return{Challenge: d.Challenge, State: q.Get("state"), Code: q.Get("code"), Iss: q.Get("iss")}
}

// handle is the user as an authenticator knows them.
func handle(t *testing.T, user string) []byte {
	t.Helper()
	id, err := uuid.Parse(user)
	if err != nil {
		t.Fatal(err)
	}
	return id[:]
}
