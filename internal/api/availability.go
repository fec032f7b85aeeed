package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

type publishInput struct {
	ByID
	Body hoursBody
}

// hoursBody is working time in one of three forms. Which fields belong to which
// is the handler's to judge: it can say so in words.
type hoursBody struct {
	StartsAt   *Instant   `json:"starts_at,omitempty" doc:"Of one stretch between two instants."`
	EndsAt     *Instant   `json:"ends_at,omitempty"`
	Date       *Date      `json:"date,omitempty" doc:"Of one stretch of a local day."`
	From       *TimeOfDay `json:"from,omitempty" doc:"On the practitioner's clock. A time that the clock skips is the instant after the gap; of a time that comes twice it is the first."`
	To         *TimeOfDay `json:"to,omitempty" doc:"00:00 or 24:00 is the end of the day; any other must be after from. Of a time that comes twice it is the second."`
	Weekdays   []string   `json:"weekdays,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" minItems:"1" maxItems:"7" doc:"Of a weekly rule."`
	ValidFrom  *Date      `json:"valid_from,omitempty" doc:"The first day of a weekly rule."`
	ValidUntil *Date      `json:"valid_until,omitempty" doc:"Its last day; none if left out."`
}

func (hoursBody) examples() map[string]any {
	return map[string]any{
		"a stretch between instants":  map[string]any{"starts_at": "2027-08-13T08:00:00-04:00", "ends_at": "2027-08-13T15:00:00-04:00"},
		"a stretch of a local day":    map[string]any{"date": "2027-08-13", "from": "08:00", "to": "15:00"},
		"a weekly rule in local time": map[string]any{"weekdays": []string{"mon", "wed"}, "from": "08:00", "to": "12:00", "valid_from": "2027-08-02", "valid_until": "2027-12-22"},
	}
}

// hours returns what b says, which must be exactly one of the three forms.
func (b hoursBody) hours() (h scheduling.Hours, err error) {
	given := [8]bool{
		b.StartsAt != nil, b.EndsAt != nil, b.Date != nil, b.From != nil, b.To != nil,
		b.Weekdays != nil, b.ValidFrom != nil, b.ValidUntil != nil,
	}
	switch given {
	case [8]bool{true, true}:
		h.Kind, h.Span = scheduling.KindSpan, calendar.Span{Start: b.StartsAt.time, End: b.EndsAt.time}
	case [8]bool{2: true, 3: true, 4: true}:
		h.Kind, h.Date, h.From, h.To = scheduling.KindDay, b.Date.date, b.From.time, b.To.time
	case [8]bool{3: true, 4: true, 5: true, 6: true}, [8]bool{3: true, 4: true, 5: true, 6: true, 7: true}:
		h.Kind, h.Weekly = scheduling.KindWeekly, calendar.Weekly{From: b.From.time, To: b.To.time, First: b.ValidFrom.date}
		if b.ValidUntil != nil {
			h.Weekly.Last = b.ValidUntil.date
		}
		h.Weekly.Weekdays, err = weekdays(b.Weekdays)
	default:
		err = errInvalid.Field("body", "must be one of: starts_at and ends_at; date, from and to; weekdays, from, to, valid_from and perhaps valid_until")
	}
	return h, err
}

func weekdays(names []string) (calendar.Weekdays, error) {
	days, err := calendar.ParseWeekdays(names)
	if err != nil {
		return 0, errInvalid.Field("weekdays", "must name days of the week")
	}
	return days, nil
}

// publishAvailability publishes working hours: POST /v1/practitioners/{id}/availability.
func (s *Server) publishAvailability(ctx context.Context, by auth.Actor, in *publishInput) (scheduling.Published, error) {
	h, err := in.Body.hours()
	if err != nil {
		return scheduling.Published{}, err
	}
	return s.Scheduling.Publish(ctx, by, in.ID, h)
}

type listByIDInput struct {
	ByID
	Paging
}

// listAvailability lists working hours: GET /v1/practitioners/{id}/availability.
func (s *Server) listAvailability(ctx context.Context, by auth.Actor, in *listByIDInput) (page.Of[scheduling.Availability], error) {
	return s.Scheduling.Availabilities(ctx, by, in.ID, in.request)
}

