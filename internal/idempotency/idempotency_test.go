package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

var ring = sync.OnceValue(func() *keyring.Ring {
	r, err := keyring.New()
	if err != nil {
		panic(err)
	}
	return r
})

// request is a use of key k by ann, whose answer quotes the result or the error.
func request(k string) idempotency.Request {
	return idempotency.Request{
		Caller: "ann", Route: "POST /v1/things", Key: k, BodyHash: [32]byte{1}, Seal: ring(),
		Encode: func(result any, err error) (idempotency.Answer, error) { return answer(result, err), nil },
	}
}

func answer(result any, err error) idempotency.Answer {
	if err != nil {
		return idempotency.Answer{Status: 409, Body: []byte(err.Error())}
	}
	return idempotency.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: fmt.Appendf(nil, "<%v>", result)}
}

func isReplay(err error) bool {
	var r *idempotency.Replay
	return errors.As(err, &r)
}

// shop makes things, of which the database shows how many there are.
type shop struct {
	db      *sqldb.DB
	worked  atomic.Int32
	replays atomic.Int32
	fail    error // what work returns after it has written
	refuse  error // what a replay returns after it has written
	within  func()
}

func (s *shop) do(ctx context.Context) (string, error) {
	return idempotency.Do(ctx, s.db,
		func(ctx context.Context, tx *sqldb.Tx) error {
			s.replays.Add(1)
			_, err := put(ctx, tx)
			return errors.Join(err, s.refuse)
		},
		func(ctx context.Context, tx *sqldb.Tx) (string, error) {
			s.worked.Add(1)
			if s.within != nil {
				s.within()
			}
			made, err := put(ctx, tx)
			if err == nil {
				err = s.fail
			}
			return made.String(), err
		})
}

func put(ctx context.Context, tx *sqldb.Tx) (uuid.UUID, error) {
	made := id.New()
	_, err := tx.Exec(ctx, `INSERT INTO patients (patient_id) VALUES ($1)`, made)
	return made, err
}

func (s *shop) expect(t *testing.T, when string, worked, replays, things int) {
	t.Helper()
	rows := count(t, s.db, "patients")
	if int(s.worked.Load()) != worked || int(s.replays.Load()) != replays || rows != things {
		t.Errorf("%s: worked %d times, replayed %d, %d rows; want %d, %d, %d",
			when, s.worked.Load(), s.replays.Load(), rows, worked, replays, things)
	}
}

func count(t *testing.T, db *sqldb.DB, table string) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, `SELECT COUNT(*) FROM `+table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestARepeatGetsTheFirstAnswer(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		ctx := idempotency.With(t.Context(), request("k"))
		first, err := s.do(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			again, err := s.do(ctx)
			var replay *idempotency.Replay
			if again != "" || !errors.As(err, &replay) {
				t.Fatalf("repeat = %q, %v, want a Replay", again, err)
			}
			want := idempotency.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: []byte("<" + first + ">")}
			if diff := cmp.Diff(want, replay.Answer); diff != "" {
				t.Errorf("replayed answer (-want +got):\n%s", diff)
			}
		}
		s.expect(t, "after two repeats", 1, 2, 3) // what a replay writes is kept
	})
}

func TestARepeatIsJudgedAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		ctx := idempotency.With(t.Context(), request("k"))
		if _, err := s.do(ctx); err != nil {
			t.Fatal(err)
		}
		s.refuse = errs.New(errs.NotFound, "gone-meanwhile", "")
		if _, err := s.do(ctx); !errors.Is(err, s.refuse) || isReplay(err) {
			t.Errorf("refused repeat: error %v, want %v", err, s.refuse)
		}
		s.expect(t, "after a refused repeat", 1, 1, 1)
	})
}

