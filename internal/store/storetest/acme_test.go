package storetest_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/store"
)

var _ acme.Storage = (*store.DB)(nil)

// client is an ACME account at a credential of a world.
type client struct {
	*world
	credential *core.Credential
	account    *core.ACMEAccount
}

func (w *world) client(t *testing.T, label string) *client {
	t.Helper()
	n := w.draft(label)
	n.Type = core.CredentialACME
	_, c := w.make(t, n)
	x := &client{world: w, credential: c, account: w.acmeAccount(c, "thumb-"+label)}
	w.tx(t, func(ctx ctxT, tx core.Tx) error {
		fresh, err := w.db.InsertACMEAccount(ctx, tx, x.account)
		if err == nil && !fresh {
			err = errors.New("the account is there already")
		}
		return err
	})
	return x
}

func (w *world) acmeAccount(c *core.Credential, thumbprint string) *core.ACMEAccount {
	now := w.Clock.Now()
	return &core.ACMEAccount{ID: core.NewID[core.ACMEAccountID](now), Account: c.Account, Credential: c.ID, State: core.ACMEAccountValid,
		Key: []byte(`{"kty":"EC"}`), Thumbprint: thumbprint, Contacts: []string{"mailto:a@a.example", `mailto:"b c"@a.example`}, Terms: true,
		External: "kid", Address: "192.0.2.1", CreatedAt: now, UpdatedAt: now}
}

func (c *client) authorization(name string) *core.Authorization {
	now := c.Clock.Now()
	return &core.Authorization{ID: core.NewID[core.AuthorizationID](now), Account: c.credential.Account, Credential: c.credential.ID, ACMEAccount: c.account.ID,
		Identifier: core.Identifier{Type: core.IdentifierDNS, Value: name}, State: core.AuthorizationPending,
		Challenges: []core.Challenge{{Method: core.MethodHTTP01, State: core.ChallengePending, Token: "t"}, {Method: core.MethodDNS01, State: core.ChallengeInvalid,
			Failure: &core.Failure{Code: "dns", Detail: "no"}, Records: []core.Record{{At: now, Asked: "TXT", Answer: "x"}}, KeyHash: []byte{1}}},
		ExpiresAt: now.Add(time.Hour), Version: 1, CreatedAt: now, UpdatedAt: now}
}

// order makes an order with new authorizations for the names.
func (c *client) order(names ...string) (*core.ACMEOrder, []*core.Authorization) {
	now := c.Clock.Now()
	o := &core.ACMEOrder{ID: core.NewID[core.ACMEOrderID](now), Account: c.credential.Account, Credential: c.credential.ID, ACMEAccount: c.account.ID,
		State: core.ACMEOrderPending, Product: c.product.ID, Profile: "tls", Wish: "wish", ExpiresAt: now.Add(time.Hour), CreatedAt: now, UpdatedAt: now}
	var fresh []*core.Authorization
	for _, n := range names {
		a := c.authorization(n)
		fresh = append(fresh, a)
		o.Authorizations = append(o.Authorizations, a.ID)
		o.Identifiers = append(o.Identifiers, a.Identifier)
	}
	return o, fresh
}

func (c *client) insert(t *testing.T, o *core.ACMEOrder, fresh ...*core.Authorization) {
	t.Helper()
	c.tx(t, func(ctx ctxT, tx core.Tx) error { return c.db.InsertACMEOrder(ctx, tx, o, fresh) })
}

