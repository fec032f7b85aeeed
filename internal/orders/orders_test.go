package orders_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestAnOrderIsPlacedForAnyUser(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, of := range []auth.Actor{c.ann, c.grey, c.admin} {
			n := kit(of)
			n.Kit, n.Shipping.Name, n.Shipping.Line2, n.Shipping.Region = orders.Targeted, phi.Of(" Ann Lee "), phi.Of("c/o Lee"), phi.Of("NY")
			made, err := c.Place(t.Context(), c.admin, n)
			if err != nil {
				t.Fatal(err)
			}
			o, err := c.Order(t.Context(), of, made.ID.String())
			if err != nil || o.ID != made.ID || o.User() != of.UserID || o.Kit != orders.Targeted || o.Status != orders.Placed || o.CreatedBy != c.admin.UserID ||
				!o.CreatedAt.Equal(sqltest.Start) || !o.UpdatedAt.Equal(sqltest.Start) || o.Version != 1 || o.ETag() != made.ETag() {
				t.Errorf("placed for a %s: %+v, %v", of.Role, o, err)
			}
			for _, a := range []orders.Address{made.Shipping, o.Shipping} {
				got := []string{a.Name.Reveal(), a.Line1.Reveal(), a.Line2.Reveal(), a.City.Reveal(), a.Region.Reveal(), a.PostalCode.Reveal(), a.Country.Reveal()}
				if want := []string{"Ann Lee", street, "c/o Lee", "New York", "NY", "10001", "US"}; !slices.Equal(got, want) {
					t.Errorf("it goes to %q, want %q", got, want)
				}
			}
		}
	})
}

// TestOnlyTheseWaysLeadOn tries each step from each status.
func TestOnlyTheseWaysLeadOn(t *testing.T) {
	legal := map[orders.Status][]orders.Status{
		orders.Placed:         {orders.Dispatched, orders.Cancelled},
		orders.Dispatched:     {orders.SampleReceived, orders.Cancelled},
		orders.SampleReceived: {orders.Completed},
		orders.Completed:      nil,
		orders.Cancelled:      nil,
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for from, ways := range legal {
			for to, move := range c.moves() {
				before := c.standing(c.ann, from)
				sqltest.ClockOf(db).Advance(time.Minute)
				got, err := move(t.Context(), c.admin, before.ID.String())
				after, failed := c.Order(t.Context(), c.admin, before.ID.String())
				if failed != nil {
					t.Fatal(failed)
				}
				switch {
				case from == to: // a repeat
					if err != nil || got.ETag() != before.ETag() || !got.UpdatedAt.Equal(before.UpdatedAt) || got.Status != to || after.Version != before.Version {
						t.Errorf("%s again = %+v, %v, want what it was", to, got, err)
					}
				case slices.Contains(ways, to):
					if err != nil || got.Status != to || got.Version != before.Version+1 || !got.UpdatedAt.Equal(db.Now()) || got.Shipping.Line1.Reveal() != street {
						t.Errorf("%s to %s = %+v, %v", from, to, got, err)
					}
					if after.Status != to || after.ETag() != got.ETag() || !after.UpdatedAt.Equal(got.UpdatedAt) {
						t.Errorf("%s to %s is kept as %+v, answered as %+v", from, to, after, got)
					}
				default:
					if !errors.Is(err, orders.ErrTransition) || after.Status != from || after.Version != before.Version {
						t.Errorf("%s to %s = %v, and is %s then; want ErrTransition and no change", from, to, err, after.Status)
					}
				}
			}
		}
	})
}

// TestOfTwoMovesAtOnceOneIsMade races a sample that comes and an admin who cancels.
func TestOfTwoMovesAtOnceOneIsMade(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for round := range 20 {
			o := c.standing(c.ann, orders.Dispatched)
			moves := []move{c.Receive, c.Cancel, c.Receive, c.Cancel}
			var mu sync.Mutex
			var won []orders.Status
			var wg sync.WaitGroup
			for _, move := range moves {
				wg.Go(func() {
					got, err := move(t.Context(), c.admin, o.ID.String())
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, got.Status)
					} else if !errors.Is(err, orders.ErrTransition) {
						t.Errorf("round %d: %v, want ErrTransition", round, err)
					}
				})
			}
			wg.Wait()
			after, err := c.Order(t.Context(), c.admin, o.ID.String())
			if err != nil || len(won) != 2 || won[0] != won[1] || after.Status != won[0] || after.Version != o.Version+1 {
				t.Fatalf("round %d: %v were answered, %+v stands, %v; want one status, twice, and one change", round, won, after, err)
			}
		}
	})
}

