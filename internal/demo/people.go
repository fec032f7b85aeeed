package demo

import (
	"slices"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/orders"
	"medbook/internal/scheduling"
)

// person is somebody with an account. Telephone numbers are of the ranges kept
// for fiction.
type person struct {
	role                           auth.Role
	name, email, phone, zone, born string
}

var (
	admin   = person{role: auth.Admin, name: "Ruth Lindqvist", email: "ruth@clinic.example", zone: "Europe/Berlin"}
	auditor = person{role: auth.Auditor, name: "Tomas Varga", email: "tomas@clinic.example", zone: "Europe/Berlin"}
)

// practitioner is somebody who gives care, with their policy and working week.
type practitioner struct {
	person
	specialty, bio string
	policy         scheduling.PolicyChange
	week           []rule
}

// rule is a part of a working week, in local time.
type rule struct {
	weekdays []string
	from, to string
}

var practitioners = []practitioner{
	{
		person:    person{role: auth.Practitioner, name: "Hannah Brandt", email: "hannah@clinic.example", phone: "+49 30 23125 014", zone: "Europe/Berlin"},
		specialty: "physiotherapy",
		bio:       "Backs, knees and shoulders; sports injuries. German and English.",
		policy:    scheduling.PolicyChange{SlotMinutes: new(30)},
		week: []rule{
			{[]string{"mon", "tue", "wed", "thu"}, "08:00", "12:00"},
			{[]string{"mon", "wed"}, "13:00", "18:00"},
		},
	},
	{
		person:    person{role: auth.Practitioner, name: "Jonas Keller", email: "jonas@clinic.example", phone: "+49 30 23125 027", zone: "Europe/Berlin"},
		specialty: "nutrition",
		bio:       "Diabetes, allergies, and eating well on a budget.",
		policy:    scheduling.PolicyChange{SlotMinutes: new(45)},
		week:      []rule{{[]string{"tue", "thu", "fri"}, "09:00", "15:00"}},
	},
	{
		person:    person{role: auth.Practitioner, name: "Maya Feldman", email: "maya@clinic.example", phone: "+1 212 555 0134", zone: "America/New_York"},
		specialty: "psychotherapy",
		bio:       "Anxiety, grief, sleep. Evenings and Saturdays by video.",
		policy:    scheduling.PolicyChange{SlotMinutes: new(60), CancellationWindowSeconds: new(48 * 60 * 60)},
		week: []rule{
			{[]string{"mon", "tue", "wed", "thu"}, "15:00", "20:00"},
			{[]string{"sat"}, "10:00", "14:00"},
		},
	},
	{
		person:    person{role: auth.Practitioner, name: "Samuel Ortiz", email: "samuel@clinic.example", phone: "+1 212 555 0178", zone: "America/New_York"},
		specialty: "general practice",
		bio:       "Family doctor. Spanish and English.",
		policy:    scheduling.PolicyChange{NoticeSeconds: new(2 * 60 * 60)},
		week: []rule{
			{[]string{"mon", "tue", "wed", "thu", "fri"}, "08:30", "12:00"},
			{[]string{"mon", "thu"}, "13:00", "16:30"},
		},
	},
	{
		person:    person{role: auth.Practitioner, name: "Anjali Shrestha", email: "anjali@clinic.example", phone: "+977 1 5550101", zone: "Asia/Kathmandu"},
		specialty: "genetic counselling",
		bio:       "What a DNA test can tell, and what it can't. Nepali, Hindi and English.",
		policy:    scheduling.PolicyChange{SlotMinutes: new(30), HoldSeconds: new(2 * 24 * 60 * 60)},
		week:      []rule{{[]string{"sun", "mon", "tue", "wed", "thu"}, "10:00", "16:00"}},
	},
}

