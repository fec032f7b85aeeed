package client

import (
	"context"
	"time"
)

// Wait is a patient's wish to hear when a practitioner's time frees up.
type Wait struct {
	ID             string    `json:"id"`
	PatientID      string    `json:"patient_id"`
	PractitionerID string    `json:"practitioner_id"`
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	CreatedAt      time.Time `json:"created_at"`
}

// NewWait asks for any slot of a practitioner that begins in [From, To).
type NewWait struct {
	PractitionerID string    `json:"practitioner_id"`
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
}

// JoinWaitlist puts the caller on the waiting list.
func (c *Client) JoinWaitlist(ctx context.Context, w NewWait, options ...CallOption) (Wait, error) {
	return call[Wait](ctx, c, post("/v1/waitlist", w), options)
}

// Waitlist lists the caller's entries of the waiting list.
func (c *Client) Waitlist() List[Wait] { return List[Wait]{c, "/v1/waitlist", nil} }

// LeaveWaitlist takes an entry back.
func (c *Client) LeaveWaitlist(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("waitlist", id)), nil)
	return err
}
