package api

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"medbook/internal/auth"
	"medbook/internal/gate"
)

// streamPatience is how long a client may take for what was written so far.
const streamPatience = time.Minute

// streamed adds a route that writes its answer piece by piece. What goes wrong
// before the first piece is a problem document; after that, the answer breaks
// off, so that half of it does not look whole.
func streamed[In any](a *surface, r row, handle func(context.Context, auth.Actor, *In, *stream) error, opts ...option) {
	o := a.operation(r, opts)
	a.describe(o, reflect.TypeFor[In](), reflect.TypeFor[file]())
	huma.Register(a.api, *o.described, func(ctx context.Context, in *In) (*written, error) {
		return &written{func(hc huma.Context) {
			req, w := humago.Unwrap(hc)
			out := &stream{to: w}
			err := handle(ctx, exchangeOf(ctx).Actor, in, out)
			switch {
			case err == nil:
				out.begin()
			case out.begun():
				gate.Note(ctx, err)
				panic(http.ErrAbortHandler)
			default:
				fail(w, req, err)
			}
		}}, nil
	})
	a.added(o, reflect.TypeFor[In]())
}

// stream is an answer that is written piece by piece. Nothing of it is sent
// before the first write.
type stream struct {
	to          http.ResponseWriter
	contentType string
	sent        bool
}

// open says of what type the answer will be.
func (s *stream) open(contentType string) io.Writer {
	s.contentType = contentType
	return s
}

// begun reports whether anything was sent.
func (s *stream) begun() bool { return s.sent }

func (s *stream) begin() {
	if !s.sent {
		s.sent = true
		s.to.Header().Set("Content-Type", s.contentType)
		s.to.WriteHeader(http.StatusOK)
	}
}

// Write sends a piece. The time that the server gives for a whole answer counts
// anew for each.
func (s *stream) Write(p []byte) (int, error) {
	s.begin()
	clock := http.NewResponseController(s.to)
	now := time.Now()                                   //nolint:forbidigo // a connection's deadline goes by the machine's clock, whatever the database's says
	_ = clock.SetWriteDeadline(now.Add(streamPatience)) // what can't be given more time keeps what it has
	return s.to.Write(p)
}
