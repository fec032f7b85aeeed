package scheduling

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// mostFigures is how many days figures span at most: a year and its leap day.
const mostFigures = 366

// FiguresQuery says which figures: of the days from From to To, both included.
// A day is that of each practitioner's own zone.
type FiguresQuery struct {
	Practitioner string // empty: of all whom the caller may see
	From, To     calendar.Date
	Weekly       bool // a row for each week, which begins on Monday, and not for each day
}

// noticeFrom are where the buckets of FiguresRow.Notice begin, in days of 24 hours
// from the making of an appointment to its start.
var noticeFrom = [...]int{0, 1, 3, 7, 14, 28}

// FiguresRow is what came of the days from First to Last. An appointment counts on
// the day on which it starts. Nothing in it tells of one patient.
type FiguresRow struct {
	First, Last calendar.Date // the same in a row of one day

	Capacity int // minutes that can be booked, or are, by the rules as they are now
	Booked   int // minutes of appointments that are confirmed or were: no-shows too

	Completed, NoShows int
	Cancelled          int // holds that were released too: nothing tells them apart

	// Notice counts the appointments of Booked by how long before their start they
	// were made: under 1 day, 1–2, 3–6, 7–13, 14–27, 28 and more.
	Notice [len(noticeFrom)]int
}

// Use is the part of the capacity that is booked, 0 where there is none.
func (r FiguresRow) Use() float64 {
	if r.Capacity == 0 {
		return 0
	}
	return float64(r.Booked) / float64(r.Capacity)
}

// add counts another row in.
func (r *FiguresRow) add(o FiguresRow) {
	r.Capacity += o.Capacity
	r.Booked += o.Booked
	r.Completed += o.Completed
	r.NoShows += o.NoShows
	r.Cancelled += o.Cancelled
	for i, n := range o.Notice {
		r.Notice[i] += n
	}
}

// Figures are rows in order, one for each day or week of the query, and their sum.
type Figures struct {
	Rows  []FiguresRow
	Total FiguresRow
}

// Figures counts what a practitioner's time came to: to practitioners their own,
// to admins anybody's, or everybody's together.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound, or
// ErrInvalidRange for more than 366 days.
func (s *Service) Figures(ctx context.Context, by auth.Actor, q FiguresQuery) (f Figures, err error) {
	defer errs.Wrap(&err, "count figures")
	if q.Practitioner == "" && by.Is(auth.Practitioner) {
		q.Practitioner = by.PractitionerID.String()
	}
	in := by.Intends("figures.read", "practitioner", "")
	whose, err := figuresOf(by, q.Practitioner)
	if err != nil {
		return f, audit.Refuse(ctx, s.DB, in, err)
	}
	if whose != uuid.Nil {
		in.ResourceID = whose.String()
	}
	if err := q.checkRange(); err != nil {
		return f, err
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Figures, error) {
		t := newTally(q)
		if err := t.count(ctx, tx, whose); err != nil {
			return Figures{}, err
		}
		seen.Row() // one look, at nobody's data
		return t.figures(), nil
	})
}

// figuresOf returns whose figures by asks for: everybody's if it is zero.
func figuresOf(by auth.Actor, practitioner string) (uuid.UUID, error) {
	if practitioner == "" && by.Is(auth.Admin) {
		return uuid.Nil, nil
	}
	return editable(by, practitioner)
}

func (q FiguresQuery) checkRange() error {
	switch {
	case q.From.IsZero():
		return ErrInvalidRange.Field("from", "is required")
	case q.To.IsZero() || q.To.Before(q.From):
		return ErrInvalidRange.Field("to", "must not be before from")
	case q.From.AddDays(mostFigures - 1).Before(q.To):
		return ErrInvalidRange.Field("to", "must be within 366 days of from")
	}
	return nil
}

// tally counts by day.
type tally struct {
	FiguresQuery
	days []FiguresRow
	at   map[calendar.Date]int // where a day is among days
}

func newTally(q FiguresQuery) *tally {
	t := &tally{FiguresQuery: q, at: map[calendar.Date]int{}}
	for d := q.From; !q.To.Before(d); d = d.AddDays(1) {
		t.at[d] = len(t.days)
		t.days = append(t.days, FiguresRow{First: d, Last: d})
	}
	return t
}

// add counts what began at an instant in, if its day is asked for.
func (t *tally) add(at time.Time, zone *time.Location, what FiguresRow) {
	if i, ok := t.at[calendar.DateIn(at, zone)]; ok {
		t.days[i].add(what)
	}
}

// count counts a practitioner's days, or everybody's.
func (t *tally) count(ctx context.Context, tx *sqldb.Tx, whose uuid.UUID) error {
	schedules, err := t.schedules(ctx, tx, whose)
	if err != nil {
		return err
	}
	if err := t.addCapacity(ctx, tx, schedules); err != nil {
		return err
	}
	wide := calendar.Span{Start: calendar.Day(t.From.AddDays(-1), time.UTC).Start, End: calendar.Day(t.To.AddDays(1), time.UTC).End} // in any zone
	quarters, err := appointmentsByQuarter(ctx, tx, whose, wide)
	for _, q := range quarters {
		t.add(q.start, q.zone, q.FiguresRow)
	}
	return err
}

func (t *tally) schedules(ctx context.Context, tx *sqldb.Tx, whose uuid.UUID) ([]schedule, error) {
	if whose == uuid.Nil {
		return allSchedules(ctx, tx)
	}
	sch, err := scheduleOf(ctx, tx, whose)
	return []schedule{sch}, err
}

// addCapacity counts the minutes of slots that are not blocked, as lists of slots
// have them. Who gives no care any more has only what was booked.
func (t *tally) addCapacity(ctx context.Context, tx *sqldb.Tx, schedules []schedule) error {
	l := listing{status: anyStatus, now: tx.Now()}
	for _, sch := range schedules {
		w := calendar.Span{Start: calendar.Day(t.From, sch.Location).Start, End: calendar.Day(t.To, sch.Location).End}
		l.windows = append(l.windows, w)
		if l.all.Start.IsZero() || w.Start.Before(l.all.Start) {
			l.all.Start = w.Start
		}
		if w.End.After(l.all.End) {
			l.all.End = w.End
		}
	}
	var err error
	if l.agendas, err = agendas(ctx, tx, schedules, l.all); err != nil {
		return err
	}
	zones := make(map[uuid.UUID]*time.Location, len(schedules))
	for i, sch := range schedules {
		zones[sch.Practitioner] = sch.Location
		if !sch.Open {
			l.agendas[i].hours = nil
		}
	}
	return l.each(ctx, tx, func(found []Slot) {
		for _, s := range found {
			if s.Status != SlotBlocked {
				t.add(s.Start, zones[s.Practitioner], FiguresRow{Capacity: int(s.End.Sub(s.Start) / time.Minute)})
			}
		}
	})
}

// figures makes the rows that were asked for of the days.
func (t *tally) figures() (f Figures) {
	f.Total = FiguresRow{First: t.From, Last: t.To}
	for _, d := range t.days {
		f.Total.add(d)
		if t.Weekly && len(f.Rows) > 0 && d.First.Weekday() != time.Monday {
			week := &f.Rows[len(f.Rows)-1]
			week.Last = d.Last
			week.add(d)
			continue
		}
		f.Rows = append(f.Rows, d)
	}
	return f
}
