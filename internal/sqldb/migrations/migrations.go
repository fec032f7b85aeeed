// Package migrations holds the steps that make the schema, one SQL text for
// both engines. A step is never edited once released; the next one changes it.
package migrations

import "embed"

// Files holds the steps, named NNNNN_what.sql and applied in that order.
//
//go:embed *.sql
var Files embed.FS
