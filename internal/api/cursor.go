package api

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"

	"medbook/internal/page"
)

// Paging is the part of a list's input that says which page. It is exported
// only so that huma sees it in the types that embed it.
type Paging struct {
	Limit  int    `query:"limit" required:"true" minimum:"1" maximum:"200" example:"50" doc:"How many items at most. It is required, so that nobody takes a first page for the whole list."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next_cursor of the page before, with the same filter. A cursor works for the caller to whom it was given."`
	Count  bool   `query:"count" doc:"Whether to count all items that the filter matches."`

	request page.Request
}

func (p *Paging) paging() *Paging { return p }

// open reads the cursor, which must have been sealed by the same binding.
func (p *Paging) open(b binding) error {
	p.request = page.Request{Limit: p.Limit, Count: p.Count}
	if p.Cursor == "" {
		return nil
	}
	after, ok := b.open(p.Cursor)
	if !ok {
		return page.ErrCursor
	}
	p.request.After = after
	return nil
}

// List is one page of a list.
type List[B any] struct {
	Items      []B     `json:"items" doc:"The items of this page, in the list's order."`
	NextCursor *string `json:"next_cursor" example:"Wg9rYb2Vn3AxODAzNjUwNDAw" doc:"The cursor of the next page; null on the last."`
	Total      *int    `json:"total,omitempty" minimum:"0" doc:"How many items the filter matches; with count=true only."`
}

// binding ties a cursor to a caller, a list and a filter. It is a checksum and
// no secret: a cursor that somebody made up gives them nothing that a filter
// would not, for what a caller may see is judged anew for each page.
type binding [sha256.Size]byte

// sealed is how many bytes of a cursor are the checksum.
const sealed = 8

// bind returns the binding of a request: everything but which page it asks for.
func bind(x *exchange) binding {
	parts := []string{x.Actor.UserID.String(), x.path}
	var names []string
	for name := range x.query {
		if name != "limit" && name != "cursor" && name != "count" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		parts = append(parts, name, x.query.Get(name))
	}
	var all []byte
	for _, part := range parts {
		all = strconv.AppendQuote(all, part)
	}
	return sha256.Sum256(all)
}

func (b binding) sum(position string) []byte {
	sum := sha256.Sum256(append(b[:], position...))
	return sum[:sealed]
}

// seal returns the cursor that stands for a position in a list.
func (b binding) seal(position string) string {
	return base64.RawURLEncoding.EncodeToString(append(b.sum(position), position...))
}

// open returns the position that seal was given, and false for any other text.
func (b binding) open(cursor string) (position string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= sealed {
		return "", false
	}
	position = string(raw[sealed:])
	return position, string(b.sum(position)) == string(raw[:sealed])
}
