package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// A password that anybody may have, and another.
const (
	passphrase = "seven tall giraffes"
	another    = "nine small giraffes"
)

// withPassword lets a caller of the clinic sign in with passphrase.
func (c *clinic) withPassword(name string) {
	c.t.Helper()
	hash, err := passwords.Hash(c.t.Context(), passphrase)
	if err != nil {
		c.t.Fatal(err)
	}
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		return auth.AddAccount(ctx, tx, c.users[name].ID, hash, true)
	})
}

func (c *clinic) update(fn func(ctx context.Context, tx *sqldb.Tx) error) {
	c.t.Helper()
	if err := c.db.Update(c.t.Context(), fn); err != nil {
		c.t.Fatal(err)
	}
}

// link mints the link that a message to the user would carry.
func (c *clinic) link(user uuid.UUID, purpose auth.Purpose, email string) string {
	c.t.Helper()
	secret := auth.NewLinkSecret()
	c.update(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := auth.MintLink(ctx, tx, secret, user, purpose, email)
		return err
	})
	return secret.Token()
}

// count returns what a query of one number answers.
func (c *clinic) count(query string, args ...any) (n int) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// signIn signs a caller in with passphrase and returns the tokens.
func (c *clinic) signIn(name string) (access, refresh string) {
	c.t.Helper()
	r := c.must(200, "", post, "/v1/auth/login", map[string]any{"email": name + "@example.org", "password": passphrase})
	return r.text(c.t, "access_token"), r.text(c.t, "refresh_token")
}

// bearer is the header of an access token.
func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// userID returns the id of the user with that address.
func (c *clinic) userID(email string) (u uuid.UUID) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		u, err = sqldb.One(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
			err = r.Scan(&u)
			return u, err
		}, `SELECT id FROM users WHERE email = $1`, email)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

func TestAPatientRegistersVerifiesAndSignsIn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		made := c.must(201, "", post, "/v1/auth/register", map[string]any{"email": "New@Example.org", "name": "New", "password": passphrase})
		id := c.userID("new@example.org")
		if m := made.json(t); m["id"] != id.String() || m["role"] != "patient" || m["email"] != "new@example.org" || m["time_zone"] != "UTC" {
			t.Errorf("registered: %v", m)
		}
		logIn := map[string]any{"email": "new@example.org", "password": passphrase}
		c.refused(c.call("", post, "/v1/auth/login", logIn), 401, "sign-in-failed")

		token := c.link(id, auth.PurposeVerify, "")
		c.refused(c.call("", post, "/v1/auth/verify", map[string]any{"token": token, "password": another}), 401, "sign-in-failed")
		c.refused(c.call("", post, "/v1/auth/verify", map[string]any{"token": token[1:], "password": passphrase}), 422, "link-invalid")
		c.must(204, "", post, "/v1/auth/verify", map[string]any{"token": token, "password": passphrase})
		c.refused(c.call("", post, "/v1/auth/verify", map[string]any{"token": token, "password": passphrase}), 422, "link-invalid")

		in := c.must(200, "", post, "/v1/auth/login", logIn).json(t)
		if in["token_type"] != "Bearer" || in["expires_in"] != 600.0 {
			t.Errorf("signed in: %v", in)
		}
		me := c.must(200, "", get, "/v1/me", nil, bearer(in["access_token"].(string))...)
		if me.text(t, "id") != id.String() {
			t.Errorf("the token is %s's, want the new user's", me.body)
		}
	})
}

