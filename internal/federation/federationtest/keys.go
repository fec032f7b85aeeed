package federationtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Keys are an issuer's: one of each kind, under one kid each, "<prefix>-rsa",
// "<prefix>-ec" and "<prefix>-ed".
type Keys struct {
	Prefix string
	RSA    *rsa.PrivateKey
	EC     *ecdsa.PrivateKey
	Ed     ed25519.PrivateKey
}

func newKeys(t testing.TB, prefix string) *Keys {
	t.Helper()
	k := &Keys{Prefix: prefix}
	var err error
	if k.RSA, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if k.EC, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, k.Ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

// KID returns the id of the key that alg signs with.
func (k *Keys) KID(alg string) string {
	switch alg {
	case "ES256":
		return k.Prefix + "-ec"
	case "EdDSA":
		return k.Prefix + "-ed"
	default:
		return k.Prefix + "-rsa"
	}
}

func (k *Keys) set() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: k.RSA.Public(), KeyID: k.KID("RS256"), Use: "sig"}, // no alg: good for PS256 as well
		{Key: k.EC.Public(), KeyID: k.KID("ES256"), Use: "sig", Algorithm: "ES256"},
		{Key: k.Ed.Public(), KeyID: k.KID("EdDSA"), Use: "sig", Algorithm: "EdDSA"},
	}}
}

// Map is a JOSE header or a set of claims. In the maps that change another one,
// nil takes a member out.
type Map map[string]any

// With returns a copy of m with changes.
func (m Map) With(changes Map) Map {
	c := Map{}
	for k, v := range m {
		c[k] = v
	}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func (m Map) text() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a test's own map
	}
	return string(b)
}

// Encode writes a part of a token.
func Encode(part string) string { return base64.RawURLEncoding.EncodeToString([]byte(part)) }

// Sign makes a compact JWS of any two texts. It signs as alg says, with the key
// of that kind, whatever the header says.
func (k *Keys) Sign(alg, header, payload string) string {
	return k.seal(alg, Encode(header)+"."+Encode(payload))
}

func (k *Keys) seal(alg, input string) string {
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	switch alg {
	case "RS256":
		sig, err = rsa.SignPKCS1v15(rand.Reader, k.RSA, crypto.SHA256, sum[:])
	case "PS256":
		sig, err = rsa.SignPSS(rand.Reader, k.RSA, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "ES256":
		r, s, e := ecdsa.Sign(rand.Reader, k.EC, sum[:])
		if err = e; err == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case "EdDSA":
		sig = ed25519.Sign(k.Ed, []byte(input))
	default:
		panic("federationtest: no way to sign with " + alg)
	}
	if err != nil {
		panic(err) // a fresh key
	}
	return input + "." + Encode(string(sig))
}

// hmacSigned makes a token whose signature is a MAC under secret.
func hmacSigned(secret []byte, header, payload string) string {
	input := Encode(header) + "." + Encode(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + Encode(string(mac.Sum(nil)))
}

// parts cuts a compact token.
func parts(token string) (header, payload, signature string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}