var patients = []person{
	{role: auth.Patient, name: "Ada Moreno", email: "ada@mail.example", phone: "+1 212 555 0111", zone: "America/New_York", born: "1987-03-09"},
	{role: auth.Patient, name: "Ben Adeyemi", email: "ben@mail.example", phone: "+1 212 555 0122", zone: "America/New_York", born: "1974-11-30"},
	{role: auth.Patient, name: "Clara Nilsson", email: "clara@mail.example", phone: "+49 30 23125 101", zone: "Europe/Berlin", born: "1992-06-17"},
	{role: auth.Patient, name: "Dimitri Weiss", email: "dimitri@mail.example", phone: "+49 30 23125 118", zone: "Europe/Berlin", born: "1959-01-22"},
	{role: auth.Patient, name: "Elif Kaya", email: "elif@mail.example", phone: "+49 30 23125 126", zone: "Europe/Berlin", born: "2001-08-05"},
	{role: auth.Patient, name: "Farid Rahimi", email: "farid@mail.example", phone: "+49 30 23125 139", zone: "Europe/Berlin", born: "1983-12-14"},
	{role: auth.Patient, name: "Gita Thapa", email: "gita@mail.example", phone: "+977 1 5550142", zone: "Asia/Kathmandu", born: "1995-04-28"},
	{role: auth.Patient, name: "Hugo Bennett", email: "hugo@mail.example", phone: "+1 212 555 0199", zone: "America/New_York", born: "1966-10-02"},
}

// password is that of everybody in the demo, and of nobody elsewhere.
const password = "under the old linden"

// People are those as whom anybody may sign in, one of each role at least.
func People() []app.DemoPerson {
	return []app.DemoPerson{
		guest(patients[0], "has visits ahead and behind, and a kit at the laboratory"),
		guest(patients[2], "reads German, has a treatment behind, and a kit on its way"),
		guest(practitioners[0].person, "sees patients in Berlin"),
		guest(practitioners[4].person, "works in Kathmandu, where the day is another"),
		guest(admin, "runs the clinic, and sees no clinical data"),
		guest(auditor, "reads who looked at what"),
	}
}

func guest(p person, note string) app.DemoPerson {
	return app.DemoPerson{Role: p.role, Name: p.name, Email: p.email, Password: password, Note: note}
}

// booking is an appointment to be made: which patient, with which
// practitioner, so many days from today, and how it ended or stands.
type booking struct {
	patient, practitioner int
	day                   int // the first day to look for a slot, from now
	skip                  int // how many free slots to leave alone first
	reason                string
	outcome               scheduling.Status
	ahead                 int // how many hours before day it is made; bookedBy if zero
}

// allBookings are the ones with a story, and what fills the weeks behind.
func allBookings() []booking { return append(slices.Clone(bookings), routine()...) }

// routine is what a clinic does all day: visits over the past weeks to everybody, made
// long before or the day before, and some that nobody came to. Each practitioner has a
// few patients, so that nobody has care of all.
func routine() (all []booking) {
	reasons := [...]string{"Treatment", "Advice", "Session", "Check-up", "Family history"}      // of each practitioner
	ahead := [...]int{2 * 24, 4 * 24, 24, 9 * 24, 6 * 24, 16 * 24, 2 * 24, 30 * 24, 1, 11 * 24} // the one hour is with who takes patients on the same day
	for i := range 40 {
		b := booking{
			patient: i%len(practitioners) + i/len(practitioners)%3, practitioner: i % len(practitioners), day: -48 + i, skip: i % 5,
			reason: reasons[i%len(reasons)], outcome: scheduling.Completed, ahead: ahead[i%len(ahead)],
		}
		switch i % 13 {
		case 4, 9:
			b.outcome = scheduling.NoShow
		case 6:
			b.outcome, b.ahead = scheduling.Cancelled, 8*24
		case 11:
			b.outcome = scheduling.Expired
		}
		all = append(all, b)
	}
	return all
}