func (c *client) read(t *testing.T, id core.ACMEOrderID) *core.ACMEOrder {
	t.Helper()
	o, err := c.db.ACMEOrder(t.Context(), c.credential.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestACMEAccounts(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c, other := w.client(t, "one"), w.client(t, "two")
		db, a := w.db, c.account
		got, err := db.ACMEAccount(t.Context(), c.credential.ID, a.ID)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Fatalf("read back %+v, want %+v (%v)", got, a, err)
		}
		if got, err = db.ACMEAccountByKey(t.Context(), c.credential.ID, a.Thumbprint); err != nil || got.ID != a.ID {
			t.Fatalf("by key: %+v %v", got, err)
		}
		_, err = db.ACMEAccount(t.Context(), other.credential.ID, a.ID)
		wantKind(t, err, core.KindNotFound, "account of another credential")
		_, err = db.ACMEAccountByKey(t.Context(), other.credential.ID, a.Thumbprint)
		wantKind(t, err, core.KindNotFound, "key of another credential")
		_, err = db.FindACMEAccount(t.Context(), "other", a.ID)
		wantKind(t, err, core.KindNotFound, "account of another tenant")

		var again bool
		second := w.acmeAccount(c.credential, "second")
		w.tx(t, func(ctx ctxT, tx core.Tx) (err error) {
			if again, err = db.InsertACMEAccount(ctx, tx, w.acmeAccount(c.credential, a.Thumbprint)); err == nil {
				_, err = db.InsertACMEAccount(ctx, tx, second)
			}
			return err
		})
		if again {
			t.Error("a second account with the same key")
		}
		update := func(from core.ACMEAccountState, thumbprint string, f func(*core.ACMEAccount)) error {
			x := *a
			f(&x)
			return db.InTx(t.Context(), func(ctx ctxT, tx core.Tx) error { return db.UpdateACMEAccount(ctx, tx, &x, from, thumbprint) })
		}
		wantKind(t, update(core.ACMEAccountValid, a.Thumbprint, func(x *core.ACMEAccount) { x.Thumbprint = "second" }), core.KindExists, "key of another")
		wantKind(t, update(core.ACMEAccountValid, "x", func(*core.ACMEAccount) {}), core.KindConflict, "key changed")
		if err := update(core.ACMEAccountValid, a.Thumbprint, func(x *core.ACMEAccount) {
			x.Thumbprint, x.Key, x.Contacts, x.Terms, x.State = "third", []byte("{}"), nil, false, core.ACMEAccountDeactivated
		}); err != nil {
			t.Fatal(err)
		}
		got, err = db.FindACMEAccount(t.Context(), a.Account, a.ID)
		if err != nil || got.Thumbprint != "third" || got.Contacts != nil || got.Terms || got.State != core.ACMEAccountDeactivated || string(got.Key) != "{}" {
			t.Fatalf("changed %+v %v", got, err)
		}
		set := func(from, to core.ACMEAccountState) error {
			return db.InTx(t.Context(), func(ctx ctxT, tx core.Tx) error {
				return db.SetACMEAccountState(ctx, tx, a.Account, second.ID, from, to)
			})
		}
		count := func() (n int) {
			w.tx(t, func(ctx ctxT, tx core.Tx) (err error) {
				n, err = db.CountACMEAccounts(ctx, tx, c.credential.ID)
				return err
			})
			return n
		}
		if n := count(); n != 1 {
			t.Errorf("%d valid accounts", n)
		}
		wantKind(t, set(core.ACMEAccountValid, core.ACMEAccountRevoked), "", "revoke")
		wantKind(t, set(core.ACMEAccountValid, core.ACMEAccountRevoked), core.KindConflict, "revoke twice")
		if n := count(); n != 0 {
			t.Errorf("%d valid accounts after revocation", n)
		}
	})
}

