package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/password"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// keys are made once, for all tests.
var keys = sync.OnceValue(func() *keyring.Ring {
	ring, err := keyring.New()
	if err != nil {
		panic(err)
	}
	return ring
})

func newService(db *sqldb.DB) *Service {
	return &Service{DB: db, Log: slog.New(slog.DiscardHandler), Keys: keys(), Passwords: &password.Hasher{}}
}

// exec runs one statement in a transaction of its own.
func exec(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows affected, want 1", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func addUser(t *testing.T, db *sqldb.DB, email string, role Role) uuid.UUID {
	t.Helper()
	user := id.New()
	exec(t, db, `INSERT INTO users (id, email, name, role, created_at) VALUES ($1, $2, 'N', $3, 0)`, user, email, string(role))
	return user
}

func createKey(t *testing.T, s *Service, email string) string {
	t.Helper()
	_, key, err := s.CreateKey(t.Context(), System, NewKey{Email: email, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// records returns what is in the audit trail, as "role action outcome count address patients".
func records(t *testing.T, db *sqldb.DB) (all []string) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		all, err = sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
			var role, action, outcome, address string
			var n, patients int
			err := r.Scan(&role, &action, &outcome, &n, &address, &patients)
			return fmt.Sprintf("%s %s %s %d %s %d", role, action, outcome, n, address, patients), err
		}, `SELECT actor_role, action, outcome, count, client_address,
			(SELECT COUNT(*) FROM audit_patients p WHERE p.event_id = e.id) FROM audit_events e ORDER BY id`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestAKeyTellsWhoAsksUntilItExpires(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(db)
		user := addUser(t, db, "ann@example.com", Patient)
		key := createKey(t, s, " Ann@Example.COM ")
		from := Actor{RequestID: "q", Address: "192.0.2.1", Agent: "curl"}
		by, err := s.Authenticate(t.Context(), Shown{Key: key}, from)
		if err != nil {
			t.Fatal(err)
		}
		if by.CredentialID == uuid.Nil {
			t.Error("the actor does not say which credential was shown")
		}
		want := Actor{UserID: user, Role: Patient, CredentialID: by.CredentialID, Via: ViaKey, Scopes: "all", RequestID: "q", Address: "192.0.2.1", Agent: "curl"}
		if by != want {
			t.Errorf("Authenticate = %+v, want %+v", by, want)
		}
		clock := sqltest.ClockOf(db)
		clock.Advance(90*24*time.Hour - time.Microsecond)
		if _, err := s.Authenticate(t.Context(), Shown{Key: key}, from); err != nil {
			t.Errorf("just before 90 days are over: error %v, want none", err)
		}
		clock.Advance(time.Microsecond)
		if _, err := s.Authenticate(t.Context(), Shown{Key: key}, from); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("after 90 days: error %v, want %v", err, ErrUnauthenticated)
		}
		if got, want := records(t, db), []string{"system key.create success 1  1"}; !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestARoleHoldsAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(db)
		user, practitioner := addUser(t, db, "bob@example.com", Practitioner), id.New()
		exec(t, db, `INSERT INTO practitioners (id, user_id, specialty, bio, created_at) VALUES ($1, $2, '', '', 0)`, practitioner, user)
		key := createKey(t, s, "bob@example.com")
		for _, tt := range []struct {
			role Role
			want uuid.UUID
		}{{Practitioner, practitioner}, {Admin, uuid.Nil}} {
			exec(t, db, `UPDATE users SET role = $1 WHERE id = $2`, string(tt.role), user)
			by, err := s.Authenticate(t.Context(), Shown{Key: key}, Actor{})
			if err != nil || by.Role != tt.role || by.PractitionerID != tt.want {
				t.Errorf("Authenticate = %+v, %v, want role %s, practitioner %s", by, err, tt.role, tt.want)
			}
		}
	})
}

