package api

import (
	"context"
	"strings"

	"medbook/internal/auth"
	"medbook/internal/page"
)

type createKeyInput struct {
	Body newKeyBody
}

type newKeyBody struct {
	Name      string   `json:"name" minLength:"1" maxLength:"100" example:"Calendar on the front desk" doc:"What it is for."`
	Scopes    []string `json:"scopes,omitempty" maxItems:"30" example:"[\"appointments:read\"]" doc:"What it may do; left out: all that the caller may, but what needs step-up."`
	ExpiresAt *Instant `json:"expires_at,omitempty" doc:"At most 366 days ahead; left out: in 90 days."`
	Networks  []string `json:"networks,omitempty" maxItems:"20" example:"[\"192.0.2.0/24\"]" doc:"From which addresses it may be used; left out: any."`
}

// createKey makes an API key for the caller: POST /v1/api-keys.
func (s *Server) createKey(ctx context.Context, by auth.Actor, in *createKeyInput) (madeKey, error) {
	n := auth.NewKey{Name: in.Body.Name, Networks: in.Body.Networks}
	for _, scope := range in.Body.Scopes {
		n.Scopes = append(n.Scopes, auth.Scope(scope))
	}
	if in.Body.ExpiresAt != nil {
		n.ExpiresAt = in.Body.ExpiresAt.time
	}
	k, text, err := s.Auth.CreateKey(ctx, by, n)
	return madeKey{k, text}, err
}

// madeKey is a key with its text, which is shown this once.
type madeKey struct {
	auth.Key
	text string
}

type listKeysInput struct {
	Paging
	UserID string `query:"user_id" maxLength:"64" doc:"Only this user's; for admins."`
}

// listKeys lists API keys: GET /v1/api-keys.
func (s *Server) listKeys(ctx context.Context, by auth.Actor, in *listKeysInput) (page.Of[auth.Key], error) {
	return s.Auth.APIKeys(ctx, by, in.UserID, in.request)
}

// revokeKey revokes an API key: DELETE /v1/api-keys/{id}.
func (s *Server) revokeKey(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Auth.RevokeKey(ctx, by, in.ID)
}

// KeyParts is what there is to know of a key.
type KeyParts struct {
	ID         string   `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	UserID     string   `json:"user_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"Whom it stands for."`
	Name       string   `json:"name" example:"Calendar on the front desk"`
	Scopes     []string `json:"scopes" example:"[\"appointments:read\"]"`
	Networks   []string `json:"networks" example:"[\"192.0.2.0/24\"]" doc:"From where it may be used; empty: anywhere."`
	CreatedAt  Instant  `json:"created_at" example:"2027-08-01T09:30:00Z"`
	ExpiresAt  Instant  `json:"expires_at" example:"2027-10-30T09:30:00Z"`
	LastUsedAt *Instant `json:"last_used_at" nullable:"true" example:"2027-08-02T08:00:00Z" doc:"To the minute; null: never."`
}

type keyBody struct{ KeyParts }

type madeKeyBody struct {
	KeyParts
	Key string `json:"key" example:"mb_…" doc:"The key itself. It is shown this once; only its hash is kept."`
}

func keyParts(k auth.Key) KeyParts {
	p := KeyParts{
		ID: k.ID.String(), UserID: k.User.String(), Name: k.Name, Scopes: []string{}, Networks: strings.Fields(k.Networks),
		CreatedAt: Instant{k.CreatedAt}, ExpiresAt: Instant{k.ExpiresAt},
	}
	for _, scope := range k.Scopes.List() {
		p.Scopes = append(p.Scopes, string(scope))
	}
	if !k.LastUsedAt.IsZero() {
		p.LastUsedAt = &Instant{k.LastUsedAt}
	}
	return p
}

func keyOf(k auth.Key) keyBody { return keyBody{keyParts(k)} }

func presentMadeKey(k madeKey) answer[madeKeyBody] {
	b := madeKeyBody{keyParts(k.Key), k.text}
	return answer[madeKeyBody]{Body: b}
}
