// Package page says how lists are asked for and answered, one page at a time.
package page

import "medbook/internal/errs"

// ErrCursor is what a list answers to a cursor that is not one of its own.
var ErrCursor = errs.New(errs.Invalid, "invalid-cursor", "This cursor belongs to another list, filter or caller.").Field("cursor", "is not from this list")

// Request asks for at most Limit items (1 to 200) after a position.
type Request struct {
	Limit int
	After string // the Next of the page before; empty for the first page
	Count bool   // also count all items that the filter matches
}

// Of is one page of a list in its stable order.
type Of[T any] struct {
	Items []T
	Next  string // where the next page starts, for the list's own eyes; empty after the last
	Total *int   // set when the request asked for the count
}

// Cut makes a page of items that were read with one more than the limit:
// what is over tells that there is a next page, which begins after the last
// item kept. at tells an item's position.
func Cut[T any](items []T, req Request, at func(T) string) Of[T] {
	p := Of[T]{Items: items}
	if len(items) > req.Limit {
		p.Items = items[:req.Limit]
		p.Next = at(p.Items[req.Limit-1])
	}
	return p
}
