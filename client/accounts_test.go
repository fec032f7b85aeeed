package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/client"
)

// TestATokenIsShown signs in and goes on with the token.
func TestATokenIsShown(t *testing.T) {
	var shown []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Header.Get("Authorization"), r.Header.Get("X-API-Key"))
		_, _ = w.Write([]byte(`{"access_token": "mba_1", "refresh_token": "mbr_1", "token_type": "Bearer", "expires_in": 600}`))
	}))
	defer server.Close()
	in, err := client.New(server.URL).LogIn(t.Context(), "ann@example.org", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(client.Tokens{AccessToken: "mba_1", RefreshToken: "mbr_1", TokenType: "Bearer", ExpiresIn: 600}, in); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	if err := client.New(server.URL, client.Token(in.AccessToken)).Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", "", "Bearer mba_1", ""}, shown); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

// TestAccountCallsSayWhatTheyAreGiven looks at what each method sends.
func TestAccountCallsSayWhatTheyAreGiven(t *testing.T) {
	var sent string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = r.Method + " " + r.URL.String() + " " + string(body)
		_, _ = w.Write([]byte(`{"id": "x", "key": "mb_text", "items": [], "next_cursor": null}`))
	})
	one := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		want string
		do   func(ctx context.Context) error
	}{
		{`POST /v1/setup {"token":"t","email":"e","name":"n","password":"p","time_zone":"UTC"}`, func(ctx context.Context) error {
			return one(c.SetUp(ctx, "t", client.NewAdmin{Email: "e", Name: "n", Password: "p", TimeZone: "UTC"}))
		}},
		{`POST /v1/setup {"token":"t","email":"e","name":"n","password":"p","clinic":{"name":"c","time_zone":"z"},"practitioner":{"email":"d","name":"m","specialty":"s"}}`, func(ctx context.Context) error {
			return one(c.SetUp(ctx, "t", client.NewAdmin{
				Email: "e", Name: "n", Password: "p", Clinic: &client.NewClinic{Name: "c", TimeZone: "z"},
				Practitioner: &client.FirstPractitioner{Email: "d", Name: "m", Specialty: "s"},
			}))
		}},
		{`POST /v1/auth/register {"email":"e","name":"n","password":"p"}`, func(ctx context.Context) error {
			return one(c.Register(ctx, client.NewPatient{Email: "e", Name: "n", Password: "p"}))
		}},
		{`POST /v1/auth/verify {"password":"p","token":"t"}`, func(ctx context.Context) error { return c.VerifyAddress(ctx, "t", "p") }},
		{`POST /v1/auth/refresh {"refresh_token":"r"}`, func(ctx context.Context) error { return one(c.Refresh(ctx, "r")) }},
		{`POST /v1/auth/logout {"everywhere":true}`, func(ctx context.Context) error { return c.LogOut(ctx, true) }},
		{`POST /v1/auth/password-reset {"email":"e"}`, func(ctx context.Context) error { return c.RequestPasswordReset(ctx, "e") }},
		{`POST /v1/auth/password-reset/confirm {"password":"p","token":"t"}`, func(ctx context.Context) error { return c.ResetPassword(ctx, "t", "p") }},
		{`POST /v1/auth/password {"new_password":"f","password":"p"}`, func(ctx context.Context) error { return c.ChangePassword(ctx, "p", "f") }},
		{`POST /v1/auth/email {"email":"e"}`, func(ctx context.Context) error { return c.ChangeEmail(ctx, "e") }},
		{`POST /v1/auth/email/confirm {"token":"t"}`, func(ctx context.Context) error { return c.ConfirmEmail(ctx, "t") }},
		{`POST /v1/auth/step-up {"password":"p"}`, func(ctx context.Context) error { return c.StepUp(ctx, "p") }},
		{`POST /v1/auth/step-up {"code":"1"}`, func(ctx context.Context) error { return c.Prove(ctx, client.Proof{Code: "1"}) }},
		{`POST /v1/auth/login {"code":"1","email":"e","password":"p"}`, func(ctx context.Context) error { return one(c.LogInWithCode(ctx, "e", "p", "1")) }},
		{`POST /v1/auth/passkey-options `, func(ctx context.Context) error { return one(c.OfferPasskey(ctx)) }},
		{`POST /v1/auth/passkey {"challenge":"c","credential":{"id":"x"}}`, func(ctx context.Context) error { return one(c.LogInWithPasskey(ctx, "c", []byte(`{"id":"x"}`))) }},
		{`POST /v1/auth/factor-options {"kind":"totp"}`, func(ctx context.Context) error { return one(c.OfferFactor(ctx, "totp")) }},
		{`POST /v1/auth/factors {"challenge":"c","name":"n","code":"1"}`, func(ctx context.Context) error {
			return one(c.AddFactor(ctx, client.NewFactor{Challenge: "c", Name: "n", Code: "1"}))
		}},
		{`GET /v1/auth/factors?limit=7 `, func(ctx context.Context) error { return one(c.Factors().Page(ctx, client.PageRequest{Limit: 7})) }},
		{`DELETE /v1/auth/factors/f `, func(ctx context.Context) error { return c.RemoveFactor(ctx, "f") }},
		{`POST /v1/auth/recovery-codes `, func(ctx context.Context) error { return one(c.RenewRecoveryCodes(ctx)) }},
		{`GET /v1/auth/providers?limit=7 `, func(ctx context.Context) error { return one(c.Providers().Page(ctx, client.PageRequest{Limit: 7})) }},
		{`POST /v1/auth/provider-options {"provider":"h"}`, func(ctx context.Context) error { return one(c.LeaveForProvider(ctx, "h")) }},
		{`POST /v1/auth/provider {"challenge":"c","state":"s","code":"1"}`, func(ctx context.Context) error {
			return one(c.LogInFromProvider(ctx, client.Return{Challenge: "c", State: "s", Code: "1"}))
		}},
		{`POST /v1/auth/identity-options {"provider":"h"}`, func(ctx context.Context) error { return one(c.OfferIdentity(ctx, "h")) }},
		{`POST /v1/auth/identities {"challenge":"c","state":"s","code":"1","iss":"i"}`, func(ctx context.Context) error {
			return c.ConnectIdentity(ctx, client.Return{Challenge: "c", State: "s", Code: "1", Iss: "i"})
		}},
		{`GET /v1/auth/identities?limit=7 `, func(ctx context.Context) error { return one(c.Identities().Page(ctx, client.PageRequest{Limit: 7})) }},
		{`DELETE /v1/auth/identities/i `, func(ctx context.Context) error { return c.DisconnectIdentity(ctx, "i") }},
		{`GET /v1/auth/sessions?limit=7 `, func(ctx context.Context) error { return one(c.Sessions().Page(ctx, client.PageRequest{Limit: 7})) }},
		{`DELETE /v1/auth/sessions/s%2F1 `, func(ctx context.Context) error { return c.EndSession(ctx, "s/1") }},
		{`POST /v1/api-keys {"name":"n"}`, func(ctx context.Context) error { return one(c.CreateKey(ctx, client.NewKey{Name: "n"})) }},
		{`POST /v1/api-keys {"name":"n","scopes":["slots:read"],"expires_at":"2027-03-14T01:02:03Z","networks":["::1"]}`, func(ctx context.Context) error {
			return one(c.CreateKey(ctx, client.NewKey{
				Name: "n", Scopes: []string{"slots:read"}, ExpiresAt: time.Date(2027, 3, 14, 1, 2, 3, 0, time.UTC), Networks: []string{"::1"},
			}))
		}},
		{`GET /v1/api-keys?limit=100&user_id=u `, func(ctx context.Context) error {
			return one(c.Keys(client.KeyQuery{UserID: "u"}).Page(ctx, client.PageRequest{}))
		}},
		{`DELETE /v1/api-keys/k `, func(ctx context.Context) error { return c.RevokeKey(ctx, "k") }},
	} {
		if err := tt.do(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		if sent != tt.want {
			t.Errorf("sent %s, want %s", sent, tt.want)
		}
	}
}

func TestAMadeKeyHasItsText(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id": "k", "user_id": "u", "name": "desk", "scopes": ["all"], "networks": [], "last_used_at": null, "key": "mb_text"}`))
	})
	k, err := c.CreateKey(t.Context(), client.NewKey{Name: "desk"})
	want := client.MadeKey{Key: client.Key{ID: "k", UserID: "u", Name: "desk", Scopes: []string{"all"}, Networks: []string{}}, Text: "mb_text"}
	if diff := cmp.Diff(want, k); diff != "" || err != nil {
		t.Errorf("error %v, key (-want +got):\n%s", err, diff)
	}
}
