package federation

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	// Unlike the standard library's, this decoder tells upper from lower case and
	// refuses names that come twice.
	"github.com/go-jose/go-jose/v4/json"

	"medbook/internal/phi"
)

const (
	maxAccessToken = 8 << 10  // bytes; a stranger sends it
	maxIDToken     = 32 << 10 // the issuer sends it
	maxKeyID       = 256
	maxSubject     = 255
	leeway         = time.Minute // for clocks of issuers that are ahead of ours
)

// Why a token is refused. Callers get ErrToken for each.
var (
	errSize     = errors.New("too long")
	errForm     = errors.New("not a compact JWS of base64url parts")
	errHeader   = errors.New("header not understood")
	errCritical = errors.New("header has crit or b64")
	errClaims   = errors.New("claims not understood")
	errIssuer   = errors.New("issuer not configured for this")
	errType     = errors.New("wrong typ")
	errIDToken  = errors.New("an ID token")
	errAlg      = errors.New("algorithm not allowed")
	errAudience = errors.New("for another audience")
	errTime     = errors.New("expired, or not valid yet")
	errSubject  = errors.New("subject missing, too long or unprintable")
	errKey      = errors.New("no such key")
	errNonce    = errors.New("wrong nonce")
	errParty    = errors.New("wrong azp")
	errHash     = errors.New("wrong at_hash")
)

// token is a JWT that was read and not verified.
type token struct {
	raw    string
	header header
	claims claims
	all    map[string]json.RawMessage
}

type header struct{ alg, kid, typ string }

// claims are those that are judged or returned. A RawMessage is empty if the claim is absent.
type claims struct {
	Issuer          string          `json:"iss"`
	Subject         string          `json:"sub"`
	Audience        audience        `json:"aud"`
	AuthorizedParty string          `json:"azp"`
	Expiry          json.RawMessage `json:"exp"`
	NotBefore       json.RawMessage `json:"nbf"`
	IssuedAt        json.RawMessage `json:"iat"`
	AuthTime        json.RawMessage `json:"auth_time"`
	Nonce           json.RawMessage `json:"nonce"`
	AccessHash      json.RawMessage `json:"at_hash"`
	CodeHash        json.RawMessage `json:"c_hash"`
	Email           json.RawMessage `json:"email"`
	EmailVerified   json.RawMessage `json:"email_verified"`
	Name            json.RawMessage `json:"name"`
}

// audience is one text or a list.
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(b, &list)
	*a = list
	return err
}

// parse reads a token strictly. It believes nothing of it.
func parse(raw string, limit int) (t token, err error) {
	if len(raw) > limit {
		return t, errSize
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return t, errForm
	}
	var decoded [3][]byte
	for n, part := range parts {
		// The decoder skips line breaks.
		if decoded[n], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || part == "" || strings.ContainsAny(part, "\r\n") {
			return t, errForm
		}
	}
	t.raw = raw
	if t.header, err = parseHeader(decoded[0]); err != nil {
		return t, err
	}
	if !utf8.Valid(decoded[1]) || json.Unmarshal(decoded[1], &t.claims) != nil || json.Unmarshal(decoded[1], &t.all) != nil {
		return t, errClaims
	}
	return t, nil
}

func parseHeader(text []byte) (h header, err error) {
	var all map[string]json.RawMessage
	if !utf8.Valid(text) || json.Unmarshal(text, &all) != nil {
		return h, errHeader
	}
	// We understand no extension. RFC 7797's b64 changes what is signed, and
	// go-jose obeys it even if it is not listed as critical.
	if all["crit"] != nil || all["b64"] != nil {
		return h, errCritical
	}
	for name, dst := range map[string]*string{"alg": &h.alg, "kid": &h.kid, "typ": &h.typ} {
		if raw, ok := all[name]; ok && (string(raw) == "null" || json.Unmarshal(raw, dst) != nil) {
			return h, errHeader
		}
	}
	if len(h.kid) > maxKeyID {
		return h, errHeader
	}
	return h, nil
}

// The types of tokens that an issuer may be configured with.
const (
	typeAccess = "at+jwt"
	typePlain  = "JWT"
)