// TestRegistrationTellsNothing registers addresses that are new, known, and
// known but not verified: the answers differ in what was sent, and nothing else.
func TestRegistrationTellsNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		register := func(email string) (reply, int) {
			var statements int
			var mu sync.Mutex
			db.Observe = func(_ context.Context, s string) error {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasPrefix(s, "INSERT") || strings.HasPrefix(s, "UPDATE") || strings.HasPrefix(s, "SELECT") || strings.HasPrefix(s, "DELETE") {
					statements++
				}
				return nil
			}
			defer func() { db.Observe = nil }()
			r := c.must(201, "", post, "/v1/auth/register", map[string]any{"email": email, "name": "Ann", "password": passphrase})
			return r, statements
		}
		fresh, work := register("fresh@example.org")
		users := c.count(`SELECT COUNT(*) FROM users`)
		for _, email := range []string{"ann@example.org", "admin@example.org", "fresh@example.org"} {
			known, same := register(email)
			if same != work {
				t.Errorf("%s takes %d statements, a new address %d", email, same, work)
			}
			want, got := fresh.json(t), known.json(t)
			if got["id"] == c.userID(email).String() {
				t.Errorf("%s: the answer has the id of the user", email)
			}
			for _, m := range []map[string]any{want, got} {
				delete(m, "id")
				delete(m, "email")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s answers otherwise than a new address (-new +known):\n%s", email, diff)
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(fresh.Header)), slices.Sorted(maps.Keys(known.Header))); diff != "" {
				t.Errorf("%s: headers (-new +known):\n%s", email, diff)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM users`); n != users {
			t.Errorf("there are %d users, want %d as before", n, users)
		}
		if n := c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail' AND payload LIKE '%address-known%'`); n != 2 {
			t.Errorf("%d owners of known addresses are told, want 2", n)
		}
	})
}

// TestRegistrationsAtOnceMakeOneUser races for an address.
func TestRegistrationsAtOnceMakeOneUser(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var wg sync.WaitGroup
		for range 4 { // as many as may wait for the hash
			wg.Go(func() {
				c.must(201, "", post, "/v1/auth/register", map[string]any{"email": "x@example.org", "name": "X", "password": passphrase})
			})
		}
		wg.Wait()
		if n := c.count(`SELECT COUNT(*) FROM users WHERE email = 'x@example.org'`); n != 1 {
			t.Errorf("%d users have the address, want 1", n)
		}
	})
}

// TestSignInTellsNothing signs in with what is wrong in different ways.
func TestSignInTellsNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		c.must(201, "", post, "/v1/auth/register", map[string]any{"email": "unverified@example.org", "name": "U", "password": passphrase})
		var first []byte
		for _, tt := range []struct{ email, password string }{
			{"ann@example.org", another},
			{"nobody@example.org", passphrase},
			{"bob@example.org", passphrase}, // has no password
			{"unverified@example.org", passphrase},
			{"unverified@example.org", another},
			{"", passphrase},
			{"ann@example.org", ""},
			{"ann@example.org\u00a0", passphrase + " "},
		} {
			r := c.call("", post, "/v1/auth/login", map[string]any{"email": tt.email, "password": tt.password})
			c.refused(r, 401, "sign-in-failed")
			var p map[string]any
			if err := json.Unmarshal(r.body, &p); err != nil {
				t.Fatal(err)
			}
			delete(p, "request_id")
			body, _ := json.Marshal(p)
			if first == nil {
				first = body
			}
			if string(body) != string(first) {
				t.Errorf("%s: %s, want %s as for a wrong password", tt.email, body, first)
			}
		}
		c.must(200, "", post, "/v1/auth/login", map[string]any{"email": " ANN@example.org", "password": passphrase})
	})
}

// TestTriesAreSlowedDown makes failed tries until one must wait, for an account
// that exists and for one that does not alike.
func TestTriesAreSlowedDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		try := func(email, password string) reply {
			return c.call("", post, "/v1/auth/login", map[string]any{"email": email, "password": password})
		}
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			for range 5 {
				c.refused(try(email, another), 401, "sign-in-failed")
			}
			r := try(email, passphrase)
			c.refused(r, 429, "too-many-tries")
			if r.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: Retry-After %q, want 1", email, r.Header.Get("Retry-After"))
			}
		}
		clock := sqltest.ClockOf(db)
		clock.Advance(time.Second)
		c.refused(try("nobody@example.org", another), 401, "sign-in-failed")
		c.refused(try("ann@example.org", another), 401, "sign-in-failed")
		if r := try("ann@example.org", passphrase); r.StatusCode != 429 || r.Header.Get("Retry-After") != "2" {
			t.Errorf("after six failures: %d, Retry-After %q, want 429 and 2", r.StatusCode, r.Header.Get("Retry-After"))
		}
		clock.Advance(2 * time.Second)
		if r := try("ann@example.org", passphrase); r.StatusCode != 200 {
			t.Fatalf("after the wait: %d %s, want 200", r.StatusCode, r.body)
		}
		for range 5 { // a success forgives
			c.refused(try("ann@example.org", another), 401, "sign-in-failed")
		}
	})
}

