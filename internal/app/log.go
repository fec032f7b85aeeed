package app

import (
	"io"
	"log/slog"
)

// logged are the keys whose values may be written to the log. None of them may
// ever hold what a person wrote, or what tells who a person is.
var logged = map[string]bool{
	slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true,
	"actor_id":    true, // a user's opaque id
	"address":     true, // the server's own
	"attempts":    true, // of a job
	"code":        true, // of an error that callers may see
	"duration_ms": true,
	"error":       true, // of the program's own parts
	"job_id":      true,
	"kind":        true, // of a job
	"method":      true,
	"request_id":  true,
	"route":       true, // the pattern, not the path
	"stack":       true, // functions and lines, no values
	"status":      true,
	"trace_id":    true,
}

// NewLog returns a log that writes a line of JSON for each record. What has a
// key that is not in the list is left out, so that what nobody thought of stays
// inside.
func NewLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if !logged[a.Key] && a.Value.Kind() != slog.KindGroup {
				return slog.Attr{}
			}
			return a
		},
	}))
}
