package gate

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/httprate"

	"medbook/internal/auth"
	"medbook/internal/measure"
)

// Limits are how many requests a minute a server answers; 0 means any number.
// Each server counts for itself, in memory.
type Limits struct {
	Address    int // of a client's address; of IPv6, of its /64
	Credential int // of an API key or a session
	Secrets    int // of an address, for what tries a secret
}

const limitWindow = time.Minute

// limiter counts requests in a sliding window: those of the present minute, and
// of the one before as many as have not yet slid out of it.
type limiter struct {
	policy string // its name in the headers
	most   int
	told   *measure.Instruments
	now    func() time.Time

	mu      sync.Mutex
	counter httprate.LimitCounter
}

// newLimiter returns nil, which limits nothing, for 0.
func (g *Gate) newLimiter(policy string, most int) *limiter {
	if most <= 0 {
		return nil
	}
	return &limiter{policy: policy, most: most, told: g.Instruments, now: g.Now, counter: httprate.NewLocalLimitCounter(limitWindow)}
}

// count counts a request, or returns ErrTooMany with how long to wait. It tells
// the caller how they stand.
func (l *limiter) count(h http.Header, key string) error {
	if l == nil || key == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UTC()
	window := now.Truncate(limitWindow)
	here, before, err := l.counter.Get(key, window, window.Add(-limitWindow))
	if err != nil {
		return err
	}
	passed := now.Sub(window)
	left := l.most - here - int(float64(before)*(1-passed.Seconds()/limitWindow.Seconds()))
	wait := l.wait(here, before, passed)
	if wait == 0 {
		left--
		if err := l.counter.IncrementBy(key, window, 1); err != nil {
			return err
		}
	}
	// The structured fields of the IETF's draft on rate limit headers.
	h.Add("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.policy, l.most, int(limitWindow.Seconds())))
	h.Add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", l.policy, max(0, left), int((limitWindow-passed).Seconds())))
	if wait > 0 {
		l.told.RateLimited(l.policy)
		return ErrTooMany.After(wait)
	}
	return nil
}

// wait is how long it takes until one more request is within the limit: until
// enough of the minute before has slid out, or of this one once it is the one before.
func (l *limiter) wait(here, before int, passed time.Duration) time.Duration {
	if here+1 > l.most {
		return limitWindow - passed + slid(here, l.most-1)
	}
	return max(0, slid(before, l.most-1-here)-passed)
}

// slid is how much of a minute must have passed before no more than left of the
// n requests of the minute before count.
func slid(n, left int) time.Duration {
	if n <= left {
		return 0
	}
	return time.Duration(float64(limitWindow) * float64(n-left) / float64(n))
}

// limited counts each request of a client's address. Who watches whether the
// server is well is not counted.
func (g *Gate) limited(next http.Handler) http.Handler {
	address, secrets := g.newLimiter("address", g.Limits.Address), g.newLimiter("secrets", g.Limits.Secrets)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := Of(r.Context())
		from := httprate.CanonicalizeIP(x.Actor.Address)
		var err error
		switch {
		case r.URL.Path == "/healthz" || r.URL.Path == "/readyz":
		case x.face.Secret != nil && x.face.Secret(r):
			err = secrets.count(w.Header(), from)
			fallthrough
		default:
			if err == nil {
				err = address.count(w.Header(), from)
			}
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// credentialKey is by what a caller's requests are counted.
func credentialKey(by auth.Actor) string {
	if by.Anonymous() {
		return ""
	}
	return by.CredentialID.String()
}
