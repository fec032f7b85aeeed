package encounters_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"medbook/internal/auth"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// master is a Master that tells when it is asked.
type master struct {
	keyring.Master
	name             string // in the place of the Master's
	onWrap, onUnwrap func(ctx context.Context)
}

func (m *master) Name() string {
	if m.name != "" {
		return m.name
	}
	return m.Master.Name()
}

func (m *master) Wrap(ctx context.Context, key, associated []byte) ([]byte, error) {
	if m.onWrap != nil {
		m.onWrap(ctx)
	}
	return m.Master.Wrap(ctx, key, associated)
}

func (m *master) Unwrap(ctx context.Context, wrapped, associated []byte) ([]byte, error) {
	if m.onUnwrap != nil {
		m.onUnwrap(ctx)
	}
	return m.Master.Unwrap(ctx, wrapped, associated)
}

// vaulted is a master of another kind, with keys of its own.
func vaulted(t *testing.T) *master {
	t.Helper()
	ring, err := keyring.New()
	if err != nil {
		t.Fatal(err)
	}
	return &master{Master: keyring.NewLive(ring, ""), name: "hcvault:/transit/keys/medbook"}
}

// wrappedBy tells which masters wrapped the keys that are not destroyed.
func (c *clinic) wrappedBy() map[string]int {
	c.t.Helper()
	by := map[string]int{}
	err := c.DB.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		clear(by)
		_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (name string, err error) {
			err = r.Scan(&name)
			by[name]++
			return name, err
		}, `SELECT wrapped_by FROM patient_keys WHERE wrapped IS NOT NULL`)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return by
}

// reads checks what an encounter says to its practitioner.
func (c *clinic) reads(s *encounters.Service, by auth.Actor, e encounters.Encounter, want string) {
	c.t.Helper()
	got, err := s.Encounter(c.t.Context(), by, e.ID.String())
	if err != nil || got.ClinicalData.Reveal() != want {
		c.t.Errorf("%s says %q, %v, want %q", c.nameOf(e.ID.String()), got.ClinicalData.Reveal(), err, want)
	}
}

func TestKeysAreWrappedAnew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		a, b := c.document(c.grey, "a", c.visit(c.ann, `{"a":1}`)), c.document(c.brown, "b", c.visit(c.bob, `{"b":1}`))
		c.assign(c.cleo, c.grey)
		c.document(c.grey, "destroyed", c.visit(c.cleo, `{}`))
		c.erase(c.cleo)
		rotated, err := c.ring.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		fresh := keyring.NewLive(rotated, "")
		s := c.server(fresh)
		rewrap := func(name string, s *encounters.Service, all bool, want int, told ...string) {
			t.Helper()
			from := c.mark()
			n, err := s.Rewrap(t.Context(), auth.System, all)
			if n != want || err != nil {
				t.Errorf("%s: Rewrap = %d, %v, want %d", name, n, err, want)
			}
			c.told(name, from, told...)
			c.reads(s, c.grey, a, `{"a":1}`)
			c.reads(s, c.brown, b, `{"b":1}`)
			if got := c.wrappedBy(); got[s.Masters[0].Name()] != 2 || len(got) != 1 {
				t.Errorf("%s: wrapped by %v, want 2 by %s", name, got, s.Masters[0].Name())
			}
		}
		const done = "system patient_key.rewrap success operations  x2 []"
		rewrap("by an older ring", s, false, 2, done)
		rewrap("again", s, false, 0)
		rewrap("all", s, true, 2, done)
		v := vaulted(t)
		rewrap("by a master of another kind", c.server(v, fresh), false, 2, done)
		rewrap("back", c.server(fresh, v), false, 2, done)
		for name, by := range map[string]auth.Actor{"an admin": c.admin, "a practitioner": c.grey, "nobody": {}} {
			if n, err := s.Rewrap(t.Context(), by, true); n != 0 || !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("%s: Rewrap = %d, %v, want %v", name, n, err, auth.ErrForbidden)
			}
		}
		c.exec(`UPDATE patient_keys SET wrapped = $1 WHERE patient_id = $2`, []byte("x"), c.ann.UserID)
		if _, err := s.Rewrap(t.Context(), auth.System, true); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("a key that can't be opened: %v, want %v", err, keyring.ErrSealed)
		}
	})
}

