package federation_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"medbook/internal/federation"
	"medbook/internal/federation/federationtest"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2027, 3, 13, 14, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newService knows the issuer i, after change, and another one.
func newService(t *testing.T, c *clock, change func(*federation.Issuer)) (*federation.Service, *federationtest.Issuer, *federationtest.Issuer) {
	t.Helper()
	i, other := federationtest.New(t, "hospital", c.Now), federationtest.New(t, "other", c.Now)
	config := i.Config()
	if change != nil {
		change(&config)
	}
	return &federation.Service{Issuers: []federation.Issuer{config, other.Config()}, Now: c.Now}, i, other
}

func TestGoodTokensSayWho(t *testing.T) {
	c := newClock()
	s, i, _ := newService(t, c, nil)
	for _, tt := range i.Good(c.Now()) {
		if _, err := s.VerifyAccess(t.Context(), tt.Token); err != nil {
			t.Errorf("%s: %v", tt.Name, err)
		}
	}
	got, err := s.VerifyAccess(t.Context(), i.Mint("ES256", c.Now(), federationtest.Map{
		"roles": []string{"clinic-doctor", "unknown", "clinic-doctor", "clinic-staff"}, "auth_time": c.Now().Add(-time.Hour).Unix(), "scope": "a b",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != "hospital" || got.IssuerURL != i.URL || got.Subject != "hospital-user" || got.Email.Reveal() != "ann@example.org" || !got.EmailVerified ||
		got.Name.Reveal() != "Ann Example" || !slices.Equal(got.Roles, []string{"practitioner", "admin"}) || !got.AuthTime.Equal(c.Now().Add(-time.Hour)) ||
		!got.Scoped || !slices.Equal(got.Scopes, []string{"a", "b"}) {
		t.Errorf("claims: %+v", got)
	}
}

func TestForgedTokensAreAllTheSame(t *testing.T) {
	c := newClock()
	s, i, other := newService(t, c, nil)
	for _, tt := range i.Forged(t, c.Now(), other) {
		if got, err := s.VerifyAccess(t.Context(), tt.Token); !errors.Is(err, federation.ErrToken) || strings.Contains(err.Error(), "ann@") {
			t.Errorf("%s: %+v, %v, want a refusal", tt.Name, got, err)
		}
	}
	if lured := i.Lured(); len(lured) > 0 {
		t.Errorf("the attacker was asked for %q", lured)
	}
	if n := i.Hits("/jwks"); n > 1 {
		t.Errorf("strangers made us ask for keys %d times", n)
	}
}

// TestKeysComeAndGo follows an issuer's keys: new ones are found, old ones
// forgotten, and nobody makes us ask more than once in ten seconds.
func TestKeysComeAndGo(t *testing.T) {
	c := newClock()
	s, i, _ := newService(t, c, nil)
	verify := func(token string) error { _, err := s.VerifyAccess(t.Context(), token); return err }
	mint := func() string { return i.Mint("RS256", c.Now(), nil) }
	if err := verify(mint()); err != nil {
		t.Fatal(err)
	}
	withdrawn := i.Mint("RS256", c.Now(), federationtest.Map{"exp": c.Now().Add(time.Hour).Unix()})
	i.Rotate(t, "next")
	fresh := mint()
	for range 20 {
		if err := verify(fresh); !errors.Is(err, federation.ErrToken) {
			t.Fatalf("a new key within ten seconds: %v, want that it waits", err)
		}
	}
	if n := i.Hits("/jwks"); n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
	if err := verify(withdrawn); err != nil {
		t.Errorf("the old key, until the new ones are known: %v", err)
	}
	c.advance(10 * time.Second)
	if err := verify(mint()); err != nil || i.Hits("/jwks") != 2 {
		t.Errorf("the new key after ten seconds: %v, asked %d times", err, i.Hits("/jwks"))
	}
	if err := verify(withdrawn); !errors.Is(err, federation.ErrToken) {
		t.Errorf("the withdrawn key: %v, want a refusal", err)
	}
	if err := verify(mint()); err != nil || i.Hits("/jwks") != 2 {
		t.Errorf("a known key costs a request: %v, asked %d times", err, i.Hits("/jwks"))
	}
	c.advance(10 * time.Minute)
	if err := verify(mint()); err != nil || i.Hits("/jwks") != 3 {
		t.Errorf("after ten minutes: %v, asked %d times, want that it looks again", err, i.Hits("/jwks"))
	}
}

// TestAnIssuerThatIsDown hurts nobody else's tokens, nor its own for a while.
func TestAnIssuerThatIsDown(t *testing.T) {
	c := newClock()
	s, i, other := newService(t, c, nil)
	verify := func(i *federationtest.Issuer) error {
		_, err := s.VerifyAccess(t.Context(), i.Mint("RS256", c.Now(), nil))
		return err
	}
	i.Break(true)
	if err := verify(i); !errors.Is(err, federation.ErrUnavailable) {
		t.Errorf("never heard of it: %v, want that it is unavailable", err)
	}
	if _, _, err := s.Begin(t.Context(), "hospital", "https://clinic.example/back"); !errors.Is(err, federation.ErrUnavailable) {
		t.Errorf("begin: %v, want that it is unavailable", err)
	}
	if err := verify(other); err != nil {
		t.Errorf("another's token: %v", err)
	}
	i.Break(false)
	if err := verify(i); !errors.Is(err, federation.ErrUnavailable) {
		t.Errorf("at once: %v, want that nobody asks again so soon", err)
	}
	c.advance(10 * time.Second)
	if err := verify(i); err != nil {
		t.Errorf("after ten seconds: %v", err)
	}
	i.Break(true)
	c.advance(59 * time.Minute)
	if err := verify(i); err != nil {
		t.Errorf("known keys within the hour: %v", err)
	}
	c.advance(2 * time.Minute)
	if err := verify(i); !errors.Is(err, federation.ErrUnavailable) {
		t.Errorf("after the hour: %v, want that it is unavailable", err)
	}
}

// TestWhatAnIssuerMayAnswer answers otherwise than an issuer should.
func TestWhatAnIssuerMayAnswer(t *testing.T) {
	elsewhere := federationtest.New(t, "elsewhere", time.Now)
	say := func(path string, answer http.HandlerFunc) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					answer(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(s))
		}
	}
	const discovery = "/.well-known/openid-configuration"
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"garbage for keys": say("/jwks", text("<html>")),
		"no keys member":   say("/jwks", text("{}")),
		"too many keys":    say("/jwks", text(`{"keys":[`+strings.Repeat(`{},`, 100)+`{}]}`)),
		"too much":         say("/jwks", text(`{"keys":[],"x":"`+strings.Repeat("x", 2<<20)+`"}`)),
		"keys at another host": say("/jwks", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/jwks", http.StatusFound)
		}),
		"garbage for discovery": say(discovery, text("{")),
		"another issuer":        say(discovery, text(`{"issuer":"`+elsewhere.URL+`","jwks_uri":"`+elsewhere.URL+`/jwks"}`)),
		"keys over plain HTTP": say(discovery, func(w http.ResponseWriter, r *http.Request) {
			text(`{"issuer":"http://`+r.Host+`","jwks_uri":"http://keys.example/jwks"}`)(w, r)
		}),
		"a discovery that is moved": say(discovery, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+discovery, http.StatusFound)
		}),
		"no authorization endpoint": say(discovery, func(w http.ResponseWriter, r *http.Request) {
			text(`{"issuer":"http://`+r.Host+`","jwks_uri":"http://`+r.Host+`/jwks"}`)(w, r)
		}),
		"an error instead of a page": say(discovery, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }),
	} {
		c := newClock()
		s, i, _ := newService(t, c, nil)
		i.Wrap(wrap)
		if _, err := s.VerifyAccess(t.Context(), i.Mint("RS256", c.Now(), nil)); !errors.Is(err, federation.ErrUnavailable) {
			t.Errorf("%s: %v, want that the issuer is unavailable", name, err)
		}
	}
	if n := elsewhere.Hits("/jwks") + elsewhere.Hits(discovery); n != 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

