package scheduling

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/sqldb"
)

// Policy is what a practitioner lets patients do with their time.
type Policy struct {
	SlotMinutes               int // length of a slot: a multiple of 5 from 5 to 240
	NoticeSeconds             int // a slot is booked at least this long before it begins
	HoldSeconds               int // how long a hold lives
	CancellationWindowSeconds int // a patient cancels at least this long before the start
	HorizonDays               int // a slot is booked at most this many times 24 hours ahead
	MaxOpenHolds              int // how many holds a patient may have, with anybody, when holding here
}

// DefaultPolicy is the policy of a practitioner who has not said otherwise.
var DefaultPolicy = Policy{
	SlotMinutes: 15, NoticeSeconds: 24 * 60 * 60, HoldSeconds: 30 * 60,
	CancellationWindowSeconds: 24 * 60 * 60, HorizonDays: 180, MaxOpenHolds: 3,
}

// maxSeconds bounds notice, hold time and window: ten years.
const maxSeconds = 3650 * 24 * 60 * 60

// Check returns ErrInvalidPolicy naming each field that is out of its range.
func (p Policy) Check() error {
	err := ErrInvalidPolicy
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"slot_minutes", p.SlotMinutes, 5, 240},
		{"notice_seconds", p.NoticeSeconds, 0, maxSeconds},
		{"hold_seconds", p.HoldSeconds, 1, maxSeconds},
		{"cancellation_window_seconds", p.CancellationWindowSeconds, 0, maxSeconds},
		{"horizon_days", p.HorizonDays, 1, 3650},
		{"max_open_holds", p.MaxOpenHolds, 1, 1000},
	} {
		if f.value < f.low || f.value > f.high {
			err = err.Field("policy."+f.name, "must be from "+strconv.Itoa(f.low)+" to "+strconv.Itoa(f.high))
		}
	}
	if p.SlotMinutes%5 != 0 {
		err = err.Field("policy.slot_minutes", "must be a multiple of 5")
	}
	if len(err.Fields) > 0 {
		return err
	}
	return nil
}

func (p Policy) slotLength() time.Duration { return time.Duration(p.SlotMinutes) * time.Minute }

// SlotsFor is how many slots a visit takes that is to last so long at least; 1 for
// one of no length.
func (p Policy) SlotsFor(length time.Duration) int {
	return int(max(1, (length+p.slotLength()-1)/p.slotLength()))
}

// CancelBy is the last instant, inclusive, at which a patient can cancel or move what
// begins at start.
func (p Policy) CancelBy(start time.Time) time.Time { return start.Add(-p.window()) }

func (p Policy) notice() time.Duration   { return time.Duration(p.NoticeSeconds) * time.Second }
func (p Policy) holdTime() time.Duration { return time.Duration(p.HoldSeconds) * time.Second }
func (p Policy) window() time.Duration {
	return time.Duration(p.CancellationWindowSeconds) * time.Second
}

// ChangeableUntil is the last instant, inclusive, at which a patient may cancel or
// move a confirmed appointment that begins at start.
func (p Policy) ChangeableUntil(start time.Time) time.Time { return start.Add(-p.window()) }

// horizon is the last instant, inclusive, at which a slot booked now may begin.
func (p Policy) horizon(now time.Time) time.Time {
	return now.Add(time.Duration(p.HorizonDays) * 24 * time.Hour)
}

// open is when a slot must begin to be bookable now without an override.
func (p Policy) open(now time.Time) calendar.Span {
	// The horizon is inclusive, a span's end is not.
	return calendar.Span{Start: now.Add(p.notice()), End: p.horizon(now).Add(time.Microsecond)}
}

// bookable judges when a slot begins against the policy, as a patient without
// an override: ErrSlotPast, ErrTooLate or ErrBeyondHorizon. Notice is elapsed
// time, and exactly at either limit is allowed.
func (p Policy) bookable(start, now time.Time) error {
	switch {
	case !start.After(now):
		return ErrSlotPast
	case start.Before(now.Add(p.notice())):
		return ErrTooLate
	case start.After(p.horizon(now)):
		return ErrBeyondHorizon
	}
	return nil
}

// schedule is a practitioner's row: zone, policy, and the version that every
// change of their time raises.
type schedule struct {
	Practitioner uuid.UUID
	Policy       Policy
	Location     *time.Location
	Open         bool // false: a practitioner no longer, who is booked no more
	Version      int64
}

// OpenSchedule makes the schedule of a new practitioner with the default
// policy, or opens that of a returning one as it was. It is directory's Enrol.
func OpenSchedule(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, timeZone string) error {
	loc, err := calendar.Zone(timeZone)
	if err != nil {
		return ErrInvalidPolicy.Field("time_zone", "is not an IANA time zone")
	}
	return insertSchedule(ctx, tx, schedule{Practitioner: practitioner, Policy: DefaultPolicy, Location: loc, Version: 1})
}

// CloseSchedule ends what can be booked of somebody who is a practitioner no
// longer. Their appointments stay, to be kept or cancelled. It is directory's
// Retire.
func CloseSchedule(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) error {
	sch, err := lockSchedule(ctx, tx, practitioner)
	if err != nil {
		return err
	}
	return closeSchedule(ctx, tx, sch)
}

func versionText(v int64) string { return strconv.FormatInt(v, 10) }