// TestManyKeysAreWrappedAnew has more of them than are read at a time.
func TestManyKeysAreWrappedAnew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		live := c.Masters[0]
		c.exec(`DELETE FROM patient_keys`)
		for range 201 {
			key, err := keyring.NewDataKey()
			if err != nil {
				t.Fatal(err)
			}
			patient := id.New()
			wrapped, err := key.Wrap(t.Context(), live, fmt.Appendf(nil, "patient key %s", patient))
			if err != nil {
				t.Fatal(err)
			}
			c.exec(`INSERT INTO patient_keys (patient_id, id, wrapped, wrapped_by, created_at) VALUES ($1, $2, $3, 'file:0', 0)`, patient, id.New(), wrapped)
		}
		if n, err := c.Rewrap(t.Context(), auth.System, false); n != 201 || err != nil {
			t.Errorf("Rewrap = %d, %v, want 201", n, err)
		}
		if got := c.wrappedBy(); got[live.Name()] != 201 {
			t.Errorf("wrapped by %v, want 201 by %s", got, live.Name())
		}
	})
}

func TestAKeyThatChangesWhileItIsWrappedAnewStays(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(c *clinic)
		want      int // that are wrapped anew
		told      []string
		readable  bool
	}{
		{"it is destroyed", func(c *clinic) { c.erase(c.ann) }, 0, nil, false},
		{"somebody else wraps it", func(c *clinic) {
			if n, err := c.Rewrap(c.t.Context(), auth.System, true); n != 1 || err != nil {
				c.t.Errorf("Rewrap = %d, %v, want 1", n, err)
			}
		}, 0, []string{"system patient_key.rewrap success operations  x1 []"}, true},
		{"somebody documents a visit", func(c *clinic) { c.document(c.grey, "more", c.visit(c.ann, `{"more":1}`)) }, 1, []string{
			"practitioner encounter.create success treatment more x1 [ann]", "system patient_key.rewrap success operations  x1 []",
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				a := c.document(c.grey, "a", c.visit(c.ann, `{"a":1}`))
				v := vaulted(t)
				v.onWrap = func(context.Context) { tt.meanwhile(c) }
				from := c.mark()
				s := c.server(v, c.Masters[0])
				if n, err := s.Rewrap(t.Context(), auth.System, false); n != tt.want || err != nil {
					t.Errorf("Rewrap = %d, %v, want %d", n, err, tt.want)
				}
				c.told(tt.name, from, tt.told...)
				v.onWrap = nil
				if tt.readable {
					c.reads(s, c.grey, a, `{"a":1}`)
				} else if n := c.count(`SELECT COUNT(*) FROM patient_keys WHERE wrapped IS NOT NULL`); n != 0 {
					t.Errorf("%d keys are back, want none", n)
				}
			})
		})
	}
}

// TestWhoDocumentsWhileKeysAreWrappedAnew has the key wrapped anew after it was
// opened and before what it seals is written.
func TestWhoDocumentsWhileKeysAreWrappedAnew(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.document(c.grey, "a", c.visit(c.ann, `{"a":1}`))
		v := vaulted(t)
		moved := c.server(v, c.Masters[0])
		elsewhere := c.server(&master{Master: c.Masters[0], onUnwrap: func(ctx context.Context) {
			if _, err := moved.Rewrap(ctx, auth.System, false); err != nil {
				t.Error(err)
			}
		}})
		e, err := elsewhere.Create(t.Context(), c.grey, c.visit(c.ann, `{"b":1}`))
		if err != nil {
			t.Fatal(err)
		}
		c.reads(moved, c.grey, e, `{"b":1}`)
		if got := c.wrappedBy(); got[v.name] != 1 {
			t.Errorf("wrapped by %v, want 1 by %s", got, v.name)
		}
	})
}

// TestTheMasterIsAskedOutsideOfTransactions lets every method meet a master that
// knows whether it is called within a closure.
func TestTheMasterIsAskedOutsideOfTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		asked := 0
		check := func(ctx context.Context) {
			asked++
			if err := db.View(ctx, func(context.Context, *sqldb.Tx) error { return nil }); err != nil {
				t.Errorf("the master is asked within a transaction: %v", err)
			}
		}
		m := &master{Master: c.Masters[0], onWrap: check, onUnwrap: check}
		e, err := c.server(m).Create(t.Context(), c.grey, c.visit(c.ann, `{}`))
		if err != nil {
			t.Fatal(err)
		}
		which := e.ID.String()
		for name, do := range map[string]func(ctx context.Context, s *encounters.Service) error{
			"create": func(ctx context.Context, s *encounters.Service) error { return create(ctx, s, c, e) },
			"read": func(ctx context.Context, s *encounters.Service) error {
				_, err := s.Encounter(ctx, c.grey, which)
				return err
			},
			"list": func(ctx context.Context, s *encounters.Service) error {
				_, err := s.Encounters(ctx, c.grey, encounters.Filter{}, page.Request{Limit: 10})
				return err
			},
			"versions": func(ctx context.Context, s *encounters.Service) error {
				_, err := s.Versions(ctx, c.grey, which, page.Request{Limit: 10})
				return err
			},
			"amend": func(ctx context.Context, s *encounters.Service) error {
				_, err := s.Amend(ctx, c.grey, which, "*", encounters.Change{Shared: new(true)})
				return err
			},
			"rewrap": func(ctx context.Context, s *encounters.Service) error {
				_, err := s.Rewrap(ctx, auth.System, true)
				return err
			},
		} {
			before := asked
			if err := do(t.Context(), c.server(m)); err != nil || asked == before {
				t.Errorf("%s: %v, and the master was asked %d times, want once at least", name, err, asked-before)
			}
		}
		s, before := c.server(m), asked
		for range 3 {
			c.reads(s, c.grey, e, `{}`)
		}
		if asked-before != 1 {
			t.Errorf("the master was asked %d times for three looks, want once", asked-before)
		}
	})
}

