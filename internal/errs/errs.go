// Package errs holds the one error type that may be shown to a caller.
//
// A package declares the errors that callers may act on in one var block with
// New; gate holds the only table from Kind to HTTP status. Everything else is an
// internal error, whose text is logged but never sent.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of refusal an error is. Its zero value is Internal.
type Kind int

// The kinds of errors. What each one means over HTTP is package gate's affair.
const (
	Internal             Kind = iota // a defect or a broken machine; details stay inside
	Malformed                        // the request can't be read
	Unauthenticated                  // no credential, or a wrong one
	Forbidden                        // the role may never do this
	NotFound                         // unknown, or not the caller's: the same answer
	Conflict                         // the state of things does not allow it
	Gone                             // it was there, and its time is over
	PreconditionFailed               // If-Match names an older version
	PreconditionRequired             // If-Match is missing
	Invalid                          // readable, but against a rule
	Unavailable                      // try again later
	Limited                          // too much of it; After says when to try again
)

// Error is an error that may be shown to the caller. Detail must hold no
// patient data: it reaches logs, problem documents and support tickets.
type Error struct {
	Kind   Kind
	Code   string            // stable, kebab-case, unique in the program: "slot-taken"
	Detail string            // one English sentence for the caller
	Fields map[string]string // request field -> what is wrong with it; never its value
	Wait   time.Duration     // when to try again, of Limited and Unavailable; zero: soon
}

// New makes an error for a package's var block. Code must be unique in the program.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Error returns the code and the detail.
func (e *Error) Error() string { return e.Code + ": " + e.Detail }

// Is reports whether target is an Error with the same code, so that errors.Is
// sees through With and Field.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns a copy of e with another detail.
func (e *Error) With(detail string) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// After returns a copy of e that tells the caller to try again after wait.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.Wait = wait
	return &c
}

// Field returns a copy of e that also says what is wrong with the request field name.
func (e *Error) Field(name, wrong string) *Error {
	c := *e
	c.Fields = make(map[string]string, len(e.Fields)+1)
	for k, v := range e.Fields {
		c.Fields[k] = v
	}
	c.Fields[name] = wrong
	return &c
}

// As returns the Error inside err, or nil when err is nil or internal.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf returns the kind of the Error inside err, Internal when there is none.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}

// Wrap adds what was being done to *err, if there is an error. It is made for
// defer as an exported function's first line. The arguments identify the call
// and must hold no patient data.
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}