func TestACMEOrders(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c, other := w.client(t, "one"), w.client(t, "two")
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		o, fresh := c.order("a.example", "b.example")
		o.NotBefore, o.NotAfter, o.Replaces = now.Add(time.Hour), now.Add(2*time.Hour), "old"
		c.insert(t, o, fresh...)
		if got := c.read(t, o.ID); !reflect.DeepEqual(got, o) {
			t.Fatalf("read back\n%+v\n%+v", got, o)
		}
		_, err := db.ACMEOrder(ctx, other.credential.ID, o.ID)
		wantKind(t, err, core.KindNotFound, "order of another credential")
		_, err = db.FindACMEOrder(ctx, "other", o.ID)
		wantKind(t, err, core.KindNotFound, "order of another tenant")
		if got, err := db.Authorization(ctx, c.credential.ID, fresh[1].ID); err != nil || !reflect.DeepEqual(got, fresh[1]) {
			t.Fatalf("authorization\n%+v\n%+v %v", got, fresh[1], err)
		}
		if got, err := db.OpenACMEOrder(ctx, c.account.ID, "wish", now); err != nil || got.ID != o.ID {
			t.Errorf("open order %+v %v", got, err)
		}
		_, err = db.OpenACMEOrder(ctx, c.account.ID, "wish", o.ExpiresAt)
		wantKind(t, err, core.KindNotFound, "expired order")
		_, err = db.OpenACMEOrder(ctx, other.account.ID, "wish", now)
		wantKind(t, err, core.KindNotFound, "open order of another account")

		replaced := func(except core.ACMEOrderID, at time.Time) (yes bool) {
			w.tx(t, func(ctx ctxT, tx core.Tx) (err error) {
				yes, err = db.ACMEReplaced(ctx, tx, "old", except, at)
				return err
			})
			return yes
		}
		if !replaced("", now) || replaced(o.ID, now) || replaced("", o.ExpiresAt) {
			t.Error("which orders replace a certificate")
		}
		next := *o
		next.State, next.CSR, next.Order, next.Certificate = core.ACMEOrderValid, []byte{1}, "order", "cert"
		next.Problem = &core.ACMEProblem{Type: "x", Detail: "y", About: []core.Reason{{Detail: "z"}}}
		update := func(from core.ACMEOrderState) error {
			return db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return db.UpdateACMEOrder(ctx, tx, &next, from) })
		}
		wantKind(t, update(core.ACMEOrderReady), core.KindConflict, "order in another state")
		wantKind(t, update(core.ACMEOrderPending), "", "update")
		if got, err := db.ACMEOrderByCertificate(ctx, o.Account, "cert"); err != nil || !reflect.DeepEqual(got, &next) {
			t.Errorf("by certificate %+v %v", got, err)
		}
		_, err = db.OpenACMEOrder(ctx, c.account.ID, "wish", now)
		wantKind(t, err, core.KindNotFound, "finished order")

		var ids []core.ACMEOrderID
		for range 5 {
			w.Clock.Advance(time.Minute)
			x, fresh := c.order("c.example")
			c.insert(t, x, fresh...)
			ids = append(ids, x.ID)
		}
		slices.Reverse(ids)
		page, err := db.ACMEOrdersOf(ctx, c.account.ID, "", w.Clock.Now(), 4)
		if err != nil || !slices.Equal(page, ids[:4]) {
			t.Errorf("first page %v of %v, %v", page, ids, err)
		}
		if page, err = db.ACMEOrdersOf(ctx, c.account.ID, page[3], w.Clock.Now(), 4); err != nil || !slices.Equal(page, []core.ACMEOrderID{ids[4], o.ID}) {
			t.Errorf("second page %v, %v", page, err)
		}
		if page, err = db.ACMEOrdersOf(ctx, c.account.ID, "", w.Clock.Now().Add(24*time.Hour), 9); err != nil || !slices.Equal(page, []core.ACMEOrderID{o.ID}) {
			t.Errorf("with expired ones %v, %v", page, err)
		}
		for _, tc := range []struct {
			since time.Time
			n     int
		}{{now, 6}, {now.Add(time.Minute), 5}, {now.Add(time.Minute + time.Microsecond), 4}, {now.Add(time.Hour), 0}} {
			n, oldest, err := db.CountACMEOrders(ctx, c.account.ID, tc.since)
			if err != nil || n != tc.n || (n > 0) == oldest.IsZero() || (n > 0 && oldest.Before(tc.since)) {
				t.Errorf("since %v: %d orders, oldest %v, %v", tc.since, n, oldest, err)
			}
		}
	})
}

