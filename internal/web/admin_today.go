package web

import (
	"time"

	"medbook/internal/calendar"
	"medbook/internal/notify"
	"medbook/internal/orders"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
)

const (
	nextShown   = 8                  // of today's appointments
	failedSince = 7 * 24 * time.Hour // of messages
)

// figure is a number that leads to what it counts.
type figure struct{ href, number, text, kind string }

// setUpStep is something without which the clinic does not work as it should.
type setUpStep struct{ href, text, hint string }

// todayView is what an admin looks at in the morning.
type todayView struct {
	day     string
	counts  []figure // of today's appointments, by status
	next    []appointmentLine
	more    bool
	waiting []figure // what there is to do
	failed  []messageLine
	idle    []practitionerLine
	missing []setUpStep
}

// today shows what is on today, and what there is to do: GET /admin.
func (s *Server) today(c *call) error {
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	day := calendar.DateIn(s.Now(), zone)
	v := todayView{day: c.words.Date(day)}
	for _, add := range []func(*call, *todayView) error{s.addToday(day, zone), s.addWaiting, s.addMissing} {
		if err := add(c, &v); err != nil {
			return err
		}
	}
	return c.show(page{title: c.say("admin.today")}, todayContent(v))
}

// addToday adds the appointments of the clinic's day: how many have each status, and
// those that come next.
func (s *Server) addToday(day calendar.Date, zone *time.Location) func(*call, *todayView) error {
	return func(c *call, v *todayView) error {
		all, err := s.allOn(c, day, zone)
		if err != nil {
			return err
		}
		n := map[scheduling.Status]int{}
		var next []scheduling.Appointment
		for _, a := range all {
			n[a.Status]++
			if a.Live() && a.End.After(s.Now()) {
				next = append(next, a)
			}
		}
		for _, status := range appointmentOrder {
			if count := n[scheduling.Status(status)]; count > 0 {
				v.counts = append(v.counts, figure{
					number: c.words.Number(count), text: c.say("desk.appointment." + status), kind: appointmentStatuses[scheduling.Status(status)],
					href: "/admin/appointments?status=" + status + "&from=" + day.String() + "&to=" + day.String(),
				})
			}
		}
		v.more = len(next) > nextShown
		next = next[:min(len(next), nextShown)]
		names, _, err := s.practitionerNames(c)
		if err != nil {
			return err
		}
		v.next, err = s.appointmentLines(c, next, names)
		return err
	}
}

// addWaiting adds what waits for somebody to do something.
func (s *Server) addWaiting(c *call, v *todayView) error {
	one := pages.Request{Limit: 1, Count: true}
	placed, err := s.Orders.Orders(c.context(), c.by, orders.Filter{Status: orders.Placed}, one)
	if err != nil {
		return err
	}
	held, err := s.Scheduling.Appointments(c.context(), c.by, scheduling.AppointmentFilter{Status: string(scheduling.Held), Upcoming: true}, one)
	if err != nil {
		return err
	}
	counts, err := s.Notify.Counts(c.context(), c.by, s.Now().Add(-failedSince), s.Now().Add(time.Second)) // until is exclusive
	if err != nil {
		return err
	}
	failed := 0
	for _, n := range counts {
		if n.Status == notify.Failed {
			failed += n.N
		}
	}
	add := func(n int, key, href, kind string) {
		if n > 0 {
			v.waiting = append(v.waiting, figure{href: href, number: c.words.Number(n), text: c.words.Count(key, n), kind: kind})
		}
	}
	add(*placed.Total, "admin.orders-waiting", "/admin/orders?status=placed", "warn")
	add(*held.Total, "admin.holds-open", "/admin/appointments?status=held", "warn")
	add(failed, "admin.messages-failed", "/admin/messages?status=failed", "bad")
	if failed == 0 {
		return nil
	}
	p, err := s.Notify.Notifications(c.context(), c.by, notify.Filter{Status: notify.Failed}, pages.Request{Limit: 5})
	if err != nil {
		return err
	}
	v.failed, err = s.messageLines(c, p.Items)
	return err
}

// addMissing adds what is not set up yet.
func (s *Server) addMissing(c *call, v *todayView) error {
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return err
	}
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	if v.idle, err = s.noHours(c, names, order); err != nil {
		return err
	}
	missing := func(href, key string) {
		v.missing = append(v.missing, setUpStep{href, c.say(key), c.say(key + "-hint")})
	}
	if clinic.Version == 0 && !clinic.Fixed {
		missing("/admin/clinic", "admin.missing-name")
	}
	if len(order) == 0 {
		missing("/admin/users/new?role=practitioner", "admin.missing-practitioner")
	}
	if len(order) > 0 && len(v.idle) == len(order) {
		missing(v.idle[0].href, "admin.missing-hours")
	}
	if !s.mails() {
		missing("/admin/outbox", "admin.missing-mail")
	}
	return nil
}
