package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/gate"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// passphrase is the password of everybody in a clinic.
const passphrase = "seven tall giraffes"

// ring, passwords and hash are shared by all clinics, as by a server's parts.
var (
	ring = sync.OnceValue(func() *keyring.Ring {
		r, err := keyring.New()
		if err != nil {
			panic(err)
		}
		return r
	})
	passwords = &password.Hasher{}
	hash      = sync.OnceValue(func() string {
		h, err := passwords.Hash(context.Background(), passphrase)
		if err != nil {
			panic(err)
		}
		return h
	})
)

// clinic is the pages over a fresh database, with users of each role who can sign
// in with passphrase: ann and bob are patients, grey (New York) and brown
// (Kathmandu) practitioners, admin and auditor.
type clinic struct {
	t      testing.TB
	db     *sqldb.DB
	server *Server
	url    string
	log    *lockedBuffer
	users  map[string]directory.User
}

// callers are the names of the clinic's users.
var callers = []struct {
	name string
	role auth.Role
	zone string
}{
	{"ann", auth.Patient, "America/New_York"},
	{"bob", auth.Patient, "Europe/Berlin"},
	{"grey", auth.Practitioner, "America/New_York"},
	{"brown", auth.Practitioner, "Asia/Kathmandu"},
	{"admin", auth.Admin, "UTC"},
	{"auditor", auth.Auditor, "UTC"},
}

func newClinic(t testing.TB, db *sqldb.DB) *clinic {
	t.Helper()
	c := emptyClinic(t, db)
	for _, who := range callers {
		c.add(who.name, who.role, who.zone)
	}
	return c
}

// emptyClinic is a clinic without anybody.
func emptyClinic(t testing.TB, db *sqldb.DB) *clinic {
	t.Helper()
	c := &clinic{t: t, db: db, log: &lockedBuffer{}, users: map[string]directory.User{}}
	log := slog.New(slog.NewJSONHandler(c.log, nil))
	c.server = &Server{
		Auth:       &auth.Service{DB: db, Keys: ring(), Passwords: passwords},
		Directory:  &directory.Service{DB: db, Passwords: passwords, ClinicName: "Harbour Clinic", Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		Notify:     &notify.Service{DB: db, Seal: ring(), Channels: []notify.Channel{notify.Outbox{}}},
		Webhooks:   &webhooks.Service{DB: db, Seal: ring()},
		Scheduling: &scheduling.Service{DB: db},
		Encounters: &encounters.Service{DB: db, Masters: []keyring.Master{keyring.NewLive(ring(), "")}, Seal: ring()},
		Orders:     &orders.Service{DB: db, Seal: ring()},
		Log:        log,
		Now:        db.Now,
	}
	c.server.Privacy = &privacy.Service{DB: db, Encounters: c.server.Encounters, Orders: c.server.Orders, Seal: ring()}
	face := c.server.Face()
	g := &gate.Gate{Auth: c.server.Auth, Log: log, Now: db.Now, Pick: func(*http.Request) gate.Face { return face }}
	remote := httptest.NewServer(g.Handler())
	t.Cleanup(remote.Close)
	c.url = remote.URL
	return c
}

// add makes one more user who can sign in.
func (c *clinic) add(name string, role auth.Role, zone string) directory.User {
	c.t.Helper()
	n := directory.NewUser{Email: phi.Of(name + "@example.org"), Name: phi.Of(strings.ToUpper(name[:1]) + name[1:] + " Example"), Role: role, TimeZone: zone}
	if role == auth.Practitioner {
		n.Specialty = "physiotherapy"
	}
	u, err := c.server.Directory.CreateUser(c.t.Context(), auth.System, n)
	if err == nil {
		err = c.db.Update(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			return auth.AddAccount(ctx, tx, u.ID, hash(), true)
		})
	}
	if err != nil {
		c.t.Fatalf("add %s: %v", name, err)
	}
	c.users[name] = u
	return u
}

// actor is a user as services know them who signed in as themselves.
func (c *clinic) actor(name string) auth.Actor {
	u := c.users[name]
	return auth.Actor{UserID: u.ID, Role: u.Role, PractitionerID: u.PractitionerID}
}

// visitor is a browser without scripts: it keeps cookies and follows redirects.
type visitor struct {
	c       *clinic
	cookies map[string]string
}

func (c *clinic) visitor() *visitor { return &visitor{c: c, cookies: map[string]string{}} }

// as is a visitor who has signed in.
func (c *clinic) as(name string) *visitor {
	c.t.Helper()
	v := c.visitor()
	p := v.post("/sign-in", "email", name+"@example.org", "password", passphrase)
	if v.cookies["__Host-medbook"] == "" {
		c.t.Fatalf("%s could not sign in: %d, %s", name, p.status, p.text())
	}
	return v
}

// shown is a page that a visitor sees.
type shown struct {
	t      testing.TB
	status int
	header http.Header
	path   string // where redirects led to
	body   string
	tree   *html.Node
}

// get opens a page.
func (v *visitor) get(path string) shown { return v.send(http.MethodGet, path, nil) }

// post sends a form: names and values.
func (v *visitor) post(path string, pairs ...string) shown {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send(http.MethodPost, path, form)
}

func (v *visitor) send(method, path string, form url.Values) shown {
	t := v.c.t
	t.Helper()
	for range 10 {
		req, err := http.NewRequestWithContext(t.Context(), method, v.c.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", v.c.url)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		for name, value := range v.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range resp.Cookies() {
			v.cookies[c.Name] = c.Value
			if c.MaxAge < 0 {
				delete(v.cookies, c.Name)
			}
		}
		if to := resp.Header.Get("Location"); to != "" && resp.StatusCode == http.StatusSeeOther {
			method, path, form = http.MethodGet, to, nil
			continue
		}
		tree, err := html.Parse(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return shown{t: t, status: resp.StatusCode, header: resp.Header, path: path, body: string(body), tree: tree}
	}
	t.Fatalf("%s leads round in circles", path)
	return shown{}
}

// text is what one reads on the page.
func (p shown) text() string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(p.tree)
	return strings.Join(strings.Fields(b.String()), " ")
}

// has fails the test unless the page was answered with the status, and shows all texts.
func (p shown) has(status int, texts ...string) shown {
	p.t.Helper()
	all := p.text()
	if p.status != status {
		p.t.Fatalf("%s: status %d, want %d: %s", p.path, p.status, status, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			p.t.Errorf("%s does not say %q: %s", p.path, text, all)
		}
	}
	return p
}

// lacks fails the test where the page's source holds one of the texts.
func (p shown) lacks(texts ...string) shown {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			p.t.Errorf("%s says %q", p.path, text)
		}
	}
	return p
}

// attributes lists the values of an attribute of all elements with a name, where
// that is there: p.attributes("a", "href").
func (p shown) attributes(element, attribute string) (values []string) {
	for n := range p.tree.Descendants() {
		if n.Type != html.ElementNode || n.Data != element {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == attribute {
				values = append(values, a.Val)
			}
		}
	}
	return values
}

// lockedBuffer is a log that several requests write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