func TestADomainErrorIsKeptAndItsWorkUndone(t *testing.T) {
	for _, kind := range []errs.Kind{
		errs.NotFound, errs.Conflict, errs.Gone, errs.PreconditionFailed, errs.PreconditionRequired, errs.Invalid,
	} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := &shop{db: db, fail: errs.New(kind, "refused", "No.")}
				ctx := idempotency.With(t.Context(), request("k"))
				if got, err := s.do(ctx); got != "" || !errors.Is(err, s.fail) || isReplay(err) {
					t.Fatalf("Do = %q, %v, want %v", got, err, s.fail)
				}
				_, err := s.do(ctx)
				var replay *idempotency.Replay
				if !errors.As(err, &replay) {
					t.Fatalf("repeat: error %v, want a Replay", err)
				}
				if a := replay.Answer; a.Status != 409 || string(a.Body) != s.fail.Error() {
					t.Errorf("replayed answer = %d %q, want the encoded error", a.Status, a.Body)
				}
				s.expect(t, "after a repeat", 1, 1, 1)
			})
		})
	}
}

func TestOtherErrorsKeepNothing(t *testing.T) {
	for _, fail := range []error{
		errors.New("a defect"), errs.New(errs.Unavailable, "later", ""), errs.New(errs.Unauthenticated, "who", ""),
		errs.New(errs.Forbidden, "no", ""), errs.New(errs.Malformed, "what", ""),
	} {
		t.Run(fail.Error(), func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				s := &shop{db: db}
				ctx := idempotency.With(t.Context(), request("k"))
				s.fail = fmt.Errorf("wrapped: %w", fail)
				if _, err := s.do(ctx); !errors.Is(err, fail) {
					t.Fatalf("Do: error %v, want %v", err, fail)
				}
				if n := count(t, db, "idempotency_keys"); n != 0 {
					t.Errorf("%d keys are kept, want none", n)
				}
				s.fail = nil
				if _, err := s.do(ctx); err != nil {
					t.Errorf("second attempt: %v", err)
				}
				s.expect(t, "after the second attempt", 2, 0, 1)
			})
		})
	}
}

func TestOnlyTheSameRequestIsARepeat(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		first := request("k")
		if _, err := s.do(idempotency.With(t.Context(), first)); err != nil {
			t.Fatal(err)
		}
		body := first
		body.BodyHash[31] = 9
		if _, err := s.do(idempotency.With(t.Context(), body)); !errors.Is(err, idempotency.ErrMismatch) {
			t.Errorf("same key, other body: error %v, want %v", err, idempotency.ErrMismatch)
		}
		caller, route, key := first, first, first
		caller.Caller, route.Route, key.Key = "bob", "POST /v1/others", "K"
		for _, req := range []idempotency.Request{caller, route, key} {
			if _, err := s.do(idempotency.With(t.Context(), req)); err != nil {
				t.Errorf("%s %s %s: error %v, want none", req.Caller, req.Route, req.Key, err)
			}
		}
		s.expect(t, "after four requests", 4, 0, 4)
	})
}

