// Package enrolltest builds a working issuing service over a real store, a
// real built-in CA and the shipped products, for tests and benchmarks.
package enrolltest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/connector/builtin"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/product"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/validation"
)

// World is the service and what it stands on.
type World struct {
	DB       *store.DB
	CA       *ca.CA
	Audit    *audit.Log
	Products *product.Service
	Enroll   *enroll.Service
	Domains  *domain.Service
	Account  core.AccountID
	User     core.UserID // who requests
	Approver core.UserID
	Group    core.GroupID

	mu      sync.Mutex
	now     time.Time
	Revoked []core.IssuerID // asked for a new CRL
	OnPoint func(string)
}

// Now returns the world's time.
func (w *World) Now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

// Advance moves it.
func (w *World) Advance(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

type followup struct{ w *World }

func (f followup) Revoked(_ context.Context, tx core.Tx, _ core.AccountID, id core.IssuerID) error {
	tx.OnCommit(func() { f.w.mu.Lock(); defer f.w.mu.Unlock(); f.w.Revoked = append(f.w.Revoked, id) })
	return nil
}

// New builds a world on an empty database.
func New(t testing.TB, db *store.DB) *World { t.Helper(); return build(t, db, "") }

// Quick is New without the issuing CA that has an RSA key: making that takes
// most of the time.
func Quick(t testing.TB, db *store.DB) *World { t.Helper(); return build(t, db, "-") }

func build(t testing.TB, db *store.DB, rsaName string) *World {
	t.Helper()
	ctx := t.Context()
	w := &World{DB: db, now: time.Now().UTC().Truncate(time.Second)}
	key, err := audit.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	box := secrettest.New(t)
	w.Audit = audit.New(audit.Deps{Storage: db, Signer: key, Now: w.Now})
	w.CA = ca.New(ca.Deps{Storage: store.CA{DB: db}, Sealer: box, StatusURL: func() string { return "http://pki.example.internal" }, Now: w.Now})
	w.Products = product.New(product.Deps{Storage: db, Audit: w.Audit, Now: w.Now, CheckLint: ca.CheckLint})
	w.people(t)
	by := &core.Principal{Account: w.Account, System: "test"}
	h, err := w.CA.Bootstrap(ctx, by, w.Account, ca.Config{Organisation: "Test", RSAName: rsaName})
	if err != nil {
		t.Fatal(err)
	}
	rsa := core.IssuerID("")
	if h.RSA != nil {
		rsa = h.RSA.ID
	}
	for _, p := range policy.Shipped(h.Issuing.ID, rsa) {
		if _, err := w.Products.Create(ctx, by, p); err != nil {
			t.Fatal(err)
		}
	}
	w.Domains, err = domain.NewService(domain.Deps{Storage: db, Checker: blind{}, Audit: w.Audit, BaseURL: func() string { return "https://ca.example.internal" }, Now: w.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.Enroll = enroll.New(enroll.Deps{Storage: db, Audit: w.Audit, Sealer: box, Followup: followup{w}, Domains: w.Domains,
		Connectors: []connector.Connector{builtin.New(builtin.Deps{CA: w.CA})}, Now: w.Now, Point: func(name, _ string) {
			if w.OnPoint != nil {
				w.OnPoint(name)
			}
		}})
	return w
}

// blind is a checker that believes everything.
type blind struct{}

func (blind) Check(context.Context, validation.Check) validation.Result {
	return validation.Result{Perspectives: 1, Agreed: 1, Quorum: 1}
}

func (blind) CAA(context.Context, string, bool, []string, string, string) (*core.Failure, []core.Record) {
	return nil, nil
}

func (blind) Contacts(context.Context, string) ([]string, *core.Failure, []core.Record) {
	return nil, nil, nil
}

// Prove makes a domain of the group, proven now.
func (w *World) Prove(t testing.TB, name, method string) *core.Domain {
	t.Helper()
	by := &core.Principal{Account: w.Account, System: "test"}
	d, err := w.Domains.Register(t.Context(), by, domain.New{Name: name, Owner: domain.Owner{Group: w.Group}, Method: method})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Domains.Verify(t.Context(), by, d.ID, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return o.Domain
}

// people makes an account with a group and two users.
func (w *World) people(t testing.TB) {
	t.Helper()
	now := w.Now()
	a := &core.Account{ID: core.NewID[core.AccountID](now), Number: 1, Name: "Test", CreatedAt: now}
	g := &core.Group{ID: core.NewID[core.GroupID](now), Account: a.ID, Number: 1, Name: "Group", CreatedAt: now, UpdatedAt: now}
	w.Account, w.Group = a.ID, g.ID
	err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		if err := w.DB.InsertAccount(ctx, tx, a); err != nil {
			return err
		}
		if err := w.DB.InsertGroup(ctx, tx, g); err != nil {
			return err
		}
		for i, id := range []*core.UserID{&w.User, &w.Approver} {
			*id = core.NewID[core.UserID](now)
			u := &core.User{ID: *id, Account: a.ID, Number: int64(i + 1), Login: []string{"requester", "approver"}[i], State: core.UserActive, CreatedAt: now, UpdatedAt: now}
			if err := w.DB.InsertUser(ctx, tx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Product returns a product by code.
func (w *World) Product(t testing.TB, code string) *core.Product {
	t.Helper()
	p, err := w.DB.ProductByCode(t.Context(), w.Account, code)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Change edits a product's profile.
func (w *World) Change(t testing.TB, code string, f func(*core.Profile)) *core.Product {
	t.Helper()
	p := w.Product(t, code)
	f(&p.Profile)
	p, err := w.Products.Update(t.Context(), &core.Principal{Account: w.Account, System: "test"}, *p)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Principal is a client with a credential for the products, the first being
// the default.
func (w *World) Principal(t testing.TB, codes ...string) *core.Principal {
	t.Helper()
	c := &core.Credential{ID: core.NewID[core.CredentialID](w.Now()), Account: w.Account, Type: core.CredentialEST, State: core.CredentialActive,
		User: w.User, Group: w.Group}
	for _, code := range codes {
		c.Products = append(c.Products, w.Product(t, code).ID)
	}
	c.Product = c.Products[0]
	return &core.Principal{Account: w.Account, User: w.User, Login: "requester", Group: w.Group, Credential: c, Products: c.Products, Product: c.Product,
		Address: netip.MustParseAddr("192.0.2.1")}
}

// Person is a signed-in user.
func (w *World) Person(id core.UserID) *core.Principal {
	return &core.Principal{Account: w.Account, User: id, Login: "person"}
}

// Key makes a P-256 key.
func Key(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// CSR makes a request for DNS names; the first is the common name, too.
func CSR(t testing.TB, key crypto.Signer, names ...string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: names[0]}, DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