func TestSettleACMEOrders(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one")
		o, fresh := c.order("a.example", "b.example")
		c.insert(t, o, fresh...)
		single, _ := c.order()
		single.Authorizations, single.Identifiers = []core.AuthorizationID{fresh[0].ID, fresh[0].ID}, []core.Identifier{fresh[0].Identifier}
		c.insert(t, single)
		settle := func(a *core.Authorization, problem *core.ACMEProblem) {
			t.Helper()
			a.State = core.AuthorizationValid
			w.tx(t, func(ctx ctxT, tx core.Tx) error {
				if err := w.db.UpdateAuthorization(ctx, tx, a); err != nil {
					return err
				}
				return w.db.SettleACMEOrders(ctx, tx, a.ID, problem, w.Clock.Now())
			})
		}
		settle(fresh[0], nil)
		if a, b := c.read(t, o.ID).State, c.read(t, single.ID).State; a != core.ACMEOrderPending || b != core.ACMEOrderReady {
			t.Errorf("after one of two: %s and %s", a, b)
		}
		settle(fresh[1], nil)
		if s := c.read(t, o.ID).State; s != core.ACMEOrderReady {
			t.Errorf("after both: %s", s)
		}
		bad, failing := c.order("d.example")
		c.insert(t, bad, failing...)
		settle(failing[0], &core.ACMEProblem{Type: "unauthorized", Detail: "no"})
		if got := c.read(t, bad.ID); got.State != core.ACMEOrderInvalid || got.Problem == nil || got.Problem.Type != "unauthorized" {
			t.Errorf("failed %+v", got)
		}
		if s := c.read(t, o.ID).State; s != core.ACMEOrderReady {
			t.Errorf("another's failure: %s", s)
		}
	})
}

// TestSettleAtOnce: the last two authorizations of an order become valid at the
// same time.
func TestSettleAtOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one")
		for range 20 {
			o, fresh := c.order("a.example", "b.example")
			c.insert(t, o, fresh...)
			var g sync.WaitGroup
			for _, a := range fresh {
				g.Go(func() {
					a.State = core.AuthorizationValid
					if err := w.db.InTx(context.Background(), func(ctx ctxT, tx core.Tx) error {
						if err := w.db.UpdateAuthorization(ctx, tx, a); err != nil {
							return err
						}
						return w.db.SettleACMEOrders(ctx, tx, a.ID, nil, w.Clock.Now())
					}); err != nil {
						t.Error(err)
					}
				})
			}
			g.Wait()
			if s := c.read(t, o.ID).State; s != core.ACMEOrderReady {
				t.Fatalf("the order is %s", s)
			}
		}
	})
}

func TestAuthorizations(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c, other := w.client(t, "one"), w.client(t, "two")
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		a, b, ip := c.authorization("a.example"), c.authorization("b.example"), c.authorization("192.0.2.1")
		ip.Identifier.Type, b.ExpiresAt, ip.Challenges = core.IdentifierIP, now.Add(time.Minute), nil
		w.tx(t, func(ctx ctxT, tx core.Tx) error {
			return errors.Join(db.InsertAuthorization(ctx, tx, a), db.InsertAuthorization(ctx, tx, b), db.InsertAuthorization(ctx, tx, ip))
		})
		_, err := db.Authorization(ctx, other.credential.ID, a.ID)
		wantKind(t, err, core.KindNotFound, "authorization of another credential")
		_, err = db.FindAuthorization(ctx, "other", a.ID)
		wantKind(t, err, core.KindNotFound, "authorization of another tenant")
		if got, err := db.Authorizations(ctx, []core.AuthorizationID{a.ID, ip.ID, "none"}); err != nil || len(got) != 2 {
			t.Errorf("several: %v %v", got, err)
		}
		all := []core.Identifier{a.Identifier, b.Identifier, ip.Identifier, {Type: "dns", Value: "192.0.2.1"}}
		usable := func(account core.ACMEAccountID, at time.Time, ids ...core.Identifier) int {
			got, err := db.UsableAuthorizations(ctx, account, ids, at)
			if err != nil {
				t.Error(err)
			}
			return len(got)
		}
		if n := usable(c.account.ID, now, all...); n != 3 {
			t.Errorf("%d usable", n)
		}
		if usable(c.account.ID, now, a.Identifier) != 1 || usable(c.account.ID, now) != 0 || usable(other.account.ID, now, all...) != 0 ||
			usable(c.account.ID, b.ExpiresAt, all...) != 2 {
			t.Error("usable authorizations")
		}
		a.BusyUntil = now.Add(time.Minute)
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.UpdateAuthorization(ctx, tx, a) })
		wantKind(t, db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return db.UpdateAuthorization(ctx, tx, a) }), core.KindConflict, "old version")
		if got, err := db.BusyAuthorizations(ctx, now, 10); err != nil || len(got) != 0 {
			t.Errorf("busy too early: %v %v", got, err)
		}
		if got, err := db.BusyAuthorizations(ctx, a.BusyUntil, 10); err != nil || len(got) != 1 || got[0].ID != a.ID || got[0].Version != 2 {
			t.Errorf("busy: %v %v", got, err)
		}
		revoke := func() error {
			return db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return db.RevokeAuthorization(ctx, tx, a.Account, a.ID, now) })
		}
		wantKind(t, revoke(), "", "revoke")
		wantKind(t, revoke(), core.KindConflict, "revoke twice")
		if got, err := db.BusyAuthorizations(ctx, a.BusyUntil, 10); err != nil || len(got) != 0 || usable(c.account.ID, now, a.Identifier) != 0 {
			t.Errorf("busy or usable after revocation: %v %v", got, err)
		}
	})
}

