package auth

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// Subject is what a message about an account says.
type Subject string

// The messages about accounts. Those before the space carry a link, which is
// minted when the message is written.
const (
	MailVerify Subject = "verify-address" // to who registered
	MailReset  Subject = "password-reset"
	MailEmail  Subject = "email-change" // to the new address, which is accounts.pending_email

	MailKnown         Subject = "address-known"    // somebody registered with an address that has a user
	NoticeEmailAsked  Subject = "email-asked"      // to the present address
	NoticeEmail       Subject = "email-changed"    // to the new one
	NoticePassword    Subject = "password-changed" // or set for the first time
	NoticeKey         Subject = "key-made"
	NoticeFactor      Subject = "factor-changed"   // a second factor, or the recovery codes
	NoticeIdentity    Subject = "identity-changed" // a connection with an identity provider
	NoticeRecovery    Subject = "recovery-used"
	NoticeTokenReused Subject = "session-ended" // a refresh token was shown twice, and its session ended

	NoticeSignIn Subject = "signed-in" // by a browser or from a network that is new

	NoticeEmergency Subject = "emergency-access" // to auditors: a record was opened in an emergency
)

// Mail is the job of writing a message to a user about their account. ID is the
// message's, so that a job that runs twice writes it once. The zero User is
// nobody: it stands where an unknown address must cost what a known one does.
type Mail struct {
	ID, User uuid.UUID
	Subject  Subject
}

// Kind names the job.
func (Mail) Kind() string { return "auth.mail" }

// tell enqueues a message to the user.
func tell(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, subject Subject) error {
	return jobs.Enqueue(ctx, tx, tx.Now(), Mail{ID: id.New(), User: user, Subject: subject})
}

// Tell is tell for the packages above.
func Tell(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, subject Subject) (err error) {
	defer errs.Wrap(&err, "tell user %s", user)
	return tell(ctx, tx, user, subject)
}

// TellAt is Tell for a message that anybody can cause: an address gets at most
// three such an hour. It costs the same when nothing is sent.
func TellAt(ctx context.Context, tx *sqldb.Tx, address string, user uuid.UUID, subject Subject) (err error) {
	defer errs.Wrap(&err, "tell user %s", user)
	allowed, err := mayMail(ctx, tx, address)
	if err != nil {
		return err
	}
	if !allowed {
		user = uuid.Nil // the job of nobody costs what any other does
	}
	return tell(ctx, tx, user, subject)
}

// Verified reports whether a user's address is known to be theirs: they showed it,
// or an admin vouched for it.
func Verified(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (verified bool, err error) {
	defer errs.Wrap(&err, "read whether the address of %s is verified", user)
	return addressVerified(ctx, tx, user)
}

// PendingEmail returns the address that a user asked to change to, or "".
func PendingEmail(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (email string, err error) {
	defer errs.Wrap(&err, "read pending address of %s", user)
	return pendingEmail(ctx, tx, user)
}
