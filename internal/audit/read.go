package audit

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Intent is what somebody says before anything of a person is read: who they
// are, what they want to see of whom, and what for. auth.Actor.Intends makes one.
type Intent struct {
	Event           // as it is recorded, if it comes to nothing: with the patient who was asked for
	Self  uuid.UUID // a look at whose data is not recorded, because it is their own
}

// Seen is what a read found, for its record.
type Seen struct{ rows []row }

// row is one thing that was seen.
type row struct {
	resource string
	purpose  string
	patients []uuid.UUID
}

// Row says that one thing was seen, which is data of the patients; of nobody, if
// there are none. It is counted in the record of the whole.
func (s *Seen) Row(patients ...uuid.UUID) { s.rows = append(s.rows, row{patients: patients}) }

// Named is Row for a thing that has a record of its own, so that it is found by
// its id however it was read: with this purpose, or the intent's if it is empty.
func (s *Seen) Named(resource, purpose string, patients ...uuid.UUID) {
	s.rows = append(s.rows, row{resource, purpose, patients})
}

// Read runs fn in a snapshot and returns what it does, once it is on record what
// was seen. An error of a kind that refuses is recorded as a denial. When nothing
// can be recorded the error is ErrUnrecorded.
//
// Like every closure of a snapshot, fn may run more than once.
func Read[T any](ctx context.Context, db *sqldb.DB, in Intent, fn func(ctx context.Context, tx *sqldb.Tx, seen *Seen) (T, error)) (result T, err error) {
	var seen *Seen
	err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		seen = &Seen{}
		result, err = fn(ctx, tx, seen)
		return err
	})
	var events []Event
	if err == nil {
		events = in.saw(seen)
	} else {
		events = in.refused(err)
	}
	if len(events) > 0 {
		if failed := RecordNow(ctx, db, events...); failed != nil {
			err = failed
		}
	}
	if err != nil {
		result = *new(T)
	}
	return result, err
}

// Refuse records that what in says was refused with err, if err is a refusal,
// and returns err. Unknown and forbidden are recorded alike, so that they also
// cost alike.
func Refuse(ctx context.Context, db *sqldb.DB, in Intent, err error) error {
	if events := in.refused(err); len(events) > 0 {
		if failed := RecordNow(ctx, db, events...); failed != nil {
			return failed
		}
	}
	return err
}

func (in Intent) refused(err error) []Event {
	if kind := errs.KindOf(err); err == nil || kind != errs.NotFound && kind != errs.Forbidden {
		return nil
	}
	e := in.Event
	e.Outcome = Denied
	return []Event{e}
}

// saw makes the records of what was seen: one for each thing with a name, and one
// for all the others.
func (in Intent) saw(seen *Seen) (events []Event) {
	whole := in.Event
	whole.Count, whole.Patients = 0, nil
	for _, r := range seen.rows {
		switch {
		case len(r.patients) == 1 && r.patients[0] == in.Self:
		case r.resource == "":
			whole.Count++
			whole.Patients = append(whole.Patients, r.patients...)
		default:
			e := in.Event
			e.ResourceID, e.Patients = r.resource, r.patients
			if r.purpose != "" {
				e.Purpose = r.purpose
			}
			events = append(events, e)
		}
	}
	if whole.Count > 0 {
		events = append(events, whole)
	}
	return events
}
