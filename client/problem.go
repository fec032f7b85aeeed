package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Problem is a refusal of the server: a problem document as in RFC 9457.
type Problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Code      string       `json:"code"`       // stable, such as "slot-taken"; what a program should look at
	RequestID string       `json:"request_id"` // to find the request in the server's log
	Errors    []FieldError `json:"errors"`     // what is wrong with which field, for a request that breaks a rule

	RetryAfter time.Duration `json:"-"` // how long to wait before trying again; 0 when the server did not say
}

// FieldError says what is wrong with one part of a request.
type FieldError struct {
	Location string `json:"location"` // such as "body.starts_at"
	Message  string `json:"message"`
}

// Error returns status, code and detail.
func (p *Problem) Error() string {
	text := strconv.Itoa(p.Status) + " " + p.Title
	if p.Code != "" {
		text = strconv.Itoa(p.Status) + " " + p.Code
	}
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	return text
}

// Code returns the code of the Problem in err, and "" when there is none.
func Code(err error) string {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// problem reads a refusal. What did not come from the server itself, but from a
// proxy before it, is a Problem without code.
func problem(resp *http.Response, body []byte) *Problem {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		p = Problem{}
	}
	p.Status = resp.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return &p
}
