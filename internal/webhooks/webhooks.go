// Package webhooks tells programs of the clinic what happened: it owns their
// subscriptions, and each event on its way to one of them.
//
// Rules that it keeps:
//
//   - An event is emitted in the transaction of what happened, or not at all. It is
//     sent at least once, perhaps twice, and in no order; webhook-id tells a repeat.
//   - What is sent holds ids and nothing else of a person: who wants to know more
//     asks the API, with a credential of their own.
//   - It is signed as Standard Webhooks says, with a secret that is shown once and
//     kept sealed. A secret that was rotated signs for a day more.
//   - An address is judged when it is dialled, after the name was looked up: nothing
//     within the clinic's own net is reached unless the operator allows it. No
//     redirect is followed, and no proxy is asked.
//   - A receiver that hangs or fails holds up itself only.
package webhooks

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrNotFound         = errs.New(errs.NotFound, "webhook-not-found", "There is no such webhook.")
	ErrDeliveryNotFound = errs.New(errs.NotFound, "webhook-delivery-not-found", "There is no such delivery, or it is older than 30 days.")
	ErrInvalidWebhook   = errs.New(errs.Invalid, "invalid-webhook", "This webhook can't be kept as given.")
	ErrTooMany          = errs.New(errs.Conflict, "too-many-webhooks", "There are 50 webhooks already; remove one first.")
	ErrDelivered        = errs.New(errs.Conflict, "webhook-delivered", "This was delivered: its receiver has it.")
	ErrDisabled         = errs.New(errs.Conflict, "webhook-disabled", "This webhook is disabled; enable it first.")
)

const (
	mostWebhooks = 50                  // each event looks through them
	longestURL   = 2000                // bytes
	overlap      = 24 * time.Hour      // for how long a rotated secret signs too
	tryFor       = 24 * time.Hour      // how long an event is tried
	keep         = 30 * 24 * time.Hour // how long a delivery is listed after it got its status
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	AppointmentHeld      Kind = "appointment.held"
	AppointmentConfirmed Kind = "appointment.confirmed"
	AppointmentMoved     Kind = "appointment.moved"
	AppointmentCancelled Kind = "appointment.cancelled"
	AppointmentExpired   Kind = "appointment.expired" // its hold ran out
	AppointmentCompleted Kind = "appointment.completed"
	AppointmentNoShow    Kind = "appointment.no_show"
	EncounterCreated     Kind = "encounter.created"
	EncounterAmended     Kind = "encounter.amended"
	OrderPlaced          Kind = "order.placed"
	PatientErased        Kind = "patient.erased"

	test Kind = "webhook.test" // that is asked for; nobody subscribes to it
)

var kinds = []Kind{
	AppointmentHeld, AppointmentConfirmed, AppointmentMoved, AppointmentCancelled, AppointmentExpired, AppointmentCompleted,
	AppointmentNoShow, EncounterCreated, EncounterAmended, OrderPlaced, PatientErased,
}

// Kinds lists the kinds that one can subscribe to.
func Kinds() []Kind { return slices.Clone(kinds) }

// kindOf returns the kind of that name that one can subscribe to.
func kindOf(name string) (Kind, bool) {
	k := Kind(name)
	return k, slices.Contains(kinds, k)
}

// Webhook is a subscription.
type Webhook struct {
	ID        uuid.UUID
	URL       string
	Kinds     []Kind // of which events are sent, in the order of Kinds
	Enabled   bool
	OldUntil  time.Time // until when the secret before signs too, exclusive; zero: there is none
	CreatedAt time.Time
	CreatedBy uuid.UUID // a user
	Version   int64

	secret, old []byte // sealed
}

// ETag is the webhook's version.
func (w Webhook) ETag() string { return etag.Quote(strconv.FormatInt(w.Version, 10)) }

// wants reports whether an event of that kind is sent.
func (w Webhook) wants(k Kind) bool { return slices.Contains(w.Kinds, k) }

// Status is how far a delivery has come.
type Status string

// The statuses of deliveries.
const (
	Pending Status = "pending" // to be sent, or tried again
	Sent    Status = "sent"    // the receiver answered 2xx
	Failed  Status = "failed"  // it is not tried again, unless it is resent
)

// Class is why an attempt failed, in a word.
type Class string

// The classes of failures.
const (
	Answered    Class = "answered"    // with a status that is not 2xx
	Gone        Class = "gone"        // with 410, which disables the webhook
	Timeout     Class = "timeout"     // no answer within 10 seconds
	Unreachable Class = "unreachable" // no connection, or it broke
	TLS         Class = "tls"         // the certificate is not good, or it speaks none
	Refused     Class = "refused"     // it leads to where nothing may be sent
	Disabled    Class = "disabled"    // the webhook is
	Unreadable  Class = "unreadable"  // the key that its secret was sealed with is not there
	Restored    Class = "restored"    // it may have been sent before the database was restored from a backup
)

// Delivery is an event on its way to one webhook.
type Delivery struct {
	ID         uuid.UUID
	Webhook    uuid.UUID
	Event      Event
	EventID    uuid.UUID // webhook-id: the same with each attempt, and for each webhook
	HappenedAt time.Time
	Status     Status
	Attempts   int   // begun
	LastStatus int   // of HTTP, that the last attempt was answered; zero: none
	LastError  Class // of the last attempt; empty: it was sent, or none was made
	CreatedAt  time.Time
	UpdatedAt  time.Time // when it got its status
}

// patients returns whose data it is.
func (d Delivery) patients() []uuid.UUID {
	if d.Event.Patient == uuid.Nil {
		return nil
	}
	return []uuid.UUID{d.Event.Patient}
}

// Service keeps subscriptions and sends events. Its fields must be set before Work
// is called and not changed afterwards; its methods are safe for concurrent use.
type Service struct {
	DB   *sqldb.DB
	Seal *keyring.Ring

	// AllowPrivate lets events be sent to addresses within the clinic's own net,
	// and without TLS to this machine.
	AllowPrivate bool

	runner *jobs.Runner // nil until Work is called
	post   poster
	gate   gate
}

// Work registers the package's jobs.
func (s *Service) Work(r *jobs.Runner) {
	s.runner = r
	jobs.Handle(r, s.fanOut)
	jobs.Handle(r, s.deliver)
	r.Every(time.Hour, "webhooks.prune", s.prune)
}

// joined and parted are how kinds are kept.
func joined(list []Kind) string {
	words := make([]string, len(list))
	for i, k := range list {
		words[i] = string(k)
	}
	return strings.Join(words, " ")
}

func parted(text string) (list []Kind) {
	for word := range strings.FieldsSeq(text) {
		list = append(list, Kind(word))
	}
	return list
}
