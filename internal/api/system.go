package api

import (
	"context"

	"medbook/internal/auth"
)

type healthBody struct {
	Status string `json:"status" enum:"ok" example:"ok"`
}

func presentHealth(status string) answer[healthBody] {
	return answer[healthBody]{Body: healthBody{status}}
}

func presentNone(none) answer[none] { return answer[none]{} }

// status tells that the request came this far: GET /status and /healthz.
func (s *Server) status(context.Context, auth.Actor, *empty) (string, error) { return "ok", nil }

// readiness asks whether requests can be answered: GET /readyz.
func (s *Server) readiness(ctx context.Context, _ auth.Actor, _ *empty) (string, error) {
	if err := s.Ready(ctx); err != nil {
		return "", errNotReady
	}
	return "ok", nil
}
