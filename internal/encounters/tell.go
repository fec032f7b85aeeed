package encounters

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// tell has the patient told that an encounter was shared with them; what it says
// stays where it is.
func tell(ctx context.Context, tx *sqldb.Tx, by auth.Actor, e Encounter) error {
	return notify.Notify(ctx, tx, e.Patient(), notify.Event{Kind: notify.EncounterShared, About: e.ID.String(), By: string(by.Role)}, "")
}

// emit has programs of the clinic told that there is something new in a record: where,
// not what.
func emit(ctx context.Context, tx *sqldb.Tx, kind webhooks.Kind, e Encounter) error {
	return webhooks.Emit(ctx, tx, webhooks.Event{Kind: kind, About: e.ID.String(), Patient: e.Patient(), Practitioner: e.Practitioner})
}

// Facts looks up what there is to say of a shared encounter: who shared it. It
// returns notify.ErrOutdated once it is not shared any more.
func Facts(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, e notify.Event) (f notify.Facts, err error) {
	key, ok := id.ParseKeyed(e.About)
	if !ok {
		return f, notify.ErrOutdated
	}
	shared, err := encounterByID(ctx, tx, auth.Actor{UserID: user, Role: auth.Patient}, key)
	if err == nil {
		var p directory.Practitioner
		p, err = directory.PractitionerByID(ctx, tx, shared.Practitioner)
		f.Practitioner = p.Name
	}
	if errs.KindOf(err) == errs.NotFound {
		err = notify.ErrOutdated
	}
	return f, err
}
