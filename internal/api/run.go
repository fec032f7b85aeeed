package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/auth"
	"medbook/internal/gate"
	"medbook/internal/idempotency"
	"medbook/internal/page"
)

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
				return problemAnswer(o, x.Request, err)
			}
			return render(o, present(result.(T)))
		}
		ctx, err := x.keyed(ctx, o, a.server, encode)
		var result T
		if err == nil {
			result, err = handle(ctx, x.Actor, in)
		}
		return finish(ctx, encode, result, err), nil
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
		bound := bind(x)
		err := P(in).paging().open(bound)
		var found page.Of[T]
		if err == nil {
			found, err = handle(ctx, x.Actor, in)
		}
		encode := func(_ any, err error) (idempotency.Answer, error) {
			if err != nil {
				return problemAnswer(o, x.Request, err)
			}
			public, ok := any(in).(interface{ public() bool })
			return pageAnswer(o, x, bound, found, present, ok && public.public())
		}
		return finish(ctx, encode, nil, err), nil
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

// finish makes the answer of a result or an error, or repeats a kept one.
func finish(ctx context.Context, encode func(any, error) (idempotency.Answer, error), result any, err error) *written {
	o := exchangeOf(ctx).op
	var replay *idempotency.Replay
	replayed := errors.As(err, &replay)
	if err != nil && !replayed {
		gate.Note(ctx, err)
	}
	return &written{func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		if replayed {
			w.Header().Set("Idempotency-Replayed", "true")
			send(w, r, o, replay.Answer)
			return
		}
		answer, err := encode(result, err)
		if err != nil {
			fail(w, r, err)
			return
		}
		send(w, r, o, answer)
	}}
}

// keyed puts what an Idempotency-Key asks for into the context. Without a
// caller there is nobody to keep an answer for, and the key is ignored.
func (x *exchange) keyed(ctx context.Context, o *operation, s *Server, encode func(any, error) (idempotency.Answer, error)) (context.Context, error) {
	if !o.repeatable() || len(x.keys) == 0 || x.Actor.Anonymous() {
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
	keys := s.Auth.Keys
	req := idempotency.Request{Caller: x.Actor.UserID.String(), Route: o.Method + " " + o.Path, Key: key, Encode: encode, Seal: keys}
	// Without the keys nobody can tell from a hash whether a body that they guess was sent.
	hashes := keys.DeriveAll("idempotent request", hash.Sum(nil))
	req.BodyHash = [32]byte(hashes[0])
	for _, older := range append(hashes[1:], hash.Sum(nil)) { // the last is from before hashes had a key
		req.OlderHashes = append(req.OlderHashes, [32]byte(older))
	}
	return idempotency.With(ctx, req), nil
}