func TestWrongOrdersAreNamedByTheirFields(t *testing.T) {
	type change func(*orders.NewOrder)
	long := func(n int) phi.Value[string] { return phi.Of(strings.Repeat("é", n)) }
	none := phi.Value[string]{}
	tests := map[string][]change{
		"kit_type": {func(n *orders.NewOrder) { n.Kit = "" }, func(n *orders.NewOrder) { n.Kit = "ancestry" }},
		"notification_channel": {
			func(n *orders.NewOrder) { n.Channel = "fax" }, func(n *orders.NewOrder) { n.Channel = "outbox" }, func(n *orders.NewOrder) { n.Channel = "off" },
		},
		"shipping.name": {
			func(n *orders.NewOrder) { n.Shipping.Name = none }, func(n *orders.NewOrder) { n.Shipping.Name = phi.Of("  ") },
			func(n *orders.NewOrder) { n.Shipping.Name = long(201) }, func(n *orders.NewOrder) { n.Shipping.Name = phi.Of("Ann\nLee") },
		},
		"shipping.line1":  {func(n *orders.NewOrder) { n.Shipping.Line1 = none }, func(n *orders.NewOrder) { n.Shipping.Line1 = phi.Of("a\x00") }},
		"shipping.line2":  {func(n *orders.NewOrder) { n.Shipping.Line2 = long(201) }, func(n *orders.NewOrder) { n.Shipping.Line2 = phi.Of("\x1bx") }},
		"shipping.city":   {func(n *orders.NewOrder) { n.Shipping.City = none }, func(n *orders.NewOrder) { n.Shipping.City = long(101) }},
		"shipping.region": {func(n *orders.NewOrder) { n.Shipping.Region = long(101) }, func(n *orders.NewOrder) { n.Shipping.Region = phi.Of("\xff") }},
		"shipping.postal_code": {
			func(n *orders.NewOrder) { n.Shipping.PostalCode = none }, func(n *orders.NewOrder) { n.Shipping.PostalCode = long(21) },
		},
		"shipping.country": {
			func(n *orders.NewOrder) { n.Shipping.Country = none }, func(n *orders.NewOrder) { n.Shipping.Country = phi.Of("XX") },
			func(n *orders.NewOrder) { n.Shipping.Country = phi.Of("us") }, func(n *orders.NewOrder) { n.Shipping.Country = phi.Of("USA") },
			func(n *orders.NewOrder) { n.Shipping.Country = phi.Of("UK") },
		},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for field, changes := range tests {
			for i, change := range changes {
				n := kit(c.ann)
				change(&n)
				_, err := c.Place(t.Context(), c.admin, n)
				e := errs.As(err)
				if !errors.Is(err, orders.ErrInvalidOrder) || len(e.Fields) != 1 || e.Fields[field] == "" {
					t.Errorf("%s, case %d: %v, want a word on it", field, i, err)
				}
			}
		}
		longest := kit(c.ann)
		longest.Shipping = orders.Address{Name: long(200), Line1: long(200), Line2: long(200), City: long(100), Region: long(100), PostalCode: long(20), Country: phi.Of("NP")}
		if _, err := c.Place(t.Context(), c.admin, longest); err != nil {
			t.Errorf("the longest address: %v", err)
		}
		if p, err := c.Orders(t.Context(), c.admin, orders.Filter{}, page.Request{Limit: 10}); err != nil || len(p.Items) != 1 {
			t.Errorf("%d orders, %v, want one: no wrong one is kept", len(p.Items), err)
		}
		if told := c.told(); len(told) != 1 {
			t.Errorf("%d messages, want one: nobody is told of a wrong one", len(told))
		}
	})
}

