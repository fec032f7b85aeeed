package notify

import (
	"context"
	"slices"
	"strconv"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/sqldb"
)

// ErrInvalidPreferences is the answer to wishes that can't be kept.
var ErrInvalidPreferences = errs.New(errs.Invalid, "invalid-preferences", "These preferences can't be kept as given.")

// Preferences is how somebody wants to be told of what is not about their account.
type Preferences struct {
	Language           string             // "en" or "de"
	QuietFrom, QuietTo calendar.TimeOfDay // of the user's day: no SMS from then until then; equal: at any time
	Channels           map[Kind]string    // over which channel, or ByNone; kinds that are missing go by e-mail
	Version            int64
}

// Defaults are the preferences of who has said nothing.
func Defaults() Preferences {
	return Preferences{Language: "en", QuietFrom: 21 * 60, QuietTo: 8 * 60, Channels: map[Kind]string{}}
}

// ETag changes with each change.
func (p Preferences) ETag() string { return etag.Quote(strconv.FormatInt(p.Version, 10)) }

// Choosable are the kinds of messages that people choose a channel for, or none.
// What is about an account always goes to its address.
var Choosable = []Kind{
	AppointmentHeld, AppointmentConfirmed, AppointmentMoved, AppointmentCancelled, HoldExpired,
	ReminderDay, ReminderHours, WaitlistOffer, EncounterShared, OrderPlaced,
}

// PreferencesChange changes preferences; nil leaves a field. Channels are merged: an
// empty channel brings a kind back to the default.
type PreferencesChange struct {
	Language           *string
	QuietFrom, QuietTo *calendar.TimeOfDay
	Channels           map[Kind]string
}

// Preferences returns the caller's own.
func (s *Service) Preferences(ctx context.Context, by auth.Actor) (p Preferences, err error) {
	defer errs.Wrap(&err, "read preferences")
	if by.Anonymous() {
		return p, auth.ErrUnauthenticated
	}
	return audit.Read(ctx, s.DB, by.Intends("preferences.read", "user", by.UserID.String()), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (Preferences, error) {
		return preferencesOf(ctx, tx, by.UserID)
	})
}

// ChangePreferences changes the caller's own. match must name the version that was
// read. It returns etag.ErrMissing, etag.ErrStale or ErrInvalidPreferences.
func (s *Service) ChangePreferences(ctx context.Context, by auth.Actor, match etag.Match, c PreferencesChange) (p Preferences, err error) {
	defer errs.Wrap(&err, "change preferences")
	if by.Anonymous() {
		return p, auth.ErrUnauthenticated
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if p, err = preferencesOf(ctx, tx, by.UserID); err != nil {
			return err
		}
		if err := match.Check(p.ETag()); err != nil {
			return err
		}
		if p, err = p.changed(c, s.names()); err != nil {
			return err
		}
		p.Version++
		if n, err := putPreferences(ctx, tx, by.UserID, p); err != nil {
			return err
		} else if n == 0 { // the condition on the version, not the look before it, is what counts
			return etag.ErrStale
		}
		return audit.Record(ctx, tx, by.Event("preferences.change", "user", by.UserID.String()))
	})
	return p, err
}

// names lists what people can choose, whether or not it is set up: what is not is
// sent otherwise.
func (s *Service) names() []string {
	names := []string{ByEmail, BySMS, ByPush, ByNone}
	for _, c := range s.Channels {
		if !slices.Contains(names, c.Name()) {
			names = append(names, c.Name())
		}
	}
	return names
}

// changed returns p with c's fields over its own, or ErrInvalidPreferences.
func (p Preferences) changed(c PreferencesChange, channels []string) (Preferences, error) {
	wrong := ErrInvalidPreferences
	if c.Language != nil {
		if p.Language = *c.Language; p.Language != "en" && p.Language != "de" {
			wrong = wrong.Field("language", "is not one of en, de")
		}
	}
	if c.QuietFrom != nil {
		p.QuietFrom = *c.QuietFrom
	}
	if c.QuietTo != nil {
		p.QuietTo = *c.QuietTo
	}
	for kind, channel := range c.Channels {
		switch {
		case !slices.Contains(Choosable, kind):
			wrong = wrong.Field("channels", "names something that is no kind of message to choose for")
		case channel == "":
			delete(p.Channels, kind)
		case !slices.Contains(channels, channel):
			wrong = wrong.Field("channels", "names something that is no channel")
		default:
			p.Channels[kind] = channel
		}
	}
	if len(wrong.Fields) > 0 {
		return p, wrong
	}
	return p, nil
}
