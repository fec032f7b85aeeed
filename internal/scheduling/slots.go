package scheduling

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// SlotQuery says which slots to list. Without a practitioner it searches all of
// a specialty, or all there are, over at most 31 days.
type SlotQuery struct {
	Practitioner string
	Specialty    string
	Date         calendar.Date // the practitioner's day; zero: From and To count
	From, To     time.Time     // From <= start < To; zero: from now to the horizon
	Status       string        // "", available, held, booked, blocked or any
}

const (
	anyStatus     = "any"
	longestSearch = 31 * 24 * time.Hour
)

// Slots lists slots in order of their start, then of their practitioner.
// Available ones are those that can be booked now: not held, booked, blocked,
// past, inside the minimum notice or beyond the horizon. Only the practitioner
// whose slots they are and staff may ask for others.
//
// It returns auth.ErrUnauthenticated or auth.ErrForbidden for those who may not,
// directory.ErrPractitionerNotFound, ErrInvalidRange, or page.ErrCursor.
func (s *Service) Slots(ctx context.Context, by auth.Actor, q SlotQuery, req page.Request) (p page.Of[Slot], err error) {
	defer errs.Wrap(&err, "list slots")
	if err := maySee(by, q); err != nil {
		return p, err
	}
	after, err := parseSlotPosition(req.After)
	if err != nil {
		return p, err
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		l, err := newListing(ctx, tx, q, req)
		if err != nil {
			return err
		}
		if p, err = l.page(ctx, tx, after, req.Limit); err != nil || !req.Count {
			return err
		}
		total, err := l.count(ctx, tx)
		p.Total = &total
		return err
	})
	return p, err
}

func maySee(by auth.Actor, q SlotQuery) error {
	own := by.Is(auth.Practitioner) && q.Practitioner == by.PractitionerID.String()
	switch {
	case q.Status == "" || q.Status == string(SlotAvailable) || own || by.Is(auth.Admin):
		return nil
	case by.Anonymous():
		return auth.ErrUnauthenticated
	}
	return auth.ErrForbidden
}

// listing is a slot query made concrete: whose slots, and from when to when.
type listing struct {
	agendas []agenda
	windows []calendar.Span // of the agenda at the same place
	all     calendar.Span   // what the windows span together
	status  string
	now     time.Time
}

func newListing(ctx context.Context, tx *sqldb.Tx, q SlotQuery, req page.Request) (l listing, err error) {
	if q.Date != (calendar.Date{}) && !(q.From.IsZero() && q.To.IsZero()) {
		return l, ErrInvalidRange.Field("date", "does not go with from and to")
	}
	schedules, err := schedulesFor(ctx, tx, q, req.Count)
	if err != nil {
		return l, err
	}
	l = listing{status: cmp.Or(q.Status, string(SlotAvailable)), now: tx.Now()}
	for _, sch := range schedules {
		w := l.window(q, sch)
		l.windows = append(l.windows, w)
		if l.all.Start.IsZero() || w.Start.Before(l.all.Start) {
			l.all.Start = w.Start
		}
		if w.End.After(l.all.End) {
			l.all.End = w.End
		}
	}
	if err := l.checkRange(q); err != nil {
		return l, err
	}
	l.agendas, err = agendas(ctx, tx, schedules, l.all)
	return l, err
}

// schedulesFor returns the schedules that a query is about.
func schedulesFor(ctx context.Context, tx *sqldb.Tx, q SlotQuery, count bool) ([]schedule, error) {
	if q.Practitioner != "" {
		practitioner, ok := id.Parse(q.Practitioner)
		if !ok {
			return nil, directory.ErrPractitionerNotFound
		}
		sch, err := openScheduleOf(ctx, tx, practitioner)
		return []schedule{sch}, err
	}
	if count {
		return nil, ErrInvalidRange.Field("count", "needs a practitioner_id")
	}
	ids, err := directory.PractitionersOf(ctx, tx, q.Specialty)
	if err != nil {
		return nil, err
	}
	return schedulesOf(ctx, tx, ids)
}

// window returns when a practitioner's slots must begin to be listed.
func (l listing) window(q SlotQuery, sch schedule) calendar.Span {
	// The horizon is inclusive, a window's end is not.
	w := calendar.Span{Start: l.now, End: sch.Policy.horizon(l.now).Add(time.Microsecond)}
	if q.Practitioner == "" {
		w.End = l.now.Add(longestSearch)
	}
	if q.Date != (calendar.Date{}) {
		w = calendar.Day(q.Date, sch.Location)
	}
	if !q.From.IsZero() {
		w.Start = q.From
		if q.To.IsZero() && q.Practitioner == "" {
			w.End = q.From.Add(longestSearch)
		}
	}
	if !q.To.IsZero() {
		w.End = q.To
	}
	return w
}

// checkRange refuses ranges that are inverted or too long. A default that ends
// before it begins (from beyond the horizon) is no error but an empty list.
func (l listing) checkRange(q SlotQuery) error {
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return ErrInvalidRange.Field("to", "must be after from")
	}
	length := l.all.End.Sub(l.all.Start)
	if q.Practitioner == "" && q.Date == (calendar.Date{}) && length > longestSearch {
		return ErrInvalidRange.Field("to", "must be within 31 days of from without a practitioner_id")
	}
	if length > longestStretch {
		return ErrInvalidRange.Field("to", "must be within ten years of from")
	}
	return nil
}

