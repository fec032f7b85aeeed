package e2e

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// Passwords that anybody may have.
const (
	passphrase = "seven tall giraffes"
	another    = "nine small giraffes"
)

// session is a client that is signed in with tokens.
type session struct {
	*client.Client
	client.Tokens
}

// signIn starts a session.
func (c *clinic) signIn(email, password string) session {
	c.t.Helper()
	in := must(c.with().LogIn(c.t.Context(), email, password))(c.t)
	return session{c.with(client.Token(in.AccessToken)), in}
}

var isLink = regexp.MustCompile(`(http://\S+/account/(\w+))#(\S+)`)

// follow opens the page that a link in text leads to, as a browser does, and
// returns the token, which a browser sends nowhere.
func (c *clinic) follow(text, page string) (token string) {
	c.t.Helper()
	link := isLink.FindStringSubmatch(text)
	if link == nil || link[2] != page {
		c.t.Fatalf("no link to %s in %q", page, text)
	}
	answer, err := http.Get(link[1])
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/html") {
		c.t.Errorf("%s = %d %s, want a page", link[1], answer.StatusCode, kind)
	}
	return link[3]
}

// invitation returns the token of the link that the server printed when it started.
func (c *clinic) invitation() (token string) {
	c.t.Helper()
	line := ""
	c.server.stdout.await(c.t, c.server.ended, "the link to set the clinic up", func(l string) bool {
		line = l
		return strings.Contains(l, "/account/setup#")
	})
	return c.follow(line, "setup")
}

// firstAdmin sets the clinic up and signs its admin in.
func (c *clinic) firstAdmin() session {
	c.t.Helper()
	const email = "ruth@clinic.example"
	must(c.with().SetUp(c.t.Context(), c.invitation(), client.NewAdmin{Email: email, Name: "Ruth Lind", Password: passphrase}))(c.t)
	return c.signIn(email, passphrase)
}

// mailed waits for the message of a kind to a user, as admins can read it, and
// returns the token of its link to a page.
func (c *clinic) mailed(admin *client.Client, user, kind, page string) (token string) {
	c.t.Helper()
	var message string
	eventually(c.t, "there is a message "+kind, func() bool {
		for _, m := range all(c.t, admin.Outbox().All(c.t.Context())) {
			if m.UserID == user && m.Kind == kind {
				message = m.ID
				return true
			}
		}
		return false
	})
	return c.follow(must(admin.Message(c.t.Context(), message))(c.t).Text, page)
}

// enrol registers a patient, follows the link, and signs them in.
func (c *clinic) enrol(admin *client.Client, email string) session {
	c.t.Helper()
	ctx, public := c.t.Context(), c.with()
	made := must(public.Register(ctx, client.NewPatient{Email: email, Name: "Ann Lee", Password: passphrase}))(c.t)
	if err := public.VerifyAddress(ctx, c.mailed(admin, made.ID, "verify-address", "verify"), passphrase); err != nil {
		c.t.Fatal(err)
	}
	return c.signIn(email, passphrase)
}

// dead fails the test unless a client's credential is worth nothing.
func dead(ctx context.Context, t *testing.T, what string, c *client.Client) {
	t.Helper()
	if err := c.Status(ctx); client.Code(err) != "unauthenticated" {
		t.Errorf("%s: got %v, want that it is worth nothing", what, err)
	}
}