func TestEveryBadKeyGetsTheSameAnswer(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(db)
		addUser(t, db, "ann@example.com", Patient)
		text := createKey(t, s, "ann@example.com")
		good, ok := parseToken(keyPrefix, text)
		if !ok {
			t.Fatal("a new key does not parse")
		}
		typo := []byte(text)
		typo[len(typo)-20] ^= 1
		for name, text := range map[string]string{
			"empty": "", "another form": "Bearer x", "cut": text[:len(text)-1], "mistyped": string(typo),
			"in capitals": strings.ToUpper(text), "without prefix": text[3:], "of nobody": newKey().text(),
			"with another secret": token{prefix: keyPrefix, id: good.id, secret: newKey().secret}.text(),
		} {
			by, err := s.Authenticate(t.Context(), Shown{Key: text}, Actor{Address: "192.0.2.1"})
			if by != (Actor{}) || !errors.Is(err, ErrUnauthenticated) || err.Error() != "authenticate: "+ErrUnauthenticated.Error() {
				t.Errorf("%s: Authenticate = %+v, %v, want nobody, %v", name, by, err, ErrUnauthenticated)
			}
		}
		if err := s.flush(t.Context(), sqltest.Start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got, want := records(t, db)[0], " credential.refused denied 8 192.0.2.1 0"; got != want {
			t.Errorf("audit trail has %q, want %q", got, want)
		}
	})
}

// A mistyped key is told from a key of somebody without asking the database.
func TestAMistypedKeyCostsNoStatement(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	db.Observe = func(_ context.Context, statement string) error {
		t.Errorf("statement %q", statement)
		return nil
	}
	text := []byte(newKey().text())
	text[10]++
	if _, err := newService(db).Authenticate(t.Context(), Shown{Key: string(text)}, Actor{}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("Authenticate: error %v, want %v", err, ErrUnauthenticated)
	}
}

func TestADatabaseThatFailsIsNotABadKey(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		broken := errors.New("broken disk")
		db.Observe = func(_ context.Context, statement string) error {
			if strings.Contains(statement, "FROM api_keys") {
				return broken
			}
			return nil
		}
		s := newService(db)
		if _, err := s.Authenticate(t.Context(), Shown{Key: newKey().text()}, Actor{}); !errors.Is(err, broken) || errors.Is(err, ErrUnauthenticated) {
			t.Errorf("Authenticate: error %v, want %v", err, broken)
		}
		if n := len(s.refusals.counts); n != 0 {
			t.Errorf("%d refusals are counted, want none", n)
		}
	})
}

func TestKeysAreMadeByTheCommandLine(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(db)
		addUser(t, db, "ann@example.com", Auditor)
		for _, tt := range []struct {
			name        string
			by          Actor
			email, what string
			want        error
		}{
			{"an admin", Actor{UserID: id.New(), Role: Admin}, "ann@example.com", "", ErrStepUp},
			{"nobody", Actor{}, "ann@example.com", "", ErrUnauthenticated},
			{"unknown address", System, "bob@example.com", "", ErrUserNotFound},
			{"long name", System, "ann@example.com", strings.Repeat("é", 101), ErrInvalidKey},
			{"name of two lines", System, "ann@example.com", "a\nb", ErrInvalidKey},
			{"good", System, "ann@example.com", strings.Repeat("é", 100), nil},
		} {
			_, text, err := s.CreateKey(t.Context(), tt.by, NewKey{Email: tt.email, Name: tt.what})
			if !errors.Is(err, tt.want) || (err == nil) != (text != "") {
				t.Errorf("%s: CreateKey = %q, %v, want error %v", tt.name, text, err, tt.want)
			}
		}
		if got, want := records(t, db), []string{"system key.create success 1  0"}; !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestOnlyTheHashOfASecretIsKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newService(db)
		addUser(t, db, "ann@example.com", Patient)
		k, _ := parseToken(keyPrefix, createKey(t, s, "ann@example.com"))
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			c, err := credentialByID(ctx, tx, k.id)
			if sum := sha256.Sum256(k.secret[:]); !bytes.Equal(c.hash, sum[:]) {
				t.Errorf("%x is kept, want the SHA-256 of the secret", c.hash)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestRefusalsAreRecordedByMinuteAndAddress(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, clock := newService(db), sqltest.ClockOf(db)
		try := func(address string, times int) {
			for range times {
				if _, err := s.Authenticate(t.Context(), Shown{Key: "x"}, Actor{Address: address}); !errors.Is(err, ErrUnauthenticated) {
					t.Fatal(err)
				}
			}
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := records(t, db); !slices.Equal(got, want) {
				t.Errorf("%s: audit trail = %q, want %q", when, got, want)
			}
		}
		try("192.0.2.1", 3)
		try("192.0.2.2", 1)
		clock.Advance(time.Minute - time.Microsecond)
		try("192.0.2.1", 2)
		expect("before the minute is over")
		clock.Advance(time.Microsecond)
		try("192.0.2.1", 4)
		first := []string{" credential.refused denied 1 192.0.2.2 0", " credential.refused denied 5 192.0.2.1 0"}
		expect("after it", first...)
		expect("again", first...)

		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		expect("after the program's end", slices.Insert(first, 1, " credential.refused denied 4 192.0.2.1 0")...)
	})
}

