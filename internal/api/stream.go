package api

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/auth"
	"medbook/internal/gate"
)

// streamed adds a route that writes its answer piece by piece. What goes wrong
// before the first piece is a problem document; after that, the answer breaks
// off, so that half of it does not look whole.
func streamed[In any](a *surface, r row, handle func(context.Context, auth.Actor, *In, *stream) error, opts ...option) {
	o := a.operation(r, opts)
	a.describe(o, reflect.TypeFor[In](), reflect.TypeFor[file]())
	huma.Register(a.api, *o.described, func(ctx context.Context, in *In) (*written, error) {
		return &written{func(hc huma.Context) {
			req, w := humago.Unwrap(hc)
			out := &stream{gate.Stream{To: w}}
			err := handle(ctx, exchangeOf(ctx).Actor, in, out)
			switch {
			case err == nil:
				out.Begin()
			case out.Begun():
				gate.Note(ctx, err)
				panic(http.ErrAbortHandler)
			default:
				fail(w, req, err)
			}
		}}, nil
	})
	a.added(o, reflect.TypeFor[In]())
}

// stream is an answer that is written piece by piece.
type stream struct{ gate.Stream }

// open says of what type the answer will be.
func (s *stream) open(contentType string) io.Writer {
	s.Header = http.Header{"Content-Type": {contentType}}
	return s
}
