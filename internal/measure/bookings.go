package measure

import "github.com/prometheus/client_golang/prometheus"

// bookings are the instruments of what the clinic does, and of who may not.
type bookings struct {
	happened  *prometheus.CounterVec
	refused   *prometheus.CounterVec
	strangers prometheus.Counter
	throttled prometheus.Counter
}

func (b *bookings) open(to prometheus.Registerer) {
	b.happened = counters("appointments_total", "What became of appointments.", "event")
	b.refused = counters("scheduling_refusals_total", "What was refused of appointments, slots, hours and waiting, by the code that the caller saw.", "action", "code")
	b.strangers = counter("credential_refusals_total", "Credentials that were wrong: passwords, codes, tokens, keys.")
	b.throttled = counter("sign_in_throttled_total", "Tries at an account or a secret that came too soon after failed ones.")
	for _, event := range []string{"held", "confirmed", "moved", "cancelled", "expired", "completed", "no_show"} {
		b.happened.WithLabelValues(event)
	}
	to.MustRegister(b.happened, b.refused, b.strangers, b.throttled)
}

// Appointment says that something became of one, once that is on disk.
func (i *Instruments) Appointment(event string) {
	if i != nil {
		i.happened.WithLabelValues(event).Inc()
	}
}

// SchedulingRefused says that an action was refused with a code.
func (i *Instruments) SchedulingRefused(action, code string) {
	if i != nil {
		i.bookings.refused.WithLabelValues(action, code).Inc()
	}
}

// CredentialRefused says that a credential was wrong.
func (i *Instruments) CredentialRefused() {
	if i != nil {
		i.strangers.Inc()
	}
}

// SignInThrottled says that a try came too soon.
func (i *Instruments) SignInThrottled() {
	if i != nil {
		i.throttled.Inc()
	}
}
