package app

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// logged are the keys whose values may be written to the log. None of them may
// ever hold what a person wrote, or what tells who a person is.
var logged = map[string]bool{
	slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true,
	"actor_id":    true, // a user's opaque id
	"address":     true, // the server's own
	"at":          true, // which part of an identity provider
	"attempts":    true, // of a job
	"code":        true, // of an error that callers may see
	"duration_ms": true,
	"error":       true, // of the program's own parts
	"issuer":      true, // an identity provider's name in the configuration
	"job_id":      true,
	"kind":        true, // of a job
	"method":      true,
	"why":         true, // a constant: why a provider's token was refused
	"request_id":  true,
	"route":       true, // the pattern, not the path
	"stack":       true, // functions and lines, no values
	"status":      true,
	"trace_id":    true,
}

// clients are how net/http names who was at the other end.
var clients = regexp.MustCompile(`(from client|from|serving) \S+`)

// serverLog takes what net/http has to say, without who was at the other end.
// Handshakes that fail are left out: whoever scans the net makes them.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(p []byte) (int, error) {
	if text := strings.TrimSpace(string(p)); !strings.Contains(text, "TLS handshake error") {
		s.log.Warn(clients.ReplaceAllString(text, "$1 a client"))
	}
	return len(p), nil
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