// TestASessionIsNotFixed signs in while another session, and a token that
// somebody made up, are shown: what comes out is new.
func TestASessionIsNotFixed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		c.withPassword("bob")
		asCookie := func(name string, more ...string) *http.Cookie {
			t.Helper()
			r := c.must(200, "", post, "/v1/auth/login", map[string]any{"email": name + "@example.org", "password": passphrase, "session": "cookie"}, more...)
			cookies := r.Cookies()
			if len(cookies) != 1 || r.text(t, "token_type") != "Cookie" || r.text(t, "access_token") != "" {
				t.Fatalf("cookies %v, answer %s", cookies, r.body)
			}
			return cookies[0]
		}
		planted := asCookie("bob")
		mine := asCookie("ann", "Cookie", planted.Name+"="+planted.Value)
		if mine.Value == planted.Value {
			t.Error("a sign-in keeps the session that was there before")
		}
		if mine.Name != "__Host-medbook" || !mine.Secure || !mine.HttpOnly || mine.SameSite != http.SameSiteLaxMode || mine.Path != "/" || mine.Domain != "" {
			t.Errorf("the cookie is %v", mine)
		}
		for cookie, who := range map[*http.Cookie]string{planted: "bob", mine: "ann"} {
			r := c.must(200, "", get, "/v1/me", nil, "Cookie", cookie.Name+"="+cookie.Value)
			if r.text(t, "id") != c.users[who].ID.String() {
				t.Errorf("%s's cookie is %s's", who, r.body)
			}
		}
		// What is not a session's is no credential, and is taken away.
		r := c.call("", get, "/v1/me", nil, "Cookie", "__Host-medbook=mine")
		c.refused(r, 401, "unauthenticated")
		if got := r.Header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
			t.Errorf("Set-Cookie %q, want the cookie removed", got)
		}
		c.must(200, "", get, "/v1/practitioners?limit=1", nil, "Cookie", "__Host-medbook=mine")
		c.must(204, "", post, "/v1/auth/logout", nil, "Cookie", mine.Name+"="+mine.Value)
		c.refused(c.call("", get, "/v1/me", nil, "Cookie", mine.Name+"="+mine.Value), 401, "unauthenticated")
	})
}

// TestARefreshTokenIsGoodOnce shows rotation, the lost answer, and reuse.
func TestARefreshTokenIsGoodOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		clock := sqltest.ClockOf(db)
		refresh := func(token string, more ...string) reply {
			return c.call("", post, "/v1/auth/refresh", map[string]any{"refresh_token": token}, more...)
		}
		access, first := c.signIn("ann")
		next := refresh(first)
		if next.StatusCode != 200 || next.text(t, "refresh_token") == first || next.text(t, "access_token") == access {
			t.Fatalf("refresh = %d %s, want two new tokens", next.StatusCode, next.body)
		}
		c.refused(c.call("", get, "/v1/me", nil, bearer(access)...), 401, "unauthenticated")
		clock.Advance(10 * time.Second)
		if again := refresh(first); again.StatusCode != 200 || again.text(t, "refresh_token") != next.text(t, "refresh_token") || again.text(t, "access_token") != next.text(t, "access_token") {
			t.Errorf("the same client's repeat = %d %s, want %s", again.StatusCode, again.body, next.body)
		}
		c.must(200, "", get, "/v1/me", nil, bearer(next.text(t, "access_token"))...)

		clock.Advance(time.Microsecond)
		c.refused(refresh(first), 401, "unauthenticated") // too late: somebody else has it
		c.refused(refresh(next.text(t, "refresh_token")), 401, "unauthenticated")
		c.refused(c.call("", get, "/v1/me", nil, bearer(next.text(t, "access_token"))...), 401, "unauthenticated")
		if n := c.count(`SELECT COUNT(*) FROM audit_events WHERE action = 'session.reuse' AND outcome = 'denied'`); n != 1 {
			t.Errorf("%d records of reuse, want 1", n)
		}
		if n := c.count(`SELECT COUNT(*) FROM jobs WHERE payload LIKE '%session-ended%'`); n != 1 {
			t.Errorf("%d messages to the owner, want 1", n)
		}

		_, second := c.signIn("ann")
		if r := refresh(second); r.StatusCode != 200 {
			t.Fatalf("refresh = %d %s", r.StatusCode, r.body)
		}
		c.refused(refresh(second, "User-Agent", "curl/8"), 401, "unauthenticated") // another client's repeat
		for _, text := range []string{"", "mbr_", access, c.keys["ann"], first[:len(first)-1] + "0"} {
			c.refused(refresh(text), 401, "unauthenticated")
		}
	})
}

