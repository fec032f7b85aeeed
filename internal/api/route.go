package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/page"
)

// row is one line of the table of routes.
type row struct {
	ID      string // verb-noun, as the audit trail has it the other way round
	Method  string
	Path    string
	Summary string
	May     access
	Status  int // of a success
}

// operation is a route with all that is derived from its row.
type operation struct {
	row
	also      []int           // other statuses of a success, which the presenter chooses
	refuses   []*errs.Error   // the domain errors it can answer
	tagged    bool            // its answers have an ETag
	whole     bool            // never 304: it embeds what its ETag does not cover
	reads     bool            // it changes nothing, although it is a POST
	produces  []string        // the types of its body, when that is a file
	named     bool            // that file has a name to be kept under
	takesBody bool            // its input has a body
	action    string          // as the audit trail calls it: "appointment.hold"
	described *huma.Operation // its part of the OpenAPI document
	places    places
}

// option says about a route what few have.
type option func(*operation)

// refuses lists the domain errors of a route.
func refuses(list ...*errs.Error) option {
	return func(o *operation) { o.refuses = append(o.refuses, list...) }
}

// also lists other statuses of a success.
func also(status ...int) option {
	return func(o *operation) { o.also = status }
}

// tagged says that a route's answers have an ETag.
func tagged(o *operation) { o.tagged = true }

// whole is like tagged, for answers that embed what their ETag does not cover:
// they are never 304.
func whole(o *operation) { o.tagged, o.whole = true, true }

// reads says that a POST changes nothing: it is one so that what is asked for
// stands in no URL.
func reads(o *operation) { o.reads = true }

// action names a route for the audit trail, where its id does not.
func action(name string) option {
	return func(o *operation) { o.action = name }
}

// produces says that a route answers with a file of one of these types.
func produces(types ...string) option {
	return func(o *operation) { o.tagged, o.produces = true, types }
}

// downloads says that a route answers with a file of one of these types, which
// is personal.
func downloads(types ...string) option {
	return func(o *operation) { o.produces = types }
}

// named says that the file has a name, to be kept under.
func named(o *operation) { o.named = true }

// repeatable reports whether a route takes an Idempotency-Key. What makes or
// shows a secret does not: an answer that is kept could be read again. What only
// reads needs none.
func (o *operation) repeatable() bool {
	return o.Method == http.MethodPost && !o.secret() && !o.reads
}

// secret reports whether a route takes, makes or shows secrets.
func (o *operation) secret() bool {
	return strings.HasPrefix(o.Path, "/v1/auth/") || strings.HasSuffix(o.Path, "/rotate-secret") ||
		o.Path == "/v1/api-keys" || o.Path == "/v1/setup" || o.Path == "/v1/webhooks"
}

// paged reports whether a route answers with pages.
func (o *operation) paged() bool { return slices.Contains(o.refuses, page.ErrCursor) }

func (o *operation) mayBeUnchanged() bool {
	return o != nil && o.tagged && !o.whole && o.Method == http.MethodGet
}

// operation starts a route from its row. A row that lacks anything is a mistake
// in the table, and panics.
func (a *surface) operation(r row, opts []option) *operation {
	if r.ID == "" || r.Summary == "" || r.Status == 0 || a.tag == "" || len(r.May.roles()) == 0 {
		panic("api: the row of " + r.Method + " " + r.Path + " " + r.ID + " is not complete; its line of the policy lets nobody in")
	}
	verb, noun, _ := strings.Cut(r.ID, "-")
	noun = strings.ReplaceAll(strings.TrimSuffix(noun, "s"), "-", "_")
	o := &operation{row: r, action: noun + "." + verb}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// added finishes a route once huma has described its input.
func (a *surface) added(o *operation, in reflect.Type) {
	o.described = describedAs(a.api.OpenAPI().Paths[o.Path], o.Method)
	a.describeInput(o, in)
	o.places = placesOf(a.api.OpenAPI().Components.Schemas, o.described)
	a.operations = append(a.operations, o)
}

// admit is the first thing that happens on a route: the credential, the role,
// then the form of query and body, and only then does huma decode them.
func (a *surface) admit(o *operation) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		x := exchangeOf(r.Context())
		x.op, x.Route, x.path = o, o.Path, r.URL.EscapedPath()
		if x.Actor.Weak && o.May.public() {
			x.Actor = stranger(x.Actor) // who sees no more than anybody does
		}
		err := o.admits(x.Actor)
		if err == nil && o.May.stepUp != "" {
			err = x.Actor.StepUp(o.May.stepUp, a.server.Auth.DB.Now())
		}
		if errs.KindOf(err) == errs.Forbidden {
			if failed := a.recordRefusal(r.Context(), o, x.Actor); failed != nil {
				err = failed
			}
		}
		if err == nil {
			err = x.readQuery(o, r)
		}
		if err == nil {
			err = x.readBody(o, r)
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		next(hc)
	}
}

// recordRefusal puts on record that a role was refused a route.
func (a *surface) recordRefusal(ctx context.Context, o *operation, by auth.Actor) error {
	noun, _, _ := strings.Cut(o.action, ".")
	e := by.Event(o.action, noun, "")
	e.Outcome = audit.Denied
	return audit.RecordNow(ctx, a.server.Auth.DB, e)
}

// locate returns where in the request a field is: "slots" is "body.slots".
func (o *operation) locate(field string) string {
	if o == nil {
		return field
	}
	for _, in := range []string{"body.", "query.", "path.", "header."} {
		if _, ok := o.places[in+field]; ok {
			return in + field
		}
	}
	return field
}

// String says in words who may call a route.
func (p access) String() string {
	if p.public() {
		return "anybody, also without a credential"
	}
	var names []string
	for _, r := range p.roles() {
		names = append(names, "`"+string(r)+"`")
	}
	text := strings.Join(names, ", ")
	if p.scope != "" {
		text += "; API keys with the scope `" + string(p.scope) + "`"
	}
	if p.stepUp != "" {
		text += "; after step-up, or with a key that has `" + string(p.stepUp) + "`"
	}
	return text
}