// TestTourOfAccounts begins with a clinic without users, and follows the links
// that it prints and writes.
func TestTourOfAccounts(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, public := t.Context(), c.with()
		token := c.invitation()
		ruth := client.NewAdmin{Email: "ruth@clinic.example", Name: "Ruth Lind", Password: "short", TimeZone: "Europe/Berlin"}
		_, err := public.SetUp(ctx, token, ruth)
		code(t, err, 422, "password-weak")
		ruth.Password = passphrase
		if made := must(public.SetUp(ctx, token, ruth))(t); made.Role != "admin" || made.TimeZone != "Europe/Berlin" {
			t.Errorf("the first admin is %+v", made)
		}
		_, err = public.SetUp(ctx, token, client.NewAdmin{Email: "eve@clinic.example", Name: "Eve", Password: passphrase})
		code(t, err, 422, "link-invalid")
		admin := c.signIn(ruth.Email, passphrase)

		const email = "ann@mail.example"
		made := must(public.Register(ctx, client.NewPatient{Email: email, Name: "Ann Lee", Password: passphrase, TimeZone: newYork}))(t)
		_, err = public.LogIn(ctx, email, passphrase)
		code(t, err, 401, "sign-in-failed")
		token = c.mailed(admin.Client, made.ID, "verify-address", "verify")
		code(t, public.VerifyAddress(ctx, token, another), 401, "sign-in-failed")
		if err := public.VerifyAddress(ctx, token, passphrase); err != nil {
			t.Fatal(err)
		}
		code(t, public.VerifyAddress(ctx, token, passphrase), 422, "link-invalid")
		ann := c.signIn(email, passphrase)
		if me := must(ann.Me(ctx))(t); me.ID != made.ID || me.Role != "patient" || me.TimeZone != newYork {
			t.Errorf("ann is %+v", me)
		}

		c.sessions(ann, email)
		ann = c.signIn(email, passphrase)
		other := c.signIn(email, passphrase)
		code(t, ann.ChangePassword(ctx, another, another), 409, "password-wrong")
		if err := ann.ChangePassword(ctx, passphrase, another); err != nil {
			t.Fatal(err)
		}
		dead(ctx, t, "another session after a change of password", other.Client)
		ann = c.signIn(email, another)

		if err := public.RequestPasswordReset(ctx, email); err != nil {
			t.Fatal(err)
		}
		token = c.mailed(admin.Client, made.ID, "password-reset", "reset")
		code(t, public.ResetPassword(ctx, token, email), 422, "password-weak")
		if err := public.ResetPassword(ctx, token, passphrase); err != nil {
			t.Fatal(err)
		}
		dead(ctx, t, "a session after a reset", ann.Client)
		_, err = public.LogIn(ctx, email, another)
		code(t, err, 401, "sign-in-failed")
		c.moves(admin, c.signIn(email, passphrase), made.ID)
	})
}

// sessions refreshes, lists and ends Ann's sessions.
func (c *clinic) sessions(ann session, email string) {
	c.t.Helper()
	ctx, t := c.t.Context(), c.t
	fresh := must(c.with().Refresh(ctx, ann.RefreshToken))(t)
	dead(ctx, t, "an access token after its refresh", ann.Client)
	ann = session{c.with(client.Token(fresh.AccessToken)), fresh}
	phone := c.signIn(email, passphrase)
	c.restart() // sessions outlive the server
	list := all(t, ann.Sessions().All(ctx))
	i := slices.IndexFunc(list, func(s client.Session) bool { return !s.Current })
	if len(list) != 2 || i < 0 || list[i].Kind != "tokens" || list[i].UserAgent != "Go-http-client" {
		t.Fatalf("sessions: %+v, want this and the telephone's", list)
	}
	if err := ann.EndSession(ctx, list[i].ID); err != nil {
		t.Fatal(err)
	}
	dead(ctx, t, "a session that was ended", phone.Client)
	code(t, ann.EndSession(ctx, list[i].ID), 404, "session-not-found")
	if err := ann.LogOut(ctx, false); err != nil {
		t.Fatal(err)
	}
	dead(ctx, t, "a session that has left", ann.Client)
}

// moves gives Ann another address and signs her out everywhere.
func (c *clinic) moves(admin, ann session, id string) {
	c.t.Helper()
	const email = "ann.lee@mail.example"
	ctx, t := c.t.Context(), c.t
	if err := ann.ChangeEmail(ctx, email); err != nil {
		t.Fatal(err)
	}
	if err := c.with().ConfirmEmail(ctx, c.mailed(admin.Client, id, "email-change", "email")); err != nil {
		t.Fatal(err)
	}
	phone := c.signIn(email, passphrase)
	if me := must(phone.Me(ctx))(t); me.ID != id || me.Email != email {
		t.Errorf("after the change of address: %+v", me)
	}
	if err := phone.LogOut(ctx, true); err != nil {
		t.Fatal(err)
	}
	dead(ctx, t, "one session after leaving everywhere", ann.Client)
	dead(ctx, t, "the other session after leaving everywhere", phone.Client)
}

