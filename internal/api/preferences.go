package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/notify"
)

// readPreferences reads how the caller wants to be told: GET /v1/me/notification-preferences.
func (s *Server) readPreferences(ctx context.Context, by auth.Actor, _ *empty) (notify.Preferences, error) {
	return s.Notify.Preferences(ctx, by)
}

type changePreferencesInput struct {
	Versioned
	Body preferencesChangeBody
}

type preferencesChangeBody struct {
	Language   *string           `json:"language,omitempty" enum:"en,de"`
	QuietHours *quietHoursBody   `json:"quiet_hours,omitempty"`
	Channels   map[string]string `json:"channels,omitempty" doc:"Merged by kind; an empty channel brings the default back." example:"{\"reminder-day\":\"sms\"}"`
}

type quietHoursBody struct {
	From TimeOfDay `json:"from" example:"21:00"`
	To   TimeOfDay `json:"to" example:"08:00" doc:"Equal to from: there are none."`
}

// changePreferences changes them: PATCH /v1/me/notification-preferences.
func (s *Server) changePreferences(ctx context.Context, by auth.Actor, in *changePreferencesInput) (notify.Preferences, error) {
	b := in.Body
	c := notify.PreferencesChange{Language: b.Language, Channels: map[notify.Kind]string{}}
	if b.QuietHours != nil {
		c.QuietFrom, c.QuietTo = new(b.QuietHours.From.time), new(b.QuietHours.To.time)
	}
	for kind, channel := range b.Channels {
		c.Channels[notify.Kind(kind)] = channel
	}
	return s.Notify.ChangePreferences(ctx, by, in.IfMatch, c)
}

type preferencesBody struct {
	Language   string            `json:"language" enum:"en,de" example:"en" doc:"Of messages."`
	QuietHours quietHoursBody    `json:"quiet_hours" doc:"Of the user's own day: an SMS that would come then comes after it."`
	Channels   map[string]string `json:"channels" doc:"For each kind of message its channel: email, sms, push, off, or another that the clinic has. A channel that is not set up, or does not find the user, is replaced by one that does." example:"{\"reminder-day\":\"sms\"}"`
}

func presentPreferences(p notify.Preferences) answer[preferencesBody] {
	b := preferencesBody{
		Language: p.Language, QuietHours: quietHoursBody{TimeOfDay{p.QuietFrom}, TimeOfDay{p.QuietTo}}, Channels: map[string]string{},
	}
	for _, kind := range notify.Choosable {
		b.Channels[string(kind)] = notify.ByEmail
	}
	for kind, channel := range p.Channels {
		b.Channels[string(kind)] = channel
	}
	return answer[preferencesBody]{ETag: p.ETag(), Body: b}
}
