package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
)

// Visit is one appointment of one patient, which somebody manages without signing
// in: by a link that was sent to the patient, or by what only the patient should know.
type Visit struct {
	Appointment id.Keyed
	Patient     uuid.UUID
}

const (
	visitPurpose = "visit link" // what the keys derive the tags of links for
	passUse      = "visit pass" // what they seal passes for
	passFor      = 30 * time.Minute
)

// visitor is the role that deeds by a pass are recorded under. No user has it.
const visitor Role = "visitor"

// visitLink is a link's token, read: the appointment, and a tag that only the
// installation's keys make of it and its patient. Nothing of it is stored.
type visitLink struct {
	appointment id.Keyed
	tag         [16]byte
}

// VisitLink makes the token of the link to a visit. It is the same each time, until
// the keys are rotated; the older ones stay good.
func VisitLink(keys *keyring.Ring, v Visit) Secret {
	tag := keys.Derive(visitPurpose, v.bytes())[:16]
	return Secret(alphabet.EncodeToString(append(v.bytes()[:32], tag...))) // without the patient, whom the row tells
}

// LinkedVisit returns the appointment that a token names, and whether it has the
// form of one. Whether it is good is for OpensVisit to say.
func LinkedVisit(token Secret) (appointment id.Keyed, ok bool) {
	l, ok := parseVisitLink(token)
	return l.appointment, ok
}

func parseVisitLink(token Secret) (l visitLink, ok bool) {
	var b [48]byte
	// One spelling only: base32 has bits to spare in the last character.
	if len(token) != alphabet.EncodedLen(len(b)) || !decode(b[:], string(token)) || alphabet.EncodeToString(b[:]) != string(token) {
		return l, false
	}
	copy(l.appointment.Lead[:], b[:16])
	copy(l.appointment.ID[:], b[16:32])
	copy(l.tag[:], b[32:])
	return l, true
}

// OpensVisit reports whether VisitLink made the token for v, with these keys or
// with older ones. It takes as long for a wrong token as for a right one.
func (s *Service) OpensVisit(token Secret, v Visit) bool {
	l, ok := parseVisitLink(token)
	good := 0
	for _, tag := range s.Keys.DeriveAll(visitPurpose, v.bytes()) {
		good |= subtle.ConstantTimeCompare(tag[:16], l.tag[:])
	}
	return ok && l.appointment == v.Appointment && good == 1
}

func (v Visit) bytes() []byte {
	b := make([]byte, 0, 56)
	b = append(b, v.Appointment.Lead[:]...)
	b = append(b, v.Appointment.ID[:]...)
	return append(b, v.Patient[:]...)
}

// Pass makes the text by which a browser manages the visit for the next 30 minutes.
// It tells nothing, and nobody else can make one. now is the database's.
func (s *Service) Pass(v Visit, now time.Time) (string, error) {
	plain := binary.BigEndian.AppendUint64(v.bytes(), uint64(now.Add(passFor).Unix()))
	sealed, err := s.Keys.Seal(plain, []byte(passUse))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// ByPass returns who a pass stands for: from, with the visit filled in. That actor
// has no role and is no user, so that whatever asks for either refuses it; what is
// about the one appointment asks for Visiting.
//
// It returns ErrUnauthenticated for what is no pass, for one that is over, the
// 30th minute included, and for that of a patient who was erased. They are counted
// for the audit trail, as other credentials are.
func (s *Service) ByPass(ctx context.Context, from Actor, pass Secret) (by Actor, err error) {
	defer errs.Wrap(&err, "read visit pass")
	v, until, ok := s.openPass(pass)
	if ok {
		err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			ok, err = isPatient(ctx, tx, v.Patient)
			ok = ok && tx.Now().Before(until)
			return err
		})
	}
	if err != nil {
		return Actor{}, err
	}
	if !ok {
		s.Refused(from)
		return Actor{}, ErrUnauthenticated
	}
	return v.By(from), nil
}

func (s *Service) openPass(pass Secret) (v Visit, until time.Time, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(string(pass))
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != string(pass) { // it takes line ends, and bits to spare
		return v, until, false
	}
	plain, err := s.Keys.Unseal(sealed, []byte(passUse))
	if err != nil || len(plain) != 56 {
		return v, until, false
	}
	copy(v.Appointment.Lead[:], plain[:16])
	copy(v.Appointment.ID[:], plain[16:32])
	copy(v.Patient[:], plain[32:48])
	return v, time.Unix(int64(binary.BigEndian.Uint64(plain[48:])), 0), true
}

// By is from as whoever manages the visit. Call it for who has shown that they may.
func (v Visit) By(from Actor) Actor {
	return Actor{
		Via: ViaLink, CredentialID: v.Appointment.ID, visit: v,
		RequestID: from.RequestID, Address: from.Address, Agent: from.Agent,
	}
}

// Visits returns the id of the one appointment that a's pass is for; empty: a has no
// pass.
func (a Actor) Visits() string {
	if a.visit == (Visit{}) {
		return ""
	}
	return a.visit.Appointment.String()
}

// Visiting returns the patient that a stands for where it is about the one
// appointment that a's pass is for. Any other actor, and one with a pass for another
// appointment, is returned as it is.
//
// Call it first in a service method that a patient may use without signing in, and
// nowhere else: without it, a pass is worth nothing.
func (a Actor) Visiting(appointment string) Actor {
	if a.visit == (Visit{}) || a.visit.Appointment.String() != appointment {
		return a
	}
	a.UserID, a.Role = a.visit.Patient, Patient
	return a
}

// Try is one that was counted.
type Try struct{ at []allowance }

// Try counts a try from an address at a thing that is no account, before it is
// judged: what kind of thing, and which. It returns ErrThrottled.
func (s *Service) Try(ctx context.Context, from Actor, what, which string) (t Try, err error) {
	defer errs.Wrap(&err, "try %s", what)
	t.at = tries(what+" "+which, from.Address)
	return t, s.countTry(ctx, t.at)
}

// Forgive takes back what a try that succeeded was counted.
func (t Try) Forgive(ctx context.Context, tx *sqldb.Tx) error { return forgive(ctx, tx, t.at) }

// Refused counts a secret that was not good for the audit trail: one record for
// each address and minute.
func (s *Service) Refused(from Actor) { s.refused(s.DB.Now(), from) }