func TestWhoSeesAndMovesOrders(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := t.Context()
		first, second, third := c.placed(c.ann), c.placed(c.bob), c.placed(c.ann)
		if _, err := c.Dispatch(ctx, c.admin, second.ID.String()); err != nil {
			t.Fatal(err)
		}
		auditor := auth.Actor{UserID: id.New(), Role: auth.Auditor}
		ids := func(all []orders.Order) (list []id.Keyed) {
			for _, o := range all {
				list = append(list, o.ID)
			}
			return list
		}
		for _, tt := range []struct {
			by   auth.Actor
			f    orders.Filter
			want []id.Keyed
		}{
			{c.admin, orders.Filter{}, []id.Keyed{third.ID, second.ID, first.ID}},
			{c.admin, orders.Filter{User: c.ann.UserID.String()}, []id.Keyed{third.ID, first.ID}},
			{c.admin, orders.Filter{Status: orders.Dispatched}, []id.Keyed{second.ID}},
			{c.admin, orders.Filter{User: c.ann.UserID.String(), Status: orders.Dispatched}, nil},
			{c.admin, orders.Filter{User: "nobody"}, nil},
			{c.ann, orders.Filter{}, []id.Keyed{third.ID, first.ID}},
			{c.ann, orders.Filter{User: c.bob.UserID.String()}, nil},
			{c.bob, orders.Filter{}, []id.Keyed{second.ID}},
			{c.grey, orders.Filter{}, nil},
			{auditor, orders.Filter{}, nil},
		} {
			p, err := c.Orders(ctx, tt.by, tt.f, page.Request{Limit: 10, Count: true})
			if err != nil || !slices.Equal(ids(p.Items), tt.want) || *p.Total != len(tt.want) {
				t.Errorf("%s with %+v lists %v of %v, %v, want %v", tt.by.Role, tt.f, ids(p.Items), p.Total, err, tt.want)
			}
			for _, o := range p.Items {
				if o.Shipping.Line1.Reveal() != street {
					t.Error("an order of the list goes nowhere")
				}
			}
		}
		var paged []id.Keyed
		for req := (page.Request{Limit: 1}); ; {
			p, err := c.Orders(ctx, c.admin, orders.Filter{}, req)
			if err != nil {
				t.Fatal(err)
			}
			paged = append(paged, ids(p.Items)...)
			if req.After = p.Next; req.After == "" {
				break
			}
		}
		if !slices.Equal(paged, []id.Keyed{third.ID, second.ID, first.ID}) {
			t.Errorf("page by page: %v", paged)
		}
		if _, err := c.Orders(ctx, c.admin, orders.Filter{}, page.Request{Limit: 1, After: "x"}); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a position that is none: %v", err)
		}
		of, err := c.OfUsers(ctx, c.admin, []uuid.UUID{c.ann.UserID, c.bob.UserID, c.grey.UserID})
		if err != nil || len(of) != 2 || !slices.Equal(ids(of[c.ann.UserID]), []id.Keyed{third.ID, first.ID}) || !of[c.bob.UserID][0].Shipping.Line1.IsZero() {
			t.Errorf("of users: %v, %v, want Ann's and Bob's, without where they go", of, err)
		}
		if of, err := c.OfUsers(ctx, c.ann, []uuid.UUID{c.ann.UserID, c.bob.UserID}); err != nil || len(of) != 1 || len(of[c.ann.UserID]) != 2 {
			t.Errorf("of users, for Ann: %v, %v, want her own", of, err)
		}

		for _, by := range []auth.Actor{c.ann, c.grey, auditor} {
			for _, unknown := range []string{second.ID.String(), id.NewKeyed(c.ann.UserID).String(), "x"} {
				if _, err := c.Order(ctx, by, unknown); !errors.Is(err, orders.ErrNotFound) {
					t.Errorf("another's order to a %s: %v, want ErrNotFound", by.Role, err)
				}
			}
			for to, move := range c.moves() {
				if _, err := move(ctx, by, first.ID.String()); !errors.Is(err, auth.ErrForbidden) {
					t.Errorf("%s by a %s: %v, want ErrForbidden", to, by.Role, err)
				}
			}
			if _, err := c.Place(ctx, by, kit(by)); !errors.Is(err, auth.ErrForbidden) {
				t.Errorf("placed by a %s: %v, want ErrForbidden", by.Role, err)
			}
		}
		for _, unknown := range []string{id.NewKeyed(c.ann.UserID).String(), id.NewKeyed(id.New()).String(), "x"} {
			if _, err := c.Dispatch(ctx, c.admin, unknown); !errors.Is(err, orders.ErrNotFound) {
				t.Errorf("dispatched what is not there: %v, want ErrNotFound", err)
			}
		}
		for _, nobody := range []string{id.New().String(), "x", ""} {
			n := orders.NewOrder{User: nobody} // who is unknown comes before what is wrong
			if _, err := c.Place(ctx, c.admin, n); !errors.Is(err, directory.ErrUserNotFound) {
				t.Errorf("placed for nobody: %v, want ErrUserNotFound", err)
			}
		}
		if o, err := c.Order(ctx, c.admin, first.ID.String()); err != nil || o.Status != orders.Placed {
			t.Errorf("after all that: %+v, %v, want it placed", o, err)
		}
	})
}

