package client

import (
	"context"
	"encoding/json"
	"time"
)

// Hours is time as somebody says it, in one of three forms; the fields of the
// others are left empty:
//
//   - StartsAt and EndsAt, two instants;
//   - Date, From and To, a stretch of a day in the practitioner's zone;
//   - Weekdays, From, To, ValidFrom and perhaps ValidUntil, a weekly rule in
//     the practitioner's zone. ValidUntil is inclusive.
//
// Dates are YYYY-MM-DD and times HH:MM; a To of 00:00 or 24:00 is the end of the day.
type Hours struct {
	StartsAt   *time.Time `json:"starts_at,omitempty"`
	EndsAt     *time.Time `json:"ends_at,omitempty"`
	Date       string     `json:"date,omitempty"`
	From       string     `json:"from,omitempty"`
	To         string     `json:"to,omitempty"`
	Weekdays   []string   `json:"weekdays,omitempty"` // mon, tue, wed, thu, fri, sat, sun
	ValidFrom  string     `json:"valid_from,omitempty"`
	ValidUntil string     `json:"valid_until,omitempty"`
}

// Between returns Hours of the first form: [start, end).
func Between(start, end time.Time) Hours { return Hours{StartsAt: &start, EndsAt: &end} }

// Availability is time in which a practitioner works.
type Availability struct {
	Versioned
	Hours
	ID             string    `json:"id"`
	PractitionerID string    `json:"practitioner_id"`
	Kind           string    `json:"kind"`              // span, day, weekly: the three forms; slot: a single slot; exception: no slot here
	Blocked        bool      `json:"blocked,omitempty"` // of a slot: not offered
	TimeZone       string    `json:"time_zone"`
	CreatedAt      time.Time `json:"created_at"`
	SlotsCreated   int       `json:"slots_created"`  // by publishing: slots within the horizon that were not there before
	SlotsExisting  int       `json:"slots_existing"` // by publishing: slots of these hours that were there already
}

// AvailabilityChange changes an availability; nil leaves a field. Only fields
// of its own form may be given.
type AvailabilityChange struct {
	StartsAt   *time.Time
	EndsAt     *time.Time
	Date       *string
	From       *string
	To         *string
	Weekdays   []string
	ValidFrom  *string
	ValidUntil *string // "": the rule has no last day
}

// MarshalJSON writes what changes, with null for what is removed.
func (a AvailabilityChange) MarshalJSON() ([]byte, error) {
	c := change{}
	if a.StartsAt != nil {
		c["starts_at"] = *a.StartsAt
	}
	if a.EndsAt != nil {
		c["ends_at"] = *a.EndsAt
	}
	if a.Weekdays != nil {
		c["weekdays"] = a.Weekdays
	}
	c.set("date", a.Date)
	c.set("from", a.From)
	c.set("to", a.To)
	c.set("valid_from", a.ValidFrom)
	c.setOrNull("valid_until", a.ValidUntil)
	return json.Marshal(map[string]any(c))
}

// Removed says what the end of an availability left behind.
type Removed struct {
	KeptSlots []Slot `json:"kept_slots"` // held and booked slots that stay
}

// TimeOff takes availability away again.
type TimeOff struct {
	Hours
	ID             string        `json:"id"`
	PractitionerID string        `json:"practitioner_id"`
	TimeZone       string        `json:"time_zone"`
	Reason         string        `json:"reason,omitempty"`
	CreatedAt      time.Time     `json:"created_at"`
	Conflicts      []Appointment `json:"conflicts"` // live appointments that it hits, when it is made
}

// Publish tells when a practitioner works. The same hours again are no error.
func (c *Client) Publish(ctx context.Context, practitioner string, h Hours, options ...CallOption) (Availability, error) {
	return call[Availability](ctx, c, post(at("practitioners", practitioner, "/availability"), h), options)
}

// Availabilities lists when a practitioner works.
func (c *Client) Availabilities(practitioner string) List[Availability] {
	return List[Availability]{c, at("practitioners", practitioner, "/availability"), nil}
}

// Availability reads one.
func (c *Client) Availability(ctx context.Context, id string, options ...CallOption) (Availability, error) {
	return call[Availability](ctx, c, get(at("availability", id)), options)
}

// ChangeAvailability changes an availability that was read with etag.
func (c *Client) ChangeAvailability(ctx context.Context, id, etag string, a AvailabilityChange) (Availability, error) {
	return call[Availability](ctx, c, patch(at("availability", id), a), []CallOption{ifMatch(etag)})
}

// RemoveAvailability removes an availability that was read with etag, and with
// it its free slots in the future.
func (c *Client) RemoveAvailability(ctx context.Context, id, etag string) (Removed, error) {
	return call[Removed](ctx, c, remove(at("availability", id)), []CallOption{ifMatch(etag)})
}

// TakeTimeOff blocks a practitioner's slots during hours of the first two
// forms. Appointments in it stay, and are returned.
func (c *Client) TakeTimeOff(ctx context.Context, practitioner string, h Hours, reason string, options ...CallOption) (TimeOff, error) {
	body := struct {
		Hours
		Reason string `json:"reason,omitempty"`
	}{h, reason}
	return call[TimeOff](ctx, c, post(at("practitioners", practitioner, "/time-off"), body), options)
}

// TimeOffs lists a practitioner's time off.
func (c *Client) TimeOffs(practitioner string) List[TimeOff] {
	return List[TimeOff]{c, at("practitioners", practitioner, "/time-off"), nil}
}

// EndTimeOff takes time off back.
func (c *Client) EndTimeOff(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("time-off", id)), nil)
	return err
}