// TestSessionsEnd shows each way in which a session ends, at its instant.
func TestSessionsEnd(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		c.withPassword("grey")
		clock := sqltest.ClockOf(db)
		cookie := func(name string) []string {
			r := c.must(200, "", post, "/v1/auth/login", map[string]any{"email": name + "@example.org", "password": passphrase, "session": "cookie"})
			return []string{"Cookie", r.Cookies()[0].Name + "=" + r.Cookies()[0].Value}
		}
		alive := func(when string, want bool, header []string) {
			t.Helper()
			if got := c.call("", get, "/status", nil, header...).StatusCode == 200; got != want {
				t.Errorf("%s: alive is %v, want %v", when, got, want)
			}
		}
		access, refresh := c.signIn("ann")
		clock.Advance(10*time.Minute - time.Microsecond)
		alive("a token just before its end", true, bearer(access))
		clock.Advance(time.Microsecond)
		alive("a token at its end", false, bearer(access))
		c.must(200, "", post, "/v1/auth/refresh", map[string]any{"refresh_token": refresh})

		patient, staff := cookie("ann"), cookie("grey")
		clock.Advance(15*time.Minute - time.Microsecond)
		alive("staff before 15 idle minutes", true, staff)
		clock.Advance(15 * time.Minute)
		alive("staff after 15 idle minutes", false, staff)
		alive("a patient after 30", true, patient)
		clock.Advance(time.Hour)
		alive("a patient after 60 idle minutes", false, patient)

		busy := cookie("ann")
		for range 24 {
			clock.Advance(30*time.Minute - time.Microsecond)
			alive("a busy one within 12 hours", true, busy)
		}
		clock.Advance(24 * time.Microsecond)
		alive("a busy one after 12 hours", false, busy)

		one, _ := c.signIn("ann")
		two, _ := c.signIn("ann")
		list := c.must(200, "", get, "/v1/auth/sessions?limit=10&count=true", nil, bearer(one)...).json(t)
		items := list["items"].([]any)
		var other string
		for _, item := range items {
			if m := item.(map[string]any); m["current"] == false {
				other = m["id"].(string)
			}
		}
		if list["total"] != 2.0 || other == "" {
			t.Fatalf("sessions: %v, want two, one of them this", list)
		}
		unknown := c.call("grey", remove, "/v1/auth/sessions/"+other, nil)
		c.refused(unknown, 404, "session-not-found")
		alive("another's call", true, bearer(two))
		c.must(204, "", remove, "/v1/auth/sessions/"+other, nil, bearer(one)...)
		alive("ended by the other session", false, bearer(two))
		alive("the session that ended it", true, bearer(one))
		three, _ := c.signIn("ann")
		c.must(204, "", post, "/v1/auth/logout", map[string]any{"everywhere": true}, bearer(one)...)
		alive("after leaving everywhere", false, bearer(three))

		role, _ := c.signIn("grey")
		c.must(200, "", get, "/v1/practitioners/"+c.practitioner("grey")+"/availability?limit=1", nil, bearer(role)...)
		c.must(200, "admin", patch, "/v1/users/"+c.users["grey"].ID.String(), map[string]any{"role": "auditor"}, "If-Match", "*")
		c.refused(c.call("", get, "/v1/practitioners/"+c.practitioner("grey")+"/availability?limit=1", nil, bearer(role)...), 403, "forbidden")
	})
}

