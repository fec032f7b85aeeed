package api

import "medbook/internal/etag"

// Types that inputs embed are exported, because huma does not look into others.

// ByID is the input of a route about one thing.
type ByID struct {
	ID string `path:"id" doc:"Its id, as it was answered; opaque." example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
}

// Versioned is the part of an input that says which version is changed.
type Versioned struct {
	IfMatch etag.Match `header:"If-Match" doc:"The ETag that was last read, or *. Without it the answer is 428; when it is not current, 412." example:"\"3\""`
}

type empty struct{}

// versionedID is the input of a route that removes one thing.
type versionedID struct {
	ByID
	Versioned
}
