// Package certmagic_test drives the clients of Caddy's makers, certmagic and
// the acmez below it, as libraries against the shipped binary.
package certmagic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

func TestCertMagic(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	ca := harness.StartCA(t, harness.Options{})
	t.Run("http-01", func(t *testing.T) { magic(t, ca, false) })
	t.Run("tls-alpn-01", func(t *testing.T) { magic(t, ca, true) })
	t.Run("acmez wildcard and replacement", func(t *testing.T) { replacement(t, ca) })
	t.Run("acmez address", func(t *testing.T) { addressOf(t, ca) })
	t.Run("acmez account", func(t *testing.T) { account(t, ca) })
	t.Run("wrong binding", func(t *testing.T) { wrongBinding(t, ca) })
}

// configure makes a certmagic of its own.
func configure(t *testing.T, ca *harness.CA, c *harness.Credential, key string, alpn bool) *certmagic.Config {
	t.Helper()
	var m *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{Logger: zap.NewNop(), GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m, nil }})
	t.Cleanup(cache.Stop)
	m = certmagic.New(cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: t.TempDir()}, Logger: zap.NewNop()})
	m.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(m, certmagic.ACMEIssuer{CA: ca.Directory(c), TestCA: ca.Directory(c), Email: "ops@example.com", Agreed: true,
		ExternalAccount: &acme.EAB{KeyID: c.PublicID, MACKey: key}, TrustedRoots: ca.Roots, ListenHost: "127.0.0.1",
		AltHTTPPort: ca.HTTPPort, AltTLSALPNPort: ca.TLSPort, DisableHTTPChallenge: alpn, DisableTLSALPNChallenge: !alpn, Logger: zap.NewNop()})}
	return m
}

