package demo

import (
	"path/filepath"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

// TestThereIsSomethingOnEveryPage looks at a clinic as its people do.
func TestThereIsSomethingOnEveryPage(t *testing.T) {
	now := time.Date(2027, 8, 12, 9, 30, 0, 0, time.UTC)
	database, keys := "sqlite:"+filepath.Join(t.TempDir(), "medbook.db"), ring(t)
	if err := seed(t.Context(), database, keys, now); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, database, now)
	s.Auth.Keys, s.Orders.Seal, s.Privacy.Seal, s.Notify.Seal, s.Encounters.Seal = keys, keys, keys, keys, keys
	s.Encounters.Masters = []keyring.Master{keyring.NewLive(keys, "")}
	roles := map[auth.Role]int{}
	as := map[string]auth.Actor{}
	for _, p := range People() {
		in, err := s.Auth.SignIn(t.Context(), auth.Actor{Address: p.Email}, auth.LogIn{Email: p.Email, Password: auth.Secret(p.Password)})
		if err != nil {
			t.Fatalf("%s can't sign in: %v", p.Email, err)
		}
		if as[p.Email], err = s.Auth.Authenticate(t.Context(), auth.Shown{Bearer: in.Access}, auth.Actor{}); err != nil || as[p.Email].Role != p.Role {
			t.Fatalf("%s is %+v, %v, want a %s", p.Email, as[p.Email], err, p.Role)
		}
		roles[p.Role]++
	}
	if roles[auth.Patient] < 1 || roles[auth.Practitioner] < 2 || roles[auth.Admin] != 1 || roles[auth.Auditor] != 1 {
		t.Errorf("the people are %v", roles)
	}
	some := func(what string, n int, err error) {
		t.Helper()
		if err != nil || n == 0 {
			t.Errorf("%s: %d, %v, want some", what, n, err)
		}
	}
	ada, hannah, ruth := as[patients[0].email], as[practitioners[0].email], as[admin.email]

	versions := map[bool]map[bool]int{true: {}, false: {}} // shared, of more than one version
	records, err := s.Encounters.Encounters(t.Context(), hannah, encounters.Filter{}, page.Request{Limit: 100})
	for _, e := range records.Items {
		versions[e.Shared][e.Version > 1]++
	}
	if err != nil || versions[true][true] == 0 || versions[true][false] == 0 || versions[false][false] == 0 {
		t.Errorf("encounters by sharing and versions: %v, %v", versions, err)
	}
	own, err := s.Encounters.Encounters(t.Context(), ada, encounters.Filter{}, page.Request{Limit: 100})
	some("what is shared with a patient", len(own.Items), err)

	sent := map[notify.Status]int{}
	counts, err := s.Notify.Counts(t.Context(), ruth, now.AddDate(-1, 0, 0), now)
	for _, c := range counts {
		sent[c.Status] += c.N
	}
	if err != nil || sent[notify.Sent] < 20 || sent[notify.Failed] == 0 || sent[notify.Pending] == 0 {
		t.Errorf("messages: %v, %v", sent, err)
	}
	stages := map[orders.Status]bool{}
	placed, err := s.Orders.Orders(t.Context(), ruth, orders.Filter{}, page.Request{Limit: 100})
	for _, o := range placed.Items {
		stages[o.Status] = true
	}
	if err != nil || len(stages) < 5 {
		t.Errorf("orders are %v, %v, want some of each status", stages, err)
	}
	waits, err := s.Scheduling.Waitlist(t.Context(), hannah, page.Request{Limit: 100})
	some("who waits", len(waits.Items), err)
	off, err := s.Scheduling.TimeOffs(t.Context(), hannah, hannah.PractitionerID.String(), page.Request{Limit: 100})
	some("time off", len(off.Items), err)
	if _, err := s.Privacy.Hold(t.Context(), ruth, idOf(t, s.Directory, patients[3].email)); err != nil {
		t.Errorf("a legal hold: %v", err)
	}
	broken, err := s.Encounters.Emergencies(t.Context(), as[auditor.email], page.Request{Limit: 100})
	some("emergencies", len(broken.Items), err)
	clinic, err := s.Directory.Clinic(t.Context(), auth.Actor{})
	if err != nil || clinic.Name != "Linden Clinic" {
		t.Errorf("the clinic is %+v, %v", clinic, err)
	}

	today := calendar.DateIn(now, time.UTC)
	figures, err := s.Scheduling.Figures(t.Context(), ruth, scheduling.FiguresQuery{From: today.AddDays(-49), To: today, Weekly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range figures.Total.Notice {
		some("notice given", n, nil)
	}
	for _, week := range figures.Rows[1:7] {
		if week.Capacity == 0 || week.Completed == 0 {
			t.Errorf("the week of %s is empty: %+v", week.First, week)
		}
	}
	some("no-shows", figures.Total.NoShows, nil)
	some("cancellations", figures.Total.Cancelled, nil)
	born, err := s.Directory.Patients(t.Context(), hannah, page.Request{Limit: 100})
	if some("own patients", len(born.Items), err); len(born.Items) == len(patients) {
		t.Error("a practitioner has care of everybody")
	}
	for _, p := range born.Items {
		if !p.DateOfBirth.Present() {
			t.Errorf("%s has no date of birth", p.ID)
		}
	}
}

func idOf(t *testing.T, d *directory.Service, email string) string {
	t.Helper()
	all, err := d.Users(t.Context(), auth.System, directory.UserFilter{}, page.Request{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all.Items {
		if u.Email.Reveal() == email {
			return u.ID.String()
		}
	}
	t.Fatalf("%s is nobody", email)
	return ""
}
