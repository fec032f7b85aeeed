// Package orders owns the orders of DNA kits: who gets which kit, where it is sent,
// and how far it has come.
//
// Rules that it keeps:
//
//   - Admins place orders, for any user, and move them: placed, dispatched,
//     sample_received, completed; cancelled from the first two only. To move an
//     order to where it stands changes nothing. Of two who move one at once, one does.
//   - Admins see all orders, everybody else their own. A look at another's is on
//     record, with the patient if it is a patient's.
//   - Where a kit goes is stored sealed, tied to its order, and gone once the user
//     is erased.
//   - Who gets a kit is told so by the transaction that places the order.
package orders

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrNotFound     = errs.New(errs.NotFound, "order-not-found", "There is no such order, or it is not yours.")
	ErrInvalidOrder = errs.New(errs.Invalid, "invalid-order", "This order can't be placed as given.")
	ErrTransition   = errs.New(errs.Conflict, "illegal-order-transition", "The order's status does not allow this.")
)

// Kit is a type of DNA kit.
type Kit string

// The types of kits.
const (
	WholeExome  Kit = "whole-exome-sequencing"
	WholeGenome Kit = "whole-genome-sequencing"
	Targeted    Kit = "targeted-sequencing"
	Genotyping  Kit = "genotyping-array"
)

// Status is how far an order has come.
type Status string

// The statuses of orders.
const (
	Placed         Status = "placed"
	Dispatched     Status = "dispatched" // the kit is on its way
	SampleReceived Status = "sample_received"
	Completed      Status = "completed"
	Cancelled      Status = "cancelled"
)

// Address is where a kit goes. Line2 and Region may be absent.
type Address struct {
	Name, Line1, Line2       phi.Value[string]
	City, Region, PostalCode phi.Value[string]
	Country                  phi.Value[string] // ISO 3166-1 alpha-2
}

// Order is a kit that was ordered for a user.
type Order struct {
	ID        id.Keyed // its lead is the user
	Kit       Kit
	Status    Status
	Shipping  Address // zero once the user is erased, and where it was not asked for
	CreatedAt time.Time
	CreatedBy uuid.UUID // a user
	UpdatedAt time.Time
	Version   int64 // raised by each change

	sealed  []byte // Shipping, as it is stored
	patient bool   // the user is one
}

// User returns for whom it is.
func (o Order) User() uuid.UUID { return o.ID.Lead }

// ETag is the order's version.
func (o Order) ETag() string { return etag.Quote(strconv.FormatInt(o.Version, 10)) }

// patients returns whose data the order is.
func (o Order) patients() []uuid.UUID {
	if o.patient {
		return []uuid.UUID{o.User()}
	}
	return nil
}

// Service offers orders to api, web and fhir. Its fields are set before the first
// call; its methods are safe for concurrent use.
type Service struct {
	DB   *sqldb.DB
	Seal *keyring.Ring // keeps where kits go from who sees the database
}

// shippingUse says what was sealed, and for which row.
func shippingUse(key id.Keyed) []byte { return fmt.Appendf(nil, "order shipping %s", key) }

// open reads where a kit goes.
func (s *Service) open(o *Order) error {
	if len(o.sealed) == 0 { // the user was erased
		return nil
	}
	text, err := s.Seal.Unseal(o.sealed, shippingUse(o.ID))
	if err == nil {
		o.Shipping, err = addressOf(text)
	}
	if err != nil {
		return fmt.Errorf("read where order %s goes: %w", o.ID, err)
	}
	return nil
}