// TestAResetIsGoodOnce asks for a new password and sets it.
func TestAResetIsGoodOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, _ := c.signIn("ann")
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			if r := c.must(202, "", post, "/v1/auth/password-reset", map[string]any{"email": email}); len(r.body) > 0 {
				t.Errorf("%s: %s, want nothing", email, r.body)
			}
		}
		confirm := func(token, password string) reply {
			return c.call("", post, "/v1/auth/password-reset/confirm", map[string]any{"token": token, "password": password})
		}
		old := c.link(c.users["ann"].ID, auth.PurposeReset, "")
		token := c.link(c.users["ann"].ID, auth.PurposeReset, "")
		c.refused(confirm(old, another), 422, "link-invalid") // a newer one took its place
		c.refused(confirm(token, "short"), 422, "password-weak")
		if r := confirm(token, another); r.StatusCode != 204 {
			t.Fatalf("reset = %d %s", r.StatusCode, r.body)
		}
		c.refused(confirm(token, passphrase), 422, "link-invalid") // a replay
		c.refused(c.call("", get, "/v1/me", nil, bearer(access)...), 401, "unauthenticated")
		c.refused(c.call("", post, "/v1/auth/login", map[string]any{"email": "ann@example.org", "password": passphrase}), 401, "sign-in-failed")
		c.must(200, "", post, "/v1/auth/login", map[string]any{"email": "ann@example.org", "password": another})

		late := c.link(c.users["ann"].ID, auth.PurposeReset, "")
		verify := c.link(c.users["ann"].ID, auth.PurposeVerify, "")
		c.refused(confirm(verify, passphrase), 422, "link-invalid") // for something else
		sqltest.ClockOf(db).Advance(15 * time.Minute)
		c.refused(confirm(late, passphrase), 422, "link-invalid")
		var won int
		race := c.link(c.users["ann"].ID, auth.PurposeReset, "")
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if confirm(race, passphrase).StatusCode == 204 {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("a link was used %d times at once, want once", won)
		}
	})
}

// TestResetCostsTheSame counts what asking for a reset does for addresses that
// are known and unknown.
func TestResetCostsTheSame(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		work := map[string][]string{}
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			db.Observe = func(_ context.Context, s string) error {
				work[email] = append(work[email], s)
				return nil
			}
			c.must(202, "", post, "/v1/auth/password-reset", map[string]any{"email": email})
			db.Observe = nil
		}
		if diff := cmp.Diff(work["ann@example.org"], work["nobody@example.org"]); diff != "" {
			t.Errorf("statements (-known +unknown):\n%s", diff)
		}
	})
}

func TestAPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		one, _ := c.signIn("ann")
		two, _ := c.signIn("ann")
		change := func(present, fresh string) reply {
			return c.call("", post, "/v1/auth/password", map[string]any{"password": present, "new_password": fresh}, bearer(one)...)
		}
		c.refused(change(another, another), 409, "password-wrong")
		c.refused(change(passphrase, "ann@example.org"), 422, "password-weak")
		if r := change(passphrase, another); r.StatusCode != 204 {
			t.Fatalf("change = %d %s", r.StatusCode, r.body)
		}
		c.must(200, "", get, "/status", nil, bearer(one)...)
		c.refused(c.call("", get, "/status", nil, bearer(two)...), 401, "unauthenticated")
	})
}

