package client

import (
	"context"
	"time"
)

// Notification is what is known of a message to a user, beside what it says.
type Notification struct {
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`
	Kind      string    `json:"kind"`    // what it is about: "password-reset"
	Channel   string    `json:"channel"` // email, sms, push, webhook or outbox
	Wanted    string    `json:"wanted"`  // the channel that it was meant for, if it took another
	Note      string    `json:"note"`    // why it took another, in a word
	Status    string    `json:"status"`  // pending, sent or failed
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error"` // why the last attempt failed, in a word
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when it got its status
}

// NotificationQuery filters messages; what is empty matches all.
type NotificationQuery struct {
	UserID, Status string
}

// Notifications lists messages, newest first.
func (c *Client) Notifications(q NotificationQuery) List[Notification] {
	return List[Notification]{c, "/v1/notifications", newQuery().text("user_id", q.UserID).text("status", q.Status).Values}
}

// Resend has a message that failed written and sent again.
func (c *Client) Resend(ctx context.Context, id string, options ...CallOption) (Notification, error) {
	return call[Notification](ctx, c, post(at("notifications", id, "/resend"), nil), options)
}

// OutboxEntry is a message that can be read.
type OutboxEntry struct {
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`
	Kind      string    `json:"kind"`
	CreatedAt time.Time `json:"created_at"`
}

// Message is what a message says.
type Message struct {
	ID      string `json:"id"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Outbox lists the messages that stayed with the server, newest first.
func (c *Client) Outbox() List[OutboxEntry] { return List[OutboxEntry]{c, "/v1/outbox", nil} }

// Message reads a message of the outbox.
func (c *Client) Message(ctx context.Context, id string, options ...CallOption) (Message, error) {
	return call[Message](ctx, c, get(at("outbox", id)), options)
}
