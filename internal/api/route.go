package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/idempotency"
	"medbook/internal/page"
)

// row is one line of the table of routes.
type row struct {
	ID      string // verb-noun, as the audit trail has it the other way round
	Method  string
	Path    string
	Summary string
	Who     who
	Status  []int // of a success; the first unless the presenter says otherwise
}

// who may call a route. The zero value is nobody, and no route may have it.
type who struct {
	anonymous bool // no credential is needed
	roles     []auth.Role
}

// admits returns why by may not call the route: 401 without a credential, 403
// with the wrong role.
func (w who) admits(by auth.Actor) error {
	switch {
	case w.anonymous, by.Is(w.roles...):
		return nil
	case by.Anonymous():
		return auth.ErrUnauthenticated
	}
	return auth.ErrForbidden
}

// operation is a route with all that is derived from its row.
type operation struct {
	row
	refuses   []*errs.Error   // the domain errors it can answer
	tagged    bool            // its answers have an ETag
	whole     bool            // never 304: it embeds what its ETag does not cover
	produces  []string        // the types of its body, when that is a file
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

// tagged says that a route's answers have an ETag.
func tagged(o *operation) { o.tagged = true }

// whole is like tagged, for answers that embed what their ETag does not cover:
// they are never 304.
func whole(o *operation) { o.tagged, o.whole = true, true }

// action names a route for the audit trail, where its id does not.
func action(name string) option {
	return func(o *operation) { o.action = name }
}

// produces says that a route answers with a file of one of these types.
func produces(types ...string) option {
	return func(o *operation) { o.tagged, o.produces = true, types }
}

// paged reports whether a route answers with pages.
func (o *operation) paged() bool { return slices.Contains(o.refuses, page.ErrCursor) }

func (o *operation) mayBeUnchanged() bool {
	return o != nil && o.tagged && !o.whole && o.Method == http.MethodGet
}

// route adds a route that answers with one thing. handle calls one service
// method; present turns its result into the answer, and must be a pure
// function, for it also makes the answer that is kept for a repeat.
func route[In, T, B any](a *surface, r row, handle func(context.Context, auth.Actor, *In) (T, error), present func(T) answer[B], opts ...option) {
	o := a.operation(r, opts)
	a.describe(o, reflect.TypeFor[In](), reflect.TypeFor[B]())
	huma.Register(a.api, *o.described, func(ctx context.Context, in *In) (*written, error) {
		x := exchangeOf(ctx)
		encode := func(result any, err error) (idempotency.Answer, error) {
			if err != nil {
				return problemAnswer(o, x.request, err)
			}
			return render(o, present(result.(T)))
		}
		ctx, err := x.keyed(ctx, o, encode)
		var result T
		if err == nil {
			result, err = handle(ctx, x.actor, in)
		}
		return a.written(x, encode, result, err), nil
	})
	a.added(o, reflect.TypeFor[In]())
}

// list adds a route that answers with one page of many things. A cursor goes
// out bound to the caller and the filter, and comes in only with the same.
func list[In any, P interface {
	*In
	paging() *Paging
}, T, B any](a *surface, r row, handle func(context.Context, auth.Actor, *In) (page.Of[T], error), present func(T) B, opts ...option) {
	o := a.operation(r, append(opts, refuses(page.ErrCursor)))
	a.describe(o, reflect.TypeFor[In](), reflect.TypeFor[List[B]]())
	huma.Register(a.api, *o.described, func(ctx context.Context, in *In) (*written, error) {
		x := exchangeOf(ctx)
		bound := bind(x, o)
		err := P(in).paging().open(bound)
		var found page.Of[T]
		if err == nil {
			found, err = handle(ctx, x.actor, in)
		}
		encode := func(_ any, err error) (idempotency.Answer, error) {
			if err != nil {
				return problemAnswer(o, x.request, err)
			}
			public, ok := any(in).(interface{ public() bool })
			return pageAnswer(o, x, bound, found, present, ok && public.public())
		}
		return a.written(x, encode, nil, err), nil
	})
	a.added(o, reflect.TypeFor[In]())
}

// pageAnswer makes the answer with one page.
func pageAnswer[T, B any](o *operation, x *exchange, bound binding, found page.Of[T], present func(T) B, public bool) (idempotency.Answer, error) {
	body := List[B]{Items: make([]B, len(found.Items)), Total: found.Total}
	for i, item := range found.Items {
		body.Items[i] = present(item)
	}
	if found.Next != "" {
		next := bound.seal(found.Next)
		body.NextCursor = &next
	}
	a, err := render(o, answer[List[B]]{Body: body, Public: public})
	if err == nil && body.NextCursor != nil {
		query := url.Values{"cursor": {*body.NextCursor}}
		for name, values := range x.query {
			if name != "cursor" {
				query[name] = values
			}
		}
		a.Header["Link"] = fmt.Sprintf("<%s?%s>; rel=\"next\"", x.path, query.Encode())
	}
	if err == nil && public {
		a.Header["ETag"] = digest(a.Body)
	}
	return a, err
}

// written is what huma gets as the output of every operation: a function that
// sends what is ready, so that huma encodes nothing itself.
type written struct {
	Body func(huma.Context)
}

// written makes the answer of a result or an error, or repeats a kept one.
func (a *surface) written(x *exchange, encode func(any, error) (idempotency.Answer, error), result any, err error) *written {
	var replay *idempotency.Replay
	replayed := errors.As(err, &replay)
	if err != nil && !replayed {
		a.server.note(x, err)
	}
	return &written{func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		if replayed {
			w.Header().Set("Idempotency-Replayed", "true")
			send(w, r, x.op, replay.Answer)
			return
		}
		answer, err := encode(result, err)
		if err != nil {
			a.server.fail(w, r, err)
			return
		}
		send(w, r, x.op, answer)
	}}
}

