package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"medbook/internal/errs"
	"medbook/internal/gate"
	"medbook/internal/idempotency"
)

// Errors of requests that no service sees.
var (
	errMalformed   = errs.New(errs.Malformed, "malformed", "The request can't be read.")
	errInvalid     = errs.New(errs.Invalid, "invalid-request", "The request is not what this operation takes.")
	errNoRoute     = errs.New(errs.NotFound, "not-found", "There is nothing at this address.")
	errMethod      = errs.New(errs.Malformed, "method-not-allowed", "This address does not take this method.")
	errTooLarge    = errs.New(errs.Malformed, "body-too-large", "The body is larger than 1 MiB.")
	errContentType = errs.New(errs.Malformed, "unsupported-content-type", "The body must be application/json in UTF-8, not compressed.")
	errTooSlow     = errs.New(errs.Malformed, "request-timeout", "The body took too long to arrive.")
	errNotReady    = errs.New(errs.Unavailable, "not-ready", "The server can't answer requests yet.")
)

// only has the codes of HTTP's own errors, which no kind tells apart.
var only = map[string]int{
	errMethod.Code:      http.StatusMethodNotAllowed,
	errTooLarge.Code:    http.StatusRequestEntityTooLarge,
	errContentType.Code: http.StatusUnsupportedMediaType,
	errTooSlow.Code:     http.StatusRequestTimeout,
}

func statusOf(e *errs.Error) int {
	if s, ok := only[e.Code]; ok {
		return s
	}
	return gate.Status(e.Kind)
}

// problem is an RFC 9457 problem document.
type problem struct {
	Type      string       `json:"type" format:"uri-reference" doc:"Where the code is described." example:"/docs/problems#slot-taken"`
	Title     string       `json:"title" doc:"The code in words." example:"Slot taken"`
	Status    int          `json:"status" doc:"The HTTP status." example:"409"`
	Detail    string       `json:"detail" doc:"What is wrong, in a sentence." example:"Someone else has just booked this slot."`
	Code      string       `json:"code" pattern:"^[a-z0-9-]+$" doc:"What is wrong, for programs: stable, and unique to this problem." example:"slot-taken"`
	RequestID string       `json:"request_id" doc:"The X-Request-ID of the request that met the problem." example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Errors    []fieldError `json:"errors,omitempty" doc:"What is wrong with which part of the request."`
}

// fieldError says what is wrong with one part of a request. It never holds a
// value that the caller sent.
type fieldError struct {
	Location string `json:"location" doc:"The part of the request." example:"body.slots"`
	Message  string `json:"message" doc:"What is wrong with it." example:"expected number <= 16"`
}

// problemType is the page of the documentation that lists every code.
const problemType = "/docs/problems"

// titleOf returns a code in words: "slot-taken" is "Slot taken".
func titleOf(code string) string {
	words := strings.ReplaceAll(code, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// problemOf makes the problem document of e. o tells where in a request its
// fields are; it may be nil.
func problemOf(o *operation, requestID string, e *errs.Error) *problem {
	return &problem{
		Type: problemType + "#" + e.Code, Title: titleOf(e.Code), Status: statusOf(e), Detail: e.Detail,
		Code: e.Code, RequestID: requestID, Errors: fieldErrors(o, e),
	}
}

// problemAnswer makes the answer to a request that met err.
func problemAnswer(o *operation, requestID string, err error) (idempotency.Answer, error) {
	e := gate.Shown(err)
	p := problemOf(o, requestID, e)
	header := map[string]string{"Content-Type": problemContent}
	switch p.Status {
	case http.StatusUnauthorized:
		header["WWW-Authenticate"] = `Bearer realm="medbook", ApiKey realm="medbook"`
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header["Retry-After"] = strconv.Itoa(max(1, int(math.Ceil(e.Wait.Seconds()))))
	}
	body, err := encode(p)
	return idempotency.Answer{Status: p.Status, Header: header, Body: body}, err
}

// fail answers a request with the problem that err is.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	refuse(w, r, exchangeOf(r.Context()).op, err)
}

// refuse answers a request with the problem that err is. o is nil when no
// operation was reached.
func refuse(w http.ResponseWriter, r *http.Request, o *operation, err error) {
	gate.Note(r.Context(), err)
	a, broken := problemAnswer(o, gate.Of(r.Context()).Request, err)
	if broken != nil {
		panic(broken)
	}
	send(w, r, o, a)
}