func TestRefusalsThatCanNotBeRecordedAreKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		broken := errors.New("broken disk")
		var works atomic.Bool
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "INSERT") && !works.Load() {
				return broken
			}
			return nil
		}
		s := newService(db)
		_, _ = s.Authenticate(t.Context(), Shown{Key: "x"}, Actor{Address: "192.0.2.1"})
		sqltest.ClockOf(db).Advance(time.Minute)
		if err := s.Flush(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Flush: error %v, want %v", err, broken)
		}
		works.Store(true)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := records(t, db), []string{" credential.refused denied 1 192.0.2.1 0"}; !slices.Equal(got, want) {
			t.Errorf("audit trail = %q, want %q", got, want)
		}
	})
}

func TestRefusalsFromEverywhereTakeLittleMemoryAndShortTransactions(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	s := newService(db)
	for i := range 3 * mostRefusals {
		s.refusals.add(sqltest.Start, fmt.Sprint(i), 1)
	}
	if n := len(s.refusals.counts); n > mostRefusals+1 {
		t.Errorf("%d counts are kept, want at most %d", n, mostRefusals+1)
	}
	if n := s.refusals.counts[refusal{sqltest.Start, ""}]; n != 2*mostRefusals {
		t.Errorf("%d refusals are counted together, want %d", n, 2*mostRefusals)
	}
	if n := len(s.refusals.take(sqltest.Start.Add(time.Minute))); n != flushRows {
		t.Errorf("%d counts go into one transaction, want %d", n, flushRows)
	}
}

func TestRoles(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{{"patient", true}, {"practitioner", true}, {"admin", true}, {"auditor", true}, {"system", false}, {"Admin", false}, {"", false}} {
		if r, ok := ParseRole(tt.text); ok != tt.ok || string(r) != tt.text {
			t.Errorf("ParseRole(%q) = %q, %v, want %v", tt.text, r, ok, tt.ok)
		}
	}
	ann := Actor{UserID: id.New(), Role: Patient}
	for _, tt := range []struct {
		name      string
		got, want bool
	}{
		{"the zero actor is anonymous", Actor{}.Anonymous(), true},
		{"a patient is not", ann.Anonymous(), false},
		{"nor the command line", System.Anonymous(), false},
		{"a patient is one of two roles", ann.Is(Admin, Patient), true},
		{"a patient is no admin", ann.Is(Admin), false},
		{"the command line is an admin", System.Is(Practitioner, Admin), true},
		{"and nothing else", System.Is(Patient, Practitioner, Auditor), false},
		{"nobody has no role", Actor{}.Is(Patient, Practitioner, Admin, Auditor), false},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestAnEventSaysWhoAndFromWhere(t *testing.T) {
	ann, bob := id.New(), id.New()
	by := Actor{UserID: bob, Role: Admin, CredentialID: id.New(), RequestID: "q", Address: "192.0.2.1", Agent: "curl"}
	want := audit.Event{
		Actor: bob, ActorRole: "admin", Credential: by.CredentialID, Action: "user.read", ResourceType: "user", ResourceID: "r",
		Purpose: "operations", RequestID: "q", ClientAddress: "192.0.2.1", UserAgent: "curl", Patients: []uuid.UUID{ann},
	}
	if diff := cmp.Diff(want, by.Event("user.read", "user", "r", ann)); diff != "" {
		t.Errorf("Event (-want +got):\n%s", diff)
	}
}