// TestAnAddressIsChangedFromBothEnds needs step-up and the link that went to
// the new address.
func TestAnAddressIsChangedFromBothEnds(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		clock := sqltest.ClockOf(db)
		access, _ := c.signIn("ann")
		ask := func(email string) reply {
			return c.call("", post, "/v1/auth/email", map[string]any{"email": email}, bearer(access)...)
		}
		if r := ask("bob@example.org"); r.StatusCode != 202 { // Bob has it; nobody is told
			t.Errorf("a taken address = %d %s, want 202", r.StatusCode, r.body)
		}
		if r := ask("Ann.Lee@example.org"); r.StatusCode != 202 {
			t.Fatalf("ask = %d %s", r.StatusCode, r.body)
		}
		clock.Advance(5 * time.Minute)
		if r := ask("ann.lee@example.org"); r.StatusCode != 202 {
			t.Errorf("exactly 5 minutes after the sign-in = %d %s, want 202", r.StatusCode, r.body)
		}
		clock.Advance(time.Microsecond)
		c.refused(ask("late@example.org"), 403, "step-up-required")
		stepUp := func(password string) reply {
			return c.call("", post, "/v1/auth/step-up", map[string]any{"password": password}, bearer(access)...)
		}
		c.refused(stepUp(another), 409, "password-wrong")
		c.refused(ask("late@example.org"), 403, "step-up-required")
		if r := stepUp(passphrase); r.StatusCode != 204 {
			t.Fatalf("step up = %d %s", r.StatusCode, r.body)
		}
		if r := ask("ann.lee@example.org"); r.StatusCode != 202 {
			t.Errorf("after step-up = %d %s, want 202", r.StatusCode, r.body)
		}
		c.refused(c.call("ann", post, "/v1/auth/step-up", map[string]any{"password": passphrase}), 409, "session-needed")
		access, _ = c.signIn("ann")
		id := c.users["ann"].ID
		taken := c.link(id, auth.PurposeEmail, "bob@example.org")
		c.refused(c.call("", post, "/v1/auth/email/confirm", map[string]any{"token": taken}), 409, "email-taken")
		token := c.link(id, auth.PurposeEmail, "ann.lee@example.org")
		before := c.must(200, "", get, "/v1/me", nil, bearer(access)...).Header.Get("ETag")
		c.must(204, "", post, "/v1/auth/email/confirm", map[string]any{"token": token})
		c.refused(c.call("", post, "/v1/auth/email/confirm", map[string]any{"token": token}), 422, "link-invalid")
		me := c.must(200, "", get, "/v1/me", nil, bearer(access)...)
		if me.text(t, "email") != "ann.lee@example.org" || me.Header.Get("ETag") == before {
			t.Errorf("me: %s with ETag %s, want the new address and version", me.body, me.Header.Get("ETag"))
		}
		c.must(200, "", post, "/v1/auth/login", map[string]any{"email": "ann.lee@example.org", "password": passphrase})
	})
}

