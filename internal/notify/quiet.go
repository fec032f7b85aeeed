package notify

import (
	"context"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/sqldb"
)

// quiet returns when the quiet hours of a message's user end, if it is an SMS and
// they are now. It is judged when the message would go out, not when it is written.
func quiet(ctx context.Context, tx *sqldb.Tx, n Notification) (until time.Time, err error) {
	if n.Channel != BySMS {
		return until, nil
	}
	p, err := preferencesOf(ctx, tx, n.User)
	if err != nil {
		return until, err
	}
	u, err := directory.Recipient(ctx, tx, n.User)
	if err != nil {
		return until, err
	}
	loc, err := calendar.Zone(u.TimeZone)
	if err != nil {
		loc = time.UTC
	}
	return quietUntil(tx.Now(), p.QuietFrom, p.QuietTo, loc), nil
}

// quietUntil returns the end of the quiet hours that t lies in, and zero if it
// lies in none. They may go over midnight. Where clocks are set back, a time that
// comes twice is the first at their beginning and the second at their end.
func quietUntil(t time.Time, from, to calendar.TimeOfDay, loc *time.Location) time.Time {
	if from %= calendar.EndOfDay; from == to {
		return time.Time{}
	}
	today := calendar.DateIn(t, loc)
	for _, d := range []calendar.Date{today.AddDays(-1), today} {
		hours, _ := calendar.Local(d, from, calendar.EndOfDay, loc)
		switch {
		case to > from:
			hours, _ = calendar.Local(d, from, to, loc)
		case to > 0:
			morning, _ := calendar.Local(d.AddDays(1), 0, to, loc)
			hours.End = morning.End
		}
		if !t.Before(hours.Start) && t.Before(hours.End) {
			return hours.End
		}
	}
	return time.Time{}
}
