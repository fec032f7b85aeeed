package web

import (
	"context"
	"crypto/sha256"
	"errors"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/web/ui"
)

// onceField is the hidden field by which a form that is sent twice is known.
const onceField = "once"

// newOnce returns a new value for a form's onceField.
func newOnce() string { return id.New().String() }

// once returns a context in which the service's deed is done once for a form with
// a onceField, however often the form is sent. at tells from what the service
// returned which page follows; again leads there after a repeat.
func (c *call) once(at func(result any) string) context.Context {
	key := c.form.Get(onceField)
	if key == "" || len(key) > 64 {
		return c.context()
	}
	encode := func(result any, err error) (idempotency.Answer, error) {
		if e := errs.As(err); e != nil {
			return idempotency.Answer{Status: 409, Body: []byte(e.Code)}, nil //nolint:nilerr // a refusal is an answer
		}
		return idempotency.Answer{Status: 303, Header: map[string]string{"Location": at(result)}}, err
	}
	rest := sha256.Sum256([]byte(c.form.Encode()))
	return idempotency.With(c.context(), idempotency.Request{
		Caller: c.by.UserID.String(), Route: "form " + c.route.path, Key: key, Seal: c.server.Auth.Keys, Encode: encode,
		BodyHash: [32]byte(c.server.Auth.Keys.Derive("form", rest[:])),
	})
}

// again leads to where the first sending of a form led, and reports whether err is
// that of a repeat.
func (c *call) again(err error) bool {
	var replay *idempotency.Replay
	if !errors.As(err, &replay) || replay.Answer.Status != 303 {
		return false
	}
	_ = c.see(replay.Answer.Header["Location"])
	return true
}

// errSentTwice is what a form shows that was sent twice and refused the first time.
var errSentTwice = errs.New(errs.Conflict, "form-sent-twice", "This form was sent before, and refused. Change it, then send it again.")

// fresh gives a refused form a new value for its onceField.
func fresh(f ui.Form) {
	if f.Values.Has(onceField) {
		f.Values.Set(onceField, newOnce())
	}
}
