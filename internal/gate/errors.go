package gate

import (
	"context"
	"errors"
	"net/http"

	"medbook/internal/errs"
)

// Errors of requests whatever face they are for.
var (
	ErrTooMany     = errs.New(errs.Limited, "too-many-requests", "Too many requests came from you. Wait, then go on.")
	ErrCrossOrigin = errs.New(errs.Forbidden, "cross-origin", "This came from a page of another site, in the name of whom the browser is signed in as. It is refused.")
	ErrCancelled   = errs.New(errs.Unavailable, "cancelled", "The request ended before its answer was there.")
	ErrInternal    = errs.New(errs.Internal, "internal", "Something went wrong here. It has been logged; the request may be tried again.")
)

// Shown returns the error in err that may be shown to the caller; what may not
// be is ErrInternal.
func Shown(err error) *errs.Error {
	if e := errs.As(err); e != nil && e.Kind != errs.Internal {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ErrCancelled
	}
	return ErrInternal
}

// status is the only place where a kind of error meets an HTTP status.
var status = map[errs.Kind]int{
	errs.Internal:             http.StatusInternalServerError,
	errs.Malformed:            http.StatusBadRequest,
	errs.Unauthenticated:      http.StatusUnauthorized,
	errs.Forbidden:            http.StatusForbidden, // the role may never do this
	errs.NotFound:             http.StatusNotFound,  // unknown, or not the caller's: the same answer
	errs.Conflict:             http.StatusConflict,
	errs.Gone:                 http.StatusGone,
	errs.PreconditionFailed:   http.StatusPreconditionFailed,
	errs.PreconditionRequired: http.StatusPreconditionRequired,
	errs.Invalid:              http.StatusUnprocessableEntity,
	errs.Unavailable:          http.StatusServiceUnavailable,
	errs.Limited:              http.StatusTooManyRequests,
}

// Status returns the HTTP status of a kind of error.
func Status(kind errs.Kind) int { return status[kind] }