// TestTourOfKeys makes keys in a session, and loses them again.
func TestTourOfKeys(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		admin := c.firstAdmin()
		ann, bob := c.enrol(admin.Client, "ann@mail.example"), c.enrol(admin.Client, "bob@mail.example")

		c.setTime(sqltest.Start.Add(5*time.Minute + time.Second))
		desk := client.NewKey{Name: "front desk", Scopes: []string{"appointments:read"}}
		_, err := ann.CreateKey(ctx, desk)
		code(t, err, 403, "step-up-required")
		code(t, ann.StepUp(ctx, another), 409, "password-wrong")
		if err := ann.StepUp(ctx, passphrase); err != nil {
			t.Fatal(err)
		}
		narrow := must(ann.CreateKey(ctx, desk))(t)
		wide := must(ann.CreateKey(ctx, client.NewKey{Name: "laptop", ExpiresAt: sqltest.Start.Add(time.Hour)}))(t)

		reader, laptop := c.as(narrow.Text), c.as(wide.Text)
		if list := all(t, reader.Appointments(client.AppointmentQuery{}).All(ctx)); len(list) != 0 {
			t.Errorf("appointments: %+v, want none", list)
		}
		_, err = reader.Hold(ctx, client.NewAppointment{SlotID: "any"})
		code(t, err, 403, "scope-missing")
		_, err = reader.Users(client.UserQuery{}).Page(ctx, client.PageRequest{})
		code(t, err, 403, "scope-missing")
		_, err = laptop.CreateKey(ctx, desk)
		code(t, err, 403, "step-up-required")

		list := all(t, ann.Keys(client.KeyQuery{}).All(ctx))
		if len(list) != 2 || !slices.ContainsFunc(list, func(k client.Key) bool {
			return k.ID == narrow.ID && k.Name == "front desk" && slices.Equal(k.Scopes, desk.Scopes) && k.LastUsedAt != nil
		}) {
			t.Errorf("keys: %+v, want two, and that the front desk's was used", list)
		}
		if n := len(all(t, bob.Keys(client.KeyQuery{}).All(ctx))); n != 0 {
			t.Errorf("bob sees %d keys, want none", n)
		}
		code(t, bob.RevokeKey(ctx, narrow.ID), 404, "key-not-found")
		if err := ann.RevokeKey(ctx, narrow.ID); err != nil {
			t.Fatal(err)
		}
		dead(ctx, t, "a revoked key", reader)

		c.setTime(sqltest.Start.Add(time.Hour - time.Microsecond))
		if err := laptop.Status(ctx); err != nil {
			t.Errorf("a key just before its end: %v", err)
		}
		c.setTime(sqltest.Start.Add(time.Hour))
		dead(ctx, t, "a key at its end", laptop)
	})
}

// TestKeysOnTheCommandLine lists and revokes keys while a server runs.
func TestKeysOnTheCommandLine(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ann := c.user("patient", newYork)
		if err := ann.Status(ctx); err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(c.command("key", "list", "patient1@clinic.example"))
		if len(fields) < 3 || !strings.HasPrefix(strings.Join(fields[1:], " "), "until 2027-06-") {
			t.Fatalf("the list is %q, want a line with the id first", fields)
		}
		revoke := func() result { return run(t, t.TempDir(), c.env(), "key", "revoke", fields[0]) }
		if r := revoke(); r != (result{}) {
			t.Errorf("revoke: %+v, want silence", r)
		}
		dead(ctx, t, "a key that was revoked on the command line", ann.Client)
		if r := revoke(); r.status != 1 || !strings.Contains(r.stderr, "no such API key") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("a second revoke: %+v, want one line", r)
		}
		if r := run(t, t.TempDir(), c.env(), "key", "list", "patient1@clinic.example"); r != (result{}) {
			t.Errorf("list: %+v, want no keys", r)
		}
	})
}
