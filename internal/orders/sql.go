package orders

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// recordOf is where an address leaves its wrapping, and seal where it goes from
// there.
func recordOf(a Address) record {
	return record{
		Name: a.Name.Reveal(), Line1: a.Line1.Reveal(), Line2: a.Line2.Reveal(), City: a.City.Reveal(),
		Region: a.Region.Reveal(), PostalCode: a.PostalCode.Reveal(), Country: a.Country.Reveal(),
	}
}

func (s *Service) seal(key id.Keyed, r record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return s.Seal.Seal(text, shippingUse(key))
}

// address wraps r.
func (r record) address() Address {
	return Address{
		Name: phi.Of(r.Name), Line1: phi.Of(r.Line1), Line2: optional(r.Line2), City: phi.Of(r.City),
		Region: optional(r.Region), PostalCode: phi.Of(r.PostalCode), Country: phi.Of(r.Country),
	}
}

func optional(s string) phi.Value[string] {
	if s == "" {
		return phi.Value[string]{}
	}
	return phi.Of(s)
}

// addressOf reads what was unsealed.
func addressOf(text []byte) (Address, error) {
	var r record
	if json.Unmarshal(text, &r) != nil { // its error could quote the text
		return Address{}, errors.New("orders: an address is not in the form in which it is kept")
	}
	return r.address(), nil
}

// isPatient reports whether a user is a patient. It returns
// directory.ErrUserNotFound for who is not there, and who is erased.
func isPatient(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (bool, error) {
	patient, err := sqldb.One(ctx, tx, func(r sqldb.Row) (patient bool, err error) {
		err = r.Scan(&patient)
		return patient, err
	}, `SELECT u.role = 'patient' FROM users u WHERE u.id = $1
		AND NOT EXISTS (SELECT 1 FROM patients p WHERE p.patient_id = u.id AND p.erased_at IS NOT NULL)`, user)
	if errors.Is(err, sqldb.ErrNoRows) {
		err = directory.ErrUserNotFound
	}
	return patient, err
}

func insertOrder(ctx context.Context, tx *sqldb.Tx, o Order) error {
	_, err := tx.Exec(ctx, `INSERT INTO orders (user_id, id, kit_type, status, shipping, created_at, created_by, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, o.ID.Lead, o.ID.ID, string(o.Kit), string(o.Status), o.sealed,
		sqldb.Instant(o.CreatedAt), o.CreatedBy, sqldb.Instant(o.UpdatedAt), o.Version)
	return err
}

// updateStatus takes an order along a way if it stands at one of its beginnings,
// and returns the number of rows: 0 or 1.
func updateStatus(ctx context.Context, tx *sqldb.Tx, o Order, way step) (int, error) {
	args := []any{string(way.to), sqldb.Instant(o.UpdatedAt), o.ID.Lead, o.ID.ID}
	for _, from := range way.from {
		args = append(args, string(from))
	}
	return tx.Exec(ctx, `UPDATE orders SET status = $1, updated_at = $2, version = version + 1
		WHERE user_id = $3 AND id = $4 AND status IN (`+sqldb.In(5, len(way.from))+`)`, args...)
}

// blankOrders leaves nothing of where a user's orders went.
func blankOrders(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE orders SET shipping = NULL, updated_at = $2, version = version + 1
		WHERE user_id = $1 AND shipping IS NOT NULL`, user, sqldb.Instant(tx.Now()))
	return err
}

// The user is asked after in the list of columns, so that whoever locks an order
// does not lock its user.
const selectOrders = `SELECT o.user_id, o.id, o.kit_type, o.status, o.shipping, o.created_at, o.created_by, o.updated_at, o.version,
		EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id AND u.role = 'patient')
	FROM orders o WHERE `

// visible is the condition that $1 may see an order, or $2 says that they see all.
const visible = `(o.user_id = $1 OR CAST($2 AS BOOLEAN))`

func scan(r sqldb.Row) (o Order, err error) {
	err = r.Scan(&o.ID.Lead, &o.ID.ID, &o.Kit, &o.Status, &o.sealed, (*sqldb.Instant)(&o.CreatedAt), &o.CreatedBy,
		(*sqldb.Instant)(&o.UpdatedAt), &o.Version, &o.patient)
	return o, err
}

// orderByID returns an order that by may see, or ErrNotFound.
func orderByID(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed) (Order, error) {
	return orderBy(ctx, tx, by, key, "")
}

// lockOrder is orderByID, and has the order until the transaction ends.
func lockOrder(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed) (Order, error) {
	return orderBy(ctx, tx, by, key, tx.ForUpdate())
}

func orderBy(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed, lock string) (Order, error) {
	o, err := sqldb.One(ctx, tx, scan, selectOrders+visible+` AND o.user_id = $3 AND o.id = $4`+lock,
		by.UserID, by.Is(auth.Admin), key.Lead, key.ID)
	if errors.Is(err, sqldb.ErrNoRows) {
		err = ErrNotFound
	}
	return o, err
}

// ordersIn lists the orders that by may see.
func ordersIn(ctx context.Context, tx *sqldb.Tx, by auth.Actor, f Filter, req page.Request) (p page.Of[Order], err error) {
	before, user := id.Keyed{Lead: uuid.Max, ID: uuid.Max}, uuid.Nil // of a filter that is no id: nobody's
	if req.After != "" {
		var ok bool
		if before, ok = id.ParseKeyed(req.After); !ok {
			return p, page.ErrCursor
		}
	}
	if f.User != "" {
		user, _ = id.Parse(f.User)
	}
	const matching = visible + ` AND (CAST($3 AS BOOLEAN) OR o.user_id = $4) AND (CAST($5 AS TEXT) = '' OR o.status = $5)`
	args := []any{by.UserID, by.Is(auth.Admin), f.User == "", user, string(f.Status)}
	found, err := sqldb.All(ctx, tx, scan, selectOrders+matching+` AND (o.id, o.user_id) < ($6, $7) ORDER BY o.id DESC, o.user_id DESC LIMIT $8`,
		append(args, before.ID, before.Lead, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, func(o Order) string { return o.ID.String() })
	if req.Count {
		total, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, `SELECT COUNT(*) FROM orders o WHERE `+matching, args...)
		p.Total = &total
		return p, err
	}
	return p, nil
}

// ordersOf lists those orders of users that by may see, the newest first.
func ordersOf(ctx context.Context, tx *sqldb.Tx, by auth.Actor, users []uuid.UUID) ([]Order, error) {
	args := []any{by.UserID, by.Is(auth.Admin)}
	for _, u := range users {
		args = append(args, u)
	}
	return sqldb.All(ctx, tx, scan, selectOrders+visible+` AND o.user_id IN (`+sqldb.In(3, len(users))+`) ORDER BY o.id DESC`, args...)
}
