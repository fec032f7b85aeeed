package scheduling

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/sqldb"
)

func allSchedules(ctx context.Context, tx *sqldb.Tx) ([]schedule, error) {
	return sqldb.All(ctx, tx, scanSchedule, `SELECT `+scheduleColumns+` FROM schedules ORDER BY practitioner_id`)
}

// quarter is a quarter of an hour on the clocks of a zone, with what starts in it.
// Midnight of every zone is at the start of one, so a day is made of whole ones.
type quarter struct {
	start time.Time
	zone  *time.Location
	FiguresRow
}

const quarterLength = 15 * time.Minute

// appointmentsByQuarter counts the appointments that start in window: a
// practitioner's, or everybody's if whose is zero.
func appointmentsByQuarter(ctx context.Context, tx *sqldb.Tx, whose uuid.UUID, window calendar.Span) ([]quarter, error) {
	const (
		booked = `a.status IN ('confirmed', 'completed', 'no_show')`
		day    = 24 * time.Hour / time.Microsecond
	)
	columns := []string{
		`CAST(COALESCE(SUM(CASE WHEN ` + booked + ` THEN a.ends_at - a.starts_at END), 0) AS BIGINT)`,
		`COUNT(CASE WHEN a.status = 'completed' THEN 1 END)`,
		`COUNT(CASE WHEN a.status = 'no_show' THEN 1 END)`,
		`COUNT(CASE WHEN a.status = 'cancelled' THEN 1 END)`,
	}
	for i, from := range noticeFrom {
		held := booked
		if i > 0 {
			held += fmt.Sprintf(` AND a.starts_at - a.created_at >= %d`, int64(from)*int64(day))
		}
		if i+1 < len(noticeFrom) {
			held += fmt.Sprintf(` AND a.starts_at - a.created_at < %d`, int64(noticeFrom[i+1])*int64(day))
		}
		columns = append(columns, `COUNT(CASE WHEN `+held+` THEN 1 END)`)
	}
	where, args := ``, []any{sqldb.Instant(window.Start), sqldb.Instant(window.End), int64(quarterLength / time.Microsecond)}
	if whose != uuid.Nil {
		where, args = ` AND a.practitioner_id = $4`, append(args, whose)
	}
	return sqldb.All(ctx, tx, scanQuarter, `SELECT s.time_zone, a.starts_at / $3, `+strings.Join(columns, ", ")+`
		FROM appointments a JOIN schedules s ON s.practitioner_id = a.practitioner_id
		WHERE a.starts_at >= $1 AND a.starts_at < $2`+where+`
		GROUP BY 1, 2`, args...)
}

func scanQuarter(r sqldb.Row) (q quarter, err error) {
	var zone string
	var n, booked int64
	into := []any{&zone, &n, &booked, &q.Completed, &q.NoShows, &q.Cancelled}
	for i := range q.Notice {
		into = append(into, &q.Notice[i])
	}
	if err = r.Scan(into...); err != nil {
		return q, err
	}
	q.start = time.Unix(0, 0).UTC().Add(time.Duration(n) * quarterLength)
	q.Booked = int(time.Duration(booked) * time.Microsecond / time.Minute)
	q.zone, err = calendar.Zone(zone)
	return q, err
}