// TestDeedsLooksAndRefusalsAreOnRecord compares the trail with what was done.
func TestDeedsLooksAndRefusalsAreOnRecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := t.Context()
		anns, greys := c.placed(c.ann), c.placed(c.grey)
		a, g := anns.ID.String(), greys.ID.String()
		for _, move := range []move{c.Dispatch, c.Dispatch, c.Complete} { // the last is illegal
			_, _ = move(ctx, c.admin, a)
		}
		_, _ = c.Cancel(ctx, c.admin, g)
		_, _ = c.Order(ctx, c.ann, a) // one's own
		_, _ = c.Order(ctx, c.grey, g)
		_, _ = c.Orders(ctx, c.ann, orders.Filter{}, page.Request{Limit: 5})
		_, _ = c.Order(ctx, c.admin, a)
		_, _ = c.Orders(ctx, c.admin, orders.Filter{}, page.Request{Limit: 5})
		_, _ = c.OfUsers(ctx, c.admin, []uuid.UUID{c.ann.UserID})
		_, _ = c.OfUsers(ctx, c.ann, []uuid.UUID{c.ann.UserID})
		_, _ = c.Order(ctx, c.bob, a)
		_, _ = c.Cancel(ctx, c.bob, a)
		_, _ = c.Place(ctx, c.bob, kit(c.bob))
		_, _ = c.Place(ctx, c.admin, orders.NewOrder{User: id.New().String()})
		_, _ = c.Receive(ctx, c.admin, "x")
		nothing := id.NewKeyed(c.ann.UserID).String()
		_, _ = c.Receive(ctx, c.admin, nothing)

		type record struct {
			Action, Resource, Outcome string
			Count                     int
			By                        uuid.UUID
			Patients                  []uuid.UUID
		}
		ann := []uuid.UUID{c.ann.UserID}
		want := []record{
			{"order.place", a, audit.Success, 1, c.admin.UserID, ann},
			{"order.place", g, audit.Success, 1, c.admin.UserID, nil},
			{"order.dispatch", a, audit.Success, 1, c.admin.UserID, ann},
			{"order.dispatch", a, audit.Success, 1, c.admin.UserID, ann},
			{"order.cancel", g, audit.Success, 1, c.admin.UserID, nil},
			{"order.read", a, audit.Success, 1, c.admin.UserID, ann},
			{"order.list", "", audit.Success, 2, c.admin.UserID, ann},
			{"order.list", "", audit.Success, 1, c.admin.UserID, ann},
			{"order.read", a, audit.Denied, 1, c.bob.UserID, nil},
			{"order.cancel", "", audit.Denied, 1, c.bob.UserID, nil},
			{"order.place", "", audit.Denied, 1, c.bob.UserID, nil},
			{"order.place", "", audit.Denied, 1, c.admin.UserID, nil},
			{"order.receive", "", audit.Denied, 1, c.admin.UserID, nil},
			{"order.receive", nothing, audit.Denied, 1, c.admin.UserID, nil},
		}
		var got []record
		for _, e := range c.trail() {
			got = append(got, record{e.Action, e.ResourceID, e.Outcome, e.Count, e.Actor, e.Patients})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the trail (-want +got):\n%s", diff)
		}
	})
}

