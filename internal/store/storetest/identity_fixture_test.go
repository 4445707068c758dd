package storetest_test

import (
	"context"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// ctxT keeps closures short.
type ctxT = context.Context

// world is an identity service over a real database, with one product.
type world struct {
	*identitytest.World
	db      *store.DB
	product *core.Product
	sites   int // domains made
}

// worlds runs f once per engine.
func worlds(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		w := &world{World: identitytest.New(t, db, clock), db: db}
		w.product = w.addProduct(t, w.First.Account.ID, "tls")
		f(t, w)
	})
}

// addProduct makes a product with an issuer of its own.
func (w *world) addProduct(t testing.TB, account core.AccountID, code string) *core.Product {
	t.Helper()
	now := w.Clock.Now()
	i := &core.Issuer{ID: core.NewID[core.IssuerID](now), Account: account, Name: code, Connector: "builtin", State: core.IssuerActive, CreatedAt: now, UpdatedAt: now}
	i.Slug = string(i.ID)
	p := &core.Product{ID: core.NewID[core.ProductID](now), Account: account, Code: code, Name: code, Issuer: i.ID, State: core.ProductActive,
		Profile: core.Profile{RenewGraceDays: 3}, Version: 1, CreatedAt: now, UpdatedAt: now}
	w.tx(t, func(ctx context.Context, tx core.Tx) error {
		if err := (store.CA{DB: w.db}).PutIssuer(ctx, tx, i); err != nil {
			return err
		}
		return w.db.InsertProduct(ctx, tx, p, nil)
	})
	return p
}

func (w *world) tx(t testing.TB, f func(ctx context.Context, tx core.Tx) error) {
	t.Helper()
	if err := w.db.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// draft is an EST credential for the first user.
func (w *world) draft(label string) identity.NewCredential {
	return identity.NewCredential{
		Type: core.CredentialEST, Label: label, User: w.First.User.ID, Group: w.First.Group.ID, Products: []core.ProductID{w.product.ID},
	}
}

// make makes a credential and reads it back as a protocol would.
func (w *world) make(t testing.TB, n identity.NewCredential) (*identity.Created, *core.Credential) {
	t.Helper()
	got, err := w.CreateCredential(t.Context(), w.Admin, n)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.Credential(t.Context(), n.Type, got.Credential.Label)
	if err != nil {
		t.Fatal(err)
	}
	return got, c
}

// wantKind fails unless err has the kind ("" for no error).
func wantKind(t *testing.T, err error, kind core.Kind, what string) {
	t.Helper()
	if got := core.KindOf(err); got != kind {
		t.Fatalf("%s: got kind %q (%v), want %q", what, got, err, kind)
	}
}

// wantField fails unless err has the kind and names the field.
func wantField(t *testing.T, err error, kind core.Kind, field, what string) {
	t.Helper()
	wantKind(t, err, kind, what)
	if got := core.AsError(err).Field; got != field {
		t.Fatalf("%s: error names field %q, want %q (%v)", what, got, field, err)
	}
}
