package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// listing is a list that is read in pages, in the order of ids.
type listing[T any] struct {
	columns string
	from    string // FROM and WHERE, with args
	args    []any
	scan    func(sqldb.Row) (T, error)
	id      func(T) uuid.UUID
}

// page returns the page that req asks for, or page.ErrCursor.
func (l listing[T]) page(ctx context.Context, tx *sqldb.Tx, req page.Request) (p page.Of[T], err error) {
	after, err := position(req)
	if err != nil {
		return p, err
	}
	n := len(l.args)
	query := fmt.Sprintf(`SELECT %s %s AND id > $%d ORDER BY id LIMIT $%d`, l.columns, l.from, n+1, n+2)
	found, err := sqldb.All(ctx, tx, l.scan, query, append(l.args[:n:n], after, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, func(t T) string { return l.id(t).String() })
	if req.Count {
		p.Total, err = count(ctx, tx, `SELECT COUNT(*) `+l.from, l.args...)
	}
	return p, err
}

// position reads where a page begins: after the row with this id.
func position(req page.Request) (uuid.UUID, error) {
	if req.After == "" {
		return uuid.Nil, nil
	}
	after, ok := id.Parse(req.After)
	if !ok {
		return uuid.Nil, page.ErrCursor
	}
	return after, nil
}

func count(ctx context.Context, tx *sqldb.Tx, query string, args ...any) (*int, error) {
	n, err := sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, query, args...)
	return &n, err
}
