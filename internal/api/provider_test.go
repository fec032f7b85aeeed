package api

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/internal/federation"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// zitadel is an OpenID provider that is a product of its own, in a process of its own.
type zitadel struct {
	t    *testing.T
	url  string
	say  io.Writer
	said *bufio.Scanner
}

// The client and the user that it has.
const (
	zitadelClient, zitadelSecret = "medbook", "a secret"
	zitadelUser, zitadelPassword = "test-user2", "verysecure"
)

// built is the program of tools/provider.
var built = sync.OnceValues(func() (string, error) {
	folder, err := filepath.Abs("../../tools/provider")
	if err != nil {
		return "", err
	}
	name := filepath.Join(folder, "provider.test")
	build := exec.Command("go", "build", "-o", name, ".")
	build.Dir = folder
	out, err := build.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return name, nil
})

func startZitadel(t *testing.T) *zitadel {
	t.Helper()
	name, err := built()
	if err != nil {
		t.Fatalf("build the provider: %v\n%s", err, name)
	}
	p := exec.Command(name, "-client", zitadelClient, "-secret", zitadelSecret, "-redirect", site+"/account/sign-in")
	say, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		say.Close()
		if err := p.Wait(); err != nil {
			t.Errorf("the provider ended with %v", err)
		}
	})
	z := &zitadel{t: t, say: say, said: bufio.NewScanner(said)}
	z.url = z.line()
	return z
}

func (z *zitadel) line() string {
	z.t.Helper()
	if !z.said.Scan() {
		z.t.Fatalf("the provider says no more: %v", z.said.Err())
	}
	return z.said.Text()
}

// rotate replaces its signing key.
func (z *zitadel) rotate() {
	z.t.Helper()
	if _, err := io.WriteString(z.say, "rotate\n"); err != nil {
		z.t.Fatal(err)
	}
	if got := z.line(); got != "rotated" {
		z.t.Fatalf("the provider says %q", got)
	}
}

// visit does what a person does who is sent there: they sign in by its form, and
// are sent back.
func (z *zitadel) visit(departure reply) map[string]any {
	z.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		z.t.Fatal(err)
	}
	var back *url.URL
	browser := http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), site) {
			back = req.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	form, err := browser.Get(departure.text(z.t, "url"))
	if err != nil {
		z.t.Fatal(err)
	}
	form.Body.Close()
	answer, err := browser.PostForm(form.Request.URL.String(), url.Values{
		"username": {zitadelUser}, "password": {zitadelPassword}, "id": {form.Request.URL.Query().Get("authRequestID")},
	})
	if err != nil {
		z.t.Fatal(err)
	}
	answer.Body.Close()
	if back == nil || back.Path != "/account/sign-in" {
		z.t.Fatalf("after the form: %d at %s, want to be sent back", answer.StatusCode, answer.Request.URL)
	}
	q := back.Query()
	return map[string]any{
		"challenge": departure.text(z.t, "challenge"), "state": q.Get("state"), "code": q.Get("code"), "iss": q.Get("iss"),
	}
}

// TestSigningInAtARealProvider signs a person in at somebody else's product,
// before and after it rotates its key.
func TestSigningInAtARealProvider(t *testing.T) {
	z := startZitadel(t)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		z.t = t
		c := newClinic(t, db)
		c.server.Auth.PublicURL, c.server.Auth.Provision = site, c.server.Directory.Provision
		start := time.Now() // by which its tokens are dated
		c.server.Auth.Federation = &federation.Service{
			Now: func() time.Time { return start.Add(db.Now().Sub(sqltest.Start)) },
			Issuers: []federation.Issuer{{
				Name: "zitadel", URL: z.url, ClientID: zitadelClient, ClientSecret: zitadelSecret, Audience: "https://clinic.example/api", TokenType: "JWT", Provision: true,
			}},
		}
		depart := func() reply {
			return c.must(200, "", post, "/v1/auth/provider-options", map[string]any{"provider": "zitadel"})
		}
		signIn := func(back map[string]any) string {
			in := c.must(200, "", post, "/v1/auth/provider", back)
			return c.must(200, "", get, "/v1/me", nil, bearer(in.text(t, "access_token"))...).text(t, "email")
		}
		back := z.visit(depart())
		if email := signIn(back); email != "test-user2@zitadel.ch" {
			t.Errorf("signed in as %s", email)
		}
		if r := c.call("", post, "/v1/auth/provider", back); r.StatusCode == 200 {
			t.Error("a return is good twice")
		}
		z.rotate()
		sqltest.ClockOf(db).Advance(11 * time.Second)
		if email := signIn(z.visit(depart())); email != "test-user2@zitadel.ch" {
			t.Errorf("after the rotation: signed in as %s", email)
		}
		if n := c.count(`SELECT COUNT(*) FROM identities`); n != 1 {
			t.Errorf("%d identities, want the same one", n)
		}
	})
}