// bookings are those with a story.
var bookings = []booking{
	{2, 0, -34, 1, "Shoulder after a fall", scheduling.Completed, 0},
	{0, 3, -31, 4, "Yearly check", scheduling.Completed, 0},
	{3, 1, -29, 0, "First visit, type 2 diabetes", scheduling.Completed, 0},
	{1, 2, -27, 2, "Trouble sleeping", scheduling.Completed, 0},
	{2, 0, -24, 1, "Shoulder, second visit", scheduling.Completed, 0},
	{7, 3, -20, 0, "Cough that does not go away", scheduling.NoShow, 0},
	{6, 4, -18, 3, "Test in the family", scheduling.Completed, 0},
	{4, 0, -15, 5, "Knee", scheduling.Cancelled, 0},
	{1, 2, -13, 2, "Follow-up", scheduling.Completed, 0},
	{5, 1, -11, 2, "Nut allergy", scheduling.NoShow, 0},
	{3, 1, -8, 0, "Follow-up", scheduling.Completed, 0},
	{0, 3, -6, 6, "Results", scheduling.Completed, 0},
	{2, 0, -5, 1, "Shoulder, third visit", scheduling.Completed, 0},

	{0, 0, 2, 3, "Lower back", scheduling.Confirmed, 0},
	{1, 2, 3, 1, "Follow-up", scheduling.Confirmed, 0},
	{6, 4, 3, 2, "What the result means", scheduling.Held, 0},
	{4, 0, 4, 0, "Knee", scheduling.Confirmed, 0},
	{7, 3, 5, 2, "Cough", scheduling.Confirmed, 0},
	{5, 1, 6, 1, "Nut allergy", scheduling.Held, 0},
	{3, 3, 7, 8, "Blood pressure", scheduling.Cancelled, 0},
	{2, 0, 9, 1, "Shoulder, last visit", scheduling.Confirmed, 0},
	{3, 1, 12, 0, "Follow-up", scheduling.Confirmed, 0},
	{0, 2, 16, 4, "First talk", scheduling.Confirmed, 0},
}

// shipment is a kit for a patient, and how far it has come.
type shipment struct {
	patient                       int // its place in the list above
	day                           int // when it was ordered, from now; today: two hours ago
	kit                           orders.Kit
	street, city, postal, country string
	outcome                       orders.Status
}

// kits are the oldest first.
var kits = []shipment{
	{6, -30, orders.WholeExome, "12 Mandala Marg", "Kathmandu", "44600", "NP", orders.Completed},
	{0, -16, orders.Genotyping, "401 Larch Street", "New York", "10002", "US", orders.SampleReceived},
	{3, -9, orders.Targeted, "Lindenallee 8", "Berlin", "10405", "DE", orders.Cancelled},
	{2, -3, orders.WholeGenome, "Am Kanal 31", "Berlin", "12047", "DE", orders.Dispatched},
	{6, 0, orders.Genotyping, "12 Mandala Marg", "Kathmandu", "44600", "NP", orders.Placed},
}

// notes are what each practitioner writes of a visit: what they found, what is to be
// done, and what they wrote in its place the day after.
var notes = [...]struct{ finding, plan, later string }{
	{"Full range, pain above 120 degrees", "Exercises, twice a day", "Exercises, twice a day; ice after sport. An ultrasound if it does not get better in two weeks."},
	{"Weight stable; skips breakfast", "A diary of meals for a week", "A diary of meals for a week, with the values of the blood sugar."},
	{"Sleeps five hours, wakes at four", "Sleep at set hours; no screens after nine", "Sleep at set hours; no screens after nine. Talk about work next time."},
	{"Blood pressure 138/86; lungs clear", "Measure at home in the morning", "Measure at home in the morning. Laboratory results are normal."},
	{"Two relatives on the mother's side", "Wait for the test", "Wait for the test; tell the sister that she may be tested too."},
}

// timesOff are ahead. from and to are hours of the UTC day.
var timesOff = []struct {
	practitioner, day int
	from, to          time.Duration
	reason            string
}{
	{2, 20, 0, 7 * 24 * time.Hour, "Holiday"},
	{0, 15, 0, 24 * time.Hour, "Conference in Leipzig"},
	{1, 18, 11 * time.Hour, 14 * time.Hour, "Dentist"},
	{4, 33, 0, 3 * 24 * time.Hour, "Tihar"},
}

// waiting are those who wait for an earlier slot, from and to so many days from today.
var waiting = []struct{ patient, practitioner, from, to int }{
	{4, 3, 0, 3},
	{3, 0, 1, 6},
	{7, 0, 1, 10},
	{1, 2, 18, 28},
}
