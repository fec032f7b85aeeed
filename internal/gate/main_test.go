package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/keyring"
	"medbook/internal/origin"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

const passphrase = "correct horse battery"

var (
	errBroken = errors.New("marker of an internal error")

	ring = sync.OnceValue(func() *keyring.Ring {
		r, err := keyring.New()
		if err != nil {
			panic(err)
		}
		return r
	})
)

// house is a gate with two faces behind it: what is below /api/ is for other
// origins too, the rest is not. Ann and Bob have the keys.
type house struct {
	*Gate
	t     *testing.T
	db    *sqldb.DB
	clock *sqltest.Clock
	log   *bytes.Buffer
	keys  map[string]string
	users map[string]directory.User
}

// newHouse builds one whose clock stands at the start of a minute.
func newHouse(t *testing.T) *house {
	t.Helper()
	db, passwords := sqltest.Open(t, sqltest.SQLite(t)), &password.Hasher{}
	h := &house{t: t, db: db, clock: sqltest.ClockOf(db), log: &bytes.Buffer{}, keys: map[string]string{}, users: map[string]directory.User{}}
	log := slog.New(slog.NewJSONHandler(h.log, nil))
	h.Gate = &Gate{Auth: &auth.Service{DB: db, Keys: ring(), Passwords: passwords, Log: log}, Log: log, Now: db.Now}
	h.Proxies, _ = origin.ParseProxies("192.0.2.1") // what httptest's requests come from
	h.Pick = func(r *http.Request) Face {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			return newFace("api", true)
		}
		return newFace("pages", false)
	}
	people := &directory.Service{DB: db, Passwords: passwords, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule}
	for _, name := range []string{"ann", "bob"} {
		email := name + "@example.org"
		u, err := people.CreateUser(t.Context(), auth.System, directory.NewUser{Email: phi.Of(email), Name: phi.Of(name), Role: auth.Patient})
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := h.Auth.CreateKey(t.Context(), auth.System, auth.NewKey{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		h.users[name], h.keys[name] = u, key
	}
	h.clock.Advance(db.Now().Truncate(time.Minute).Add(time.Minute).Sub(db.Now()))
	return h
}

// newFace makes a face that says who asked, fails at /…/broken, panics at
// /…/panic, and writes what ended a request as its name, code and status.
func newFace(name string, others bool) Face {
	fail := func(w http.ResponseWriter, r *http.Request, err error) {
		Note(r.Context(), err)
		e := Shown(err)
		w.WriteHeader(Status(e.Kind))
		fmt.Fprintf(w, "%s: %s, wait %s", name, e.Code, e.Wait)
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		x := Of(r.Context())
		x.Route = "/" + name + "/{thing}"
		switch {
		case strings.HasSuffix(r.URL.Path, "/broken"):
			fail(w, r, errBroken)
		case strings.HasSuffix(r.URL.Path, "/panic"):
			panic("marker in a panic")
		case strings.HasSuffix(r.URL.Path, "/half"):
			fmt.Fprint(w, "half an ")
			panic("marker in a panic")
		case x.Actor.Anonymous():
			fmt.Fprint(w, "nobody")
		default:
			fmt.Fprint(w, x.Actor.UserID)
		}
	}
	secret := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/secret") }
	return Face{Handler: http.HandlerFunc(answer), Fail: fail, Secret: secret, CrossOrigin: others}
}

// cookie signs a user in and returns the browser's session.
func (h *house) cookie(name string) string {
	h.t.Helper()
	hash, err := h.Auth.Passwords.Hash(h.t.Context(), passphrase)
	if err == nil {
		err = h.db.Update(h.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			return auth.AddAccount(ctx, tx, h.users[name].ID, hash, true)
		})
	}
	if err != nil {
		h.t.Fatal(err)
	}
	in, err := h.Auth.SignIn(h.t.Context(), auth.Actor{}, auth.LogIn{Email: name + "@example.org", Password: passphrase, Browser: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return SessionCookie(in.Cookie, 0).String()
}

// ask sends a request from an address; more are headers, name and value in turn.
func ask(handler http.Handler, method, path, from string, more ...string) *httptest.ResponseRecorder {
	req, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
	req.Header.Set("X-Forwarded-For", from)
	for i := 0; i < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	handler.ServeHTTP(w, req)
	return w
}
