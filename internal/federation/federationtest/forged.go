package federationtest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Token is a token and what it is an example of.
type Token struct{ Name, Token string }

// Good returns tokens of the issuer that are to be taken at now.
func (i *Issuer) Good(now time.Time) []Token {
	k := i.Keys()
	as := func(alg string, h, c Map) string {
		return k.Sign(alg, header(k, alg).With(h).text(), i.Claims(now).With(c).text())
	}
	return []Token{
		{"RS256", as("RS256", nil, nil)},
		{"PS256", as("PS256", nil, nil)},
		{"ES256", as("ES256", nil, nil)},
		{"EdDSA", as("EdDSA", nil, nil)},
		{"typ in capitals", as("ES256", Map{"typ": "AT+JWT"}, nil)},
		{"typ as a media type", as("ES256", Map{"typ": "application/at+jwt"}, nil)},
		{"several audiences", as("ES256", nil, Map{"aud": []string{"other", Audience}})},
		{"no kid where one key is of the kind", as("ES256", Map{"kid": nil}, nil)},
		{"expires in a second", as("ES256", nil, Map{"exp": now.Unix() + 1})},
		{"dated a minute ahead", as("ES256", nil, Map{"iat": now.Unix() + 60, "nbf": now.Unix() + 60})},
		{"subject of 255", as("ES256", nil, Map{"sub": strings.Repeat("s", 255)})},
		{"its own key embedded, which is not looked at", as("ES256", Map{"jwk": jose.JSONWebKey{Key: k.EC.Public()}}, nil)},
		{"without roles, email and name", as("ES256", nil, Map{"roles": nil, "email": nil, "name": nil})},
	}
}

// Forged returns tokens that must be refused at now by who has configured i, with
// Audience, the usual algorithms and other, another issuer, beside it. They name
// the issuer and its keys unless what they forge is just that.
func (i *Issuer) Forged(t testing.TB, now time.Time, other *Issuer) []Token {
	t.Helper()
	f := &forger{t: t, issuer: i, keys: i.Keys(), mine: newKeys(t, "attacker"), other: other, now: now}
	f.header = header(f.keys, "RS256")
	f.claims = i.Claims(now)
	f.algorithms()
	f.forms()
	f.keyHeaders()
	f.kids()
	f.types()
	f.claimed()
	f.times()
	f.twice()
	return f.all
}

// forger makes forged tokens; header and claims are those of a good one.
type forger struct {
	t              testing.TB
	issuer, other  *Issuer
	keys, mine     *Keys // the issuer's and the attacker's
	now            time.Time
	header, claims Map
	all            []Token
}

func (f *forger) add(name, token string) { f.all = append(f.all, Token{name, token}) }

// signed is a token that the issuer itself has signed with RS256.
func (f *forger) signed(h, c Map) string {
	return f.keys.Sign("RS256", f.header.With(h).text(), f.claims.With(c).text())
}

