package client

import (
	"context"
	"time"
)

// Slot is a bookable piece of a practitioner's time, from StartsAt inclusive to
// EndsAt exclusive.
type Slot struct {
	Versioned
	ID             string    `json:"id"`
	PractitionerID string    `json:"practitioner_id"`
	StartsAt       time.Time `json:"starts_at"`
	EndsAt         time.Time `json:"ends_at"`
	TimeZone       string    `json:"time_zone"`
	Status         string    `json:"status"` // available, held, booked or blocked
}

// SlotQuery asks for slots. PractitionerID or Specialty must be set; without
// PractitionerID the slots of several practitioners are merged by time, and the
// range is at most 31 days.
type SlotQuery struct {
	PractitionerID string
	Specialty      string
	Date           string    // YYYY-MM-DD, a day of the practitioner; instead of From and To
	From, To       time.Time // From <= starts_at < To; zero means now, and the booking horizon
	Status         string    // empty means available; held, booked, blocked and any are for owner and staff
}

// NewSlot is a slot made by hand. EndsAt nil means the policy's length.
type NewSlot struct {
	StartsAt time.Time  `json:"starts_at"`
	EndsAt   *time.Time `json:"ends_at,omitempty"`
}

// SlotChange moves or blocks a slot; nil leaves a field.
type SlotChange struct {
	StartsAt *time.Time `json:"starts_at,omitempty"`
	EndsAt   *time.Time `json:"ends_at,omitempty"`
	Status   *string    `json:"status,omitempty"` // available or blocked
}

// Slots lists slots, ascending by start.
func (c *Client) Slots(q SlotQuery) List[Slot] {
	return List[Slot]{c, "/v1/slots", newQuery().
		text("practitioner_id", q.PractitionerID).text("specialty", q.Specialty).text("date", q.Date).
		instant("from", q.From).instant("to", q.To).text("status", q.Status).Values}
}

// Slot reads a slot.
func (c *Client) Slot(ctx context.Context, id string, options ...CallOption) (Slot, error) {
	return call[Slot](ctx, c, get(at("slots", id)), options)
}

// AddSlot makes a single slot.
func (c *Client) AddSlot(ctx context.Context, practitioner string, s NewSlot, options ...CallOption) (Slot, error) {
	return call[Slot](ctx, c, post(at("practitioners", practitioner, "/slots"), s), options)
}

// ChangeSlot changes a slot that was read with etag. A slot that moves gets another id.
func (c *Client) ChangeSlot(ctx context.Context, id, etag string, s SlotChange) (Slot, error) {
	return call[Slot](ctx, c, patch(at("slots", id), s), []CallOption{ifMatch(etag)})
}

// RemoveSlot removes a slot that was read with etag.
func (c *Client) RemoveSlot(ctx context.Context, id, etag string) error {
	_, _, err := c.do(ctx, remove(at("slots", id)), []CallOption{ifMatch(etag)})
	return err
}