// TestWhereAKitGoesIsSealedAndTied looks for it in the row, and puts it into another's.
func TestWhereAKitGoesIsSealedAndTied(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		first, second := c.placed(c.ann), c.placed(c.ann)
		stored := c.sealed(first)
		if len(stored) == 0 || bytes.Contains(stored, []byte(street)) || bytes.Contains(stored, []byte("New York")) {
			t.Errorf("it is stored as %q, want it sealed", stored)
		}
		c.update(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE orders SET shipping = $1 WHERE user_id = $2 AND id = $3`, stored, second.ID.Lead, second.ID.ID)
			return err
		})
		if o, err := c.Order(t.Context(), c.ann, second.ID.String()); err == nil {
			t.Errorf("what was sealed for another order is read as %q", o.Shipping.Line1.Reveal())
		}
		if o, err := c.Order(t.Context(), c.ann, first.ID.String()); err != nil || o.Shipping.Line1.Reveal() != street {
			t.Errorf("where it belongs: %v", err)
		}
	})
}

// TestWhoIsErasedHasNoAddressAnyMore: what was ordered stays, and nothing more is.
func TestWhoIsErasedHasNoAddressAnyMore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		anns, bobs := c.placed(c.ann), c.placed(c.bob)
		c.update(func(ctx context.Context, tx *sqldb.Tx) error { return erase(ctx, tx, c.ann.UserID) })
		o, err := c.Order(t.Context(), c.admin, anns.ID.String())
		if err != nil || c.sealed(anns) != nil || !o.Shipping.Name.IsZero() || o.Status != orders.Placed || o.ETag() == anns.ETag() {
			t.Errorf("Ann's order: %+v, %v, want it without where it goes", o, err)
		}
		if o, err = c.Cancel(t.Context(), c.admin, anns.ID.String()); err != nil || o.Status != orders.Cancelled {
			t.Errorf("cancelled: %+v, %v", o, err)
		}
		if o, err := c.Order(t.Context(), c.admin, bobs.ID.String()); err != nil || o.Shipping.Line1.Reveal() != street {
			t.Errorf("Bob's order: %+v, %v, want it whole", o, err)
		}
		if _, err := c.Place(t.Context(), c.admin, kit(c.ann)); !errors.Is(err, directory.ErrUserNotFound) {
			t.Errorf("placed for who is erased: %v, want ErrUserNotFound", err)
		}
	})
}

// TestNobodyIsOrderedForWhileTheyAreErased places an order between the steps of
// an erasure: it waits, and then there is nobody.
func TestNobodyIsOrderedForWhileTheyAreErased(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		locks := make(chan struct{}, 8)
		db.Observe = func(_ context.Context, statement string) error {
			if strings.HasPrefix(statement, "SELECT patient_id FROM patients") {
				locks <- struct{}{}
			}
			return nil
		}
		placed := make(chan error, 1)
		c.update(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := directory.LockPatient(ctx, tx, c.ann.UserID); err != nil {
				return err
			}
			<-locks
			if err := orders.Forget(ctx, tx, c.ann.UserID); err != nil {
				return err
			}
			go func() {
				_, err := c.Place(t.Context(), c.admin, kit(c.ann))
				placed <- err
			}()
			if db.Engine() == sqldb.Postgres { // SQLite's writer lets nobody else begin
				select {
				case <-locks:
				case err := <-placed:
					placed <- err
				}
			}
			return directory.Forget(ctx, tx, c.ann.UserID)
		})
		if err := <-placed; !errors.Is(err, directory.ErrUserNotFound) {
			t.Errorf("placed = %v, want ErrUserNotFound", err)
		}
	})
}
