package storetest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

func TestACMELists(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one")
		ctx, db := t.Context(), w.db
		o, fresh := c.order("a.example", "b.example")
		c.insert(t, o, fresh...)
		q := func(column, op string, values ...string) core.ListQuery {
			return core.ListQuery{Account: o.Account, Filter: core.Filter{{Column: column, Op: core.Operator(op), Values: values}}}
		}
		ids := func(q core.ListQuery, within []core.GroupID) [3]int {
			t.Helper()
			accounts, err := db.ListACMEAccounts(ctx, q, within)
			if err != nil {
				t.Fatal(err)
			}
			orders, err := db.ListACMEOrders(ctx, q, within)
			if err != nil {
				t.Fatal(err)
			}
			auths, err := db.ListAuthorizations(ctx, q, within)
			if err != nil {
				t.Fatal(err)
			}
			return [3]int{len(accounts.Items), len(orders.Items), len(auths.Items)}
		}
		all, none := [3]int{1, 1, 2}, [3]int{}
		if got := ids(q("credential_label", "eq", "one"), nil); got != all {
			t.Errorf("by label %v", got)
		}
		if got := ids(q("credential", "eq", string(c.credential.ID)), []core.GroupID{c.credential.Group}); got != all {
			t.Errorf("in the group %v", got)
		}
		if got := ids(core.ListQuery{Account: o.Account}, []core.GroupID{core.NewID[core.GroupID](w.Clock.Now())}); got != none {
			t.Errorf("in another group %v", got)
		}
		if got := ids(core.ListQuery{Account: "other"}, nil); got != none {
			t.Errorf("in another tenant %v", got)
		}
		if got, err := db.ListACMEOrders(ctx, q("identifiers", "contains", "B.example"), nil); err != nil || len(got.Items) != 1 || !reflect.DeepEqual(&got.Items[0], o) {
			t.Errorf("by name %+v %v", got, err)
		}
		if got, err := db.ListAuthorizations(ctx, q("identifier", "eq", "b.example"), nil); err != nil || len(got.Items) != 1 || !reflect.DeepEqual(&got.Items[0], fresh[1]) {
			t.Errorf("by name %+v %v", got, err)
		}
		w.Clock.Advance(2 * time.Hour)
		if got := ids(q("created_at", "lt", w.Clock.Now().Format(time.RFC3339)), nil); got != all {
			t.Errorf("by time %v", got)
		}
		if got, err := db.ListACMEOrders(ctx, q("state", "eq", "expired"), nil); err != nil || len(got.Items) != 1 {
			t.Errorf("expired orders %+v %v", got, err)
		}
		if got, err := db.ListAuthorizations(ctx, q("state", "eq", "pending"), nil); err != nil || len(got.Items) != 0 {
			t.Errorf("pending authorizations %+v %v", got, err)
		}
		for _, col := range db.ACMEOrderColumns() {
			if !col.Sortable {
				continue
			}
			if _, err := db.ListACMEOrders(ctx, core.ListQuery{Account: o.Account, Limit: 1, Sort: core.Sort{Column: col.Name}}, nil); err != nil {
				t.Errorf("sorted by %s: %v", col.Name, err)
			}
		}
	})
}

func TestRenewalPulls(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		pull := func(issuer core.IssuerID, product core.ProductID) *core.RenewalPull {
			p := &core.RenewalPull{ID: core.NewID[core.PullID](now), Account: w.First.Account.ID, Issuer: issuer, Product: product, Start: now.Add(time.Hour),
				End: now.Add(25 * time.Hour), Explanation: "https://a.example/why", Reason: "mis-issued", CreatedAt: now}
			w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.InsertRenewalPull(ctx, tx, p) })
			return p
		}
		other := w.addProduct(t, w.First.Account.ID, "other")
		a, b := pull(w.product.Issuer, ""), pull("", other.ID)
		n := func(issuer core.IssuerID, product core.ProductID, issued time.Time) int {
			t.Helper()
			got, err := db.RenewalPulls(ctx, w.First.Account.ID, issuer, product, issued)
			if err != nil {
				t.Fatal(err)
			}
			return len(got)
		}
		before := now.Add(-time.Second)
		if n(a.Issuer, w.product.ID, before) != 1 || n(other.Issuer, other.ID, before) != 1 || n(a.Issuer, other.ID, before) != 2 ||
			n(other.Issuer, w.product.ID, before) != 0 || n(a.Issuer, other.ID, now) != 0 {
			t.Error("which pulls concern a certificate")
		}
		if got, err := db.RenewalPull(ctx, a.Account, a.ID); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("read back %+v %v", got, err)
		}
		_, err := db.RenewalPull(ctx, "other", a.ID)
		wantKind(t, err, core.KindNotFound, "pull of another tenant")
		cancel := func() error {
			return db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return db.CancelRenewalPull(ctx, tx, a.Account, a.ID, now) })
		}
		wantKind(t, cancel(), "", "cancel")
		wantKind(t, cancel(), core.KindConflict, "cancel twice")
		if n(a.Issuer, other.ID, before) != 1 {
			t.Error("a cancelled pull is in force")
		}
		for state, want := range map[string]core.PullID{"cancelled": a.ID, "coming": b.ID} {
			got, err := db.ListRenewalPulls(ctx, core.ListQuery{Account: a.Account, Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{state}}}})
			if err != nil || len(got.Items) != 1 || got.Items[0].ID != want {
				t.Errorf("%s: %+v %v", state, got, err)
			}
		}
	})
}