// readAvailability reads working hours: GET /v1/availability/{id}.
func (s *Server) readAvailability(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Availability, error) {
	return s.Scheduling.Availability(ctx, by, in.ID)
}

type changeAvailabilityInput struct {
	ByID
	Versioned
	Body hoursChangeBody
}

type hoursChangeBody struct {
	StartsAt   *Instant        `json:"starts_at,omitempty"`
	EndsAt     *Instant        `json:"ends_at,omitempty"`
	Date       *Date           `json:"date,omitempty"`
	From       *TimeOfDay      `json:"from,omitempty"`
	To         *TimeOfDay      `json:"to,omitempty"`
	Weekdays   []string        `json:"weekdays,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" minItems:"1" maxItems:"7"`
	ValidFrom  *Date           `json:"valid_from,omitempty"`
	ValidUntil Clearable[Date] `json:"valid_until,omitempty" doc:"null: the rule has no last day."`
}

func (hoursChangeBody) examples() map[string]any {
	return map[string]any{
		"end a weekly rule":     map[string]any{"valid_until": "2027-12-22"},
		"stop earlier each day": map[string]any{"to": "14:00"},
	}
}

// changeAvailability changes working hours: PATCH /v1/availability/{id}.
func (s *Server) changeAvailability(ctx context.Context, by auth.Actor, in *changeAvailabilityInput) (scheduling.Published, error) {
	b := in.Body
	c := scheduling.HoursChange{StartsAt: timeOf(b.StartsAt), EndsAt: timeOf(b.EndsAt)}
	for _, f := range []struct {
		to   **calendar.Date
		from *Date
	}{{&c.Date, b.Date}, {&c.ValidFrom, b.ValidFrom}} {
		if f.from != nil {
			*f.to = &f.from.date
		}
	}
	if b.From != nil {
		c.From = &b.From.time
	}
	if b.To != nil {
		c.To = &b.To.time
	}
	if b.ValidUntil.Given {
		c.ValidUntil = &b.ValidUntil.Value.date
	}
	if b.Weekdays != nil {
		days, err := weekdays(b.Weekdays)
		if err != nil {
			return scheduling.Published{}, err
		}
		c.Weekdays = &days
	}
	return s.Scheduling.ChangeAvailability(ctx, by, in.ID, in.IfMatch, c)
}

// removeAvailability removes working hours: DELETE /v1/availability/{id}.
func (s *Server) removeAvailability(ctx context.Context, by auth.Actor, in *versionedID) (scheduling.Removed, error) {
	return s.Scheduling.RemoveAvailability(ctx, by, in.ID, in.IfMatch)
}

// HoursForm is the part of an answer that repeats hours as they were given.
type HoursForm struct {
	StartsAt   *Instant   `json:"starts_at,omitempty" doc:"Of one stretch: its start, rounded up to the slot grid."`
	EndsAt     *Instant   `json:"ends_at,omitempty" example:"2027-08-13T15:00:00Z" doc:"Of one stretch: its end, rounded down to the slot grid."`
	Date       *Date      `json:"date,omitempty"`
	From       *TimeOfDay `json:"from,omitempty"`
	To         *TimeOfDay `json:"to,omitempty" example:"15:00"`
	Weekdays   []string   `json:"weekdays,omitempty"`
	ValidFrom  *Date      `json:"valid_from,omitempty"`
	ValidUntil *Date      `json:"valid_until,omitempty"`
}

func formOf(h scheduling.Hours, bounds calendar.Span) HoursForm {
	f := HoursForm{StartsAt: instantOrNull(bounds.Start), EndsAt: instantOrNull(bounds.End)}
	switch h.Kind {
	case scheduling.KindDay:
		f.Date, f.From, f.To = &Date{h.Date}, &TimeOfDay{h.From}, &TimeOfDay{h.To}
	case scheduling.KindWeekly:
		w := h.Weekly
		f.From, f.To, f.Weekdays, f.ValidFrom = &TimeOfDay{w.From}, &TimeOfDay{w.To}, w.Weekdays.Strings(), &Date{w.First}
		if !w.Last.IsZero() {
			f.ValidUntil = &Date{w.Last}
		}
	case scheduling.KindSpan:
		if bounds.Empty() { // no slot fits any more; so the hours as they were given
			f.StartsAt, f.EndsAt = &Instant{h.Span.Start}, &Instant{h.Span.End}
		}
	}
	return f
}

