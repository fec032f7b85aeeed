package client

import (
	"context"
	"encoding/json"
	"time"
)

// User is a person with an account.
type User struct {
	Versioned
	ID             string    `json:"id"`
	Email          string    `json:"email"`
	Name           string    `json:"name"`
	Role           string    `json:"role"` // patient, practitioner, admin or auditor
	Phone          string    `json:"phone"`
	Address        string    `json:"address"`
	TimeZone       string    `json:"time_zone"`                 // IANA name
	DateOfBirth    string    `json:"date_of_birth,omitempty"`   // YYYY-MM-DD
	PractitionerID string    `json:"practitioner_id,omitempty"` // of a practitioner: the id in the directory
	Orders         []Order   `json:"orders"`                    // newest first, without where they go; nil for Me
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// NewUser is a user to be made by an admin.
type NewUser struct {
	Email       string `json:"email"`
	Name        string `json:"name"`
	Role        string `json:"role"`
	Phone       string `json:"phone,omitempty"`
	Address     string `json:"address,omitempty"`
	TimeZone    string `json:"time_zone,omitempty"` // IANA name; empty means UTC
	DateOfBirth string `json:"date_of_birth,omitempty"`
	Specialty   string `json:"specialty,omitempty"` // of a practitioner
	Bio         string `json:"bio,omitempty"`       // of a practitioner
}

// UserChange changes a user; nil leaves a field, and "" removes what may be missing.
type UserChange struct {
	Name        *string
	Phone       *string // may be ""
	Address     *string // may be ""
	DateOfBirth *string // may be ""
	TimeZone    *string
	Role        *string // by an admin only
}

// MarshalJSON writes what changes, with null for what is removed.
func (u UserChange) MarshalJSON() ([]byte, error) {
	c := change{}
	c.set("name", u.Name)
	c.setOrNull("phone", u.Phone)
	c.setOrNull("address", u.Address)
	c.setOrNull("date_of_birth", u.DateOfBirth)
	c.set("time_zone", u.TimeZone)
	c.set("role", u.Role)
	return json.Marshal(map[string]any(c))
}

// change collects the fields of a change.
type change map[string]any

func (c change) set(name string, value *string) {
	if value != nil {
		c[name] = *value
	}
}

// setOrNull makes the empty text null.
func (c change) setOrNull(name string, value *string) {
	if c.set(name, value); value != nil && *value == "" {
		c[name] = nil
	}
}

// UserQuery filters users.
type UserQuery struct {
	Role string // empty: all
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, u NewUser, options ...CallOption) (User, error) {
	return call[User](ctx, c, post("/v1/users", u), options)
}

// Users lists users: all of them for an admin, the caller alone for others.
func (c *Client) Users(q UserQuery) List[User] {
	return List[User]{c, "/v1/users", newQuery().text("role", q.Role).Values}
}

// User reads a user.
func (c *Client) User(ctx context.Context, id string, options ...CallOption) (User, error) {
	return call[User](ctx, c, get(at("users", id)), options)
}

// Me reads the caller's own user.
func (c *Client) Me(ctx context.Context, options ...CallOption) (User, error) {
	return call[User](ctx, c, get("/v1/me"), options)
}

// ChangeUser changes a user that was read with etag.
func (c *Client) ChangeUser(ctx context.Context, id, etag string, u UserChange) (User, error) {
	return call[User](ctx, c, patch(at("users", id), u), []CallOption{ifMatch(etag)})
}
