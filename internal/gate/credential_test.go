package gate

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
)

func TestACredentialTellsWhoAsks(t *testing.T) {
	house := newHouse(t)
	h, ann, bob := house.Handler(), house.users["ann"].ID.String(), house.users["bob"].ID.String()
	cookie := house.cookie("ann")
	refused := "pages: " + auth.ErrUnauthenticated.Code + ", wait 0s"
	for name, tt := range map[string]struct {
		more []string
		want string
	}{
		"nothing":                     {nil, "nobody"},
		"a key":                       {[]string{"X-API-Key", house.keys["bob"]}, bob},
		"a cookie":                    {[]string{"Cookie", cookie}, ann},
		"a key counts, not a cookie":  {[]string{"Cookie", cookie, "X-API-Key", house.keys["bob"]}, bob},
		"a bad key beside a cookie":   {[]string{"Cookie", cookie, "X-API-Key", "x"}, refused},
		"of a key and a token, none":  {[]string{"X-API-Key", house.keys["bob"], "Authorization", "Bearer x"}, refused},
		"another scheme":              {[]string{"Authorization", "Basic " + house.keys["bob"]}, refused},
		"of two cookies, none":        {[]string{"Cookie", cookie + "; " + cookie}, "nobody"},
		"a cookie that nobody issued": {[]string{"Cookie", SessionCookie("x", 0).String()}, "nobody"},
	} {
		if w := ask(h, http.MethodGet, "/x", "198.51.100.7", tt.more...); w.Body.String() != tt.want || (w.Code == 401) != (tt.want == refused) {
			t.Errorf("%s = %d %s, want %s", name, w.Code, w.Body, tt.want)
		}
	}
}

// TestACookieThatIsOverIsDropped shows that who comes with one is nobody, and is
// told to forget it.
func TestACookieThatIsOverIsDropped(t *testing.T) {
	house := newHouse(t)
	h, cookie := house.Handler(), house.cookie("ann")
	if w := ask(h, http.MethodGet, "/x", "", "Cookie", cookie); w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a good cookie was answered by %q", w.Header().Get("Set-Cookie"))
	}
	house.clock.Advance(13 * time.Hour)
	w := ask(h, http.MethodGet, "/x", "", "Cookie", cookie)
	want := "__Host-medbook=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	if got := w.Header().Get("Set-Cookie"); w.Code != 200 || w.Body.String() != "nobody" || got != want {
		t.Errorf("%d %s, Set-Cookie %q, want 200 nobody, %q", w.Code, w.Body, got, want)
	}
}

// TestEachFaceAnswersInItsForm shows what ends a request, by the gate and by the
// face, and what of it is logged.
func TestEachFaceAnswersInItsForm(t *testing.T) {
	house := newHouse(t)
	h := house.Handler()
	for _, tt := range []struct {
		path, more string
		status     int
		want       string
	}{
		{"/api/x", "x", 401, "api: unauthenticated, wait 0s"},
		{"/x", "x", 401, "pages: unauthenticated, wait 0s"},
		{"/api/panic", house.keys["ann"], 500, "api: internal, wait 0s"},
		{"/panic", house.keys["ann"], 500, "pages: internal, wait 0s"},
		{"/broken", house.keys["ann"], 500, "pages: internal, wait 0s"},
	} {
		if w := ask(h, http.MethodGet, tt.path, "", "X-API-Key", tt.more); w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s = %d %s, want %d %s", tt.path, w.Code, w.Body, tt.status, tt.want)
		}
	}
	log := house.log.String()
	if strings.Contains(log, "marker in a panic") || !strings.Contains(log, errBroken.Error()) {
		t.Errorf("the log should have internal errors, and no panic's value: %s", log)
	}
	if !strings.Contains(log, `"route":"/pages/{thing}","status":500,"actor_id":"`+house.users["ann"].ID.String()+`","code":"internal"`) {
		t.Errorf("the log lacks the line of a request that ended: %s", log)
	}
}

// TestHalfAnAnswerDoesNotLookWhole panics after the answer began.
func TestHalfAnAnswerDoesNotLookWhole(t *testing.T) {
	h := newHouse(t).Handler()
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("ended by %v, want %v", err, http.ErrAbortHandler)
		}
	}()
	ask(h, http.MethodGet, "/half", "")
}