func TestADestroyedKeyIsNotServed(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.document(c.grey, "a", c.visit(c.ann, `{"a":1}`))
		c.reads(c.Service, c.grey, e, `{"a":1}`) // the key is known now
		sealed := func(ctx context.Context, tx *sqldb.Tx) ([]byte, error) {
			return sqldb.One(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
				err = r.Scan(&b)
				return b, err
			}, `SELECT sealed FROM encounter_versions WHERE encounter_id = $1`, e.ID.ID)
		}
		var charts []encounters.Chart
		var kept []byte
		view := func() {
			t.Helper()
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
				if charts, err = encounters.OfPatient(ctx, tx, c.grey, c.ann.UserID); err != nil {
					return err
				}
				kept, err = sealed(ctx, tx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		view()
		if len(charts) != 1 || len(kept) == 0 {
			t.Fatalf("%d charts and %d bytes, want one and some", len(charts), len(kept))
		}
		was := kept
		c.erase(c.ann)
		if view(); len(charts) != 0 || len(kept) != 0 {
			t.Errorf("%d charts and %d bytes that are sealed, want none", len(charts), len(kept))
		}
		// As if all but the key came back, from a backup say.
		c.exec(`UPDATE encounter_versions SET sealed = $1`, was)
		c.exec(`UPDATE patients SET erased_at = NULL`)
		c.exec(`UPDATE care_relations SET ended_at = NULL`)
		_, err := c.Encounter(t.Context(), c.grey, e.ID.String())
		wantErr(t, "read", err, encounters.ErrNotFound)
		list, err := c.Encounters(t.Context(), c.grey, encounters.Filter{}, page.Request{Limit: 10, Count: true})
		if err != nil || len(list.Items) != 0 || *list.Total != 0 {
			t.Errorf("list: %d of %d, %v, want none", len(list.Items), *list.Total, err)
		}
		if got, err := c.Create(t.Context(), c.grey, c.visit(c.ann, `{}`)); err == nil || got.ID != (id.Keyed{}) {
			t.Errorf("create: %v, %v, want an error", got.ID, err)
		}
		if view(); len(charts) != 0 {
			t.Errorf("%d charts, want none", len(charts))
		}
	})
}

// TestFirstEncountersAtOnceShareOneKey has a second first encounter made between
// the making of the first one's key and its transaction.
func TestFirstEncountersAtOnceShareOneKey(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var other encounters.Encounter
		s := c.server(&master{Master: c.Masters[0], onWrap: func(context.Context) {
			other = c.document(c.grey, "other", c.visit(c.ann, `{"other":1}`))
		}})
		e, err := s.Create(t.Context(), c.grey, c.visit(c.ann, `{"one":1}`))
		if err != nil {
			t.Fatalf("create with a key that is not the patient's: %v, want another try", err)
		}
		c.reads(c.Service, c.grey, other, `{"other":1}`)
		c.reads(c.Service, c.grey, e, `{"one":1}`)
		if n := c.count(`SELECT COUNT(*) FROM patient_keys WHERE patient_id = $1`, c.ann.UserID); n != 1 {
			t.Errorf("%d keys, want 1", n)
		}
	})
}

func TestFirstEncountersRace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				s, data := c.server(c.Masters[0]), fmt.Sprintf(`{"n":%d}`, i)
				e, err := s.Create(t.Context(), c.grey, c.visit(c.ann, data))
				if err != nil {
					t.Error(err)
					return
				}
				c.reads(c.Service, c.grey, e, data)
			})
		}
		wg.Wait()
		if n := c.count(`SELECT COUNT(*) FROM encounters`); n != 8 {
			t.Errorf("%d encounters, want 8", n)
		}
	})
}