// isAccess judges what tells an access token from an ID token, beside the audience.
func (t token) isAccess(want string) error {
	typ := strings.ToLower(t.header.typ)
	if typ = strings.TrimPrefix(typ, "application/"); typ != typeAccess && (want != typePlain || typ != "jwt") {
		return errType
	}
	if t.claims.Nonce != nil || t.claims.AccessHash != nil || t.claims.CodeHash != nil {
		return errIDToken
	}
	return nil
}

// verify judges everything that both kinds of token have, the signature last,
// so that a token that can't be good never makes us ask for keys. It returns
// ErrToken or ErrUnavailable.
func (p *provider) verify(ctx context.Context, t token, audience string) (*oidc.IDToken, error) {
	if err := p.plausible(t, audience); err != nil {
		return nil, p.service.refuse(ctx, p.Name, err)
	}
	keys, err := p.keys(ctx, t.header)
	if errors.Is(err, errKey) {
		return nil, p.service.refuse(ctx, p.Name, err)
	}
	if err != nil {
		return nil, err
	}
	v := oidc.NewVerifier(p.URL, &oidc.StaticKeySet{PublicKeys: keys}, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: []string{t.header.alg}, Now: p.service.Now,
	})
	verified, err := v.Verify(ctx, t.raw)
	if err != nil {
		return nil, p.service.refuse(ctx, p.Name, errors.New("signature")) // go-oidc's text quotes the token
	}
	return verified, nil
}

func (p *provider) plausible(t token, audience string) error {
	c, now := t.claims, p.service.Now()
	expiry, ok := instant(c.Expiry)
	if !ok || !now.Before(expiry) {
		return errTime
	}
	for _, raw := range []json.RawMessage{c.NotBefore, c.IssuedAt} {
		if raw == nil {
			continue
		}
		if since, ok := instant(raw); !ok || since.After(now.Add(leeway)) {
			return errTime
		}
	}
	switch {
	case !slices.Contains(p.Algorithms, t.header.alg):
		return errAlg
	case c.Issuer != p.URL:
		return errIssuer
	case audience == "" || !slices.Contains(c.Audience, audience):
		return errAudience
	case c.Subject == "" || len(c.Subject) > maxSubject || !clean(c.Subject):
		return errSubject
	}
	return nil
}

// claims returns what t, which was verified, says.
func (p *provider) claims(t token) Claims {
	c := Claims{Issuer: p.Name, IssuerURL: p.URL, Subject: t.claims.Subject, Roles: p.roles(t)}
	c.Email = personal(t.claims.Email)
	c.EmailVerified = c.Email.Present() && truth(t.claims.EmailVerified)
	c.Name = personal(t.claims.Name)
	if raw := t.all["scope"]; raw != nil { // what can't be read allows nothing
		var scope string
		_ = json.Unmarshal(raw, &scope)
		c.Scoped, c.Scopes = true, strings.Fields(scope)
	}
	if at, ok := instant(t.claims.AuthTime); ok {
		c.AuthTime = at
	}
	return c
}

// roles maps what the issuer calls roles, a list or one text, to ours.
func (p *provider) roles(t token) []string {
	var theirs audience
	if raw := t.all[p.RolesClaim]; raw == nil || theirs.UnmarshalJSON(raw) != nil {
		return nil
	}
	var ours []string
	for _, r := range theirs {
		if mapped := p.Roles[r]; mapped != "" && !slices.Contains(ours, mapped) {
			ours = append(ours, mapped)
		}
	}
	return ours
}

// instant reads a NumericDate, down to the second.
func instant(raw json.RawMessage) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(string(raw), 64) // fails for JSON's strings, null, objects
	if err != nil || !(seconds >= 0 && seconds < 1<<37) {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0).UTC(), true
}

// truth reads email_verified, which some providers write as a text.
func truth(raw json.RawMessage) bool { return string(raw) == "true" || string(raw) == `"true"` }

// personal reads a text about somebody. What is no text, or an odd one, is absent.
func personal(raw json.RawMessage) phi.Value[string] {
	var s string
	if json.Unmarshal(raw, &s) != nil || s == "" || !clean(s) {
		return phi.Value[string]{}
	}
	return phi.Of(s)
}

// clean reports whether s can be stored and shown: no engine takes all control characters.
func clean(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }

// String keeps tokens out of logs.
func (t token) String() string { return fmt.Sprintf("token of %d bytes", len(t.raw)) }
