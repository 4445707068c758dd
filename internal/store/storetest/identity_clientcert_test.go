package storetest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate under parent (nil: self-signed).
func issue(t *testing.T, parent *pair, edit func(c *x509.Certificate)) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: now, NotAfter: now.Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	edit(tpl)
	signer, issuer := key, tpl
	if parent != nil {
		signer, issuer = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, issuer, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{c, key}
}

func issueCA(t *testing.T, parent *pair, name string) *pair {
	return issue(t, parent, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = name, true, x509.KeyUsageCertSign
		c.NotAfter = c.NotAfter.Add(8760 * time.Hour)
	})
}

func toPEM(pairs ...*pair) (out []byte) {
	for _, p := range pairs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})...)
	}
	return out
}

// TestClientCertificate: chain, purpose, validity, the very certificate, and
// certificates of ours that are revoked.
func TestClientCertificate(t *testing.T) {
	root, stranger := issueCA(t, nil, "root"), issueCA(t, nil, "stranger")
	middle := issueCA(t, root, "middle")
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	pinned := issue(t, stranger, func(*x509.Certificate) {})
	good := issue(t, root, client)
	below := issue(t, middle, client)
	worlds(t, func(t *testing.T, w *world) {
		n := w.draft("mtls")
		n.Auth, n.Trust = core.AuthClientCert, toPEM(root, pinned)
		_, c := w.make(t, n)
		for _, tc := range []struct {
			name string
			p    identity.Proof
			ok   bool
		}{
			{"client certificate", identity.Proof{Cert: good.cert}, true},
			{"any purpose", identity.Proof{Cert: issue(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }).cert}, true},
			{"no purpose named", identity.Proof{Cert: issue(t, root, func(*x509.Certificate) {}).cert}, true},
			{"server certificate", identity.Proof{Cert: issue(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).cert}, false},
			{"the very certificate", identity.Proof{Cert: pinned.cert}, true},
			{"another of that CA", identity.Proof{Cert: issue(t, stranger, client).cert}, false},
			{"expired", identity.Proof{Cert: issue(t, root, func(c *x509.Certificate) { client(c); c.NotAfter = c.NotBefore.Add(time.Hour) }).cert}, false},
			{"not valid yet", identity.Proof{Cert: issue(t, root, func(c *x509.Certificate) { client(c); c.NotBefore = c.NotAfter.Add(-time.Hour) }).cert}, false},
			{"through an intermediate", identity.Proof{Cert: below.cert, Intermediates: []*x509.Certificate{middle.cert}}, true},
			{"intermediate missing", identity.Proof{Cert: below.cert}, false},
			{"no certificate", identity.Proof{}, false},
			{"a secret instead", identity.Proof{PublicID: c.PublicID, Secret: "x"}, false},
		} {
			_, err := w.Authenticate(t.Context(), c, tc.p)
			if tc.ok && err != nil || !tc.ok && !core.Is(err, core.KindUnauthenticated) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		w.record(t, c, good.cert, core.CertRevoked)
		_, err := w.Authenticate(t.Context(), c, identity.Proof{Cert: good.cert})
		wantKind(t, err, core.KindUnauthenticated, "one of ours that is revoked")

		other := toPEM(stranger)
		c, err = w.UpdateCredential(t.Context(), w.Admin, c.ID, identity.CredentialChange{Version: 1, Trust: &other})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(t.Context(), c, identity.Proof{Cert: below.cert, Intermediates: []*x509.Certificate{middle.cert}})
		wantKind(t, err, core.KindUnauthenticated, "trust withdrawn")
	})
}

// record puts a certificate into the store as issued through c.
func (w *world) record(t *testing.T, c *core.Credential, x *x509.Certificate, state core.CertificateState) *core.Certificate {
	t.Helper()
	sum := sha256.Sum256(x.Raw)
	cert := &core.Certificate{
		ID: core.NewID[core.CertificateID](w.Clock.Now()), Account: c.Account, Issuer: w.product.Issuer, Product: w.product.ID, Credential: c.ID,
		User: c.User, Group: c.Group, Protocol: "est", State: core.CertReserved, Serial: hex.EncodeToString(x.SerialNumber.Bytes()), SPKIHash: sum[:],
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, CreatedAt: w.Clock.Now(),
	}
	w.tx(t, func(ctx context.Context, tx core.Tx) error {
		if err := w.db.ReserveCertificate(ctx, tx, cert); err != nil {
			return err
		}
		done := *cert
		done.State, done.Fingerprint, done.DER = core.CertActive, sum[:], x.Raw
		if err := w.db.FinishCertificate(ctx, tx, &done); err != nil || state == core.CertActive {
			return err
		}
		done.State, done.RevokedAt = state, w.Clock.Now()
		return w.db.SetCertificateState(ctx, tx, &done, core.CertActive)
	})
	return cert
}

// TestByCertificate: re-enrolment with a certificate that this credential got.
func TestByCertificate(t *testing.T) {
	ca := issueCA(t, nil, "ca")
	leaf := func(edit func(c *x509.Certificate)) *x509.Certificate { return issue(t, ca, edit).cert }
	plain := func(*x509.Certificate) {}
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		start := w.Clock.Now()
		defer func() { w.Clock.Advance(start.Sub(w.Clock.Now())) }()
		_, c := w.make(t, w.draft("renew"))
		_, other := w.make(t, w.draft("other"))
		good := leaf(plain)
		want := w.record(t, c, good, core.CertActive)
		who, cert, err := w.ByCertificate(ctx, c, identity.Proof{Cert: good})
		if err != nil || cert.ID != want.ID || who.Credential.ID != c.ID {
			t.Fatalf("%+v, %+v, %v", who, cert, err)
		}
		refuse := func(what string, c *core.Credential, x *x509.Certificate) {
			t.Helper()
			_, _, err := w.ByCertificate(ctx, c, identity.Proof{Cert: x})
			wantKind(t, err, core.KindUnauthenticated, what)
		}
		refuse("none", c, nil)
		refuse("unknown", c, leaf(plain))
		refuse("another credential", other, good)
		revoked, held, early := leaf(plain), leaf(plain), leaf(func(c *x509.Certificate) { c.NotBefore = c.NotAfter.Add(-time.Hour) })
		w.record(t, c, revoked, core.CertRevoked)
		w.record(t, c, held, core.CertOnHold)
		w.record(t, c, early, core.CertActive)
		refuse("revoked", c, revoked)
		refuse("on hold", c, held)
		refuse("not valid yet", c, early)

		w.Clock.Advance(good.NotAfter.Add(72 * time.Hour).Sub(start)) // the product's grace is three days
		if _, _, err := w.ByCertificate(ctx, c, identity.Proof{Cert: good}); err != nil {
			t.Errorf("within the grace: %v", err)
		}
		w.Clock.Advance(time.Second)
		refuse("after the grace", c, good)
		w.Clock.Advance(start.Sub(w.Clock.Now()))
		if _, err := w.RevokeCredential(ctx, w.Admin, c.ID, ""); err != nil {
			t.Fatal(err)
		}
		if c, err = w.Credential(ctx, core.CredentialEST, "renew"); err != nil {
			t.Fatal(err)
		}
		refuse("revoked credential", c, good)
	})
}
