package client

import (
	"context"
	"time"
)

// Practitioner is an entry of the public directory.
type Practitioner struct {
	Versioned
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Specialty string    `json:"specialty"`
	Bio       string    `json:"bio"`
	TimeZone  string    `json:"time_zone"` // IANA name
	Policy    Policy    `json:"policy"`
	CreatedAt time.Time `json:"created_at"`
}

// Policy is what a practitioner lets patients do with their time.
type Policy struct {
	SlotMinutes               int `json:"slot_minutes"`
	NoticeSeconds             int `json:"notice_seconds"`
	HoldSeconds               int `json:"hold_seconds"`
	CancellationWindowSeconds int `json:"cancellation_window_seconds"`
	HorizonDays               int `json:"horizon_days"`
	MaxOpenHolds              int `json:"max_open_holds"`
}

// PolicyChange changes a policy; nil leaves a field.
type PolicyChange struct {
	SlotMinutes               *int `json:"slot_minutes,omitempty"`
	NoticeSeconds             *int `json:"notice_seconds,omitempty"`
	HoldSeconds               *int `json:"hold_seconds,omitempty"`
	CancellationWindowSeconds *int `json:"cancellation_window_seconds,omitempty"`
	HorizonDays               *int `json:"horizon_days,omitempty"`
	MaxOpenHolds              *int `json:"max_open_holds,omitempty"`
}

// PractitionerChange changes a practitioner; nil leaves a field.
type PractitionerChange struct {
	Specialty *string       `json:"specialty,omitempty"`
	Bio       *string       `json:"bio,omitempty"`
	TimeZone  *string       `json:"time_zone,omitempty"`
	Policy    *PolicyChange `json:"policy,omitempty"`
}

// PractitionerQuery filters the directory; what is empty does not filter.
type PractitionerQuery struct {
	Specialty string
	Text      string // words in name, specialty or bio
}

// Practitioners lists the directory.
func (c *Client) Practitioners(q PractitionerQuery) List[Practitioner] {
	return List[Practitioner]{c, "/v1/practitioners", newQuery().text("specialty", q.Specialty).text("q", q.Text).Values}
}

// Practitioner reads an entry of the directory.
func (c *Client) Practitioner(ctx context.Context, id string, options ...CallOption) (Practitioner, error) {
	return call[Practitioner](ctx, c, get(at("practitioners", id)), options)
}

// ChangePractitioner changes a practitioner that was read with etag.
func (c *Client) ChangePractitioner(ctx context.Context, id, etag string, p PractitionerChange) (Practitioner, error) {
	return call[Practitioner](ctx, c, patch(at("practitioners", id), p), []CallOption{ifMatch(etag)})
}