// TestAKeptAnswerIsSealed looks into the table, and repeats a request once the
// keys were rotated, one that an older server has kept, and one whose answer was
// put in another's place.
func TestAKeptAnswerIsSealed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		req := request("k")
		made, err := s.do(idempotency.With(t.Context(), req))
		if err != nil {
			t.Fatal(err)
		}
		body := func(key string) (b []byte) {
			t.Helper()
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
				b, err = sqldb.One(ctx, tx, func(r sqldb.Row) (b []byte, err error) { err = r.Scan(&b); return b, err },
					`SELECT body FROM idempotency_keys WHERE key = $1`, key)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		keep := func(key string, b []byte) {
			t.Helper()
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE idempotency_keys SET body = $1 WHERE key = $2`, b, key)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if kept := body("k"); len(kept) == 0 || strings.Contains(string(kept), fmt.Sprintf("<%v>", made)) {
			t.Errorf("the table has %q, want it sealed", kept)
		}
		rotated, err := ring().Rotate()
		if err != nil {
			t.Fatal(err)
		}
		later := req
		later.Seal, later.BodyHash, later.OlderHashes = rotated, [32]byte{7}, [][32]byte{{8}, req.BodyHash}
		var replay *idempotency.Replay
		if _, err := s.do(idempotency.With(t.Context(), later)); !errors.As(err, &replay) || string(replay.Answer.Body) != fmt.Sprintf("<%v>", made) {
			t.Errorf("with rotated keys: %v, want the answer", err)
		}
		if _, err := s.do(idempotency.With(t.Context(), request("other"))); err != nil {
			t.Fatal(err)
		}
		keep("other", body("k"))
		if _, err := s.do(idempotency.With(t.Context(), request("other"))); !errors.Is(err, idempotency.ErrUnreadable) || isReplay(err) {
			t.Errorf("with another's answer: %v, want %v", err, idempotency.ErrUnreadable)
		}
		for _, plain := range []string{"", `{"id":"x"}`} {
			keep("k", []byte(plain))
			if _, err := s.do(idempotency.With(t.Context(), req)); !errors.As(err, &replay) || string(replay.Answer.Body) != plain {
				t.Errorf("with an answer from before: %v, want %q", err, plain)
			}
		}
	})
}

func TestAnAnswerIsKeptForADayFromWhenItWasStored(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		clock := sqltest.ClockOf(db)
		s := &shop{db: db, within: func() { clock.Advance(time.Hour) }}
		ctx := idempotency.With(t.Context(), request("k"))
		if _, err := s.do(ctx); err != nil {
			t.Fatal(err)
		}
		clock.Advance(24*time.Hour - time.Microsecond)
		if _, err := s.do(ctx); !isReplay(err) {
			t.Errorf("just before a day is over: error %v, want a Replay", err)
		}
		clock.Advance(time.Microsecond)
		other := request("k")
		other.BodyHash[0]++
		if _, err := s.do(idempotency.With(t.Context(), other)); err != nil {
			t.Errorf("a day later, another body: %v", err)
		}
		if _, err := s.do(ctx); !errors.Is(err, idempotency.ErrMismatch) {
			t.Errorf("the old body after that: error %v, want %v", err, idempotency.ErrMismatch)
		}
		s.expect(t, "in the end", 2, 1, 3)
	})
}

func TestWithoutAKeyDoIsAnUpdate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		for range 2 {
			if got, err := s.do(t.Context()); got == "" || err != nil {
				t.Fatalf("Do = %q, %v, want a result", got, err)
			}
		}
		s.fail = errs.New(errs.Conflict, "taken", "")
		if got, err := s.do(t.Context()); got != "" || !errors.Is(err, s.fail) {
			t.Errorf("Do = %q, %v, want %v", got, err, s.fail)
		}
		s.expect(t, "after two that worked and one that did not", 3, 0, 2)
		if n := count(t, db, "idempotency_keys"); n != 0 {
			t.Errorf("%d keys are kept, want none", n)
		}
	})
}

func TestOfManyAtOnceOneWorks(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &shop{db: db}
		ctx := idempotency.With(t.Context(), request("k"))
		var won, busy atomic.Int32
		var answers sync.Map
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				made, err := s.do(ctx)
				var replay *idempotency.Replay
				switch {
				case err == nil:
					won.Add(1)
					answers.Store("<"+made+">", true)
				case errors.As(err, &replay):
					answers.Store(string(replay.Answer.Body), true)
				case errors.Is(err, idempotency.ErrInProgress):
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		different := 0
		answers.Range(func(any, any) bool { different++; return true })
		if won.Load() != 1 || different != 1 {
			t.Errorf("%d of 16 did the work and there were %d different answers, want 1 and 1", won.Load(), different)
		}
		if replays := 15 - int(busy.Load()); int(s.replays.Load()) < replays || count(t, db, "patients") != 1+replays {
			t.Errorf("%d rows after %d replays, want one each and the work's", count(t, db, "patients"), replays)
		}
	})
}

func TestAFailedFirstRequestLetsAWaitingOneWork(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := idempotency.With(t.Context(), request("k"))
		begun, release := make(chan bool), make(chan bool)
		failing := &shop{db: db, fail: errors.New("a defect"), within: func() { begun <- true; <-release }}
		waiting := &shop{db: db}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := failing.do(ctx); !errors.Is(err, failing.fail) {
				t.Errorf("first request: error %v, want %v", err, failing.fail)
			}
		})
		<-begun
		wg.Go(func() {
			close(release)
			if _, err := waiting.do(ctx); err != nil {
				t.Errorf("second request: %v", err)
			}
		})
		wg.Wait()
		waiting.expect(t, "in the end", 1, 0, 1)
	})
}

// On SQLite a second request can't begin while the first has the one writer, so
// there is no such thing as two of them at work.
func TestARepeatDoesNotWaitForLong(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	given, giveUp := context.WithCancel(idempotency.With(t.Context(), request("k")))
	var givingUp atomic.Bool
	db.Observe = func(_ context.Context, statement string) error {
		if givingUp.Load() && strings.HasPrefix(statement, "INSERT INTO idempotency_keys") {
			giveUp()
		}
		return nil
	}
	begun, release := make(chan bool), make(chan bool)
	first := &shop{db: db, within: func() { begun <- true; <-release }}
	ctx := idempotency.With(t.Context(), request("k"))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := first.do(ctx); err != nil {
			t.Error(err)
		}
	})
	<-begun
	hasty := request("k")
	hasty.Patience = 20 * time.Millisecond
	second := &shop{db: db}
	if _, err := second.do(idempotency.With(t.Context(), hasty)); !errors.Is(err, idempotency.ErrInProgress) {
		t.Errorf("second request: error %v, want %v", err, idempotency.ErrInProgress)
	}
	givingUp.Store(true)
	if _, err := second.do(given); !errors.Is(err, context.Canceled) {
		t.Errorf("second request, given up by its client: error %v, want %v", err, context.Canceled)
	}
	close(release)
	wg.Wait()
	if _, err := second.do(ctx); !isReplay(err) {
		t.Errorf("third request: error %v, want a Replay", err)
	}
	second.expect(t, "in the end", 0, 1, 2)
}

func TestAReplayLocksWhatItAcknowledges(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var mu sync.Mutex
		var reads []string
		db.Observe = func(_ context.Context, statement string) error {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(statement, "SELECT") && strings.Contains(statement, "idempotency_keys") {
				reads = append(reads, statement)
			}
			return nil
		}
		s := &shop{db: db}
		ctx := idempotency.With(t.Context(), request("k"))
		_, first := s.do(ctx)
		_, second := s.do(ctx)
		if first != nil || !isReplay(second) {
			t.Fatalf("errors %v and %v, want none and a Replay", first, second)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(reads) != 1 {
			t.Fatalf("%d reads of the key, want 1, by the replay", len(reads))
		}
		if locks := strings.HasSuffix(reads[0], " FOR UPDATE"); locks != (db.Engine() == sqldb.Postgres) {
			t.Errorf("the replay read with %q", reads[0])
		}
	})
}

func TestCleanDeletesWhatIsOldInShortTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var deletes atomic.Int32
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "DELETE") {
				deletes.Add(1)
			}
			return nil
		}
		const old = 1001
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			var rows [][]any
			for i := range old + 1 {
				at := tx.Now().Add(-24 * time.Hour)
				if i == old {
					at = at.Add(time.Microsecond)
				}
				rows = append(rows, []any{"ann", "r", fmt.Sprint(i), []byte{1}, 200, "{}", []byte{}, sqldb.Instant(at)})
			}
			groups, args := sqldb.Values(rows...)
			_, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (caller, route, key, body_hash, status, header, body, created_at)
				VALUES `+groups, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		n, err := idempotency.Clean(t.Context(), db)
		if n != old || err != nil {
			t.Errorf("Clean = %d, %v, want %d", n, err, old)
		}
		if left := count(t, db, "idempotency_keys"); left != 1 || deletes.Load() != 3 {
			t.Errorf("%d keys are left after %d statements, want 1 after 3", left, deletes.Load())
		}
	})
}