func (f *forger) algorithms() {
	payload := f.claims.text()
	for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
		h := Encode(f.header.With(Map{"alg": none}).text())
		f.add("alg "+none+" without signature", h+"."+Encode(payload)+".")
		f.add("alg "+none+" with a signature", f.keys.seal("RS256", h+"."+Encode(payload)))
		f.add("alg "+none+" with a byte for signature", h+"."+Encode(payload)+"."+Encode("x"))
	}
	f.add("alg missing", f.signed(Map{"alg": nil}, nil))
	f.add("alg null", f.keys.Sign("RS256", `{"alg":null,"typ":"at+jwt","kid":"`+f.keys.KID("RS256")+`"}`, payload))
	f.add("alg a list", f.signed(Map{"alg": []string{"RS256"}}, nil))
	f.add("alg in small letters", f.signed(Map{"alg": "rs256"}, nil))
	der, err := x509.MarshalPKIXPublicKey(f.keys.RSA.Public())
	if err != nil {
		f.t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	pkcs1 := x509.MarshalPKCS1PublicKey(&f.keys.RSA.PublicKey)
	for name, secret := range map[string][]byte{
		"PEM": text, "PEM without its last line break": []byte(strings.TrimSpace(string(text))), "DER": der, "PKCS #1 DER": pkcs1,
		"PKCS #1 PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}), "modulus": f.keys.RSA.N.Bytes(),
		"client secret": []byte(ClientSecret), "empty": {},
	} {
		f.add("HS256 with the public key: "+name, hmacSigned(secret, f.header.With(Map{"alg": "HS256"}).text(), payload))
		f.add("HS256 called RS256: "+name, hmacSigned(secret, f.header.text(), payload))
	}
	for _, alg := range []string{"RS512", "RS384", "PS384"} {
		f.add(alg+", which is not on the list, by the right key", f.strong(alg))
	}
	f.add("ES256 signature called RS256", f.keys.Sign("ES256", f.header.text(), payload))
	f.add("ES256 key named, called RS256", f.keys.Sign("ES256", f.header.With(Map{"kid": f.keys.KID("ES256")}).text(), payload))
	f.add("RSA key named, called ES256", f.signed(Map{"alg": "ES256"}, nil))
	f.add("PS256 signature called RS256", f.keys.Sign("PS256", f.header.text(), payload))
	f.add("Ed25519 key named, called ES256", f.keys.Sign("EdDSA", f.header.With(Map{"alg": "ES256", "kid": f.keys.KID("EdDSA")}).text(), payload))
}