// managed reads the certificate that certmagic holds for a name.
func managed(t *testing.T, m *certmagic.Config, name string) []*x509.Certificate {
	t.Helper()
	held, err := m.CacheManagedCertificate(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range held.Certificate.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	return chain
}

func magic(t *testing.T, ca *harness.CA, alpn bool) {
	c, name := ca.Credential(t), fmt.Sprintf("magic-%t.example.test", alpn)
	m := configure(t, ca, c, c.Secret, alpn)
	if err := m.ObtainCertSync(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	first := managed(t, m, name)
	ca.Issued(t, first, c, name)
	if err := m.RenewCertSync(t.Context(), name, true); err != nil {
		t.Fatal(err)
	}
	second := managed(t, m, name)
	ca.Issued(t, second, c, name)
	if second[0].Equal(first[0]) {
		t.Fatal("the renewal gave the old certificate")
	}
	if err := m.RevokeCert(t.Context(), name, acme.ReasonSuperseded, false); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, second[0], "superseded")
}

// records puts the records of dns-01 into the test's name server.
type records struct{ *harness.DNS }

func (r records) Present(_ context.Context, ch acme.Challenge) error {
	r.Add(ch.DNS01TXTRecordName(), "TXT", ch.DNS01KeyAuthorization())
	return nil
}

func (r records) CleanUp(_ context.Context, ch acme.Challenge) error {
	r.Remove(ch.DNS01TXTRecordName(), "TXT", ch.DNS01KeyAuthorization())
	return nil
}

// tokens serves the answers of http-01.
type tokens struct{ dir string }

func (f tokens) Present(_ context.Context, ch acme.Challenge) error {
	return os.WriteFile(filepath.Join(f.dir, ch.Token), []byte(ch.KeyAuthorization), 0o600)
}

func (tokens) CleanUp(context.Context, acme.Challenge) error { return nil }

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// register makes a client of acmez with an account.
func register(t *testing.T, ca *harness.CA, c *harness.Credential, key string, solvers map[string]acmez.Solver) (*acmez.Client, acme.Account, error) {
	t.Helper()
	cl := &acmez.Client{Client: &acme.Client{Directory: ca.Directory(c), HTTPClient: ca.Client()}, ChallengeSolvers: solvers}
	a := acme.Account{Contact: []string{"mailto:ops@example.com"}, TermsOfServiceAgreed: true, PrivateKey: newKey(t)}
	if key != "" {
		if err := a.SetExternalAccountBinding(t.Context(), cl.Client, acme.EAB{KeyID: c.PublicID, MACKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	a, err := cl.NewAccount(t.Context(), a)
	return cl, a, err
}

func replacement(t *testing.T, ca *harness.CA) {
	ctx, c := t.Context(), ca.Credential(t)
	cl, a, err := register(t, ca, c, c.Secret, map[string]acmez.Solver{acme.ChallengeTypeDNS01: records{ca.DNS}})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"az.example.internal", "*.az.example.internal"}
	key := newKey(t)
	got, err := cl.ObtainCertificateForSANs(ctx, a, key, names)
	if err != nil {
		t.Fatal(err)
	}
	first := harness.ParseChain(t, got[0].ChainPEM)
	ca.Issued(t, first, c, names...)
	info, err := cl.GetRenewalInfo(ctx, first[0])
	if err != nil || !info.HasWindow() || info.RetryAfter == nil {
		t.Fatalf("%+v %v", info, err)
	}
	csr, err := acmez.NewCSR(key, names)
	if err != nil {
		t.Fatal(err)
	}
	p, err := acmez.OrderParametersFromCSR(a, csr)
	if err != nil {
		t.Fatal(err)
	}
	p.Replaces = first[0]
	if got, err = cl.ObtainCertificate(ctx, p); err != nil {
		t.Fatal(err)
	}
	second := harness.ParseChain(t, got[0].ChainPEM)
	if row := ca.Issued(t, second, c, names...); row.Replaces != ca.Admin.FindCertificate(t, first[0]).ID {
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	// By the certificate's key.
	if err := cl.RevokeCertificate(ctx, acme.Account{}, second[0], key, acme.ReasonKeyCompromise); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, second[0], "keyCompromise")
}

func addressOf(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl, a, err := register(t, ca, c, c.Secret, map[string]acmez.Solver{acme.ChallengeTypeHTTP01: tokens{ca.WebRoot(t)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := cl.ObtainCertificateForSANs(t.Context(), a, newKey(t), []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	ca.Issued(t, harness.ParseChain(t, got[0].ChainPEM), c, "127.0.0.1")
}

func account(t *testing.T, ca *harness.CA) {
	ctx, c := t.Context(), ca.Credential(t)
	cl, a, err := register(t, ca, c, c.Secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.Contact = []string{"mailto:other@example.com"}
	if a, err = cl.UpdateAccount(ctx, a); err != nil {
		t.Fatal(err)
	}
	if a, err = cl.AccountKeyRollover(ctx, a, newKey(t)); err != nil {
		t.Fatal(err)
	}
	if now, err := cl.GetAccount(ctx, a); err != nil || now.Status != acme.StatusValid || len(now.Contact) != 1 || now.Contact[0] != "mailto:other@example.com" {
		t.Errorf("%+v %v", now, err)
	}
	actions := strings.Join(ca.Admin.Audited(t, c.ID), " ")
	if !strings.Contains(actions, "acme.account.update") || !strings.Contains(actions, "acme.account.key-change") {
		t.Errorf("audited: %s", actions)
	}
}

func wrongBinding(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	for key, want := range map[string]string{harness.WrongKey: acme.ProblemTypeUnauthorized, "": acme.ProblemTypeExternalAccountRequired} {
		_, _, err := register(t, ca, c, key, nil)
		var p acme.Problem
		if !errors.As(err, &p) || p.Type != want || p.Status != 403 {
			t.Errorf("%q: %v, want %s", key, err, want)
		}
	}
	m := configure(t, ca, c, harness.WrongKey, true)
	if err := m.ObtainCertSync(t.Context(), "wrong.example.test"); err == nil || !strings.Contains(err.Error(), "wrong key id or HMAC key") {
		t.Errorf("certmagic: %v", err)
	}
	if n := len(ca.Admin.Refusals(t, core.CredentialID(c.ID))); n == 0 {
		t.Error("refusals are not audited")
	}
}
