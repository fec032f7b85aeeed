package webhooks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/webhooks"
)

func TestOnlyAdminsHaveToDoWithWebhooks(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		w, _ := o.subscribe("https://hooks.example", webhooks.OrderPlaced)
		which, denied := w.ID.String(), 0
		for _, role := range []auth.Role{"", auth.Patient, auth.Practitioner, auth.Auditor} {
			by := auth.Actor{UserID: id.New(), Role: role, Via: auth.ViaSession, ProvedAt: db.Now()}
			for name, call := range calls(t, o, by, which) {
				if err := call(); !errors.Is(err, auth.ErrForbidden) {
					t.Errorf("%s by %q: %v, want forbidden", name, role, err)
				}
				denied++
			}
		}
		if got := o.count(`SELECT COUNT(*) FROM audit_events WHERE outcome = 'denied'`); got != denied {
			t.Errorf("%d refusals on record, want %d", got, denied)
		}
		for name, call := range calls(t, o, o.admin, id.New().String()) {
			if err := call(); name != "list" && name != "create" && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s of what is not there: %v, want not found", name, err)
			}
		}
		for name, call := range calls(t, o, o.admin, "nope") {
			if err := call(); name != "list" && name != "create" && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s of no id: %v, want not found", name, err)
			}
		}
	})
}

// calls are all methods, about one webhook or delivery.
func calls(t *testing.T, o *office, by auth.Actor, which string) map[string]func() error {
	return map[string]func() error{
		"create": func() error {
			_, _, err := o.Create(t.Context(), by, webhooks.NewWebhook{URL: "https://hooks.example", Kinds: []string{"order.placed"}})
			return err
		},
		"list":   func() error { _, err := o.Webhooks(t.Context(), by, page.Request{Limit: 1}); return err },
		"read":   func() error { _, err := o.Webhook(t.Context(), by, which); return err },
		"change": func() error { _, err := o.Change(t.Context(), by, which, "*", webhooks.Change{}); return err },
		"remove": func() error { return o.Remove(t.Context(), by, which, "*") },
		"rotate": func() error { _, _, err := o.RotateSecret(t.Context(), by, which); return err },
		"test":   func() error { _, err := o.Test(t.Context(), by, which); return err },
		"deliveries": func() error {
			_, err := o.Deliveries(t.Context(), by, which, "", page.Request{Limit: 1})
			return err
		},
		"resend": func() error { _, err := o.Resend(t.Context(), by, which); return err },
	}
}

func TestSecretsAndNewAddressesNeedAFreshProof(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		w, _ := o.subscribe("https://hooks.example", webhooks.OrderPlaced)
		which, elsewhere := w.ID.String(), "https://elsewhere.example"
		sqltest.ClockOf(db).Advance(5*time.Minute + time.Microsecond)
		if _, _, err := o.Create(t.Context(), o.admin, webhooks.NewWebhook{URL: elsewhere, Kinds: []string{"order.placed"}}); !errors.Is(err, auth.ErrStepUp) {
			t.Errorf("create: %v, want step-up", err)
		}
		if _, _, err := o.RotateSecret(t.Context(), o.admin, which); !errors.Is(err, auth.ErrStepUp) {
			t.Errorf("rotate: %v, want step-up", err)
		}
		if _, err := o.Change(t.Context(), o.admin, which, "*", webhooks.Change{URL: &elsewhere}); !errors.Is(err, auth.ErrStepUp) {
			t.Errorf("another address: %v, want step-up", err)
		}
		if got, err := o.Change(t.Context(), o.admin, which, "*", webhooks.Change{URL: &w.URL, Kinds: []string{"patient.erased"}}); err != nil || got.URL != w.URL {
			t.Errorf("the same address: %v, want no step-up", err)
		}
		o.admin.ProvedAt = db.Now()
		if got, err := o.Change(t.Context(), o.admin, which, "*", webhooks.Change{URL: &elsewhere}); err != nil || got.URL != elsewhere {
			t.Errorf("another address with a fresh proof: %v", err)
		}
	})
}

