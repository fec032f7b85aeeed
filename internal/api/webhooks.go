package api

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/webhooks"
)

type createWebhookInput struct {
	Body newWebhookBody
}

type newWebhookBody struct {
	URL   string   `json:"url" minLength:"1" maxLength:"2000" example:"https://hooks.example.org/medbook" doc:"Where events are sent: https, on any port."`
	Kinds []string `json:"kinds" minItems:"1" maxItems:"30" enum:"appointment.held,appointment.confirmed,appointment.moved,appointment.cancelled,appointment.expired,appointment.completed,appointment.no_show,encounter.created,encounter.amended,order.placed,patient.erased" example:"[\"appointment.confirmed\",\"appointment.cancelled\"]" doc:"Events of which kinds."`
}

// createWebhook subscribes an address to events: POST /v1/webhooks.
func (s *Server) createWebhook(ctx context.Context, by auth.Actor, in *createWebhookInput) (madeWebhook, error) {
	w, secret, err := s.Webhooks.Create(ctx, by, webhooks.NewWebhook{URL: in.Body.URL, Kinds: in.Body.Kinds})
	return madeWebhook{w, secret}, err
}

// madeWebhook is a webhook with its secret, which is shown this once.
type madeWebhook struct {
	webhooks.Webhook
	secret string
}

type listWebhooksInput struct{ Paging }

// listWebhooks lists webhooks: GET /v1/webhooks.
func (s *Server) listWebhooks(ctx context.Context, by auth.Actor, in *listWebhooksInput) (page.Of[webhooks.Webhook], error) {
	return s.Webhooks.Webhooks(ctx, by, in.request)
}

// readWebhook reads one: GET /v1/webhooks/{id}.
func (s *Server) readWebhook(ctx context.Context, by auth.Actor, in *ByID) (webhooks.Webhook, error) {
	return s.Webhooks.Webhook(ctx, by, in.ID)
}

type changeWebhookInput struct {
	ByID
	Versioned
	Body webhookChangeBody
}

type webhookChangeBody struct {
	URL     *string  `json:"url,omitempty" minLength:"1" maxLength:"2000" example:"https://hooks.example.org/medbook" doc:"Another one needs step-up: it sends events elsewhere."`
	Kinds   []string `json:"kinds,omitempty" minItems:"1" maxItems:"30" enum:"appointment.held,appointment.confirmed,appointment.moved,appointment.cancelled,appointment.expired,appointment.completed,appointment.no_show,encounter.created,encounter.amended,order.placed,patient.erased" example:"[\"appointment.confirmed\"]" doc:"All of them, not only new ones."`
	Enabled *bool    `json:"enabled,omitempty" example:"false" doc:"false stops it; what is on its way then fails."`
}

// changeWebhook changes one: PATCH /v1/webhooks/{id}.
func (s *Server) changeWebhook(ctx context.Context, by auth.Actor, in *changeWebhookInput) (webhooks.Webhook, error) {
	return s.Webhooks.Change(ctx, by, in.ID, in.IfMatch, webhooks.Change{URL: in.Body.URL, Kinds: in.Body.Kinds, Enabled: in.Body.Enabled})
}

// removeWebhook ends a subscription: DELETE /v1/webhooks/{id}.
func (s *Server) removeWebhook(ctx context.Context, by auth.Actor, in *versionedID) (none, error) {
	return none{}, s.Webhooks.Remove(ctx, by, in.ID, in.IfMatch)
}

// rotateWebhookSecret gives one a new secret: POST /v1/webhooks/{id}/rotate-secret.
func (s *Server) rotateWebhookSecret(ctx context.Context, by auth.Actor, in *ByID) (madeWebhook, error) {
	w, secret, err := s.Webhooks.RotateSecret(ctx, by, in.ID)
	return madeWebhook{w, secret}, err
}

// testWebhook sends an event for a test: POST /v1/webhooks/{id}/test.
func (s *Server) testWebhook(ctx context.Context, by auth.Actor, in *ByID) (webhooks.Delivery, error) {
	return s.Webhooks.Test(ctx, by, in.ID)
}

type listWebhookDeliveriesInput struct {
	ByID
	Paging
	Status string `query:"status" enum:"pending,sent,failed" doc:"Only deliveries that have come so far."`
}

// listWebhookDeliveries lists what was sent: GET /v1/webhooks/{id}/deliveries.
func (s *Server) listWebhookDeliveries(ctx context.Context, by auth.Actor, in *listWebhookDeliveriesInput) (page.Of[webhooks.Delivery], error) {
	return s.Webhooks.Deliveries(ctx, by, in.ID, webhooks.Status(in.Status), in.request)
}

