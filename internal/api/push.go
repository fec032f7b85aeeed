package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
)

// readPushKey reads what browsers subscribe with: GET /v1/push-key.
func (s *Server) readPushKey(context.Context, auth.Actor, *empty) (string, error) {
	return s.Notify.PushKey()
}

type pushKeyBody struct {
	Key string `json:"key" example:"BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM" doc:"P-256, uncompressed, in base64url: applicationServerKey of PushManager.subscribe()."`
}

func presentPushKey(key string) answer[pushKeyBody] {
	return answer[pushKeyBody]{Body: pushKeyBody{key}}
}

type subscribeInput struct {
	Body newSubscriptionBody
}

type newSubscriptionBody struct {
	Endpoint string               `json:"endpoint" minLength:"1" maxLength:"1000" example:"https://push.example.com/send/c1KrmpTuRm" doc:"https. It may not lead to a private network."`
	Keys     subscriptionKeysBody `json:"keys"`
}

type subscriptionKeysBody struct {
	P256dh string `json:"p256dh" minLength:"1" maxLength:"100" example:"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" doc:"The browser's public key, base64url."`
	Auth   string `json:"auth" minLength:"1" maxLength:"50" example:"BTBZMqHH6r4Tts7J_aSIgg" doc:"Its secret, base64url."`
}

// subscribe has one more browser told: POST /v1/me/push-subscriptions.
func (s *Server) subscribe(ctx context.Context, by auth.Actor, in *subscribeInput) (notify.Subscription, error) {
	b := in.Body
	return s.Notify.Subscribe(ctx, by, notify.NewSubscription{
		Endpoint: phi.Of(b.Endpoint), P256dh: phi.Of(b.Keys.P256dh), Auth: phi.Of(b.Keys.Auth),
	})
}

type listSubscriptionsInput struct{ Paging }

// listSubscriptions lists the caller's: GET /v1/me/push-subscriptions.
func (s *Server) listSubscriptions(ctx context.Context, by auth.Actor, in *listSubscriptionsInput) (page.Of[notify.Subscription], error) {
	return s.Notify.Subscriptions(ctx, by, in.request)
}

// unsubscribe ends one: DELETE /v1/me/push-subscriptions/{id}.
func (s *Server) unsubscribe(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Notify.Unsubscribe(ctx, by, in.ID)
}

type subscriptionBody struct {
	ID        string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Service   string  `json:"service" example:"push.example.com" doc:"The host of the push service."`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

func subscriptionOf(s notify.Subscription) subscriptionBody {
	return subscriptionBody{ID: s.ID.String(), Service: s.Service, CreatedAt: Instant{s.CreatedAt}}
}

func presentSubscription(s notify.Subscription) answer[subscriptionBody] {
	return answer[subscriptionBody]{Body: subscriptionOf(s)}
}
