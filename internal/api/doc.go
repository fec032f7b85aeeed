// Package api is the REST face of medbook: the routes under /v1, problem
// documents, and the OpenAPI document with its page.
//
// It decodes a request, calls one service method, and encodes the answer. It
// knows HTTP and the form of JSON; the rules are the services'. What it keeps
// for every route alike:
//
//   - A request is judged in this order: 401, 403 by role, then its form (400,
//     413, 415, 422), and only then does a service see it.
//   - A presenter is a pure function of what the service returned. It makes the
//     answer that is sent and the one that is kept under an Idempotency-Key,
//     so the two are the same bytes.
//   - No answer and no log line holds a value that a caller sent.
//   - What is personal is never cached.
//
// To read a request top to bottom: package gate lets it in, server.go has the
// face around the table in routes.go; route.go runs a route; answer.go and
// problem.go write what comes of it.
package api
