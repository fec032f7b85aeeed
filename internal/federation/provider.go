package federation

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	fetchEvery     = 10 * time.Second // an issuer is asked for its keys once in this time at most
	keysFresh      = 10 * time.Minute // then they are asked for again, so that a key that was withdrawn is forgotten
	keysUsable     = time.Hour        // for so long they are believed if the issuer can't be reached
	discoveryFresh = 24 * time.Hour
	fetchTimeout   = 10 * time.Second // real time, for all requests of one fetch
	maxResponse    = 1 << 20
	maxKeys        = 100
	minRSA         = 2048 // bits
)

// provider is what is known of an issuer.
type provider struct {
	Issuer
	service *Service
	known   atomic.Pointer[known]

	turn chan struct{} // holds one element while somebody fetches; guards the fields below
	last time.Time     // when a fetch was last begun
	down error         // what came of it, if nothing good
}

// known is what an issuer published. It does not change.
type known struct {
	oidc       *oidc.Provider
	metadata   metadata
	discovered time.Time
	keys       []jose.JSONWebKey
	fetched    time.Time
}

// metadata is what go-oidc leaves in the discovery document.
type metadata struct {
	JWKS        string   `json:"jwks_uri"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	SendsIss    bool     `json:"authorization_response_iss_parameter_supported"`
}

// keys returns the public keys that a token with this header may be signed
// with, fetching them if need be. It returns errKey or ErrUnavailable.
func (p *provider) keys(ctx context.Context, h header) ([]crypto.PublicKey, error) {
	k := p.known.Load()
	if k.age(p.service.Now()) < keysFresh {
		if found := k.candidates(h); len(found) > 0 {
			return found, nil
		}
	}
	k, err := p.refresh(ctx, k)
	if k.age(p.service.Now()) < keysUsable {
		if found := k.candidates(h); len(found) > 0 {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return nil, errKey
}

// discover returns what is known of the provider, which may be old, or ErrUnavailable.
func (p *provider) discover(ctx context.Context) (*known, error) {
	if k := p.known.Load(); k != nil {
		return k, nil
	}
	k, err := p.refresh(ctx, nil)
	if k != nil {
		return k, nil
	}
	return nil, err
}

// refresh returns something newer than old, if it may ask and gets an answer.
// Without an error, the last answer was good. Callers share one fetch.
func (p *provider) refresh(ctx context.Context, old *known) (*known, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return p.known.Load(), fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if k := p.known.Load(); k != old {
		return k, nil
	}
	now := p.service.Now()
	if since := now.Sub(p.last); since < 0 || since >= fetchEvery { // below 0: the clock was set back
		p.last = now
		// Others wait for this one: it must not end because its caller leaves.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		var k *known
		if k, p.down = p.fetch(ctx, old, now); p.down == nil {
			p.known.Store(k)
		} else {
			p.service.log.WarnContext(ctx, "identity provider unavailable", "issuer", p.Name, "error", p.down.Error())
		}
	}
	if p.down != nil {
		return p.known.Load(), fmt.Errorf("%w (%s)", ErrUnavailable, p.down.Error())
	}
	return p.known.Load(), nil
}

func (p *provider) fetch(ctx context.Context, old *known, now time.Time) (*known, error) {
	k := &known{fetched: now}
	if old != nil {
		k.oidc, k.metadata, k.discovered = old.oidc, old.metadata, old.discovered
	}
	if k.oidc == nil || now.Sub(k.discovered) >= discoveryFresh {
		if err := p.readMetadata(ctx, k); err != nil {
			return nil, err
		}
		k.discovered = now
	}
	var err error
	k.keys, err = p.readKeys(ctx, k.metadata.JWKS)
	return k, err
}

func (p *provider) readMetadata(ctx context.Context, k *known) error {
	var err error
	if k.oidc, err = oidc.NewProvider(oidc.ClientContext(ctx, p.service.client), p.URL); err != nil {
		return fmt.Errorf("discovery: %w", brief(err))
	}
	k.metadata = metadata{}
	if err := k.oidc.Claims(&k.metadata); err != nil {
		return fmt.Errorf("discovery: %w", brief(err))
	}
	endpoints := []string{k.metadata.JWKS}
	if p.ClientID != "" {
		endpoints = append(endpoints, k.oidc.Endpoint().AuthURL, k.oidc.Endpoint().TokenURL)
		if u := k.oidc.UserInfoEndpoint(); u != "" {
			endpoints = append(endpoints, u)
		}
	}
	for _, e := range endpoints {
		if !protected(e) {
			return errors.New("discovery: an endpoint is missing or not https")
		}
	}
	return nil
}

// readKeys reads a JWK set. As RFC 7517 says, keys that can't be understood
// are left out.
func (p *provider) readKeys(ctx context.Context, address string) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", brief(err))
	}
	resp, err := p.service.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", brief(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys: status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", brief(err))
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("keys: not a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, errors.New("keys: too many")
	}
	keys := []jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) == nil && k.IsPublic() && k.Valid() && (k.Use == "" || k.Use == "sig") {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// age is huge for nothing known, and for what comes from the future.
func (k *known) age(now time.Time) time.Duration {
	if k == nil || now.Before(k.fetched) {
		return 1<<63 - 1
	}
	return now.Sub(k.fetched)
}

// candidates returns the keys for a header: those of its kid or, if it has
// none, the only one that there is for its algorithm.
func (k *known) candidates(h header) []crypto.PublicKey {
	var found []crypto.PublicKey
	for _, key := range k.keys {
		if (h.kid == "" || key.KeyID == h.kid) && (key.Algorithm == "" || key.Algorithm == h.alg) && suits(key.Key, h.alg) {
			found = append(found, key.Key)
		}
	}
	if h.kid == "" && len(found) > 1 {
		return nil
	}
	return found
}

// suits reports whether key is of the kind that alg signs with, and strong enough.
func suits(key crypto.PublicKey, alg string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return alg == map[elliptic.Curve]string{elliptic.P256(): oidc.ES256, elliptic.P384(): oidc.ES384, elliptic.P521(): oidc.ES512}[k.Curve]
	case ed25519.PublicKey:
		return alg == oidc.EdDSA
	default:
		return false
	}
}

// brief cuts an error's text, which may quote a whole response.
func brief(err error) error {
	if text := err.Error(); len(text) > 200 {
		return errors.New(strings.ToValidUTF8(text[:200], "") + "…")
	}
	return err
}