// TestKeysAreOnesOwn makes, lists, uses and revokes keys.
func TestKeysAreOnesOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		clock := sqltest.ClockOf(db)
		access, _ := c.signIn("ann")
		create := func(body any, more ...string) reply { return c.call("", post, "/v1/api-keys", body, more...) }

		made := create(map[string]any{"name": "desk", "scopes": []string{"appointments:read"}, "networks": []string{"127.0.0.0/8", "::1"}}, bearer(access)...)
		if made.StatusCode != 201 || !strings.HasPrefix(made.text(t, "key"), "mb_") || made.text(t, "user_id") != c.users["ann"].ID.String() {
			t.Fatalf("made = %d %s", made.StatusCode, made.body)
		}
		narrow := []string{"X-API-Key", made.text(t, "key")}
		c.must(200, "", get, "/v1/appointments?limit=1", nil, narrow...)
		c.must(200, "", get, "/v1/me", nil, narrow...)
		c.refused(c.call("", get, "/v1/users?limit=1", nil, narrow...), 403, "scope-missing")
		c.refused(c.call("", post, "/v1/appointments/x/confirm", nil, narrow...), 403, "scope-missing")
		c.refused(create(map[string]any{"name": "child"}, narrow...), 403, "scope-missing")

		usual := create(map[string]any{"name": "all"}, bearer(access)...)
		c.refused(create(map[string]any{"name": "child"}, "X-API-Key", usual.text(t, "key")), 403, "step-up-required")
		elsewhere := create(map[string]any{"name": "office", "networks": []string{"192.0.2.7"}}, bearer(access)...)
		c.refused(c.call("", get, "/status", nil, "X-API-Key", elsewhere.text(t, "key")), 401, "unauthenticated")

		maker := create(map[string]any{"name": "maker", "scopes": []string{"account:write", "step-up:keys", "slots:read"}}, bearer(access)...)
		child := create(map[string]any{"name": "child", "scopes": []string{"slots:read"}}, "X-API-Key", maker.text(t, "key"))
		if child.StatusCode != 201 {
			t.Errorf("a narrower key = %d %s, want 201", child.StatusCode, child.body)
		}
		c.refused(create(map[string]any{"name": "child", "scopes": []string{"all"}}, "X-API-Key", maker.text(t, "key")), 422, "invalid-key")

		for field, body := range map[string]map[string]any{
			"body.scopes":     {"name": "x", "scopes": []string{"everything"}},
			"body.networks":   {"name": "x", "networks": []string{"localhost"}},
			"body.expires_at": {"name": "x", "expires_at": sqltest.Start.Add(367 * 24 * time.Hour).Format(time.RFC3339)},
			"body":            {"name": "x", "user_id": c.users["bob"].ID.String()},
		} {
			r := create(body, bearer(access)...)
			var p problem
			if err := json.Unmarshal(r.body, &p); err != nil || r.StatusCode != 422 || len(p.Errors) != 1 || p.Errors[0].Location != field {
				t.Errorf("%v = %d %s, want 422 for %s", body, r.StatusCode, r.body, field)
			}
		}
		clock.Advance(5*time.Minute + time.Microsecond)
		c.refused(create(map[string]any{"name": "late"}, bearer(access)...), 403, "step-up-required")

		key := "/v1/api-keys/" + usual.text(t, "id")
		c.refused(c.call("bob", remove, key, nil), 404, "key-not-found")
		c.must(204, "", remove, key, nil, bearer(access)...)
		c.refused(c.call("", get, "/status", nil, "X-API-Key", usual.text(t, "key")), 401, "unauthenticated")
		c.must(204, "admin", remove, "/v1/api-keys/"+maker.text(t, "id"), nil)

		var mine, all struct{ Items []struct{ Name, Key string } }
		for by, into := range map[string]any{"ann": &mine, "admin": &all} {
			if err := json.Unmarshal(c.must(200, by, get, "/v1/api-keys?limit=200", nil).body, into); err != nil {
				t.Fatal(err)
			}
		}
		if len(mine.Items) != 4 || len(all.Items) != 9 || slices.ContainsFunc(all.Items, func(k struct{ Name, Key string }) bool { return k.Key != "" }) {
			t.Errorf("ann sees %v, the admin %v, want 4 and 9 without the keys themselves", mine.Items, all.Items)
		}
	})
}

// TestNobodySetsWhatIsNotTheirs sends fields that decide who one is and how
// things stand, in every body that exists: none takes them.
func TestNobodySetsWhatIsNotTheirs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
		id := c.users["ann"].ID.String()
		bodies := []struct{ by, method, path, body string }{
			{"", post, "/v1/auth/register", `"email":"x@example.org","name":"X","password":"seven tall giraffes"`},
			{"ann", patch, "/v1/users/" + id, `"name":"A"`},
			{"ann", post, "/v1/appointments", `"slot_id":"` + slots[0] + `"`},
			{"ann", post, "/v1/api-keys", `"name":"x"`},
			{"ann", post, "/v1/waitlist", `"practitioner_id":"` + c.practitioner("grey") + `","from":"2027-03-16T13:00:00Z","to":"2027-03-17T13:00:00Z"`},
			{"grey", patch, "/v1/practitioners/" + c.practitioner("grey"), `"bio":"B"`},
		}
		for _, b := range bodies {
			for _, field := range []string{
				`"id":"` + c.users["bob"].ID.String() + `"`, `"user_id":"` + id + `"`, `"is_admin":true`, `"verified":true`, `"verified_at":"2027-03-16T13:00:00Z"`,
				`"hold_expires_at":"2037-03-16T13:00:00Z"`, `"status":"confirmed"`, `"version":9`, `"created_at":"2027-03-16T13:00:00Z"`, `"password_hash":"x"`, `"scope":"all"`,
			} {
				c.refused(c.call(b.by, b.method, b.path, "{"+b.body+","+field+"}", "If-Match", "*"), 422, "invalid-request")
			}
		}
		c.refused(c.call("", post, "/v1/auth/register", `{`+bodies[0].body+`,"role":"admin"}`), 422, "invalid-request")
		c.refused(c.call("ann", patch, "/v1/users/"+id, `{"role":"admin"}`, "If-Match", "*"), 403, "forbidden")
		c.refused(c.call("ann", post, "/v1/appointments", `{"slot_id":"`+slots[0]+`","patient_id":"`+c.users["bob"].ID.String()+`"}`), 403, "forbidden")
	})
}

