package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/notify"
	"medbook/internal/page"
)

type listNotificationsInput struct {
	Paging
	UserID string `query:"user_id" maxLength:"64" doc:"Only messages to this user."`
	Status string `query:"status" enum:"pending,sent,failed" doc:"Only messages that have come so far."`
}

// listNotifications lists messages without what they say: GET /v1/notifications.
func (s *Server) listNotifications(ctx context.Context, by auth.Actor, in *listNotificationsInput) (page.Of[notify.Notification], error) {
	return s.Notify.Notifications(ctx, by, notify.Filter{User: in.UserID, Status: notify.Status(in.Status)}, in.request)
}

// resendNotification sends what failed again: POST /v1/notifications/{id}/resend.
func (s *Server) resendNotification(ctx context.Context, by auth.Actor, in *ByID) (notify.Notification, error) {
	return s.Notify.Resend(ctx, by, in.ID)
}

type listOutboxInput struct{ Paging }

// listOutbox lists the messages that can be read: GET /v1/outbox.
func (s *Server) listOutbox(ctx context.Context, by auth.Actor, in *listOutboxInput) (page.Of[notify.Notification], error) {
	return s.Notify.Outbox(ctx, by, in.request)
}

// readMessage reads one of them: GET /v1/outbox/{id}.
func (s *Server) readMessage(ctx context.Context, by auth.Actor, in *ByID) (notify.Message, error) {
	return s.Notify.Message(ctx, by, in.ID)
}

type outboxEntryBody struct {
	ID        string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	UserID    string  `json:"user_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"To whom."`
	Kind      string  `json:"kind" example:"password-reset" doc:"What the message is about."`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

func outboxEntryOf(n notify.Notification) outboxEntryBody {
	return outboxEntryBody{ID: n.ID.String(), UserID: n.User.String(), Kind: string(n.Event.Kind), CreatedAt: Instant{n.CreatedAt}}
}

type notificationBody struct {
	ID        string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	UserID    string  `json:"user_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"To whom."`
	Kind      string  `json:"kind" example:"password-reset" doc:"What the message is about."`
	Channel   string  `json:"channel" example:"email" doc:"email, sms, push, webhook, or outbox where nothing goes outside. More may come."`
	Wanted    string  `json:"wanted,omitempty" example:"sms" doc:"The channel that it was meant for, if it took another."`
	Note      string  `json:"note,omitempty" example:"no-address" doc:"Why it took another: no-channel, no-address."`
	Status    string  `json:"status" enum:"pending,sent,failed" example:"sent"`
	Attempts  int     `json:"attempts" minimum:"0" example:"1" doc:"How often it was tried; an outbox needs none."`
	LastError string  `json:"last_error,omitempty" example:"timeout" doc:"Why the last attempt failed, in a word: rejected, deferred, throttled, server-error, login, timeout, refused, unreachable, tls, unsendable, no-channel, no-address, unreadable, prohibited; or why there was none: quiet-hours, capped, restored. More may come."`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
	UpdatedAt Instant `json:"updated_at" example:"2027-08-01T09:30:00Z" doc:"When it got its status."`
}

func notificationOf(n notify.Notification) notificationBody {
	return notificationBody{
		ID: n.ID.String(), UserID: n.User.String(), Kind: string(n.Event.Kind), Channel: n.Channel, Wanted: n.Wanted, Note: string(n.Note), Status: string(n.Status),
		Attempts: n.Attempts, LastError: string(n.LastError), CreatedAt: Instant{n.CreatedAt}, UpdatedAt: Instant{n.UpdatedAt},
	}
}

func presentNotification(n notify.Notification) answer[notificationBody] {
	return answer[notificationBody]{Body: notificationOf(n)}
}

type messageBody struct {
	ID      string `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	To      string `json:"to" example:"ann@example.org"`
	Subject string `json:"subject" example:"Set a new password"`
	Text    string `json:"text" example:"Hello Ann Example, …" doc:"Plain text."`
}

func messageOf(m notify.Message) messageBody {
	return messageBody{ID: m.ID.String(), To: m.To.Reveal(), Subject: m.Subject, Text: m.Text.Reveal()}
}

func presentMessage(m notify.Message) answer[messageBody] {
	return answer[messageBody]{Body: messageOf(m)}
}
