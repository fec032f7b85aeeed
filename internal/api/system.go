package api

import (
	"context"

	"medbook/internal/auth"
)

// Check is one of the things that must be well if requests are to be answered.
type Check struct {
	Name   string // what is looked at, in a word
	Code   string // what is wrong, for programs; empty: nothing
	Detail string // the same in a sentence, for operators; the API does not tell it
	Fatal  bool   // if that is wrong, requests are not to be sent here
}

type healthBody struct {
	Status string `json:"status" enum:"ok" example:"ok"`
}

type readinessBody struct {
	Status string      `json:"status" enum:"ok,degraded" doc:"\"degraded\": requests are answered, and an operator should look." example:"ok"`
	Checks []checkBody `json:"checks" doc:"What was looked at."`
}

type checkBody struct {
	Name   string `json:"name" doc:"What was looked at." example:"database"`
	Status string `json:"status" enum:"ok,failing" example:"ok"`
	Code   string `json:"code,omitempty" pattern:"^[a-z0-9-]+$" doc:"What is wrong, for programs." example:"disk-nearly-full"`
}

func presentHealth(status string) answer[healthBody] {
	return answer[healthBody]{Body: healthBody{status}}
}

func presentReadiness(checks []Check) answer[readinessBody] {
	body := readinessBody{Status: "ok", Checks: make([]checkBody, len(checks))}
	for i, c := range checks {
		body.Checks[i] = checkBody{c.Name, "ok", c.Code}
		if c.Code != "" {
			body.Status, body.Checks[i].Status = "degraded", "failing"
		}
	}
	return answer[readinessBody]{Body: body}
}

func presentNone(none) answer[none] { return answer[none]{} }

// status tells that the request came this far: GET /status and /healthz.
func (s *Server) status(context.Context, auth.Actor, *empty) (string, error) { return "ok", nil }

// readiness asks whether requests can be answered: GET /readyz. What keeps them from
// it is told by its code.
func (s *Server) readiness(ctx context.Context, _ auth.Actor, _ *empty) ([]Check, error) {
	checks, refusal := s.Checks(ctx), errNotReady
	for _, c := range checks {
		if c.Fatal && c.Code != "" {
			refusal = refusal.Field(c.Name, c.Code)
		}
	}
	if len(refusal.Fields) > 0 {
		return nil, refusal
	}
	return checks, nil
}