// TestAClinicIsSetUpOnce makes the first admin.
func TestAClinicIsSetUpOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := emptyClinic(t, db)
		token, err := c.server.Directory.SetUpLink(t.Context(), auth.System)
		if err != nil || token == "" {
			t.Fatalf("SetUpLink = %q, %v", token, err)
		}
		body := func(token string) map[string]any {
			return map[string]any{"token": token, "email": "ruth@clinic.example", "name": "Ruth", "password": passphrase}
		}
		c.refused(c.call("", post, "/v1/setup", body("x")), 422, "link-invalid")
		whole := body(token)
		whole["clinic"] = map[string]any{"name": "Harbour Clinic", "time_zone": "Mars/Olympus"}
		whole["practitioner"] = map[string]any{"email": "grey@clinic.example", "name": "Grey", "specialty": "nutrition"}
		if bad := c.call("", post, "/v1/setup", whole); bad.StatusCode != 422 || !strings.Contains(string(bad.body), `"body.clinic.time_zone"`) {
			t.Errorf("an unknown zone of the clinic: %d %s", bad.StatusCode, bad.body)
		}
		whole["clinic"] = map[string]any{"name": "Harbour Clinic", "time_zone": "Europe/Berlin"}
		made := c.must(201, "", post, "/v1/setup", whole)
		if zone := made.text(t, "time_zone"); zone != "Europe/Berlin" {
			t.Errorf("the admin's zone is %q, want the clinic's", zone)
		}
		if listed := c.must(200, "", "GET", "/v1/practitioners?limit=5", nil); !strings.Contains(string(listed.body), `"name":"Grey","specialty":"nutrition"`) || !strings.Contains(string(listed.body), `"Europe/Berlin"`) {
			t.Errorf("practitioners are %s, want the first one", listed.body)
		}
		if made.text(t, "role") != "admin" {
			t.Errorf("made %s, want an admin", made.body)
		}
		c.refused(c.call("", post, "/v1/setup", body(token)), 422, "link-invalid")
		c.must(200, "", post, "/v1/auth/login", map[string]any{"email": "ruth@clinic.example", "password": passphrase})
		if token, err = c.server.Directory.SetUpLink(t.Context(), auth.System); token != "" || err != nil {
			t.Errorf("SetUpLink = %q, %v for a clinic with users, want none", token, err)
		}
		late := c.link(uuid.Nil, auth.PurposeSetup, "")
		c.refused(c.call("", post, "/v1/setup", map[string]any{"token": late, "email": "eve@clinic.example", "name": "Eve", "password": passphrase}), 422, "link-invalid")
	})
}

// TestASignInFromSomewhereNewIsTold signs in by one browser twice, then by another:
// only the other is news, and only once there is something to compare with.
func TestASignInFromSomewhereNewIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		c.noMail()
		told := func() int {
			return c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail' AND payload LIKE '%"signed-in"%'`)
		}
		logIn := map[string]any{"email": "ann@example.org", "password": passphrase}
		for i, tt := range []struct {
			agent string
			want  int
		}{{"Firefox/1", 0}, {"Firefox/2", 0}, {"Chrome/1", 1}, {"Firefox/3", 1}, {"Chrome/2", 1}, {"curl/8", 2}} {
			c.must(200, "", post, "/v1/auth/login", logIn, "User-Agent", tt.agent)
			if n := told(); n != tt.want {
				t.Errorf("after sign-in %d, by %s: %d notices, want %d", i+1, tt.agent, n, tt.want)
			}
		}
		sqltest.ClockOf(db).Advance(367 * 24 * time.Hour)
		if err := c.server.Auth.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.must(200, "", post, "/v1/auth/login", logIn, "User-Agent", "Safari/1")
		if n := told(); n != 2 {
			t.Errorf("a year later: %d notices, want the 2 from before", n)
		}
	})
}