// strong is signed by go-jose with the issuer's RSA key.
func (f *forger) strong(alg string) string {
	o := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", f.keys.KID("RS256"))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: f.keys.RSA}, o)
	if err != nil {
		f.t.Fatal(err)
	}
	signed, err := s.Sign([]byte(f.claims.text()))
	if err != nil {
		f.t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

func (f *forger) forms() {
	good := f.signed(nil, nil)
	h, p, s := parts(good)
	f.add("empty", "")
	f.add("dots", "..")
	f.add("opaque", "2YotnFZFEjr1zCsicMWpAA")
	f.add("one of our keys", "mb_0123456789_abcdefghijklmnopqrstuvwxyz")
	f.add("signature of another token", h+"."+Encode(f.claims.With(Map{"sub": "admin"}).text())+"."+s)
	f.add("signature by an attacker's key", f.mine.Sign("RS256", f.header.text(), f.claims.text()))
	f.add("signature cut short", good[:len(good)-8])
	f.add("signature missing", h+"."+p)
	f.add("signature empty", h+"."+p+".")
	f.add("signature of zeros", h+"."+p+"."+Encode(strings.Repeat("\x00", 256)))
	f.add("payload empty", f.keys.Sign("RS256", f.header.text(), ""))
	f.add("header empty", f.keys.Sign("RS256", "", f.claims.text()))
	f.add("a fourth part", good+"."+s)
	f.add("a fourth part that is empty", good+".")
	f.add("a part in front", "."+good)
	f.add("padded base64", h+"."+base64.URLEncoding.EncodeToString([]byte(f.claims.text()+" "))+"."+s)
	f.add("other base64 alphabet", h+"."+p+"."+strings.NewReplacer("-", "+", "_", "/").Replace(s)+"+")
	f.add("line break inside", h+"."+p+"."+s[:10]+"\n"+s[10:])
	f.add("space inside", h+" ."+p+"."+s)
	f.add("space behind", good+" ")
	f.add("Bearer once more", "Bearer "+good)
	f.add("over-long", f.signed(nil, Map{"padding": strings.Repeat("x", 8<<10)}))
	f.add("JSON serialization, flattened", Map{"payload": p, "protected": h, "signature": s}.text())
	f.add("JSON serialization", Map{"payload": p, "signatures": []Map{{"protected": h, "signature": s}}}.text())
	f.add("header not JSON", f.keys.Sign("RS256", "alg=RS256", f.claims.text()))
	f.add("header a list", f.keys.Sign("RS256", "["+f.header.text()+"]", f.claims.text()))
	f.add("header null", f.keys.Sign("RS256", "null", f.claims.text()))
	f.add("header with something behind", f.keys.Sign("RS256", f.header.text()+"{}", f.claims.text()))
	f.add("payload not JSON", f.keys.Sign("RS256", f.header.text(), "sub=ann"))
	f.add("payload a list", f.keys.Sign("RS256", f.header.text(), "["+f.claims.text()+"]"))
	f.add("payload null", f.keys.Sign("RS256", f.header.text(), "null"))
	f.add("payload with something behind", f.keys.Sign("RS256", f.header.text(), f.claims.text()+"{}"))
	f.add("payload not UTF-8", f.keys.Sign("RS256", f.header.text(), strings.Replace(f.claims.text(), "-user", "\xff", 1)))
	f.add("nested JWT", f.keys.Sign("RS256", f.header.With(Map{"cty": "JWT"}).text(), good))
	f.add("nested JWT in quotes", f.keys.Sign("RS256", f.header.With(Map{"cty": "JWT"}).text(), `"`+good+`"`))
	f.add("JWE to the public key", f.encrypted(f.claims.text(), ""))
	f.add("JWE around a good token", f.encrypted(good, "JWT"))
}

func (f *forger) encrypted(text, content string) string {
	o := &jose.EncrypterOptions{}
	o = o.WithType("at+jwt")
	if content != "" {
		o = o.WithContentType(jose.ContentType(content))
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: f.keys.RSA.Public(), KeyID: f.keys.KID("RS256")}, o)
	if err != nil {
		f.t.Fatal(err)
	}
	jwe, err := e.Encrypt([]byte(text))
	if err != nil {
		f.t.Fatal(err)
	}
	token, err := jwe.CompactSerialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// keyHeaders are tokens by the attacker that bring their key, or say where it is.
func (f *forger) keyHeaders() {
	jwk := jose.JSONWebKey{Key: f.mine.RSA.Public(), KeyID: f.keys.KID("RS256"), Algorithm: "RS256", Use: "sig"}
	private := jose.JSONWebKey{Key: f.mine.RSA, KeyID: f.keys.KID("RS256")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: f.issuer.URL}, NotAfter: f.now.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, f.mine.RSA.Public(), f.mine.RSA)
	if err != nil {
		f.t.Fatal(err)
	}
	x5c := []string{base64.StdEncoding.EncodeToString(cert)}
	for name, h := range map[string]Map{
		"jwk":                         {"jwk": jwk},
		"jwk, no kid":                 {"jwk": jwk, "kid": nil},
		"jwk, unknown kid":            {"jwk": jwk, "kid": "unknown"},
		"private jwk":                 {"jwk": private},
		"jwk of symmetric kind":       {"jwk": Map{"kty": "oct", "k": Encode("secret")}},
		"jku":                         {"jku": f.issuer.Attacker + "/jku"},
		"jku, unknown kid":            {"jku": f.issuer.Attacker + "/jku", "kid": "unknown"},
		"jku, no kid":                 {"jku": f.issuer.Attacker + "/jku", "kid": nil},
		"jku with the issuer as user": {"jku": strings.Replace(f.issuer.Attacker, "http://", "http://issuer@", 1) + "/jku2"},
		"x5u":                         {"x5u": f.issuer.Attacker + "/x5u"},
		"x5u, unknown kid":            {"x5u": f.issuer.Attacker + "/x5u", "kid": "unknown"},
		"x5c":                         {"x5c": x5c},
		"x5c, no kid":                 {"x5c": x5c, "kid": nil},
		"x5c of rubbish":              {"x5c": []string{"rubbish"}},
	} {
		f.add("attacker's key by "+name, f.mine.Sign("RS256", f.header.With(h).text(), f.claims.text()))
	}
	f.add("crit", f.signed(Map{"crit": []string{"exp"}, "exp": 1}, nil))
	f.add("crit with b64, which go-jose knows", f.signed(Map{"crit": []string{"b64"}, "b64": true}, nil))
	f.add("crit empty", f.signed(Map{"crit": []string{}}, nil))
	f.add("b64 false", f.unencoded(f.header.With(Map{"crit": []string{"b64"}, "b64": false})))
	f.add("b64 false without crit", f.unencoded(f.header.With(Map{"b64": false})))
}

// unencoded is signed over the payload as it is, as RFC 7797 says.
func (f *forger) unencoded(h Map) string {
	input := Encode(h.text()) + "." + f.claims.text()
	signed := f.keys.seal("RS256", input)
	return Encode(h.text()) + "." + Encode(f.claims.text()) + signed[strings.LastIndex(signed, "."):]
}

func (f *forger) kids() {
	for name, kid := range map[string]any{
		"of another issuer": f.other.Keys().KID("RS256"), "unknown": "unknown", "empty, unlike any": "",
		"a path": "../../../../dev/null", "a URL": f.issuer.Attacker + "/kid", "SQL": "x' OR 'x'='x", "a command": "|/bin/true",
		"very long": strings.Repeat("k", 4000), "NUL": "rsa\x00", "a number": 7, "a list": []string{f.keys.KID("RS256")}, "an object": Map{}, "true": true,
	} {
		f.add("attacker's signature, kid "+name, f.mine.Sign("RS256", f.header.With(Map{"kid": kid}).text(), f.claims.text()))
		if kid != "" { // without a kid, the only key of the kind is good
			f.add("issuer's signature, kid "+name, f.signed(Map{"kid": kid}, nil))
		}
	}
	f.add("kid of another kind of key", f.signed(Map{"kid": f.keys.KID("ES256")}, nil))
	f.add("kid null", f.keys.Sign("RS256", `{"alg":"RS256","typ":"at+jwt","kid":null}`, f.claims.text()))
	theirs := f.other.Keys()
	f.add("another issuer's key and kid", theirs.Sign("RS256", header(theirs, "RS256").text(), f.claims.text()))
	f.add("another issuer's key, our kid", theirs.Sign("RS256", f.header.text(), f.claims.text()))
	f.add("another issuer's name, our key and kid", f.signed(nil, Map{"iss": f.other.URL}))
	f.add("another issuer's name and kid, our key", f.signed(Map{"kid": theirs.KID("RS256")}, Map{"iss": f.other.URL}))
}

func (f *forger) types() {
	for _, typ := range []any{"JWT", "jwt", "", "id_token", "logout+jwt", "dpop+jwt", "at+jwt ", "application/application/at+jwt", "x/at+jwt", 1, []string{"at+jwt"}} {
		name, ok := typ.(string)
		if !ok {
			name = "that is no text"
		}
		f.add("typ "+name, f.signed(Map{"typ": typ}, nil))
	}
	f.add("typ missing", f.signed(Map{"typ": nil}, nil))
	f.add("ID token", f.issuer.IDToken(f.now, "nonce", nil))
	f.add("ID token for our audience", f.issuer.IDToken(f.now, "nonce", Map{"aud": []string{ClientID, Audience}}))
	f.add("ID token of type at+jwt", f.signed(nil, Map{"aud": ClientID, "nonce": "n"}))
	f.add("ID token of type at+jwt without nonce", f.signed(nil, Map{"aud": ClientID}))
	f.add("nonce", f.signed(nil, Map{"nonce": "n"}))
	f.add("empty nonce", f.signed(nil, Map{"nonce": ""}))
	f.add("at_hash", f.signed(nil, Map{"at_hash": "hash"}))
	f.add("c_hash", f.signed(nil, Map{"c_hash": "hash"}))
}

func (f *forger) claimed() {
	for name, iss := range map[string]any{
		"missing": nil, "empty": "", "with a slash behind": f.issuer.URL + "/", "with a path": f.issuer.URL + "/x", "in capitals": strings.ToUpper(f.issuer.URL),
		"without scheme": strings.TrimPrefix(f.issuer.URL, "http://"), "with https": strings.Replace(f.issuer.URL, "http:", "https:", 1),
		"with a space": f.issuer.URL + " ", "of the attacker": f.issuer.Attacker, "a list": []string{f.issuer.URL}, "with a name for the address": strings.Replace(f.issuer.URL, "127.0.0.1", "localhost", 1),
	} {
		f.add("iss "+name, f.signed(nil, Map{"iss": iss}))
	}
	for name, aud := range map[string]any{
		"missing": nil, "empty": "", "an empty list": []string{}, "of another": "https://other.example", "of others": []string{"a", "b"}, "our client": ClientID,
		"with more behind": Audience + "/", "cut": Audience[:len(Audience)-1], "in capitals": strings.ToUpper(Audience), "a number": 1,
		"an object": Map{Audience: true}, "a list in a list": [][]string{{Audience}}, "two in one text": Audience + " other",
	} {
		f.add("aud "+name, f.signed(nil, Map{"aud": aud}))
	}
	f.add("aud null", f.keys.Sign("RS256", f.header.text(), strings.Replace(f.claims.text(), `"`+Audience+`"`, "null", 1)))
	for name, sub := range map[string]any{
		"missing": nil, "empty": "", "over-long": strings.Repeat("s", 256), "a number": 1, "a list": []string{"ann"}, "with NUL": "ann\x00", "with a line break": "ann\nadmin", "with DEL": "ann\x7f",
	} {
		f.add("sub "+name, f.signed(nil, Map{"sub": sub}))
	}
}

func (f *forger) times() {
	now := f.now.Unix()
	for name, c := range map[string]Map{
		"expired this second":            {"exp": now},
		"expired a second ago":           {"exp": now - 1},
		"expired long ago":               {"exp": 1},
		"exp missing":                    {"exp": nil},
		"exp a text":                     {"exp": f.now.Add(time.Hour).Format(time.RFC3339)},
		"exp a number in quotes":         {"exp": json.Number("9999999999").String()},
		"exp a list":                     {"exp": []int64{now + 60}},
		"exp true":                       {"exp": true},
		"exp negative":                   {"exp": -1},
		"exp beyond all time":            {"exp": 1e300},
		"exp beyond 64 bits":             {"exp": json.Number("99999999999999999999")},
		"exp in milliseconds":            {"exp": (now + 60) * 1000},
		"exp a fraction of this second":  {"exp": json.Number(big.NewInt(now).String() + ".999")},
		"nbf in the future":              {"nbf": now + 61},
		"nbf in the far future":          {"nbf": now + 86400},
		"nbf a text":                     {"nbf": "now"},
		"iat in the future":              {"iat": now + 61},
		"iat in the far future":          {"iat": now + 86400},
		"iat a text":                     {"iat": "now"},
		"issued after it expires, later": {"iat": now + 7200, "exp": now + 3600},
	} {
		f.add(name, f.signed(nil, c))
	}
}

// twice are tokens that say a thing twice, for readers who do not agree on which counts.
func (f *forger) twice() {
	for name, member := range map[string]string{
		"iss": `"` + f.issuer.URL + `"`, "sub": `"admin"`, "aud": `"` + Audience + `"`, "exp": "9999999999", "roles": `["clinic-staff"]`, "email": `"boss@example.org"`,
	} {
		text := f.claims.text()
		f.add("claim twice, "+name, f.keys.Sign("RS256", f.header.text(), text[:len(text)-1]+`,"`+name+`":`+member+"}"))
		f.add("claim twice, in front, "+name, f.keys.Sign("RS256", f.header.text(), `{"`+name+`":`+member+","+text[1:]))
	}
	text := f.claims.With(Map{"exp": nil}).text()
	f.add("exp in capitals", f.keys.Sign("RS256", f.header.text(), text[:len(text)-1]+`,"EXP":9999999999}`))
	f.add("aud with a capital", f.signed(nil, Map{"aud": nil, "Aud": Audience}))
	h := f.header.text()
	f.add("alg twice", f.keys.Sign("RS256", h[:len(h)-1]+`,"alg":"none"}`, f.claims.text()))
	f.add("alg twice, in front", f.keys.Sign("RS256", `{"alg":"none",`+h[1:], f.claims.text()))
	f.add("kid twice", f.mine.Sign("RS256", h[:len(h)-1]+`,"kid":"unknown"}`, f.claims.text()))
}