// TestOnlyOneWins: of two that change an authorization, redeem a nonce or make
// an account with a key at the same time, one wins.
func TestOnlyOneWins(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one")
		a := c.authorization("a.example")
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return w.db.InsertAuthorization(ctx, tx, a) })
		race := func(f func(ctx ctxT) (bool, error)) {
			t.Helper()
			var wins [8]bool
			var g sync.WaitGroup
			for i := range wins {
				g.Go(func() {
					won, err := f(context.Background())
					if err != nil {
						t.Error(err)
					}
					wins[i] = won
				})
			}
			g.Wait()
			n := 0
			for _, won := range wins {
				if won {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d of 8 won", n)
			}
		}
		race(func(ctx ctxT) (bool, error) {
			err := w.db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return w.db.UpdateAuthorization(ctx, tx, a) })
			if core.Is(err, core.KindConflict) {
				return false, nil
			}
			return err == nil, err
		})
		race(func(ctx ctxT) (bool, error) { return w.db.RedeemNonce(ctx, []byte("nonce"), w.Clock.Now()) })
		race(func(ctx ctxT) (won bool, err error) {
			err = w.db.InTx(ctx, func(ctx ctxT, tx core.Tx) (err error) {
				won, err = w.db.InsertACMEAccount(ctx, tx, w.acmeAccount(c.credential, "same"))
				return err
			})
			return won, err
		})
	})
}

func TestForgetACME(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one")
		ctx, db := t.Context(), w.db
		for i, until := range []time.Duration{0, time.Hour} {
			if ok, err := db.RedeemNonce(ctx, []byte{byte(i)}, w.Clock.Now().Add(until)); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		if n, err := db.ForgetNonces(ctx, w.Clock.Now().Add(time.Minute)); err != nil || n != 1 {
			t.Errorf("forgot %d nonces, %v", n, err)
		}
		if ok, err := db.RedeemNonce(ctx, []byte{1}, w.Clock.Now()); err != nil || ok {
			t.Errorf("a nonce was forgotten too early: %v", err)
		}
		expired, e := c.order("a.example")
		c.insert(t, expired, e...)
		done, d := c.order("b.example")
		c.insert(t, done, d...)
		done.State = core.ACMEOrderValid
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.UpdateACMEOrder(ctx, tx, done, core.ACMEOrderPending) })
		shared, s := c.order("c.example")
		shared.Authorizations = append(shared.Authorizations, d[0].ID)
		c.insert(t, shared, s...)
		shared.State = core.ACMEOrderInvalid
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.UpdateACMEOrder(ctx, tx, shared, core.ACMEOrderPending) })
		if n, err := db.ForgetACME(ctx, w.Clock.Now().Add(-time.Hour), 100); err != nil || n != 0 {
			t.Errorf("forgot %d too early, %v", n, err)
		}
		if n, err := db.ForgetACME(ctx, w.Clock.Now().Add(24*time.Hour), 1); err != nil || n != 2 {
			t.Errorf("forgot %d, %v", n, err)
		}
		if n, err := db.ForgetACME(ctx, w.Clock.Now().Add(24*time.Hour), 100); err != nil || n != 2 {
			t.Errorf("forgot %d, %v", n, err)
		}
		c.read(t, done.ID)
		got, err := db.Authorizations(ctx, []core.AuthorizationID{e[0].ID, d[0].ID, s[0].ID})
		if err != nil || len(got) != 1 || got[0].ID != d[0].ID {
			t.Errorf("left %v, %v", got, err)
		}
	})
}
