package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// ErrSessionNotFound is the answer to a session that is not there, or another's.
var ErrSessionNotFound = errs.New(errs.NotFound, "session-not-found", "There is no such session, or it is not yours.")

const (
	accessLife   = 10 * time.Minute // of the token that goes with each request
	longest      = 12 * time.Hour   // of a session, whatever happens
	refreshGrace = 10 * time.Second // in which the same client may repeat a refresh
	idlePatient  = time.Hour        // without a request, after which a browser's session is over
	idleStaff    = 15 * time.Minute
	seenEvery    = time.Minute // how exactly it is known when a session was last used
)

// Session is a sign-in that goes on.
type Session struct {
	ID        uuid.UUID
	Browser   bool // it is a cookie, not tokens
	Current   bool // it is the one that asked
	Address   string
	Agent     string
	CreatedAt time.Time
	SeenAt    time.Time // at most a minute older than its last use
	ExpiresAt time.Time // exclusive
}

// SignedIn is what a sign-in is answered with: two tokens, or a cookie.
type SignedIn struct {
	Access, Refresh string
	Cookie          string
	ExpiresIn       time.Duration // of Access, or of the cookie at the longest
}

// credentials are the secrets of a session, made before the transaction that
// keeps their hashes.
type credentials struct {
	handle          uuid.UUID
	access, refresh token // access is the cookie of a browser's session, which has no refresh
	browser         bool
	strong          bool // a second factor was shown
}

// newCredentials makes the secrets of a new session. Nothing of it was known to
// anybody before, so a session can't be fixed on somebody.
func (s *Service) newCredentials(browser bool) credentials {
	handle := uuid.New() // no time in it: it is half of the secret
	if browser {
		return credentials{handle: handle, access: newToken(cookiePrefix, handle), browser: true}
	}
	refresh := newToken(refreshPrefix, handle)
	return credentials{handle: handle, access: s.accessOf(refresh), refresh: refresh}
}

// accessOf returns the access token that belongs to a refresh token, and
// nextOf the refresh token after it. Both are derived with a key, so that a
// repeated refresh is answered with what the first one was, and nobody else can
// make them.
func (s *Service) accessOf(refresh token) token {
	return token{accessPrefix, refresh.id, [32]byte(s.Keys.Derive("access token", append(refresh.id[:], refresh.secret[:]...)))}
}

func (s *Service) nextOf(refresh token) token {
	return token{refreshPrefix, refresh.id, [32]byte(s.Keys.Derive("refresh token", append(refresh.id[:], refresh.secret[:]...)))}
}

func (c credentials) signedIn(expiresIn time.Duration) SignedIn {
	if c.browser {
		return SignedIn{Cookie: c.access.text(), ExpiresIn: expiresIn}
	}
	return SignedIn{Access: c.access.text(), Refresh: c.refresh.text(), ExpiresIn: expiresIn}
}

// startSession makes a session of the user's and records it.
func startSession(ctx context.Context, tx *sqldb.Tx, from Actor, user uuid.UUID, c credentials) (SignedIn, error) {
	now := tx.Now()
	row := storedSession{
		id: id.New(), handle: c.handle, user: user, browser: c.browser, accessHash: c.access.hash(), accessExpiresAt: now.Add(accessLife),
		address: from.Address, agent: from.Agent, strong: c.strong, provedAt: now, seenAt: now, createdAt: now, expiresAt: now.Add(longest),
	}
	if c.browser {
		row.accessExpiresAt = row.expiresAt
	} else {
		row.refreshHash = c.refresh.hash()
	}
	if err := insertSession(ctx, tx, row); err != nil {
		return SignedIn{}, err
	}
	if err := tellOfDevice(ctx, tx, from, user); err != nil {
		return SignedIn{}, err
	}
	from.UserID, from.CredentialID = user, row.id
	if err := audit.Record(ctx, tx, from.Event("session.create", "session", row.id.String())); err != nil {
		return SignedIn{}, err
	}
	return c.signedIn(row.accessExpiresAt.Sub(now)), nil
}

