// Package federationtest is an OpenID provider for tests, of the kind that does
// what it is told: it signs any claims, rotates its keys, breaks down, and
// signs in whom the test names without asking. It also has a list of forged
// tokens, each of which must be refused. A provider that is a product of its
// own is in package provider below this one.
package federationtest

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"medbook/internal/federation"
)

// What the client of an Issuer is called.
const (
	ClientID     = "medbook-client"
	ClientSecret = "medbook+client/secret" // has to be escaped in Basic
	Audience     = "https://medbook.example/api"
)

// Issuer is a provider on the loopback interface, until the test ends. It is
// safe for concurrent use.
type Issuer struct {
	URL string // without trailing slash
	// Attacker is another server, to which forged tokens point for keys. Lured
	// says who came.
	Attacker string

	name string
	now  func() time.Time

	mu      sync.Mutex
	keys    *Keys
	person  Map
	changes Map // to ID tokens
	info    Map
	codes   map[string]url.Values // to the authorization request
	hits    map[string]int
	broken  bool
	lured   []string
	wrap    func(http.Handler) http.Handler
}

// New starts an issuer called name, which is also the prefix of its kids. now
// is the clock by which its tokens are dated.
func New(t testing.TB, name string, now func() time.Time) *Issuer {
	t.Helper()
	i := &Issuer{name: name, now: now, keys: newKeys(t, name), codes: map[string]url.Values{}, hits: map[string]int{}}
	i.person = Map{"sub": name + "-user", "email": "ann@example.org", "email_verified": true, "name": "Ann Example", "roles": []string{"clinic-patient", "unknown"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /jwks", i.jwks)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", i.userinfo)
	server := httptest.NewServer(i.counted(mux))
	t.Cleanup(server.Close)
	i.URL = server.URL
	attacker := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.lured = append(i.lured, r.URL.Path)
		answer(w, i.keys.set())
	}))
	attacker.Config.ErrorLog = log.New(io.Discard, "", 0)
	attacker.Start()
	t.Cleanup(attacker.Close)
	i.Attacker = attacker.URL
	return i
}

// Config returns the configuration of this issuer, with roles clinic-patient,
// clinic-doctor and clinic-staff for patient, practitioner and admin.
func (i *Issuer) Config() federation.Issuer {
	return federation.Issuer{
		Name: i.name, URL: i.URL, ClientID: ClientID, ClientSecret: ClientSecret, Audience: Audience, Provision: true,
		Roles: map[string]string{"clinic-patient": "patient", "clinic-doctor": "practitioner", "clinic-staff": "admin"},
	}
}

// Keys returns those of the moment.
func (i *Issuer) Keys() *Keys {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys
}

// Rotate replaces all keys; the kids of the new ones begin with prefix.
func (i *Issuer) Rotate(t testing.TB, prefix string) {
	t.Helper()
	keys := newKeys(t, prefix)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Break makes every answer a 500, or no longer.
func (i *Issuer) Break(broken bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.broken = broken
}

// Wrap puts a handler around the issuer's.
func (i *Issuer) Wrap(wrap func(http.Handler) http.Handler) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wrap = wrap
}

// SignIn changes who is at the browser: claims of ID tokens and of userinfo.
func (i *Issuer) SignIn(changes Map) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.person = i.person.With(changes)
}

// Spoil changes claims of ID tokens only, such as aud or nonce, from here on.
func (i *Issuer) Spoil(changes Map) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.changes = changes
}

// Tell changes what userinfo says, from here on.
func (i *Issuer) Tell(changes Map) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.info = changes
}

// Hits returns how often a path was asked for.
func (i *Issuer) Hits(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hits[path]
}

// Lured returns the paths of the Attacker that somebody asked for.
func (i *Issuer) Lured() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lured
}

// Claims are those of a good access token: for Audience, from now for five minutes.
func (i *Issuer) Claims(now time.Time) Map {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.person.With(Map{"iss": i.URL, "aud": Audience, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "client_id": "some-client", "jti": "1"})
}

// Mint returns an access token of Claims with changes, signed with alg: RS256,
// PS256, ES256 or EdDSA.
func (i *Issuer) Mint(alg string, now time.Time, changes Map) string {
	keys := i.Keys()
	return keys.Sign(alg, header(keys, alg).text(), i.Claims(now).With(changes).text())
}

// IDToken returns an ID token of the same person, signed with RS256.
func (i *Issuer) IDToken(now time.Time, nonce string, changes Map) string {
	keys := i.Keys()
	claims := i.Claims(now).With(Map{"aud": ClientID, "nonce": nonce, "client_id": nil, "jti": nil, "auth_time": now.Add(-time.Minute).Unix()}).With(changes)
	return keys.Sign("RS256", header(keys, "RS256").With(Map{"typ": "JWT"}).text(), claims.text())
}

func header(k *Keys, alg string) Map { return Map{"alg": alg, "kid": k.KID(alg), "typ": "at+jwt"} }

func (i *Issuer) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.hits[r.URL.Path]++
		broken, handler := i.broken, next
		if i.wrap != nil {
			handler = i.wrap(next)
		}
		i.mu.Unlock()
		if broken {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, Map{
		"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "authorization_endpoint": i.URL + "/authorize",
		"token_endpoint": i.URL + "/token", "userinfo_endpoint": i.URL + "/userinfo",
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported":          []string{"RS256"}, "response_types_supported": []string{"code"},
	})
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) { answer(w, i.Keys().set()) }

// authorize signs in whoever is at the browser and sends them back.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad authorization request", http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	code := "code-" + strconv.Itoa(len(i.codes)+1)
	i.codes[code] = q
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.URL}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token exchanges a code, once, for who proves to have begun.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != ClientID || secret != ClientSecret {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	i.mu.Lock()
	q := i.codes[r.PostFormValue("code")]
	i.codes[r.PostFormValue("code")] = nil
	changes := i.changes
	i.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if q == nil || r.PostFormValue("redirect_uri") != q.Get("redirect_uri") || Encode(string(challenge[:])) != q.Get("code_challenge") {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	const access = "opaque-access-token"
	hash := sha256.Sum256([]byte(access))
	claims := Map{"at_hash": Encode(string(hash[:16]))}
	maps.Copy(claims, changes) // with what they take out
	answer(w, Map{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": i.IDToken(i.now(), q.Get("nonce"), claims)})
}

func (i *Issuer) userinfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer opaque-access-token" {
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	answer(w, i.person.With(i.info))
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Map{"error": code})
}