// resendWebhookDelivery sends what failed again: POST /v1/webhook-deliveries/{id}/resend.
func (s *Server) resendWebhookDelivery(ctx context.Context, by auth.Actor, in *ByID) (webhooks.Delivery, error) {
	return s.Webhooks.Resend(ctx, by, in.ID)
}

// WebhookParts is what there is to know of a webhook.
type WebhookParts struct {
	ID             string   `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	URL            string   `json:"url" example:"https://hooks.example.org/medbook"`
	Kinds          []string `json:"kinds" example:"[\"appointment.confirmed\",\"appointment.cancelled\"]"`
	Enabled        bool     `json:"enabled" example:"true" doc:"false: by an admin, or because its receiver answered 410."`
	OldSecretUntil *Instant `json:"old_secret_until" nullable:"true" example:"2027-08-02T09:30:00Z" doc:"Until when the secret before signs too; null: there is none."`
	CreatedAt      Instant  `json:"created_at" example:"2027-08-01T09:30:00Z"`
	CreatedBy      string   `json:"created_by" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"A user."`
}

type webhookBody struct{ WebhookParts }

type madeWebhookBody struct {
	WebhookParts
	Secret string `json:"secret" example:"whsec_…" doc:"What events are signed with. It is shown this once; it is kept sealed."`
}

func webhookParts(w webhooks.Webhook) WebhookParts {
	p := WebhookParts{
		ID: w.ID.String(), URL: w.URL, Kinds: []string{}, Enabled: w.Enabled, OldSecretUntil: instantOrNull(w.OldUntil),
		CreatedAt: Instant{w.CreatedAt}, CreatedBy: w.CreatedBy.String(),
	}
	for _, k := range w.Kinds {
		p.Kinds = append(p.Kinds, string(k))
	}
	return p
}

func webhookOf(w webhooks.Webhook) webhookBody { return webhookBody{webhookParts(w)} }

func presentWebhook(w webhooks.Webhook) answer[webhookBody] {
	return answer[webhookBody]{ETag: w.ETag(), Body: webhookOf(w)}
}

func presentMadeWebhook(w madeWebhook) answer[madeWebhookBody] {
	return answer[madeWebhookBody]{ETag: w.ETag(), Body: madeWebhookBody{webhookParts(w.Webhook), w.secret}}
}

type webhookDeliveryBody struct {
	ID             string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	WebhookID      string  `json:"webhook_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	EventID        string  `json:"event_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"What the header webhook-id says."`
	Type           string  `json:"type" example:"appointment.confirmed" doc:"The kind of event, or webhook.test."`
	About          string  `json:"about" example:"06tt5azx8zy7g1sb7bzh4q15j4.06tt5azx8zy7g1sb7bzh4q15j4" doc:"The id that the event is about."`
	PatientID      string  `json:"patient_id,omitempty" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	PractitionerID string  `json:"practitioner_id,omitempty" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	HappenedAt     Instant `json:"happened_at" example:"2027-08-01T09:30:00Z"`
	Status         string  `json:"status" enum:"pending,sent,failed" example:"sent"`
	Attempts       int     `json:"attempts" minimum:"0" example:"1"`
	LastStatus     int     `json:"last_status,omitempty" example:"204" doc:"Of HTTP, that the last attempt was answered."`
	LastError      string  `json:"last_error,omitempty" example:"timeout" doc:"Why the last attempt failed, in a word: answered, gone, timeout, unreachable, tls, refused, disabled, unreadable; or why there was none: restored. More may come."`
	CreatedAt      Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
	UpdatedAt      Instant `json:"updated_at" example:"2027-08-01T09:30:00Z" doc:"When it got its status."`
}

func webhookDeliveryOf(d webhooks.Delivery) webhookDeliveryBody {
	return webhookDeliveryBody{
		ID: d.ID.String(), WebhookID: d.Webhook.String(), EventID: d.EventID.String(), Type: string(d.Event.Kind), About: d.Event.About,
		PatientID: idOrNone(d.Event.Patient), PractitionerID: idOrNone(d.Event.Practitioner), HappenedAt: Instant{d.HappenedAt},
		Status: string(d.Status), Attempts: d.Attempts, LastStatus: d.LastStatus, LastError: string(d.LastError),
		CreatedAt: Instant{d.CreatedAt}, UpdatedAt: Instant{d.UpdatedAt},
	}
}

func idOrNone(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}

func presentWebhookDelivery(d webhooks.Delivery) answer[webhookDeliveryBody] {
	return answer[webhookDeliveryBody]{Body: webhookDeliveryOf(d)}
}
