package client

import (
	"context"
	"time"
)

// Order is a DNA kit that was ordered for a user.
type Order struct {
	Versioned
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`  // empty in what a user carries
	KitType   string    `json:"kit_type"` // whole-exome-sequencing, whole-genome-sequencing, targeted-sequencing or genotyping-array
	Status    string    `json:"status"`   // placed, dispatched, sample_received, completed or cancelled
	Shipping  *Address  `json:"shipping"` // nil in what a user carries, and once the user is erased
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"` // a user; empty in what a user carries
	UpdatedAt time.Time `json:"updated_at"` // when it got its status
}

// Address is where a kit goes.
type Address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
}

// NewOrder is an order to be placed by an admin.
type NewOrder struct {
	UserID   string  `json:"user_id"`
	KitType  string  `json:"kit_type"`
	Shipping Address `json:"shipping"`
	Channel  string  `json:"notification_channel,omitempty"` // email, sms or push; empty: as goes with the kit
}

// OrderQuery filters orders; what is empty matches all.
type OrderQuery struct {
	UserID, Status string
}

// PlaceOrder orders a kit for a user, who is told.
func (c *Client) PlaceOrder(ctx context.Context, o NewOrder, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, post("/v1/orders", o), options)
}

// Orders lists orders, newest first: all of them for an admin, their own for others.
func (c *Client) Orders(q OrderQuery) List[Order] {
	return List[Order]{c, "/v1/orders", newQuery().text("user_id", q.UserID).text("status", q.Status).Values}
}

// Order reads an order.
func (c *Client) Order(ctx context.Context, id string, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, get(at("orders", id)), options)
}

// DispatchOrder says that the kit was sent. Like the other steps of an order it
// changes nothing when it is repeated.
func (c *Client) DispatchOrder(ctx context.Context, id string, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, post(at("orders", id, "/dispatch"), nil), options)
}

// ReceiveOrder says that the sample has come.
func (c *Client) ReceiveOrder(ctx context.Context, id string, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, post(at("orders", id, "/receive"), nil), options)
}

// CompleteOrder says that all is done.
func (c *Client) CompleteOrder(ctx context.Context, id string, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, post(at("orders", id, "/complete"), nil), options)
}

// CancelOrder ends an order of which no sample has come.
func (c *Client) CancelOrder(ctx context.Context, id string, options ...CallOption) (Order, error) {
	return call[Order](ctx, c, post(at("orders", id, "/cancel"), nil), options)
}