// authenticateSession returns who a session's token stands for.
func (s *Service) authenticateSession(ctx context.Context, t token, from Actor) (Actor, error) {
	now := s.DB.Now()
	var c sessionHolder
	err := s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		c, err = holderByHandle(ctx, tx, t.id)
		return err
	})
	if err != nil && !errors.Is(err, sqldb.ErrNoRows) {
		return Actor{}, err
	}
	good := err == nil && c.browser == (t.prefix == cookiePrefix) &&
		subtle.ConstantTimeCompare(t.hash(), c.accessHash) == 1 && now.Before(c.accessExpiresAt) && now.Before(c.expiresAt) &&
		(!c.browser || now.Before(c.seenAt.Add(idle(c.role))))
	if !good {
		s.refused(now, from)
		return Actor{}, ErrUnauthenticated
	}
	if now.Sub(c.seenAt) >= seenEvery {
		if err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return setSeen(ctx, tx, c.id, now) }); err != nil {
			return Actor{}, err
		}
	}
	from.UserID, from.Role, from.PractitionerID, from.CredentialID = c.user, c.role, c.practitionerID, c.id
	from.Via = ViaSession
	if c.strong || !c.hasFactor { // else nothing was proved yet that counts: an identity provider's word does not make up for the factor
		from.ProvedAt = c.provedAt
	}
	from.Weak = !c.strong && (c.hasFactor || slices.Contains(s.RequireFactor, c.role)) // who came from an identity provider has shown none of ours
	return from, nil
}

// Lasts returns ErrUnauthenticated once the session that by came with is over, or
// its user has another role. It is no use of the session: who leaves a page open
// that is kept fresh is signed out like others.
func (s *Service) Lasts(ctx context.Context, by Actor) (err error) {
	defer errs.Wrap(&err, "look after session")
	if by.Via != ViaSession {
		return ErrUnauthenticated
	}
	return s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := liveSessions(ctx, tx, by)
		if err == nil && n == 0 {
			err = ErrUnauthenticated
		}
		return err
	})
}

// idle is how long a browser's session lives without a request.
func idle(r Role) time.Duration {
	if r == Patient {
		return idlePatient
	}
	return idleStaff
}

// Sessions lists the caller's own sessions that go on, oldest first. It returns
// page.ErrCursor for a position that is not one of its own.
func (s *Service) Sessions(ctx context.Context, by Actor, req page.Request) (p page.Of[Session], err error) {
	defer errs.Wrap(&err, "list sessions")
	if by.Anonymous() {
		return p, ErrUnauthenticated
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = sessionsOf(ctx, tx, by, req)
		return err
	})
	return p, err
}

// EndSession ends one of the caller's own sessions; its tokens are worth
// nothing from the next request on. It returns ErrSessionNotFound.
func (s *Service) EndSession(ctx context.Context, by Actor, session string) (err error) {
	defer errs.Wrap(&err, "end session")
	if by.Anonymous() {
		return ErrUnauthenticated
	}
	which, ok := id.Parse(session)
	if !ok {
		return ErrSessionNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if n, err := removeSession(ctx, tx, by.UserID, which); err != nil || n == 0 {
			return errors.Join(err, ErrSessionNotFound)
		}
		return audit.Record(ctx, tx, by.Event("session.end", "session", session))
	})
}

// EndSessionsOf ends all sessions of the user with that address: for a lost
// laptop, or somebody who leaves. Keys stay. It is for System only, and returns
// ErrForbidden or ErrUserNotFound.
func (s *Service) EndSessionsOf(ctx context.Context, by Actor, email string) (err error) {
	defer errs.Wrap(&err, "end sessions of a user")
	if by.Role != system {
		return ErrForbidden
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, _, err := userOf(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := removeSessions(ctx, tx, user, uuid.Nil); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event("session.end", "user", user.String()))
	})
}

// LogOut ends the session that asks, or all sessions of its user.
func (s *Service) LogOut(ctx context.Context, by Actor, everywhere bool) (err error) {
	defer errs.Wrap(&err, "log out")
	if by.Anonymous() {
		return ErrUnauthenticated
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		session := by.CredentialID.String()
		switch {
		case everywhere:
			session = ""
			err = removeSessions(ctx, tx, by.UserID, uuid.Nil)
		case by.Via == ViaSession:
			_, err = removeSession(ctx, tx, by.UserID, by.CredentialID)
		default:
			return nil // an API key has nothing to leave
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event("session.end", "session", session))
	})
}