// operation starts a route from its row. A row that lacks anything is a mistake
// in the table, and panics.
func (a *surface) operation(r row, opts []option) *operation {
	if r.ID == "" || r.Summary == "" || len(r.Status) == 0 || a.tag == "" || !r.Who.anonymous && len(r.Who.roles) == 0 {
		panic("api: the row of " + r.Method + " " + r.Path + " " + r.ID + " is not complete; say who may call it")
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
		x.op, x.route, x.path = o, o.Path, r.URL.EscapedPath()
		err := o.Who.admits(x.actor)
		if errors.Is(err, auth.ErrForbidden) {
			if failed := a.recordRefusal(r.Context(), o, x.actor); failed != nil {
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
			a.server.fail(w, r, err)
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

// keyed puts what an Idempotency-Key asks for into the context. Without a
// caller there is nobody to keep an answer for, and the key is ignored.
func (x *exchange) keyed(ctx context.Context, o *operation, encode func(any, error) (idempotency.Answer, error)) (context.Context, error) {
	if o.Method != http.MethodPost || len(x.keys) == 0 || x.actor.Anonymous() {
		return ctx, nil
	}
	key := x.keys[0]
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	if len(x.keys) > 1 || key == "" || len(key) > 255 || strings.ContainsFunc(key, func(c rune) bool { return !visible(c) }) {
		return ctx, errInvalid.Field("header.Idempotency-Key", "must be one key of 1 to 255 visible ASCII characters")
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(o.Method), []byte(x.path), x.body} {
		hash.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		hash.Write([]byte{':'})
		hash.Write(part)
	}
	req := idempotency.Request{Caller: x.actor.UserID.String(), Route: o.Method + " " + o.Path, Key: key, Encode: encode}
	copy(req.BodyHash[:], hash.Sum(nil))
	return idempotency.With(ctx, req), nil
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

// roles returns the roles that may call a route, in words.
func (w who) String() string {
	if w.anonymous {
		return "anybody, also without a credential"
	}
	names := make([]string, len(w.roles))
	for i, r := range w.roles {
		names[i] = "`" + string(r) + "`"
	}
	return strings.Join(slices.Compact(names), ", ")
}