// page walks the range in chunks that grow, until it has seen one slot more
// than the limit.
func (l listing) page(ctx context.Context, tx *sqldb.Tx, after slotPosition, limit int) (page.Of[Slot], error) {
	rest := l.all
	if after.start.After(rest.Start) {
		rest.Start = after.start
	}
	items := []Slot{}
	for chunk := 24 * time.Hour; len(items) <= limit && rest.Start.Before(rest.End); chunk = min(2*chunk, longestSearch) {
		w := calendar.Span{Start: rest.Start, End: rest.Start.Add(chunk)}
		if w.End.After(rest.End) {
			w.End = rest.End
		}
		found, err := l.in(ctx, tx, w)
		if err != nil {
			return page.Of[Slot]{}, err
		}
		for _, s := range found {
			if after.before(s) {
				items = append(items, s)
			}
		}
		rest.Start = w.End
	}
	return page.Cut(items, page.Request{Limit: limit}, positionOfSlot), nil
}

func (l listing) count(ctx context.Context, tx *sqldb.Tx) (n int, err error) {
	err = l.each(ctx, tx, func(found []Slot) { n += len(found) })
	return n, err
}

// each gives do all listed slots, some at a time.
func (l listing) each(ctx context.Context, tx *sqldb.Tx, do func([]Slot)) error {
	for w := range chunks(l.all) {
		found, err := l.in(ctx, tx, w)
		if err != nil {
			return err
		}
		do(found)
	}
	return nil
}

// in returns the listed slots that begin in w.
func (l listing) in(ctx context.Context, tx *sqldb.Tx, w calendar.Span) ([]Slot, error) {
	if err := take(ctx, tx, l.agendas, w); err != nil {
		return nil, err
	}
	var out []Slot
	for i, g := range l.agendas {
		own := clip(w, l.windows[i])
		if l.status == string(SlotAvailable) {
			own = clip(own, g.Policy.open(l.now))
		}
		if own.Empty() {
			continue
		}
		for _, s := range g.slots(own) {
			if l.wants(s, g.Policy) {
				out = append(out, s)
			}
		}
	}
	if len(l.agendas) > 1 {
		slices.SortFunc(out, bySlot)
	}
	return out, nil
}

func (l listing) wants(s Slot, p Policy) bool {
	switch l.status {
	case anyStatus:
		return true
	case string(SlotAvailable):
		return s.Status == SlotAvailable && p.bookable(s.Start, l.now) == nil
	}
	return string(s.Status) == l.status
}

// bySlot orders slots by their start, then by their practitioner.
func bySlot(a, b Slot) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Practitioner.String(), b.Practitioner.String()))
}

func clip(a, b calendar.Span) calendar.Span {
	if b.Start.After(a.Start) {
		a.Start = b.Start
	}
	if b.End.Before(a.End) {
		a.End = b.End
	}
	return a
}

// union is the stretch from the start of the earlier of two to the end of the later.
func union(a, b calendar.Span) calendar.Span {
	if b.Start.Before(a.Start) {
		a.Start = b.Start
	}
	if b.End.After(a.End) {
		a.End = b.End
	}
	return a
}

// slotPosition is where a page of slots ended. Its zero value is before all.
type slotPosition struct {
	start        time.Time
	practitioner uuid.UUID
}

func (p slotPosition) before(s Slot) bool {
	return cmp.Or(s.Start.Compare(p.start), cmp.Compare(s.Practitioner.String(), p.practitioner.String())) > 0
}

func positionOfSlot(s Slot) string {
	return strconv.FormatInt(s.Start.Unix(), 10) + "." + s.Practitioner.String()
}

func parseSlotPosition(text string) (slotPosition, error) {
	if text == "" {
		return slotPosition{}, nil
	}
	seconds, rest, _ := strings.Cut(text, ".")
	unix, err := strconv.ParseInt(seconds, 10, 40)
	practitioner, ok := id.Parse(rest)
	if err != nil || !ok {
		return slotPosition{}, page.ErrCursor
	}
	return slotPosition{start: time.Unix(unix, 0).UTC(), practitioner: practitioner}, nil
}

// Slot returns one slot. Who neither owns it nor is staff sees it only while it
// can be booked, or when they booked it themselves; else it is ErrSlotNotFound.
func (s *Service) Slot(ctx context.Context, by auth.Actor, slotID string) (slot Slot, err error) {
	defer errs.Wrap(&err, "read slot")
	key, ok := id.ParseSlot(slotID)
	if !ok {
		return slot, ErrSlotNotFound
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := scheduleOf(ctx, tx, key.Practitioner)
		if err != nil {
			return asNotFound(err, ErrSlotNotFound)
		}
		g, err := agendaOf(ctx, tx, sch, calendar.Span{Start: key.Start, End: key.End})
		if err != nil {
			return err
		}
		slot, ok = g.find(calendar.Span{Start: key.Start, End: key.End})
		if !ok {
			return ErrSlotNotFound
		}
		if mayEdit(by, key.Practitioner) == nil || sch.Open && slot.Status == SlotAvailable && sch.Policy.bookable(slot.Start, tx.Now()) == nil {
			return nil
		}
		if slot.claim == (id.Keyed{}) {
			return ErrSlotNotFound
		}
		_, err = appointmentByID(ctx, tx, by, slot.claim)
		return asNotFound(err, ErrSlotNotFound)
	})
	if err != nil {
		return Slot{}, err
	}
	return slot, nil
}
