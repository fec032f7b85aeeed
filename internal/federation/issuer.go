package federation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	josejson "github.com/go-jose/go-jose/v4/json"
)

// Issuer is an OpenID provider whose word is taken for who somebody is, and,
// by Roles, for what they may do here.
type Issuer struct {
	Name string `json:"name"`   // kebab-case, at most 40 bytes; part of our URLs
	URL  string `json:"issuer"` // exactly as its tokens say it, trailing slash included

	// ClientID is who we are at the issuer. Without one, nobody signs in by the
	// code flow. Without ClientSecret the client is a public one.
	ClientID         string `json:"client_id,omitempty"`
	ClientSecret     Secret `json:"-"` // Load reads it from where the next two say
	ClientSecretFile string `json:"client_secret_file,omitempty"`
	ClientSecretEnv  string `json:"client_secret_env,omitempty"`

	// Audience is the aud of access tokens that are meant for us. Without one,
	// no access token of the issuer is taken. It is never the ClientID, which is
	// the audience of ID tokens.
	Audience string `json:"audience,omitempty"`

	// TokenType is the typ of its access tokens: "at+jwt" (RFC 9068), which is
	// meant if it is empty, or "JWT", for issuers that do not tell them from ID
	// tokens by it; then the audience alone does.
	TokenType string `json:"access_token_type,omitempty"`

	Algorithms []string          `json:"algorithms,omitempty"`  // nil means RS256, ES256, PS256 and EdDSA
	RolesClaim string            `json:"roles_claim,omitempty"` // a top-level claim; empty means "roles"
	Roles      map[string]string `json:"roles,omitempty"`       // theirs to ours; what is not here is no role
	// SecondFactor is the operator's word that the issuer signs nobody in without a second factor.
	SecondFactor bool `json:"second_factor,omitempty"`

	Provision bool     `json:"provision,omitempty"` // the first sign-in may create a user
	Scopes    []string `json:"scopes,omitempty"`    // nil means openid, profile and email
}

// Secret is a text that does not print, log or marshal. The conversion to string is the way out.
type Secret string

const hidden = "[secret]"

// Format writes a placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

var (
	kebab      = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	byDefault  = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}
	asymmetric = []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
)

// Load reads a JSON array of issuers and the secrets that it points to. Names
// that it does not know or that come twice are errors. Its errors are for the
// operator: they name the issuer and the field, and no secret. Whether the roles
// that are mapped to exist is for the caller to check.
func Load(r io.Reader) ([]Issuer, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("identity providers: %w", err)
	}
	// Only go-jose's decoder sees members that come twice, only the standard one
	// those that nobody knows.
	var whole any
	if err := josejson.Unmarshal(text, &whole); err != nil {
		return nil, fmt.Errorf("identity providers: %w", err)
	}
	var all []Issuer
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("identity providers: %w", err)
	}
	for n := range all {
		i := &all[n]
		err := i.check()
		switch {
		case err != nil:
		case slices.ContainsFunc(all[:n], func(o Issuer) bool { return o.Name == i.Name }):
			err = errors.New(`another one has the same "name"`)
		case slices.ContainsFunc(all[:n], func(o Issuer) bool { return o.URL == i.URL }):
			err = errors.New(`another one has the same "issuer"`)
		default:
			err = i.readSecret()
		}
		if err != nil {
			return nil, fmt.Errorf("identity provider %d (%q): %w", n+1, i.Name, err)
		}
		i.normalize()
	}
	return all, nil
}

// normalize fills in what nil and empty mean.
func (i *Issuer) normalize() {
	if i.Algorithms == nil {
		i.Algorithms = byDefault
	}
	if i.RolesClaim == "" {
		i.RolesClaim = "roles"
	}
	if i.Scopes == nil {
		i.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
}

func (i *Issuer) check() error {
	switch {
	case !kebab.MatchString(i.Name) || len(i.Name) > 40:
		return errors.New(`"name" must be of lower-case letters, digits and single hyphens, at most 40`)
	case i.ClientID == "" && i.Audience == "":
		return errors.New(`it needs a "client_id" (to sign in), an "audience" (for access tokens) or both`)
	case i.ClientID == i.Audience:
		return errors.New(`"audience" must differ from "client_id", or ID tokens would pass for access tokens`)
	case i.TokenType != "" && i.TokenType != typeAccess && i.TokenType != typePlain:
		return errors.New(`"access_token_type" must be "at+jwt" or "JWT"`)
	case i.ClientSecretFile != "" && i.ClientSecretEnv != "":
		return errors.New(`only one of "client_secret_file" and "client_secret_env" can be given`)
	case i.ClientID == "" && (i.ClientSecretFile != "" || i.ClientSecretEnv != "" || i.Provision):
		return errors.New(`a client secret and "provision" are of use only with a "client_id"`)
	case i.Scopes != nil && !slices.Contains(i.Scopes, oidc.ScopeOpenID):
		return errors.New(`"scopes" must have "openid"`)
	case i.Algorithms != nil && len(i.Algorithms) == 0:
		return errors.New(`"algorithms" must not be empty; leave it out for ` + strings.Join(byDefault, ", "))
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(asymmetric, a) {
			return fmt.Errorf(`"algorithms" has %q, which is not safe here or not known; choose from %s`, a, strings.Join(asymmetric, ", "))
		}
	}
	for theirs, ours := range i.Roles {
		if theirs == "" || ours == "" {
			return errors.New(`"roles" maps a role of theirs to one of ours; neither can be empty`)
		}
	}
	u, err := url.Parse(i.URL)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(i.URL, "#") || !protected(i.URL) {
		return errors.New(`"issuer" must be an https URL without query (http only on this machine: localhost, 127.0.0.1 or [::1])`)
	}
	return nil
}

// protected reports whether nobody on the way can change what is read from
// there: it is https, or does not leave the machine.
func protected(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

func (i *Issuer) readSecret() error {
	var secret string
	switch {
	case i.ClientSecretFile != "":
		text, err := os.ReadFile(i.ClientSecretFile)
		if err != nil {
			return fmt.Errorf(`"client_secret_file": %w`, err)
		}
		secret = strings.TrimRight(string(text), "\r\n")
	case i.ClientSecretEnv != "":
		secret = os.Getenv(i.ClientSecretEnv)
	default:
		return nil
	}
	if secret == "" {
		return errors.New("the client secret is empty")
	}
	i.ClientSecret = Secret(secret)
	return nil
}