// TestWhatIsSealedBelongsToItsRow moves what is stored behind the service's back.
func TestWhatIsSealedBelongsToItsRow(t *testing.T) {
	swap := func(table, column, key string, args ...any) func(c *clinic) {
		return func(c *clinic) {
			c.exec(fmt.Sprintf(`UPDATE %[1]s SET %[2]s = (SELECT o.%[2]s FROM %[1]s o WHERE o.%[3]s)`, table, column, key), args...)
		}
	}
	for _, tt := range []struct {
		name string
		do   func(c *clinic, a, b, bobs encounters.Encounter)
	}{
		{"an older version's", func(c *clinic, a, _, _ encounters.Encounter) {
			swap("encounter_versions", "sealed", "version = 1 AND o.encounter_id = $1", a.ID.ID)(c)
		}},
		{"another encounter's", func(c *clinic, _, b, _ encounters.Encounter) {
			if _, err := c.Amend(c.t.Context(), c.grey, b.ID.String(), "*", encounters.Change{}); err != nil {
				c.t.Fatal(err)
			}
			swap("encounter_versions", "sealed", "version = 2 AND o.encounter_id = $1", b.ID.ID)(c)
		}},
		{"another patient's, with the key", func(c *clinic, _, _, bobs encounters.Encounter) {
			swap("encounter_versions", "sealed", "encounter_id = $1", bobs.ID.ID)(c)
			swap("patient_keys", "wrapped", "patient_id = $1", c.bob.UserID)(c)
		}},
		{"another patient's key", func(c *clinic, a, _, _ encounters.Encounter) {
			swap("patient_keys", "wrapped", "patient_id = $1", c.bob.UserID)(c)
			wantErr(c.t, "create", create(c.t.Context(), c.server(c.Masters[0]), c, a), keyring.ErrSealed)
		}},
		{"a bit turned", func(c *clinic, _, _, _ encounters.Encounter) {
			c.exec(`UPDATE encounter_versions SET sealed = $1`, []byte("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				c := newClinic(t, db)
				a, b := c.document(c.grey, "a", c.visit(c.ann, `{"secret":1}`)), c.document(c.grey, "b", c.visit(c.ann, `{"secret":2}`))
				bobs := c.document(c.brown, "bobs", c.visit(c.bob, `{"secret":3}`))
				if _, err := c.Amend(t.Context(), c.grey, a.ID.String(), "*", encounters.Change{ClinicalData: new(phi.Of(`{"secret":4}`))}); err != nil {
					t.Fatal(err)
				}
				tt.do(c, a, b, bobs)
				for what, s := range map[string]*encounters.Service{"the same server": c.Service, "another server": c.server(c.Masters[0])} {
					e, err := s.Encounter(t.Context(), c.grey, a.ID.String())
					if !errors.Is(err, keyring.ErrSealed) || e.ClinicalData.Present() {
						t.Errorf("%s: read: %v, with data: %v, want %v without", what, err, e.ClinicalData.Present(), keyring.ErrSealed)
					}
					list, err := s.Encounters(t.Context(), c.grey, encounters.Filter{}, page.Request{Limit: 10})
					if !errors.Is(err, keyring.ErrSealed) || len(list.Items) != 0 {
						t.Errorf("%s: list: %d, %v, want %v", what, len(list.Items), err, keyring.ErrSealed)
					}
					versions, err := s.Versions(t.Context(), c.grey, a.ID.String(), page.Request{Limit: 10})
					if !errors.Is(err, keyring.ErrSealed) || len(versions.Items) != 0 {
						t.Errorf("%s: versions: %d, %v, want %v", what, len(versions.Items), err, keyring.ErrSealed)
					}
					_, err = s.Amend(t.Context(), c.grey, a.ID.String(), "*", encounters.Change{Shared: new(true)})
					wantErr(t, what+": amend", err, keyring.ErrSealed)
				}
			})
		})
	}
}

func TestNothingClinicalIsInClear(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.document(c.grey, "a", c.visit(c.ann, `{"secret":"fracture"}`))
		c.open(c.brown, c.ann)
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for query, words := range map[string][]string{
				`SELECT sealed FROM encounter_versions`: {"secret", "fracture"},
				`SELECT reason FROM emergency_access`:   {"unconscious"},
			} {
				all, err := sqldb.All(ctx, tx, func(r sqldb.Row) (b []byte, err error) {
					err = r.Scan(&b)
					return b, err
				}, query)
				if err != nil || len(all) != 1 || len(all[0]) == 0 {
					t.Errorf("%s: %d rows, %v, want one", query, len(all), err)
				}
				for _, word := range words {
					if bytes.Contains(bytes.Join(all, nil), []byte(word)) {
						t.Errorf("%s: holds %q in clear", query, word)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