func TestOptionsAndAlternates(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		c := w.client(t, "one").credential
		if c.Options.ACME != nil {
			t.Errorf("options of a credential without: %+v", c.Options)
		}
		c.Options.ACME = &core.ACMEOptions{Methods: []string{core.MethodDNS01}, MaxAccounts: 3}
		c.Version++
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return w.db.UpdateCredential(ctx, tx, c, c.Version-1) })
		for _, read := range []func() (*core.Credential, error){
			func() (*core.Credential, error) {
				got, _, err := w.db.CredentialByLabel(t.Context(), core.CredentialACME, "one")
				return got, err
			},
			func() (*core.Credential, error) { return w.db.Credential(t.Context(), nil, c.Account, c.ID) },
		} {
			if got, err := read(); err != nil || !reflect.DeepEqual(got.Options, c.Options) {
				t.Errorf("options %+v, %v", got, err)
			}
		}
		list, err := w.db.Credentials(t.Context(), core.ListQuery{Account: c.Account}, nil)
		if err != nil || len(list.Items) != 1 || !reflect.DeepEqual(list.Items[0].Options, c.Options) {
			t.Errorf("listed %+v, %v", list, err)
		}

		i, err := w.db.Issuer(t.Context(), c.Account, w.product.Issuer)
		if err != nil || i.Alternates != nil {
			t.Fatalf("issuer %+v, %v", i, err)
		}
		i.Alternates = [][][]byte{{{1}, {2}}, {{3}}}
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return (store.CA{DB: w.db}).PutIssuer(ctx, tx, i) })
		if got, err := w.db.Issuer(t.Context(), c.Account, i.ID); err != nil || !reflect.DeepEqual(got.Alternates, i.Alternates) {
			t.Errorf("alternates %+v, %v", got, err)
		}
	})
}

func TestCertificateByIssued(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		now, account, other := w.Clock.Now(), w.First.Account.ID, w.addProduct(t, w.First.Account.ID, "other")
		ids := map[core.IssuerID]core.CertificateID{}
		for _, issuer := range []core.IssuerID{w.product.Issuer, other.Issuer} {
			x := &x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}, SerialNumber: big.NewInt(0xabc), NotBefore: now, NotAfter: now.Add(time.Hour)}
			der, err := x509.CreateCertificate(rand.Reader, x, &x509.Certificate{SubjectKeyId: []byte(issuer)}, &key.PublicKey, key)
			if err != nil {
				t.Fatal(err)
			}
			c := &core.Certificate{ID: core.NewID[core.CertificateID](now), Account: account, Number: int64(len(ids)), Issuer: issuer, Product: w.product.ID, User: "u",
				Protocol: "acme", Serial: "abc", SPKIHash: []byte{1}, NotBefore: now, NotAfter: now.Add(time.Hour), CreatedAt: now}
			w.tx(t, func(ctx context.Context, tx core.Tx) error {
				if err := w.db.ReserveCertificate(ctx, tx, c); err != nil {
					return err
				}
				c.State, c.DER, c.Fingerprint = core.CertActive, der, []byte(issuer)
				return w.db.FinishCertificate(ctx, tx, c)
			})
			ids[issuer] = c.ID
		}
		for issuer, id := range ids {
			if got, err := w.db.CertificateByIssued(t.Context(), account, []byte(issuer), "abc"); err != nil || got.ID != id || len(got.DER) == 0 {
				t.Errorf("found %+v, %v", got, err)
			}
		}
		for name, f := range map[string]func() (*core.Certificate, error){
			"another serial": func() (*core.Certificate, error) {
				return w.db.CertificateByIssued(t.Context(), account, []byte(other.Issuer), "abd")
			},
			"another key": func() (*core.Certificate, error) {
				return w.db.CertificateByIssued(t.Context(), account, []byte("x"), "abc")
			},
			"no key": func() (*core.Certificate, error) { return w.db.CertificateByIssued(t.Context(), account, nil, "abc") },
			"another tenant": func() (*core.Certificate, error) {
				return w.db.CertificateByIssued(t.Context(), "other", []byte(other.Issuer), "abc")
			},
		} {
			_, err := f()
			wantKind(t, err, core.KindNotFound, name)
		}
	})
}
