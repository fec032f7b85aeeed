package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medbook/e2e/browser"
	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/demo"
)

// adminOf is who runs the demo clinic.
func adminOf(t *testing.T) app.DemoPerson {
	t.Helper()
	for _, who := range demo.People() {
		if who.Role == auth.Admin {
			return who
		}
	}
	t.Fatal("the demo clinic has no admin")
	return app.DemoPerson{}
}

// desk is a tab of the demo clinic in which its admin has signed in.
func desk(t *testing.T, p *process, o browser.Options) *browser.Tab {
	t.Helper()
	tab := browser.Open(t, o)
	tab.Go(p.url + "/")
	signIn(tab, adminOf(t))
	return tab
}

// TestAnAdminOrdersAKit and finds in the outbox what its patient is told, which
// nobody was sent.
func TestAnAdminOrdersAKit(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	tab := desk(t, p, browser.Options{})
	tab.Go("/admin/orders")
	tab.Click("Order a kit")
	tab.Fill("Who is it?", "Moreno")
	tab.Click("Search")
	tab.Click("Ada Moreno")
	tab.Choose("Kit", "Genotyping array")
	tab.Fill("Street and number", "1 Main Street")
	tab.Fill("Postal code", "10115")
	tab.Fill("Town", "Berlin")
	tab.Fill("Country", "XX")
	tab.Click("Check")
	tab.Has("There is a problem")
	tab.Fill("Country", "DE")
	tab.Click("Check")
	tab.Has("your order has been successfully placed")
	tab.Axe()
	tab.Click("Place the order")
	tab.Has("The kit is ordered.")
	tab.Go("/admin/outbox")
	tab.Has("Nobody got them")
	eventually(t, "the message is written", func() bool {
		tab.Reload()
		return strings.Contains(tab.Text(), "Kit ordered")
	})
	tab.Go(pageWith(t, tab, "/admin/outbox/"))
	tab.Has("This message was not sent to anybody")
	tab.Has("your order has been successfully placed")
}

// TestAnAdminBooksByException, of which no patient could.
func TestAnAdminBooksByException(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	tab := desk(t, p, browser.Options{NoScript: true})
	tab.Click("Book for a patient")
	tab.Fill("Who is it?", "Nilsson")
	tab.Click("Search")
	tab.Click("Clara Nilsson")
	tab.Click(".dates li:first-child a")
	here, err := url.Parse(tab.URL())
	if err != nil {
		t.Fatal(err)
	}
	// The days beyond what patients can book are open to staff.
	far := time.Now().AddDate(0, 0, 400)
	for range 7 {
		tab.Go(here.Path + "?date=" + far.Format("2006-01-02"))
		if strings.Contains(tab.Text(), "by exception") {
			break
		}
		far = far.AddDate(0, 0, 1)
	}
	tab.Go(pageWith(t, tab, here.Path+"/"))
	tab.Has("Patients could not book this time")
	tab.Axe()
	tab.Fill("Reason for an exception", "She travels for a year")
	tab.Click("Book")
	tab.Has("The appointment is booked.")
	tab.Has("She travels for a year")
}

// pageWith is where the first link of the page leads whose path begins so.
func pageWith(t *testing.T, tab *browser.Tab, path string) string {
	t.Helper()
	here, err := url.Parse(tab.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range linksOf(t, here.RequestURI(), tab.Source()) {
		if strings.HasPrefix(link, path) {
			return link
		}
	}
	t.Fatalf("%s has no link to a page below %s", here.Path, path)
	return ""
}

// TestThePagesOfTheDeskAreForEverybody looks at them as TestEveryPageIsForEverybody
// does, and at those to which forms lead.
func TestThePagesOfTheDeskAreForEverybody(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	sources := map[string][]byte{}
	for look, options := range looks {
		t.Run(look, func(t *testing.T) {
			tab := desk(t, p, options)
			see := func(name string) {
				tab.Axe()
				sources[look+" "+name] = tab.Source()
				if folder := os.Getenv("MEDBOOK_PICTURES"); folder != "" {
					tab.Screenshot(filepath.Join(folder, strings.NewReplacer(" ", "-", ",", "", "/", "_").Replace(name+" "+look)+".png"))
				}
			}
			open := func(path string) { tab.Go(path); see(path) }
			for _, path := range []string{
				"/admin", "/admin/users", "/admin/users/new", "/admin/users/find", "/admin/practitioners", "/admin/appointments",
				"/admin/appointments/book", "/admin/closures", "/admin/closures/new", "/admin/orders", "/admin/orders/place", "/admin/messages",
				"/admin/outbox", "/admin/keys", "/admin/webhooks", "/admin/webhooks/new", "/admin/clinic",
			} {
				open(path)
			}
			below := func(list, prefix, name string, more ...string) {
				tab.Go(list)
				path := pageWith(t, tab, prefix)
				for _, part := range append([]string{""}, more...) {
					tab.Go(path + part)
					see(name + part)
				}
			}
			tab.Go("/admin/users/find")
			tab.Fill("Who is it?", "Moreno")
			tab.Click("Search")
			see("found")
			tab.Click("Ada Moreno")
			here, err := url.Parse(tab.URL())
			if err != nil {
				t.Fatal(err)
			}
			person := here.Path
			for _, part := range []string{"", "/edit", "/role", "/hold", "/erase"} {
				tab.Go(person + part)
				see("user" + part)
			}
			below("/admin/practitioners", "/admin/practitioners/", "practitioner", "/edit")
			below("/admin/appointments?past=yes", "/admin/appointments/0", "appointment")
			below("/admin/orders", "/admin/orders/0", "order")
			open("/admin/orders/place/" + strings.TrimPrefix(person, "/admin/users/"))
			tab.Choose("Kit", "Genotyping array")
			for label, value := range map[string]string{"Street and number": "1 Main Street", "Postal code": "10115", "Town": "Berlin", "Country": "XX"} {
				tab.Fill(label, value)
			}
			tab.Click("Check")
			tab.Has("There is a problem")
			see("order refused")
			book := "/admin/appointments/book/" + strings.TrimPrefix(person, "/admin/users/")
			tab.Go(book)
			see("book whom")
			tab.Go(pageWith(t, tab, book+"/"))
			see("book day")
			here, err = url.Parse(tab.URL())
			if err != nil {
				t.Fatal(err)
			}
			tab.Go(pageWith(t, tab, here.Path+"?date="))
			see("book time")
			tab.Go(pageWith(t, tab, here.Path+"/"))
			see("book check")
			tab.Go("/admin/closures/new")
			tab.Fill("First day", time.Now().AddDate(0, 0, 7).Format("2006-01-02"))
			tab.Click("Check")
			see("close check")
			tab.Go("/admin/webhooks/new")
			tab.Fill("Address of the program", "https://example.org/hooks")
			tab.Click("Appointment held")
			tab.Click("Add it")
			see("secret")
			tab.Click("I have put it there")
			see("webhook")
			here, err = url.Parse(tab.URL())
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"/edit", "/secret"} {
				tab.Go(here.Path + part)
				see("webhook" + part)
			}
		})
	}
	browser.Validate(t, sources)
}