func TestManyVerifyAtOnce(t *testing.T) {
	c := newClock()
	s, i, _ := newService(t, c, nil)
	token := i.Mint("EdDSA", c.Now(), nil)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := s.VerifyAccess(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := i.Hits("/jwks"); n != 1 {
		t.Errorf("asked for keys %d times, want that they share one answer", n)
	}
}

const back = "https://clinic.example/back"

// signIn runs the code flow, with change made to what comes back.
func signIn(t *testing.T, s *federation.Service, change func(*federation.Flow, url.Values)) (federation.Claims, error) {
	t.Helper()
	flow, to, err := s.Begin(t.Context(), "hospital", back)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	came, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || came.Query().Get("state") != flow.State {
		t.Fatalf("came back to %q", resp.Header.Get("Location"))
	}
	q := came.Query()
	if change != nil {
		change(&flow, q)
	}
	if err := s.CheckIssuer(t.Context(), "hospital", q.Get("iss")); err != nil {
		return federation.Claims{}, err
	}
	return s.Finish(t.Context(), "hospital", back, flow, q.Get("code"))
}

func TestTheCodeFlow(t *testing.T) {
	c := newClock()
	s, i, _ := newService(t, c, nil)
	got, err := signIn(t, s, nil)
	if err != nil || got.Subject != "hospital-user" || got.Email.Reveal() != "ann@example.org" || !slices.Equal(got.Roles, []string{"patient"}) {
		t.Fatalf("%+v, %v", got, err)
	}
	one, _, _ := s.Begin(t.Context(), "hospital", back)
	two, _, _ := s.Begin(t.Context(), "hospital", back)
	if one.State == two.State || one.Nonce == two.Nonce || one.Verifier == two.Verifier || len(one.Verifier) < 43 {
		t.Errorf("two sign-ins share something: %+v, %+v", one, two)
	}
	var used string
	for name, change := range map[string]func(*federation.Flow, url.Values){
		"another nonce":    func(f *federation.Flow, _ url.Values) { f.Nonce = "x" },
		"no nonce":         func(f *federation.Flow, _ url.Values) { f.Nonce = "" },
		"another verifier": func(f *federation.Flow, _ url.Values) { f.Verifier = two.Verifier },
		"no code":          func(_ *federation.Flow, q url.Values) { q.Set("code", "") },
		"a long code":      func(_ *federation.Flow, q url.Values) { q.Set("code", strings.Repeat("x", 5000)) },
		"an unknown code":  func(_ *federation.Flow, q url.Values) { q.Set("code", "x") },
		"another issuer":   func(_ *federation.Flow, q url.Values) { q.Set("iss", "https://evil.example") },
		"no issuer":        func(_ *federation.Flow, q url.Values) { q.Del("iss") },
		"once":             func(_ *federation.Flow, q url.Values) { used = q.Get("code") },
	} {
		if _, err := signIn(t, s, change); !errors.Is(err, federation.ErrToken) != (name == "once") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signIn(t, s, func(_ *federation.Flow, q url.Values) { q.Set("code", used) }); !errors.Is(err, federation.ErrToken) {
		t.Errorf("a code twice: %v, want a refusal", err)
	}
	for name, spoilt := range map[string]federationtest.Map{
		"aud": {"aud": "another"}, "two aud without azp": {"aud": []string{federationtest.ClientID, "another"}}, "azp": {"azp": "another"},
		"iss": {"iss": "https://evil.example"}, "expired": {"exp": c.Now().Unix()}, "at_hash": {"at_hash": "x"}, "sub": {"sub": ""}, "nonce a list": {"nonce": []string{"x"}},
	} {
		i.Spoil(spoilt)
		if _, err := signIn(t, s, nil); !errors.Is(err, federation.ErrToken) {
			t.Errorf("an ID token with a wrong %s: %v, want a refusal", name, err)
		}
	}
	i.Spoil(federationtest.Map{"email": nil})
	i.Tell(federationtest.Map{"email": "new@example.org", "email_verified": false})
	if got, err := signIn(t, s, nil); err != nil || got.Email.Reveal() != "new@example.org" || got.EmailVerified {
		t.Errorf("what userinfo says: %+v, %v", got, err)
	}
	i.Tell(federationtest.Map{"sub": "another"})
	if _, err := signIn(t, s, nil); !errors.Is(err, federation.ErrToken) {
		t.Errorf("userinfo of somebody else: %v, want a refusal", err)
	}
	for _, name := range []string{"nowhere", ""} {
		if _, _, err := s.Begin(t.Context(), name, back); !errors.Is(err, federation.ErrNoProvider) {
			t.Errorf("at %q: %v, want that there is none", name, err)
		}
	}
}

func TestAnIssuerOfTokensOnlySignsNobodyIn(t *testing.T) {
	s, _, _ := newService(t, newClock(), func(i *federation.Issuer) { i.ClientID, i.ClientSecret, i.Provision = "", "", false })
	if _, _, err := s.Begin(t.Context(), "hospital", back); !errors.Is(err, federation.ErrNoProvider) {
		t.Errorf("%v, want that nobody signs in there", err)
	}
}

func TestWhatAConfigurationMayBe(t *testing.T) {
	good := `"name":"hospital","issuer":"https://id.example/","client_id":"medbook","audience":"https://clinic.example/api"`
	for _, tt := range []struct{ text, want string }{
		{`[]`, ""},
		{`[{` + good + `}]`, ""},
		{`[{` + good + `,"roles":{"a":"patient"},"roles_claim":"groups","scopes":["openid"],"algorithms":["ES256"],"access_token_type":"JWT","second_factor":true}]`, ""},
		{`[{"name":"local","issuer":"http://127.0.0.1:8080","audience":"x"}]`, ""},
		{``, "identity providers"},
		{`{}`, "identity providers"},
		{`[{` + good + `,"color":"red"}]`, "color"},
		{`[{` + good + `,"name":"twice"}]`, "name"},
		{`[{` + good + `},{` + good + `}]`, `"name"`},
		{`[{` + good + `},{` + strings.Replace(good, `"hospital"`, `"second"`, 1) + `}]`, `"issuer"`},
		{`[{"name":"Hospital A","issuer":"https://id.example","client_id":"x"}]`, `"name"`},
		{`[{"name":"a","issuer":"https://id.example"}]`, `"client_id"`},
		{`[{"name":"a","issuer":"https://id.example","client_id":"x","audience":"x"}]`, `"audience"`},
		{`[{"name":"a","issuer":"http://id.example","client_id":"x"}]`, `"issuer"`},
		{`[{"name":"a","issuer":"https://u:p@id.example","client_id":"x"}]`, `"issuer"`},
		{`[{"name":"a","issuer":"https://id.example?x=1","client_id":"x"}]`, `"issuer"`},
		{`[{"name":"a","issuer":"https://id.example#x","client_id":"x"}]`, `"issuer"`},
		{`[{` + good + `,"algorithms":["HS256"]}]`, "HS256"},
		{`[{` + good + `,"algorithms":["none"]}]`, "none"},
		{`[{` + good + `,"algorithms":[]}]`, `"algorithms"`},
		{`[{` + good + `,"scopes":["email"]}]`, `"openid"`},
		{`[{` + good + `,"roles":{"":"patient"}}]`, `"roles"`},
		{`[{` + good + `,"access_token_type":"jwt"}]`, `"access_token_type"`},
		{`[{` + good + `,"client_secret_file":"a","client_secret_env":"b"}]`, "client_secret_file"},
		{`[{` + good + `,"client_secret_file":"/nowhere"}]`, "/nowhere"},
		{`[{` + good + `,"client_secret_env":"MEDBOOK_TEST_NOTHING"}]`, "empty"},
		{`[{"name":"a","issuer":"https://id.example","audience":"x","provision":true}]`, `"provision"`},
	} {
		_, err := federation.Load(strings.NewReader(tt.text))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want something about %q", tt.text, err, tt.want)
		}
	}
}

func TestClientSecretsAreReadAndNotShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MEDBOOK_TEST_SECRET", "canary")
	for _, where := range []string{`"client_secret_file":"` + file + `"`, `"client_secret_env":"MEDBOOK_TEST_SECRET"`} {
		all, err := federation.Load(strings.NewReader(`[{"name":"a","issuer":"https://id.example","client_id":"x",` + where + `}]`))
		if err != nil || string(all[0].ClientSecret) != "canary" {
			t.Fatalf("%s: %v", where, err)
		}
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "issuer", all[0], "secret", all[0].ClientSecret)
		asJSON, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		shown := b.String() + string(asJSON) + fmt.Sprintf("%v %+v %#v %s %q %x", all, all, all, all[0].ClientSecret, all[0].ClientSecret, all[0].ClientSecret)
		if strings.Contains(shown, "canary") || strings.Contains(shown, fmt.Sprintf("%x", "canary")) {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
}

// TestWhichKeysCount publishes keys of which only one is good for the token.
func TestWhichKeysCount(t *testing.T) {
	c := newClock()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	another, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(k *rsa.PrivateKey, id, use, alg string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: k.Public(), KeyID: id, Use: use, Algorithm: alg}
	}
	for _, tt := range []struct {
		name string
		set  []jose.JSONWebKey
		key  *rsa.PrivateKey
		kid  any
		want bool
	}{
		{"a good one", []jose.JSONWebKey{jwk(good, "k", "sig", "RS256")}, good, "k", true},
		{"one that does not say what for", []jose.JSONWebKey{jwk(good, "k", "", "")}, good, "k", true},
		{"too short", []jose.JSONWebKey{jwk(weak, "k", "sig", "RS256")}, weak, "k", false},
		{"for encryption", []jose.JSONWebKey{jwk(good, "k", "enc", "")}, good, "k", false},
		{"for another algorithm", []jose.JSONWebKey{jwk(good, "k", "sig", "PS256")}, good, "k", false},
		{"two of one id", []jose.JSONWebKey{jwk(another, "k", "sig", ""), jwk(good, "k", "sig", "")}, good, "k", true},
		{"the only one, for no id", []jose.JSONWebKey{jwk(good, "k", "sig", "")}, good, nil, true},
		{"two, for no id", []jose.JSONWebKey{jwk(another, "a", "sig", ""), jwk(good, "b", "sig", "")}, good, nil, false},
		{"another id", []jose.JSONWebKey{jwk(good, "other", "sig", "")}, good, "k", false},
	} {
		s, i, _ := newService(t, c, nil)
		i.Wrap(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/jwks" {
					next.ServeHTTP(w, r)
					return
				}
				_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: tt.set})
			})
		})
		header, err := json.Marshal(federationtest.Map{"alg": "RS256", "typ": "at+jwt"}.With(federationtest.Map{"kid": tt.kid}))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := json.Marshal(i.Claims(c.Now()))
		if err != nil {
			t.Fatal(err)
		}
		token := (&federationtest.Keys{RSA: tt.key}).Sign("RS256", string(header), string(claims))
		if _, err := s.VerifyAccess(t.Context(), token); (err == nil) != tt.want {
			t.Errorf("%s: %v, want it taken %v", tt.name, err, tt.want)
		}
	}
}