// AvailabilityBody is availability as every answer has it.
type AvailabilityBody struct {
	ID             string `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	PractitionerID string `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	Kind           string `json:"kind" enum:"span,day,weekly,slot,exception" example:"day" doc:"span, day, weekly: the three forms. slot: a single slot made by hand. exception: no slot here."`
	HoursForm
	Blocked   *bool   `json:"blocked,omitempty" doc:"Of a single slot: whether it is not offered."`
	TimeZone  string  `json:"time_zone" example:"America/New_York" doc:"The practitioner's."`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

type availabilityBody struct{ AvailabilityBody }

// TransformSchema gives an example of one kind; the schema's fields would mix them.
func (availabilityBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Examples = []any{exampleDay()}
	return s
}

func exampleDay() map[string]any {
	return map[string]any{
		"id":              "06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4",
		"practitioner_id": "0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f",
		"kind":            "day", "date": "2027-08-13", "from": "08:00", "to": "15:00",
		"starts_at": "2027-08-13T12:00:00Z", "ends_at": "2027-08-13T19:00:00Z",
		"time_zone": "America/New_York", "created_at": "2027-08-01T09:30:00Z",
	}
}

type publishedBody struct {
	AvailabilityBody
	SlotsCreated  int `json:"slots_created" minimum:"0" example:"28" doc:"Slots within the horizon that were not there before."`
	SlotsExisting int `json:"slots_existing" minimum:"0" example:"0" doc:"Slots of these hours within the horizon that were there before."`
}

// TransformSchema gives an example of one kind.
func (publishedBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	example := exampleDay()
	example["slots_created"], example["slots_existing"] = 28, 0
	s.Examples = []any{example}
	return s
}

func availabilityParts(a scheduling.Availability) AvailabilityBody {
	b := AvailabilityBody{
		ID: a.ID.String(), PractitionerID: a.ID.Lead.String(), Kind: string(a.Hours.Kind),
		HoursForm: formOf(a.Hours, a.Bounds), TimeZone: a.TimeZone, CreatedAt: Instant{a.CreatedAt},
	}
	if a.Hours.Kind == scheduling.KindSlot {
		b.Blocked = &a.Blocked
	}
	return b
}

func availabilityOf(a scheduling.Availability) availabilityBody {
	return availabilityBody{availabilityParts(a)}
}

func presentAvailability(a scheduling.Availability) answer[availabilityBody] {
	return answer[availabilityBody]{ETag: a.ETag(), Body: availabilityOf(a)}
}

func presentChanged(p scheduling.Published) answer[publishedBody] {
	return answer[publishedBody]{
		ETag: p.ETag(),
		Body: publishedBody{availabilityParts(p.Availability), p.SlotsCreated, p.SlotsExisting},
	}
}

func presentPublished(p scheduling.Published) answer[publishedBody] {
	a := presentChanged(p)
	if p.Repeat {
		a.Status = http.StatusOK
	} else {
		a.Location = "/v1/availability/" + a.Body.ID
	}
	return a
}

type removedBody struct {
	KeptSlots []slotBody `json:"kept_slots" doc:"Held and booked slots that stay although nothing offers them any more."`
}

func presentRemoved(r scheduling.Removed) answer[removedBody] {
	b := removedBody{KeptSlots: make([]slotBody, len(r.KeptSlots))}
	for i, s := range r.KeptSlots {
		b.KeptSlots[i] = slotOf(s)
	}
	return answer[removedBody]{Body: b}
}

type takeTimeOffInput struct {
	ByID
	Body timeOffRequestBody
}

type timeOffRequestBody struct {
	StartsAt *Instant   `json:"starts_at,omitempty"`
	EndsAt   *Instant   `json:"ends_at,omitempty"`
	Date     *Date      `json:"date,omitempty" doc:"On the practitioner's calendar."`
	From     *TimeOfDay `json:"from,omitempty" doc:"The start of the day if left out."`
	To       *TimeOfDay `json:"to,omitempty" doc:"The end of the day if left out."`
	Reason   string     `json:"reason,omitempty" maxLength:"1000" doc:"For the practitioner and admins only."`
}

func (timeOffRequestBody) examples() map[string]any {
	return map[string]any{
		"a stretch between instants": map[string]any{"starts_at": "2027-08-13T12:00:00-04:00", "ends_at": "2027-08-16T08:00:00-04:00"},
		"a whole day":                map[string]any{"date": "2027-08-13", "reason": "Conference"},
	}
}

func (b timeOffRequestBody) hours() (h scheduling.Hours, err error) {
	switch [5]bool{b.StartsAt != nil, b.EndsAt != nil, b.Date != nil, b.From != nil, b.To != nil} {
	case [5]bool{true, true}:
		h.Kind, h.Span = scheduling.KindSpan, calendar.Span{Start: b.StartsAt.time, End: b.EndsAt.time}
	case [5]bool{2: true}, [5]bool{2: true, 3: true}, [5]bool{2: true, 4: true}, [5]bool{2: true, 3: true, 4: true}:
		from, to := cmp.Or(b.From, &TimeOfDay{}), cmp.Or(b.To, &TimeOfDay{calendar.EndOfDay})
		h.Kind, h.Date, h.From, h.To = scheduling.KindDay, b.Date.date, from.time, to.time
	default:
		err = errInvalid.Field("body", "must be one of: starts_at and ends_at; date, and perhaps from and to")
	}
	return h, err
}

// takeTimeOff takes time off: POST /v1/practitioners/{id}/time-off.
func (s *Server) takeTimeOff(ctx context.Context, by auth.Actor, in *takeTimeOffInput) (scheduling.TimeOff, error) {
	h, err := in.Body.hours()
	if err != nil {
		return scheduling.TimeOff{}, err
	}
	return s.Scheduling.TakeTimeOff(ctx, by, in.ID, h, given(in.Body.Reason))
}

// listTimeOff lists time off: GET /v1/practitioners/{id}/time-off.
func (s *Server) listTimeOff(ctx context.Context, by auth.Actor, in *listByIDInput) (page.Of[scheduling.TimeOff], error) {
	return s.Scheduling.TimeOffs(ctx, by, in.ID, in.request)
}

// endTimeOff gives time off back: DELETE /v1/time-off/{id}.
func (s *Server) endTimeOff(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Scheduling.EndTimeOff(ctx, by, in.ID)
}

// TimeOffBody is time off as every answer has it.
type TimeOffBody struct {
	ID             string     `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	PractitionerID string     `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	StartsAt       Instant    `json:"starts_at" example:"2027-08-13T04:00:00Z" doc:"Inclusive."`
	EndsAt         Instant    `json:"ends_at" example:"2027-08-14T04:00:00Z" doc:"Exclusive."`
	Date           *Date      `json:"date,omitempty"`
	From           *TimeOfDay `json:"from,omitempty" example:"00:00"`
	To             *TimeOfDay `json:"to,omitempty" example:"24:00"`
	TimeZone       string     `json:"time_zone" example:"America/New_York" doc:"The practitioner's."`
	Reason         string     `json:"reason,omitempty" example:"Conference"`
	CreatedAt      Instant    `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

type timeOffBody struct{ TimeOffBody }

type takenTimeOffBody struct {
	TimeOffBody
	Conflicts []appointmentBody `json:"conflicts" doc:"Live appointments that it hits. They stand until somebody moves or cancels them."`
}

func timeOffParts(t scheduling.TimeOff) TimeOffBody {
	f := formOf(t.Hours, t.Bounds)
	return TimeOffBody{
		ID: t.ID.String(), PractitionerID: t.ID.Lead.String(), StartsAt: Instant{t.Bounds.Start}, EndsAt: Instant{t.Bounds.End},
		Date: f.Date, From: f.From, To: f.To, TimeZone: t.TimeZone, Reason: t.Reason.Reveal(), CreatedAt: Instant{t.CreatedAt},
	}
}

func timeOffOf(t scheduling.TimeOff) timeOffBody { return timeOffBody{timeOffParts(t)} }

func presentTimeOff(t scheduling.TimeOff) answer[takenTimeOffBody] {
	b := takenTimeOffBody{TimeOffBody: timeOffParts(t), Conflicts: make([]appointmentBody, len(t.Conflicts))}
	for i, a := range t.Conflicts {
		b.Conflicts[i] = appointmentOf(a)
	}
	return answer[takenTimeOffBody]{Location: "/v1/time-off/" + b.ID, Body: b}
}