func TestAWebhookIsChangedByItsVersion(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		w, _ := o.subscribe("https://hooks.example", webhooks.PatientErased, webhooks.OrderPlaced, webhooks.OrderPlaced)
		if want := []webhooks.Kind{webhooks.OrderPlaced, webhooks.PatientErased}; !slices.Equal(w.Kinds, want) {
			t.Errorf("kinds %v, want %v", w.Kinds, want)
		}
		which, off := w.ID.String(), false
		for match, want := range map[etag.Match]error{"": etag.ErrMissing, `"7"`: etag.ErrStale} {
			if _, err := o.Change(t.Context(), o.admin, which, match, webhooks.Change{Enabled: &off}); !errors.Is(err, want) {
				t.Errorf("change with %q: %v, want %v", match, err, want)
			}
			if err := o.Remove(t.Context(), o.admin, which, match); !errors.Is(err, want) {
				t.Errorf("remove with %q: %v, want %v", match, err, want)
			}
		}
		changed, err := o.Change(t.Context(), o.admin, which, etag.Match(w.ETag()), webhooks.Change{Enabled: &off})
		if err != nil || changed.Enabled || changed.ETag() == w.ETag() {
			t.Errorf("changed to enabled %v, tag %s, error %v", changed.Enabled, changed.ETag(), err)
		}
		read, err := o.Webhook(t.Context(), o.admin, which)
		if err != nil || read.ETag() != changed.ETag() || read.Enabled || !slices.Equal(read.Kinds, w.Kinds) || read.URL != w.URL ||
			!read.CreatedAt.Equal(w.CreatedAt) || read.CreatedBy != o.admin.UserID {
			t.Errorf("read %+v, error %v", read, err)
		}
		if err := o.Remove(t.Context(), o.admin, which, etag.Match(changed.ETag())); err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"webhook.create", "webhook.change", "webhook.read", "webhook.remove"} {
			if n := o.count(`SELECT COUNT(*) FROM audit_events WHERE action = $1 AND outcome = 'success'`, action); n != 1 {
				t.Errorf("%d records of %s, want 1", n, action)
			}
		}
	})
}

func TestOnlyGoodWebhooksAreKept(t *testing.T) {
	o := newOffice(t, sqltest.Open(t, sqltest.SQLite(t)))
	good := []string{"order.placed"}
	for _, private := range []bool{false, true} {
		o.AllowPrivate = private
		for url, want := range map[string]struct{ strict, loose bool }{
			"https://hooks.example/a?b=c":   {true, true},
			"https://hooks.example:8443":    {true, true},
			"https://1.1.1.1/":              {true, true},
			"http://hooks.example":          {false, false},
			"http://10.0.0.1":               {false, false},
			"http://127.0.0.1:80/x":         {false, true},
			"http://localhost:80/x":         {false, true},
			"http://[::1]:80/x":             {false, true},
			"https://127.0.0.1":             {false, true},
			"https://[::1]":                 {false, true},
			"https://10.1.2.3":              {false, true},
			"https://192.168.1.1":           {false, true},
			"https://169.254.169.254/meta":  {false, true},
			"https://[::ffff:127.0.0.1]":    {false, true},
			"https://[fd00:ec2::254]":       {false, true},
			"https://224.0.0.1":             {false, true},
			"https://user:pw@hooks.example": {false, false},
			"https://hooks.example/#part":   {false, false},
			"https:hooks.example":           {false, false},
			"https://":                      {false, false},
			"https://:443/":                 {false, false},
			"ftp://hooks.example":           {false, false},
			"file:///etc/passwd":            {false, false},
			"":                              {false, false},
			"::":                            {false, false},
			"https://hooks.example/" + strings.Repeat("x", 2000): {false, false},
		} {
			_, _, err := o.Create(t.Context(), o.admin, webhooks.NewWebhook{URL: url, Kinds: good})
			if allowed := err == nil; allowed != (want.strict && !private || want.loose && private) || err != nil && errs.As(err).Fields["url"] == "" {
				t.Errorf("%.40q with private addresses allowed %v: %v", url, private, err)
			}
			o.execute(`DELETE FROM webhooks`)
		}
	}
	for _, kinds := range [][]string{nil, {"nope"}, {"order.placed", "webhook.test"}, {""}} {
		_, _, err := o.Create(t.Context(), o.admin, webhooks.NewWebhook{URL: "https://hooks.example", Kinds: kinds})
		if !errors.Is(err, webhooks.ErrInvalidWebhook) || errs.As(err).Fields["kinds"] == "" {
			t.Errorf("kinds %q: %v, want %v", kinds, err, webhooks.ErrInvalidWebhook)
		}
	}
	for i := range 50 {
		o.subscribe(fmt.Sprintf("https://hooks.example/%d", i), webhooks.OrderPlaced)
	}
	if _, _, err := o.Create(t.Context(), o.admin, webhooks.NewWebhook{URL: "https://hooks.example", Kinds: good}); !errors.Is(err, webhooks.ErrTooMany) {
		t.Errorf("the 51st: %v, want %v", err, webhooks.ErrTooMany)
	}
}

// TestWhatIsNotAllowedAnyMoreCanBeDisabled is about a server whose operator has
// changed their mind.
func TestWhatIsNotAllowedAnyMoreCanBeDisabled(t *testing.T) {
	o := newOffice(t, sqltest.Open(t, sqltest.SQLite(t)))
	r := receive(t)
	w, _ := o.subscribe(r.URL, webhooks.OrderPlaced)
	o.AllowPrivate = false
	o.emit(webhooks.OrderPlaced)
	o.work()
	o.is(w, webhooks.Pending, 1, 0, webhooks.Refused)
	if _, err := o.Change(t.Context(), o.admin, w.ID.String(), "*", webhooks.Change{Enabled: new(bool)}); err != nil {
		t.Error(err)
	}
	if n := len(r.messages()); n != 0 {
		t.Errorf("%d messages to where nothing may be sent", n)
	}
}
