package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// List is a list on the server. Nothing is asked before Page or All is called.
type List[T any] struct {
	client *Client
	path   string
	query  url.Values
}

// Page is a part of a list.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"` // nil on the last page
	Total      *int    `json:"total"`       // set when PageRequest.Count was
}

// PageRequest says which part of a list to read.
type PageRequest struct {
	Limit  int    // at most so many items, 1 to 200; 0 means 100
	Cursor string // the page before's NextCursor; empty for the first page
	Count  bool   // also count the whole list; not every list can
}

// Page reads one page.
func (l List[T]) Page(ctx context.Context, r PageRequest, options ...CallOption) (Page[T], error) {
	x := get(l.path)
	x.query = url.Values{"limit": {strconv.Itoa(r.Limit)}}
	if r.Limit == 0 {
		x.query.Set("limit", "100")
	}
	for name, values := range l.query {
		x.query[name] = values
	}
	if r.Cursor != "" {
		x.query.Set("cursor", r.Cursor)
	}
	if r.Count {
		x.query.Set("count", "true")
	}
	return call[Page[T]](ctx, l.client, x, options)
}

// All iterates over the items of all pages, in the list's order. It reads the
// next page when the one before is used up, and ends after the first error.
func (l List[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var r PageRequest
		for {
			page, err := l.Page(ctx, r)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == nil {
				return
			}
			r.Cursor = *page.NextCursor
		}
	}
}

// query collects the parameters of a list; what is zero is left out.
type query struct{ url.Values }

func newQuery() query { return query{url.Values{}} }

func (q query) text(name, value string) query {
	if value != "" {
		q.Set(name, value)
	}
	return q
}

func (q query) instant(name string, t time.Time) query {
	if !t.IsZero() {
		q.Set(name, t.Format(time.RFC3339Nano))
	}
	return q
}
