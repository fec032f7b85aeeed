package api

import (
	"context"
	"net/http"
	"net/url"

	"medbook/internal/gate"
)

// exchange is the gate's, with what only the API learns of a request.
type exchange struct {
	*gate.Exchange
	op    *operation // nil when no operation has path and method
	path  string     // as it was sent
	query url.Values // once it was checked
	keys  []string   // every Idempotency-Key that was sent
	body  []byte     // once it was read and checked
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		panic("api: no exchange in the context")
	}
	return x
}

// exchanged gives each request its exchange.
func exchanged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Exchange: gate.Of(r.Context())}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}
