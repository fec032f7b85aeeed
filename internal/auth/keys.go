package auth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// ErrKeyNotFound is the answer to a key that is not there, or another's.
var ErrKeyNotFound = errs.New(errs.NotFound, "key-not-found", "There is no such API key, or it is not yours.")

const (
	keyLife     = 90 * 24 * time.Hour
	longestLife = 366 * 24 * time.Hour
	mostKeys    = 50 // of one user
)

// Key is an API key without its secret.
type Key struct {
	ID, User   uuid.UUID
	Name       string
	Scopes     ScopeSet
	Networks   string // from where it may be used, with a space between; empty: anywhere
	CreatedAt  time.Time
	ExpiresAt  time.Time // exclusive
	LastUsedAt time.Time // at most a minute before its last use; zero: never
}

// NewKey says what key to make. Its zero value is a key for whoever asks, which
// can do all but what needs step-up, from anywhere, for 90 days.
type NewKey struct {
	Email     string // whose; for System only, which has no user
	Name      string // what it is for, in its holder's words
	Scopes    []Scope
	ExpiresAt time.Time // zero: 90 days from now; at most 366
	Networks  []string  // addresses or prefixes, "192.0.2.0/24"
}

// CreateKey makes an API key and returns it with its text; there is no other
// time at which that can be seen. Only System makes keys for others. A session
// needs step-up, and a key can't make one that can do more than itself.
//
// It returns ErrStepUp, ErrUserNotFound or ErrInvalidKey.
func (s *Service) CreateKey(ctx context.Context, by Actor, n NewKey) (k Key, text string, err error) {
	defer errs.Wrap(&err, "create key")
	if by.Anonymous() {
		return k, "", ErrUnauthenticated
	}
	if err := by.StepUp(StepUpKeys, s.DB.Now()); err != nil {
		return k, "", err
	}
	secret := newKey()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if k, err = n.checked(by, tx.Now()); err != nil {
			return err
		}
		k.ID = secret.id
		role := by.Role
		if by.Role == system {
			if k.User, role, err = userOf(ctx, tx, n.Email); err != nil {
				return err
			}
		}
		return storeKey(ctx, tx, by, k, secret.hash(), role)
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret.text(), nil
}

// storeKey writes a key, its record, and the notice to its owner.
func storeKey(ctx context.Context, tx *sqldb.Tx, by Actor, k Key, hash []byte, role Role) error {
	if n, err := keysOf(ctx, tx, k.User); err != nil {
		return err
	} else if n >= mostKeys {
		return ErrInvalidKey.Field("name", "is one too many: revoke another key first")
	}
	if err := insertKey(ctx, tx, k, hash); err != nil {
		return err
	}
	if err := tell(ctx, tx, k.User, NoticeKey); err != nil {
		return err
	}
	var patients []uuid.UUID
	if role == Patient && k.User != by.UserID {
		patients = append(patients, k.User)
	}
	return audit.Record(ctx, tx, by.Event("key.create", "api_key", k.ID.String(), patients...))
}

// checked returns the key that n asks for, or ErrInvalidKey.
func (n NewKey) checked(by Actor, now time.Time) (Key, error) {
	wrong := ErrInvalidKey
	k := Key{User: by.UserID, Name: strings.TrimSpace(n.Name), CreatedAt: now, ExpiresAt: n.ExpiresAt, Scopes: ScopesOf(n.Scopes...)}
	if !utf8.ValidString(k.Name) || utf8.RuneCountInString(k.Name) > 100 || strings.ContainsFunc(k.Name, unicode.IsControl) {
		wrong = wrong.Field("name", "must be at most 100 printable characters")
	}
	if k.Scopes == "" {
		k.Scopes = ScopesOf(All)
		if by.Via == ViaKey {
			k.Scopes = by.Scopes
		}
	}
	if slices.ContainsFunc(k.Scopes.List(), func(s Scope) bool { return !slices.Contains(scopes, s) }) {
		wrong = wrong.Field("scopes", "holds something that is no scope")
	} else if by.Via == ViaKey && !by.Scopes.Covers(k.Scopes) {
		wrong = wrong.Field("scopes", "goes beyond the key that asks")
	}
	if k.ExpiresAt.IsZero() {
		k.ExpiresAt = now.Add(keyLife)
	}
	if !k.ExpiresAt.After(now) || k.ExpiresAt.After(now.Add(longestLife)) {
		wrong = wrong.Field("expires_at", "must lie ahead, by at most 366 days")
	}
	for _, network := range n.Networks {
		p, err := parseNetwork(network)
		if err != nil {
			wrong = wrong.Field("networks", "holds something that is no address or prefix")
			break
		}
		k.Networks = strings.TrimSpace(k.Networks + " " + p.String())
	}
	if len(n.Networks) > 20 {
		wrong = wrong.Field("networks", "holds more than 20")
	}
	if len(wrong.Fields) > 0 {
		return Key{}, wrong
	}
	return k, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().Prefix(a.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// reaches reports whether a key may be used from an address.
func (c credential) reaches(address string) bool {
	if c.networks == "" {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for network := range strings.FieldsSeq(c.networks) {
		if p, err := netip.ParsePrefix(network); err == nil && p.Contains(a.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// APIKeys lists keys in the order of their ids: the caller's own, to admins also
// another user's or, with the zero user, everybody's. It returns page.ErrCursor
// for a position that is not one of its own.
func (s *Service) APIKeys(ctx context.Context, by Actor, user string, req page.Request) (p page.Of[Key], err error) {
	defer errs.Wrap(&err, "list keys")
	if by.Anonymous() {
		return p, ErrUnauthenticated
	}
	of, ok := id.Parse(user)
	if user != "" && !ok {
		return page.Of[Key]{Items: []Key{}}, nil
	}
	return audit.Read(ctx, s.DB, by.Intends("key.list", "api_key", ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Key], error) {
		p, err := keysIn(ctx, tx, by, of, req)
		for _, k := range p.Items {
			if k.User != by.UserID {
				seen.Row()
			}
		}
		return p, err
	})
}

// KeysOf returns the keys of the user with that address to System. It returns
// ErrUserNotFound.
func (s *Service) KeysOf(ctx context.Context, by Actor, email string) (keys []Key, err error) {
	defer errs.Wrap(&err, "list keys of a user")
	if by.Role != system {
		return nil, ErrForbidden
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, _, err := userOf(ctx, tx, email)
		if err != nil {
			return err
		}
		p, err := keysIn(ctx, tx, by, user, page.Request{Limit: 1000})
		keys = p.Items
		return err
	})
	return keys, err
}

// RevokeKey makes a key of the caller's worth nothing from the next request on;
// an admin's call does so to anybody's. It returns ErrKeyNotFound.
func (s *Service) RevokeKey(ctx context.Context, by Actor, key string) (err error) {
	defer errs.Wrap(&err, "revoke key")
	if by.Anonymous() {
		return ErrUnauthenticated
	}
	which, ok := id.Parse(key)
	if !ok {
		return ErrKeyNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if n, err := removeKey(ctx, tx, by, which); err != nil || n == 0 {
			return errors.Join(err, ErrKeyNotFound)
		}
		return audit.Record(ctx, tx, by.Event("key.revoke", "api_key", key))
	})
}
